#include "core/source/php.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void php_open(struct php *php, const char *text, size_t size)
{
	*php = (struct php){.at = text, .end = text + size};
}

static bool starts(const struct php *php, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(php->end - php->at) >= length && strncasecmp(php->at, text, length) == 0;
}

/* As PHP has it: every byte from 0x80 on counts. */
static bool is_name_letter(char letter)
{
	return isalnum((unsigned char)letter) || letter == '_' || (unsigned char)letter >= 0x80;
}

static bool is_name_start(char letter)
{
	return is_name_letter(letter) && !isdigit((unsigned char)letter);
}

/* ---- what is no word ---- */

/* Behind the next <?php, <?= or <?; false where there is none. An XML declaration begins no PHP. */
static bool enter(struct php *php)
{
	while (php->at < php->end) {
		const char *open = memmem(php->at, (size_t)(php->end - php->at), "<?", 2);

		if (!open)
			break;
		php->at = open + 2;
		if (starts(php, "xml"))
			continue;
		if (starts(php, "php"))
			php->at += 3;
		else if (php->at < php->end && *php->at == '=')
			php->at++;
		php->inside = true;
		return true;
	}
	php->at = php->end;
	return false;
}

/* A comment of one line ends with the line, or with the piece of PHP. */
static void skip_line(struct php *php)
{
	while (php->at < php->end && *php->at != '\n' && *php->at != '\r' && !starts(php, "?>"))
		php->at++;
}

static void skip_comment(struct php *php)
{
	const char *close = memmem(php->at + 2, (size_t)(php->end - php->at - 2), "*/", 2);

	php->at = close ? close + 2 : php->end;
}

static void skip_blanks(struct php *php)
{
	while (php->at < php->end) {
		if (isspace((unsigned char)*php->at))
			php->at++;
		else if (*php->at == '#' || starts(php, "//"))
			skip_line(php);
		else if (starts(php, "/*"))
			skip_comment(php);
		else
			break;
	}
}

/* ---- texts ---- */

/* A variable in a text in double quotes, or in a command. */
static bool is_variable_in_text(const char *at, const char *end)
{
	if (end - at < 2)
		return false;
	if (*at == '$')
		return is_name_start(at[1]) || at[1] == '{';
	return *at == '{' && at[1] == '$';
}

/* From the opening quote; one that never ends is no literal. */
static enum php_kind read_quoted(struct php *php)
{
	const char quote = *php->at++;
	bool computed = quote == '`';

	while (php->at < php->end && *php->at != quote) {
		if (quote != '\'' && is_variable_in_text(php->at, php->end))
			computed = true;
		if (*php->at == '\\' && php->end - php->at > 1)
			php->at++;
		php->at++;
	}
	if (php->at == php->end)
		return PHP_COMPUTED;
	php->at++;
	return computed ? PHP_COMPUTED : PHP_TEXT;
}

/* The name of a heredoc or nowdoc that begins here; `length` 0 where none does. */
static const char *heredoc_name(const struct php *php, size_t *length)
{
	const char *at = php->at + 3, *name;
	char quote = '\0';

	*length = 0;
	while (at < php->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at < php->end && (*at == '"' || *at == '\''))
		quote = *at++;
	name = at;
	if (at == php->end || !is_name_start(*at))
		return name;
	while (at < php->end && is_name_letter(*at))
		at++;
	if (at == php->end || (quote ? *at != quote : *at != '\n' && *at != '\r'))
		return name;
	*length = (size_t)(at - name);
	return name;
}

/* Up to the line that begins with its name, perhaps behind blanks. */
static void skip_heredoc(struct php *php, const char *name, size_t length)
{
	const char *at = name + length;

	while (at < php->end) {
		const char *line = memchr(at, '\n', (size_t)(php->end - at));

		if (!line)
			break;
		at = line + 1;
		while (at < php->end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(php->end - at) >= length && memcmp(at, name, length) == 0 &&
		    (at + length == php->end || !is_name_letter(at[length]))) {
			php->at = at + length;
			return;
		}
	}
	php->at = php->end;
}

/* ---- words ---- */

static void read_word(struct php *php, struct php_word *out)
{
	const char *name;
	size_t length;

	if (*php->at == '\'' || *php->at == '"' || *php->at == '`') {
		out->kind = read_quoted(php);
	} else if (starts(php, "<<<") && (name = heredoc_name(php, &length), length > 0)) {
		out->kind = PHP_COMPUTED;
		skip_heredoc(php, name, length);
	} else if (*php->at == '$' && php->end - php->at > 1 && is_name_start(php->at[1])) {
		out->kind = PHP_VARIABLE;
		for (php->at++; php->at < php->end && is_name_letter(*php->at);)
			php->at++;
	} else if (is_name_letter(*php->at)) {
		out->kind = PHP_NAME;
		while (php->at < php->end && is_name_letter(*php->at))
			php->at++;
	} else {
		out->kind = PHP_SIGN;
		php->at++;
	}
}

