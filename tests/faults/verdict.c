#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static void note(long n, const char *call, const char *path, const char *old)
{
	char line[2 * PATH_MAX + 64];
	int length = snprintf(line, sizeof(line), "%ld %s %s%s%s\n", n, call, path, old ? " " : "", old ? old : "");

	for (char *at = line; at < line + length - 1; at++)
		if (*at < ' ' || *at > '~')
			*at = '?'; /* one call, one line, whatever the names are */
	(void)!syscall(SYS_write, fault.log, line, (size_t)length);
}

static enum verdict failed(int error)
{
	errno = error;
	return FAIL;
}

/* What happens to the n-th call and, of some actions, to all behind it. */
static enum verdict lasting(enum kind kind, bool first)
{
	const char *action = fault.action;

	if (strcmp(action, "full") == 0 && (kind == CREATE || kind == WRITE))
		return failed(ENOSPC);
	if (strcmp(action, "short-always") == 0 && kind == WRITE)
		return HALF;
	return strcmp(action, "dead") == 0 || (first && strcmp(action, "eio") == 0) ? failed(EIO) : PASS;
}

/* What happens once. */
static enum verdict once(enum kind kind)
{
	const char *action = fault.action;

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
	if (strcmp(action, "short") != 0)
		return PASS;
	if (kind != WRITE)
		return failed(EIO);
	atomic_store(&write_fails, true);
	return HALF;
}

static enum verdict judge(const char *call, enum kind kind, const char *path, const char *old)
{
	enum verdict verdict;
	long n;

	if (!fault.prefix || !below(path) || !listed(call, kind))
		return PASS;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (fault.log >= 0)
		note(n, call, path, old);
	if (kind == WRITE && atomic_exchange(&write_fails, false))
		return failed(EIO);
	if (fault.at == 0 || n < fault.at)
		return PASS;
	verdict = lasting(kind, n == fault.at);
	return verdict == PASS && n == fault.at ? once(kind) : verdict;
}

enum verdict verdict_of_fd(const char *call, enum kind kind, int fd)
{
	char path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_of_fd(fd, path);
	return judge(call, kind, path, NULL);
}

enum verdict verdict_of_name(const char *call, enum kind kind, int folder, const char *name)
{
	char path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_at(folder, name, path);
	return judge(call, kind, path, NULL);
}

enum verdict verdict_of_move(const char *call, int from, const char *old, int to, const char *new)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];

	if (!fault.prefix)
		return PASS;
	path_at(from, old, old_path);
	path_at(to, new, new_path);
	return judge(call, META, new_path, old_path);
}

size_t verdict_cut(enum verdict verdict, size_t size)
{
	return verdict == HALF && size > 1 ? size / 2 : size;
}

void verdict_after_write(enum verdict verdict)
{
	if (verdict == HALF && strcmp(fault.action, "torn") == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}
