/* Databases of a MariaDB or MySQL server as a source: a stream of SQL, made by mariadb-dump (mysqldump where only that
 * is there), never staged anywhere.
 *
 * All databases of a source are in one dump, and of one moment: in one transaction, or, where a table knows none
 * (MyISAM, Aria, MEMORY, …), under a lock on all tables. Nothing in it depends on when it is made, so that what did not
 * change is not stored again. */
#ifndef PULIH_SOURCE_MARIADB_H
#define PULIH_SOURCE_MARIADB_H

#include "core/source/stream_source.h"

/* Texts that are not given are NULL. */
struct mariadb_source {
	const char *name;	      /* of the server, in records */
	const char *const *databases; /* to dump */
	size_t databases_count;	      /* 0: all but the server's own */
	const char *defaults_file;    /* an option file of the client, of which what concerns the connection is used */
	const char *socket, *host;    /* at most one of them */
	unsigned port;		      /* 0: the usual one */
	const char *user, *password_file;
	bool without_lock; /* tables without transactions are read all the same: their consistency is "none" */
};

/* The config of both is a struct mariadb_source. Databases are visited as NAME/DATABASE. */
extern const struct stream_kind mariadb_stream;
/* Users, roles and grants, as SQL that leaves alone who is there already. PL_DATABASE_USERS where the client, the server
 * or the rights do not allow it. */
extern const struct stream_kind mariadb_users_stream;

/* Whether the server lets it in and has its databases: nothing is dumped. PL_DATABASE_* as a dump would say. */
enum err mariadb_try(const struct mariadb_source *source);

#endif
