#include "cli/setup_web.h"
#include "core/base/output.h"

#include <ctype.h>
#include <string.h>

/* A word that is being read; one that is too long counts as none. */
struct word {
	char text[SETUP_WEB_PATH_MAX + 1];
	size_t length;
	bool too_long;
};

static void word_add(struct word *word, char letter)
{
	if (word->length == SETUP_WEB_PATH_MAX || letter == '\0')
		word->too_long = true;
	else
		word->text[word->length++] = letter;
	word->text[word->length] = '\0';
}

static void word_clear(struct word *word)
{
	word->length = 0;
	word->too_long = false;
	word->text[0] = '\0';
}

bool setup_web_path_usable(const char *path)
{
	size_t length = strlen(path);

	if (path[0] != '/' || length > SETUP_WEB_PATH_MAX || !output_is_utf8(path, length))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
			return false;
	return true;
}

/* A variable stands for something that only the server knows. */
static enum err take(struct setup_list *out, struct word *word)
{
	if (word->too_long || strchr(word->text, '$') || !setup_web_path_usable(word->text) ||
	    out->count >= SETUP_WEB_FOLDERS_MAX)
		return ERR_OK;
	while (word->length > 1 && word->text[word->length - 1] == '/')
		word->text[--word->length] = '\0';
	return setup_list_add_new(out, word->text);
}

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t' || letter == '\r';
}

/* ---- apache2: a directive a line, its arguments perhaps in quotes; a line goes on behind a backslash ---- */

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (is_blank(*at) || (*at == '\\' && end - at > 1 && at[1] == '\n')))
		at += *at == '\\' ? 2 : 1;
	return at;
}

static const char *read_argument(struct word *word, const char *at, const char *end)
{
	char quote = '\0';

	word_clear(word);
	if (at < end && (*at == '"' || *at == '\''))
		quote = *at++;
	for (; at < end && *at != '\n' && (quote ? *at != quote : !is_blank(*at)); at++) {
		if (*at == '\\' && end - at > 1 && (at[1] == '"' || at[1] == '\'' || at[1] == '\\'))
			at++;
		word_add(word, *at);
	}
	if (quote && (at == end || *at != quote))
		word->too_long = true; /* the quote does not end: who knows what was meant */
	return at;
}

static const char *skip_line(const char *at, const char *end)
{
	while (at < end && *at != '\n')
		at += *at == '\\' && end - at > 1 && at[1] == '\n' ? 2 : 1;
	return at < end ? at + 1 : end;
}

enum err setup_web_apache(struct setup_list *out, const char *text, size_t size)
{
	static const char directive[] = "DocumentRoot";
	const size_t length = sizeof(directive) - 1;
	const char *end = text + size;
	struct word word;
	enum err err = ERR_OK;

	for (const char *at = text; err == ERR_OK && at < end; at = skip_line(at, end)) {
		at = skip_blanks(at, end);
		if ((size_t)(end - at) <= length || strncasecmp(at, directive, length) != 0 || !is_blank(at[length]))
			continue;
		at = read_argument(&word, skip_blanks(at + length, end), end);
		err = take(out, &word);
	}
	return err;
}

/* ---- nginx: words up to a semicolon or a brace, on as many lines as it likes ---- */

struct nginx {
	const char *at, *end;
	struct word word;
};

/* Reads the next word, or one of ; { } (as the word of that letter, *sign true). False at the end. */
static bool next_word(struct nginx *nginx, bool *sign)
{
	char quote = '\0';

	word_clear(&nginx->word);
	*sign = false;
	while (nginx->at < nginx->end && (isspace((unsigned char)*nginx->at) || *nginx->at == '#'))
		if (*nginx->at++ == '#')
			while (nginx->at < nginx->end && *nginx->at != '\n')
				nginx->at++;
	if (nginx->at == nginx->end)
		return false;
	if (strchr(";{}", *nginx->at) && *nginx->at) {
		*sign = true;
		word_add(&nginx->word, *nginx->at++);
		return true;
	}
	if (*nginx->at == '"' || *nginx->at == '\'')
		quote = *nginx->at++;
	for (; nginx->at < nginx->end; nginx->at++) {
		char letter = *nginx->at;

		if (quote ? letter == quote : isspace((unsigned char)letter) || (letter && strchr(";{}", letter)))
			break;
		if (letter == '\\' && nginx->end - nginx->at > 1)
			letter = *++nginx->at;
		word_add(&nginx->word, letter);
	}
	if (quote)
		nginx->at += nginx->at < nginx->end;
	return true;
}

enum err setup_web_nginx(struct setup_list *out, const char *text, size_t size)
{
	struct nginx nginx = {.at = text, .end = text + size};
	bool sign, starts = true;
	enum err err = ERR_OK;

	while (err == ERR_OK && next_word(&nginx, &sign)) {
		bool is_root = starts && !sign && strcmp(nginx.word.text, "root") == 0;

		starts = sign;
		if (!is_root || !next_word(&nginx, &sign))
			continue;
		starts = sign;
		if (!sign)
			err = take(out, &nginx.word);
	}
	return err;
}
