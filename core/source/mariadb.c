#include "core/source/mariadb.h"

#include "core/base/mem.h"
#include "core/source/mariadb_count.h"
#include "core/source/mariadb_internal.h"

#include <stdio.h>

struct mariadb {
	const struct mariadb_source *source;
	struct mariadb_client client;
	struct mariadb_server server;
	struct command *dump;
	struct mariadb_count *count;
};

static void close_stream(void *stream)
{
	struct mariadb *mariadb = stream;

	if (!mariadb)
		return;
	command_free(mariadb->dump);
	mariadb_count_free(mariadb->count);
	mariadb_server_free(&mariadb->server);
	mariadb_client_close(&mariadb->client);
	mem_free(mariadb);
}

static enum err new_stream(struct mariadb **out, const struct mariadb_source *source)
{
	struct mariadb *mariadb = mem_calloc(1, sizeof(*mariadb));
	enum err err;

	*out = NULL;
	if (!mariadb)
		return ERR_NOMEM;
	mariadb->source = source;
	mariadb->client.options = -1;
	err = mariadb_count_new(&mariadb->count);
	if (err == ERR_OK)
		err = mariadb_client_open(&mariadb->client, source);
	if (err == ERR_OK)
		*out = mariadb;
	else
		close_stream(mariadb);
	return err;
}

static enum err start(struct mariadb *mariadb, const char *const *arguments)
{
	enum err err = mariadb_client_start(&mariadb->client, &mariadb->dump, mariadb->client.dump, arguments);

	return err == ERR_OK ? ERR_OK : dump_client_fail(NULL, err);
}

/* ---- databases ---- */

#define OPTIONS 24u /* at most, beside the names */

/* A row that gets longer moves the ends of all statements behind it in its table, and each of them is a place where the
 * dump differs from the last one: so statements are as long as a server takes that is set up as it comes (MariaDB since
 * 10.2, MySQL since 8.0), with room to spare. */
#define PACKET_USUAL ((uint64_t)16 << 20)
#define LONG_STATEMENTS "--net-buffer-length=8M"

static size_t add_options(const struct mariadb *mariadb, const char **arguments)
{
	static const char *const always[] = {"--quick", "--routines", "--events", "--triggers", "--hex-blob",
	    "--order-by-primary", "--comments", "--skip-dump-date", "--default-character-set=utf8mb4", "--tz-utc",
	    "--no-tablespaces", "--max-allowed-packet=1G"};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		arguments[count++] = always[i];
	arguments[count++] =
	    mariadb->server.unsafe && !mariadb->source->without_lock ? "--lock-all-tables" : "--single-transaction";
	if (mariadb->server.packet >= PACKET_USUAL)
		arguments[count++] = LONG_STATEMENTS;
	if (mariadb->server.history)
		arguments[count++] = "--dump-history";
	if (mariadb->server.has_log)
		arguments[count++] = "--master-data=2";
	/* The position of MySQL's own kind would be set by whoever loads the dump. */
	if (!mariadb->client.mariadb)
		arguments[count++] = "--set-gtid-purged=OFF";
	arguments[count++] = "--databases";
	arguments[count++] = "--";
	return count;
}

static enum err start_dump(struct mariadb *mariadb)
{
	const struct mariadb_server *server = &mariadb->server;
	const char **arguments;
	size_t count, options;
	enum err err;

	if (server->history && !mariadb->client.has_history)
		return fail(PL_DATABASE_CLIENT,
		    "%s %s cannot dump tables that keep their history (WITH SYSTEM VERSIONING); one of MariaDB 10.11 "
		    "or later can",
		    mariadb->client.dump, mariadb->client.version);
	arguments = mem_calloc(OPTIONS + server->count, sizeof(*arguments));
	if (!arguments)
		return ERR_NOMEM;
	count = options = add_options(mariadb, arguments);
	for (size_t i = 0; i < server->count; i++)
		if (server->databases[i].wanted)
			arguments[count++] = server->databases[i].name;
	if (count == options)
		err = fail(PL_DATABASE_DUMP, "the server has no database that this user may see");
	else
		err = start(mariadb, arguments);
	mem_free(arguments);
	return err;
}

static enum err open_databases(void **stream, const void *config)
{
	const struct mariadb_source *source = config;
	struct mariadb *mariadb;
	enum err err = new_stream(&mariadb, source);

	if (err == ERR_OK)
		err = mariadb_server_ask(&mariadb->server, &mariadb->client, source);
	if (err == ERR_OK)
		err = start_dump(mariadb);
	if (err != ERR_OK) {
		close_stream(mariadb);
		mariadb = NULL;
	}
	*stream = mariadb;
	return err;
}

static enum err read_stream(void *stream, void *out, size_t size, size_t *got)
{
	struct mariadb *mariadb = stream;
	enum err err = command_read(mariadb->dump, out, size, got);

