/* What a dump says beside rows, line by line: which database it is about, what counts as its structure, what does not. */
#include "restore/dump_digest_internal.h"

#include "core/base/mem.h"

#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)1 << 20) /* a line of that length is hashed as it comes */

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* What stands behind `before` on a line that begins with it. */
static const char *behind(const char *line, const char *before)
{
	return line + strlen(before);
}

static void keep_version(struct dump_digest *digest, const char *version)
{
	snprintf(digest->server, sizeof(digest->server), "%.*s", (int)(strchrnul(version, '\n') - version), version);
}

/* ---- sections ---- */

static enum err enter(struct dump_digest *digest, const char *name)
{
	struct dump_section *more;

	for (size_t i = 0; i < digest->sections_count; i++)
		if (strcmp(digest->sections[i].name, name) == 0) {
			digest->section = i;
			return ERR_OK;
		}
	more = mem_more(digest->sections, digest->sections_count, &digest->sections_capacity, sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	digest->sections = more;
	more += digest->sections_count;
	*more = (struct dump_section){.name = mem_string(name)};
	if (!more->name || sha256_new(&more->hash) != ERR_OK) {
		mem_free(more->name);
		return ERR_NOMEM;
	}
	digest->section = digest->sections_count++;
	return ERR_OK;
}

/* "-- Current Database: `name`", in which '`' is doubled. */
static enum err enter_database(struct dump_digest *digest, const char *quoted)
{
	char *name = mem_string(quoted), *out = name;
	enum err err;

	if (!name)
		return ERR_NOMEM;
	for (const char *at = quoted; *at && !(*at == '`' && at[1] != '`'); at++) {
		at += *at == '`';
		*out++ = *at;
	}
	*out = '\0';
	err = enter(digest, name);
	mem_free(name);
	return err;
}

static enum err add(struct dump_digest *digest, const char *bytes, size_t size)
{
	return digest->section == SIZE_MAX ? ERR_OK
					   : sha256_update(digest->sections[digest->section].hash, bytes, size);
}

/* ---- MariaDB and MySQL ---- */

/* What is left of INSERT statements: their beginnings, and what parts rows. How many rows go into one depends on the server. */
static bool is_of_rows(const char *line)
{
	return begins(line, "INSERT ") || begins(line, "REPLACE ") ||
	    (strspn(line, " ,;()\n") > strspn(line, " \n") && line[strspn(line, " ,;()\n")] == '\0');
}

/* Before anything in parentheses or a text. */
static bool declares(const char *line, const char *what)
{
	const char *at = strstr(line, what);

	return at && at < line + strcspn(line, "('");
}

static void count_mariadb(struct dump_section *section, const char *line)
{
	static const char *const routines[] = {" PROCEDURE `", " FUNCTION `", " TRIGGER ", " EVENT `"};

	if (begins(line, "/*!50001 VIEW `"))
		section->views++;
	if (!begins(line, "CREATE ") && !begins(line, "/*!5") && !begins(line, "/*!1"))
		return;
	if (begins(line, "/*!50001 "))
		return;
	for (size_t i = 0; i < sizeof(routines) / sizeof(routines[0]); i++)
		if (declares(line, routines[i]) && strstr(line, "CREATE")) {
			section->routines++;
			return;
		}
}

/* The name of the database may be another where it was restored. */
static enum err add_unnamed(struct dump_digest *digest, const char *line)
{
	const char *name = strchr(line, '`'), *behind = name ? strrchr(line, '`') : NULL;
	enum err err;

	if (!name || behind == name)
		return add(digest, line, strlen(line));
	err = add(digest, line, (size_t)(name - line));
	return err == ERR_OK ? add(digest, behind, strlen(behind)) : err;
}

static enum err take_mariadb(struct dump_digest *digest, const char *line)
{
	static const char *const current = "-- Current Database: `", *const version = "-- Server version\t";

	if (begins(line, "DELIMITER "))
		digest->body = strcmp(line, "DELIMITER ;\n") != 0;
	if (digest->section == SIZE_MAX && begins(line, version))
		keep_version(digest, behind(line, version));
	if (digest->section != SIZE_MAX)
		count_mariadb(&digest->sections[digest->section], line);
	if (digest->body)
		return add(digest, line, strlen(line));
	if (begins(line, current))
		return enter_database(digest, behind(line, current));
	if (begins(line, "CREATE DATABASE "))
		return add_unnamed(digest, line);
	/* Comments name the database; what was set at the beginning of the dump is set back at its end, in whatever section that is. */
	if (begins(line, "USE `") || begins(line, "--") || (begins(line, "/*") && strstr(line, "=@OLD_")) ||
	    strcmp(line, "\n") == 0 || is_of_rows(line))
		return ERR_OK;
	return add(digest, line, strlen(line));
}

/* ---- PostgreSQL ---- */

/* Once each. Takes the name over. */
static enum err add_role(struct dump_digest *digest, char *name)
{
	char **more;
	bool known = !name || !*name;

