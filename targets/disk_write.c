/* Storing in a folder.
 *
 * Crash story. An object is written to a temporary with a random name in the folder where it will stand, synced, and only
 * then given its name; the folder is synced before success is reported. Whenever the power fails, one of these is found:
 *   - nothing, or a temporary: its name is no object's name, no list shows it, and a later writer sweeps it away after a day;
 *   - the object under its name, whole, since its bytes were on the medium before the name was.
 * A folder that was made is made durable by syncing its parent before anything is put in it; since the process that made it may
 * have died before that, every process syncs the parents of a folder the first time it writes there. For the same reason an object
 * that is there already is synced before it is reported as such: the caller will rely on it.
 * An fsync that failed is never tried again on the same file: the kernel may have dropped the pages and would then report
 * success. The temporary is removed and the error returned. */
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/disk_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define OBJECT_MODE 0600
#define STALE_AFTER (24 * 3600 * CLOCK_SECOND) /* no write of one object takes a day */
#define TEMPORARY_MAX (sizeof(DISK_TEMPORARY) + 16)

/* 0, or -1 with errno. EINVAL, EROFS: a file system that has nothing to sync for a folder. */
static int sync_folder(int fd)
{
	return fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : -1;
}

/* Removes what crashed runs left in a folder. Best effort: it only costs room. */
static void sweep_folder(int folder_fd)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat status;

	if (!entries) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(entries)) != NULL)
		if (strncmp(entry->d_name, DISK_TEMPORARY, strlen(DISK_TEMPORARY)) == 0 &&
		    fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    clock_now() - (int64_t)status.st_mtim.tv_sec * CLOCK_SECOND > STALE_AFTER)
			unlinkat(fd, entry->d_name, 0);
	closedir(entries);
}

/* Makes each folder of the path where it is not there, and syncs the one that holds it. 0, or -1 with errno. */
static int make_folders(int root_fd, const char *folder)
{
	char path[OBJECT_NAME_MAX];
	int parent = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t length = 0;

	while (parent >= 0 && folder[length] != '\0') {
		size_t start = length ? length + 1 : 0;
		int child = -1;

		length = start + strcspn(folder + start, "/");
		memcpy(path, folder, length);
		path[length] = '\0';
		if ((mkdirat(root_fd, path, FOLDER_MODE) == 0 || errno == EEXIST) && sync_folder(parent) == 0)
			child = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(parent);
		parent = child;
	}
	return parent;
}

static bool is_prepared(const struct disk_target *disk, const char *folder)
{
	for (size_t i = 0; i < disk->prepared_count; i++)
		if (strcmp(disk->prepared[i], folder) == 0)
			return true;
	return false;
}

/* The folder part of an object's name; "" for config. */
static void folder_of(const char *name, char folder[OBJECT_NAME_MAX])
{
	const char *slash = strrchr(name, '/');
	size_t length = slash ? (size_t)(slash - name) : 0;

	memcpy(folder, name, length);
	folder[length] = '\0';
}

/* Makes the folder of an object ready to be written to, once per process, and opens it. */
static enum err open_folder(struct disk_target *disk, const char *name, int *out)
{
	char folder[OBJECT_NAME_MAX];
	enum err err = ERR_OK;
	void *prepared;

	folder_of(name, folder);
	*out = -1;
	pthread_mutex_lock(&disk->lock);
	if (is_prepared(disk, folder))
		*out = openat(disk->root_fd, folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*out >= 0)
		goto done;
	*out = make_folders(disk->root_fd, folder);
	if (*out < 0) {
		err = disk_fail(disk, PL_TARGET_WRITE, "make the folder", folder);
		goto done;
	}
	sweep_folder(*out);
	if (is_prepared(disk, folder))
		goto done;
	prepared = mem_more(disk->prepared, disk->prepared_count, &disk->prepared_capacity, sizeof(*disk->prepared));
	if (!prepared) {
		err = ERR_NOMEM;
		goto done;
	}
	disk->prepared = prepared;
	snprintf(disk->prepared[disk->prepared_count++], OBJECT_NAME_MAX, "%s", folder);
done:
	pthread_mutex_unlock(&disk->lock);
	if (err != ERR_OK && *out >= 0) {
		close(*out);
		*out = -1;
	}
	return err;
}