void php_next(struct php *php, struct php_word *out)
{
	*out = (struct php_word){.kind = PHP_END, .start = php->end};
	if (!php->inside && !enter(php))
		return;
	skip_blanks(php);
	if (php->at == php->end)
		return;
	out->start = php->at;
	if (starts(php, "?>")) {
		static const char end[] = ";";

		php->at += 2;
		php->inside = false;
		*out = (struct php_word){PHP_SIGN, end, 1};
		return;
	}
	read_word(php, out);
	out->length = (size_t)(php->at - out->start);
}

bool php_is(const struct php_word *word, const char *text)
{
	return (word->kind == PHP_NAME || word->kind == PHP_SIGN || word->kind == PHP_VARIABLE) &&
	    word->length == strlen(text) && strncasecmp(word->start, text, word->length) == 0;
}

/* ---- values ---- */

struct value {
	char *out;
	size_t length, room;
	bool wrong;
};

static void put(struct value *value, unsigned byte)
{
	if (byte == 0 || value->length + 1 >= value->room)
		value->wrong = true;
	else
		value->out[value->length++] = (char)byte;
}

static void put_letter(struct value *value, uint32_t letter)
{
	if (letter < 0x80) {
		put(value, letter);
		return;
	}
	if (letter < 0x800) {
		put(value, 0xc0 | letter >> 6);
	} else if (letter < 0x10000) {
		put(value, 0xe0 | letter >> 12);
		put(value, 0x80 | (letter >> 6 & 0x3f));
	} else {
		put(value, 0xf0 | letter >> 18);
		put(value, 0x80 | (letter >> 12 & 0x3f));
		put(value, 0x80 | (letter >> 6 & 0x3f));
	}
	put(value, 0x80 | (letter & 0x3f));
}

static unsigned digit(char letter)
{
	return isdigit((unsigned char)letter) ? (unsigned)(letter - '0')
					      : (unsigned)(tolower((unsigned char)letter) - 'a') + 10;
}

/* Up to `most` digits to that base; what they come to is in *out. Returns behind them. */
static const char *read_digits(const char *at, const char *end, unsigned base, size_t most, uint32_t *out)
{
	*out = 0;
	for (; at < end && most > 0 && isxdigit((unsigned char)*at) && digit(*at) < base; at++, most--)
		*out = *out * base + digit(*at);
	return at;
}

/* "\u{e9}": from the brace. What is none is an error of PHP. */
static const char *put_unicode(struct value *value, const char *at, const char *end)
{
	uint32_t letter;
	const char *close = read_digits(at + 1, end, 16, 6, &letter);

	if (close == at + 1 || close == end || *close != '}' || letter > 0x10ffff) {
		value->wrong = true;
		return end;
	}
	put_letter(value, letter);
	return close + 1;
}

/* An escape in double quotes, from behind its backslash; one that PHP does not know stands for itself. */
static const char *put_escape(struct value *value, const char *at, const char *end)
{
	static const char names[] = "nrtvef\\$\"", values[] = "\n\r\t\v\033\f\\$\"";
	const char *known = *at ? strchr(names, *at) : NULL;
	uint32_t byte;

	if (known) {
		put(value, (unsigned char)values[known - names]);
		return at + 1;
	}
	if (*at >= '0' && *at <= '7') {
		at = read_digits(at, end, 8, 3, &byte);
		put(value, byte & 0xff);
		return at;
	}
	if ((*at == 'x' || *at == 'X') && end - at > 1 && isxdigit((unsigned char)at[1])) {
		at = read_digits(at + 1, end, 16, 2, &byte);
		put(value, byte);
		return at;
	}
	if (*at == 'u' && end - at > 1 && at[1] == '{')
		return put_unicode(value, at + 1, end);
	put(value, '\\');
	return at;
}

bool php_text(const struct php_word *word, char *out, size_t room)
{
	struct value value = {.out = out, .room = room};
	const char *at = word->start + 1, *end = word->start + word->length - 1;
	const char quote = *word->start;

	while (at < end && !value.wrong) {
		if (*at != '\\' || end - at < 2) {
			put(&value, (unsigned char)*at++);
		} else if (quote == '"') {
			at = put_escape(&value, at + 1, end);
		} else {
			/* In single quotes only the quote and the backslash can be escaped. */
			at += at[1] == '\'' || at[1] == '\\';
			put(&value, (unsigned char)*at++);
		}
	}
	if (value.wrong)
		value.length = 0;
	out[value.length] = '\0';
	return !value.wrong;
}
