/* Settings of content management systems: what is a literal in them, and that nothing else ever counts as one. */
#include "core/source/cms.h"
#include "core/source/cms_address.h"
#include "core/source/php.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

/* As text: "=value", "?" for computed, "-" for absent. */
static void assert_value(const struct cms_text *text, const char *wanted, const char *source)
{
	char said[CMS_TEXT_MAX + 1];

	snprintf(said, sizeof(said), "%s%s",
	    text->state == CMS_LITERAL	      ? "="
		: text->state == CMS_COMPUTED ? "?"
					      : "-",
	    text->text);
	if (strcmp(said, wanted) != 0)
		fail_msg("\"%s\", wanted \"%s\", of\n%s", said, wanted, source);
}

/* The body of the class, and what it says of $db. */
static void joomla(const char *body, const char *wanted)
{
	char text[2048];
	struct cms cms;

	snprintf(text, sizeof(text), "<?php\nclass JConfig {\n%s\n}\n", body);
	assert_true(cms_read_joomla(&cms, text, strlen(text)));
	assert_value(&cms.database, wanted, text);
}

static void wordpress(const char *body, const char *wanted)
{
	char text[2048];
	struct cms cms;

	snprintf(text, sizeof(text), "<?php\n%s\n", body);
	if (!cms_read_wordpress(&cms, text, strlen(text)))
		fail_msg("not WordPress: %s", text);
	assert_value(&cms.database, wanted, text);
}

static void members_of_joomla(void **state)
{
	(void)state;
	joomla("public $db = 'joomla_pa';", "=joomla_pa");
	joomla("var $db=\"joomla_pa\";", "=joomla_pa");
	joomla("\tpublic\r\n\t$db\r\n\t=\r\n\t'joomla_pa'\r\n\t;\r\n", "=joomla_pa");
	joomla("protected static ?string $db = 'x';", "=x");
	joomla("public $a = '', $db = 'x', $b = 'y';", "=x");
	joomla("public $db = '';", "=");
	joomla("public $dbprefix = 'no_'; public $DB = 'no';", "-");
	joomla("public $db;", "-");
	joomla("// public $db = 'no';\n# public $db = 'no';\n/* public $db = 'no'; */ public $db = /* it */ 'yes' // "
	       "no\n;",
	    "=yes");
	joomla("public $x = 'public $db = \\'no\\';'; public $db = 'yes';", "=yes");
	joomla("public $x = \"} $db = 'no'\"; public $db = 'yes';", "=yes");
	joomla("public $x = array('db' => 'no', 'a' => ['$db']); public $db = 'yes';", "=yes");
	joomla("public $db = 'a' . 'b';", "?");
	joomla("public $db = ('a');", "?");
	joomla("public $db = DB;", "?");
	joomla("public $db = 7;", "?");
	joomla("public $db = null;", "?");
	joomla("public $db = \"a$b\";", "?");
	joomla("public $db = \"a{$b}\";", "?");
	joomla("public $db = \"a${b}\";", "?");
	joomla("public $db = `x`;", "?");
	joomla("public $db = <<<X\nno\nX;", "?");
	joomla("public $db = <<<'X'\nno\nX;", "?");
	joomla("public $x = <<< \"END\"\n public $db = 'no';\n ENDING\n  END; public $db = 'yes';", "=yes");
	joomla("public $db = 'a'; public $db = 'a';", "?"); /* PHP takes no such class */
	joomla("public $db = 'a'; function __construct() { $this->db = getenv('X'); }", "?");
	joomla("use Secrets; public $db = 'a';", "?");
	joomla("public $db = 'never ends;", "?");
	joomla("public $db = 'x'", "?");
	joomla("public $db =", "?");
}

