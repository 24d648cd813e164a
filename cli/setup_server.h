/* A database server as a source of the job that setup makes. */
#ifndef PULIH_CLI_SETUP_SERVER_H
#define PULIH_CLI_SETUP_SERVER_H

#include "cli/setup_cms.h"
#include "cli/setup_list.h"

struct setup_server {
	enum cms_engine engine;
	struct setup_list databases; /* none: all of a MariaDB server */
	/* NULL, or 0: as the client has it by itself. */
	char *name, *socket, *host, *user;
	int port;
	bool without_users;
	char *folder;	     /* of the site in whose settings the password stands; NULL: it needs none */
	char *password_file; /* where setup will write it; NULL as long as that is not known */
};
/* Starts as {0}; released with setup_servers_free. */
struct setup_servers {
	struct setup_server *items;
	size_t count, capacity;
};
void setup_server_free(struct setup_server *server);
void setup_servers_free(struct setup_servers *servers);

/* Whether both are the same server, and got at the same way. */
bool setup_server_same(const struct setup_server *one, const struct setup_server *other);
/* Takes it over, into one that is the same where there is one; *server is {0} then. ERR_NOMEM: it stays the caller's. */
enum err setup_servers_add(struct setup_servers *servers, struct setup_server *server);
/* Names those that would have the name of another one, and the files for their passwords in `folder`. */
enum err setup_servers_name(struct setup_servers *servers, const char *folder);

/* Whether the server lets it in and has its databases, now; the password comes from the settings. Sets without_users to whether users and grants
 * cannot be read that way. PL_DATABASE_* (ERR_SOURCE), as a dump would say; ERR_NOMEM, PL_INTERRUPTED. */
enum err setup_server_try(struct setup_server *server);

/* Says how it is got at: "socket /run/mysqld/mysqld.sock, user joomla". To be released with mem_free; NULL: ERR_NOMEM. */
char *setup_server_way(const struct setup_server *server);
/* Its databases: "joomla, wp", or "all databases". The same. */
char *setup_server_databases(const struct setup_server *server);

#endif
