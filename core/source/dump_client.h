/* Client programs of database servers: how they get their credentials, and what is said of them when they fail.
 *
 * No password is ever an argument or a value of the environment, where every user of the machine could see it, or in a
 * file with a name: the program gets a descriptor of a file that only exists in memory, and reads /dev/fd/N. */
#ifndef PULIH_SOURCE_DUMP_CLIENT_H
#define PULIH_SOURCE_DUMP_CLIENT_H

#include "core/base/buffer.h"
#include "core/source/command.h"

#define DUMP_PASSWORD_MAX 500  /* bytes: one line of an option file holds it, every byte escaped */
#define DUMP_SECRET_ROOM 16384 /* bytes of a file of credentials with a NUL; they have a few lines */

/* A file that nobody else can read, as secret memory; NUL-terminated. PL_DATABASE_SECRET. */
enum err dump_client_secret(const char *path, char **out);
/* Its first line, which must be a password. */
enum err dump_client_password(const char *path, char **out);
void dump_client_secret_free(char *secret);

/* An empty file in memory. PL_DATABASE_SECRET. */
enum err dump_client_file(int *fd);
enum err dump_client_write(int fd, const void *bytes, size_t size);

/* Runs a program to its end, all that it writes (at most `limit` bytes) appended with a NUL behind. As dump_client_fail. */
enum err dump_client_run(const struct command_options *options, size_t limit, struct buffer *out);
/* From a failure of command_*, whose last message it was, to one about the dump: PL_DATABASE_DUMP, or PL_DATABASE_CLIENT
 * where the program is not there, with what the program said. No memory and interruptions stay what they are. `command`
 * may be NULL. */
enum err dump_client_fail(const struct command *command, enum err err);

#endif
