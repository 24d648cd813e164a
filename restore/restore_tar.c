/* The selection as a pax tar stream: whatever a destination's file system cannot hold, a tar can. */
#include "restore/restore_internal.h"

#include "core/base/clock.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <xxhash.h>

/* The first name of a link group. */
struct tar_link {
	struct tar_link *next;
	uint64_t device, inode;
	uint64_t digest[2];
	bool damaged; /* its content was not all there */
	char path[];  /* NUL-terminated */
};
#define TAR_BUCKETS (1u << 16)

struct tar {
	struct restore run; /* for its lists of problems; no folder and no pool */
	int fd;		    /* -1: nothing more is written */
	struct archive *archive;
	struct archive_entry *header;
	struct tar_link **links; /* TAR_BUCKETS */
	struct entry_bytes path; /* of the present entry */
	uint64_t position;	 /* in the present file, holes included */
	struct restore_output map;
	struct buffer name; /* of restore_tar_header */
	bool damaged;	    /* the content of the present file was not all there */
	bool broken;	    /* the stream could not be written */
};

static enum err fail_archive(struct tar *tar, const char *what)
{
	tar->broken = true;
	errno = archive_errno(tar->archive);
	if (errno == ENOSPC || errno == EDQUOT)
		return fail_errno(PL_RESTORE_TAR, "%s", what);
	return fail(PL_RESTORE_TAR, "%s: %s", what, archive_error_string(tar->archive));
}

/* ---- hard links ---- */

/* The first name of the entry's group. *found: it was there already; else this entry is the first, and remembered. NULL: there is no memory, and
 * it becomes a file of its own. */
static struct tar_link *find_link(struct tar *tar, const struct entry *entry, struct entry_bytes path, bool *found)
{
	uint64_t key[2] = {entry->device, entry->inode}, digest[2];
	struct tar_link **bucket = &tar->links[XXH3_64bits(key, sizeof(key)) % TAR_BUCKETS], *link;

	*found = true;
	restore_link_digest(entry, digest);
	for (link = *bucket; link; link = link->next)
		if (link->device == entry->device && link->inode == entry->inode &&
		    memcmp(link->digest, digest, sizeof(digest)) == 0)
			return link;
	*found = false;
	link = mem_alloc(sizeof(*link) + path.size + 1);
	if (link) {
		*link = (struct tar_link){
		    .next = *bucket, .device = entry->device, .inode = entry->inode, .digest = {digest[0], digest[1]}};
		memcpy(link->path, path.data, path.size);
		link->path[path.size] = 0;
		*bucket = link;
	}
	return link;
}

/* ---- contents ---- */

static enum err write_bytes(struct tar *tar, const uint8_t *bytes, size_t size)
{
	while (size) {
		la_ssize_t written = archive_write_data(tar->archive, bytes, size);

		if (written <= 0)
			return fail_archive(tar, "cannot write the tar stream");
		bytes += written;
		size -= (size_t)written;
		tar->position += (uint64_t)written;
	}
	return ERR_OK;
}

/* Holes are written as zeros here; libarchive leaves them out again by the sparse map of the header. */
static enum err write_zeros(struct tar *tar, uint64_t until)
{
	static const uint8_t zeros[64 << 10];
	enum err err = ERR_OK;

	while (tar->position < until && err == ERR_OK) {
		uint64_t left = until - tar->position;

		err = write_bytes(tar, zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros));
	}
	return err;
}

static enum err write_mapped(struct tar *tar, const uint8_t *bytes, size_t size)
{
	enum err err = ERR_OK;

	while (size && err == ERR_OK) {
		size_t part;

		if (tar->map.left == 0)
			(void)entry_segments_next(&tar->map.segments, &tar->map.offset, &tar->map.left);
		part = size < tar->map.left ? size : (size_t)tar->map.left;
		err = write_zeros(tar, tar->map.offset);
		if (err == ERR_OK)
			err = write_bytes(tar, bytes, part);
		tar->map.offset += part;
		tar->map.left -= part;
		bytes += part;
		size -= part;
	}
	return err;
}

