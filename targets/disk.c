#include "targets/disk.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/disk_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define READ_STEP (1u << 20) /* bytes read back at a time: long enough to keep a disk streaming */
#define FOLDER_MODE 0700     /* what is stored is sealed; who may read it is still nobody's business */
#define DEPTH_MAX 3	     /* parts of the longest name */

struct disk_target *disk_of(struct target *target)
{
	return (struct disk_target *)target;
}

/* A disk that was pulled or unmounted must not look like an empty repository: what is missing counts as missing only while the
 * path still leads to the folder that was opened. */
enum err disk_check_root(struct disk_target *disk)
{
	struct stat now, opened;

	if (stat(disk->path, &now) != 0)
		return fail_errno(PL_TARGET_READ, "the folder %s is gone", disk->path);
	if (fstat(disk->root_fd, &opened) != 0)
		return fail_errno(PL_TARGET_READ, "the folder %s cannot be read", disk->path);
	/* A device number alone: some FUSE file systems give a folder another inode number now and then. */
	if (now.st_dev != opened.st_dev || opened.st_nlink == 0)
		return fail(PL_TARGET_READ, "the folder %s is gone: something else is there now", disk->path);
	return ERR_OK;
}

enum err disk_fail(struct disk_target *disk, enum message id, const char *action, const char *name)
{
	int reason = errno;
	enum err err;

	if (reason == ENOENT) {
		err = disk_check_root(disk);
		if (err != ERR_OK)
			return err;
		if (id == PL_TARGET_READ)
			return fail(PL_OBJECT_MISSING, "%s has no %s", disk->path, name);
	} else if (id == PL_TARGET_WRITE && (reason == EROFS || reason == EACCES || reason == EPERM)) {
		id = PL_TARGET_DENIED;
	}
	errno = reason;
	return fail_errno(id, "cannot %s %s/%s", action, disk->path, name);
}

/* What is read next comes from the medium: the page cache would say what was meant to be written. Only clean pages can be dropped, so
 * what another program left dirty is written first; a file system that cannot sync a file opened for reading has none to drop. */
static enum err drop_cached(struct disk_target *disk, int fd, const char *name)
{
	if (fdatasync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != EBADF && errno != EPERM)
		return disk_fail(disk, PL_TARGET_READ, "sync", name);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return ERR_OK;
}

static enum err disk_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size)
{
	struct disk_target *disk = disk_of(target);
	int slot, fd = disk_files_acquire(&disk->files, disk->root_fd, name, &slot);
	enum err err = ERR_OK;
	ssize_t done;

	if (fd < 0)
		return disk_fail(disk, PL_TARGET_READ, "open", name);
	if (offset > INT64_MAX - size) {
		err = fail(PL_OBJECT_SHORT, "%s/%s has no byte %llu", disk->path, name, (unsigned long long)offset);
		goto done;
	}
	if (target->from_medium)
		err = drop_cached(disk, fd, name);
	if (err != ERR_OK)
		goto done;
	done = file_pread_full(fd, out, size, (off_t)offset);
	/* What was read only to be checked must not push out what others need. */
	if (target->from_medium)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (done < 0)
		err = disk_fail(disk, PL_TARGET_READ, "read", name);
	else if ((size_t)done < size)
		err = fail(PL_OBJECT_SHORT, "%s/%s ends after %llu bytes, %zu at %llu were wanted", disk->path, name,
		    (unsigned long long)offset + (unsigned long long)done, size, (unsigned long long)offset);
done:
	disk_files_release(&disk->files, fd, slot);
	return err;
}

static int64_t changed_of(const struct stat *status)
{
	return (int64_t)status->st_mtim.tv_sec * CLOCK_SECOND + status->st_mtim.tv_nsec;
}

static enum err disk_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed)
{
	struct disk_target *disk = disk_of(target);
	struct stat status;

