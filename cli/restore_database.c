#include "cli/restore_database.h"

#include "cli/configured.h"
#include "cli/describe.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "restore/load.h"

#include <string.h>

bool restore_database_is_wanted(const struct restore_database *given)
{
	return given->to || given->all;
}

static bool has_address(const struct restore_database *given)
{
	return given->socket || given->host || given->port || given->user || given->password_file ||
	    given->defaults_file;
}

bool restore_database_is_given(const struct restore_database *given)
{
	return restore_database_is_wanted(given) || given->from || given->with_users || given->server ||
	    has_address(given);
}

static enum err check(const struct restore_database *given, const struct selection *selection)
{
	if (given->to && given->all)
		return fail(PL_OPTION_CONFLICT, "give --to-database or --all-databases, not both");
	if (given->all && given->from)
		return fail(PL_OPTION_CONFLICT, "--from-database and --all-databases contradict each other");
	if (given->server && has_address(given))
		return fail(PL_OPTION_CONFLICT, "give --server, or the options that describe a server, not both");
	if (given->socket && given->host)
		return fail(PL_OPTION_CONFLICT, "give --server-socket or --server-host, not both");
	if (!given->server && !has_address(given))
		return fail(PL_ARGUMENTS,
		    "say which server: --server NAME (of the configuration), --server-socket, --server-host or "
		    "--defaults-file");
	if (!selection->path.text || !*selection->path.text)
		return fail(PL_ARGUMENTS, "name the dump: SNAPSHOT:mariadb/NAME.sql (see pulih ls SNAPSHOT)");
	return ERR_OK;
}

/* ---- the server ---- */

/* A server that is described in any job. */
static enum err find_configured(const char *name, bool postgresql, const struct configuration_server **out)
{
	const struct configuration *configuration;
	enum err err = configured_load(&configuration);

	*out = NULL;
	for (uint32_t i = 0; err == ERR_OK && i < configuration->jobs_count; i++)
		for (uint32_t k = 0; k < configuration->jobs[i].sources_count && !*out; k++) {
			const struct configuration_source *source = &configuration->jobs[i].sources[k];
			const struct configuration_server *server = postgresql ? source->postgresql : source->mariadb;

			if (server && strcmp(configuration_server_name(server), name) == 0)
				*out = server;
		}
	if (err == ERR_OK && !*out)
		err = fail(PL_OPTION_VALUE, "--server: %s describes no %s server \"%s\" as a source of a job",
		    configured_file(), postgresql ? "PostgreSQL" : "MariaDB", name);
	return err;
}

/* Of one form, wherever it comes from. */
struct place {
	struct mariadb_source mariadb;
	struct postgresql_server postgresql;
	struct load_server server;
};

static enum err find_server(const struct restore_database *given, bool postgresql, struct place *place)
{
	const struct configuration_server *configured = NULL;
	struct mariadb_source described = {.name = "server",
	    .socket = given->socket,
	    .host = given->host,
	    .port = (unsigned)given->port,
	    .user = given->user,
	    .password_file = given->password_file,
	    .defaults_file = given->defaults_file};
	enum err err = given->server ? find_configured(given->server, postgresql, &configured) : ERR_OK;

	if (err != ERR_OK)
		return err;
	if (configured)
		described = (struct mariadb_source){.name = configuration_server_name(configured),
		    .socket = configured->socket,
		    .host = configured->host,
		    .port = configured->port ? (unsigned)*configured->port : 0,
		    .user = configured->user,
		    .password_file = configured->password_file,
		    .defaults_file = configured->defaults_file};
	if (postgresql && given->defaults_file)
		return fail(PL_OPTION_CONFLICT, "--defaults-file is of MariaDB and MySQL; the dump is of PostgreSQL");
	place->mariadb = described;
	place->postgresql = (struct postgresql_server){.name = described.name,
	    .host = described.socket ? described.socket : described.host,
	    .port = described.port,
	    .user = described.user,
	    .password_file = described.password_file};
	if (postgresql)
		place->server.postgresql = &place->postgresql;
	else
		place->server.mariadb = &place->mariadb;
	return ERR_OK;
}

