#include "core/source/postgresql.h"

#include "core/base/mem.h"
#include "core/source/postgresql_client.h"
#include "core/source/postgresql_count.h"

#include <stdio.h>

#define HELP_MAX ((size_t)1 << 20) /* bytes */

struct postgresql {
	const struct postgresql_source *source; /* NULL: globals */
	const char *name;			/* of the server */
	const char *program, *restrict_key;
	bool schema_only;
	struct postgresql_client client;
	struct command *dump;
	struct postgresql_count *count;
};

static void close_stream(void *stream)
{
	struct postgresql *postgresql = stream;

	if (!postgresql)
		return;
	command_free(postgresql->dump);
	postgresql_count_free(postgresql->count);
	postgresql_client_close(&postgresql->client);
	mem_free(postgresql);
}

/* Since CVE-2025-8714 dumps are wrapped in \restrict, by default with a key that is drawn anew each time. Whether this version
 * of the program knows --restrict-key; later and patched ones do. */
static enum err knows_restrict_key(const char *program, bool *knows)
{
	const char *const argv[] = {program, "--help", NULL};
	struct buffer help = {0};
	enum err err = dump_client_run(&(struct command_options){.argv = argv, .keep_errors = true}, HELP_MAX, &help);

	*knows = err == ERR_OK && strstr((const char *)help.data, "--restrict-key") != NULL;
	buffer_free(&help);
	return err;
}

static enum err start(struct postgresql *postgresql)
{
	const char *argv[8];
	size_t count = 0;
	char *database = NULL, restriction[80];
	bool restricted;
	enum err err = knows_restrict_key(postgresql->program, &restricted);

	if (err != ERR_OK)
		return err;
	argv[count++] = postgresql->program;
	argv[count++] = "--no-password";
	if (restricted && postgresql->restrict_key) {
		snprintf(restriction, sizeof(restriction), "--restrict-key=%s", postgresql->restrict_key);
		argv[count++] = restriction;
	}
	if (postgresql->source) {
		database = postgresql_client_database(postgresql->source->database);
		if (!database)
			return ERR_NOMEM;
		argv[count++] = "--format=plain";
		argv[count++] = postgresql->schema_only ? "--schema-only" : "--create";
		argv[count++] = database;
	} else {
		argv[count++] = "--globals-only";
	}
	argv[count] = NULL;
	err = postgresql_client_start(&postgresql->client, &postgresql->dump, argv, false);
	mem_free(database);
	return err == ERR_OK ? ERR_OK : dump_client_fail(NULL, err);
}

static enum err open_stream(void **stream, const struct postgresql_server *server,
    const struct postgresql_source *source, const char *program, bool schema_only)
{
	struct postgresql *postgresql = mem_calloc(1, sizeof(*postgresql));
	enum err err;

	*stream = NULL;
	if (!postgresql)
		return ERR_NOMEM;
	postgresql->source = source;
	postgresql->name = server->name;
	postgresql->program = program;
	postgresql->schema_only = schema_only;
	postgresql->restrict_key = server->restrict_key;
	postgresql->client.passwords = -1;
	err = postgresql_count_new(&postgresql->count);
	if (err == ERR_OK)
		err = postgresql_client_open(&postgresql->client, server);
	if (err == ERR_OK)
		err = start(postgresql);
	if (err == ERR_OK)
		*stream = postgresql;
	else
		close_stream(postgresql);
	return err;
}

static enum err read_stream(void *stream, void *out, size_t size, size_t *got)
{
	struct postgresql *postgresql = stream;
	enum err err = command_read(postgresql->dump, out, size, got);

	if (err != ERR_OK)
		return dump_client_fail(postgresql->dump, err);
	return *got > 0 ? postgresql_count_feed(postgresql->count, out, *got) : ERR_OK;
}

/* Both must be so: that the program says that it went well, and that its last words came. */
static enum err finish_dump(struct postgresql *postgresql)
{
	enum err err = command_finish(postgresql->dump);

	if (err != ERR_OK)
		return dump_client_fail(postgresql->dump, err);
	if (!postgresql_count_complete(postgresql->count))
		return fail(PL_DATABASE_DUMP, "the output of %s breaks off before its end (\"dump complete\")",
		    postgresql->program);
	return ERR_OK;
}

/* ---- a database ---- */

static enum err open_database(void **stream, const void *config)
{
	const struct postgresql_source *source = config;

	return open_stream(stream, source->server, source, "pg_dump", false);
}

static enum err finish_database(void *stream, stream_database_visit visit, void *context)
{
	struct postgresql *postgresql = stream;
	const struct dump_database *found;
	struct stream_database database = {.consistency = "snapshot"};
	char *name;
	enum err err = finish_dump(postgresql);

	if (err != ERR_OK)
		return err;
	name = mem_printf("%s/%s", postgresql->name, postgresql->source->database);
	if (!name)
		return ERR_NOMEM;
	found = &postgresql_count_tables(postgresql->count)->databases[0];
	database.name = name;
	database.size = found->size;
	database.tables = found->tables;
	database.rows = found->rows;
	snprintf(database.version, sizeof(database.version), "%s", postgresql_count_server(postgresql->count));
	snprintf(database.client, sizeof(database.client), "%s", postgresql_count_client(postgresql->count));
	err = visit(context, &database);
	mem_free(name);
	return err;
}

const struct stream_kind postgresql_stream = {
    .name = "postgresql", .open = open_database, .read = read_stream, .finish = finish_database, .close = close_stream};

enum err postgresql_try(const struct postgresql_source *source)
{
	char bytes[4096];
	void *stream;
	size_t got = 1;
	enum err err = open_stream(&stream, source->server, source, "pg_dump", true);

	if (err != ERR_OK)
		return err;
	while (err == ERR_OK && got > 0)
		err = read_stream(stream, bytes, sizeof(bytes), &got);
	if (err == ERR_OK)
		err = finish_dump(stream);
	close_stream(stream);
	return err;
}

/* ---- roles and tablespaces ---- */

static enum err open_globals(void **stream, const void *config)
{
	return open_stream(stream, config, NULL, "pg_dumpall", false);
}

static enum err finish_globals(void *stream, stream_database_visit visit, void *context)
{
	enum err err = finish_dump(stream);

	(void)visit;
	(void)context;
	if (err == ERR_SOURCE) {
		struct failure failure = *failure_last();

		err = fail(PL_DATABASE_USERS, "%s", failure.text);
	}
	return err;
}

const struct stream_kind postgresql_globals_stream = {
    .name = "postgresql", .open = open_globals, .read = read_stream, .finish = finish_globals, .close = close_stream};
