/* Folders of the destination. They live from the moment the planner makes them until the last thing in them is done; at most
 * RESTORE_FOLDERS_OPEN of them are open. A closed one is reopened from its parent, one component, never through a link, and must be
 * the very folder that was closed. */
#include "restore/restore_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FOLDER_OPEN (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static struct restore_folder *folder_new(const char *name)
{
	size_t size = strlen(name) + 1;
	struct restore_folder *folder = mem_calloc(1, sizeof(*folder) + size);

	if (!folder)
		return NULL;
	memcpy(folder->name, name, size);
	folder->fd = -1;
	folder->references = 1;
	return folder;
}

static void folder_free(struct restore_folder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	buffer_free(&folder->names);
	buffer_free(&folder->journals);
	mem_free(folder->entry);
	mem_free(folder);
}

/* Remembers which folder this is, and what it has. */
static int folder_learn(const struct restore *run, struct restore_folder *folder)
{
	struct stat stat;

	if (fstat(folder->fd, &stat) != 0)
		return -1;
	folder->device = stat.st_dev;
	folder->inode = stat.st_ino;
	folder->uid = stat.st_uid;
	folder->gid = stat.st_gid;
	folder->mode = stat.st_mode & 07777;
	folder->own = file_is_among(&stat, run->own, run->own_count);
	return 0;
}

/* ---- which are open (under folders_lock) ---- */

static void idle_remove(struct restore *run, struct restore_folder *folder)
{
	if (folder->newer)
		folder->newer->older = folder->older;
	else if (run->newest == folder)
		run->newest = folder->older;
	if (folder->older)
		folder->older->newer = folder->newer;
	else if (run->oldest == folder)
		run->oldest = folder->newer;
	folder->newer = folder->older = NULL;
}

static void idle_add(struct restore *run, struct restore_folder *folder)
{
	folder->older = run->newest;
	folder->newer = NULL;
	if (run->newest)
		run->newest->newer = folder;
	else
		run->oldest = folder;
	run->newest = folder;
}

static void close_oldest(struct restore *run)
{
	while (run->folders_open > RESTORE_FOLDERS_OPEN && run->oldest) {
		struct restore_folder *folder = run->oldest;

		idle_remove(run, folder);
		close(folder->fd);
		folder->fd = -1;
		run->folders_open--;
	}
}

/* Opens a closed folder whose parent is open. */
static enum err reopen(struct restore *run, struct restore_folder *folder)
{
	struct stat stat;
	int fd = openat(folder->parent->fd, folder->name, FOLDER_OPEN);

	if (fd < 0)
		return fail_errno(PL_RESTORE_WRITE, "cannot open the folder %s again", folder->name);
	if (fstat(fd, &stat) != 0 || stat.st_dev != folder->device || stat.st_ino != folder->inode) {
		close(fd);
		return fail(PL_RESTORE_WRITE, "the folder %s was exchanged while it was restored", folder->name);
	}
	folder->fd = fd;
	run->folders_open++;
	return ERR_OK;
}

int restore_folder_enter(struct restore *run, struct restore_folder *folder)
{
	int fd = -1;

	pthread_mutex_lock(&run->folders_lock);
	while (folder->fd < 0) {
		struct restore_folder *closed = folder;

		while (closed->parent->fd < 0)
			closed = closed->parent;
		if (reopen(run, closed) != ERR_OK)
			goto done;
		if (closed != folder)
			idle_add(run, closed);
	}
	if (folder->users++ == 0)
		idle_remove(run, folder);
	fd = folder->fd;
	close_oldest(run);
done:
	pthread_mutex_unlock(&run->folders_lock);
	return fd;
}

void restore_folder_leave(struct restore *run, struct restore_folder *folder)
{
	pthread_mutex_lock(&run->folders_lock);
	if (--folder->users == 0 && !folder->root)
		idle_add(run, folder);
	close_oldest(run);
	pthread_mutex_unlock(&run->folders_lock);
}

void restore_folder_keep(struct restore *run, struct restore_folder *folder)
{
	pthread_mutex_lock(&run->folders_lock);
	folder->references++;
	pthread_mutex_unlock(&run->folders_lock);
}

/* ---- the end of a folder ---- */

static void finish_metadata(struct restore *run, struct restore_folder *folder, int fd)
{
	struct restore_has has = {.uid = folder->uid, .gid = folder->gid, .mode = folder->mode, .fresh = folder->fresh};

	if (folder->entry)
		restore_metadata_set(run, &folder->entry->entry, fd, -1, NULL, &has, 0);
	else if (folder->fresh && !folder->root)
		(void)fchmod(fd, 0777 & ~run->umask);
	else
		restore_protected_put_back(fd, folder->taken);
}

