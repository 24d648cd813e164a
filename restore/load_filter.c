/* A dump on its way to the client: line by line where it is no rows, so that one of several databases can be chosen, and can get another name.
 * Rows, and the bodies of routines, go through as they are. */
#include "restore/dump_digest_internal.h"
#include "restore/load_internal.h"

#include "core/base/mem.h"
#include "core/source/mariadb_client.h"
#include "core/source/postgresql_client.h"

#define LINE_LIMIT  \
	((size_t)64 \
	    << 10) /* bytes that are looked at before a line goes through: those that mean something are short */
#define OUT_AT_ONCE ((size_t)256 << 10)

struct load_filter {
	struct load_filter_options options;
	struct mariadb_count *mariadb;
	struct postgresql_count *postgresql;
	struct buffer line, out, position;
	bool begun;    /* the line at hand was decided */
	bool passes;   /* so: what is left of it goes through */
	bool wanted;   /* the section at hand is of the database that is meant */
	bool body;     /* of a routine */
	bool database; /* PostgreSQL: the entry at hand is about the database itself */
	char *mariadb_to, *postgresql_to, *connect;
};

/* ---- out ---- */

static enum err flush(struct load_filter *filter)
{
	enum err err = filter->out.length > 0
	    ? filter->options.sink(filter->options.context, filter->out.data, filter->out.length)
	    : ERR_OK;

	buffer_clear(&filter->out);
	return err;
}

static enum err put(struct load_filter *filter, const void *bytes, size_t size)
{
	enum err err = buffer_append(&filter->out, bytes, size);

	return err == ERR_OK && filter->out.length >= OUT_AT_ONCE ? flush(filter) : err;
}

static enum err put_text(struct load_filter *filter, const char *text)
{
	return put(filter, text, strlen(text));
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* ---- MariaDB ---- */

/* Whether a line names the database that is meant, between backquotes behind `at`. */
static bool names(const struct load_filter *filter, const char *line)
{
	const char *from = filter->options.from, *at = strchr(line, '`');

	if (!at)
		return false;
	for (at++; *from && *at == *from; at++, from++)
		if (*at == '`')
			at++; /* doubled */
	return !*from && *at == '`' && at[1] != '`';
}

/* The line with the new name in place of what stands between backquotes. */
static enum err put_renamed(struct load_filter *filter, const char *line)
{
	const char *name = strchr(line, '`'), *behind = strrchr(line, '`');
	enum err err = put(filter, line, (size_t)(name - line));

	if (err == ERR_OK)
		err = put_text(filter, filter->mariadb_to);
	return err == ERR_OK ? put_text(filter, behind + 1) : err;
}

static enum err take_mariadb(struct load_filter *filter, const char *line, bool *handled)
{
	bool of_database = begins(line, "USE `") || begins(line, "CREATE DATABASE ");

	if (begins(line, "DELIMITER "))
		filter->body = strcmp(line, "DELIMITER ;\n") != 0;
	if (filter->body)
		return ERR_OK;
	/* The client is told to keep to the sandbox by an option; one that is older stops at this line. And whatever is to be dropped was said by
	 * a person, and not by the dump. */
	*handled =
	    begins(line, "/*M!999999\\- ") || begins(line, "DROP DATABASE") || begins(line, "/*!40000 DROP DATABASE");
	if (*handled || !filter->options.from)
		return ERR_OK;
	if (of_database || begins(line, "-- Current Database: `"))
		filter->wanted = names(filter, line);
	*handled = of_database;
	return of_database && filter->wanted ? put_renamed(filter, line) : ERR_OK;
}

/* ---- PostgreSQL ---- */

/* "… DATABASE name …" with the new name. */
static enum err put_with_name(struct load_filter *filter, const char *line)
{
	static const char word[] = " DATABASE ";
	const char *written = filter->options.written, *at = strstr(line, word);
	enum err err;

	if (!at || strncmp(at + sizeof(word) - 1, written, strlen(written)) != 0)
		return put_text(filter, line);
	at += sizeof(word) - 1;
	err = put(filter, line, (size_t)(at - line));
	if (err == ERR_OK)
		err = put_text(filter, filter->postgresql_to);
	return err == ERR_OK ? put_text(filter, at + strlen(written)) : err;
}

static enum err put_without_tablespace(struct load_filter *filter, const char *line)
{
	const char *at = strstr(line, " TABLESPACE = ");
	enum err err;

