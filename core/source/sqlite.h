/* SQLite databases as a source, consistent while in use, through SQLite's backup API into an unlinked temporary file
 * on this machine. */
#ifndef PULIH_SOURCE_SQLITE_H
#define PULIH_SOURCE_SQLITE_H

#include "core/base/buffer.h"

#include <stdint.h>

struct sqlite_copy {
	int fd;	       /* the copy, read from offset 0 */
	uint64_t size; /* bytes */
	uint64_t tables, rows;
	char version[32];     /* of the library */
	char consistency[16]; /* "snapshot" */
};
/* All pages within one read transaction, so that a busy writer cannot make it start over; then integrity_check
 * (PL_SQLITE_DAMAGED, ERR_SOURCE) and counts of tables and rows. `temporary_folder`: where the copy may live.
 * PL_SQLITE (ERR_SOURCE) names the database. */
enum err sqlite_copy_open(struct sqlite_copy *out, const char *database, const char *temporary_folder);
void sqlite_copy_close(struct sqlite_copy *copy);

/* The answer of a database that nobody else uses to one query, read only: lines of values between '|', as sqlite3 writes them, without the last
 * line feed; NUL-terminated. PL_SQLITE. */
enum err sqlite_ask(const char *database, const char *sql, struct buffer *out);

#endif
