/* What the files of the MariaDB source share: what the server has (mariadb_server.c). */
#ifndef PULIH_SOURCE_MARIADB_INTERNAL_H
#define PULIH_SOURCE_MARIADB_INTERNAL_H

#include "core/source/mariadb_client.h"

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
