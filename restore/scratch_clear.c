/* What drills leave behind: their own folder when they end, those of others when these were cut off. */
#include "restore/restore_internal.h"
#include "restore/scratch_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define END_PATIENCE 10000 /* milliseconds for a process to be gone after SIGKILL */
#define DEPTH_MAX 8192	   /* deeper than anything that a restore makes */

/* ---- removing ---- */

static bool remove_below(int fd, dev_t device, unsigned depth);

/* What is mounted there is somebody else's. */
static bool remove_folder(int parent, const char *name, dev_t device, unsigned depth)
{
	struct stat status;
	bool done = false;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) != 0) {
		done = false;
	} else if (status.st_dev != device) {
		errno = EXDEV;
	} else {
		(void)restore_protected_take(fd, NULL);
		(void)fchmod(fd, 0700);
		done = remove_below(fd, device, depth + 1);
	}
	close(fd);
	return done && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

static bool remove_entry(int fd, const char *name, dev_t device, unsigned depth)
{
	struct stat status;

	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	if (!S_ISDIR(status.st_mode))
		return restore_protected_unlink(fd, name, 0) == 0 || errno == ENOENT;
	if (depth >= DEPTH_MAX) {
		errno = ELOOP;
		return false;
	}
	return remove_folder(fd, name, device, depth);
}

static bool remove_below(int fd, dev_t device, unsigned depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	bool done = listing != NULL;
	int error = errno;

	if (!listing && copy >= 0)
		close(copy);
	while (listing && (entry = readdir(listing)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!remove_entry(fd, entry->d_name, device, depth)) {
			done = false;
			error = errno;
		}
	}
	if (listing)
		closedir(listing);
	errno = error;
	return done;
}

enum err scratch_remove(int parent_fd, const char *name)
{
	struct stat status;

	if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ERR_OK : fail_errno(PL_SCRATCH, "cannot look at %s", name);
	return remove_folder(parent_fd, name, status.st_dev, 0)
	    ? ERR_OK
	    : fail_errno(PL_SCRATCH, "cannot remove all of %s", name);
}

/* ---- processes ---- */

/* Whether it works in the folder: the servers do, and what makes their data. The name of the folder is drawn anew for each drill. */
static bool works_in(const char *pid, const char *folder)
{
	char path[64], where[PATH_MAX];
	size_t length = strlen(folder);
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid);
	got = readlink(path, where, sizeof(where) - 1);
	if (got < 0)
		return false;
	where[got] = '\0';
	return strncmp(where, folder, length) == 0 && (where[length] == '\0' || where[length] == '/');
}

static void end_process(const char *pid, const char *folder)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)atol(pid), 0);

	/* Asked again: from here on the number is that of this process. */
	if (fd >= 0 && works_in(pid, folder) && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, END_PATIENCE);
	if (fd >= 0)
		close(fd);
}

void scratch_end_processes(const char *folder)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;

	while (processes && (entry = readdir(processes)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && atol(entry->d_name) != getpid() &&
		    works_in(entry->d_name, folder))
			end_process(entry->d_name, folder);
	if (processes)
		closedir(processes);
}

/* ---- what was cut off ---- */

/* One of ours whose lock is free. Others' are left alone, whatever is in them. */
static bool is_left_behind(int parent_fd, const char *name)
{
	struct stat folder, marker;
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), lock = -1;
	bool left = false;

	if (fd < 0)
		return false;
	lock = openat(fd, SCRATCH_MARKER, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (lock >= 0 && fstat(fd, &folder) == 0 && fstat(lock, &marker) == 0)
		left = folder.st_uid == geteuid() && marker.st_uid == geteuid() && S_ISREG(marker.st_mode) &&
		    flock(lock, LOCK_EX | LOCK_NB) == 0;
	if (lock >= 0)
		close(lock);
	close(fd);
	return left;
}

static enum err clear_one(const char *parent, int parent_fd, const char *name)
{
	char *folder = path_join(parent, name);
	enum err err;

	if (!folder)
		return ERR_NOMEM;
	output_note("removing what a drill that was cut off left: %s", folder);
	scratch_end_processes(folder);
	err = scratch_remove(parent_fd, name);
	mem_free(folder);
	if (err != ERR_OK)
		output_failure_warning(failure_last());
	return ERR_OK;
}

enum err scratch_clear(const char *parent, int parent_fd)
{
	int copy = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	enum err err = ERR_OK;

	if (!listing) {
		if (copy >= 0)
			close(copy);
		return fail_errno(PL_SCRATCH, "cannot list %s", parent);
	}
	while (err == ERR_OK && (entry = readdir(listing)) != NULL)
		if (strncmp(entry->d_name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) == 0 &&
		    is_left_behind(parent_fd, entry->d_name))
			err = clear_one(parent, parent_fd, entry->d_name);
	closedir(listing);
	return err;
}
