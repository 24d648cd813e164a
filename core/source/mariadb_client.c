#include "core/source/mariadb_client.h"

#include "core/base/mem.h"

#include <stdio.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)256 << 20) /* bytes: a line for each database and each table without transactions */
#define HELP_MAX ((size_t)1 << 20)     /* bytes */
#define ARGUMENTS_MAX 4u	       /* of ours, before the caller's */

/* ---- the option file ---- */

/* In quotes, as the client's library reads them. */
static enum err write_value(int fd, const char *name, const char *value)
{
	enum err err = dump_client_write(fd, name, strlen(name));

	if (err == ERR_OK)
		err = dump_client_write(fd, "=\"", 2);
	for (; err == ERR_OK && *value; value++) {
		if (*value == '"' || *value == '\\')
			err = dump_client_write(fd, "\\", 1);
		if (err == ERR_OK)
			err = dump_client_write(fd, value, 1);
	}
	return err == ERR_OK ? dump_client_write(fd, "\"\n", 2) : err;
}

static enum err write_password(int fd, const char *path)
{
	char *secret = NULL;
	enum err err = dump_client_password(path, &secret);

	if (err == ERR_OK)
		err = write_value(fd, "password", secret);
	dump_client_secret_free(secret);
	return err;
}

/* Options that say how to get to the server. The others of an option file are for people's own dumps: "no-data" or
 * "ignore-table" would make one of ours that lacks what it should hold. */
static bool is_connection(const char *line)
{
	static const char *const names[] = {"user", "password", "host", "port", "socket", "protocol", "compress",
	    "default-auth", "plugin-dir", "server-public-key-path", "get-server-public-key"};
	char name[64];
	size_t length = strcspn(line, " \t\r\n=");

	if (length >= sizeof(name))
		return false;
	for (size_t i = 0; i < length; i++)
		name[i] = line[i] == '_' ? '-' : line[i];
	name[length] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "ssl", 3) == 0 || strncmp(name, "tls-", 4) == 0;
}

/* "[client]" and its like. */
static bool is_our_group(const char *line)
{
	static const char *const groups[] = {"client", "client-server", "client-mariadb", "mysqldump", "mariadb-dump"};
	size_t length = strcspn(line + 1, "]\n");

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (length == strlen(groups[i]) && memcmp(line + 1, groups[i], length) == 0)
			return true;
	return false;
}

static enum err write_option_file(int fd, const char *path)
{
	char *text = NULL;
	bool ours = false;
	enum err err = dump_client_secret(path, &text);

	for (const char *line = text; err == ERR_OK && *line;) {
		size_t length = strcspn(line, "\n"), blank = strspn(line, " \t");

		if (line[blank] == '[')
			ours = is_our_group(line + blank);
		else if (ours && is_connection(line + blank))
			err = dump_client_write(fd, line, length);
		if (err == ERR_OK)
			err = dump_client_write(fd, "\n", 1);
		line += length + (line[length] == '\n');
	}
	dump_client_secret_free(text);
	return err;
}

/* The file that was given comes first: what stands beside it in the configuration has the last word. No other option
 * file is read, so that a dump does not depend on what somebody has in theirs. */
static enum err write_options(int fd, const struct mariadb_source *source)
{
	static const char group[] = "[client]\n";
	char port[32];
	enum err err = dump_client_write(fd, group, sizeof(group) - 1);

	if (err == ERR_OK && source->defaults_file)
		err = write_option_file(fd, source->defaults_file);
	if (err == ERR_OK && source->user)
		err = write_value(fd, "user", source->user);
	if (err == ERR_OK && source->password_file)
		err = write_password(fd, source->password_file);
	if (err == ERR_OK && source->socket)
		err = write_value(fd, "socket", source->socket);
	if (err == ERR_OK && source->host)
		err = write_value(fd, "host", source->host);
	if (err == ERR_OK && source->port) {
		snprintf(port, sizeof(port), "%u", source->port);
		err = write_value(fd, "port", port);
	}
	/* "localhost" would mean the socket to the client. */
	if (err == ERR_OK && (source->host || source->port))
		err = write_value(fd, "protocol", "tcp");
	return err;
}

/* ---- the programs ---- */

/* "mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB, for …", "mariadb-dump from 11.4.2-MariaDB, client …",
 * "mysqldump  Ver 8.0.36 for …". */
static void read_version(struct mariadb_client *client, const char *help)
{
	static const char *const before[] = {"Distrib ", " from ", "Ver "};
	const char *line_end = strchrnul(help, '\n');
	const char *at = NULL;

	for (size_t i = 0; i < 3 && !at; i++) {
		at = strstr(help, before[i]);
		if (at && at > line_end)
			at = NULL;
		if (at)
			at += strlen(before[i]);
	}
	if (at)
		snprintf(client->version, sizeof(client->version), "%.*s", (int)strcspn(at, ", \n"), at);
	client->mariadb = strstr(client->version, "MariaDB") != NULL;
}

