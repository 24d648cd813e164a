/* Regular files. A file that takes the place of another is written under a temporary name and renamed over it when it is whole and has its
 * metadata: if the program is killed, either the old or the new one is there. Where nothing was, it is written under its own name, and its modification
 * time, set last, tells that it is whole: --overwrite changed writes a torn one again.
 *
 * After a power cut a file may have a time that was set later than what is missing in it was written. The file systems of Linux then give it
 * the size of what was, for files that grow from the front. One that has its size before its contents (a sparse one, or one written in parts
 * by several workers) is synced before it gets its time. Where a file system promises no such thing, size and time prove nothing. */
#include "restore/restore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Small chunks (dumps, database pages) are gathered into one write. */
#define GATHER_CHUNKS 8
#define GATHER_BYTES (64u << 10) /* larger ones are written as they come */

static int64_t time_of(const struct statx_timestamp *time)
{
	return time->tv_sec * 1000000000 + time->tv_nsec;
}

static bool same_as_before(const struct entry *entry, const struct statx *status)
{
	return entry->type == ENTRY_FILE && S_ISREG(status->stx_mode) && status->stx_size == entry->size &&
	    time_of(&status->stx_mtime) == entry->mtime;
}

/* Not in every header of Debian 12: values from fs/exfat, fs/ntfs3, fs/fuse and fs/hfsplus of Linux. */
#define MAGIC_EXFAT 0x2011BAB0
#define MAGIC_NTFS 0x5346544E
#define MAGIC_NTFS3 0x7366746E
#define MAGIC_FUSE 0x65735546
#define MAGIC_HFSPLUS 0x482B

/* Whether a power cut may leave a file with its final size and time, but not with its contents. */
static bool may_lie(int folder_fd)
{
	struct statfs status;

	if (fstatfs(folder_fd, &status) != 0)
		return true;
	switch ((unsigned long)status.f_type) {
	case MSDOS_SUPER_MAGIC:
	case MAGIC_EXFAT:
	case MAGIC_NTFS:
	case MAGIC_NTFS3:
	case MAGIC_FUSE:
	case MAGIC_HFSPLUS:
	case UDF_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* A folder stands where something else must go. */
static enum err remove_folder(struct restore *run, const struct restore_item *item, int folder_fd)
{
	if (restore_protected_unlink(folder_fd, item->entry->name, AT_REMOVEDIR) == 0)
		return ERR_OK;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return restore_protected_fail(
		    "cannot remove the folder", item->entry->entry.path, folder_fd, item->entry->name);
	if (run->options->delete_others)
		return restore_delete_tree(run, folder_fd, item->entry->name);
	return fail(
	    PL_RESTORE_IN_THE_WAY, "%s is a folder there, and not empty", restore_printable(item->entry->entry.path));
}

enum err restore_look_spelling(int folder_fd, const char *name, struct entry_bytes path)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *found = NULL;
	enum err err = ERR_OK;

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return restore_fail_write("cannot look at the folder of", path);
	}
	errno = 0;
	while ((found = readdir(folder)) && strcmp(found->d_name, name) != 0)
		;
	if (!found && errno != 0)
		err = restore_fail_write("cannot look at the folder of", path);
	else if (!found)
		err = fail(PL_RESTORE_CLASH, "the destination takes %s for another name that is there",
		    restore_printable(path));
	closedir(folder);
	return err;
}

enum err restore_place_look(
    struct restore *run, const struct restore_item *item, int folder_fd, enum restore_place *out)
{
	const struct entry *entry = &item->entry->entry;
	struct statx status;

