/* How a job gets to a database: tried, so that what setup writes works. */
#ifndef PULIH_CLI_SETUP_LOGIN_H
#define PULIH_CLI_SETUP_LOGIN_H

#include "cli/setup_ask.h"
#include "cli/setup_server.h"

struct setup_login {
	enum cms_engine engine;
	const char *database;	     /* NULL: all of a MariaDB server */
	const struct setup_cms *cms; /* whose settings name it; NULL: on this machine's server, without a password */
	const struct setup_site_servers *host;
	const struct setup_ask *ask;
	bool may_copy, asks_copy; /* the password of the settings into a file: allowed, or a person is asked */
};

enum setup_login_result {
	LOGIN_WORKS,
	LOGIN_FAILS,   /* *server is what the site itself uses; the last failure says why it does not work now */
	LOGIN_UNKNOWN, /* nothing that could be written is known; the last failure says why */
	LOGIN_REFUSED, /* it would take a copy of the password */
};
/* Tries the local socket without a password, then what the site uses. ERR_NOMEM, PL_INTERRUPTED. *server, which starts as {0}, is to be released
 * with setup_server_free whatever becomes of it. */
enum err setup_login_find(
    const struct setup_login *login, struct setup_server *server, enum setup_login_result *result);

#endif
