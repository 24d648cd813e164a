/* Local files, whole and durable. Paths are NUL-terminated bytes, relative to the working folder or absolute. */
#ifndef PULIH_BASE_FILE_H
#define PULIH_BASE_FILE_H

#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Writes all of `size` bytes at the descriptor's position, over short writes and EINTR. Returns 0, or -1 with errno. */
int file_write_all(int fd, const void *bytes, size_t size);
int file_pwrite_all(int fd, const void *bytes, size_t size, off_t offset);
/* Reads until `size` bytes or the end of the file. Returns the bytes read, or -1 with errno. */
ssize_t file_read_full(int fd, void *bytes, size_t size);
ssize_t file_pread_full(int fd, void *bytes, size_t size, off_t offset);

/* Reads a whole file into `out` (appended). More than `limit` bytes are PL_FILE_LIMIT; a file that is not there is
 * ERR_MISSING (PL_FILE_MISSING); other errors PL_FILE_READ. */
enum err file_read_all(const char *path, size_t limit, struct buffer *out);
/* The same from a descriptor, up to the end; `name` is for messages. */
enum err file_read_rest(int fd, const char *name, size_t limit, struct buffer *out);

/* Replaces `path` with the bytes, with permissions `mode`, such that after a power cut either the old or the new file is
 * there, whole: temporary in the same folder (O_EXCL), write, fsync, rename, fsync of the folder. An fsync that failed is
 * never tried again on the same file: the temporary is removed and the error returned (PL_FILE_WRITE, PL_NO_SPACE). */
enum err file_replace(const char *path, const void *bytes, size_t size, mode_t mode);

/* Makes a folder and its parents with `mode`, durably. An existing folder is fine. */
enum err file_make_folders(const char *path, mode_t mode);

/* fsync of the folder that holds `path`. */
enum err file_sync_folder_of(const char *path);

/* Removes a folder and what it holds, without following links. A folder that is not there is fine. */
enum err file_remove_tree(const char *path);

/* Which file or folder something is, whatever name, link or mount leads to it. */
struct file_identity {
	dev_t device;
	ino_t inode;
};
/* Whether `status` is that of one in the list. */
bool file_is_among(const struct stat *status, const struct file_identity *list, size_t count);

/* dir + "/" + name, to be released with mem_free; NULL after PL_NO_MEMORY. */
char *path_join(const char *dir, const char *name);
/* The folder part of a path ("." where there is none), to be released with mem_free. */
char *path_folder(const char *path);

#endif