	*out = PLACE_FREE;
	if (item->folder->own)
		return restore_refuse_own(restore_printable(entry->path));
	if (item->folder->fresh)
		return ERR_OK;
	if (statx(folder_fd, item->entry->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) != 0)
		return errno == ENOENT ? ERR_OK : restore_fail_write("cannot look at", entry->path);
	if (run->ignores_case && time_of(&status.stx_ctime) >= run->began)
		return fail(PL_RESTORE_CLASH, "the destination takes %s for another name of this snapshot",
		    restore_printable(entry->path));
	if (run->ignores_case) {
		enum err err = restore_look_spelling(folder_fd, item->entry->name, entry->path);

		if (err != ERR_OK)
			return err;
	}
	*out = PLACE_KEEP;
	if (run->options->overwrite == RESTORE_NEVER)
		return ERR_OK;
	if (run->options->overwrite == RESTORE_CHANGED && same_as_before(entry, &status) && !may_lie(folder_fd))
		return ERR_OK;
	/* Said before the content is read and written in vain. */
	if (item->folder->guarded ||
	    (run->needs.uid != 0 && (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)))) {
		errno = EPERM;
		return restore_protected_fail("cannot replace", entry->path, folder_fd, item->entry->name);
	}
	if (S_ISDIR(status.stx_mode)) {
		*out = PLACE_FREE;
		return run->options->dry_run ? ERR_OK : remove_folder(run, item, folder_fd);
	}
	*out = PLACE_TAKEN;
	return ERR_OK;
}

static const char *name_of(const struct restore_file *file)
{
	return file->temporary[0] ? file->temporary : file->item.entry->name;
}

/* Copy-on-write can only be turned off while a file is empty. */
static void set_early_flags(int fd, uint32_t flags)
{
	unsigned now = 0;

	if ((flags & FS_NOCOW_FL) && ioctl(fd, FS_IOC_GETFLAGS, &now) == 0) {
		now |= FS_NOCOW_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &now);
	}
}

/* The file, empty. *keep says that the one that is there stays. */
static enum err open_new(struct restore *run, struct restore_file *file, int folder_fd, bool *keep)
{
	const struct entry *entry = &file->item.entry->entry;
	enum restore_place place;
	enum err err = restore_place_look(run, &file->item, folder_fd, &place);

	*keep = place == PLACE_KEEP;
	if (err != ERR_OK || *keep)
		return err;
	if (place == PLACE_TAKEN)
		restore_temporary_name(run, file->temporary);
	file->fd =
	    openat(folder_fd, name_of(file), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode & 0777);
	if (file->fd < 0 && errno == EEXIST)
		return fail(PL_RESTORE_CLASH, "the destination takes %s for another name that is there",
		    restore_printable(entry->path));
	if (file->fd < 0)
		return restore_protected_fail("cannot make", entry->path, folder_fd, name_of(file));
	set_early_flags(file->fd, entry->flags);
	return ERR_OK;
}

enum err restore_file_begin(struct restore *run, struct restore_file *file, int folder_fd)
{
	bool keep = false;
	enum err err;

	file->fd = -1;
	file->temporary[0] = 0;
	err = open_new(run, file, folder_fd, &keep);
	if (err != ERR_OK) {
		restore_problem(run, file->item.entry->entry.path, err);
	} else if (keep) {
		restore_keep(run, &file->item);
	}
	if (file->fd < 0 && file->item.link && file->item.first) {
		/* With the same size and time as in the snapshot it will do for the others to be linked to. */
		bool same = err == ERR_OK && run->options->overwrite == RESTORE_CHANGED;

		restore_link_done(run, file->item.link, same ? LINK_DONE : LINK_FAILED);
	}
	return err;
}

static enum err close_new(const struct restore_file *file, int fd)
{
	return close(fd) == 0 ? ERR_OK : restore_fail_write("cannot write", file->item.entry->entry.path);
}

/* Gives the temporary its name, and then its flags. Closes. */
static enum err replace(struct restore *run, const struct restore_file *file, int folder_fd, int fd, uint32_t flags)
{
	struct entry_bytes path = file->item.entry->entry.path;
	int again = flags ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	enum err err = close_new(file, fd);

	if (err == ERR_OK && restore_protected_rename(folder_fd, file->temporary, file->item.entry->name) != 0)
		err = restore_protected_fail("cannot replace", path, folder_fd, file->item.entry->name);
	if (err == ERR_OK)
		restore_flags_set(run, path, again, flags);
	if (again >= 0)
		close(again);
	return err;
}

static enum err finish(struct restore *run, struct restore_file *file, int folder_fd)
{
	const struct restore_item *item = &file->item;
	const struct entry *entry = &item->entry->entry;
	bool group = item->link && item->first;
	struct restore_has has = {.uid = run->needs.uid,
	    .gid = restore_folder_group(run, item->folder),
	    .mode = entry->mode & 0777,
	    .fresh = true};
	int fd = file->fd;

