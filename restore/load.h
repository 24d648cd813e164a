/* A dump of databases back into a server: first what would become of it (the plan), then the loading.
 *
 * Nothing is dropped before all of the dump was read and found whole, and nothing that is there is replaced unless it was said. A failure in
 * the middle is a failure that says how far it went: what is there then is not the database. */
#ifndef PULIH_RESTORE_LOAD_H
#define PULIH_RESTORE_LOAD_H

#include "restore/dump.h"

#include "core/source/mariadb.h"
#include "core/source/postgresql.h"

/* One of them. */
struct load_server {
	const struct mariadb_source *mariadb;
	const struct postgresql_server *postgresql;
};

/* What is there before. */
struct load_database {
	char *from; /* in the dump; "" where it does not say */
	char *to;   /* on the server */
	uint64_t tables, rows;
	bool exists;
	uint64_t objects; /* tables, views, routines that it has */
};

struct load_plan {
	const struct load_server *server;
	const struct dump *dump;
	const struct dump *users; /* roles and rights; NULL: they are not loaded */
	struct dump_digest *digest;
	enum dump_kind kind;
	bool all; /* every database of the dump, under its own name */
	bool
	    drill; /* the server is thrown away: roles that nobody has are made, tablespaces do not count, users that cannot be made are a note */
	enum err (*check)(void *context); /* asked now and then while it is loaded; NULL: never */
	void *context;
	char version[64]; /* of the server */
	struct load_database *databases;
	size_t count;
};
/* Starts as {0}; released with load_plan_free. Reads the dump, and asks the server. `from` NULL: the database of the dump, where it has one;
 * `to` NULL: all databases of the dump under their own names. PL_LOAD_DATABASE (ERR_USAGE) where the dump has no such database, or several
 * and it was not said which; errors of dump_examine; PL_DATABASE_DUMP where the server does not answer. */
enum err load_plan(struct load_plan *out, struct restore_view *view, const struct dump *dump,
    const struct load_server *server, const char *from, const char *to);
void load_plan_free(struct load_plan *plan);
/* PL_LOAD_EXISTS (ERR_EXISTS) names a database that is not empty. */
enum err load_plan_check(const struct load_plan *plan);

struct load_result {
	uint64_t bytes;		 /* of the dump that the server was given */
	int64_t duration;	 /* ns */
	char note[FAILURE_TEXT]; /* of what was left out; "" for nothing */
};
/* Databases that are there are dropped first: load_plan_check is the caller's. PL_LOAD_FAILED (ERR_FAILED) says how far it went. */
enum err load_run(const struct load_plan *plan, struct restore_view *view, struct load_result *result);

/* Dumps the databases of the plan anew, as a backup would, and compares with what was loaded; `structure` as dump_digest_compare. */
enum err load_compare(const struct load_plan *plan, bool structure, dump_digest_visit visit, void *context);
/* The answer of one of its databases to a query: its lines, without the last line feed; NUL-terminated. */
enum err load_query(const struct load_server *server, const char *database, const char *sql, struct buffer *out);

#endif
