/* The header of an entry of a tar: names, metadata, attributes, ACLs, the map of a sparse file. */
#include "restore/restore_internal.h"

#include "core/base/clock.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#define ACL_ITEM 8 /* u16 tag, u16 permissions, u32 id */

struct making {
	struct restore *run; /* for its lists of problems */
	struct archive_entry *header;
	struct entry_bytes path;
	struct buffer *name;
};

static int acl_tag(unsigned tag)
{
	switch (tag) {
	case 0x01:
		return ARCHIVE_ENTRY_ACL_USER_OBJ;
	case 0x02:
		return ARCHIVE_ENTRY_ACL_USER;
	case 0x04:
		return ARCHIVE_ENTRY_ACL_GROUP_OBJ;
	case 0x08:
		return ARCHIVE_ENTRY_ACL_GROUP;
	case 0x10:
		return ARCHIVE_ENTRY_ACL_MASK;
	case 0x20:
		return ARCHIVE_ENTRY_ACL_OTHER;
	default:
		return 0;
	}
}

/* From the kernel's form. False where it is none. */
static bool add_acl(struct archive_entry *header, int type, struct entry_bytes value)
{
	struct cursor cursor = cursor_of(value.data, value.size);
	uint32_t version = 0, id = 0;
	uint16_t tag = 0, permissions = 0;

	if (!cursor_u32(&cursor, &version) || version != 2 || cursor_left(&cursor) % ACL_ITEM != 0)
		return false;
	while (cursor_left(&cursor)) {
		cursor_u16(&cursor, &tag);
		cursor_u16(&cursor, &permissions);
		cursor_u32(&cursor, &id);
		if (!acl_tag(tag) || permissions > 7)
			return false;
		/* read 4, write 2, execute 1 there as here */
		if (archive_entry_acl_add_entry(header, type, permissions, acl_tag(tag),
			tag == 0x02 || tag == 0x08 ? (int)id : -1, NULL) != ARCHIVE_OK)
			return false;
	}
	return true;
}

static bool is_name(struct entry_bytes name, const char *text)
{
	return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

/* libarchive writes other characters as %XX, which GNU tar and bsdtar take for the name. */
static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (*name < 33 || *name > 126 || *name == '%' || *name == '=')
			return false;
	return true;
}

static void add_attributes(struct making *making, const void *bytes, size_t size)
{
	struct cursor cursor = cursor_of(bytes, size);
	struct entry_bytes name, value;

	while (entry_xattr_next(&cursor, &name, &value)) {
		char text[256];
		bool good = true;

		if (name.size >= sizeof(text))
			continue; /* entry_decode refuses it */
		memcpy(text, name.data, name.size);
		text[name.size] = 0;
		if (is_name(name, "system.posix_acl_access"))
			good = add_acl(making->header, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, value);
		else if (is_name(name, "system.posix_acl_default"))
			good = add_acl(making->header, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, value);
		else
			archive_entry_xattr_add_entry(making->header, text, value.data, value.size);
		if (!is_plain(text)) {
			errno = EINVAL;
			restore_metadata_problem(making->run, FEATURE_XATTR, making->path, text);
		}
		if (!good) {
			errno = EINVAL;
			restore_metadata_problem(making->run, FEATURE_ACL, making->path, "access control list");
		}
	}
}

static void add_all_attributes(struct making *making, const struct entry *entry)
{
	struct chunk_view view;
	enum err err;

	if (!entry->xattrs_chunk_size) {
		add_attributes(making, entry->xattrs.data, entry->xattrs.size);
		return;
	}
	err = chunk_reader_get(making->run->view->reader, CHUNK_XATTR, entry->xattrs_chunk, &view);
	if (err != ERR_OK) {
		restore_problem(making->run, making->path, err);
		return;
	}
	add_attributes(making, view.bytes, view.length);
	chunk_release(making->run->view->reader, &view);
}

