/* The loading. */
#include "restore/load_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/dump_client.h"

#include <stdio.h>

#define CHECK_EVERY ((uint64_t)16 << 20) /* bytes of the dump between two looks at the room that is left */

/* One dump that is being fed to a client. */
struct loading {
	const struct load_plan *plan;
	struct restore_view *view;
	struct load_client *client;
	struct load_filter *filter;
	uint64_t given, checked;
};

static enum err give(void *context, const void *bytes, size_t size)
{
	struct loading *loading = context;

	return command_write(load_client_command(loading->client), bytes, size);
}

static enum err take(void *context, const void *bytes, size_t size)
{
	struct loading *loading = context;
	enum err err = load_filter_feed(loading->filter, bytes, size);

	loading->given += size;
	if (err == ERR_OK && loading->plan->check && loading->given - loading->checked >= CHECK_EVERY) {
		loading->checked = loading->given;
		err = loading->plan->check(loading->plan->context);
	}
	return err;
}

/* What the client said last is why it ended. */
static enum err fail_loading(struct loading *loading, const struct dump *dump, enum err err)
{
	struct failure failure = *failure_last();
	char said[COMMAND_SAID] = "", given[32], size[32];
	const char *position;
	char *printable;

	if (err == ERR_NOMEM || failure.id == PL_SCRATCH_SPACE || err == ERR_CORRUPT)
		return err;
	if (loading->client && load_client_command(loading->client)) {
		/* It says why before it is gone. */
		if (failure.id == PL_COMMAND_FAILED)
			(void)command_finish(load_client_command(loading->client));
		command_said(load_client_command(loading->client), said);
	}
	printable = output_printable(said, strlen(said));
	if (!printable)
		return ERR_NOMEM;
	position = loading->filter ? load_filter_position(loading->filter) : "";
	err = fail(err == ERR_INTERRUPTED ? PL_INTERRUPTED : PL_LOAD_FAILED,
	    "/%s: loading broke off, %s of %s were given to the client%s%s: %s", dump->path,
	    output_size(given, loading->given), output_size(size, dump->size), *position ? ", up to the table " : "",
	    position, *printable ? printable : failure.text);
	mem_free(printable);
	return err;
}

/* `into`: where the client begins; NULL: nowhere. */
static enum err load_dump(
    struct loading *loading, const struct dump *dump, const char *into, struct load_filter_options options)
{
	enum err err = load_client_open(&loading->client, loading->plan->server, into);

	loading->given = loading->checked = 0;
	options.kind = loading->plan->kind;
	options.sink = give;
	options.context = loading;
	options.plain_tablespaces = loading->plan->drill;
	if (err == ERR_OK) {
		options.restricts = load_client_restricts(loading->client);
		err = load_filter_new(&loading->filter, &options);
	}
	if (err == ERR_OK)
		err = dump_read(dump, loading->view, take, loading);
	if (err == ERR_OK)
		err = load_filter_finish(loading->filter);
	if (err == ERR_OK)
		err = command_write_end(load_client_command(loading->client));
	if (err == ERR_OK)
		err = command_finish(load_client_command(loading->client));
	if (err != ERR_OK)
		err = fail_loading(loading, dump, err);
	load_filter_free(loading->filter);
	load_client_free(loading->client);
	loading->filter = NULL;
	loading->client = NULL;
	return err;
}

/* ---- roles and rights ---- */

/* Lines, as an array into `answer`, which is changed. NULL after PL_NO_MEMORY. */
static const char **lines_of(struct buffer *answer, size_t *count)
{
	char *at = (char *)answer->data;
	size_t room = 1;
	const char **lines;

	for (const char *c = at; *c; c++)
		room += *c == '\n';
	lines = mem_calloc(room, sizeof(*lines));
	*count = 0;
	while (lines && *at) {
		size_t length = strcspn(at, "\n");
		bool last = at[length] == '\0';

		at[length] = '\0';
		lines[(*count)++] = at;
		at += length + !last;
	}
	return lines;
}

static enum err load_roles(struct loading *loading)
{
	struct buffer answer = {0};
	struct load_filter_options options = {0};
	const char **roles = NULL;
	enum err err = load_query(loading->plan->server, NULL, "SELECT quote_ident(rolname) FROM pg_roles", &answer);

	if (err == ERR_OK) {
		roles = lines_of(&answer, &options.roles_count);
		err = roles ? ERR_OK : ERR_NOMEM;
	}
	options.roles = roles;
	if (err == ERR_OK)
		err = load_dump(loading, loading->plan->users, NULL, options);
	mem_free(roles);
	buffer_free(&answer);
	return err;
}

static enum err make_missing_roles(const struct load_plan *plan)
{
	struct buffer answer = {0};
	const char *role;
	const char **known = NULL;
	size_t count = 0;
	enum err err = load_query(plan->server, NULL, "SELECT rolname FROM pg_roles", &answer);

