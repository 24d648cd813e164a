/* The client programs of PostgreSQL, and how they get to the server. */
#ifndef PULIH_SOURCE_POSTGRESQL_CLIENT_H
#define PULIH_SOURCE_POSTGRESQL_CLIENT_H

#include "core/source/dump_client.h"
#include "core/source/postgresql.h"

#include <stdbool.h>

#define POSTGRESQL_VARIABLES 10

struct postgresql_client {
	int passwords;				 /* the password file, in memory; -1: none */
	char *environment[POSTGRESQL_VARIABLES]; /* ends in NULL */
	size_t count;
};
/* Starts as {.passwords = -1}; released with postgresql_client_close, after a failure too. PL_DATABASE_SECRET. */
enum err postgresql_client_open(struct postgresql_client *client, const struct postgresql_server *server);
void postgresql_client_close(struct postgresql_client *client);

/* Starts argv; what it says on standard error is kept. */
enum err postgresql_client_start(
    const struct postgresql_client *client, struct command **out, const char *const *argv, bool fed);
/* The answer of a database to a query, as lines. */
enum err postgresql_client_query(
    const struct postgresql_client *client, const char *database, const char *sql, struct buffer *out);
/* psql, which runs what it is fed (command_write) in that database, and ends at the first error. */
enum err postgresql_client_feed(const struct postgresql_client *client, struct command **out, const char *database);

/* All to be released with mem_free; NULL after PL_NO_MEMORY. */
/* "--dbname=…": a connection string, in which nothing of a name means anything: without, "a=b" would be one by itself. */
char *postgresql_client_database(const char *database);
/* A name between '"', and a text between '\'', as SQL has them. */
char *postgresql_client_name(const char *name);
char *postgresql_client_text(const char *text);

#endif