static enum err write_chunk(void *context, const struct entry_chunk *chunk)
{
	struct tar *tar = context;
	struct chunk_view view;
	enum err err;

	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "the restore was interrupted");
	err = restore_content_get(tar->run.view->reader, chunk, &view);
	if (err != ERR_OK)
		return err;
	err = tar->map.sparse ? write_mapped(tar, view.bytes, view.length) : write_bytes(tar, view.bytes, view.length);
	chunk_release(tar->run.view->reader, &view);
	tar->run.bytes += chunk->length;
	return err;
}

static enum err try_chunk(void *context, const struct entry_chunk *chunk)
{
	struct tar *tar = context;
	struct chunk_view view;
	enum err err = restore_content_get(tar->run.view->reader, chunk, &view);

	if (err == ERR_OK)
		chunk_release(tar->run.view->reader, &view);
	return err;
}

/* A file in a tar cannot be taken back: one of a single frame's size is opened before its header is written. */
static enum err try_content(struct tar *tar, const struct entry *entry)
{
	return restore_content_size(entry) <= FRAME_RAW_MAX
	    ? restore_content_each(tar->run.view->reader, entry, try_chunk, tar)
	    : ERR_OK;
}

/* What is damaged, or cannot be read, in the middle of a file: the rest is zeros, so that what follows can be had; the file is named. */
static enum err write_content(struct tar *tar, const struct entry *entry)
{
	enum err err;

	tar->position = 0;
	tar->damaged = false;
	restore_output_open(&tar->map, -1, entry);
	err = restore_content_each(tar->run.view->reader, entry, write_chunk, tar);
	if (err != ERR_OK && !tar->broken && err != ERR_NOMEM && err != ERR_INTERRUPTED) {
		restore_problem(&tar->run, tar->path, err);
		tar->damaged = true;
		err = ERR_OK;
	}
	return err == ERR_OK ? write_zeros(tar, entry->size) : err;
}

static enum err write_header(struct tar *tar)
{
	int result = archive_write_header(tar->archive, tar->header);

	if (result == ARCHIVE_FATAL)
		return fail_archive(tar, "cannot write the tar stream");
	if (result != ARCHIVE_OK) {
		errno = EINVAL;
		restore_metadata_problem(&tar->run, FEATURE_NAME, tar->path, archive_error_string(tar->archive));
	}
	return ERR_OK;
}

static void count(struct tar *tar, const struct entry *entry)
{
	if (entry->type == ENTRY_FILE)
		tar->run.files++;
	else if (entry->type == ENTRY_FOLDER)
		tar->run.folders++;
	else
		tar->run.others++;
}

static enum err write_entry(struct tar *tar, const struct entry *entry, struct entry_bytes path)
{
	struct tar_link *link = NULL;
	bool again = false;
	enum err err;

	tar->path = path;
	if (entry->type == ENTRY_SOCKET) {
		restore_absent(&tar->run, path, "a tar has no sockets; programs make theirs anew");
		return ERR_OK;
	}
	err = entry->type == ENTRY_FILE ? try_content(tar, entry) : ERR_OK;
	if (err != ERR_OK) {
		restore_problem(&tar->run, path, err);
		return ERR_OK;
	}
	err = restore_tar_header(&tar->run, tar->header, entry, path, &tar->name);
	if (err != ERR_OK)
		return err;
	if (entry->links > 1 && entry->type != ENTRY_FOLDER)
		link = find_link(tar, entry, path, &again);
	again = again && link;
	if (again) {
		archive_entry_sparse_clear(tar->header);
		archive_entry_set_size(tar->header, 0);
		archive_entry_set_hardlink(tar->header, link->path);
	}
	err = write_header(tar);
	if (err == ERR_OK && entry->type == ENTRY_FILE && !again && entry->size) {
		err = write_content(tar, entry);
		if (link)
			link->damaged = tar->damaged;
	} else if (err == ERR_OK && again && link->damaged) {
		restore_problem(&tar->run, path,
		    fail(PL_RESTORE_DAMAGED, "it is a name of %s, whose content is damaged", link->path));
	}
	if (err == ERR_OK && archive_write_finish_entry(tar->archive) == ARCHIVE_FATAL)
		err = fail_archive(tar, "cannot write the tar stream");
	if (err == ERR_OK)
		count(tar, entry);
	return err;
}

