/* A throw-away PostgreSQL server. */
#include "restore/scratch_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/source/postgresql_client.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#define SUPERUSER "postgres"

/* Debian keeps each version in a folder of its own: the newest reads the dumps of all before it. */
static char *newest(const char *name)
{
	char *pattern = mem_printf("/usr/lib/postgresql/*/bin/%s", name), *found = NULL;
	glob_t list = {0};
	double best = 0;

	if (pattern && glob(pattern, 0, NULL, &list) == 0)
		for (size_t i = 0; i < list.gl_pathc; i++) {
			double version = strtod(list.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL);

			if (version <= best || access(list.gl_pathv[i], X_OK) != 0)
				continue;
			mem_free(found);
			found = mem_string(list.gl_pathv[i]);
			best = version;
		}
	globfree(&list);
	mem_free(pattern);
	return found ? found : scratch_server_program(name);
}

static enum err find(struct scratch_server *server, bool *found)
{
	server->program = newest("postgres");
	server->install = newest("initdb");
	*found = server->program && server->install;
	return ERR_OK;
}

/* Only this process's user is the superuser; and nobody is anybody else. */
static enum err write_rules(const struct scratch_server *server)
{
	static const char rules[] = "local all " SUPERUSER " peer map=pulih\n";
	char *hba = path_join(server->scratch->folder, "hba"), *ident = path_join(server->scratch->folder, "ident");
	char *names = mem_printf("pulih \"%s\" " SUPERUSER "\n", server->login);
	enum err err = hba && ident && names ? file_replace(hba, rules, sizeof(rules) - 1, 0644) : ERR_NOMEM;

	if (err == ERR_OK)
		err = file_replace(ident, names, strlen(names), 0644);
	mem_free(hba);
	mem_free(ident);
	mem_free(names);
	return err;
}

static enum err prepare(struct scratch_server *server)
{
	server->socket = path_join(server->folder, ".s.PGSQL.5432");
	if (!server->socket)
		return ERR_NOMEM;
	server->postgresql =
	    (struct postgresql_server){.name = "drill", .host = server->folder, .port = 5432, .user = SUPERUSER};
	return write_rules(server);
}

/* Variables of the caller that programs of the server heed too. */
static const char *const environment[] = {
    "LC_ALL=C.UTF-8", "PGDATA", "PGPORT", "PGOPTIONS", "PGHOST", "PGUSER", "PGDATABASE", "PGSSLMODE", NULL};

static enum err make(struct scratch_server *server)
{
	char *data = mem_printf("%s/data", server->folder);
	const char *const argv[] = {server->install, "-D", data, "-U", SUPERUSER, "--auth=peer", "--no-sync",
	    "--encoding=UTF8", "--locale=C.UTF-8", NULL};
	enum err err = data ? scratch_server_do(server, argv, environment) : ERR_NOMEM;

	mem_free(data);
	return err;
}

/* Nothing here has to survive a power cut. */
static enum err start(struct scratch_server *server)
{
	char *data = mem_printf("%s/data", server->folder);
	char *sockets = mem_printf("unix_socket_directories=%s", server->folder);
	char *hba = mem_printf("hba_file=%s/hba", server->scratch->folder);
	char *ident = mem_printf("ident_file=%s/ident", server->scratch->folder);
	const char *const argv[] = {server->program, "-D", data, "-c", "listen_addresses=", "-c", sockets, "-c", hba,
	    "-c", ident, "-c", "port=5432", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off",
	    "-c", "shared_buffers=64MB", "-c", "max_wal_size=256MB", "-c", "jit=off", "-c", "logging_collector=off",
	    NULL};
	enum err err = data && sockets && hba && ident
	    ? scratch_server_spawn(server, &server->command, argv, environment)
	    : ERR_NOMEM;

	mem_free(data);
	mem_free(sockets);
	mem_free(hba);
	mem_free(ident);
	return err;
}

static enum err ask(struct scratch_server *server, struct buffer *out)
{
	struct postgresql_client client = {.passwords = -1};
	enum err err = postgresql_client_open(&client, &server->postgresql);

	if (err == ERR_OK)
		err = postgresql_client_query(&client, "template1", "SHOW server_version", out);
	postgresql_client_close(&client);
	return err;
}

const struct scratch_server_kind scratch_postgresql = {.name = "postgresql",
    .package = "postgresql",
    .find = find,
    .prepare = prepare,
    .make = make,
    .start = start,
    .ask = ask};