/* What a file system took it may still lose: a disk that fails or is pulled out shows it when it is written to, and by then all files are
 * closed. So each file system is synced before the restore says that all is there: once, since a sync of each file would take many times as
 * long. The destination's descriptor is as old as the run, and so learns of every failure since. */
static void make_durable(struct restore *run, struct restore_folder *folder, int fd)
{
	if ((folder->parent && folder->parent->device == folder->device) || syncfs(fd) == 0)
		return;
	(void)fail_errno(PL_RESTORE_WRITE, "cannot write everything to %s", run->options->destination);
	restore_stop(run);
}

static void folder_finish(struct restore *run, struct restore_folder *folder)
{
	int fd = restore_folder_enter(run, folder);
	struct entry_bytes path = {0};

	if (folder->entry)
		path = folder->entry->entry.path;
	if (fd < 0) {
		restore_problem(run, path, failure_last()->kind);
		return;
	}
	if (!restore_stopped(run)) {
		if (run->options->delete_others && !folder->fresh)
			restore_delete_others(run, folder, fd);
		restore_journal_tell(run, folder, fd);
		if (!run->options->dry_run) {
			finish_metadata(run, folder, fd);
			make_durable(run, folder, fd);
		}
	} else {
		restore_protected_put_back(fd, folder->taken);
	}
	restore_folder_leave(run, folder);
}

void restore_folder_drop(struct restore *run, struct restore_folder *folder)
{
	while (folder) {
		struct restore_folder *parent = folder->parent;
		bool last;

		pthread_mutex_lock(&run->folders_lock);
		last = --folder->references == 0;
		pthread_mutex_unlock(&run->folders_lock);
		if (!last)
			return;
		folder_finish(run, folder);
		pthread_mutex_lock(&run->folders_lock);
		idle_remove(run, folder);
		if (folder->fd >= 0)
			run->folders_open--;
		pthread_mutex_unlock(&run->folders_lock);
		folder_free(folder);
		folder = parent;
	}
}

/* ---- the beginning of a folder ---- */

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", FOLDER_OPEN);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	unsigned found = 0;

	if (!listing) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while (found <= 2 && readdir(listing))
		found++;
	closedir(listing);
	return found <= 2; /* "." and ".." */
}

enum err restore_refuse_own(const char *what)
{
	return fail(
	    PL_RESTORE_DESTINATION, "%s would go into the repository itself, or into what is remembered of it", what);
}

/* Whether a folder lies in the repository, at any depth. */
static enum err check_own(const struct restore *run, int fd, const char *path)
{
	struct stat self, above = {0};
	int at = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = ERR_OK;

	while (err == ERR_OK && at >= 0 && fstat(at, &self) == 0 &&
	    (self.st_dev != above.st_dev || self.st_ino != above.st_ino)) {
		int next = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (file_is_among(&self, run->own, run->own_count))
			err = restore_refuse_own(path);
		above = self;
		close(at);
		at = next;
	}
	if (at >= 0)
		close(at);
	return err;
}

enum err restore_folder_root(struct restore *run, const char *path, struct restore_folder **out)
{
	struct restore_folder *folder = folder_new("");
	struct stat stat_of;
	bool made;
	enum err err;

	*out = NULL;
	if (!folder)
		return ERR_NOMEM;
	made = stat(path, &stat_of) != 0;
	if (made && run->options->dry_run) {
		folder_free(folder);
		return ERR_OK;
	}
	err = made ? file_make_folders(path, 0700) : ERR_OK;
	if (err != ERR_OK)
		goto done;
	/* The destination itself may be a link: it is what the user named. */
	folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0 || folder_learn(run, folder) != 0) {
		err = fail_errno(PL_RESTORE_DESTINATION, "cannot use %s", path);
		goto done;
	}
	err = check_own(run, folder->fd, path);
	if (err != ERR_OK)
		goto done;
	folder->root = true;
	if (!made && !run->options->dry_run && run->options->overwrite != RESTORE_NEVER)
		folder->taken = restore_protected_take(folder->fd, &folder->guarded);
	folder->fresh = made || is_empty(folder->fd);
	folder->default_acl = fgetxattr(folder->fd, "system.posix_acl_default", NULL, 0) > 0;
	folder->users = 1; /* never closed before the end */
	run->folders_open++;
	*out = folder;
	folder = NULL;
