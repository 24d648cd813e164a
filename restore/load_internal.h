/* What the files of loading share. */
#ifndef PULIH_RESTORE_LOAD_INTERNAL_H
#define PULIH_RESTORE_LOAD_INTERNAL_H

#include "core/base/buffer.h"
#include "core/source/command.h"
#include "restore/load.h"

/* ---- load_server.c: what the server says and is told ---- */

enum err load_server_version(const struct load_server *server, char out[64]);
/* Whether the database exists, and how much is in it. */
enum err load_server_look(const struct load_server *server, struct load_database *database);
/* One of the server's own, which is never replaced. */
bool load_server_owns(const struct load_server *server, const char *name);
enum err load_server_drop(const struct load_server *server, const char *name);
enum err load_server_create(const struct load_server *server, const char *name);
enum err load_server_make_role(const struct load_server *server, const char *name);
/* The client that runs SQL; `database` NULL: none in particular. It borrows the server. */
struct load_client;
enum err load_client_open(struct load_client **out, const struct load_server *server, const char *database);
void load_client_free(struct load_client *client);
struct command *load_client_command(const struct load_client *client);
/* Whether psql knows \restrict. */
bool load_client_restricts(const struct load_client *client);

/* ---- load_filter.c: a dump on its way to the client ---- */

/* Where bytes go. */
typedef enum err (*load_sink)(void *context, const void *bytes, size_t size);
struct load_filter;
struct load_filter_options {
	enum dump_kind kind;
	const char *from, *to; /* only that database, under this name; NULL: all as it is */
	const char *written;   /* PostgreSQL: the name of the dump's database as SQL has it */
	bool restricts;	       /* psql knows \restrict */
	bool plain_tablespaces;
	const char *const
	    *roles; /* of globals: those that are there, as SQL has their names; NULL: it is no dump of globals */
	size_t roles_count;
	load_sink sink;
	void *context;
};
enum err load_filter_new(struct load_filter **out, const struct load_filter_options *options);
void load_filter_free(struct load_filter *filter);
enum err load_filter_feed(struct load_filter *filter, const void *bytes, size_t size);
/* What is still held back. */
enum err load_filter_finish(struct load_filter *filter);
/* "database.table" that the rows at hand are of; "" for none. Valid until the next call. */
const char *load_filter_position(struct load_filter *filter);

#endif