	if (!at)
		return put_text(filter, line);
	err = put(filter, line, (size_t)(at - line));
	at += strlen(" TABLESPACE = ");
	return err == ERR_OK ? put_text(filter, at + dump_digest_lines_name(at)) : err;
}

/* Roles that are there keep their passwords and rights: nothing of them is made or changed. */
static bool is_of_known_role(const struct load_filter *filter, const char *line)
{
	const char *name = begins(line, "CREATE ROLE ") ? line + strlen("CREATE ROLE ")
	    : begins(line, "ALTER ROLE ")		? line + strlen("ALTER ROLE ")
							: NULL;
	size_t length = name ? dump_digest_lines_name(name) : 0;

	for (size_t i = 0; name && i < filter->options.roles_count; i++)
		if (strlen(filter->options.roles[i]) == length && memcmp(filter->options.roles[i], name, length) == 0)
			return true;
	return false;
}

static bool is_of_tablespace(const char *line)
{
	return begins(line, "CREATE TABLESPACE ") || begins(line, "ALTER TABLESPACE ") ||
	    ((begins(line, "GRANT ") || begins(line, "REVOKE ")) && strstr(line, " ON TABLESPACE "));
}

static enum err take_postgresql(struct load_filter *filter, const char *line, bool *handled)
{
	const struct load_filter_options *options = &filter->options;

	if (begins(line, "-- Name: "))
		filter->database = begins(line, "-- Name: DATABASE ") || strstr(line, "; Type: DATABASE") != NULL;
	*handled = (!options->restricts && (begins(line, "\\restrict ") || begins(line, "\\unrestrict "))) ||
	    (options->roles && (is_of_known_role(filter, line) || is_of_tablespace(line)));
	if (*handled)
		return ERR_OK;
	if (options->plain_tablespaces && begins(line, "SET default_tablespace = ")) {
		*handled = true;
		return put_text(filter, "SET default_tablespace = '';\n");
	}
	if (!filter->database || !options->written || !*options->written)
		return ERR_OK;
	if (filter->postgresql_to && begins(line, "\\connect ")) {
		*handled = true;
		return put_text(filter, filter->connect);
	}
	if (options->plain_tablespaces && begins(line, "CREATE DATABASE ")) {
		*handled = true;
		return put_without_tablespace(filter, line);
	}
	*handled = filter->postgresql_to && strstr(line, " DATABASE ") && !begins(line, "--");
	return *handled ? put_with_name(filter, line) : ERR_OK;
}

/* ---- lines ---- */

/* What was held back of the line at hand: what becomes of it, and of the rest of it. */
static enum err decide(struct load_filter *filter)
{
	const char *line;
	bool handled = false;
	enum err err = buffer_append_u8(&filter->line, 0);

	if (err != ERR_OK)
		return err;
	line = (const char *)filter->line.data;
	err = filter->mariadb ? take_mariadb(filter, line, &handled) : take_postgresql(filter, line, &handled);
	filter->begun = true;
	filter->passes = filter->wanted && !handled;
	if (err == ERR_OK && filter->passes)
		err = put(filter, line, filter->line.length - 1);
	buffer_clear(&filter->line);
	return err;
}

static enum err take_text(struct load_filter *filter, const char *bytes, size_t size)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		const char *end = memchr(bytes, '\n', size);
		size_t length = end ? (size_t)(end - bytes) + 1 : size;

		if (filter->begun)
			err = filter->passes ? put(filter, bytes, length) : ERR_OK;
		else
			err = buffer_append(&filter->line, bytes, length);
		if (err == ERR_OK && !filter->begun && (end || filter->line.length >= LINE_LIMIT))
			err = decide(filter);
		if (end)
			filter->begun = false;
		bytes += length;
		size -= length;
	}
	return err;
}

static enum err take(void *context, size_t table, const void *bytes, size_t size)
{
	struct load_filter *filter = context;
	enum err err;

