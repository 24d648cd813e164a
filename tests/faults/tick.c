/* A preloaded library that changes a file, PULIH_TICK_FILE, twice within one tick of the clock: its first and last byte become A before it is
 * looked at, and B when its beginning was read. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_int stage;

static void change(const char *path, char byte)
{
	struct stat status;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0 || pwrite(fd, &byte, 1, 0) != 1 ||
	    pwrite(fd, &byte, 1, status.st_size - 1) != 1)
		abort();
	close(fd);
}

static void wait_for_tick(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_nsec == before.tv_nsec);
}

int statx(int folder, const char *name, int flags, unsigned mask, struct statx *out)
{
	const char *path = getenv("PULIH_TICK_FILE");

	if (path && strcmp(name, strrchr(path, '/') + 1) == 0 && stage < 2) {
		stage = 1;
		wait_for_tick();
		change(path, 'A');
	}
	return (int)syscall(SYS_statx, folder, name, flags, mask, out);
}

ssize_t pread64(int fd, void *out, size_t size, off_t offset)
{
	const char *path = getenv("PULIH_TICK_FILE");
	ssize_t got = syscall(SYS_pread64, fd, out, size, offset);
	struct stat own, wanted;

	if (path && offset == 0 && stage == 1 && fstat(fd, &own) == 0 && stat(path, &wanted) == 0 &&
	    own.st_ino == wanted.st_ino && own.st_dev == wanted.st_dev) {
		stage = 2;
		change(path, 'B');
	}
	return got;
}
