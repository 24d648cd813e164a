/* Dumps of databases: each into a server of its own kind, dumped anew, compared. */
#include "restore/drill_internal.h"

#include "core/base/mem.h"

#include <stdio.h>

bool drill_is_dump(const char *path)
{
	return strncmp(path, "mariadb/", 8) == 0 || strncmp(path, "postgresql/", 11) == 0;
}

static bool ends(const char *path, const char *with)
{
	size_t length = strlen(path), end = strlen(with);

	return length > end && strcmp(path + length - end, with) == 0;
}

static bool is_of_users(const char *path)
{
	return ends(path, "/users.sql") || ends(path, "/globals.sql");
}

/* A dump on its way through the drill. */
struct one {
	struct drill *drill;
	const char *path;
	char *server_name; /* "local" of "mariadb/local.sql" and "postgresql/local/sipp.sql" */
	bool postgresql;
	struct load_server server;
	struct dump dump, users;
	struct load_plan plan;
	uint64_t before; /* findings */
};

/* ---- the server ---- */

static enum err start_server(struct one *one)
{
	struct drill *drill = one->drill;
	enum scratch_kind kind = one->postgresql ? SCRATCH_POSTGRESQL : SCRATCH_MARIADB;
	enum err err = ERR_OK;

	if (!drill->servers[kind]) {
		err = drill_step_begin(drill, "server", one->postgresql ? "PostgreSQL" : "MariaDB");
		if (err == ERR_OK)
			err = scratch_server_start(&drill->servers[kind], drill->scratch, kind);
		drill_step_end(drill, err == ERR_OK, true);
	}
	if (err == ERR_OK && one->postgresql)
		one->server.postgresql = scratch_server_postgresql(drill->servers[kind]);
	else if (err == ERR_OK)
		one->server.mariadb = scratch_server_mariadb(drill->servers[kind]);
	return err;
}

/* ---- there and back ---- */

static enum err check_room(void *context)
{
	return scratch_room(((struct drill *)context)->scratch, 0);
}

/* Users and roles lie beside the dump, where they could be stored. */
static enum err find_users(struct one *one)
{
	char *path = one->postgresql ? mem_printf("postgresql/%s/globals.sql", one->server_name)
				     : mem_printf("mariadb/%s/users.sql", one->server_name);
	enum err err = path ? dump_find(&one->users, &one->drill->view, one->drill->snapshot, path) : ERR_NOMEM;

	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
	}
	mem_free(path);
	return err;
}

static enum err load(struct one *one)
{
	struct drill *drill = one->drill;
	struct load_result result = {0};
	enum err err = drill_step_begin(drill, "load", one->path);

	if (err == ERR_OK)
		err = dump_find(&one->dump, &drill->view, drill->snapshot, one->path);
	if (err == ERR_OK)
		err = find_users(one);
	if (err == ERR_OK)
		err = load_plan(&one->plan, &drill->view, &one->dump, &one->server, NULL, NULL);
	if (err == ERR_OK) {
		one->plan.users = one->users.entry ? &one->users : NULL;
		one->plan.drill = true;
		one->plan.check = check_room;
		one->plan.context = drill;
		err = load_run(&one->plan, &drill->view, &result);
	}
	/* A disk that is full says so in many ways. */
	if (err != ERR_OK && err != ERR_NOSPACE && err != ERR_NOMEM && err != ERR_INTERRUPTED) {
		struct failure kept = *failure_last();
		enum err room = check_room(drill);

		err = room == ERR_NOSPACE ? room : failure_put(&kept);
	}
	drill_step_end(drill, err == ERR_OK, true);
	if (err == ERR_OK && *result.note)
		err = drill_find(drill->result, true, "users", one->users.path, result.note, "", "");
	return err;
}

/* ---- comparing ---- */

static enum err on_difference(void *context, enum dump_difference difference, const char *database, const char *table,
    uint64_t first, uint64_t second)
{
	static const struct {
		const char *code, *text;
	} words[] = {[DUMP_DATABASE_MISSING] = {"database_missing", "the database did not come back"},
	    [DUMP_DATABASE_ADDED] = {"database_added", "a database that the backup does not hold"},
	    [DUMP_TABLE_MISSING] = {"table_missing", "the table did not come back"},
	    [DUMP_TABLE_ADDED] = {"table_added", "a table that the backup does not hold"},
	    [DUMP_ROWS_COUNT] = {"rows_count", "another number of rows"},
	    [DUMP_ROWS] = {"rows", "rows with other contents"},
	    [DUMP_STRUCTURE] = {"structure", "tables, views, routines or rights are others"}};
	const struct one *one = context;
	char expected[24], found[24];
	const char *own = *database ? database : one->plan.databases[0].to;
	char *object = mem_printf("%s/%s%s%s", one->server_name, own, *table ? "." : "", table);
	enum err err;

	snprintf(expected, sizeof(expected), "%llu", (unsigned long long)first);
	snprintf(found, sizeof(found), "%llu", (unsigned long long)second);
	err = object ? drill_find(one->drill->result, false, words[difference].code, object, words[difference].text,
			   expected, found)
		     : ERR_NOMEM;
	mem_free(object);
	return err;
}

