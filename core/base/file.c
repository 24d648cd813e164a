#include "core/base/file.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 65536 /* bytes; small files end in one read */

/* Where `offset` is NULL, at the descriptor's own position. */
static int write_all(int fd, const uint8_t *bytes, size_t size, const off_t *offset)
{
	size_t total = 0;

	while (total < size) {
		ssize_t done = offset ? pwrite(fd, bytes + total, size - total, *offset + (off_t)total)
				      : write(fd, bytes + total, size - total);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		total += (size_t)done;
	}
	return 0;
}

int file_write_all(int fd, const void *bytes, size_t size)
{
	return write_all(fd, bytes, size, NULL);
}

int file_pwrite_all(int fd, const void *bytes, size_t size, off_t offset)
{
	return write_all(fd, bytes, size, &offset);
}

static ssize_t read_full(int fd, uint8_t *bytes, size_t size, const off_t *offset)
{
	size_t total = 0;

	while (total < size) {
		ssize_t done = offset ? pread(fd, bytes + total, size - total, *offset + (off_t)total)
				      : read(fd, bytes + total, size - total);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		if (done == 0)
			break;
		total += (size_t)done;
	}
	return (ssize_t)total;
}

ssize_t file_read_full(int fd, void *bytes, size_t size)
{
	return read_full(fd, bytes, size, NULL);
}

ssize_t file_pread_full(int fd, void *bytes, size_t size, off_t offset)
{
	return read_full(fd, bytes, size, &offset);
}

enum err file_read_rest(int fd, const char *name, size_t limit, struct buffer *out)
{
	size_t start = out->length;
	ssize_t done = READ_STEP;

	while (done == READ_STEP) {
		enum err err = buffer_reserve(out, READ_STEP);

		if (err != ERR_OK)
			return err;
		done = file_read_full(fd, out->data + out->length, READ_STEP);
		if (done < 0)
			return fail_errno(PL_FILE_READ, "cannot read %s", name);
		out->length += (size_t)done;
		if (out->length - start > limit)
			return fail(PL_FILE_LIMIT, "%s is larger than %zu bytes", name, limit);
	}
	return ERR_OK;
}

enum err file_read_all(const char *path, size_t limit, struct buffer *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err;

	if (fd < 0 && errno == ENOENT)
		return fail_errno(PL_FILE_MISSING, "%s", path);
	if (fd < 0)
		return fail_errno(PL_FILE_READ, "cannot open %s", path);
	err = file_read_rest(fd, path, limit, out);
	close(fd);
	return err;
}

char *path_join(const char *dir, const char *name)
{
	size_t length = strlen(dir);

	return mem_printf("%s%s%s", dir, length > 0 && dir[length - 1] == '/' ? "" : "/", name);
}

char *path_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;

	if (!slash)
		return mem_string(".");
	if (slash == path)
		return mem_string("/");
	folder = mem_copy(path, (size_t)(slash - path) + 1);
	if (folder)
		folder[slash - path] = '\0';
	return folder;
}

static enum err sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = ERR_OK;

	if (fd < 0)
		return fail_errno(PL_FILE_WRITE, "cannot open the folder %s", folder);
	/* EINVAL, EROFS: a file system that has nothing to sync for a folder. */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		err = fail_errno(PL_FILE_WRITE, "cannot sync the folder %s", folder);
	close(fd);
	return err;
}

enum err file_sync_folder_of(const char *path)
{
	char *folder = path_folder(path);
	enum err err = folder ? sync_folder(folder) : ERR_NOMEM;

	mem_free(folder);
	return err;
}

/* Crash story: until the rename the old file stands; the temporary that a crash leaves behind has a name that nothing
 * reads. The rename is atomic, and the folder's fsync makes it last before success is reported. */
enum err file_replace(const char *path, const void *bytes, size_t size, mode_t mode)
{
	static atomic_uint counter;
	enum err err = ERR_OK;
	int fd = -1;
	char *temporary = mem_printf("%s.%d.%u.tmp", path, (int)getpid(), atomic_fetch_add(&counter, 1));

	if (!temporary)
		return ERR_NOMEM;
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0) {
		err = fail_errno(PL_FILE_WRITE, "cannot create %s", temporary);
		goto done;
	}
	if (file_write_all(fd, bytes, size) != 0 || fsync(fd) != 0) {
		err = fail_errno(PL_FILE_WRITE, "cannot write %s", temporary);
		goto undo;
	}
	if (close(fd) != 0) {
		fd = -1;
		err = fail_errno(PL_FILE_WRITE, "cannot close %s", temporary);
		goto undo;
	}
	fd = -1;
	if (rename(temporary, path) != 0) {
		err = fail_errno(PL_FILE_WRITE, "cannot rename to %s", path);
		goto undo;
	}
	err = file_sync_folder_of(path);
	goto done;
undo:
	unlink(temporary);
done:
	if (fd >= 0)
		close(fd);
	mem_free(temporary);
	return err;
}

/* What is missing below a folder that a read-only file system refused is missing for that reason. */
static enum err cannot_make_folder(const char *path, bool read_only)
{
	if (read_only && errno == ENOENT)
		errno = EROFS;
	return fail_errno(PL_FILE_WRITE, "cannot make the folder %s", path);
}

enum err file_make_folders(const char *path, mode_t mode)
{
	bool read_only = false;
	enum err err = ERR_OK;
	char *copy = mem_string(path);

	if (!copy)
		return ERR_NOMEM;
	for (char *at = copy + 1; err == ERR_OK; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, mode) == 0)
			err = file_sync_folder_of(copy);
		else if (errno == EROFS) /* for folders that are there, too */
			read_only = true;
		else if (errno != EEXIST && errno != EISDIR)
			err = cannot_make_folder(copy, read_only);
		*at = kept;
		if (kept == '\0')
			break;
	}
	if (err == ERR_OK) {
		struct stat status;

		if (stat(path, &status) != 0)
			err = cannot_make_folder(path, read_only);
		else if (!S_ISDIR(status.st_mode))
			err = fail(PL_FILE_WRITE, "%s is there already and is not a folder", path);
	}
	mem_free(copy);
	return err;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(path);
}

enum err file_remove_tree(const char *path)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
		return fail_errno(PL_FILE_WRITE, "cannot remove %s", path);
	return ERR_OK;
}

bool file_is_among(const struct stat *status, const struct file_identity *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].device == status->st_dev && list[i].inode == status->st_ino)
			return true;
	return false;
}
