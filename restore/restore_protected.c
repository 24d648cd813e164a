/* What is immutable (chattr +i) or append-only (+a) in the destination. From what a restore replaces or writes into, root takes that away;
 * everybody else is told which flag it is. Crash story: between taking the flag away and putting the new file in place, the old one is
 * whole, and without its flag. */
#include "restore/restore_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROTECTING ((unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL))

unsigned restore_protected_take(int fd, bool *stays)
{
	unsigned flags = 0, without;
	bool taken;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || !(flags & PROTECTING))
		return 0;
	without = flags & ~PROTECTING;
	taken = ioctl(fd, FS_IOC_SETFLAGS, &without) == 0;
	if (stays)
		*stays = !taken;
	return taken ? flags & PROTECTING : 0;
}

void restore_protected_put_back(int fd, unsigned taken)
{
	unsigned flags = 0;

	if (!taken || ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return;
	flags |= taken;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* Without opening it: who may not read it is told all the same. */
static unsigned flags_of(int folder_fd, const char *name)
{
	struct statx status;

	if (statx(folder_fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) != 0)
		return 0;
	/* The kernel gives these the numbers of the file flags. */
	return (unsigned)status.stx_attributes & PROTECTING;
}

/* A device has no such flags, and is not opened. */
static int open_to_take(int folder_fd, const char *name)
{
	return flags_of(folder_fd, name) ? openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
}

/* Puts `from` in its place, or removes it where there is none. */
static int replace(int folder_fd, const char *from, const char *name, int flags)
{
	return from ? renameat(folder_fd, from, folder_fd, name) : unlinkat(folder_fd, name, flags);
}

static int replace_protected(int folder_fd, const char *from, const char *name, int flags)
{
	unsigned taken = 0;
	struct stat status;
	int failed = replace(folder_fd, from, name, flags), fd, saved;

	if (!failed || errno != EPERM)
		return failed;
	fd = open_to_take(folder_fd, name);
	if (fd >= 0)
		taken = restore_protected_take(fd, NULL);
	errno = EPERM;
	if (taken)
		failed = replace(folder_fd, from, name, flags);
	saved = errno;
	/* A file that has another name, perhaps elsewhere, is not what was replaced. */
	if (taken && (failed || (fstat(fd, &status) == 0 && status.st_nlink > 0)))
		restore_protected_put_back(fd, taken);
	if (fd >= 0)
		close(fd);
	errno = saved;
	return failed;
}

int restore_protected_rename(int folder_fd, const char *from, const char *to)
{
	return replace_protected(folder_fd, from, to, 0);
}

int restore_protected_unlink(int folder_fd, const char *name, int flags)
{
	return replace_protected(folder_fd, NULL, name, flags);
}

enum err restore_protected_fail(const char *what, struct entry_bytes path, int folder_fd, const char *name)
{
	int saved = errno;
	unsigned own = flags_of(folder_fd, name), flags = own ? own : flags_of(folder_fd, ".");

	errno = saved;
	if (saved == EBUSY)
		return fail(PL_RESTORE_WRITE, "%s %s: a file system or a folder is mounted on it", what,
		    restore_printable(path));
	if (saved != EPERM || !flags)
		return restore_fail_write(what, path);
	return fail(PL_RESTORE_PROTECTED, "%s %s: %s is %s", what, restore_printable(path), own ? "it" : "its folder",
	    flags & FS_IMMUTABLE_FL ? "immutable (chattr +i)" : "append-only (chattr +a)");
}
