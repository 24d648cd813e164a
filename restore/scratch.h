/* A folder of its own for what a drill restores, and throw-away database servers in it.
 *
 *   <parent>/pulih-drill-XXXXXX/   mode 0711
 *     .pulih-drill                 flock, held while the drill is at work
 *     files/                       what is restored, 0700
 *     mariadb/, postgresql/        a server each: data, socket, log; 0700, of the user that the server runs as
 *
 * Nothing outside the folder is written, and no server is asked but those that were started in it: they take no configuration of this
 * machine, and listen on a socket in the folder only.
 *
 * Crash story: whoever ends this process ends its servers (the kernel sends them SIGKILL). The folder stays, and its lock is free: the next
 * scratch_open() of the same user in the same parent ends what may still work in it, and removes it. */
#ifndef PULIH_RESTORE_SCRATCH_H
#define PULIH_RESTORE_SCRATCH_H

#include "core/source/mariadb.h"
#include "core/source/postgresql.h"

#define SCRATCH_PARENT "/var/tmp" /* other users may pass through it, and it is no memory */

struct scratch;
struct scratch_options {
	const char *parent; /* a folder that is there */
	uint64_t reserve;   /* bytes that must stay free on its file system: others need room there too */
};
/* First clears what earlier ones left. PL_SCRATCH. */
enum err scratch_open(struct scratch **out, const struct scratch_options *options);
/* Removes it with all that is in it, or says what stays. scratch_close(NULL) does nothing. PL_SCRATCH. */
enum err scratch_close(struct scratch *scratch);
/* The folder for files. */
const char *scratch_files(const struct scratch *scratch);
/* Whether so many more bytes fit, with the reserve left. PL_SCRATCH_SPACE (ERR_NOSPACE). */
enum err scratch_room(const struct scratch *scratch, uint64_t bytes);

/* ---- servers ---- */

enum scratch_kind { SCRATCH_MARIADB, SCRATCH_POSTGRESQL };

struct scratch_server;
/* One of each kind at most. Made anew, with a superuser that only this process's user can be. As another user where this is root: nobody, who
 * may touch nothing. PL_SCRATCH_PROGRAM where its programs are not there, PL_SCRATCH_SERVER where it does not come up within two minutes. */
enum err scratch_server_start(struct scratch_server **out, struct scratch *scratch, enum scratch_kind kind);
/* Ends it at once; before scratch_close. scratch_server_free(NULL) does nothing. */
void scratch_server_free(struct scratch_server *server);
/* "15.18 (Debian …)", as the server itself says. */
const char *scratch_server_version(const struct scratch_server *server);
/* How it is reached, by kind. */
const struct mariadb_source *scratch_server_mariadb(const struct scratch_server *server);
const struct postgresql_server *scratch_server_postgresql(const struct scratch_server *server);

#endif
