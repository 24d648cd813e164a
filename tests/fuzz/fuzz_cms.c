/* Settings of content management systems: any bytes are read to their end and no further, and a value that is a literal was written as one. */
#include "core/source/cms.h"
#include "core/source/cms_address.h"
#include "core/source/php.h"
#include "tests/fuzz/seeds.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = {"<?php\nclass JConfig {\n\tpublic $dbtype = 'mysqli';\n\tpublic $host = "
					    "'localhost:/s';\n\tpublic $user = 'a\\'b';\n"
					    "\tpublic $db = \"j\\x41\\u{e9}\\101$x\"; // c\n}\n",
	    "\xef\xbb\xbf<?php\r\n/* c */ # d\n@define( 'DB_NAME', 'wp' );\nif (1) { define(\"DB_HOST\", "
	    "\"[::1]:3306\"); }\nconst "
	    "DB_USER = <<<'X'\na\n X;\n?>\n<?= `ls` ?>",
	    "<?php class JConfig extends A { var $db = 'a', $password = <<<\"Y\"\n{$b}\nY; function f() {} }"};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write((char[]){(char)('a' + i), '\0'}, seeds[i], strlen(seeds[i]));
	return 0;
}

static void check_value(const struct cms_text *value)
{
	struct cms_address address;

	MUST(memchr(value->text, '\0', sizeof(value->text)) != NULL);
	MUST(value->state == CMS_LITERAL || !*value->text);
	if (cms_address_read(&address, value->text))
		MUST(address.local || *address.host);
}

static void check(const struct cms *cms)
{
	check_value(&cms->database);
	check_value(&cms->host);
	check_value(&cms->user);
	check_value(&cms->password);
}

/* Words come in order, and are never empty. */
static void check_words(const char *text, size_t size)
{
	const char *at = text;
	struct php_word word;
	struct php php;

	php_open(&php, text, size);
	for (php_next(&php, &word); word.kind != PHP_END; php_next(&php, &word)) {
		MUST(word.length > 0);
		if (word.start < text || word.start >= text + size)
			continue; /* the end of a piece of PHP */
		MUST(word.start >= at && word.length <= (size_t)(text + size - word.start));
		MUST(word.kind != PHP_TEXT || word.length >= 2);
		at = word.start + word.length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct cms cms;

	if (size == 0)
		return 0;
	check_words(text, size);
	cms_read_joomla(&cms, text, size);
	check(&cms);
	cms_read_wordpress(&cms, text, size);
	check(&cms);
	return 0;
}
