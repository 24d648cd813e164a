/* SQLite for what this program keeps of its own work: the ledger of records, the state of the scheduler. (Databases that are backed up are
 * another matter: core/source/sqlite.h.)
 *
 * WAL mode, synchronous=FULL: a transaction whose commit returned ERR_OK is on the disk, whatever happens then; one that did not get so far
 * never was. Whatever process opens the file next puts it right by itself.
 *
 * Errors, each naming the file: PL_DATABASE (ERR_IO) could not be read or written; PL_DATABASE_DAMAGED (ERR_CORRUPT); PL_DATABASE_BUSY
 * (ERR_BUSY) after another process kept it locked for DATABASE_PATIENCE seconds; PL_DATABASE_REFUSED (ERR_EXISTS) where a constraint or a
 * trigger refused; PL_DATABASE_VERSION (ERR_UNSUPPORTED); PL_NO_SPACE, PL_NO_MEMORY, PL_INTERRUPTED. */
#ifndef PULIH_BASE_DATABASE_H
#define PULIH_BASE_DATABASE_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_PATIENCE 30 /* seconds: far longer than any transaction of this program */

/* What a database of one kind is. */
struct database_form {
	const char *what;	  /* for messages: "ledger" */
	int32_t application;	  /* application_id: a file of another kind is refused */
	const char *const *steps; /* SQL; the n-th makes version n of version n - 1. Ends with NULL. */
};

/* One connection, used by one thread at a time. */
struct database;

/* Opens the file, brings it to the newest version (each step in a transaction of its own), and checks that it is of that form, a regular
 * file and no link. `create`: a file that is not there is made (mode 0600, its folder must be there); otherwise it is ERR_MISSING
 * (PL_FILE_MISSING), as is one that a power cut left empty. */
enum err database_open(struct database **out, const char *path, const struct database_form *form, bool create);
/* Statements must be freed before. What was begun and not committed is undone. database_close(NULL) does nothing. */
void database_close(struct database *database);

/* Takes the right to write at once, waiting for other writers. */
enum err database_begin(struct database *database);
/* After a failure nothing of the transaction remains. */
enum err database_commit(struct database *database);
/* Undoes it; this thread's last failure stays what it is. Does nothing outside a transaction. */
void database_rollback(struct database *database);

/* Statements without parameters and rows. */
enum err database_run(struct database *database, const char *sql);

/* A prepared statement; database_query_free(NULL) does nothing. */
struct database_query;
enum err database_prepare(struct database_query **out, struct database *database, const char *sql);
void database_query_free(struct database_query *query);
/* Parameters count from 1; what is given is copied. NULL is SQL's null. A failure is kept and returned by the next step. */
void database_set_number(struct database_query *query, int at, int64_t value);
void database_set_text(struct database_query *query, int at, const char *text);
void database_set_bytes(struct database_query *query, int at, const void *bytes, size_t size);
/* *row: a row is there; false: it is done, and may be stepped again from the start, with the same parameters. */
enum err database_step(struct database_query *query, bool *row);
/* A statement that gives no row. */
enum err database_execute(struct database_query *query);
/* Ends it before its last row: forgets the row, keeps the parameters. */
void database_reset(struct database_query *query);
/* Columns of the row count from 0; what is returned is valid until the next step or reset. Text of null is "". NULL: *size is 0, or memory
 * ran out. */
int64_t database_number(struct database_query *query, int column);
const char *database_text(struct database_query *query, int column);
const void *database_bytes(struct database_query *query, int column, size_t *size);
bool database_is_null(struct database_query *query, int column);

/* Reads all of it: every page, every index against its table, and that tables, indexes and triggers are those of the form. */
enum err database_check(struct database *database);

#endif
