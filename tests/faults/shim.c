/* A preloaded library that makes the n-th call on certain paths go wrong. For tests/faults/sweep.py.
 *
 *   PULIH_FAULT_PREFIX  absolute paths, ':' between them: only calls on what is at or below one of them count
 *   PULIH_FAULT_OPS     names of calls that count, ',' between them; "write" (the default) is every call that changes
 *                       something, "data" what gives bytes to an open file,
 *                       "sync" is fsync and fdatasync, "read" is read, pread and what reads the
 *                       attributes of an open file
 *   PULIH_FAULT_AT      n, from 1; 0 or unset: nothing goes wrong
 *   PULIH_FAULT_ACTION  kill         SIGKILL instead of the call
 *                       torn         a write writes half, then SIGKILL
 *                       eio          the call fails once with EIO
 *                       dead         this and every later call that counts fails with EIO
 *                       full         this and every later call that needs space fails with ENOSPC
 *                       short        a write writes half, the next one fails with EIO
 *                       short-always every write from n on writes half
 *                       lie          a write says that it wrote, and did not
 *                       interrupt    SIGINT is sent to the process, then the call goes its way
 *   PULIH_FAULT_LOG     a file that gets a line "n call path" for every call that counts; of rename and link the
 *                       path is the new name, and the old one follows
 *
 * The real work is done with raw system calls, so no symbol needs to be looked up. Buffered stdio writes inside libc, where
 * no preloaded function sees it: code that writes to a repository does not use stdio. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

enum kind { CREATE, WRITE, META, SYNC, CLOSE, READ };

static struct {
	const char *prefix, *ops, *action;
	long at;
	int log;
} fault = {.log = -1};
static atomic_long calls;
static atomic_bool write_fails; /* after a short write: the next one fails */

