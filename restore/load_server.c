/* What a database server says and is told. */
#include "restore/load_internal.h"

#include "core/base/mem.h"
#include "core/source/mariadb_client.h"
#include "core/source/postgresql_client.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- questions ---- */

static enum err query_mariadb(
    const struct mariadb_source *server, const char *database, const char *sql, struct buffer *out)
{
	struct mariadb_client client = {.options = -1};
	char *name = database ? mariadb_client_name(database) : mem_string("");
	char *whole = name ? database ? mem_printf("USE %s; %s", name, sql) : mem_string(sql) : NULL;
	enum err err = whole ? mariadb_client_open(&client, server) : ERR_NOMEM;

	if (err == ERR_OK)
		err = mariadb_client_query(&client, whole, out);
	mariadb_client_close(&client);
	mem_free(name);
	mem_free(whole);
	return err;
}

/* There is no connection without a database; the one at hand must not be dropped. */
static enum err query_postgresql(
    const struct postgresql_server *server, const char *database, const char *sql, struct buffer *out)
{
	struct postgresql_client client = {.passwords = -1};
	enum err err = postgresql_client_open(&client, server);

	if (err == ERR_OK)
		err = postgresql_client_query(&client, database ? database : "template1", sql, out);
	postgresql_client_close(&client);
	return err;
}

enum err load_query(const struct load_server *server, const char *database, const char *sql, struct buffer *out)
{
	enum err err = server->mariadb ? query_mariadb(server->mariadb, database, sql, out)
				       : query_postgresql(server->postgresql, database, sql, out);

	if (err != ERR_OK)
		return err;
	/* A NUL stands behind the last line feed. */
	if (out->length >= 2 && out->data[out->length - 2] == '\n')
		out->data[--out->length - 1] = '\0';
	return ERR_OK;
}

enum err load_server_version(const struct load_server *server, char out[64])
{
	struct buffer answer = {0};
	enum err err = load_query(server, NULL, server->mariadb ? "SELECT VERSION()" : "SHOW server_version", &answer);

	if (err == ERR_OK)
		snprintf(out, 64, "%s", (const char *)answer.data);
	buffer_free(&answer);
	return err;
}

bool load_server_owns(const struct load_server *server, const char *name)
{
	static const char *const mariadb[] = {"mysql", "information_schema", "performance_schema", "sys"};
	static const char *const postgresql[] = {"template0", "template1"};
	size_t count = server->mariadb ? 4 : 2;

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(name, (server->mariadb ? mariadb : postgresql)[i]) == 0)
			return true;
	return false;
}

static enum err ask_number(const struct load_server *server, const char *database, char *sql, uint64_t *out)
{
	struct buffer answer = {0};
	enum err err = sql ? load_query(server, database, sql, &answer) : ERR_NOMEM;

	if (err == ERR_OK)
		*out = strtoull((const char *)answer.data, NULL, 10);
	buffer_free(&answer);
	mem_free(sql);
	return err;
}

static enum err look_mariadb(const struct load_server *server, struct load_database *database)
{
	size_t size = strlen(database->to);
	char *hex = mem_alloc(2 * size + 1);
	uint64_t exists = 0;
	enum err err = hex ? ERR_OK : ERR_NOMEM;

	/* In hexadecimal: no quotes, whatever is in the name. A name that is empty is none. */
	if (err == ERR_OK)
		err = ask_number(server, NULL,
		    mem_printf("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = _utf8mb4 0x%s",
			hex_encode(hex, database->to, size)),
		    &exists);
	if (err == ERR_OK)
		err = ask_number(server, NULL,
		    mem_printf("SELECT (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = _utf8mb4 "
			       "0x%s) + (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "
			       "_utf8mb4 0x%s) + (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "
			       "_utf8mb4 0x%s)",
			hex, hex, hex),
		    &database->objects);
	database->exists = exists > 0;
	mem_free(hex);
	return err;
}