	if (fstatat(disk->root_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return disk_fail(disk, PL_TARGET_READ, "look at", name);
	if (!S_ISREG(status.st_mode))
		return fail(PL_TARGET_READ, "%s/%s is no regular file", disk->path, name);
	*size = (uint64_t)status.st_size;
	*changed = changed_of(&status);
	return ERR_OK;
}

/* ---- listing ---- */

struct walk {
	struct disk_target *disk;
	target_visit visit;
	void *context;
};

static enum err list_folder(struct walk *walk, const char *folder, unsigned depth);

/* A folder that is a link to another disk, and that disk is not there: its objects are not gone. Keeps errno. */
static bool leads_nowhere(int root_fd, const char *folder)
{
	int reason = errno;
	struct stat status;
	bool link = fstatat(root_fd, folder, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);

	errno = reason;
	return link;
}

/* Sizes cost a look at each object; that a folder is one is mostly told by the listing itself. */
static enum err list_one(struct walk *walk, int folder_fd, const char *name, const struct dirent *entry, unsigned depth)
{
	bool object = object_name_valid(name);
	struct target_object shown = {.name = name};
	const char *leaf = entry->d_name;
	struct stat status;

	if (!object && !object_folder_valid(name))
		return ERR_OK;
	if (!object && entry->d_type == DT_DIR)
		return depth < DEPTH_MAX ? list_folder(walk, name, depth + 1) : ERR_OK;
	/* Folders may be links to another disk, objects may not. */
	if (fstatat(folder_fd, leaf, &status, object ? AT_SYMLINK_NOFOLLOW : 0) != 0) {
		if (errno == ENOENT && (object || !leads_nowhere(walk->disk->root_fd, name)))
			return ERR_OK; /* removed meanwhile, by the one who may */
		return fail_errno(PL_TARGET_LIST, "cannot look at %s/%s", walk->disk->path, name);
	}
	if (!object)
		return S_ISDIR(status.st_mode) && depth < DEPTH_MAX ? list_folder(walk, name, depth + 1) : ERR_OK;
	if (!S_ISREG(status.st_mode))
		return ERR_OK;
	shown.size = (uint64_t)status.st_size;
	shown.changed = changed_of(&status);
	return walk->visit(walk->context, &shown);
}

static enum err list_folder(struct walk *walk, const char *folder, unsigned depth)
{
	char name[OBJECT_NAME_MAX];
	enum err err = ERR_OK;
	int fd = openat(walk->disk->root_fd, folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = NULL;

	if (fd < 0 && errno == ENOENT && !leads_nowhere(walk->disk->root_fd, folder))
		return ERR_OK;
	if (fd >= 0)
		entries = fdopendir(fd);
	if (!entries) {
		err = fail_errno(PL_TARGET_LIST, "cannot list %s/%s", walk->disk->path, folder);
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (err == ERR_OK) {
		struct dirent *entry;
		int length;

		errno = 0;
		entry = readdir(entries);
		if (!entry) {
			/* An error is never a shorter listing. */
			if (errno != 0)
				err = fail_errno(PL_TARGET_LIST, "cannot list %s/%s", walk->disk->path, folder);
			break;
		}
		length = snprintf(name, sizeof(name), "%s%s%s", folder, folder[0] ? "/" : "", entry->d_name);
		if (length > 0 && length < (int)sizeof(name) && entry->d_name[0] != '.')
			err = list_one(walk, fd, name, entry, depth);
	}
	closedir(entries);
	return err;
}

static enum err disk_list(struct target *target, const char *prefix, target_visit visit, void *context)
{
	struct walk walk = {.disk = disk_of(target), .visit = visit, .context = context};
	enum err err = disk_check_root(walk.disk);

	return err != ERR_OK ? err : list_folder(&walk, prefix, 0);
}

/* ---- hash, space, clock ---- */

/* What becomes of the bytes that are read back, a step at a time and in order; anything but ERR_OK ends the reading. */
typedef enum err (*disk_step)(void *context, const uint8_t *bytes, size_t size);

static enum err read_steps(
    struct disk_target *disk, int fd, const char *name, uint8_t *step, disk_step take, void *context)
{
	for (uint64_t at = 0;;) {
		ssize_t done = file_pread_full(fd, step, READ_STEP, (off_t)at);
		enum err err;

		if (done < 0)
			return disk_fail(disk, PL_TARGET_READ, "read", name);
		err = take(context, step, (size_t)done);
		if (err != ERR_OK || done < READ_STEP)
			return err;
		at += (uint64_t)done;
	}
}

static enum err read_back(struct disk_target *disk, const char *name, disk_step take, void *context)
{
	uint8_t *step = mem_alloc(READ_STEP);
	int slot, fd = -1;
	enum err err = step ? ERR_OK : ERR_NOMEM;

	if (err != ERR_OK)
		goto done;
	fd = disk_files_acquire(&disk->files, disk->root_fd, name, &slot);
	if (fd < 0) {
		err = disk_fail(disk, PL_TARGET_READ, "open", name);
		goto done;
	}
	err = drop_cached(disk, fd, name);
	if (err != ERR_OK)
		goto done;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	err = read_steps(disk, fd, name, step, take, context);
	/* What was read only to be checked must not push out what others need. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
done:
	if (fd >= 0)
		disk_files_release(&disk->files, fd, slot);
	mem_free(step);
	return err;
}

struct hashing {
	struct sha256 *hash;
	uint64_t size;
};

static enum err hash_step(void *context, const uint8_t *bytes, size_t size)
{
	struct hashing *hashing = context;

	hashing->size += size;
	return sha256_update(hashing->hash, bytes, size);
}

static enum err disk_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size)
{
	struct hashing hashing = {0};
	enum err err = sha256_new(&hashing.hash);

	if (err == ERR_OK)
		err = read_back(disk_of(target), name, hash_step, &hashing);
	if (err == ERR_OK)
		err = sha256_final(hashing.hash, out);
	*size = hashing.size;
	sha256_free(hashing.hash);
	return err;
}

struct comparing {
	const uint8_t *bytes;
	size_t left; /* not met so far */
	bool same;
};

static enum err compare_step(void *context, const uint8_t *bytes, size_t size)
{
	struct comparing *comparing = context;

	if (size > comparing->left || memcmp(bytes, comparing->bytes, size) != 0) {
		comparing->same = false;
		return ERR_OK;
	}
	comparing->bytes += size;
	comparing->left -= size;
	return ERR_OK;
}

enum err disk_compare(struct target *target, const char *name, const void *bytes, size_t size, bool *same)
{
	struct comparing comparing = {.bytes = bytes, .left = size, .same = true};
	enum err err = read_back(disk_of(target), name, compare_step, &comparing);

	*same = err == ERR_OK && comparing.same && comparing.left == 0;
	return err;
}

static enum err disk_space(struct target *target, struct target_space *out)
{
	struct disk_target *disk = disk_of(target);
	struct statvfs status;

	if (fstatvfs(disk->root_fd, &status) != 0)
		return disk_fail(disk, PL_TARGET_READ, "ask for the space of", "");
	out->total = (uint64_t)status.f_blocks * status.f_frsize;
	out->available = (uint64_t)status.f_bavail * status.f_frsize;
	return ERR_OK;
}

static enum err disk_now(struct target *target, int64_t *out)
{
	(void)target;
	*out = clock_now();
	return ERR_OK;
}

/* ---- opening ---- */

static void disk_free(struct target *target)
{
	struct disk_target *disk = disk_of(target);

	disk_files_close(&disk->files);
	pthread_mutex_destroy(&disk->lock);
	if (disk->root_fd >= 0)
		close(disk->root_fd);
	mem_free(disk->prepared);
	mem_free(disk->path);
	mem_free(disk);
}

/* What may stand beside a repository in the root of a disk, and what an init that was interrupted leaves. */
static bool may_stay(const char *name)
{
	return name[0] == '.' || strcmp(name, "lost+found") == 0 || strcmp(name, "System Volume Information") == 0 ||
	    strcmp(name, OBJECT_CONFIG) == 0 || object_folder_valid(name);
}

/* A place is not made among somebody's other files: whoever tidies up one would take the other along. */
static enum err check_strangers(const struct disk_target *disk)
{
	int fd = dup(disk->root_fd);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry = NULL;
	enum err err = ERR_OK;

	if (!folder) {
		err = fail_errno(PL_TARGET_LIST, "cannot list the folder %s", disk->path);
		if (fd >= 0)
			close(fd);
		return err;
	}
	rewinddir(folder);
	while (err == ERR_OK && (entry = readdir(folder)) != NULL)
		if (!may_stay(entry->d_name))
			err = fail(PL_REPOSITORY_EXISTS, "%s is not empty: it holds %s", disk->path, entry->d_name);
	closedir(folder);
	return err;
}

/* The path without links, "." and "..": a copy in another folder is another place, though both may be typed as "." */
static enum err find_place(struct disk_target *disk)
{
	char *real = realpath(disk->path, NULL); /* of the C library */

	/* A folder above that may be passed and not read: then the path as it was typed must do. */
	disk->base.place = mem_string(real ? real : disk->path);
	free(real);
	return disk->base.place ? ERR_OK : ERR_NOMEM;
}

static enum err open_root(struct disk_target *disk, bool create)
{
	enum err err = ERR_OK;

	if (create) {
		err = file_make_folders(disk->path, FOLDER_MODE);
		if (err == ERR_IO)
			return fail(PL_TARGET_WRITE, "%s", failure_last()->text);
		if (err != ERR_OK)
			return err;
	}
	disk->root_fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disk->root_fd >= 0)
		err = find_place(disk);
	if (disk->root_fd >= 0)
		return err == ERR_OK && create ? check_strangers(disk) : err;
	if (errno == ENOENT || errno == ENOTDIR)
		return fail_errno(PL_NO_REPOSITORY, "there is no repository at %s", disk->path);
	return fail_errno(PL_TARGET_READ, "cannot open the folder %s", disk->path);
}

enum err disk_target_new(struct target **out, const char *url, const char *path, bool create)
{
	static const struct target_operations operations = {.put = disk_put,
	    .replace = disk_replace,
	    .read = disk_read,
	    .stat = disk_stat,
	    .list = disk_list,
	    .remove = disk_remove,
	    .compare = disk_compare,
	    .hash = disk_hash,
	    .space = disk_space,
	    .medium = disk_medium,
	    .now = disk_now,
	    .free = disk_free};
	struct disk_target *disk = mem_calloc(1, sizeof(*disk));
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!disk)
		return ERR_NOMEM;
	disk->base.operations = &operations;
	disk->root_fd = -1;
	disk_files_setup(&disk->files);
	pthread_mutex_init(&disk->lock, NULL);
	disk->base.url = mem_string(url);
	disk->path = mem_string(path);
	disk->base.folder = disk->path;
	if (disk->base.url && disk->path)
		err = open_root(disk, create);
	if (err != ERR_OK) {
		target_free(&disk->base);
		return err;
	}
	*out = &disk->base;
	return ERR_OK;
}

void disk_target_set_publish(struct target *target, enum disk_publish publish)
{
	atomic_store(&disk_of(target)->publish, publish);
}