__attribute__((constructor)) static void setup(void)
{
	const char *at = getenv("PULIH_FAULT_AT"), *log = getenv("PULIH_FAULT_LOG");

	fault.prefix = getenv("PULIH_FAULT_PREFIX");
	fault.ops = getenv("PULIH_FAULT_OPS") ? getenv("PULIH_FAULT_OPS") : "write";
	fault.action = getenv("PULIH_FAULT_ACTION") ? getenv("PULIH_FAULT_ACTION") : "kill";
	fault.at = at ? atol(at) : 0;
	if (log)
		fault.log = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool below(const char *path)
{
	const char *at = fault.prefix;

	while (at && *at) {
		size_t length = strcspn(at, ":");

		if (length && strncmp(path, at, length) == 0 && (path[length] == '/' || path[length] == '\0'))
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

static bool listed(const char *call, enum kind kind)
{
	const char *at = fault.ops;

	while (*at) {
		size_t length = strcspn(at, ",");

		if (length == 5 && memcmp(at, "write", 5) == 0 && kind != READ)
			return true;
		if (length == 4 && memcmp(at, "data", 4) == 0 && kind == WRITE)
			return true;
		if (length == 4 && memcmp(at, "sync", 4) == 0 && kind == SYNC)
			return true;
		if (length == 4 && memcmp(at, "read", 4) == 0 && kind == READ)
			return true;
		if (strlen(call) == length && strncmp(call, at, length) == 0)
			return true;
		at += length + (at[length] == ',');
	}
	return false;
}

static void path_of_fd(int fd, char out[PATH_MAX])
{
	char link[64];
	long length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
	out[length > 0 ? length : 0] = '\0';
}

static void path_at(int folder, const char *name, char out[PATH_MAX])
{
	size_t used;

	out[0] = '\0';
	if (name[0] != '/') {
		if (folder != AT_FDCWD)
			path_of_fd(folder, out);
		else if (syscall(SYS_getcwd, out, PATH_MAX) < 0)
			out[0] = '\0';
	}
	used = strlen(out);
	snprintf(out + used, PATH_MAX - used, "%s%s", name[0] == '/' ? "" : "/", name);
}

enum verdict { PASS, FAIL, HALF, LIE };

/* Counts the call and says what becomes of it. With FAIL, errno is set. */
static enum verdict judge(const char *call, enum kind kind, const char *path, const char *old)
{
	const char *action = fault.action;
	bool space = kind == CREATE || kind == WRITE;
	long n;

	if (!fault.prefix || !below(path) || !listed(call, kind))
		return PASS;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (fault.log >= 0) {
		char line[2 * PATH_MAX + 64];
		int length =
		    snprintf(line, sizeof(line), "%ld %s %s%s%s\n", n, call, path, old ? " " : "", old ? old : "");

		for (char *at = line; at < line + length - 1; at++)
			if (*at < ' ' || *at > '~')
				*at = '?'; /* one call, one line, whatever the names are */
		(void)!syscall(SYS_write, fault.log, line, (size_t)length);
	}
	if (kind == WRITE && atomic_exchange(&write_fails, false)) {
		errno = EIO;
		return FAIL;
	}
	if (fault.at == 0 || n < fault.at)
		return PASS;
	if (strcmp(action, "full") == 0 && space) {
		errno = ENOSPC;
		return FAIL;
	}
	if (strcmp(action, "short-always") == 0)
		return kind == WRITE ? HALF : PASS;
	if (strcmp(action, "dead") == 0 || (n == fault.at && strcmp(action, "eio") == 0)) {
		errno = EIO;
		return FAIL;
	}
	if (n != fault.at)
		return PASS;
	if (strcmp(action, "kill") == 0 || (strcmp(action, "torn") == 0 && kind != WRITE)) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		for (;;)
			pause();
	}
	if (strcmp(action, "interrupt") == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGINT);
	if (strcmp(action, "torn") == 0)
		return HALF;
	if (strcmp(action, "lie") == 0)
		return kind == WRITE ? LIE : PASS;
	if (strcmp(action, "short") == 0) {
		if (kind == WRITE) {
			atomic_store(&write_fails, true);
			return HALF;
		}
		errno = EIO;
		return FAIL;
	}
	return PASS;
}

static enum verdict judge_fd(const char *call, enum kind kind, int fd)
{
	char path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_of_fd(fd, path);
	return judge(call, kind, path, NULL);
}

static enum verdict judge_at(const char *call, enum kind kind, int folder, const char *name)
{
	char path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_at(folder, name, path);
	return judge(call, kind, path, NULL);
}

/* A new name for something that has one. */
static enum verdict judge_move(const char *call, int from, const char *old, int to, const char *new)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_at(from, old, old_path);
	path_at(to, new, new_path);
	return judge(call, META, new_path, old_path);
}

/* A write of `size` bytes of which `verdict` leaves some. */
static size_t cut(enum verdict verdict, size_t size)
{
	return verdict == HALF && size > 1 ? size / 2 : size;
}

static void after_write(enum verdict verdict)
{
	if (verdict == HALF && strcmp(fault.action, "torn") == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

/* ---- what is preloaded ---- */

/* O_TMPFILE holds the bit of O_DIRECTORY. */
static bool creates(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int open_any(int folder, const char *name, int flags, mode_t mode)
{
	if ((creates(flags) || (flags & O_TRUNC)) && judge_at("open", CREATE, folder, name) == FAIL)
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
	enum verdict verdict = judge_fd("write", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL || verdict == LIE)
		return verdict == LIE ? (ssize_t)size : -1;
	done = syscall(SYS_write, fd, bytes, cut(verdict, size));
	after_write(verdict);
	return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	enum verdict verdict = judge_fd("pwrite", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL || verdict == LIE)
		return verdict == LIE ? (ssize_t)size : -1;
	done = syscall(SYS_pwrite64, fd, bytes, cut(verdict, size), offset);
	after_write(verdict);
	return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
	return pwrite(fd, bytes, size, offset);
}

/* Half of a vector is its first part. */
ssize_t writev(int fd, const struct iovec *vector, int count)
{
	enum verdict verdict = judge_fd("writev", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL)
		return -1;
	done = verdict == HALF ? syscall(SYS_write, fd, vector[0].iov_base, cut(verdict, vector[0].iov_len))
			       : syscall(SYS_writev, fd, vector, count);
	after_write(verdict);
	return done;
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t offset)
{
	enum verdict verdict = judge_fd("pwritev", WRITE, fd);
	ssize_t done;

	if (verdict == FAIL)
		return -1;
	done = verdict == HALF ? syscall(SYS_pwrite64, fd, vector[0].iov_base, cut(verdict, vector[0].iov_len), offset)
			       : syscall(SYS_pwritev, fd, vector, (long)count, offset, 0L);
	after_write(verdict);
	return done;
}

ssize_t pwritev64(int fd, const struct iovec *vector, int count, off_t offset)
{
	return pwritev(fd, vector, count, offset);
}

int ftruncate(int fd, off_t size)
{
	return judge_fd("ftruncate", META, fd) == FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	return judge_fd("fallocate", CREATE, fd) == FAIL ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
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
	return judge_fd("fsync", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return judge_fd("fdatasync", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
	return judge_fd("syncfs", SYNC, fd) == FAIL ? -1 : (int)syscall(SYS_syncfs, fd);
}

/* The descriptor is closed even where the call fails: as the kernel does. */
int close(int fd)
{
	long flags = syscall(SYS_fcntl, fd, F_GETFL);
	bool written = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
	bool failed = written && judge_fd("close", CLOSE, fd) == FAIL;
	int reason = errno;
	long result = syscall(SYS_close, fd);

	if (failed)
		errno = reason;
	return failed ? -1 : (int)result;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return judge_move("rename", from, old, to, new) == FAIL
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
	return judge_move("link", from, old, to, new) == FAIL ? -1
							      : (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int link(const char *old, const char *new)
{
	return linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int symlinkat(const char *target, int folder, const char *name)
{
	return judge_at("symlink", CREATE, folder, name) == FAIL ? -1
								 : (int)syscall(SYS_symlinkat, target, folder, name);
}

int symlink(const char *target, const char *name)
{
	return symlinkat(target, AT_FDCWD, name);
}

int unlinkat(int folder, const char *name, int flags)
{
	return judge_at("unlink", META, folder, name) == FAIL ? -1 : (int)syscall(SYS_unlinkat, folder, name, flags);
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
	return judge_at("mkdir", CREATE, folder, name) == FAIL ? -1 : (int)syscall(SYS_mkdirat, folder, name, mode);
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

ssize_t read(int fd, void *bytes, size_t size)
{
	return judge_fd("read", READ, fd) == FAIL ? -1 : syscall(SYS_read, fd, bytes, size);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
	return judge_fd("pread", READ, fd) == FAIL ? -1 : syscall(SYS_pread64, fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off_t offset)
{
	return pread(fd, bytes, size, offset);
}

ssize_t flistxattr(int fd, char *list, size_t size)
{
	return judge_fd("flistxattr", READ, fd) == FAIL ? -1 : syscall(SYS_flistxattr, fd, list, size);
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
	return judge_fd("fgetxattr", READ, fd) == FAIL ? -1 : syscall(SYS_fgetxattr, fd, name, value, size);
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