static enum err look_postgresql(const struct load_server *server, struct load_database *database)
{
	char *text = postgresql_client_text(database->to);
	uint64_t exists = 0;
	enum err err = text
	    ? ask_number(server, NULL, mem_printf("SELECT count(*) FROM pg_database WHERE datname = %s", text), &exists)
	    : ERR_NOMEM;

	database->exists = exists > 0;
	if (err == ERR_OK && database->exists)
		err = ask_number(server, database->to,
		    mem_string("SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
			       "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND "
			       "n.nspname <> 'information_schema') + (SELECT count(*) FROM pg_proc p JOIN pg_namespace "
			       "n ON n.oid = p.pronamespace WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> "
			       "'information_schema') + (SELECT count(*) FROM pg_largeobject_metadata)"),
		    &database->objects);
	mem_free(text);
	return err;
}

enum err load_server_look(const struct load_server *server, struct load_database *database)
{
	return server->mariadb ? look_mariadb(server, database) : look_postgresql(server, database);
}

/* ---- orders ---- */

static enum err order(const struct load_server *server, const char *verb, const char *name, const char *more)
{
	char *quoted = server->mariadb ? mariadb_client_name(name) : postgresql_client_name(name);
	char *sql = quoted ? mem_printf("%s %s%s", verb, quoted, more) : NULL;
	struct buffer answer = {0};
	enum err err = sql ? load_query(server, NULL, sql, &answer) : ERR_NOMEM;

	buffer_free(&answer);
	mem_free(quoted);
	mem_free(sql);
	return err;
}

enum err load_server_drop(const struct load_server *server, const char *name)
{
	return order(server, "DROP DATABASE", name, "");
}

enum err load_server_create(const struct load_server *server, const char *name)
{
	return order(server, "CREATE DATABASE", name, server->mariadb ? "" : " TEMPLATE template0");
}

enum err load_server_make_role(const struct load_server *server, const char *name)
{
	return order(server, "CREATE ROLE", name, "");
}

/* ---- the client that is fed ---- */

struct load_client {
	struct mariadb_client mariadb;
	struct postgresql_client postgresql;
	struct command *command;
	bool restricts;
};

static enum err ask_restrict(struct load_client *client)
{
	static const char *const argv[] = {"psql", "--help=commands", NULL};
	struct buffer help = {0};
	enum err err =
	    dump_client_run(&(struct command_options){.argv = argv, .keep_errors = true}, (size_t)1 << 20, &help);

	client->restricts = err == ERR_OK && strstr((const char *)help.data, "\\restrict") != NULL;
	buffer_free(&help);
	return err;
}

enum err load_client_open(struct load_client **out, const struct load_server *server, const char *database)
{
	struct load_client *client = mem_calloc(1, sizeof(*client));
	enum err err;

	*out = NULL;
	if (!client)
		return ERR_NOMEM;
	client->mariadb.options = client->postgresql.passwords = -1;
	if (server->mariadb) {
		err = mariadb_client_open(&client->mariadb, server->mariadb);
		if (err == ERR_OK)
			err = mariadb_client_feed(&client->mariadb, &client->command, database);
	} else {
		err = ask_restrict(client);
		if (err == ERR_OK)
			err = postgresql_client_open(&client->postgresql, server->postgresql);
		if (err == ERR_OK)
			err = postgresql_client_feed(
			    &client->postgresql, &client->command, database ? database : "template1");
	}
	if (err == ERR_OK)
		*out = client;
	else
		load_client_free(client);
	return err;
}

void load_client_free(struct load_client *client)
{
	if (!client)
		return;
	command_free(client->command);
	mariadb_client_close(&client->mariadb);
	postgresql_client_close(&client->postgresql);
	mem_free(client);
}

struct command *load_client_command(const struct load_client *client)
{
	return client->command;
}

bool load_client_restricts(const struct load_client *client)
{
	return client->restricts;
}
