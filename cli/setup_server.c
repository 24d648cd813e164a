#include "cli/setup_server.h"
#include "conf/configuration.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/source/dump_client.h"
#include "core/source/mariadb.h"
#include "core/source/postgresql.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

void setup_server_free(struct setup_server *server)
{
	setup_list_free(&server->databases);
	mem_free(server->name);
	mem_free(server->socket);
	mem_free(server->host);
	mem_free(server->user);
	mem_free(server->folder);
	mem_free(server->password_file);
	*server = (struct setup_server){0};
}

void setup_servers_free(struct setup_servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		setup_server_free(&servers->items[i]);
	mem_free(servers->items);
	*servers = (struct setup_servers){0};
}

static bool same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

bool setup_server_same(const struct setup_server *one, const struct setup_server *other)
{
	return one->engine == other->engine && same_text(one->socket, other->socket) &&
	    same_text(one->host, other->host) && one->port == other->port && same_text(one->user, other->user) &&
	    same_text(one->folder, other->folder) && one->without_users == other->without_users;
}

static bool has_database(const struct setup_server *server, const char *name)
{
	for (size_t i = 0; i < server->databases.count; i++)
		if (strcmp(server->databases.items[i], name) == 0)
			return true;
	return server->databases.count == 0;
}

/* All that one server is asked for is one source, so that it is of one moment. Two sites with one database: it is stored once. */
enum err setup_servers_add(struct setup_servers *servers, struct setup_server *server)
{
	struct setup_server *items;
	enum err err = ERR_OK;

	for (size_t i = 0; i < servers->count; i++) {
		struct setup_server *known = &servers->items[i];
		const bool covers = server->databases.count == 1 && has_database(known, server->databases.items[0]);

		if (covers && known->engine == server->engine && same_text(known->socket, server->socket) &&
		    same_text(known->host, server->host) && known->port == server->port) {
			setup_server_free(server);
			return ERR_OK;
		}
		if (!setup_server_same(known, server) || known->databases.count == 0 || server->databases.count == 0)
			continue;
		for (size_t k = 0; err == ERR_OK && k < server->databases.count; k++)
			err = setup_list_add_new(&known->databases, server->databases.items[k]);
		if (err == ERR_OK)
			setup_server_free(server);
		return err;
	}
	items = mem_more(servers->items, servers->count, &servers->capacity, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	servers->items = items;
	items[servers->count++] = *server;
	*server = (struct setup_server){0};
	return ERR_OK;
}

/* ---- names ---- */

static const char *kind_of(const struct setup_server *server)
{
	return server->engine == CMS_POSTGRESQL ? "postgresql" : "mariadb";
}

/* As the configuration names it, see configuration_server_name(). */
static const char *name_of(const struct setup_server *server)
{
	return server->name ? server->name : server->host ? server->host : "local";
}

static bool name_is_free(const struct setup_servers *servers, size_t at, const char *name)
{
	for (size_t i = 0; i < at; i++)
		if (servers->items[i].engine == servers->items[at].engine &&
		    strcmp(name_of(&servers->items[i]), name) == 0)
			return false;
	return true;
}

/* Of its first database: lower-case letters, digits and '-'. */
static void make_name(const struct setup_server *server, char out[CONFIGURATION_NAME_MAX + 1])
{
	const char *from = server->databases.count > 0 ? server->databases.items[0] : "all";
	size_t length = 0;

	for (; *from && length < CONFIGURATION_NAME_MAX - 4; from++) {
		const char letter = (char)tolower((unsigned char)*from);

		out[length++] = (letter >= 'a' && letter <= 'z') || isdigit((unsigned char)letter) ? letter : '-';
	}
	out[length] = '\0';
}

static enum err name_one(struct setup_servers *servers, size_t at, const char *folder)
{
	struct setup_server *server = &servers->items[at];
	char base[CONFIGURATION_NAME_MAX + 1], name[CONFIGURATION_NAME_MAX + 16];

