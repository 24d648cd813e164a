#include "cli/setup_login.h"
#include "core/base/mem.h"

#include <stdio.h>
#include <strings.h>

#define MARIADB_PORT 3306

/* The socket of a local server: the one that the settings name, or that was found; NULL: the client knows one. */
static const char *socket_of(const struct setup_login *login)
{
	const char *found = login->engine == CMS_MARIADB ? login->host->mariadb : login->host->postgresql;

	if (login->cms && *login->cms->address.socket)
		return login->cms->address.socket;
	/* Where the server does not run, its data was found. */
	if (login->engine == CMS_MARIADB)
		return strstr(found, ".sock") ? found : NULL;
	return strncmp(found, "/run/", 5) == 0 ? found : NULL;
}

static bool is_local(const struct setup_login *login)
{
	return !login->cms || (login->cms->address_known && login->cms->address.local);
}

static bool by_socket(struct setup_server *server, const struct setup_login *login)
{
	const char *path = socket_of(login);

	if (path) {
		server->socket = mem_string(path);
		if (!server->socket)
			return false;
	}
	/* A socket of PostgreSQL has a port in its name. */
	if (login->engine == CMS_POSTGRESQL && login->cms)
		server->port = (int)login->cms->address.port;
	return true;
}

static bool by_host(struct setup_server *server, const struct setup_login *login)
{
	const struct cms_address *address = &login->cms->address;

	server->host = mem_string(*address->host ? address->host : "localhost");
	server->port = (int)address->port;
	return server->host != NULL;
}

/* As the site logs in. */
static bool as_site(struct setup_server *server, const struct setup_login *login)
{
	server->user = mem_string(login->cms->user);
	if (server->user && login->cms->password == CMS_LITERAL)
		server->folder = mem_string(login->cms->folder);
	server->without_users = true;
	return server->user && (login->cms->password != CMS_LITERAL || server->folder);
}

enum way { WAY_SOCKET, WAY_SITE_SOCKET, WAY_SITE_HOST };

static enum err prepare(struct setup_server *server, const struct setup_login *login, enum way way)
{
	bool made;

	setup_server_free(server);
	server->engine = login->engine;
	made = way == WAY_SITE_HOST ? by_host(server, login) : by_socket(server, login);
	if (made && way != WAY_SOCKET)
		made = as_site(server, login);
	if (!made)
		return ERR_NOMEM;
	return login->database ? setup_list_add(&server->databases, login->database) : ERR_OK;
}

/* In the order in which they are tried; returns how many. A port of its own is that of another server than the usual one: it goes first. */
static size_t ways_of(const struct setup_login *login, bool copy, enum way out[4])
{
	const struct setup_cms *cms = login->cms;
	const bool as_site_is = cms && *cms->user && cms->address_known && cms->password != CMS_COMPUTED &&
	    (copy || cms->password == CMS_ABSENT);
	bool host, first;
	size_t count = 0;

	if (!as_site_is) {
		if (is_local(login))
			out[count++] = WAY_SOCKET;
		return count;
	}
	host = *cms->address.host && !*cms->address.socket;
	first = host && login->engine == CMS_MARIADB && cms->address.port && cms->address.port != MARIADB_PORT;
	if (!is_local(login) || first)
		out[count++] = WAY_SITE_HOST;
	if (is_local(login)) {
		out[count++] = WAY_SOCKET;
		out[count++] = WAY_SITE_SOCKET;
		if (host && !first)
			out[count++] = WAY_SITE_HOST;
	}
	return count;
}

/* ERR_SOURCE where none of them works. */
static enum err try_all(const struct setup_login *login, struct setup_server *server, bool copy, bool *works)
{
	enum way ways[4];
	const size_t count = ways_of(login, copy, ways);
	enum err err = ERR_OK;

	*works = false;
	for (size_t i = 0; err == ERR_OK && i < count && !*works; i++) {
		err = prepare(server, login, ways[i]);
		if (err == ERR_OK)
			err = setup_server_try(server);
		*works = err == ERR_OK;
		if (err != ERR_NOMEM && err != ERR_INTERRUPTED)
			err = ERR_OK;
	}
	return err;
}

/* Only where it is needed: without, nobody is asked. */
static enum err ask_copy(const struct setup_login *login, bool *copy)
{
	char *question;
	enum err err;

	*copy = login->may_copy;
	if (!login->asks_copy)
		return ERR_OK;
	question = mem_printf("  Its user %s has a password. Copy it from the settings in %s into a file that nobody "
			      "else can read",
	    login->cms->user, login->cms->folder);
	err = question ? setup_ask_yes(login->ask, question, true, copy) : ERR_NOMEM;
	mem_free(question);
	return err;
}

static enum err try_as_site(
    const struct setup_login *login, struct setup_server *server, enum setup_login_result *result)
{
	bool copy = true, works = false;
	enum way ways[4];
	enum err err = ERR_OK;

	if (login->cms->password == CMS_LITERAL)
		err = ask_copy(login, &copy);
	if (err != ERR_OK || !copy) {
		*result = LOGIN_REFUSED;
		return err;
	}
	err = try_all(login, server, true, &works);
	*result = works ? LOGIN_WORKS : LOGIN_FAILS;
	if (err == ERR_OK && !works) {
		/* What the site itself says stays, by the socket where it is a local server. */
		struct failure kept = *failure_last();

		err = prepare(server, login,
		    ways_of(login, true, ways) > 0 && ways[0] == WAY_SITE_HOST ? WAY_SITE_HOST : WAY_SITE_SOCKET);
		failure_put(&kept);
	}
	return err;
}

enum err setup_login_find(const struct setup_login *login, struct setup_server *server, enum setup_login_result *result)
{
	const struct setup_cms *cms = login->cms;
	bool works = false;
	enum err err;

	*result = LOGIN_UNKNOWN;
	fail(PL_DATABASE_SECRET, "the settings of the web site name no server, user or password that could be used");
	err = try_all(login, server, false, &works);
	if (err != ERR_OK)
		return err;
	if (works)
		*result = LOGIN_WORKS;
	else if (cms && *cms->user && cms->address_known && cms->password != CMS_COMPUTED)
		err = try_as_site(login, server, result);
	return err;
}
