/* A throw-away MariaDB server. */
#include "restore/scratch_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/source/mariadb_client.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err find(struct scratch_server *server, bool *found)
{
	server->program = scratch_server_program("mariadbd");
	server->install = scratch_server_program("mariadb-install-db");
	*found = server->program && server->install;
	return ERR_OK;
}

/* The server's user may be another, and the folder is already theirs. */
static enum err make_own_folder(const struct scratch_server *server, const char *name)
{
	char *path = path_join(server->folder, name);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (path &&
	    (mkdir(path, 0700) != 0 || (server->user && lchown(path, server->user->uid, server->user->gid) != 0)))
		err = fail_errno(PL_SCRATCH, "cannot make %s", path);
	mem_free(path);
	return err;
}

static enum err prepare(struct scratch_server *server)
{
	enum err err = make_own_folder(server, "tmp");

	if (err == ERR_OK)
		err = make_own_folder(server, "plugins");
	server->socket = path_join(server->folder, "s");
	if (!server->socket)
		return ERR_NOMEM;
	server->mariadb = (struct mariadb_source){.name = "drill", .socket = server->socket, .user = server->login};
	return err;
}

static enum err make(struct scratch_server *server)
{
	char *data = mem_printf("--datadir=%s/data", server->folder);
	char *login = mem_printf("--auth-root-socket-user=%s", server->login);
	char *temporary = mem_printf("TMPDIR=%s/tmp", server->folder);
	const char *const argv[] = {server->install, "--no-defaults", data, "--auth-root-authentication-method=socket",
	    login, "--skip-test-db", "--skip-name-resolve", NULL};
	const char *const environment[] = {temporary, NULL};
	enum err err = data && login && temporary ? scratch_server_do(server, argv, environment) : ERR_NOMEM;

	mem_free(data);
	mem_free(login);
	mem_free(temporary);
	return err;
}

/* A dump is SQL that this server runs as its superuser. It may come from a server that was taken over, so it can load no code, and can read
 * and write no file outside the folder. Nothing here has to survive a power cut. */
static enum err start(struct scratch_server *server)
{
	static const char *const always[] = {"--no-defaults", "--skip-networking", "--skip-log-bin",
	    "--skip-slave-start", "--skip-symbolic-links", "--event-scheduler=OFF", "--skip-name-resolve",
	    "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF",
	    "--innodb-buffer-pool-size=128M", "--character-set-server=utf8mb4", "--skip-external-locking"};
	static const struct {
		const char *option, *file;
	} places[] = {{"--datadir", "data"}, {"--socket", "s"}, {"--pid-file", "pid"}, {"--tmpdir", "tmp"},
	    {"--secure-file-priv", "tmp"}, {"--plugin-dir", "plugins"}};
	enum { ALWAYS = sizeof(always) / sizeof(always[0]), PLACES = sizeof(places) / sizeof(places[0]) };
	const char *argv[1 + ALWAYS + PLACES + 1] = {server->program};
	char *made[PLACES] = {NULL};
	enum err err = ERR_OK;

	memcpy(argv + 1, always, sizeof(always));
	for (size_t i = 0; i < PLACES; i++) {
		made[i] = mem_printf("%s=%s/%s", places[i].option, server->folder, places[i].file);
		argv[1 + ALWAYS + i] = made[i];
		err = made[i] ? err : ERR_NOMEM;
	}
	if (err == ERR_OK)
		err = scratch_server_spawn(server, &server->command, argv, NULL);
	for (size_t i = 0; i < PLACES; i++)
		mem_free(made[i]);
	return err;
}

static enum err ask(struct scratch_server *server, struct buffer *out)
{
	struct mariadb_client client = {.options = -1};
	enum err err = mariadb_client_open(&client, &server->mariadb);

	if (err == ERR_OK)
		err = mariadb_client_query(&client, "SELECT VERSION()", out);
	mariadb_client_close(&client);
	return err;
}

const struct scratch_server_kind scratch_mariadb = {.name = "mariadb",
    .package = "mariadb-server-core",
    .find = find,
    .prepare = prepare,
    .make = make,
    .start = start,
    .ask = ask};
