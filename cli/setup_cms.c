#include "cli/setup_cms.h"
#include "cli/setup_file.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"

#include <ctype.h>
#include <unistd.h>

#define SETTINGS_MAX (1u << 20) /* bytes; those of Joomla and WordPress have some thousand */

const char *setup_cms_name(enum setup_cms_kind kind)
{
	return kind == CMS_JOOMLA ? "Joomla" : kind == CMS_WORDPRESS ? "WordPress" : "";
}

const char *setup_cms_engine_name(enum setup_cms_engine engine)
{
	return engine == ENGINE_MARIADB ? "MariaDB or MySQL" : engine == ENGINE_POSTGRESQL ? "PostgreSQL" : "";
}

static const char *find(const char *at, const char *end, const char *word)
{
	return at < end ? memmem(at, (size_t)(end - at), word, strlen(word)) : NULL;
}

static bool is_name_letter(char letter)
{
	return isalnum((unsigned char)letter) || letter == '_';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && isspace((unsigned char)*at))
		at++;
	return at;
}

/* The text in quotes that begins at `at`; false where there is none, or it holds anything that a database's name seldom has: it is shown to a
 * person as part of a command. */
static bool read_quoted(const char *at, const char *end, char out[SETUP_CMS_DATABASE])
{
	size_t length = 0;
	char quote;

	if (at >= end || (*at != '\'' && *at != '"'))
		return false;
	quote = *at++;
	while (at + length < end && at[length] != quote) {
		const char letter = at[length];

		if (length + 1 == SETUP_CMS_DATABASE || !letter || !(is_name_letter(letter) || strchr("$.-", letter)))
			return false;
		out[length++] = letter;
	}
	out[length] = '\0';
	return length > 0 && at + length < end && out[0] != '-';
}

/* Of "public $db = 'joomla';". */
static bool read_member(const char *text, const char *end, const char *name, char out[SETUP_CMS_DATABASE])
{
	for (const char *at = find(text, end, name); at; at = find(at, end, name)) {
		at += strlen(name);
		if (at < end && is_name_letter(*at))
			continue;
		at = skip_space(at, end);
		if (at < end && *at == '=' && read_quoted(skip_space(at + 1, end), end, out))
			return true;
	}
	return false;
}

bool setup_cms_joomla(struct setup_cms *out, const char *text, size_t size)
{
	const char *end = text + size;
	char engine[SETUP_CMS_DATABASE];

	*out = (struct setup_cms){0};
	if (!find(text, end, "JConfig"))
		return false;
	out->kind = CMS_JOOMLA;
	if (!read_member(text, end, "$db", out->database))
		out->database[0] = '\0';
	if (read_member(text, end, "$dbtype", engine)) {
		if (strstr(engine, "mysql"))
			out->engine = ENGINE_MARIADB;
		else if (strstr(engine, "pgsql") || strstr(engine, "postgres"))
			out->engine = ENGINE_POSTGRESQL;
	}
	return true;
}

/* "define( 'DB_NAME', 'wordpress' );" */
bool setup_cms_wordpress(struct setup_cms *out, const char *text, size_t size)
{
	static const char name[] = "DB_NAME";
	const char *end = text + size;

	*out = (struct setup_cms){0};
	if (!find(text, end, name))
		return false;
	out->kind = CMS_WORDPRESS;
	out->engine = ENGINE_MARIADB;
	for (const char *at = find(text, end, name); at; at = find(at, end, name)) {
		at += sizeof(name) - 1;
		if (at == end || (*at != '\'' && *at != '"'))
			continue;
		at = skip_space(at + 1, end);
		if (at < end && *at == ',' && read_quoted(skip_space(at + 1, end), end, out->database))
			return true;
	}
	out->database[0] = '\0';
	return true;
}

static enum err look_into(struct setup_cms *out, const char *folder, const char *name,
    bool (*read)(struct setup_cms *, const char *, size_t), bool *found)
{
	struct buffer text = {0};
	char *path = path_join(folder, name);
	enum err err = path ? setup_file_read(path, SETTINGS_MAX, &text, found) : ERR_NOMEM;

	if (err == ERR_OK && *found)
		*found = read(out, (const char *)text.data, text.length);
	if (text.data)
		crypto_wipe(text.data, text.capacity);
	buffer_free(&text);
	mem_free(path);
	return err;
}

/* WordPress looks one folder higher too, unless another WordPress lives there. */
static enum err look_above(struct setup_cms *out, const char *folder, bool *found)
{
	char *settings = path_join(folder, "wp-settings.php"), *above = path_folder(folder);
	char *other = above ? path_join(above, "wp-settings.php") : NULL;
	enum err err = settings && above && other ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && access(settings, F_OK) == 0 && access(other, F_OK) != 0)
		err = look_into(out, above, "wp-config.php", setup_cms_wordpress, found);
	out->settings_above = *found;
	mem_free(other);
	mem_free(above);
	mem_free(settings);
	return err;
}

enum err setup_cms_look(struct setup_cms *out, const char *folder)
{
	bool found = false;
	enum err err = look_into(out, folder, "configuration.php", setup_cms_joomla, &found);

	if (err == ERR_OK && !found)
		err = look_into(out, folder, "wp-config.php", setup_cms_wordpress, &found);
	if (err == ERR_OK && !found)
		err = look_above(out, folder, &found);
	if (!found)
		*out = (struct setup_cms){0};
	return err;
}
