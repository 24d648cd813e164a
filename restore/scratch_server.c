/* What throw-away servers have in common. */
#include "restore/scratch_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE (120 * CLOCK_SECOND) /* for making the data folder and coming up: a few seconds on any disk */
#define LOOK_EVERY 50		      /* milliseconds */
#define LOG_TAIL 400		      /* bytes of the log that a message shows */

static const struct scratch_server_kind *const kinds[] = {
    [SCRATCH_MARIADB] = &scratch_mariadb, [SCRATCH_POSTGRESQL] = &scratch_postgresql};

/* ---- programs ---- */

static char *program_in(const char *folder, size_t length, const char *name)
{
	char *path = mem_printf("%.*s/%s", (int)length, folder, name);

	if (path && length > 0 && access(path, X_OK) == 0)
		return path;
	mem_free(path);
	return NULL;
}

char *scratch_server_program(const char *name)
{
	static const char more[] = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin";
	const char *lists[] = {getenv("PATH"), more};

	for (size_t i = 0; i < 2; i++)
		for (const char *at = lists[i]; at && *at; at += strspn(at, ":")) {
			size_t length = strcspn(at, ":");
			char *found = program_in(at, length, name);

			if (found)
				return found;
			at += length;
		}
	return NULL;
}

/* ---- processes ---- */

/* The end of what it said, on one line. */
static enum err fail_with_log(struct scratch_server *server, const char *what)
{
	char tail[LOG_TAIL + 1];
	struct stat status = {0};
	off_t from;
	ssize_t got;
	char *printable;
	enum err err;

	fstat(server->log, &status);
	from = status.st_size > LOG_TAIL ? status.st_size - LOG_TAIL : 0;
	got = file_pread_full(server->log, tail, LOG_TAIL, from);
	for (ssize_t i = 0; i < got; i++)
		tail[i] = tail[i] == '\n' || tail[i] == '\t' ? ' ' : tail[i];
	printable = output_printable(tail, got > 0 ? (size_t)got : 0);
	err = printable ? fail(PL_SCRATCH_SERVER, "the throw-away server (%s) %s: %s", kinds[server->kind]->name, what,
			      *printable ? printable : "it said nothing")
			: ERR_NOMEM;
	mem_free(printable);
	return err;
}

enum err scratch_server_spawn(
    struct scratch_server *server, struct command **out, const char *const *argv, const char *const *environment)
{
	return command_start_with(out,
	    &(struct command_options){.argv = argv,
		.environment = environment,
		.log = server->log,
		.dies_with_us = true,
		.user = server->user,
		.folder = server->folder});
}

static void pause_a_moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY * 1000000L}, NULL);
}

static enum err check_time(struct scratch_server *server)
{
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted while the throw-away server (%s) was started",
		    kinds[server->kind]->name);
	if (clock_monotonic() > server->deadline)
		return fail_with_log(server, "did not come up in two minutes");
	return ERR_OK;
}

enum err scratch_server_do(struct scratch_server *server, const char *const *argv, const char *const *environment)
{
	struct command *command = NULL;
	enum err err = scratch_server_spawn(server, &command, argv, environment);

	while (err == ERR_OK && !command_has_ended(command)) {
		pause_a_moment();
		err = check_time(server);
	}
	if (err == ERR_OK && command_finish(command) != ERR_OK)
		err = fail_with_log(server, "could not be made");
	command_free(command);
	return err;
}

/* ---- from nothing to a server that answers ---- */

static enum err choose_user(struct scratch_server *server)
{
	const struct passwd *own = getpwuid(geteuid());

	server->login = own ? mem_string(own->pw_name) : mem_printf("%u", (unsigned)geteuid());
	if (!server->login)
		return ERR_NOMEM;
	if (geteuid() == 0) {
		const struct passwd *nobody = getpwnam("nobody");

		if (!nobody || nobody->pw_uid == 0)
			return fail(PL_SCRATCH, "there is no user \"nobody\", as whom a throw-away server could run");
		server->nobody = (struct command_user){nobody->pw_uid, nobody->pw_gid};
		server->user = &server->nobody;
	}
	return ERR_OK;
}

