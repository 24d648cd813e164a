/* Secrets that stand in files of text, or come from a command: into secret memory, and through no other buffer. */
#ifndef PULIH_CRYPTO_SECRET_FILE_H
#define PULIH_CRYPTO_SECRET_FILE_H

#include "core/base/error.h"

/* Reads a regular file that belongs to this user or root and that nobody else can read or change; asked at each use, since a scheduler runs for
 * months after it read its configuration. *out is secret memory of `room` bytes (secret_free(*out, room)) that ends in a NUL; NULL after an
 * error. `wrong` is the message of all that speaks against the file, also where it has no room or holds a NUL. */
enum err secret_file_read(const char *path, size_t room, enum message wrong, char **out);

/* Cuts a text behind its first line, whose end goes too (\n or \r\n); nothing of what follows stays in memory. `name` is where it comes from.
 * `wrong` where the line is empty, has more than `max` bytes or holds a control character; with `alone` also where something follows it. */
enum err secret_file_cut(char *text, size_t max, bool alone, enum message wrong, const char *name);

/* The first line of such a file, in secret memory of `room` bytes: both together, with max = room - 3. */
enum err secret_file_line(const char *path, size_t room, bool alone, enum message wrong, char **out);

#endif
