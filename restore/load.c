#include "restore/load_internal.h"

#include "core/base/mem.h"
#include "core/base/output.h"

void load_plan_free(struct load_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		mem_free(plan->databases[i].from);
		mem_free(plan->databases[i].to);
	}
	mem_free(plan->databases);
	dump_digest_free(plan->digest);
	*plan = (struct load_plan){0};
}

static size_t databases_in(const struct dump_digest *digest)
{
	size_t count = 0;

	while (dump_digest_database(digest, count))
		count++;
	return count;
}

/* "a, b and 7 more", for messages. */
static enum err name_them(const struct dump_digest *digest, struct buffer *out)
{
	const struct dump_digest_database *database;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < 8 && (database = dump_digest_database(digest, i)) != NULL; i++)
		err = buffer_append_text(out, "%s%s", i ? ", " : "", database->name);
	if (err == ERR_OK && databases_in(digest) > 8)
		err = buffer_append_text(out, " and %zu more", databases_in(digest) - 8);
	return err == ERR_OK ? buffer_append_u8(out, 0) : err;
}

static enum err fail_choice(const struct load_plan *plan, const char *why)
{
	struct buffer names = {0};
	enum err err = name_them(plan->digest, &names);

	if (err == ERR_OK)
		err = fail(
		    PL_LOAD_DATABASE, "/%s holds these databases: %s; %s", plan->dump->path, (char *)names.data, why);
	buffer_free(&names);
	return err;
}

static enum err add(struct load_plan *plan, const char *from, const char *to)
{
	const struct dump_digest_database *database;
	struct load_database *added = &plan->databases[plan->count++];

	*added = (struct load_database){.from = mem_string(from), .to = mem_string(to)};
	if (!added->from || !added->to)
		return ERR_NOMEM;
	if (load_server_owns(plan->server, to))
		return fail(PL_LOAD_DATABASE, "\"%s\" is the server's own, and nothing is loaded into it", to);
	for (size_t i = 0; (database = dump_digest_database(plan->digest, i)) != NULL; i++)
		if (plan->kind == DUMP_POSTGRESQL || strcmp(database->name, from) == 0) {
			added->tables = database->tables;
			added->rows = database->rows;
		}
	return ERR_OK;
}

/* Which of a dump that may hold several. */
static enum err choose_mariadb(struct load_plan *plan, const char *from, const char *to)
{
	const struct dump_digest_database *database, *found = NULL;
	size_t count = databases_in(plan->digest);
	enum err err = ERR_OK;

	if (!to && count == 0)
		return fail(PL_LOAD_DATABASE, "/%s does not say which database it is of: give --to-database NAME",
		    plan->dump->path);
	plan->all = !to;
	for (size_t i = 0; err == ERR_OK && (database = dump_digest_database(plan->digest, i)) != NULL; i++) {
		if (!to)
			err = add(plan, database->name, database->name);
		else if (strcmp(database->name, from ? from : to) == 0 || (!from && count == 1))
			found = database;
	}
	if (err != ERR_OK || !to)
		return err;
	if (!found && (count > 0 || from))
		return fail_choice(
		    plan, from ? "the one that was named is not among them" : "say which: --from-database NAME");
	return add(plan, found ? found->name : "", to);
}

/* A name without the quotes that SQL may need. */
static char *unquoted(const char *written)
{
	char *name = mem_string(written), *out = name;

	if (!name || *written != '"')
		return name;
	for (const char *at = written + 1; *at && !(*at == '"' && at[1] != '"'); at++) {
		at += *at == '"';
		*out++ = *at;
	}
	*out = '\0';
	return name;
}

static enum err choose_postgresql(struct load_plan *plan, const char *from, const char *to)
{
	char *name = unquoted(dump_digest_creates(plan->digest));
	enum err err;

	if (!name)
		return ERR_NOMEM;
	if (from && strcmp(from, name) != 0)
		err = fail(PL_LOAD_DATABASE, "/%s is of the database \"%s\"", plan->dump->path, name);
	else if (!to && !*name)
		err = fail(PL_LOAD_DATABASE, "/%s does not say which database it is of: give --to-database NAME",
		    plan->dump->path);
	else
		err = add(plan, name, to ? to : name);
	mem_free(name);
	return err;
}

enum err load_plan(struct load_plan *out, struct restore_view *view, const struct dump *dump,
    const struct load_server *server, const char *from, const char *to)
{
	bool postgresql;
	enum err err;

	*out = (struct load_plan){.server = server, .dump = dump};
	err = dump_examine(dump, view, &out->digest);
	if (err != ERR_OK)
		return err;
	out->kind = dump_digest_kind(out->digest);
	postgresql = out->kind == DUMP_POSTGRESQL;
	if (postgresql != (server->postgresql != NULL))
		return fail(PL_LOAD_DATABASE, "/%s is a dump of %s, which the server is not", dump->path,
		    postgresql ? "PostgreSQL" : "MariaDB or MySQL");
	out->databases = mem_calloc(databases_in(out->digest) + 1, sizeof(*out->databases));
	err = out->databases ? load_server_version(server, out->version) : ERR_NOMEM;
	if (err == ERR_OK)
		err = postgresql ? choose_postgresql(out, from, to) : choose_mariadb(out, from, to);
	for (size_t i = 0; err == ERR_OK && i < out->count; i++)
		err = load_server_look(server, &out->databases[i]);
	return err;
}

enum err load_plan_check(const struct load_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->databases[i].exists && plan->databases[i].objects > 0)
			return fail(PL_LOAD_EXISTS,
			    "the server has a database \"%s\" with %llu tables, views and routines already",
			    plan->databases[i].to, (unsigned long long)plan->databases[i].objects);
	return ERR_OK;
}
