/* Shared by disk.c (the operations), disk_write.c (what is stored) and disk_files.c (open descriptors). */
#ifndef PULIH_TARGETS_DISK_INTERNAL_H
#define PULIH_TARGETS_DISK_INTERNAL_H

#include "core/repo/object.h"
#include "targets/disk.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- disk_files.c: descriptors of packs, kept open because packs are read frame by frame from several threads ---- */

#define DISK_FILES 32

struct disk_file {
	char name[OBJECT_NAME_MAX]; /* "" where the place is free or its file was removed */
	int fd;			    /* -1: nothing open */
	unsigned users;
	uint64_t used; /* when, counted in acquisitions */
};

struct disk_files {
	pthread_mutex_t lock;
	struct disk_file files[DISK_FILES];
	uint64_t clock;
};

void disk_files_setup(struct disk_files *files);
void disk_files_close(struct disk_files *files);
/* A descriptor of a regular file below root_fd, or -1 with errno (EINVAL: no regular file). *slot is -1 where it is not kept. */
int disk_files_acquire(struct disk_files *files, int root_fd, const char *name, int *slot);
void disk_files_release(struct disk_files *files, int fd, int slot);
/* The name means another file from now on, or none. */
void disk_files_forget(struct disk_files *files, const char *name);

/* ---- disk.c ---- */

struct disk_target {
	struct target base;
	char *path;
	int root_fd; /* names are taken from here, so that a folder that is moved or mounted over is not mistaken for this one */
	struct disk_files files;
	pthread_mutex_t lock;
	char (*prepared)[OBJECT_NAME_MAX]; /* folders that this process made durable and swept */
	size_t prepared_count, prepared_capacity;
	_Atomic enum disk_publish publish;
};

struct disk_target *disk_of(struct target *target);
/* Turns errno into the failure of an operation on an object, as target.h has it. `id` is PL_TARGET_READ: ENOENT is PL_OBJECT_MISSING,
 * but only while the root is there; or PL_TARGET_WRITE: what is forbidden is PL_TARGET_DENIED. */
enum err disk_fail(struct disk_target *disk, enum message id, const char *action, const char *name);
/* PL_TARGET_READ where the root folder is gone, or another file system is mounted in its place. */
enum err disk_check_root(struct disk_target *disk);
/* Whether a file below the root is these bytes on the medium. */
enum err disk_compare(struct target *target, const char *name, const void *bytes, size_t size, bool *same);

#define DISK_TEMPORARY ".tmp-"

/* ---- disk_write.c ---- */

enum err disk_put(struct target *target, const char *name, const void *bytes, size_t size);
enum err disk_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size);
enum err disk_remove(struct target *target, const char *name);

/* ---- disk_medium.c ---- */

enum err disk_medium(struct target *target, struct target_medium *out);

#endif
