/* What a dump of databases says, in a form that can be compared: for each table its rows, for each database the rest (tables, views, routines,
 * rights as SQL). Takes any bytes; what is no dump is DUMP_UNKNOWN.
 *
 * Left out is what two dumps of the same data may differ in: versions of the programs and of the server, the position in a log, and how rows
 * are grouped into INSERT statements. */
#ifndef PULIH_RESTORE_DUMP_DIGEST_H
#define PULIH_RESTORE_DUMP_DIGEST_H

#include "core/base/error.h"
#include "core/crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dump_kind { DUMP_UNKNOWN, DUMP_MARIADB, DUMP_POSTGRESQL };

struct dump_digest_table {
	const char *database, *name;
	uint64_t rows;
	uint8_t hash[HASH_SIZE]; /* of the rows, in their order; zero for none */
};
struct dump_digest_database {
	const char *name;			/* "" where the dump does not say: PostgreSQL's */
	uint64_t tables, rows, views, routines; /* routines: functions, procedures, triggers, events */
	uint8_t hash[HASH_SIZE];		/* of all but rows */
};

struct dump_digest;
enum err dump_digest_new(struct dump_digest **out);
void dump_digest_free(struct dump_digest *digest);
/* The next bytes. */
enum err dump_digest_feed(struct dump_digest *digest, const void *bytes, size_t size);
/* Nothing follows; what is below is known only from here on. */
enum err dump_digest_finish(struct dump_digest *digest);

enum dump_kind dump_digest_kind(const struct dump_digest *digest);
/* Whether it ends with the mark of a dump that was written to its end. */
bool dump_digest_complete(const struct dump_digest *digest);
/* Of the server and of the program, as the dump says; "" where it does not. */
const char *dump_digest_server(const struct dump_digest *digest);
/* Of PostgreSQL: the name of the database that it makes itself, as SQL has it (CREATE DATABASE); "" where it makes none. */
const char *dump_digest_creates(const struct dump_digest *digest);
/* Borrowed; NULL behind the last. */
const struct dump_digest_database *dump_digest_database(const struct dump_digest *digest, size_t at);
const struct dump_digest_table *dump_digest_table(const struct dump_digest *digest, size_t at);
/* Roles of PostgreSQL that own something or have a right, as SQL has their names. NULL behind the last. */
const char *dump_digest_role(const struct dump_digest *digest, size_t at);
/* The table at hand, while it is fed: "database.table"; "" for none. Valid until the next call. */
const char *dump_digest_position(struct dump_digest *digest);

/* What differs. Names are borrowed. */
enum dump_difference {
	DUMP_DATABASE_MISSING, /* the second lacks it */
	DUMP_DATABASE_ADDED,
	DUMP_TABLE_MISSING,
	DUMP_TABLE_ADDED,
	DUMP_ROWS_COUNT, /* another number of rows */
	DUMP_ROWS,	 /* as many, but other ones */
	DUMP_STRUCTURE,	 /* all but rows */
};
typedef enum err (*dump_digest_visit)(void *context, enum dump_difference difference, const char *database,
    const char *table, uint64_t first, uint64_t second);
/* `structure` false: servers of two versions say the same in other words, so only views and routines are counted. `only`: of the first only
 * the database of that name, which in the second is the only one; NULL: all. */
enum err dump_digest_compare(const struct dump_digest *first, const struct dump_digest *second, bool structure,
    const char *only, dump_digest_visit visit, void *context);

#endif
