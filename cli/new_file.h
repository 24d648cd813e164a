/* A file that a command makes for the user: a new one, whole and durable, or none. */
#ifndef PULIH_CLI_NEW_FILE_H
#define PULIH_CLI_NEW_FILE_H

#include "core/base/buffer.h"

#include <sys/types.h>

/* Makes an empty file, to be ended with new_file_close. PL_OUTPUT_EXISTS where anything of that name is there, PL_FILE_WRITE. */
enum err new_file_open(int *fd, const char *path, mode_t mode);
/* Writes the bytes durably. PL_FILE_WRITE. */
enum err new_file_write(int fd, const char *path, const struct buffer *bytes);
/* Closes it; where `err`, which is returned, is not ERR_OK the file goes. */
enum err new_file_close(int fd, const char *path, enum err err);

#endif
