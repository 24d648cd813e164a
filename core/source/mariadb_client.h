/* The client programs of MariaDB and MySQL, and the option file that they get. */
#ifndef PULIH_SOURCE_MARIADB_CLIENT_H
#define PULIH_SOURCE_MARIADB_CLIENT_H

#include "core/source/dump_client.h"
#include "core/source/mariadb.h"

#include <stdbool.h>

struct mariadb_client {
	const char *dump, *shell; /* "mariadb-dump" and "mariadb", or "mysqldump" and "mysql" */
	char version[32];
	bool mariadb;		     /* not MySQL's */
	bool has_users, has_history; /* --system=users, --dump-history */
	bool has_sandbox;  /* the shell's --sandbox: nothing in what it is fed can reach this machine's files */
	int options;	   /* the option file, in memory */
	char defaults[48]; /* "--defaults-file=/dev/fd/N" */
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
/* The shell, which runs the SQL that it is fed (command_write), byte for byte, and ends at the first error. `database`: where it begins;
 * NULL: nowhere. */
enum err mariadb_client_feed(const struct mariadb_client *client, struct command **out, const char *database);
/* A name as SQL has it, between backquotes; to be released with mem_free. NULL after PL_NO_MEMORY. */
char *mariadb_client_name(const char *name);

#endif