	if ((entry->sparse && ftruncate(fd, (off_t)entry->size) != 0) ||
	    ((entry->sparse || file->in_parts) && fdatasync(fd) != 0))
		return restore_fail_write("cannot write", entry->path);
	if (item->folder->default_acl) {
		(void)fremovexattr(fd, "system.posix_acl_access");
		has.mode = (mode_t)-1; /* as the ACL made it */
	}
	/* What is immutable can be neither linked nor renamed, nor removed when something fails. */
	restore_metadata_set(
	    run, entry, fd, folder_fd, name_of(file), &has, group || file->temporary[0] ? entry->flags : 0);
	file->fd = -1;
	return file->temporary[0] ? replace(run, file, folder_fd, fd, group ? 0 : entry->flags) : close_new(file, fd);
}

void restore_file_end(struct restore *run, struct restore_file *file, int folder_fd, enum err err)
{
	struct restore_item *item = &file->item;

	if (err == ERR_OK)
		err = finish(run, file, folder_fd);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	if (err == ERR_OK) {
		run->files++;
		restore_mark(run, item->number);
		restore_journal_restored(run, item, folder_fd);
	} else {
		(void)unlinkat(folder_fd, name_of(file), 0);
		restore_problem(run, item->entry->entry.path, err);
	}
	if (item->link && item->first)
		restore_link_done(run, item->link, err == ERR_OK ? LINK_DONE : LINK_FAILED);
}

/* ---- contents of a file that one worker writes ---- */

struct writing {
	struct restore *run;
	struct entry_bytes path;
	struct restore_output output;
	struct chunk_view views[GATHER_CHUNKS]; /* behind one another, not yet written */
	size_t gathered;
};

static enum err flush(struct writing *writing)
{
	struct iovec parts[GATHER_CHUNKS];
	size_t total = 0;
	enum err err = ERR_OK;

	for (size_t i = 0; i < writing->gathered; i++) {
		parts[i] = (struct iovec){
		    .iov_base = (void *)(uintptr_t)writing->views[i].bytes, .iov_len = writing->views[i].length};
		total += parts[i].iov_len;
	}
	if (writing->gathered > 1 && !writing->output.sparse &&
	    pwritev(writing->output.fd, parts, (int)writing->gathered, (off_t)writing->output.offset) ==
		(ssize_t)total) {
		restore_output_skip(&writing->output, total);
	} else {
		for (size_t i = 0; i < writing->gathered && err == ERR_OK; i++)
			if (restore_output_write(&writing->output, writing->views[i].bytes, writing->views[i].length) !=
			    0)
				err = restore_fail_write("cannot write", writing->path);
	}
	for (size_t i = 0; i < writing->gathered; i++)
		chunk_release(writing->run->view->reader, &writing->views[i]);
	writing->gathered = 0;
	writing->run->bytes += total;
	return err;
}

static enum err write_chunk(void *context, const struct entry_chunk *chunk)
{
	struct writing *writing = context;
	enum err err;

	if (restore_stopped(writing->run))
		return fail(PL_INTERRUPTED, "stopped");
	err = restore_content_get(writing->run->view->reader, chunk, &writing->views[writing->gathered]);
	if (err != ERR_OK)
		return err;
	writing->gathered++;
	if (writing->gathered < GATHER_CHUNKS && chunk->length < GATHER_BYTES)
		return ERR_OK;
	return flush(writing);
}

void restore_file_write(struct restore *run, struct restore_item *item, int folder_fd)
{
	struct restore_file file = {.item = *item};
	struct writing writing = {.run = run, .path = item->entry->entry.path};
	enum err err;

	if (restore_file_begin(run, &file, folder_fd) != ERR_OK || file.fd < 0)
		return;
	restore_output_open(&writing.output, file.fd, &item->entry->entry);
	err = restore_content_each(run->view->reader, &item->entry->entry, write_chunk, &writing);
	if (err == ERR_OK) {
		err = flush(&writing);
	} else {
		while (writing.gathered)
			chunk_release(run->view->reader, &writing.views[--writing.gathered]);
	}
	restore_file_end(run, &file, folder_fd, err);
}
