#include "core/source/cms.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "core/source/php.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_MAX (1 << 20) /* bytes; those of Joomla and WordPress have some thousand */

const char *cms_name(enum cms_kind kind)
{
	return kind == CMS_JOOMLA ? "Joomla" : kind == CMS_WORDPRESS ? "WordPress" : "";
}

const char *cms_engine_name(enum cms_engine engine)
{
	return engine == CMS_MARIADB ? "MariaDB or MySQL" : engine == CMS_POSTGRESQL ? "PostgreSQL" : "";
}

/* ---- values ---- */

static void compute(struct cms_text *out)
{
	crypto_wipe(out->text, sizeof(out->text));
	out->state = CMS_COMPUTED;
}

static void take(struct cms_text *out, const struct php_word *word)
{
	if (word->kind == PHP_TEXT && php_text(word, out->text, sizeof(out->text)))
		out->state = CMS_LITERAL;
	else
		compute(out);
}

struct key {
	const char *name;
	struct cms_text *value;
};

static struct cms_text *find(const struct key *keys, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(keys[i].name) == length && memcmp(keys[i].name, name, length) == 0)
			return keys[i].value;
	return NULL;
}

/* How deep a word stands in braces. */
static void count_braces(int *depth, const struct php_word *word)
{
	if (php_is(word, "{"))
		++*depth;
	else if (php_is(word, "}") && *depth > 0)
		--*depth;
}

/* ---- Joomla: members of class JConfig ---- */

/* Values that members of the class are set to: "public $db = 'joomla', $user = 'x';". True where the class is nothing but members; a function
 * or a trait in it may set them to anything. */
static bool read_members(struct php *php, const struct key *keys, size_t count)
{
	struct php_word word, next;
	int depth = 1;
	bool plain = true;

	for (php_next(php, &word); word.kind != PHP_END && depth > 0; word = next) {
		struct cms_text *value = NULL;

		php_next(php, &next);
		count_braces(&depth, &word);
		plain = plain && !php_is(&word, "function") && !php_is(&word, "use");
		if (word.kind == PHP_VARIABLE && depth == 1)
			value = find(keys, count, word.start + 1, word.length - 1);
		if (!value)
			continue;
		if (value->state != CMS_ABSENT) { /* PHP takes no class that has a member twice */
			compute(value);
			continue;
		}
		if (!php_is(&next, "="))
			continue;
		php_next(php, &word);
		php_next(php, &next);
		take(value, &word);
		if (!php_is(&next, ";") && !php_is(&next, ","))
			compute(value);
	}
	return plain && depth == 0;
}

/* Behind "class JConfig … {"; *surely is false where it stands in braces itself. */
static bool find_class(struct php *php, bool *surely)
{
	struct php_word before = {0}, word;
	int depth = 0;

	for (php_next(php, &word); word.kind != PHP_END; before = word, php_next(php, &word)) {
		count_braces(&depth, &word);
		if (php_is(&word, "__halt_compiler"))
			return false;
		if (!php_is(&word, "JConfig") || !php_is(&before, "class"))
			continue;
		*surely = depth == 0;
		while (word.kind != PHP_END && !php_is(&word, "{"))
			php_next(php, &word);
		return word.kind != PHP_END;
	}
	return false;
}

static enum cms_engine engine_of(const struct cms_text *type)
{
	if (type->state != CMS_LITERAL)
		return CMS_ENGINE_UNKNOWN;
	if (strcasestr(type->text, "mysql"))
		return CMS_MARIADB;
	return strcasestr(type->text, "pgsql") || strcasestr(type->text, "postgres") ? CMS_POSTGRESQL
										     : CMS_ENGINE_UNKNOWN;
}

bool cms_read_joomla(struct cms *out, const char *text, size_t size)
{
	struct cms_text type = {0};
	const struct key keys[] = {{"db", &out->database}, {"host", &out->host}, {"user", &out->user},
	    {"password", &out->password}, {"dbtype", &type}};
	const size_t count = sizeof(keys) / sizeof(keys[0]);
	struct php php;
	bool surely = false;

	*out = (struct cms){0};
	php_open(&php, text, size);
	if (!find_class(&php, &surely))
		return false;
	out->kind = CMS_JOOMLA;
	surely = read_members(&php, keys, count) && surely;
	if (surely && find_class(&php, &surely)) /* another one: which of them counts? */
		surely = false;
	for (size_t i = 0; !surely && i < count; i++)
		if (keys[i].value->state != CMS_ABSENT)
			compute(keys[i].value);
	out->engine = engine_of(&type);
	return true;
}

/* ---- WordPress: constants ---- */