	if (err == ERR_OK) {
		known = lines_of(&answer, &count);
		err = known ? ERR_OK : ERR_NOMEM;
	}
	for (size_t i = 0; err == ERR_OK && (role = dump_digest_role(plan->digest, i)) != NULL; i++) {
		bool there = false;

		for (size_t k = 0; k < count; k++)
			there = there || strcmp(known[k], role) == 0;
		if (!there)
			err = load_server_make_role(plan->server, role);
	}
	mem_free(known);
	buffer_free(&answer);
	return err;
}

/* On a server that is thrown away, an authentication plugin that is not there hurts nobody: it is told. */
static enum err load_users(struct loading *loading, struct load_result *result)
{
	const struct load_plan *plan = loading->plan;
	enum err err = ERR_OK;

	if (plan->users)
		err = plan->kind == DUMP_POSTGRESQL
		    ? load_roles(loading)
		    : load_dump(loading, plan->users, NULL, (struct load_filter_options){0});
	if (plan->drill && err == ERR_FAILED) {
		snprintf(result->note, sizeof(result->note), "%s", failure_last()->text);
		failure_clear();
		err = ERR_OK;
	}
	if (err == ERR_OK && plan->drill && plan->kind == DUMP_POSTGRESQL)
		err = make_missing_roles(plan);
	return err;
}

/* ---- databases ---- */

static enum err make_way(const struct load_plan *plan)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < plan->count; i++) {
		const struct load_database *database = &plan->databases[i];

		/* One of MariaDB that is empty is what the dump makes if it is not there. */
		if (database->exists && (database->objects > 0 || plan->kind == DUMP_POSTGRESQL))
			err = load_server_drop(plan->server, database->to);
	}
	return err;
}

static enum err load_databases(struct loading *loading)
{
	const struct load_plan *plan = loading->plan;
	const struct load_database *database = &plan->databases[0];
	const char *written = dump_digest_creates(plan->digest);
	struct load_filter_options options = {.from = database->from, .to = database->to, .written = written};
	bool creates = plan->kind == DUMP_POSTGRESQL ? *written != '\0' : *database->from != '\0';
	enum err err = ERR_OK;

	if (plan->all || (plan->kind == DUMP_MARIADB && !creates))
		options.from = options.to = NULL;
	if (!creates && !(plan->kind == DUMP_MARIADB && database->exists && database->objects == 0))
		err = load_server_create(plan->server, database->to);
	return err == ERR_OK ? load_dump(loading, plan->dump, creates ? NULL : database->to, options) : err;
}

enum err load_run(const struct load_plan *plan, struct restore_view *view, struct load_result *result)
{
	struct loading loading = {.plan = plan, .view = view};
	int64_t begun = clock_monotonic();
	enum err err;

	*result = (struct load_result){0};
	err = load_users(&loading, result);
	if (err == ERR_OK)
		err = make_way(plan);
	if (err == ERR_OK)
		err = load_databases(&loading);
	result->bytes = loading.given;
	result->duration = clock_monotonic() - begun;
	return err;
}

/* ---- afterwards ---- */

static enum err ignore_database(void *context, const struct stream_database *database)
{
	(void)context, (void)database;
	return ERR_OK;
}

static enum err digest_stream(const struct stream_kind *kind, const void *config, struct dump_digest *digest)
{
	static const size_t block = (size_t)1 << 18;
	void *stream = NULL;
	char *bytes = mem_alloc(block);
	size_t got = 1;
	enum err err = bytes ? kind->open(&stream, config) : ERR_NOMEM;

	while (err == ERR_OK && got > 0) {
		err = kind->read(stream, bytes, block, &got);
		if (err == ERR_OK && got > 0)
			err = dump_digest_feed(digest, bytes, got);
	}
	if (err == ERR_OK)
		err = kind->finish(stream, ignore_database, NULL);
	if (err == ERR_OK)
		err = dump_digest_finish(digest);
	kind->close(stream);
	mem_free(bytes);
	return err;
}

static enum err digest_mariadb(const struct load_plan *plan, struct dump_digest *digest)
{
	struct mariadb_source source = *plan->server->mariadb;
	const char **names = mem_calloc(plan->count + 1, sizeof(*names));
	enum err err;

	if (!names)
		return ERR_NOMEM;
	for (size_t i = 0; i < plan->count; i++)
		names[i] = plan->databases[i].to;
	source.databases = names;
	source.databases_count = plan->count;
	err = digest_stream(&mariadb_stream, &source, digest);
	mem_free(names);
	return err;
}

enum err load_compare(const struct load_plan *plan, bool structure, dump_digest_visit visit, void *context)
{
	const struct postgresql_source source = {plan->server->postgresql, plan->databases[0].to};
	struct dump_digest *digest = NULL;
	enum err err = dump_digest_new(&digest);

	if (err == ERR_OK)
		err = plan->kind == DUMP_MARIADB ? digest_mariadb(plan, digest)
						 : digest_stream(&postgresql_stream, &source, digest);
	if (err == ERR_OK)
		err = dump_digest_compare(plan->digest, digest, structure,
		    plan->all || plan->kind == DUMP_POSTGRESQL ? NULL : plan->databases[0].from, visit, context);
	dump_digest_free(digest);
	return err;
}