static enum err find_programs(struct mariadb_client *client)
{
	static const char *const programs[][2] = {{"mariadb-dump", "mariadb"}, {"mysqldump", "mysql"}};
	struct buffer help = {0};
	enum err err = ERR_FAILED;

	for (size_t i = 0; i < 2 && err != ERR_OK; i++) {
		const char *const argv[] = {programs[i][0], "--no-defaults", "--help", NULL};

		client->dump = programs[i][0];
		client->shell = programs[i][1];
		buffer_clear(&help);
		err = dump_client_run(&(struct command_options){.argv = argv, .keep_errors = true}, HELP_MAX, &help);
		if (err == ERR_NOMEM || err == ERR_INTERRUPTED)
			break;
	}
	if (err == ERR_OK) {
		read_version(client, (const char *)help.data);
		client->has_users = strstr((const char *)help.data, "--system=") != NULL;
		client->has_history = strstr((const char *)help.data, "--dump-history") != NULL;
	}
	if (err == ERR_OK) {
		const char *const argv[] = {client->shell, "--no-defaults", "--help", NULL};

		buffer_clear(&help);
		err = dump_client_run(&(struct command_options){.argv = argv, .keep_errors = true}, HELP_MAX, &help);
		client->has_sandbox = err == ERR_OK && strstr((const char *)help.data, "--sandbox") != NULL;
	}
	buffer_free(&help);
	return err;
}

enum err mariadb_client_open(struct mariadb_client *client, const struct mariadb_source *source)
{
	enum err err = find_programs(client);

	if (err == ERR_OK)
		err = dump_client_file(&client->options);
	if (err == ERR_OK)
		err = write_options(client->options, source);
	if (err == ERR_OK)
		snprintf(client->defaults, sizeof(client->defaults), "--defaults-file=/dev/fd/%d", client->options);
	return err;
}

void mariadb_client_close(struct mariadb_client *client)
{
	if (client->options >= 0)
		close(client->options);
	client->options = -1;
}

enum err mariadb_client_start(
    const struct mariadb_client *client, struct command **out, const char *program, const char *const *arguments)
{
	const int descriptors[] = {client->options, -1};
	const char **argv;
	size_t count = 0;
	enum err err;

	while (arguments[count])
		count++;
	argv = mem_calloc(count + ARGUMENTS_MAX, sizeof(*argv));
	if (!argv)
		return ERR_NOMEM;
	argv[0] = program;
	argv[1] = client->defaults;
	memcpy(argv + 2, arguments, count * sizeof(*argv));
	err = command_start_with(
	    out, &(struct command_options){.argv = argv, .descriptors = descriptors, .keep_errors = true});
	mem_free(argv);
	return err;
}

enum err mariadb_client_query(const struct mariadb_client *client, const char *sql, struct buffer *out)
{
	const int descriptors[] = {client->options, -1};
	const char *const argv[] = {client->shell, client->defaults, "--batch", "--skip-column-names",
	    "--default-character-set=utf8mb4", "-e", sql, NULL};

	return dump_client_run(
	    &(struct command_options){.argv = argv, .descriptors = descriptors, .keep_errors = true}, ANSWER_MAX, out);
}

enum err mariadb_client_feed(const struct mariadb_client *client, struct command **out, const char *database)
{
	const int descriptors[] = {client->options, -1};
	const char *argv[10];
	size_t count = 0;

	argv[count++] = client->shell;
	argv[count++] = client->defaults;
	argv[count++] = "--batch";
	/* No byte of what it is fed means anything but to the server. */
	argv[count++] = "--binary-mode";
	argv[count++] = "--default-character-set=utf8mb4";
	argv[count++] = "--max-allowed-packet=1G";
	if (client->has_sandbox)
		argv[count++] = "--sandbox";
	if (database) {
		argv[count++] = "--";
		argv[count++] = database;
	}
	argv[count] = NULL;
	return command_start_with(
	    out, &(struct command_options){.argv = argv, .descriptors = descriptors, .keep_errors = true, .fed = true});
}

char *mariadb_client_name(const char *name)
{
	char *quoted = mem_alloc(2 * strlen(name) + 3), *at = quoted;

	if (!quoted)
		return NULL;
	*at++ = '`';
	for (; *name; name++) {
		if (*name == '`')
			*at++ = '`';
		*at++ = *name;
	}
	*at++ = '`';
	*at = '\0';
	return quoted;
}