done:
	if (folder)
		folder_free(folder);
	return err;
}

gid_t restore_folder_group(const struct restore *run, const struct restore_folder *folder)
{
	return folder->mode & S_ISGID ? folder->gid : run->needs.gid;
}

static struct entry_bytes name_of(const struct restore_folder *folder)
{
	return (struct entry_bytes){.data = (const uint8_t *)folder->name, .size = strlen(folder->name)};
}

/* A folder of that name, or something else that may be replaced by one. */
static enum err take_existing(struct restore *run, struct restore_folder *parent, struct restore_folder *folder)
{
	if (parent->fresh)
		return fail(PL_RESTORE_CLASH, "the destination takes %s for another name that is there", folder->name);
	if (run->ignores_case) {
		enum err err = restore_look_spelling(parent->fd, folder->name, name_of(folder));

		if (err != ERR_OK)
			return err;
	}
	folder->fd = openat(parent->fd, folder->name, FOLDER_OPEN);
	if (folder->fd >= 0)
		return ERR_OK;
	if (errno != ENOTDIR && errno != ELOOP)
		return fail_errno(PL_RESTORE_WRITE, "cannot open the folder %s", folder->name);
	if (run->options->overwrite == RESTORE_NEVER)
		return fail(PL_RESTORE_IN_THE_WAY, "%s is there and is no folder", folder->name);
	if (restore_protected_unlink(parent->fd, folder->name, 0) != 0 || mkdirat(parent->fd, folder->name, 0700) != 0)
		return restore_protected_fail("cannot make a folder of", name_of(folder), parent->fd, folder->name);
	folder->fresh = true;
	return ERR_OK;
}

static enum err prepare(struct restore *run, struct restore_folder *parent, struct restore_folder *folder)
{
	if (folder->fd < 0)
		folder->fd = openat(parent->fd, folder->name, FOLDER_OPEN);
	if (folder->fd >= 0 && folder->fresh && parent->default_acl) {
		(void)fremovexattr(folder->fd, "system.posix_acl_default");
		(void)fremovexattr(folder->fd, "system.posix_acl_access");
	}
	if (folder->fd < 0 || folder_learn(run, folder) != 0)
		return fail_errno(PL_RESTORE_WRITE, "cannot open the folder %s", folder->name);
	if (run->options->dry_run || folder->fresh)
		return ERR_OK;
	if (run->options->overwrite != RESTORE_NEVER)
		folder->taken = restore_protected_take(folder->fd, &folder->guarded);
	folder->default_acl = fgetxattr(folder->fd, "system.posix_acl_default", NULL, 0) > 0;
	/* Its owner may have taken the right to write from himself; it comes back as the snapshot has it. */
	if ((folder->mode & 0700) != 0700 && fchmod(folder->fd, folder->mode | 0700) == 0)
		folder->mode |= 0700;
	return ERR_OK;
}

enum err restore_folder_make(struct restore *run, struct restore_folder *parent, const char *name,
    struct restore_entry *entry, struct restore_folder **out)
{
	struct restore_folder *folder = folder_new(name);
	enum err err = ERR_OK;
	int fd;

	*out = NULL;
	if (!folder)
		return ERR_NOMEM;
	if (parent->own) {
		folder_free(folder);
		return restore_refuse_own(name);
	}
	fd = restore_folder_enter(run, parent);
	if (fd < 0) {
		folder_free(folder);
		return failure_last()->kind;
	}
	if (run->options->dry_run) {
		folder->fd = openat(fd, name, FOLDER_OPEN);
		if (folder->fd < 0) {
			restore_folder_leave(run, parent);
			folder_free(folder);
			return ERR_OK;
		}
	} else if (mkdirat(fd, name, 0700) == 0)
		folder->fresh = true;
	else if (errno == EEXIST)
		err = take_existing(run, parent, folder);
	else
		err = restore_protected_fail("cannot make the folder", name_of(folder), fd, name);
	if (err == ERR_OK)
		err = prepare(run, parent, folder);
	restore_folder_leave(run, parent);
	if (err != ERR_OK) {
		folder_free(folder);
		return err;
	}
	folder->entry = entry;
	folder->parent = parent;
	pthread_mutex_lock(&run->folders_lock);
	parent->references++;
	run->folders_open++;
	idle_add(run, folder);
	close_oldest(run);
	pthread_mutex_unlock(&run->folders_lock);
	*out = folder;
	return ERR_OK;
}