/* Writes a durable temporary in the folder. On failure nothing is left behind. */
static enum err write_temporary(struct disk_target *disk, int folder_fd, const char *name, const void *bytes,
    size_t size, char temporary[TEMPORARY_MAX])
{
	uint8_t random[8];
	char digits[2 * sizeof(random) + 1];
	enum err err;
	int fd;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail_errno(PL_TARGET_WRITE, "no random name for %s/%s", disk->path, name);
	snprintf(temporary, TEMPORARY_MAX, "%s%s", DISK_TEMPORARY, hex_encode(digits, random, sizeof(random)));
	fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OBJECT_MODE);
	if (fd < 0)
		return disk_fail(disk, PL_TARGET_WRITE, "write", name);
	if (file_write_all(fd, bytes, size) == 0 && fsync(fd) == 0) {
		if (close(fd) == 0)
			return ERR_OK;
		fd = -1;
	}
	err = disk_fail(disk, PL_TARGET_WRITE, "write", name);
	if (fd >= 0)
		close(fd);
	unlinkat(folder_fd, temporary, 0);
	return err;
}

static bool unknown_there(int reason)
{
	return reason == EINVAL || reason == ENOSYS || reason == EOPNOTSUPP || reason == EPERM || reason == EMLINK;
}

/* The file system has neither a rename that refuses to replace nor hard links. Looking first and then renaming has a gap in which
 * another writer may publish the same name. That is harmless for objects named by their hash (both hold the same bytes) and for
 * random ids; it would not be for a generation, whose name is a number. So writers of one machine, and such file systems are
 * mounted by one at a time, take turns by a lock on the folder; a file system without locks has only the looking. */