	if (table == DUMP_TABLES_NO_ROW)
		return take_text(filter, bytes, size);
	err = filter->begun || filter->line.length == 0 ? ERR_OK : decide(filter);
	/* What follows the row on its line belongs to it: rows of MariaDB end inside of a line, those of PostgreSQL with it. */
	filter->begun = filter->mariadb != NULL;
	filter->passes = filter->wanted;
	return err == ERR_OK && filter->wanted ? put(filter, bytes, size) : err;
}

/* ---- the filter ---- */

/* \connect of a name, whatever is in it: a connection string in psql's double quotes. */
static char *connect_to(const char *name)
{
	struct buffer text = {0};
	char *out = NULL;
	enum err err = buffer_append_text(&text, "\\connect -reuse-previous=on \"dbname='");

	for (; err == ERR_OK && *name; name++)
		err = *name == '\'' || *name == '\\' ? buffer_append_text(&text, "\\%c", *name)
		    : *name == '"'		     ? buffer_append_text(&text, "\"\"")
						     : buffer_append_u8(&text, (uint8_t)*name);
	if (err == ERR_OK)
		err = buffer_append_text(&text, "'\"\n");
	if (err == ERR_OK && buffer_append_u8(&text, 0) == ERR_OK)
		out = mem_string((const char *)text.data);
	buffer_free(&text);
	return out;
}

static enum err prepare(struct load_filter *filter)
{
	const struct load_filter_options *options = &filter->options;
	enum err err;

	filter->wanted = true;
	if (options->kind == DUMP_MARIADB) {
		err = mariadb_count_new(&filter->mariadb);
		if (err == ERR_OK && options->from)
			filter->mariadb_to = mariadb_client_name(options->to);
		if (err == ERR_OK)
			mariadb_count_watch(filter->mariadb, take, filter);
		return err == ERR_OK && options->from && !filter->mariadb_to ? ERR_NOMEM : err;
	}
	err = postgresql_count_new(&filter->postgresql);
	if (err == ERR_OK && options->from && strcmp(options->from, options->to) != 0) {
		filter->postgresql_to = postgresql_client_name(options->to);
		filter->connect = connect_to(options->to);
		err = filter->postgresql_to && filter->connect ? ERR_OK : ERR_NOMEM;
	}
	if (err == ERR_OK)
		postgresql_count_watch(filter->postgresql, take, filter);
	return err;
}

enum err load_filter_new(struct load_filter **out, const struct load_filter_options *options)
{
	struct load_filter *filter = mem_calloc(1, sizeof(*filter));
	enum err err;

	*out = NULL;
	if (!filter)
		return ERR_NOMEM;
	filter->options = *options;
	err = prepare(filter);
	if (err == ERR_OK)
		*out = filter;
	else
		load_filter_free(filter);
	return err;
}

void load_filter_free(struct load_filter *filter)
{
	if (!filter)
		return;
	mariadb_count_free(filter->mariadb);
	postgresql_count_free(filter->postgresql);
	buffer_free(&filter->line);
	buffer_free(&filter->out);
	buffer_free(&filter->position);
	mem_free(filter->mariadb_to);
	mem_free(filter->postgresql_to);
	mem_free(filter->connect);
	mem_free(filter);
}

enum err load_filter_feed(struct load_filter *filter, const void *bytes, size_t size)
{
	return filter->mariadb ? mariadb_count_feed(filter->mariadb, bytes, size)
			       : postgresql_count_feed(filter->postgresql, bytes, size);
}

enum err load_filter_finish(struct load_filter *filter)
{
	enum err err = filter->line.length > 0 ? decide(filter) : ERR_OK;

	return err == ERR_OK ? flush(filter) : err;
}

const char *load_filter_position(struct load_filter *filter)
{
	const struct dump_tables *counted =
	    filter->mariadb ? mariadb_count_tables(filter->mariadb) : postgresql_count_tables(filter->postgresql);
	const struct dump_table *table = counted->tables_count > 0 ? &counted->tables[counted->tables_count - 1] : NULL;
	const char *database = table ? counted->databases[table->database].name : "";

	buffer_clear(&filter->position);
	if (!table ||
	    buffer_append_text(&filter->position, "%s%s%s", database, *database ? "." : "", table->name) != ERR_OK ||
	    buffer_append_u8(&filter->position, 0) != ERR_OK)
		return "";
	return (const char *)filter->position.data;
}
