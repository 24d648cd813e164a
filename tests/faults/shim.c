/* A preloaded library that makes the n-th call on certain paths go wrong, as verdict.h says. For tests/faults/sweep.py.
 *
 * The real work is done with raw system calls, so no symbol needs to be looked up. Buffered stdio writes inside libc, where
 * no preloaded function sees it: code that writes to a repository does not use stdio. */
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* O_TMPFILE holds the bit of O_DIRECTORY. */
static bool creates(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int open_any(int folder, const char *name, int flags, mode_t mode)
{
	if ((creates(flags) || (flags & O_TRUNC)) && verdict_of_name("open", CREATE, folder, name) == FAIL)
		return -1;
	return (int)syscall(SYS_openat, folder, name, flags, mode);
}

#define MODE_OF(flags, mode)                                           \
	do {                                                           \
		va_list arguments;                                     \
		va_start(arguments, flags);                            \
		mode = creates(flags) ? va_arg(arguments, mode_t) : 0; \
		va_end(arguments);                                     \
	} while (0)

int open(const char *name, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_any(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_any(AT_FDCWD, name, flags, mode);
}

int openat(int folder, const char *name, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_any(folder, name, flags, mode);
}

int openat64(int folder, const char *name, int flags, ...)
{
	mode_t mode;

	MODE_OF(flags, mode);
	return open_any(folder, name, flags, mode);
}

int creat(const char *name, mode_t mode)
{
	return open_any(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *name, mode_t mode)
{
	return open_any(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	enum verdict verdict = verdict_of_fd("write", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL || verdict == LIE)
		return verdict == LIE ? (ssize_t)size : -1;
	done = syscall(SYS_write, fd, bytes, verdict_cut(verdict, size));
	verdict_after_write(verdict);
	return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	enum verdict verdict = verdict_of_fd("pwrite", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL || verdict == LIE)
		return verdict == LIE ? (ssize_t)size : -1;
	done = syscall(SYS_pwrite64, fd, bytes, verdict_cut(verdict, size), offset);
	verdict_after_write(verdict);
	return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
	return pwrite(fd, bytes, size, offset);
}

/* Half of a vector is its first part. */
ssize_t writev(int fd, const struct iovec *vector, int count)
{
	enum verdict verdict = verdict_of_fd("writev", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL)
		return -1;
	done = verdict == HALF ? syscall(SYS_write, fd, vector[0].iov_base, verdict_cut(verdict, vector[0].iov_len))
			       : syscall(SYS_writev, fd, vector, count);
	verdict_after_write(verdict);
	return done;
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t offset)
{
	enum verdict verdict = verdict_of_fd("pwritev", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL)
		return -1;
	done = verdict == HALF
	    ? syscall(SYS_pwrite64, fd, vector[0].iov_base, verdict_cut(verdict, vector[0].iov_len), offset)
	    : syscall(SYS_pwritev, fd, vector, (long)count, offset, 0L);
	verdict_after_write(verdict);
	return done;
}

ssize_t pwritev64(int fd, const struct iovec *vector, int count, off_t offset)
{
	return pwritev(fd, vector, count, offset);
}

int ftruncate(int fd, off_t size)
{
	return verdict_of_fd("ftruncate", META, fd) == FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	return verdict_of_fd("fallocate", CREATE, fd) == FAIL ? -1
							      : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off_t offset, off_t size)
{
	return fallocate(fd, mode, offset, size);
}

/* Returns the error number, as POSIX has it. */
int posix_fallocate(int fd, off_t offset, off_t size)
{
	return fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t offset, off_t size)
{
	return posix_fallocate(fd, offset, size);
}

int fsync(int fd)
{
	return verdict_of_fd("fsync", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return verdict_of_fd("fdatasync", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
	return verdict_of_fd("syncfs", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_syncfs, fd);
}

/* The descriptor is closed even where the call fails: as the kernel does. */
int close(int fd)
{
	long flags = syscall(SYS_fcntl, fd, F_GETFL);
	bool written = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
	bool failed = written && verdict_of_fd("close", CLOSE, fd) == FAIL;
	int reason = errno;
	long result = syscall(SYS_close, fd);

	if (failed)
		errno = reason;
	return failed ? -1 : (int)result;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return verdict_of_move("rename", from, old, to, new) == FAIL
	    ? -1
	    : (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
	return renameat2(from, old, to, new, 0);
}

int rename(const char *old, const char *new)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	return verdict_of_move("link", from, old, to, new) == FAIL
	    ? -1
	    : (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int link(const char *old, const char *new)
{
	return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int symlinkat(const char *target, int folder, const char *name)
{
	return verdict_of_name("symlink", CREATE, folder, name) == FAIL
	    ? -1
	    : (int)syscall(SYS_symlinkat, target, folder, name);
}

int symlink(const char *target, const char *name)
{
	return symlinkat(target, AT_FDCWD, name);
}

int unlinkat(int folder, const char *name, int flags)
{
	return verdict_of_name("unlink", META, folder, name) == FAIL ? -1
								     : (int)syscall(SYS_unlinkat, folder, name, flags);
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int remove(const char *name)
{
	int result = unlinkat(AT_FDCWD, name, 0);

	return result < 0 && errno == EISDIR ? unlinkat(AT_FDCWD, name, AT_REMOVEDIR) : result;
}

int mkdirat(int folder, const char *name, mode_t mode)
{
	return verdict_of_name("mkdir", CREATE, folder, name) == FAIL ? -1
								      : (int)syscall(SYS_mkdirat, folder, name, mode);
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

ssize_t read(int fd, void *bytes, size_t size)
{
	return verdict_of_fd("read", READ, fd) == FAIL ? -1 : syscall(SYS_read, fd, bytes, size);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
	return verdict_of_fd("pread", READ, fd) == FAIL ? -1 : syscall(SYS_pread64, fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off_t offset)
{
	return pread(fd, bytes, size, offset);
}

ssize_t flistxattr(int fd, char *list, size_t size)
{
	return verdict_of_fd("flistxattr", READ, fd) == FAIL ? -1 : syscall(SYS_flistxattr, fd, list, size);
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
	return verdict_of_fd("fgetxattr", READ, fd) == FAIL ? -1 : syscall(SYS_fgetxattr, fd, name, value, size);
}

/* What _FORTIFY_SOURCE makes of open, read and pread. */
int __open_2(const char *name, int flags);
int __open64_2(const char *name, int flags);
int __openat_2(int folder, const char *name, int flags);
int __openat64_2(int folder, const char *name, int flags);
ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *bytes, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *bytes, size_t size, off_t offset, size_t room);

int __open_2(const char *name, int flags)
{
	return open_any(AT_FDCWD, name, flags, 0);
}

int __open64_2(const char *name, int flags)
{
	return open_any(AT_FDCWD, name, flags, 0);
}

int __openat_2(int folder, const char *name, int flags)
{
	return open_any(folder, name, flags, 0);
}

int __openat64_2(int folder, const char *name, int flags)
{
	return open_any(folder, name, flags, 0);
}

ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room)
{
	if (size > room)
		abort();
	return read(fd, bytes, size);
}

ssize_t __pread_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
	if (size > room)
		abort();
	return pread(fd, bytes, size, offset);
}

ssize_t __pread64_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
	return __pread_chk(fd, bytes, size, offset, room);
}