	if (err != ERR_OK)
		return dump_client_fail(mariadb->dump, err);
	return *got > 0 ? mariadb_count_feed(mariadb->count, out, *got) : ERR_OK;
}

/* Both must be so: that the program says that it went well, and that its last words came. */
static enum err finish_dump(struct mariadb *mariadb)
{
	enum err err = command_finish(mariadb->dump);

	if (err != ERR_OK)
		return dump_client_fail(mariadb->dump, err);
	if (!mariadb_count_complete(mariadb->count))
		return fail(PL_DATABASE_DUMP, "the output of %s breaks off before its end (\"-- Dump completed\")",
		    mariadb->client.dump);
	return ERR_OK;
}

static const char *consistency(const struct mariadb *mariadb, const struct mariadb_database *database)
{
	if (mariadb->server.unsafe && !mariadb->source->without_lock)
		return "locked";
	return database->unsafe ? "none" : "snapshot";
}

static enum err visit_database(
    struct mariadb *mariadb, const struct mariadb_database *database, stream_database_visit visit, void *context)
{
	const struct dump_tables *tables = mariadb_count_tables(mariadb->count);
	struct stream_database found = {0};
	char *name;
	enum err err;

	for (size_t i = 0; i < tables->databases_count; i++)
		if (strcmp(tables->databases[i].name, database->name) == 0) {
			found.size = tables->databases[i].size;
			found.tables = tables->databases[i].tables;
			found.rows = tables->databases[i].rows;
			found.name = database->name;
		}
	if (!found.name)
		return fail(PL_DATABASE_DUMP, "the dump lacks the database \"%s\"", database->name);
	name = mem_printf("%s/%s", mariadb->source->name, database->name);
	if (!name)
		return ERR_NOMEM;
	found.name = name;
	snprintf(found.version, sizeof(found.version), "%s", mariadb->server.version);
	snprintf(found.client, sizeof(found.client), "%s", mariadb->client.version);
	snprintf(found.consistency, sizeof(found.consistency), "%s", consistency(mariadb, database));
	snprintf(found.position, sizeof(found.position), "%s", mariadb_count_position(mariadb->count));
	err = visit(context, &found);
	mem_free(name);
	return err;
}

static enum err finish_databases(void *stream, stream_database_visit visit, void *context)
{
	struct mariadb *mariadb = stream;
	enum err err = finish_dump(mariadb);

	for (size_t i = 0; err == ERR_OK && i < mariadb->server.count; i++)
		if (mariadb->server.databases[i].wanted)
			err = visit_database(mariadb, &mariadb->server.databases[i], visit, context);
	return err;
}

const struct stream_kind mariadb_stream = {
    .name = "mariadb", .open = open_databases, .read = read_stream, .finish = finish_databases, .close = close_stream};

enum err mariadb_try(const struct mariadb_source *source)
{
	struct mariadb *mariadb;
	enum err err = new_stream(&mariadb, source);

	if (err == ERR_OK)
		err = mariadb_server_ask(&mariadb->server, &mariadb->client, source);
	close_stream(mariadb);
	return err;
}

/* ---- users and grants ---- */

/* Whoever may read these may dump them. */
static enum err may_dump_users(struct mariadb *mariadb)
{
	struct buffer answer = {0};
	enum err err;

	if (!mariadb->client.has_users)
		return fail(PL_DATABASE_USERS, "%s %s cannot dump users and grants", mariadb->client.dump,
		    mariadb->client.version);
	err = mariadb_client_query(&mariadb->client,
	    "SELECT 1 FROM mysql.global_priv LIMIT 1; SELECT 1 FROM mysql.roles_mapping LIMIT 1", &answer);
	buffer_free(&answer);
	if (err == ERR_SOURCE) {
		struct failure failure = *failure_last();

		err = fail(PL_DATABASE_USERS, "%s", failure.text);
	}
	return err;
}

static enum err open_users(void **stream, const void *config)
{
	static const char *const arguments[] = {"--system=users", "--insert-ignore", "--comments", "--skip-dump-date",
	    "--default-character-set=utf8mb4", NULL};
	struct mariadb *mariadb;
	enum err err = new_stream(&mariadb, config);

	if (err == ERR_OK)
		err = may_dump_users(mariadb);
	if (err == ERR_OK)
		err = start(mariadb, arguments);
	if (err != ERR_OK) {
		close_stream(mariadb);
		mariadb = NULL;
	}
	*stream = mariadb;
	return err;
}

static enum err finish_users(void *stream, stream_database_visit visit, void *context)
{
	(void)visit;
	(void)context;
	return finish_dump(stream);
}

const struct stream_kind mariadb_users_stream = {
    .name = "mariadb", .open = open_users, .read = read_stream, .finish = finish_users, .close = close_stream};