/* Words of the other way to write blocks, "if (…): … endif;": what stands in them looks as if it stood outside. */
static bool ends_block(const struct php_word *word)
{
	static const char *const words[] = {"endif", "endwhile", "endfor", "endforeach", "endswitch", "enddeclare"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (php_is(word, words[i]))
			return true;
	return false;
}

struct constants {
	const struct key *keys;
	size_t count;
	bool known; /* one of them is named */
};

/* The first definition counts, as in PHP; one of which only PHP knows whether it comes to it makes the value one that only PHP knows. */
static void define(struct cms_text *value, const struct php_word *word, bool surely)
{
	if (value->state != CMS_ABSENT)
		return;
	if (surely)
		take(value, word);
	else
		compute(value);
}

/* define('DB_NAME', 'wordpress'), from behind "define". *word becomes the last word that was read. */
static void read_define(struct php *php, struct constants *constants, struct php_word *word, bool surely)
{
	char name[32] = "";
	struct php_word text;
	struct cms_text *value = NULL;

	php_next(php, word);
	if (!php_is(word, "("))
		return;
	php_next(php, &text);
	php_next(php, word);
	if (text.kind == PHP_TEXT && php_is(word, ",") && php_text(&text, name, sizeof(name)))
		value = find(constants->keys, constants->count, name, strlen(name));
	if (!value)
		return;
	constants->known = true;
	php_next(php, &text);
	php_next(php, word);
	define(value, &text, surely && (php_is(word, ")") || php_is(word, ",")));
}

/* const DB_NAME = 'wordpress', …; from behind "const". */
static void read_const(struct php *php, struct constants *constants, struct php_word *word, bool surely)
{
	struct cms_text *value;
	struct php_word text;

	do {
		php_next(php, word);
		value =
		    word->kind == PHP_NAME ? find(constants->keys, constants->count, word->start, word->length) : NULL;
		php_next(php, word);
		if (!php_is(word, "="))
			return;
		php_next(php, &text);
		php_next(php, word);
		if (value) {
			constants->known = true;
			define(value, &text, surely && (php_is(word, ";") || php_is(word, ",")));
		}
	} while (php_is(word, ","));
}

/* A statement begins behind the end of another; what stands behind an "if (…)" or an "else" without braces does not. */
static bool begins_statement(const struct php_word *before)
{
	return before->kind == PHP_END || php_is(before, ";") || php_is(before, "}");
}

/* A closing brace may be that of "if (…) { … } else define(…)": there "else" stands between. */
static bool read_constants(const char *text, size_t size, struct constants *constants)
{
	struct php php;
	struct php_word before = {.kind = PHP_END}, word;
	int depth = 0;
	bool surely, blocks = false;

	php_open(&php, text, size);
	for (php_next(&php, &word); word.kind != PHP_END && !php_is(&word, "__halt_compiler"); php_next(&php, &word)) {
		/* "@define" and "\define" begin where their sign does. */
		surely = depth == 0 && begins_statement(&before);
		blocks = blocks || ends_block(&word);
		if (php_is(&word, "define"))
			read_define(&php, constants, &word, surely);
		else if (depth == 0 && php_is(&word, "const")) /* others belong to a class */
			read_const(&php, constants, &word, surely);
		count_braces(&depth, &word);
		if (!(surely && (php_is(&word, "@") || php_is(&word, "\\"))))
			before = word;
	}
	return !blocks;
}

bool cms_read_wordpress(struct cms *out, const char *text, size_t size)
{
	const struct key keys[] = {{"DB_NAME", &out->database}, {"DB_HOST", &out->host}, {"DB_USER", &out->user},
	    {"DB_PASSWORD", &out->password}};
	const size_t count = sizeof(keys) / sizeof(keys[0]);
	struct constants constants = {keys, count, false};
	bool plain;

	*out = (struct cms){0};
	plain = read_constants(text, size, &constants);
	if (!constants.known)
		return false;
	for (size_t i = 0; !plain && i < count; i++)
		if (keys[i].value->state != CMS_ABSENT)
			compute(keys[i].value);
	out->kind = CMS_WORDPRESS;
	out->engine = CMS_MARIADB;
	return true;
}

/* ---- files ---- */

/* In one piece of memory: one that grew would leave copies behind. */
static enum err read_settings(
    struct cms *out, const char *path, bool (*read)(struct cms *, const char *, size_t), bool *found)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	char *text = NULL;
	size_t size = 0;
	ssize_t got = -1;
	enum err err = ERR_OK;

	*found = false;
	if (fd < 0)
		return ERR_OK;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= SETTINGS_MAX) {
		size = (size_t)status.st_size;
		text = mem_alloc(size + 1);
		err = text ? ERR_OK : ERR_NOMEM;
	}
	if (text)
		got = file_read_full(fd, text, size);
	if (got >= 0)
		*found = read(out, text, (size_t)got);
	if (text)
		crypto_wipe(text, size + 1);
	mem_free(text);
	close(fd);
	return err;
}

static enum err look_into(struct cms *out, const char *folder, const char *name,
    bool (*read)(struct cms *, const char *, size_t), bool *found)
{
	char *path = path_join(folder, name);
	enum err err = path ? read_settings(out, path, read, found) : ERR_NOMEM;

	mem_free(path);
	return err;
}

/* WordPress looks one folder higher too, unless another WordPress lives there. */
static enum err look_above(struct cms *out, const char *folder, bool *found)
{
	char *settings = path_join(folder, "wp-settings.php"), *above = path_folder(folder);
	char *other = above ? path_join(above, "wp-settings.php") : NULL;
	enum err err = settings && above && other ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && access(settings, F_OK) == 0 && access(other, F_OK) != 0)
		err = look_into(out, above, "wp-config.php", cms_read_wordpress, found);
	out->above = *found;
	mem_free(other);
	mem_free(above);
	mem_free(settings);
	return err;
}

enum err cms_look(struct cms **out, const char *folder)
{
	struct cms *cms = secret_new(sizeof(*cms));
	bool found = false;
	enum err err = cms ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (err == ERR_OK)
		err = look_into(cms, folder, "configuration.php", cms_read_joomla, &found);
	if (err == ERR_OK && !found)
		err = look_into(cms, folder, "wp-config.php", cms_read_wordpress, &found);
	if (err == ERR_OK && !found)
		err = look_above(cms, folder, &found);
	if (err == ERR_OK && found) {
		*out = cms;
		cms = NULL;
	}
	cms_free(cms);
	return err;
}

void cms_free(struct cms *cms)
{
	secret_free(cms, sizeof(*cms));
}