	make_name(server, base);
	snprintf(name, sizeof(name), "%s", base);
	for (unsigned number = 2; !name_is_free(servers, at, name); number++)
		snprintf(name, sizeof(name), "%s-%u", base, number);
	if (!name_is_free(servers, at, name_of(server))) {
		server->name = mem_string(name);
		if (!server->name)
			return ERR_NOMEM;
	}
	if (!server->folder)
		return ERR_OK;
	/* Two files of one name would hold two passwords. */
	for (unsigned number = 1;; number++) {
		bool taken = false;

		mem_free(server->password_file);
		server->password_file = number == 1
		    ? mem_printf("%s/%s-%s.password", folder, kind_of(server), name)
		    : mem_printf("%s/%s-%s-%u.password", folder, kind_of(server), name, number);
		if (!server->password_file)
			return ERR_NOMEM;
		for (size_t i = 0; i < at; i++)
			taken = taken || same_text(servers->items[i].password_file, server->password_file);
		if (!taken)
			return ERR_OK;
	}
}

enum err setup_servers_name(struct setup_servers *servers, const char *folder)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < servers->count; i++)
		err = name_one(servers, i, folder);
	return err;
}

/* ---- trying ---- */

/* The password as a file that only exists in memory: nothing is written before a person agreed to all. */
static enum err hold_password(const struct setup_server *server, int *fd)
{
	char *password = NULL;
	enum err err = setup_cms_password(server->folder, &password);

	if (err == ERR_OK)
		err = dump_client_file(fd);
	if (err == ERR_OK)
		err = dump_client_write(*fd, password, strlen(password));
	secret_free(password, SETUP_CMS_PASSWORD);
	return err;
}

/* Reads a stream to its end, and wipes what came: hashes of passwords are among it. */
static enum err read_through(const struct stream_kind *kind, const void *config)
{
	char bytes[4096];
	void *stream = NULL;
	size_t got = 1;
	enum err err = kind->open(&stream, config);

	while (err == ERR_OK && got > 0)
		err = kind->read(stream, bytes, sizeof(bytes), &got);
	if (err == ERR_OK)
		err = kind->finish(stream, NULL, NULL);
	crypto_wipe(bytes, sizeof(bytes));
	if (stream)
		kind->close(stream);
	return err;
}

static enum err try_mariadb(const struct setup_server *server, const char *password_file, enum err *users)
{
	const struct mariadb_source source = {.name = name_of(server),
	    .databases = (const char *const *)server->databases.items,
	    .databases_count = server->databases.count,
	    .socket = server->socket,
	    .host = server->host,
	    .port = (unsigned)server->port,
	    .user = server->user,
	    .password_file = password_file};
	enum err err = mariadb_try(&source);

	if (err == ERR_OK)
		*users = read_through(&mariadb_users_stream, &source);
	return err;
}

static enum err try_postgresql(const struct setup_server *server, const char *password_file, enum err *users)
{
	const struct postgresql_server place = {.name = name_of(server),
	    .host = server->socket ? server->socket : server->host,
	    .port = (unsigned)server->port,
	    .user = server->user,
	    .password_file = password_file};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < server->databases.count; i++)
		err = postgresql_try(&(struct postgresql_source){&place, server->databases.items[i]});
	if (err == ERR_OK)
		*users = read_through(&postgresql_globals_stream, &place);
	return err;
}

enum err setup_server_try(struct setup_server *server)
{
	enum err users = ERR_OK, err = ERR_OK;
	char path[64];
	int fd = -1;

	if (server->folder)
		err = hold_password(server, &fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (err == ERR_OK)
		err = server->engine == CMS_POSTGRESQL ? try_postgresql(server, fd >= 0 ? path : NULL, &users)
						       : try_mariadb(server, fd >= 0 ? path : NULL, &users);
	if (fd >= 0)
		close(fd);
	if (err == ERR_OK && (users == ERR_NOMEM || users == ERR_INTERRUPTED))
		return users;
	if (err == ERR_OK) {
		server->without_users = users != ERR_OK;
		failure_clear();
	}
	return err;
}

/* ---- for people ---- */

char *setup_server_way(const struct setup_server *server)
{
	char port[16] = "";

	if (server->port)
		snprintf(port, sizeof(port), ", port %d", server->port);
	return mem_printf("%s%s%s%s%s%s",
	    server->socket     ? "socket "
		: server->host ? "host "
			       : "the usual socket",
	    server->socket     ? server->socket
		: server->host ? server->host
			       : "",
	    port, server->user ? ", user " : "", server->user ? server->user : "",
	    server->folder ? "" : ", no password");
}

char *setup_server_databases(const struct setup_server *server)
{
	char *text = mem_string(server->databases.count > 0 ? server->databases.items[0] : "all databases");

	for (size_t i = 1; text && i < server->databases.count; i++) {
		char *more = mem_printf("%s, %s", text, server->databases.items[i]);

		mem_free(text);
		text = more;
	}
	return text;
}