/* "mariadb/local.sql" → "mariadb/local/users.sql", "postgresql/local/sipp.sql" → "postgresql/local/globals.sql". */
static char *users_path(const char *path, bool postgresql)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');

	if (postgresql)
		return mem_printf("%.*s/globals.sql", slash ? (int)(slash - path) : 0, path);
	return mem_printf(
	    "%.*s/users.sql", (int)(dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path)), path);
}

/* ---- the plan ---- */

static const char *fate(const struct load_database *database)
{
	if (!database->exists)
		return "made anew";
	return database->objects == 0 ? "there, and empty" : "there, and not empty: it is dropped and made anew";
}

static const char *address(const struct load_server *server)
{
	const char *socket = server->mariadb ? server->mariadb->socket : NULL;
	const char *host = server->mariadb ? server->mariadb->host : server->postgresql->host;

	return socket						? socket
	    : host						? host
	    : server->mariadb && server->mariadb->defaults_file ? server->mariadb->defaults_file
								: "its usual socket";
}

static void show_plan(const struct load_plan *plan, const struct snapshot *snapshot)
{
	json_t *list = json_array();
	char size[32], id[2 * OBJECT_ID_SIZE + 1];
	const char *kind = plan->kind == DUMP_POSTGRESQL ? "PostgreSQL" : "MariaDB or MySQL";

	hex_encode(id, snapshot->id, OBJECT_ID_SIZE);
	if (output_level() >= OUTPUT_NORMAL)
		output_print("load /%s (%s) of snapshot %.8s into the %s server at %s, version %s\n", plan->dump->path,
		    output_size(size, plan->dump->size), id, kind, address(plan->server), plan->version);
	if (plan->users && output_level() >= OUTPUT_NORMAL)
		output_print("  users and roles that it lacks: from /%s\n", plan->users->path);
	for (size_t i = 0; i < plan->count; i++) {
		const struct load_database *database = &plan->databases[i];

		if (output_level() >= OUTPUT_NORMAL)
			output_print("  %s -> %s: %s, %s; %s\n", *database->from ? database->from : "?", database->to,
			    describe_count(database->tables, "table").text, describe_count(database->rows, "row").text,
			    fate(database));
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:I, s:I, s:b, s:I}", "from", database->from, "to", database->to, "tables",
			(json_int_t)database->tables, "rows", (json_int_t)database->rows, "exists", database->exists,
			"objects_there", (json_int_t)database->objects));
	}
	output_object("plan",
	    json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:o}", "snapshot_id", id, "dump", plan->dump->path, "size",
		(json_int_t)plan->dump->size, "kind", plan->kind == DUMP_POSTGRESQL ? "postgresql" : "mariadb",
		"server", address(plan->server), "server_version", plan->version, "databases", list));
}

/* ---- the loading ---- */

static enum err on_difference(void *context, enum dump_difference difference, const char *database, const char *table,
    uint64_t first, uint64_t second)
{
	static const char *const words[] = {[DUMP_DATABASE_MISSING] = "the database is missing",
	    [DUMP_DATABASE_ADDED] = "the database is not in the dump",
	    [DUMP_TABLE_MISSING] = "the table is missing",
	    [DUMP_TABLE_ADDED] = "the table is not in the dump",
	    [DUMP_ROWS_COUNT] = "another number of rows",
	    [DUMP_ROWS] = "other rows",
	    [DUMP_STRUCTURE] = "tables, views, routines or rights are others"};
	uint64_t *count = context;

	output_warning(PL_LOAD_DIFFERS, "%s%s%s: %s (%llu in the dump, %llu on the server)", database,
	    *database && *table ? "." : "", table, words[difference], (unsigned long long)first,
	    (unsigned long long)second);
	++*count;
	return ERR_OK;
}