static int check_and_rename(int folder_fd, const char *temporary, const char *leaf)
{
	struct stat status;
	bool locked = flock(folder_fd, LOCK_EX) == 0;
	int result = -1, reason;

	if (fstatat(folder_fd, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	else if (errno == ENOENT)
		result = renameat(folder_fd, temporary, folder_fd, leaf);
	reason = errno;
	if (locked)
		flock(folder_fd, LOCK_UN);
	errno = reason;
	return result;
}

/* Gives the temporary its name unless that is taken. 0, or -1 with errno (EEXIST: taken). */
static int publish(struct disk_target *disk, int folder_fd, const char *temporary, const char *leaf)
{
	switch (atomic_load(&disk->publish)) {
	case DISK_RENAME_NOREPLACE:
		if (renameat2(folder_fd, temporary, folder_fd, leaf, RENAME_NOREPLACE) == 0)
			return 0;
		if (!unknown_there(errno))
			return -1;
		/* fall through */
	case DISK_LINK:
		if (linkat(folder_fd, temporary, folder_fd, leaf, 0) == 0) {
			atomic_store(&disk->publish, DISK_LINK);
			unlinkat(folder_fd, temporary, 0); /* one that stays is swept later */
			return 0;
		}
		if (!unknown_there(errno))
			return -1;
		/* fall through */
	case DISK_CHECK_RENAME:
		break;
	}
	if (check_and_rename(folder_fd, temporary, leaf) != 0)
		return -1;
	atomic_store(&disk->publish, DISK_CHECK_RENAME);
	return 0;
}

static const char *leaf_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* The object is there: make sure that it stays, then say so. */
static enum err already_there(struct disk_target *disk, int folder_fd, const char *name)
{
	int fd = openat(folder_fd, leaf_of(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool durable = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == EROFS) && sync_folder(folder_fd) == 0;
	enum err err;

	if (durable)
		err = fail(PL_OBJECT_EXISTS, "%s has %s already", disk->path, name);
	else
		err = disk_fail(disk, PL_TARGET_WRITE, "sync", name);
	if (fd >= 0)
		close(fd);
	return err;
}

enum err disk_put(struct target *target, const char *name, const void *bytes, size_t size)
{
	struct disk_target *disk = disk_of(target);
	char temporary[TEMPORARY_MAX];
	struct stat status;
	int folder_fd = -1;
	enum err err = open_folder(disk, name, &folder_fd);

	if (err != ERR_OK)
		return err;
	if (fstatat(folder_fd, leaf_of(name), &status, AT_SYMLINK_NOFOLLOW) == 0) {
		err = already_there(disk, folder_fd, name);
		goto done;
	}
	err = write_temporary(disk, folder_fd, name, bytes, size, temporary);
	if (err != ERR_OK)
		goto done;
	if (publish(disk, folder_fd, temporary, leaf_of(name)) != 0) {
		int reason = errno;

		unlinkat(folder_fd, temporary, 0);
		errno = reason;
		err = reason == EEXIST ? already_there(disk, folder_fd, name)
				       : disk_fail(disk, PL_TARGET_WRITE, "publish", name);
		goto done;
	}
	if (sync_folder(folder_fd) != 0) {
		/* Under its final name or not at all: what may be gone after a power cut must not be found by the next try. */
		err = disk_fail(disk, PL_TARGET_WRITE, "sync the folder of", name);
		unlinkat(folder_fd, leaf_of(name), 0);
	}
done:
	close(folder_fd);
	return err;
}

/* What takes the place of an object must be whole before that one goes: read back from the medium while it is a temporary. */
static enum err check_temporary(
    struct disk_target *disk, const char *name, const char *temporary, const void *bytes, size_t size)
{
	char folder[OBJECT_NAME_MAX], path[OBJECT_NAME_MAX + TEMPORARY_MAX];
	bool same = false;
	enum err err;

	folder_of(name, folder);
	snprintf(path, sizeof(path), "%s%s%s", folder, folder[0] ? "/" : "", temporary);
	err = disk_compare(&disk->base, path, bytes, size, &same);
	if (err == ERR_OK && !same)
		err = fail(PL_READ_BACK, "%s of %s does not read back as it was written", name, disk->path);
	return err;
}

/* Whether what is to be replaced is still what the caller has seen. Writers take turns by a lock on the folder, which is given back when it is
 * closed; a file system without locks has only the looking. */
static enum err check_before(struct disk_target *disk, int folder_fd, const char *name, const uint8_t before[HASH_SIZE])
{
	uint8_t hash[HASH_SIZE];
	uint64_t size;
	enum err err;

	(void)flock(folder_fd, LOCK_EX);
	err = target_hash(&disk->base, name, hash, &size);
	if (err == ERR_MISSING || (err == ERR_OK && memcmp(hash, before, sizeof(hash)) != 0))
		err = fail(PL_CONFIG_CHANGED, "%s of %s changed while it was replaced", name, disk->path);
	return err;
}

enum err disk_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size)
{
	struct disk_target *disk = disk_of(target);
	char temporary[TEMPORARY_MAX];
	int folder_fd = -1;
	enum err err = open_folder(disk, name, &folder_fd);

	if (err != ERR_OK)
		return err;
	err = write_temporary(disk, folder_fd, name, bytes, size, temporary);
	if (err != ERR_OK)
		goto done;
	err = check_temporary(disk, name, temporary, bytes, size);
	if (err == ERR_OK && before)
		err = check_before(disk, folder_fd, name, before);
	if (err != ERR_OK) {
		unlinkat(folder_fd, temporary, 0);
	} else if (renameat(folder_fd, temporary, folder_fd, leaf_of(name)) != 0) {
		err = disk_fail(disk, PL_TARGET_WRITE, "replace", name);
		unlinkat(folder_fd, temporary, 0);
	} else if (sync_folder(folder_fd) != 0) {
		err = disk_fail(disk, PL_TARGET_WRITE, "sync the folder of", name);
	}
done:
	close(folder_fd);
	return err;
}

/* Durable as well: a collector that says that packs are gone must not find them again after a power cut. */
enum err disk_remove(struct target *target, const char *name)
{
	struct disk_target *disk = disk_of(target);
	char folder[OBJECT_NAME_MAX];
	enum err err = ERR_OK;
	int folder_fd;

	folder_of(name, folder);
	folder_fd = openat(disk->root_fd, folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || unlinkat(folder_fd, leaf_of(name), 0) != 0)
		err = disk_fail(disk, errno == ENOENT ? PL_TARGET_READ : PL_TARGET_WRITE, "remove", name);
	else if (sync_folder(folder_fd) != 0)
		err = disk_fail(disk, PL_TARGET_WRITE, "sync the folder of", name);
	disk_files_forget(&disk->files, name);
	if (folder_fd >= 0)
		close(folder_fd);
	return err;
}