	for (size_t i = 0; !known && i < digest->roles_count; i++)
		known = strcmp(digest->roles[i], name) == 0;
	more = known ? NULL
		     : mem_more(digest->roles, digest->roles_count, &digest->roles_capacity, sizeof(*digest->roles));
	if (more) {
		digest->roles = more;
		more[digest->roles_count++] = name;
		return ERR_OK;
	}
	mem_free(name);
	return known && name ? ERR_OK : ERR_NOMEM;
}

size_t dump_digest_lines_name(const char *written)
{
	size_t at = 1;

	if (*written != '"')
		return strcspn(written, " ;\n");
	while (written[at] && (written[at] != '"' || written[at + 1] == '"'))
		at += written[at] == '"' ? 2 : 1;
	return at + (written[at] == '"');
}

/* "GRANT … TO name;": the name as it is written, to one without quotes. */
static enum err take_grant(struct dump_digest *digest, const char *line)
{
	const char *at = strstr(line, " TO ");
	char *name, *out;
	bool quoted;

	if (!at)
		return ERR_OK;
	at += 4;
	quoted = *at == '"';
	name = out = mem_string(at);
	if (!name)
		return ERR_NOMEM;
	for (at += quoted; *at; at++) {
		if (quoted ? *at == '"' && at[1] != '"' : strchr("; \n", *at) != NULL)
			break;
		at += quoted && *at == '"';
		*out++ = *at;
	}
	*out = '\0';
	if (!quoted && strcmp(name, "PUBLIC") == 0)
		*name = '\0';
	return add_role(digest, name);
}

/* "-- Name: v_perkara; Type: VIEW; Schema: public; Owner: admin", before each thing. */
static enum err take_entry(struct dump_digest *digest, const char *line)
{
	static const char *const views[] = {"; Type: VIEW;", "; Type: MATERIALIZED VIEW;"};
	static const char *const routines[] = {"; Type: FUNCTION;", "; Type: PROCEDURE;", "; Type: TRIGGER;",
	    "; Type: EVENT TRIGGER;", "; Type: AGGREGATE;"};
	struct dump_section *section = &digest->sections[digest->section];
	const char *owner = strstr(line, "; Owner: ");

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		section->views += strstr(line, views[i]) != NULL;
	for (size_t i = 0; i < sizeof(routines) / sizeof(routines[0]); i++)
		section->routines += strstr(line, routines[i]) != NULL;
	if (!owner || begins(owner, "; Owner: -\n"))
		return ERR_OK;
	owner += strlen("; Owner: ");
	return add_role(digest, mem_printf("%.*s", (int)strcspn(owner, "\n"), owner));
}

/* What names the database, which may have another name where it was restored, and what is about versions. */
static bool is_of_database(const char *line)
{
	static const char *const with[] = {"\\connect ", "\\encoding ", "\\restrict ", "\\unrestrict ",
	    "CREATE DATABASE ", "ALTER DATABASE ", "COMMENT ON DATABASE ", "-- Name: DATABASE ", "-- Dumped from ",
	    "-- Dumped by "};

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		if (begins(line, with[i]))
			return true;
	return (begins(line, "-- Name: ") && strstr(line, "; Type: DATABASE")) ||
	    ((begins(line, "GRANT ") || begins(line, "REVOKE ")) && strstr(line, " ON DATABASE "));
}

static enum err take_postgresql(struct dump_digest *digest, const char *line)
{
	static const char *const version = "-- Dumped from database version ", *const create = "CREATE DATABASE ";
	enum err err = digest->section == SIZE_MAX ? enter(digest, "") : ERR_OK;

	if (err == ERR_OK && begins(line, version) && !*digest->server)
		keep_version(digest, behind(line, version));
	if (err == ERR_OK && begins(line, create) && !digest->creates) {
		const char *name = behind(line, create);

		digest->creates = mem_printf("%.*s", (int)dump_digest_lines_name(name), name);
		err = digest->creates ? ERR_OK : ERR_NOMEM;
	}
	if (err == ERR_OK && begins(line, "-- Name: "))
		err = take_entry(digest, line);
	if (err == ERR_OK && begins(line, "GRANT "))
		err = take_grant(digest, line);
	if (err != ERR_OK || is_of_database(line) || strcmp(line, "\n") == 0 || strcmp(line, "--\n") == 0)
		return err;
	return add(digest, line, strlen(line));
}

/* ---- lines ---- */

static enum err take_line(struct dump_digest *digest)
{
	enum err err = buffer_append_u8(&digest->line, 0);
	const char *line = (const char *)digest->line.data;

	if (err == ERR_OK && digest->long_line)
		err = add(digest, line, digest->line.length - 1);
	else if (err == ERR_OK)
		err = digest->kind == DUMP_MARIADB ? take_mariadb(digest, line) : take_postgresql(digest, line);
	digest->long_line = false;
	buffer_clear(&digest->line);
	return err;
}

enum err dump_digest_lines_take(struct dump_digest *digest, const char *bytes, size_t size)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		const char *end = memchr(bytes, '\n', size);
		size_t length = end ? (size_t)(end - bytes) + 1 : size;

		err = buffer_append(&digest->line, bytes, length);
		if (err == ERR_OK && end) {
			err = take_line(digest);
		} else if (err == ERR_OK && digest->line.length > LINE_MAX_BYTES) {
			err = add(digest, (const char *)digest->line.data, digest->line.length);
			digest->long_line = true;
			buffer_clear(&digest->line);
		}
		bytes += length;
		size -= length;
	}
	return err;
}

enum err dump_digest_lines_end(struct dump_digest *digest)
{
	return digest->line.length > 0 ? take_line(digest) : ERR_OK;
}
