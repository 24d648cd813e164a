/* Reading files that may be anything. */
#ifndef PULIH_CLI_SETUP_FILE_H
#define PULIH_CLI_SETUP_FILE_H

#include "core/base/buffer.h"

/* Appends a regular file of at most `limit` bytes (links are followed). *found is false where there is none, it is of another kind, larger, or
 * cannot be read; nothing waits for a FIFO. ERR_NOMEM. */
enum err setup_file_read(const char *path, size_t limit, struct buffer *out, bool *found);

#endif
