/* --delete: what a folder of the destination has and the snapshot does not. */
#include "core/base/clock.h"
#include "restore/restore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static enum err cannot_remove(int folder_fd, const char *name)
{
	return restore_protected_fail("cannot remove",
	    (struct entry_bytes){.data = (const uint8_t *)name, .size = strlen(name)}, folder_fd, name);
}

/* Removes what a folder holds but for the first folder in it that is not empty: its name is given, "" for none. */
static enum err empty_level(int fd, char below[256])
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *found;
	enum err err = ERR_OK;

	below[0] = 0;
	if (!listing) {
		if (copy >= 0)
			close(copy);
		return fail_errno(PL_RESTORE_WRITE, "cannot list a folder that is to be removed");
	}
	while (err == ERR_OK && !below[0] && (found = readdir(listing)) != NULL) {
		const char *name = found->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno == EISDIR && unlinkat(fd, name, AT_REMOVEDIR) == 0)
			continue;
		if (errno == ENOTEMPTY || errno == EEXIST)
			snprintf(below, 256, "%s", name);
		else
			err = cannot_remove(fd, name);
	}
	closedir(listing);
	return err;
}

/* One way down, as far as it goes; true in *empty when nothing is left. Every step is one component, never through a link: whoever can
 * write in here could exchange a folder for one. Begun anew from the top for each folder, it needs two descriptors at any depth. */
static enum err empty_once(const struct restore *run, int top_fd, dev_t device, bool *empty)
{
	int fd = openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char below[256];
	enum err err = ERR_OK;

	*empty = true;
	while (err == ERR_OK) {
		struct stat stat;
		int next;

		if (fd < 0 || fstat(fd, &stat) != 0) {
			err = fail_errno(PL_RESTORE_WRITE, "cannot open a folder that is to be removed");
			break;
		}
		if (stat.st_dev != device) {
			err = fail(PL_RESTORE_WRITE, "another file system is mounted below what is to be removed");
			break;
		}
		if (file_is_among(&stat, run->own, run->own_count)) {
			err = fail(PL_RESTORE_WRITE, "the repository itself lies in what is to be removed");
			break;
		}
		err = empty_level(fd, below);
		if (err != ERR_OK || !below[0])
			break;
		*empty = false;
		next = openat(fd, below, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

enum err restore_delete_tree(const struct restore *run, int folder_fd, const char *name)
{
	struct stat stat;
	bool empty = false;
	enum err err = ERR_OK;
	int fd;

	if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
		return ERR_OK;
	if (errno != EISDIR)
		return cannot_remove(folder_fd, name);
	/* Tried first: the kernel refuses it where something is mounted, a folder of the same file system too, which no device number tells. */
	if (unlinkat(folder_fd, name, AT_REMOVEDIR) == 0)
		return ERR_OK;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return cannot_remove(folder_fd, name);
	fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstatat(folder_fd, ".", &stat, 0) != 0)
		err = cannot_remove(folder_fd, name);
	while (err == ERR_OK && !empty)
		err = interrupt_requested() ? fail(PL_INTERRUPTED, "interrupted")
					    : empty_once(run, fd, stat.st_dev, &empty);
	if (fd >= 0)
		close(fd);
	if (err == ERR_OK && unlinkat(folder_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		err = cannot_remove(folder_fd, name);
	return err;
}

/* The names are in the order of the stream, which is that of their bytes. */
static bool snapshot_has(const char *const *names, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(names[middle], name);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static enum err split_names(const struct buffer *buffer, const char ***out, size_t *count)
{
	const char *at = (const char *)buffer->data, *end = at ? at + buffer->length : NULL;
	size_t used = 0;

	for (const char *byte = at; byte < end; byte++)
		used += *byte == 0;
	*count = used;
	*out = mem_calloc(used, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	for (size_t i = 0; i < used; i++, at += strlen(at) + 1)
		(*out)[i] = at;
	return ERR_OK;
}

/* The path of `name` in the folder, from the folders above it. */
static enum err path_of(const struct restore_folder *folder, const char *name, struct buffer *out)
{
	const struct restore_folder *chain[RESTORE_DEPTH_MAX];
	size_t depth = 0;
	enum err err = ERR_OK;

	buffer_clear(out);
	for (; folder && !folder->root && depth < RESTORE_DEPTH_MAX; folder = folder->parent)
		chain[depth++] = folder;
	while (depth > 0 && err == ERR_OK) {
		const char *part = chain[--depth]->name;

		err = buffer_append(out, part, strlen(part));
		if (err == ERR_OK)
			err = buffer_append_u8(out, '/');
	}
	return err == ERR_OK ? buffer_append(out, name, strlen(name)) : err;
}

static enum err delete_one(
    struct restore *run, struct restore_folder *folder, int fd, const char *name, struct buffer *path)
{
	struct stat stat;
	enum err err = path_of(folder, name, path);

	if (err != ERR_OK)
		return err;
	if (fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return ERR_OK;
	if (!restore_select_covers(run->options, run->snapshot,
		(struct entry_bytes){.data = path->data, .size = path->length}, S_ISDIR(stat.st_mode)))
		return ERR_OK;
	err = run->options->dry_run ? ERR_OK : restore_delete_tree(run, fd, name);
	if (err == ERR_OK)
		run->deleted++;
	return err;
}

/* Whether what the snapshot does not have in this folder was not there when it was made. */
static bool is_known(const struct restore *run, const struct restore_folder *folder)
{
	struct stat self = {.st_dev = folder->device, .st_ino = folder->inode};

	/* The repository that is being read, which a backup stores as an empty folder. */
	if (file_is_among(&self, run->own, run->own_count))
		return false;
	/* What could not be read is not in the snapshot either; restore_run told of it. */
	if (run->snapshot->totals.unreadable)
		return false;
	/* A single file that goes into a folder says nothing about that folder. */
	if (folder->root && run->options->subpath && !run->root_saved)
		return false;
	/* Nor does an empty folder about what is mounted on it: --one-file-system saves mount points empty. */
	if (folder->parent && folder->device != folder->parent->device && folder->names.length == 0)
		return false;
	return true;
}

void restore_delete_others(struct restore *run, struct restore_folder *folder, int fd)
{
	struct buffer path = {0};
	const char **names = NULL;
	size_t count = 0;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *found;
	enum err err = ERR_OK;

	if (!listing) {
		if (copy >= 0)
			close(copy);
		err = fail_errno(PL_RESTORE_WRITE, "cannot list the folder %s", folder->name);
		goto done;
	}
	if (!is_known(run, folder))
		goto done;
	err = split_names(&folder->names, &names, &count);
	/* With part of the list of files lost, nobody can say what the snapshot does not have. */
	while (err == ERR_OK && !run->damaged && !restore_stopped(run) && (found = readdir(listing)) != NULL) {
		const char *name = found->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !snapshot_has(names, count, name))
			err = delete_one(run, folder, fd, name, &path);
	}
done:
	if (err != ERR_OK)
		restore_problem(run, folder->entry ? folder->entry->entry.path : (struct entry_bytes){0}, err);
	if (listing)
		closedir(listing);
	mem_free(names);
	buffer_free(&path);
}
