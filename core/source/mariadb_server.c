#include "core/source/mariadb_internal.h"

#include "core/base/mem.h"
#include "core/base/output.h"

#include <ctype.h>

#define OWN \
	"'information_schema', 'performance_schema', 'mysql', 'sys'" /* the server's own; their users are dumped apart */
/* Tables that keep their history are tables as well; views and sequences are not. */
#define TABLES "t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"

/* Names in hexadecimal: no escapes, whatever is in them. The last line says that none is missing. */
static const char question[] =
    "SELECT 'version', HEX(VERSION());"
    "SELECT 'database', HEX(SCHEMA_NAME), SCHEMA_NAME IN (" OWN ") FROM information_schema.SCHEMATA;"
    "SELECT DISTINCT 'unsafe', HEX(t.TABLE_SCHEMA) FROM information_schema.TABLES t"
    " LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE"
    " WHERE " TABLES " AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES';"
    "SELECT DISTINCT 'history', HEX(t.TABLE_SCHEMA) FROM information_schema.TABLES t"
    " WHERE t.TABLE_TYPE = 'SYSTEM VERSIONED';"
    "SELECT 'log', @@log_bin;"
    "SELECT 'packet', @@max_allowed_packet;"
    "SELECT 'end'";

void mariadb_server_free(struct mariadb_server *server)
{
	for (size_t i = 0; i < server->count; i++)
		mem_free(server->databases[i].name);
	mem_free(server->databases);
	*server = (struct mariadb_server){0};
}

static struct mariadb_database *find(struct mariadb_server *server, const char *name)
{
	for (size_t i = 0; i < server->count; i++)
		if (strcmp(server->databases[i].name, name) == 0)
			return &server->databases[i];
	return NULL;
}

/* ---- the answer ---- */

/* The text that hexadecimal digits stand for, where it has no NUL. */
static enum err read_name(const char *digits, size_t length, char **out)
{
	size_t size = length / 2;
	char *lower, *name;
	enum err err = ERR_OK;

	lower = mem_printf("%.*s", (int)length, digits);
	name = mem_calloc(size + 1, 1);
	if (!lower || !name)
		err = ERR_NOMEM;
	for (char *c = lower; err == ERR_OK && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (err == ERR_OK && (length % 2 != 0 || size == 0 || !hex_decode(name, size, lower) || memchr(name, 0, size)))
		err = fail(PL_DATABASE_DUMP, "the server answers with a name that is none");
	mem_free(lower);
	if (err != ERR_OK) {
		mem_free(name);
		return err;
	}
	*out = name;
	return ERR_OK;
}

/* Takes the name over. */
static enum err add(struct mariadb_server *server, char *name, bool own)
{
	struct mariadb_database *more = mem_more(server->databases, server->count, &server->capacity, sizeof(*more));

	if (!more) {
		mem_free(name);
		return ERR_NOMEM;
	}
	server->databases = more;
	more[server->count++] = (struct mariadb_database){.name = name, .wanted = !own};
	return ERR_OK;
}

static enum err take_named(struct mariadb_server *server, const char *word, size_t word_length, const char *value)
{
	size_t length = strcspn(value, "\t\n");
	struct mariadb_database *known;
	char *name = NULL;
	enum err err = read_name(value, length, &name);

	if (err != ERR_OK)
		return err;
	if (strncmp(word, "version", word_length) == 0) {
		snprintf(server->version, sizeof(server->version), "%s", name);
	} else if (strncmp(word, "database", word_length) == 0) {
		return add(server, name, value[length] == '\t' && value[length + 1] == '1');
	} else if ((known = find(server, name)) != NULL) {
		known->unsafe = known->unsafe || *word == 'u';
		known->history = known->history || *word == 'h';
	}
	mem_free(name);
	return ERR_OK;
}

enum err mariadb_server_parse(struct mariadb_server *server, const char *answer)
{
	static const char *const words[] = {"version", "database", "unsafe", "history"};
	const char *line = answer;
	enum err err = ERR_OK;

	while (err == ERR_OK && *line) {
		const char *end = strchrnul(line, '\n');
		size_t word = strcspn(line, "\t\n");

		if (strcmp(line, "end\n") == 0 && *server->version)
			return ERR_OK;
		if (word == 3 && memcmp(line, "log\t", 4) == 0)
			server->has_log = line[4] == '1';
		if (word == 6 && memcmp(line, "packet\t", 7) == 0)
			server->packet = strtoull(line + 7, NULL, 10);
		for (size_t i = 0; err == ERR_OK && i < 4; i++)
			if (word == strlen(words[i]) && memcmp(line, words[i], word) == 0 && line[word] == '\t')
				err = take_named(server, line, word, line + word + 1);
		line = *end ? end + 1 : end;
	}
	return err == ERR_OK ? fail(PL_DATABASE_DUMP, "the server gave no whole answer to what it has") : err;
}

/* ---- what is wanted of it ---- */

static enum err choose(struct mariadb_server *server, const struct mariadb_source *source)
{
	for (size_t i = 0; source->databases_count > 0 && i < server->count; i++)
		server->databases[i].wanted = false;
	for (size_t i = 0; i < source->databases_count; i++) {
		struct mariadb_database *known = find(server, source->databases[i]);

		/* The one that decides for one user whether a database exists is the server. */
		if (!known)
			return fail(PL_DATABASE_DUMP, "the server has no database \"%s\", or not for this user",
			    source->databases[i]);
		known->wanted = true;
	}
	for (size_t i = 0; i < server->count; i++) {
		server->unsafe = server->unsafe || (server->databases[i].wanted && server->databases[i].unsafe);
		server->history = server->history || (server->databases[i].wanted && server->databases[i].history);
	}
	return ERR_OK;
}

/* The position is worth having, and no reason to fail. */
static enum err ask_log(struct mariadb_server *server, const struct mariadb_client *client)
{
	struct buffer answer = {0};
	enum err err;

	if (!server->has_log)
		return ERR_OK;
	err = mariadb_client_query(client, "SHOW MASTER STATUS", &answer);
	server->has_log = err == ERR_OK;
	buffer_free(&answer);
	return err == ERR_NOMEM || err == ERR_INTERRUPTED ? err : ERR_OK;
}

enum err mariadb_server_ask(
    struct mariadb_server *server, const struct mariadb_client *client, const struct mariadb_source *source)
{
	struct buffer answer = {0};
	enum err err = mariadb_client_query(client, question, &answer);

	if (err == ERR_OK)
		err = mariadb_server_parse(server, (const char *)answer.data);
	if (err == ERR_OK)
		err = choose(server, source);
	if (err == ERR_OK)
		err = ask_log(server, client);
	buffer_free(&answer);
	return err;
}