static mode_t kind_of(uint8_t type)
{
	static const mode_t kinds[] = {[ENTRY_FILE] = AE_IFREG,
	    [ENTRY_FOLDER] = AE_IFDIR,
	    [ENTRY_SYMLINK] = AE_IFLNK,
	    [ENTRY_CHARACTER] = AE_IFCHR,
	    [ENTRY_BLOCK] = AE_IFBLK,
	    [ENTRY_FIFO] = AE_IFIFO,
	    [ENTRY_SOCKET] = AE_IFSOCK};

	return kinds[type];
}

/* A fraction of a second before 1970 is written by libarchive, and read by bsdtar, as if it were to be added: GNU tar takes it off. */
static void set_time(const struct making *making, int64_t time)
{
	int64_t seconds = time / CLOCK_SECOND - (time % CLOCK_SECOND < 0);

	archive_entry_set_mtime(making->header, seconds, (long)(time - seconds * CLOCK_SECOND));
	if (time < 0 && time % CLOCK_SECOND != 0) {
		errno = EOVERFLOW;
		restore_metadata_problem(making->run, FEATURE_TIME, making->path, "modification time");
	}
}

/* NUL-terminated in making->name, behind what is there. */
static const char *terminated(struct making *making, struct entry_bytes bytes)
{
	size_t start = making->name->length;

	if (buffer_append(making->name, bytes.data, bytes.size) != ERR_OK ||
	    buffer_append_u8(making->name, 0) != ERR_OK)
		return NULL;
	return (const char *)making->name->data + start;
}

static enum err fill_names(struct making *making, const struct entry *entry)
{
	static const struct entry_bytes here = {.data = (const uint8_t *)".", .size = 1};
	const char *text;

	buffer_clear(making->name);
	text = terminated(making, making->path.size ? making->path : here);
	if (!text)
		return ERR_NOMEM;
	archive_entry_set_pathname(making->header, text);
	buffer_clear(making->name);
	if (entry->type == ENTRY_SYMLINK) {
		text = terminated(making, entry->target);
		if (!text)
			return ERR_NOMEM;
		archive_entry_set_symlink(making->header, text);
		buffer_clear(making->name);
	}
	if (entry->user.size && (text = terminated(making, entry->user)) != NULL)
		archive_entry_set_uname(making->header, text);
	buffer_clear(making->name);
	if (entry->group.size && (text = terminated(making, entry->group)) != NULL)
		archive_entry_set_gname(making->header, text);
	return ERR_OK;
}

enum err restore_tar_header(struct restore *run, struct archive_entry *header, const struct entry *entry,
    struct entry_bytes path, struct buffer *name)
{
	struct making making = {.run = run, .header = header, .path = path, .name = name};
	struct entry_segments segments;
	uint64_t offset, size;
	enum err err;

	archive_entry_clear(header);
	err = fill_names(&making, entry);
	if (err != ERR_OK)
		return err;
	archive_entry_set_mode(header, kind_of(entry->type) | entry->mode);
	archive_entry_set_uid(header, entry->uid);
	archive_entry_set_gid(header, entry->gid);
	set_time(&making, entry->mtime);
	if (entry->type == ENTRY_FILE)
		archive_entry_set_size(header, (int64_t)entry->size);
	if (entry->type == ENTRY_CHARACTER || entry->type == ENTRY_BLOCK) {
		archive_entry_set_rdevmajor(header, (dev_t)(entry->rdev >> 32));
		archive_entry_set_rdevminor(header, (dev_t)(uint32_t)entry->rdev);
	}
	add_all_attributes(&making, entry);
	if (entry->flags)
		archive_entry_set_fflags(header, entry->flags, 0);
	if (!entry->sparse)
		return ERR_OK;
	entry_segments_open(&segments, entry);
	while (entry_segments_next(&segments, &offset, &size))
		archive_entry_sparse_add_entry(header, (int64_t)offset, (int64_t)size);
	if (restore_content_size(entry) == 0) /* nothing but a hole */
		archive_entry_sparse_add_entry(header, (int64_t)entry->size, 0);
	return ERR_OK;
}
