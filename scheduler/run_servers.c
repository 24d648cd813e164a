/* From the database servers of a job to streams of a backup. */
#include "scheduler/run_internal.h"

#include "core/base/mem.h"

/* Each has at most two streams; each database that is named a line in the record, all of a server one line. */
static enum err make_room(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	size_t servers = 0, lines = 0;
	struct record_source *sources;

	for (uint32_t i = 0; i < job->sources_count; i++)
		if (job->sources[i].mariadb) {
			servers++;
			lines += job->sources[i].mariadb->databases_count + 1;
		}
	run->streams = mem_calloc(2 * servers + 1, sizeof(*run->streams));
	run->mariadb = mem_calloc(servers + 1, sizeof(*run->mariadb));
	run->names = mem_calloc(2 * servers + lines + 1, sizeof(*run->names));
	sources = mem_resize(run->sources, run->sources_count + lines + 1, sizeof(*sources));
	if (sources)
		run->sources = sources;
	return run->streams && run->mariadb && run->names && sources ? ERR_OK : ERR_NOMEM;
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

enum err run_servers(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	struct mariadb_source *mariadb;
	enum err err = make_room(run);

	mariadb = run->mariadb;
	for (uint32_t i = 0; err == ERR_OK && i < job->sources_count; i++)
		if (job->sources[i].mariadb)
			err = add_mariadb(run, mariadb++, job->sources[i].mariadb);
	return err;
}

void run_servers_free(struct run *run)
{
	for (size_t i = 0; i < run->names_count; i++)
		mem_free(run->names[i]);
	mem_free(run->names);
	mem_free(run->mariadb);
	mem_free(run->streams);
}