/* ---- the whole ---- */

static la_ssize_t write_stream(struct archive *archive, void *context, const void *bytes, size_t size)
{
	const struct tar *tar = context;

	if (tar->fd < 0 || file_write_all(tar->fd, bytes, size) == 0)
		return (la_ssize_t)size;
	archive_set_error(archive, errno, "%s", strerror(errno));
	return -1;
}

static enum err open_archive(struct tar *tar)
{
	tar->archive = archive_write_new();
	tar->header = archive_entry_new();
	tar->links = mem_calloc(TAR_BUCKETS, sizeof(struct tar_link *));
	if (!tar->archive || !tar->header || !tar->links)
		return fail(PL_NO_MEMORY, "no memory for the tar stream");
	if (archive_write_set_format_pax(tar->archive) != ARCHIVE_OK ||
	    /* names are bytes, whatever the locale; attributes in the one form that GNU tar, star and bsdtar all read */
	    archive_write_set_options(tar->archive, "hdrcharset=BINARY,xattrheader=SCHILY") < ARCHIVE_WARN ||
	    archive_write_add_filter_none(tar->archive) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(tar->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(tar->archive, tar, NULL, write_stream, NULL) != ARCHIVE_OK)
		return fail_archive(tar, "cannot begin the tar stream");
	return ERR_OK;
}

static void close_archive(struct tar *tar)
{
	archive_entry_free(tar->header);
	/* libarchive ends the archive on its own as if it were whole. */
	if (!tar->run.result->stream_ended)
		tar->fd = -1;
	archive_write_free(tar->archive);
	for (size_t i = 0; tar->links && i < TAR_BUCKETS; i++) {
		struct tar_link *link;

		while ((link = tar->links[i]) != NULL) {
			tar->links[i] = link->next;
			mem_free(link);
		}
	}
	mem_free(tar->links);
	buffer_free(&tar->name);
}

static enum err write_all(struct tar *tar, struct restore_select *select)
{
	const struct entry *entry = NULL;
	struct entry_bytes path = {0};
	enum restore_wanted wanted = RESTORE_UNWANTED;
	enum err err = ERR_OK;

	while (err == ERR_OK) {
		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "the restore was interrupted");
		err = restore_select_next(select, &entry, &path, &wanted);
		if (err != ERR_OK || !entry)
			break;
		if (wanted == RESTORE_WANTED)
			err = write_entry(tar, entry, path);
		restore_show_progress(&tar->run);
	}
	if (err == ERR_OK && archive_write_close(tar->archive) != ARCHIVE_OK)
		err = fail_archive(tar, "cannot end the tar stream");
	tar->run.result->stream_ended = err == ERR_OK;
	return err;
}

enum err restore_tar(struct repository *repository, const struct snapshot *snapshot,
    const struct restore_options *options, int fd, struct restore_result *result)
{
	struct restore_view view = {0};
	struct tar tar = {
	    .fd = fd, .run = {.options = options, .result = result, .view = &view, .begun = clock_monotonic()}};
	struct restore_select *select = NULL;
	enum err err;

	*result = (struct restore_result){.started = clock_now()};
	restore_setup_locks(&tar.run);
	err = restore_view_open(&view, repository, snapshot->domain);
	if (err == ERR_OK)
		err = restore_select_new(&select, view.reader, snapshot, options, &tar.run);
	if (err == ERR_OK)
		err = open_archive(&tar);
	if (err == ERR_OK)
		err = write_all(&tar, select);
	err = restore_verdict(&tar.run, err);
	restore_give_result(&tar.run);
	close_archive(&tar);
	restore_select_free(select);
	restore_release_locks(&tar.run);
	restore_view_close(&view);
	return err;
}