static void escapes(void **state)
{
	(void)state;
	joomla("public $db = 'it\\'s \\\\ \\n \"';", "=it's \\ \\n \"");
	joomla("public $db = 'a\\\\';", "=a\\");
	joomla("public $db = \"q\\\" \\\\ \\$x \\t\\e\\101\\x41\\u{e9}\\u{1F600}\\q'\";",
	    "=q\" \\ $x \t\033AA\xc3\xa9\xf0\x9f\x98\x80\\q'");
	joomla("public $db = \"$ {a} $1 \\\\$\";", "=$ {a} $1 \\$");
	joomla("public $db = \"\\u{110000}\";", "?");
	joomla("public $db = \"\\u{}\";", "?");
	joomla("public $db = \"a\\0b\";", "?");
	joomla("public $db = \"\\400\";", "?"); /* 256 is the byte 0 */
	joomla("public $db = 'a\nb';", "=a\nb");
	joomla("public $db = '\xff\xfe';", "=\xff\xfe");
}

static void classes_of_joomla(void **state)
{
	static const struct {
		const char *text, *wanted; /* NULL: no settings */
	} cases[] = {
	    {"<?php class JConfig { public $db = 'a'; }", "=a"},
	    {"\xef\xbb\xbf<?php\r\nclass JConfig {\r\n\tpublic $db = 'a';\r\n}\r\n", "=a"},
	    {"<? CLASS jconfig EXTENDS Other { PUBLIC $db = 'a'; } ?>\n", "=a"},
	    {"text 'before <?php final class JConfig{var $db='a';}", "=a"},
	    {"<?xml version='1.0'?><?php class JConfig{var $db='a';}", "=a"},
	    {"<?php // class JConfig { ?>\n<?php class JConfig { public $db = 'b'; }", "=b"},
	    {"<?php class Other { public $db = 'no'; } class JConfig { public $db = 'a'; }", "=a"},
	    {"<?php class JConfig { public $db = 'a'; } class Other { public $db = 'no'; }", "=a"},
	    {"<?php if ($x) { class JConfig { public $db = 'a'; } }", "?"},
	    {"<?php class JConfig { public $db = 'a'; } $x = 1; class JConfig { public $db = 'b'; }", "?"},
	    {"<?php class JConfig { public $db = 'a';", "?"},
	    {"<?php $x = new JConfig(); $x->db = 'no';", NULL},
	    {"<?php class JConfigs { public $db = 'no'; }", NULL},
	    {"<?php '\nclass JConfig { public $db = \"no\"; }", NULL},
	    {"<?php /* class JConfig { public $db = 'no'; }", NULL},
	    {"<?php <<<X\nclass JConfig { public $db = 'no'; }\nX;", NULL},
	    {"<?php __halt_compiler(); class JConfig { public $db = 'no'; }", NULL},
	    {"class JConfig { public $db = 'no'; }", NULL},
	    {"<?php class JConfig", NULL},
	    {"<?php", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cms cms;

		assert_int_equal(cms_read_joomla(&cms, cases[i].text, strlen(cases[i].text)), cases[i].wanted != NULL);
		assert_int_equal(cms.kind, cases[i].wanted ? CMS_JOOMLA : CMS_NONE);
		assert_value(&cms.database, cases[i].wanted ? cases[i].wanted : "-", cases[i].text);
	}
}

static void constants_of_wordpress(void **state)
{
	(void)state;
	wordpress("define( 'DB_NAME', 'wp' );", "=wp");
	wordpress("DEFINE(\"DB_NAME\",\"wp\");", "=wp");
	wordpress("@define('DB_NAME', 'wp', false); \\define('DB_USER', 'x');", "=wp");
	wordpress("define(\r\n\t'DB_NAME', // no\r\n\t'wp',\r\n);", "=wp");
	wordpress("const DB_NAME = 'wp';", "=wp");
	wordpress("const A = 1, DB_NAME = 'wp';", "=wp");
	wordpress("class X { const DB_NAME = 'no'; } define('DB_NAME', 'wp');", "=wp");
	wordpress("define('DB_NAME', 'wp'); define('DB_NAME', 'later');", "=wp"); /* PHP: the first one counts */
	wordpress("// define('DB_NAME', 'no');\n/** define('DB_NAME', 'no'); */\ndefine('DB_NAME', 'wp');", "=wp");
	wordpress("$x = \"define('DB_NAME', 'no');\"; define('DB_NAME', 'wp');", "=wp");
	wordpress("?> define('DB_NAME', 'no'); <?php define('DB_NAME', 'wp') ?>", "=wp");
	wordpress("if ($x) { $y = 1; } define('DB_NAME', 'wp');", "=wp");
	wordpress("if (!defined('ABSPATH')) exit; define('DB_NAME', 'wp');", "=wp");
	wordpress("define('DB_NAME', getenv('X'));", "?");
	wordpress("define('DB_NAME', $_ENV['X'] ?? 'no');", "?");
	wordpress("define('DB_NAME', 'a' . 'b');", "?");
	wordpress("define('DB_NAME', 'a' ?: 'b');", "?");
	wordpress("define('DB_NAME', <<<X\nno\nX);", "?");
	wordpress("define('DB_NAME', \"$x\");", "?");
	wordpress("if ($x) { define('DB_NAME', 'a'); } else { define('DB_NAME', 'b'); }", "?");
	wordpress("if ($x) define('DB_NAME', 'a'); define('DB_NAME', 'b');", "?");
	wordpress("if ($x) { } else define('DB_NAME', 'a');", "?");
	wordpress("if ($x): $y = 1; define('DB_NAME', 'a'); endif;", "?");
	wordpress("$x and define('DB_NAME', 'a');", "?");
	wordpress("$x && @define('DB_NAME', 'a');", "?");
	wordpress("defined('DB_NAME') || define('DB_NAME', 'a');", "?");
	wordpress("function f() { define('DB_NAME', 'a'); }", "?");
	wordpress("$x->define('DB_NAME', 'a');", "?");
	wordpress("const DB_NAME = 'a' . 'b';", "?");
}

static void no_constants_of_wordpress(void **state)
{
	static const char *const texts[] = {"", "<?php", "define('DB_NAME', 'x');", "<?php // define('DB_NAME', 'x');",
	    "<?php defined('DB_NAME');", "<?php define(DB_NAME, 'x');", "<?php define('DB_NAMES', 'x');",
	    "<?php define('db_name', 'x');", "<?php 'define(\"DB_NAME\", \"x\");';",
	    "<?php __halt_compiler(); define('DB_NAME', 'x');"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cms cms;

		if (cms_read_wordpress(&cms, texts[i], strlen(texts[i])) && cms.database.state == CMS_LITERAL)
			fail_msg("%s", texts[i]);
	}
}

static void all_of_the_settings(void **state)
{
	static const char
	    one[] = "<?php\nclass JConfig {\n\tpublic $offline = false;\n\tpublic $dbtype = 'mysqli';\n\tpublic $host "
		    "= 'localhost';\n"
		    "\tpublic $user = 'joomla';\n\tpublic $password = 'it\\'s';\n\tpublic $db = 'joomla_pa';\n\tpublic "
		    "$dbprefix = 'abc_';\n}\n",
	    two[] = "<?php\ndefine('DB_NAME','wp');define('DB_USER','u');define('DB_PASSWORD','p');"
		    "define('DB_HOST','db.example.org:3307');\n$table_prefix = 'wp_';\n"
		    "require_once ABSPATH . 'wp-settings.php';",
	    three[] = "<?php class JConfig { public $dbtype = 'pgsql'; public $db = 'a'; public $password = X; }";
	struct cms cms;

	(void)state;
	assert_true(cms_read_joomla(&cms, one, sizeof(one) - 1));
	assert_int_equal(cms.engine, CMS_MARIADB);
	assert_value(&cms.host, "=localhost", one);
	assert_value(&cms.user, "=joomla", one);
	assert_value(&cms.password, "=it's", one);
	assert_true(cms_read_wordpress(&cms, two, sizeof(two) - 1));
	assert_int_equal(cms.engine, CMS_MARIADB);
	assert_value(&cms.host, "=db.example.org:3307", two);
	assert_value(&cms.password, "=p", two);
	assert_true(cms_read_joomla(&cms, three, sizeof(three) - 1));
	assert_int_equal(cms.engine, CMS_POSTGRESQL);
	assert_value(&cms.password, "?", three);
	assert_value(&cms.user, "-", three);
}

static void long_values(void **state)
{
	char body[CMS_TEXT_MAX + 64], value[CMS_TEXT_MAX + 8], wanted[CMS_TEXT_MAX + 1] = "=";

	(void)state;
	memset(value, 'a', sizeof(value));
	snprintf(body, sizeof(body), "public $db = '%.*s';", CMS_TEXT_MAX - 1, value);
	memset(wanted + 1, 'a', CMS_TEXT_MAX - 1);
	wanted[CMS_TEXT_MAX] = '\0';
	joomla(body, wanted);
	snprintf(body, sizeof(body), "public $db = '%.*s';", CMS_TEXT_MAX, value);
	joomla(body, "?");
}

/* Words in any order: nothing is read beyond the end, and what counts as a literal stands in the text. */
static void words_in_any_order(void **state)
{
	static const char *const words[] = {"<?php ", "?>", "class ", "JConfig ", "{", "}", "public ", "$db", "=",
	    "'a'", "\"b\"", "\"$c\"", ";", ",", "define", "(", ")", "'DB_NAME'", "const ", "DB_NAME", "\n", "//", "/*",
	    "*/", "#", "<<<X\n", "\nX", "'", "\"", "\\", "$", "`", "if(1)", "@"};
	const size_t count = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (uint64_t round = 0; round < 30000; round++) {
		uint8_t choice[48];
		char whole[48 * 12 + 64] = "<?php class JConfig { public $db = 'a'; ", *text;
		size_t size = round % 2 ? strlen(whole) : 0;
		struct cms cms;

		random_bytes(round, choice, sizeof(choice));
		for (size_t i = 0; i < sizeof(choice); i++)
			size += (size_t)snprintf(whole + size, sizeof(whole) - size, "%s", words[choice[i] % count]);
		text = mem_copy(whole, size); /* of exactly that size: a sanitizer sees what reads on */
		cms_read_joomla(&cms, text, size);
		if (cms.database.state != CMS_LITERAL)
			assert_string_equal(cms.database.text, "");
		cms_read_wordpress(&cms, text, size);
		if (cms.database.state != CMS_LITERAL)
			assert_string_equal(cms.database.text, "");
		mem_free(text);
	}
}

/* ---- addresses ---- */

static void addresses(void **state)
{
	static const struct {
		const char *text;
		bool read, local;
		const char *socket, *host;
		unsigned port;
	} cases[] = {
	    {"", true, true, "", "", 0},
	    {"localhost", true, true, "", "localhost", 0},
	    {"LocalHost:3307", true, true, "", "LocalHost", 3307},
	    {"p:127.0.0.1", true, true, "", "127.0.0.1", 0},
	    {"::1", true, true, "", "::1", 0},
	    {"[::1]:3306", true, true, "", "::1", 3306},
	    {"[2001:db8::7]", true, false, "", "2001:db8::7", 0},
	    {"db.example.org", true, false, "", "db.example.org", 0},
	    {"db_1:65535", true, false, "", "db_1", 65535},
	    {"localhost:/run/mysqld/mysqld.sock", true, true, "/run/mysqld/mysqld.sock", "localhost", 0},
	    {":/run/a b.sock", true, true, "/run/a b.sock", "", 0},
	    {"localhost:3306:/s", true, true, "/s", "localhost", 3306},
	    {"unix:/s", true, true, "/s", "", 0},
	    {"/run/postgresql", true, true, "/run/postgresql", "", 0},
	    {"db.example.org:/s", false, false, "", "", 0},
	    {"localhost:", false, false, "", "", 0},
	    {"localhost:0", false, false, "", "", 0},
	    {"localhost:65536", false, false, "", "", 0},
	    {"localhost:33x", false, false, "", "", 0},
	    {"unix:s", false, false, "", "", 0},
	    {"[::1", false, false, "", "", 0},
	    {"[]", false, false, "", "", 0},
	    {"[::1]x", false, false, "", "", 0},
	    {"a b", false, false, "", "", 0},
	    {"--help", false, false, "", "", 0},
	    {"..", false, false, "", "", 0},
	    {"$(reboot)", false, false, "", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cms_address address;

		if (cms_address_read(&address, cases[i].text) != cases[i].read)
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(address.local, cases[i].local);
		assert_string_equal(address.socket, cases[i].socket);
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
	}
}

/* ---- folders ---- */

#define WORDPRESS "<?php define('DB_NAME', 'wp'); define('DB_PASSWORD', 'rahasia');"

static void assert_folder(const char *folder, enum cms_kind kind, bool above)
{
	struct cms *cms;

	assert_int_equal(cms_look(&cms, folder), ERR_OK);
	assert_int_equal(cms ? cms->kind : CMS_NONE, kind);
	assert_int_equal(cms && cms->above, above);
	cms_free(cms);
}

static void folders(void **state)
{
	char path[96], *large = mem_calloc(1, (1u << 20) + 2);

	(void)state;
	make_each_folder((const char *const[]){"joomla", "wp", "wp/public", "wp/inner", "fifo", "large", NULL});
	write_text("joomla/configuration.php", "<?php class JConfig { public $db = 'a'; }");
	write_text("joomla/wp-config.php", WORDPRESS);
	write_text("wp/wp-config.php", WORDPRESS);
	write_text("wp/public/wp-settings.php", "<?php");
	assert_int_equal(mkfifo("fifo/configuration.php", 0600), 0);
	memset(large, ' ', (1u << 20) + 1);
	memcpy(large, WORDPRESS, sizeof(WORDPRESS) - 1);
	write_text("large/wp-config.php", large);
	mem_free(large);
	assert_folder("joomla", CMS_JOOMLA, false);
	assert_folder("wp", CMS_WORDPRESS, false);
	snprintf(path, sizeof(path), "%s/wp/public", scratch_folder);
	assert_folder(path, CMS_WORDPRESS, true);
	snprintf(path, sizeof(path), "%s/wp/inner", scratch_folder);
	assert_folder(path, CMS_NONE, false);
	assert_folder("fifo", CMS_NONE, false);
	assert_folder("large", CMS_NONE, false);
	assert_folder("/nonexistent", CMS_NONE, false);
	write_text("wp/wp-settings.php", "<?php"); /* that WordPress lives one folder higher */
	snprintf(path, sizeof(path), "%s/wp/public", scratch_folder);
	assert_folder(path, CMS_NONE, false);
}

static void memory_may_run_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	write_text("wp-config.php", WORDPRESS);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct cms *cms;

		mem_fail_at(n);
		err = cms_look(&cms, ".");
		mem_fail_at(0);
		assert_true(err == ERR_OK ? cms != NULL : err == ERR_NOMEM && !cms);
		cms_free(cms);
		assert_true(n < 100);
	}
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_of_joomla),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(classes_of_joomla),
	    cmocka_unit_test(constants_of_wordpress),
	    cmocka_unit_test(no_constants_of_wordpress),
	    cmocka_unit_test(all_of_the_settings),
	    cmocka_unit_test(long_values),
	    cmocka_unit_test(words_in_any_order),
	    cmocka_unit_test(addresses),
	    IN_SCRATCH(folders),
	    IN_SCRATCH(memory_may_run_out),
	};

	return crypto_setup() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
