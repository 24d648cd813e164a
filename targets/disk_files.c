#include "targets/disk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void disk_files_setup(struct disk_files *files)
{
	pthread_mutex_init(&files->lock, NULL);
	for (int i = 0; i < DISK_FILES; i++)
		files->files[i].fd = -1;
}

void disk_files_close(struct disk_files *files)
{
	for (int i = 0; i < DISK_FILES; i++)
		if (files->files[i].fd >= 0)
			close(files->files[i].fd);
	pthread_mutex_destroy(&files->lock);
}

static int open_regular(int root_fd, const char *name)
{
	/* O_NONBLOCK: a pipe that stands in place of an object must not stop the program. */
	int fd = openat(root_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* The slot that holds the name, or the one to use for it: free, else unused for longest; -1 where all are in use. */
static int choose_slot(const struct disk_files *files, const char *name)
{
	int best = -1;

	for (int i = 0; i < DISK_FILES; i++) {
		const struct disk_file *file = &files->files[i];

		if (file->fd >= 0 && strcmp(file->name, name) == 0)
			return i;
		if (file->users == 0 && (best < 0 || file->used < files->files[best].used))
			best = i;
	}
	return best;
}

int disk_files_acquire(struct disk_files *files, int root_fd, const char *name, int *slot)
{
	int fd = -1;

	*slot = -1;
	/* Only packs: what is read once needs no descriptor kept, and config is replaced. */
	if (strncmp(name, "packs/", 6) != 0)
		return open_regular(root_fd, name);
	pthread_mutex_lock(&files->lock);
	*slot = choose_slot(files, name);
	if (*slot < 0 || files->files[*slot].fd < 0 || strcmp(files->files[*slot].name, name) != 0)
		fd = open_regular(root_fd, name);
	if (*slot >= 0) {
		struct disk_file *file = &files->files[*slot];

		if (fd >= 0) {
			if (file->fd >= 0)
				close(file->fd);
			file->fd = fd;
			memcpy(file->name, name, strlen(name) + 1);
		} else if (file->fd >= 0 && strcmp(file->name, name) == 0) {
			fd = file->fd;
		}
		if (fd >= 0) {
			file->users++;
			file->used = ++files->clock;
		}
	}
	pthread_mutex_unlock(&files->lock);
	if (fd < 0)
		*slot = -1;
	return fd;
}

void disk_files_release(struct disk_files *files, int fd, int slot)
{
	if (slot < 0) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&files->lock);
	files->files[slot].users--;
	/* Forgotten while in use: the last user closes it. */
	if (files->files[slot].users == 0 && files->files[slot].name[0] == '\0') {
		close(files->files[slot].fd);
		files->files[slot].fd = -1;
	}
	pthread_mutex_unlock(&files->lock);
}

void disk_files_forget(struct disk_files *files, const char *name)
{
	pthread_mutex_lock(&files->lock);
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *file = &files->files[i];

		if (file->fd < 0 || strcmp(file->name, name) != 0)
			continue;
		file->name[0] = '\0';
		if (file->users == 0) {
			close(file->fd);
			file->fd = -1;
		}
	}
	pthread_mutex_unlock(&files->lock);
}
