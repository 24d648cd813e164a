/* What the files of the scratch folder share. */
#ifndef PULIH_RESTORE_SCRATCH_INTERNAL_H
#define PULIH_RESTORE_SCRATCH_INTERNAL_H

#include "core/base/buffer.h"
#include "core/source/command.h"
#include "restore/scratch.h"

struct scratch {
	char *parent, *name, *folder; /* folder: parent/name, without links */
	char *files;
	int parent_fd, lock;
	uint64_t reserve;
};

/* scratch_clear.c: what earlier ones left in the folder. What cannot be removed is a warning. */
enum err scratch_clear(const char *parent, int parent_fd);
/* Removes one with all that is in it, whatever modes and flags that has; what is mounted in it stays. PL_SCRATCH. */
enum err scratch_remove(int parent_fd, const char *name);
/* Ends the processes that work in it. */
void scratch_end_processes(const char *folder);
#define SCRATCH_PREFIX "pulih-drill-"
#define SCRATCH_MARKER ".pulih-drill"

#define SCRATCH_SOCKET_MAX \
	100 /* bytes of a socket's path: 108 with a NUL, and PostgreSQL's have a lock file beside them */

struct scratch_server {
	struct scratch *scratch;
	enum scratch_kind kind;
	char *folder;  /* scratch/mariadb */
	char *program; /* the server's */
	char *install; /* what makes its data folder */
	char *socket;
	char *login; /* the name of this process's user */
	int log;
	const struct command_user *user; /* NULL: ours */
	struct command_user nobody;
	struct command *command;
	int64_t deadline; /* for coming up, by the monotonic clock */
	struct mariadb_source mariadb;
	struct postgresql_server postgresql;
	char version[64];
};
struct scratch_server_kind {
	const char *name;    /* of its folder, and in messages */
	const char *package; /* of Debian */
	/* Finds program and install; false where one is not there. ERR_NOMEM. */
	enum err (*find)(struct scratch_server *server, bool *found);
	/* Sets socket and how it is reached; before anything is started. */
	enum err (*prepare)(struct scratch_server *server);
	enum err (*make)(struct scratch_server *server);
	enum err (*start)(struct scratch_server *server);
	/* Its version; any error while it does not answer. */
	enum err (*ask)(struct scratch_server *server, struct buffer *out);
};
extern const struct scratch_server_kind scratch_mariadb;
extern const struct scratch_server_kind scratch_postgresql;

/* Starts argv as the server's user, in its folder. `environment` as command_options. */
enum err scratch_server_spawn(
    struct scratch_server *server, struct command **out, const char *const *argv, const char *const *environment);
/* The same, to its end. PL_SCRATCH_SERVER. */
enum err scratch_server_do(struct scratch_server *server, const char *const *argv, const char *const *environment);
/* A program in the folders of PATH, or where Debian has programs of root; NULL where it is not there, or without memory. */
char *scratch_server_program(const char *name);

#endif