static bool same_version(const struct load_plan *plan)
{
	const char *dumped = dump_digest_server(plan->digest);
	size_t length = strspn(plan->version, "0123456789.");

	return length > 0 && strncmp(dumped, plan->version, length) == 0 && strspn(dumped, "0123456789.") == length;
}

static enum err compare(const struct load_plan *plan)
{
	bool same = same_version(plan);
	uint64_t count = 0;
	enum err err = load_compare(plan, same, on_difference, &count);

	if (err == ERR_OK && !same)
		output_note(
		    "the dump is of a server of version %s: rows were compared, and how many views and routines there "
		    "are, but not their text",
		    dump_digest_server(plan->digest));
	return err == ERR_OK && count > 0
	    ? fail(PL_LOAD_DIFFERS, "what was loaded is not what the dump holds: %llu differences",
		  (unsigned long long)count)
	    : err;
}

static enum err load(const struct load_plan *plan, struct restore_view *view, const struct restore_database_how *how)
{
	struct load_result result;
	char size[32], duration[32];
	enum err err;

	if (!how->overwrite) {
		err = load_plan_check(plan);
		if (err != ERR_OK)
			return err;
	}
	if (how->dry_run)
		return ERR_OK;
	err = load_run(plan, view, &result);
	if (err == ERR_OK && how->verify)
		err = compare(plan);
	if (err != ERR_OK)
		return err;
	if (output_level() >= OUTPUT_NORMAL)
		output_print("loaded %s (%s) in %s%s\n", describe_count(plan->count, "database").text,
		    output_size(size, result.bytes), output_duration(duration, result.duration),
		    how->verify ? "; read back and compared" : "");
	output_object("summary",
	    json_pack("{s:I, s:I, s:b, s:f}", "databases_loaded", (json_int_t)plan->count, "bytes_loaded",
		(json_int_t)result.bytes, "verified", how->verify, "total_duration",
		(double)result.duration / CLOCK_SECOND));
	return ERR_OK;
}

static enum err find_users(const struct restore_database *given, struct restore_view *view,
    const struct snapshot *snapshot, const struct dump *dump, bool postgresql, struct dump *users)
{
	char *path;
	enum err err;

	if (!given->with_users)
		return ERR_OK;
	path = users_path(dump->path, postgresql);
	err = path ? dump_find(users, view, snapshot, path) : ERR_NOMEM;
	mem_free(path);
	return err;
}

enum err restore_database(struct repository *repository, const struct selection *selection,
    const struct restore_database *given, const struct restore_database_how *how)
{
	const struct snapshot *snapshot = selection->snapshot;
	struct restore_view view = {0};
	struct dump dump = {0}, users = {0};
	struct load_plan plan = {0};
	struct place place = {0};
	enum dump_kind kind = DUMP_UNKNOWN;
	enum err err = check(given, selection);

	if (err == ERR_OK)
		err = restore_view_open(&view, repository, snapshot->domain);
	if (err == ERR_OK)
		err = dump_find(&dump, &view, snapshot, selection->path.text);
	if (err == ERR_OK)
		err = dump_kind_of(&dump, &view, &kind);
	if (err == ERR_OK)
		err = find_server(given, kind == DUMP_POSTGRESQL, &place);
	if (err == ERR_OK)
		err = find_users(given, &view, snapshot, &dump, kind == DUMP_POSTGRESQL, &users);
	if (err == ERR_OK)
		err = load_plan(&plan, &view, &dump, &place.server, given->from, given->to);
	if (err == ERR_OK) {
		plan.users = users.entry ? &users : NULL;
		show_plan(&plan, snapshot);
		err = load(&plan, &view, how);
	}
	load_plan_free(&plan);
	dump_free(&users);
	dump_free(&dump);
	restore_view_close(&view);
	return err;
}
