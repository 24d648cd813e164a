/* What the files of the MariaDB source share. */
#ifndef PULIH_SOURCE_MARIADB_INTERNAL_H
#define PULIH_SOURCE_MARIADB_INTERNAL_H

#include "core/source/dump_client.h"
#include "core/source/mariadb.h"

#include <stdbool.h>

/* ---- mariadb_client.c: the programs, and the option file that they get ---- */

struct mariadb_client {
	const char *dump, *shell; /* "mariadb-dump" and "mariadb", or "mysqldump" and "mysql" */
	char version[32];
	bool mariadb;		     /* not MySQL's */
	bool has_users, has_history; /* --system=users, --dump-history */
	int options;		     /* the option file, in memory */
	char defaults[48];	     /* "--defaults-file=/dev/fd/N" */
};
/* Starts as {.options = -1}; released with mariadb_client_close, after a failure too. PL_DATABASE_CLIENT,
 * PL_DATABASE_SECRET. */
enum err mariadb_client_open(struct mariadb_client *client, const struct mariadb_source *source);
void mariadb_client_close(struct mariadb_client *client);
/* Starts a program with arguments behind "--defaults-file=…"; what it says on standard error is kept. NULL-terminated. */
enum err mariadb_client_start(
    const struct mariadb_client *client, struct command **out, const char *program, const char *const *arguments);
/* The answer to a query, as lines of values between tabs; the values must need no escapes. */
enum err mariadb_client_query(const struct mariadb_client *client, const char *sql, struct buffer *out);

/* ---- mariadb_server.c: what the server has ---- */

struct mariadb_database {
	char *name;
	bool wanted;
	bool unsafe;  /* has tables without transactions */
	bool history; /* has tables that keep their history */
};
/* Starts as {0}; released with mariadb_server_free. */
struct mariadb_server {
	char version[32];
	struct mariadb_database *databases;
	size_t count, capacity;
	bool unsafe, history; /* one of those that are wanted is */
	uint64_t packet;      /* bytes of the longest statement that it takes */
	bool has_log;	      /* a binary log, whose position this user may ask for */
};
/* PL_DATABASE_DUMP where it does not answer, or has no such database. */
enum err mariadb_server_ask(
    struct mariadb_server *server, const struct mariadb_client *client, const struct mariadb_source *source);
void mariadb_server_free(struct mariadb_server *server);
/* The answer of the server to what mariadb_server_ask asks. PL_DATABASE_DUMP where it is none. */
enum err mariadb_server_parse(struct mariadb_server *server, const char *answer);

#endif
