#include "core/source/meta.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/xattr.h>

#define LIST_FIRST 1024	 /* bytes: most files have none, or one or two */
#define VALUE_FIRST 1024 /* bytes: most values are an ACL or a label */

/* Where the attributes are: an open file, or a path that leads through the folder's descriptor, so that no link is
 * followed. */
struct place {
	int fd;
	const char *name; /* for messages */
	char path[64 + NAME_MAX];
	char *long_path;
};

static ssize_t list_names(const struct place *place, char *out, size_t size)
{
	if (place->fd >= 0)
		return flistxattr(place->fd, out, size);
	return llistxattr(place->long_path ? place->long_path : place->path, out, size);
}

static ssize_t read_value(const struct place *place, const char *name, void *out, size_t size)
{
	if (place->fd >= 0)
		return fgetxattr(place->fd, name, out, size);
	return lgetxattr(place->long_path ? place->long_path : place->path, name, out, size);
}

static enum err cannot_read(const struct place *place, const char *what)
{
	char *printable = output_printable(place->name, strlen(place->name));
	enum err err = ERR_NOMEM;

	if (printable && (errno == ENOENT || errno == ENOTDIR))
		err = fail(PL_SOURCE_VANISHED, "%s was gone when it was to be read", printable);
	else if (printable)
		err = fail_errno(PL_SOURCE_READ, "cannot read %s of %s", what, printable);
	mem_free(printable);
	return err;
}

/* Of system.* only the ACLs: the rest is another file system's own way to say what is stored already. */
static bool is_kept(const char *name)
{
	return strncmp(name, "system.", 7) != 0 || strcmp(name, "system.posix_acl_access") == 0 ||
	    strcmp(name, "system.posix_acl_default") == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Appends name and value; nothing where the attribute is gone by now. */
static enum err append_attribute(const struct place *place, const char *name, struct buffer *out)
{
	struct buffer value = {0};
	ssize_t size = -1;
	enum err err = ERR_OK;

	for (size_t room = VALUE_FIRST; err == ERR_OK; room = (size_t)size) {
		err = buffer_reserve(&value, room);
		if (err != ERR_OK)
			goto done;
		size = read_value(place, name, value.data, value.capacity);
		if (size >= 0 || errno != ERANGE)
			break;
		/* Its size, plus one, so that a value that stays empty or grows meanwhile is asked for again. */
		size = read_value(place, name, NULL, 0);
		if (size < 0)
			break;
		size++;
	}
	if (size < 0) {
		err = errno == ENODATA ? ERR_OK : cannot_read(place, "an attribute");
		goto done;
	}
	err = buffer_append_varint(out, strlen(name));
	if (err == ERR_OK)
		err = buffer_append(out, name, strlen(name));
	if (err == ERR_OK)
		err = buffer_append_varint(out, (uint64_t)size);
	if (err == ERR_OK)
		err = buffer_append(out, value.data, (size_t)size);
done:
	buffer_free(&value);
	return err;
}

static enum err append_all(const struct place *place, const char *list, size_t size, struct buffer *out)
{
	const char **names;
	size_t count = 0;
	enum err err = ERR_OK;

	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		count++;
	names = mem_calloc(count, sizeof(*names));
	if (!names)
		return ERR_NOMEM;
	count = 0;
	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		if (is_kept(names[i]) && (i == 0 || strcmp(names[i], names[i - 1]) != 0))
			err = append_attribute(place, names[i], out);
	mem_free(names);
	return err;
}

static enum err find_place(struct place *place, int folder_fd, const char *name)
{
	const char *in_folder = *name ? name : ".";

	if (place->fd >= 0)
		return ERR_OK;
	if (folder_fd == AT_FDCWD) {
		place->long_path = mem_string(in_folder);
		return place->long_path ? ERR_OK : ERR_NOMEM;
	}
	if (snprintf(place->path, sizeof(place->path), "/proc/self/fd/%d/%s", folder_fd, in_folder) <
	    (int)sizeof(place->path))
		return ERR_OK;
	place->long_path = mem_printf("/proc/self/fd/%d/%s", folder_fd, in_folder);
	return place->long_path ? ERR_OK : ERR_NOMEM;
}

enum err meta_xattrs(int folder_fd, const char *name, int fd, struct buffer *out)
{
	struct place place = {.fd = fd, .name = name};
	char first[LIST_FIRST + 1];
	char *list = first;
	size_t room = LIST_FIRST;
	size_t before = out->length;
	ssize_t size = 0;
	enum err err = find_place(&place, folder_fd, name);

	while (err == ERR_OK) {
		size = list_names(&place, list, room);
		if (size >= 0 || errno != ERANGE)
			break;
		/* The kernel lists at most 64 KiB of names. */
		if (list != first)
			mem_free(list);
		room *= 8;
		list = room <= 8 * XATTR_LIST_MAX ? mem_alloc(room + 1) : NULL;
		if (!list)
			err = room <= 8 * XATTR_LIST_MAX ? ERR_NOMEM : cannot_read(&place, "the attributes");
	}
	if (err == ERR_OK && size < 0)
		err = errno == ENOTSUP || errno == ENOSYS ? ERR_OK : cannot_read(&place, "the attributes");
	if (err == ERR_OK && size > 0) {
		list[size] = '\0';
		err = append_all(&place, list, (size_t)size, out);
	}
	if (err != ERR_OK)
		out->length = before;
	if (list != first)
		mem_free(list);
	mem_free(place.long_path);
	return err;
}
