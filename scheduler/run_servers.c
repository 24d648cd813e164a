/* From the database servers of a job to streams of a backup. */
#include "scheduler/run_internal.h"

#include "core/base/mem.h"

/* A server has at most two streams, one of PostgreSQL one for each database besides; a database that is named, or all of a server, is a line
 * in the record. Every stream and every line has a text of its own. */
static enum err make_room(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	size_t servers = 0, databases = 0;
	struct record_source *sources;

	for (uint32_t i = 0; i < job->sources_count; i++) {
		const struct configuration_source *source = &job->sources[i];

		if (source->mariadb || source->postgresql)
			servers++;
		databases += source->mariadb ? source->mariadb->databases_count
		    : source->postgresql     ? source->postgresql->databases_count
					     : 0;
	}
	run->streams = mem_calloc(2 * servers + databases + 1, sizeof(*run->streams));
	run->mariadb = mem_calloc(servers + 1, sizeof(*run->mariadb));
	run->postgresql = mem_calloc(servers + 1, sizeof(*run->postgresql));
	run->postgresql_databases = mem_calloc(databases + 1, sizeof(*run->postgresql_databases));
	run->names = mem_calloc(3 * servers + 2 * databases + 1, sizeof(*run->names));
	sources = mem_resize(run->sources, run->sources_count + servers + databases + 1, sizeof(*sources));
	if (sources)
		run->sources = sources;
	return run->streams && run->mariadb && run->postgresql && run->postgresql_databases && run->names && sources
	    ? ERR_OK
	    : ERR_NOMEM;
}

/* Keeps a text that was made; false where it could not be. */
static bool keep(struct run *run, char *text)
{
	if (text)
		run->names[run->names_count++] = text;
	return text != NULL;
}

static enum err add_stream(
    struct run *run, const struct stream_kind *kind, const void *config, char *path, bool database)
{
	if (!keep(run, path))
		return ERR_NOMEM;
	run->streams[run->streams_count++] =
	    (struct stream_source){.kind = kind, .config = config, .path = path, .fine = true, .database = database};
	return ERR_OK;
}

static enum err name_databases(struct run *run, const char *kind, const struct configuration_server *server)
{
	const char *name = configuration_server_name(server);

	for (uint32_t i = 0; i < server->databases_count || i == 0; i++) {
		char *text = mem_printf("%s/%s", name, server->databases_count > 0 ? server->databases[i] : "*");

		if (!keep(run, text))
			return ERR_NOMEM;
		run->sources[run->sources_count++] = (struct record_source){kind, text};
	}
	return ERR_OK;
}

static enum err add_mariadb(struct run *run, struct mariadb_source *source, const struct configuration_server *server)
{
	enum err err;

	*source = (struct mariadb_source){.name = configuration_server_name(server),
	    .databases = (const char *const *)server->databases,
	    .databases_count = server->databases_count,
	    .defaults_file = server->defaults_file,
	    .socket = server->socket,
	    .host = server->host,
	    .port = server->port ? (unsigned)*server->port : 0,
	    .user = server->user,
	    .password_file = server->password_file,
	    .without_lock = server->without_lock};
	err = name_databases(run, mariadb_stream.name, server);
	if (err == ERR_OK)
		err = add_stream(run, &mariadb_stream, source, mem_printf("mariadb/%s.sql", source->name), true);
	if (err == ERR_OK && !server->without_users)
		err = add_stream(
		    run, &mariadb_users_stream, source, mem_printf("mariadb/%s/users.sql", source->name), false);
	return err;
}

static enum err add_postgresql(struct run *run, struct postgresql_server *server, struct postgresql_source **source,
    const struct configuration_server *configured)
{
	enum err err = name_databases(run, postgresql_stream.name, configured);

	*server = (struct postgresql_server){.name = configuration_server_name(configured),
	    .host = configured->socket ? configured->socket : configured->host,
	    .port = configured->port ? (unsigned)*configured->port : 0,
	    .user = configured->user,
	    .password_file = configured->password_file,
	    .restrict_key = run->restrict_key};
	for (uint32_t i = 0; err == ERR_OK && i < configured->databases_count; i++) {
		**source = (struct postgresql_source){server, configured->databases[i]};
		err = add_stream(run, &postgresql_stream, *source,
		    mem_printf("postgresql/%s/%s.sql", server->name, configured->databases[i]), true);
		++*source;
	}
	if (err == ERR_OK && !configured->without_users)
		err = add_stream(run, &postgresql_globals_stream, server,
		    mem_printf("postgresql/%s/globals.sql", server->name), false);
	return err;
}

enum err run_servers(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	enum err err = make_room(run);
	struct mariadb_source *mariadb = run->mariadb;
	struct postgresql_server *postgresql = run->postgresql;
	struct postgresql_source *database = run->postgresql_databases;

	for (uint32_t i = 0; err == ERR_OK && i < job->sources_count; i++) {
		if (job->sources[i].mariadb)
			err = add_mariadb(run, mariadb++, job->sources[i].mariadb);
		else if (job->sources[i].postgresql)
			err = add_postgresql(run, postgresql++, &database, job->sources[i].postgresql);
	}
	return err;
}

void run_servers_free(struct run *run)
{
	for (size_t i = 0; i < run->names_count; i++)
		mem_free(run->names[i]);
	mem_free(run->names);
	mem_free(run->postgresql_databases);
	mem_free(run->postgresql);
	mem_free(run->mariadb);
	mem_free(run->streams);
}
