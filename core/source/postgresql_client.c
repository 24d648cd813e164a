#include "core/source/postgresql_client.h"

#include "core/base/mem.h"

#include <unistd.h>

#define ANSWER_MAX ((size_t)64 << 20) /* bytes */

void postgresql_client_close(struct postgresql_client *client)
{
	for (size_t i = 0; i < client->count; i++)
		mem_free(client->environment[i]);
	client->count = 0;
	if (client->passwords >= 0)
		close(client->passwords);
	client->passwords = -1;
}

static enum err add_variable(struct postgresql_client *client, char *variable)
{
	if (!variable)
		return ERR_NOMEM;
	client->environment[client->count++] = variable;
	return ERR_OK;
}

/* "*:*:*:*:password", with what means something there escaped. */
static enum err write_passwords(int fd, const char *path)
{
	char *secret = NULL;
	enum err err = dump_client_password(path, &secret);

	if (err == ERR_OK)
		err = dump_client_write(fd, "*:*:*:*:", 8);
	for (const char *c = secret; err == ERR_OK && *c; c++) {
		if (*c == ':' || *c == '\\')
			err = dump_client_write(fd, "\\", 1);
		if (err == ERR_OK)
			err = dump_client_write(fd, c, 1);
	}
	if (err == ERR_OK)
		err = dump_client_write(fd, "\n", 1);
	dump_client_secret_free(secret);
	return err;
}

/* Messages of the server stay as they are; PGPASSFILE names a file, which is no secret. */
enum err postgresql_client_open(struct postgresql_client *client, const struct postgresql_server *server)
{
	enum err err = add_variable(client, mem_string("PGCONNECT_TIMEOUT=60"));

	if (err == ERR_OK && server->host)
		err = add_variable(client, mem_printf("PGHOST=%s", server->host));
	/* They would lead to another server than the one that was named. */
	if (err == ERR_OK && server->host)
		err = add_variable(client, mem_string("PGHOSTADDR"));
	if (err == ERR_OK && server->host)
		err = add_variable(client, mem_string("PGSERVICE"));
	if (err == ERR_OK && server->port)
		err = add_variable(client, mem_printf("PGPORT=%u", server->port));
	if (err == ERR_OK && server->user)
		err = add_variable(client, mem_printf("PGUSER=%s", server->user));
	if (err != ERR_OK || !server->password_file)
		return err;
	/* One of ours would go before the file. */
	err = add_variable(client, mem_string("PGPASSWORD="));
	if (err == ERR_OK)
		err = dump_client_file(&client->passwords);
	if (err == ERR_OK)
		err = write_passwords(client->passwords, server->password_file);
	if (err == ERR_OK)
		err = add_variable(client, mem_printf("PGPASSFILE=/dev/fd/%d", client->passwords));
	return err;
}

char *postgresql_client_database(const char *database)
{
	char *option = mem_alloc(2 * strlen(database) + sizeof("--dbname=dbname=''")), *at;

	if (!option)
		return NULL;
	memcpy(option, "--dbname=dbname='", sizeof("--dbname=dbname='"));
	at = option + strlen(option);
	for (; *database; database++) {
		if (*database == '\'' || *database == '\\')
			*at++ = '\\';
		*at++ = *database;
	}
	*at++ = '\'';
	*at = '\0';
	return option;
}

static struct command_options options_of(
    const struct postgresql_client *client, const char *const *argv, const int *descriptors)
{
	return (struct command_options){.argv = argv,
	    .descriptors = descriptors,
	    .environment = (const char *const *)client->environment,
	    .keep_errors = true};
}

enum err postgresql_client_start(
    const struct postgresql_client *client, struct command **out, const char *const *argv, bool fed)
{
	const int descriptors[] = {client->passwords, -1};
	struct command_options options = options_of(client, argv, descriptors);

	options.fed = fed;
	return command_start_with(out, &options);
}

enum err postgresql_client_query(
    const struct postgresql_client *client, const char *database, const char *sql, struct buffer *out)
{
	const int descriptors[] = {client->passwords, -1};
	char *option = postgresql_client_database(database);
	const char *const argv[] = {
	    "psql", "-X", "-q", "-A", "-t", "--no-password", "--set=ON_ERROR_STOP=1", option, "-c", sql, NULL};
	struct command_options options = options_of(client, argv, descriptors);
	enum err err = option ? dump_client_run(&options, ANSWER_MAX, out) : ERR_NOMEM;

	mem_free(option);
	return err;
}

enum err postgresql_client_feed(const struct postgresql_client *client, struct command **out, const char *database)
{
	char *option = postgresql_client_database(database);
	const char *const argv[] = {
	    "psql", "-X", "-q", "--no-password", "--set=ON_ERROR_STOP=1", "--output=/dev/null", option, NULL};
	enum err err = option ? postgresql_client_start(client, out, argv, true) : ERR_NOMEM;

	mem_free(option);
	return err;
}

/* What begins and ends a name or a text, doubled inside. */
static char *quote(const char *text, char mark)
{
	char *quoted = mem_alloc(2 * strlen(text) + 3), *at = quoted;

	if (!quoted)
		return NULL;
	*at++ = mark;
	for (; *text; text++) {
		if (*text == mark)
			*at++ = mark;
		*at++ = *text;
	}
	*at++ = mark;
	*at = '\0';
	return quoted;
}

char *postgresql_client_name(const char *name)
{
	return quote(name, '"');
}

char *postgresql_client_text(const char *text)
{
	return quote(text, '\'');
}