/* The numbers in front: what comes behind them is how it was packed. */
static bool same_version(const char *one, const char *other)
{
	size_t length = strspn(one, "0123456789.");

	return length > 0 && length == strspn(other, "0123456789.") && strncmp(one, other, length) == 0;
}

static enum err compare(struct one *one)
{
	struct drill *drill = one->drill;
	const char *dumped = dump_digest_server(one->plan.digest);
	bool same = same_version(dumped, one->plan.version);
	uint64_t before = drill->result->findings_count;
	enum err err = drill_step_begin(drill, "compare", one->path);

	if (err == ERR_OK)
		err = load_compare(&one->plan, same, on_difference, one);
	if (err == ERR_OK && !same)
		err = drill_find(drill->result, true, "version", one->path,
		    "the server of the drill has another version: rows were compared, and how many views and routines "
		    "there "
		    "are, but not their text",
		    dumped, one->plan.version);
	drill_step_end(drill, err == ERR_OK && drill->result->findings_count == before, false);
	return err;
}

/* ---- what the record says of it ---- */

static const struct dump_digest_database *digest_of(const struct one *one, const char *name)
{
	const struct dump_digest_database *database;

	for (size_t i = 0; (database = dump_digest_database(one->plan.digest, i)) != NULL; i++)
		if (one->postgresql || strcmp(database->name, name) == 0)
			return database;
	return NULL;
}

/* Its assertions are asked of the restored one. */
struct asking {
	const struct one *one;
	const char *database;
};

static enum err ask(void *context, const char *sql, struct buffer *out)
{
	const struct asking *asking = context;

	return load_query(&asking->one->server, asking->database, sql, out);
}

static enum err tell_database(struct one *one, const char *name)
{
	const char *kind = one->postgresql ? "postgresql" : "mariadb";
	const struct dump_digest_database *digest = digest_of(one, name);
	char *path = mem_printf("%s/%s", one->server_name, name);
	char *source = mem_printf("%s/%s/%s", kind, one->server_name, name);
	struct asking asking = {one, name};
	json_t *database;
	enum err err = path && source ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && digest) {
		database = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "kind", kind, "path", path,
		    "size", (json_int_t)one->dump.size, "tables", (json_int_t)digest->tables, "rows",
		    (json_int_t)digest->rows, "views", (json_int_t)digest->views, "routines",
		    (json_int_t)digest->routines, "dumped_from", dump_digest_server(one->plan.digest), "server",
		    one->plan.version);
		if (!database || json_array_append_new(one->drill->result->databases, database) != 0)
			err = fail(PL_NO_MEMORY, "no memory for JSON");
		if (err == ERR_OK)
			err = drill_compare_counted(one->drill, kind, path, digest->tables, digest->rows);
	}
	if (err == ERR_OK)
		err = drill_assertions_of(one->drill, source, ask, &asking);
	mem_free(path);
	mem_free(source);
	return err;
}

/* ---- one dump ---- */

static enum err name_server(struct one *one)
{
	const char *name = strchr(one->path, '/') + 1;
	size_t length = one->postgresql ? strcspn(name, "/") : strlen(name) - strlen(".sql");

	one->server_name = mem_printf("%.*s", (int)length, name);
	return one->server_name ? ERR_OK : ERR_NOMEM;
}

static enum err drill_one(struct drill *drill, const char *path)
{
	struct one one = {.drill = drill, .path = path, .postgresql = strncmp(path, "postgresql/", 11) == 0};
	enum err err = name_server(&one);

	if (err == ERR_OK)
		err = start_server(&one);
	if (err == ERR_OK) {
		err = load(&one);
		if (drill_is_finding(err))
			err = drill_find_failure(drill, "load", path);
		else if (err == ERR_OK) {
			err = compare(&one);
			if (drill_is_finding(err))
				err = drill_find_failure(drill, "compare", path);
			for (size_t i = 0; err == ERR_OK && i < one.plan.count; i++)
				err = tell_database(&one, one.plan.databases[i].to);
		}
	}
	load_plan_free(&one.plan);
	dump_free(&one.dump);
	dump_free(&one.users);
	mem_free(one.server_name);
	return err;
}

enum err drill_databases(struct drill *drill)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < drill->snapshot->paths_count; i++) {
		const char *path = drill->snapshot->paths[i];

		if (drill_is_dump(path) && !is_of_users(path) && ends(path, ".sql"))
			err = drill_one(drill, path);
	}
	return err;
}