static enum err make_folder(struct scratch_server *server)
{
	const char *name = kinds[server->kind]->name;
	char *log = mem_printf("%s/%s.log", server->scratch->folder, name);
	enum err err = ERR_OK;
	int fd;

	server->folder = path_join(server->scratch->folder, name);
	if (!server->folder || !log) {
		mem_free(log);
		return ERR_NOMEM;
	}
	if (mkdir(server->folder, 0700) != 0 ||
	    (server->user && chown(server->folder, server->user->uid, server->user->gid) != 0))
		err = fail_errno(PL_SCRATCH, "cannot make %s", server->folder);
	fd = open(log, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	server->log = fd;
	if (fd >= 0 && fd <= STDERR_FILENO) {
		server->log = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
	}
	if (err == ERR_OK && server->log < 0)
		err = fail_errno(PL_SCRATCH, "cannot make %s", log);
	mem_free(log);
	return err;
}

static enum err find_programs(struct scratch_server *server)
{
	const struct scratch_server_kind *kind = kinds[server->kind];
	bool found = false;
	enum err err = kind->find(server, &found);

	if (err == ERR_OK && !found)
		err = fail(PL_SCRATCH_PROGRAM,
		    "a drill loads the dump into a server of its own, whose program is not here: install the package "
		    "%s",
		    kind->package);
	return err;
}

static enum err check_socket(const struct scratch_server *server)
{
	if (strlen(server->socket) <= SCRATCH_SOCKET_MAX)
		return ERR_OK;
	return fail(
	    PL_SCRATCH, "%s is too long for the name of a socket: choose a folder with a shorter path", server->socket);
}

/* Until it answers; while it is not up, what a client says is no failure. */
static enum err wait_for(struct scratch_server *server)
{
	struct stat status;

	for (;;) {
		struct buffer answer = {0};
		enum err err = check_time(server);
		bool up = false;

		if (err == ERR_OK && command_has_ended(server->command))
			err = fail_with_log(server, "ended at once");
		if (err == ERR_OK && stat(server->socket, &status) == 0) {
			err = kinds[server->kind]->ask(server, &answer);
			up = err == ERR_OK;
			if (up)
				snprintf(server->version, sizeof(server->version), "%.*s",
				    (int)strcspn((const char *)answer.data, "\n"), (const char *)answer.data);
			if (err == ERR_SOURCE && failure_last()->id == PL_DATABASE_DUMP)
				err = ERR_OK;
		}
		buffer_free(&answer);
		if (up || err != ERR_OK)
			return err;
		pause_a_moment();
	}
}

enum err scratch_server_start(struct scratch_server **out, struct scratch *scratch, enum scratch_kind kind)
{
	struct scratch_server *server = mem_calloc(1, sizeof(*server));
	enum err err;

	*out = NULL;
	if (!server)
		return ERR_NOMEM;
	*server = (struct scratch_server){
	    .scratch = scratch, .kind = kind, .log = -1, .deadline = clock_monotonic() + PATIENCE};
	err = find_programs(server);
	if (err == ERR_OK)
		err = choose_user(server);
	if (err == ERR_OK)
		err = make_folder(server);
	if (err == ERR_OK)
		err = kinds[kind]->prepare(server);
	if (err == ERR_OK)
		err = check_socket(server);
	if (err == ERR_OK)
		err = kinds[kind]->make(server);
	if (err == ERR_OK)
		err = kinds[kind]->start(server);
	if (err == ERR_OK)
		err = wait_for(server);
	if (err == ERR_OK)
		*out = server;
	else
		scratch_server_free(server);
	return err;
}

void scratch_server_free(struct scratch_server *server)
{
	struct failure kept = *failure_last();

	if (!server)
		return;
	command_free(server->command);
	if (server->log >= 0)
		close(server->log);
	mem_free(server->folder);
	mem_free(server->program);
	mem_free(server->install);
	mem_free(server->socket);
	mem_free(server->login);
	mem_free(server);
	if (kept.kind != ERR_OK)
		failure_put(&kept);
}

const char *scratch_server_version(const struct scratch_server *server)
{
	return server->version;
}

const struct mariadb_source *scratch_server_mariadb(const struct scratch_server *server)
{
	return &server->mariadb;
}

const struct postgresql_server *scratch_server_postgresql(const struct scratch_server *server)
{
	return &server->postgresql;
}
