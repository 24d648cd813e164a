/* The words of a PHP source: enough of its grammar to tell a literal from anything that PHP would have to compute. Nothing is ever run. Pure:
 * no files, no memory of its own. Any bytes will do; what is no PHP has no words. */
#ifndef PULIH_SOURCE_PHP_H
#define PULIH_SOURCE_PHP_H

#include <stdbool.h>
#include <stddef.h>

enum php_kind {
	PHP_END,
	PHP_NAME,     /* a keyword, a name or a number */
	PHP_VARIABLE, /* with its '$' */
	PHP_TEXT,     /* a literal in quotes: php_text() has its value */
	PHP_COMPUTED, /* a text that is none: variables in it, a heredoc or nowdoc, a command */
	PHP_SIGN,     /* any other letter; the end of a piece of PHP is the ';' that it means */
};
struct php_word {
	enum php_kind kind;
	const char *start; /* into the source, quotes included */
	size_t length;
};

struct php {
	const char *at, *end;
	bool inside; /* between <?php and ?> */
};
/* The text stays the caller's, and must stay. */
void php_open(struct php *php, const char *text, size_t size);
/* The next word; comments and spaces are none. PHP_END for ever behind the last. */
void php_next(struct php *php, struct php_word *out);

/* Whether a word is this name, keyword or sign; case does not count. */
bool php_is(const struct php_word *word, const char *text);
/* The value of a PHP_TEXT with its escapes resolved, NUL-terminated. False, and "" then, where it has `room` bytes or more, or holds a NUL. */
bool php_text(const struct php_word *word, char *out, size_t room);

#endif
