/* Databases of a PostgreSQL server as a source: for each a stream of SQL, made by pg_dump in one transaction, never staged
 * anywhere. The databases of a server are not of one moment with each other: PostgreSQL has no such thing. */
#ifndef PULIH_SOURCE_POSTGRESQL_H
#define PULIH_SOURCE_POSTGRESQL_H

#include "core/source/stream_source.h"

struct postgresql_server { /* texts that are not given are NULL */
	const char *name;  /* of the server, in records */
	const char *host;  /* or the folder of its socket */
	unsigned port;	   /* 0: the usual one */
	const char *user, *password_file;
	/* What \restrict and \unrestrict of its dumps name, letters and digits: the same for each dump, or they differ; and
	 * nothing that the server could guess, or what is in it could end the restriction. */
	const char *restrict_key; /* NULL: one that is drawn anew each time */
};
struct postgresql_source {
	const struct postgresql_server *server;
	const char *database;
};

/* The config is a struct postgresql_source. Its database is visited as NAME/DATABASE. */
extern const struct stream_kind postgresql_stream;
/* Roles and tablespaces (pg_dumpall --globals-only); the config is a struct postgresql_server. PL_DATABASE_USERS where the
 * rights do not allow it. */
extern const struct stream_kind postgresql_globals_stream;

/* Whether the server lets it in, and the rights are enough to dump the database: what it looks like is read, and nothing of what is in it.
 * PL_DATABASE_* as a dump would say. */
enum err postgresql_try(const struct postgresql_source *source);

#endif
