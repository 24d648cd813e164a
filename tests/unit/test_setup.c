/* What setup finds on a host, and what it takes for an answer. */
#include "cli/setup_answers.h"
#include "cli/setup_checks.h"
#include "cli/setup_plan.h"
#include "cli/setup_sqlite.h"
#include "cli/setup_web.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum err (*reader)(struct setup_list *, const char *, size_t);

/* "/a /b" */
static void assert_roots(reader read, const char *text, const char *wanted)
{
	struct setup_list found = {0};
	char all[4096] = "";

	assert_int_equal(read(&found, text, strlen(text)), ERR_OK);
	for (size_t i = 0; i < found.count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "", found.items[i]);
	if (strcmp(all, wanted) != 0)
		fail_msg("\"%s\", wanted \"%s\", of\n%s", all, wanted, text);
	setup_list_free(&found);
}

/* As Debian's package writes them. */
static const char apache_default[] = "<VirtualHost *:80>\n"
				     "\t# The ServerName directive sets the request scheme, hostname and port that\n"
				     "\t# the server uses to identify itself.\n"
				     "\t#ServerName www.example.com\n\n"
				     "\tServerAdmin webmaster@localhost\n"
				     "\tDocumentRoot /var/www/html\n\n"
				     "\tErrorLog ${APACHE_LOG_DIR}/error.log\n"
				     "\tCustomLog ${APACHE_LOG_DIR}/access.log combined\n"
				     "</VirtualHost>\n";
static const char nginx_default[] =
    "##\n# You should look at the following URL's in order to grasp a solid understanding\n##\n"
    "server {\n\tlisten 80 default_server;\n\tlisten [::]:80 default_server;\n\n"
    "\t# SSL configuration\n\t#\n\t# listen 443 ssl default_server;\n\n"
    "\troot /var/www/html;\n\n"
    "\t# Add index.php to the list if you are using PHP\n"
    "\tindex index.html index.htm index.nginx-debian.html;\n\n\tserver_name _;\n\n"
    "\tlocation / {\n\t\ttry_files $uri $uri/ =404;\n\t}\n\n"
    "\t#location ~ \\.php$ {\n\t#\tinclude snippets/fastcgi-php.conf;\n\t#}\n}\n"
    "#server {\n#\tlisten 80;\n#\troot /var/www/example.com;\n#}\n";

static void roots_of_apache(void **state)
{
	(void)state;
	assert_roots(setup_web_apache, apache_default, "/var/www/html");
	assert_roots(
	    setup_web_apache, "documentroot \"/srv/my site/\"\nDOCUMENTROOT\t'/srv/b'\r\n", "/srv/my site /srv/b");
	assert_roots(setup_web_apache, "DocumentRoot \\\n  /srv/a\nDocumentRoot /srv/a//\n", "/srv/a");
	assert_roots(setup_web_apache, "# off \\\nDocumentRoot /srv/a\n  DocumentRoot \"/srv/a\\\"b\"", "/srv/a\"b");
	assert_roots(setup_web_apache, "DocumentRootX /a\nXDocumentRoot /b\nDocumentRoot\nDocumentRoot ", "");
	assert_roots(
	    setup_web_apache, "DocumentRoot ${SITES}/a\nDocumentRoot htdocs\nDocumentRoot \"/open\n/x\"\n", "");
	assert_roots(setup_web_apache, "DocumentRoot /caf\xe9\nDocumentRoot /a\x01\x62\nDocumentRoot /caf\xc3\xa9",
	    "/caf\xc3\xa9");
}

static void roots_of_nginx(void **state)
{
	(void)state;
	assert_roots(setup_web_nginx, nginx_default, "/var/www/html");
	assert_roots(
	    setup_web_nginx, "server{root /a;location /x{root \"/b c/\";}}server{root '/d\\'e';}", "/a /b c /d'e");
	assert_roots(setup_web_nginx, "add_header root /a; server_name root; root\n\n/b\n;", "/b");
	assert_roots(setup_web_nginx, "root $base/a; root relative; root ; root; root { } root /a$x;", "");
	assert_roots(setup_web_nginx, "root /a # ; root /b\n; fastcgi_param X \"; root /c;\";", "/a");
	assert_roots(setup_web_nginx, "root \"/never ends", "/never ends");
	assert_roots(setup_web_nginx, "root \\", "");
}

/* Bytes of any kind: nothing but paths that a configuration can name ever comes out, and nothing is read beyond the end. */
static void roots_of_anything(void **state)
{
	static const char *const words[] = {"DocumentRoot", "root", " ", "\n", "\"", "'", "\\", "\\\n", ";", "{", "}",
	    "#", "/a", "/", "$", "\xff", "\x01", "\xc3\xa9"};
	const size_t count = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (uint64_t round = 0; round < 20000; round++) {
		struct setup_list found = {0};
		uint8_t choice[40];
		size_t size = 0;
		char *text, whole[40 * 16];

		random_bytes(round, choice, sizeof(choice));
		for (size_t i = 0; i < sizeof(choice); i++)
			size += (size_t)snprintf(whole + size, sizeof(whole) - size, "%s", words[choice[i] % count]);
		if (round % 5 == 0)
			whole[choice[0] % size] = '\0';
		text = mem_copy(whole, size); /* of exactly that size: a sanitizer sees what reads on */
		assert_int_equal(setup_web_apache(&found, text, size), ERR_OK);
		assert_int_equal(setup_web_nginx(&found, text, size), ERR_OK);
		for (size_t i = 0; i < found.count; i++)
			assert_true(setup_web_path_usable(found.items[i]));
		setup_list_free(&found);
		mem_free(text);
	}
}

static void long_and_many(void **state)
{
	struct buffer text = {0};
	struct setup_list found = {0};

	(void)state;
	assert_int_equal(buffer_append_text(&text, "DocumentRoot /"), ERR_OK);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buffer_append_u8(&text, 'a'), ERR_OK);
	for (int i = 0; i < SETUP_WEB_FOLDERS_MAX + 50; i++)
		assert_int_equal(buffer_append_text(&text, "\nDocumentRoot /s%d", i), ERR_OK);
	assert_int_equal(setup_web_apache(&found, (const char *)text.data, text.length), ERR_OK);
	assert_int_equal(found.count, SETUP_WEB_FOLDERS_MAX);
	assert_string_equal(found.items[0], "/s0");
	setup_list_free(&found);
	buffer_free(&text);
}

/* ---- content management systems ---- */

#define JOOMLA                                                                                                   \
	"<?php\nclass JConfig {\n\tpublic $dbtype = 'mysqli';\n\tpublic $host = 'localhost';\n\tpublic $user = " \
	"'joomla';\n"                                                                                            \
	"\tpublic $password = 'rahasia';\n\tpublic $db = 'joomla_pa';\n\tpublic $dbprefix = 'abc_';\n}\n"
#define WORDPRESS                                                                                                  \
	"<?php\n/** The name of the database for WordPress */\ndefine( 'DB_NAME', 'wp_kantor' );\n\n/** Database " \
	"username */\n"                                                                                            \
	"define( 'DB_USER', 'wp' );\ndefine( 'DB_PASSWORD', 'rahasia' );\n"

static void settings_of_sites(void **state)
{
	struct setup_cms cms;
	char *password;

	(void)state;
	make_each_folder((const char *const[]){"a", "b", "c", "d", NULL});
	write_text("a/configuration.php", JOOMLA);
	assert_int_equal(setup_cms_look(&cms, "a"), ERR_OK);
	assert_int_equal(cms.kind, CMS_JOOMLA);
	assert_int_equal(cms.engine, CMS_MARIADB);
	assert_string_equal(cms.database, "joomla_pa");
	assert_string_equal(cms.user, "joomla");
	assert_string_equal(cms.folder, "a");
	assert_true(cms.address_known && cms.address.local);
	assert_int_equal(cms.password, CMS_LITERAL);
	setup_cms_free(&cms);
	assert_int_equal(setup_cms_password("a", &password), ERR_OK);
	assert_string_equal(password, "rahasia\n");
	secret_free(password, SETUP_CMS_PASSWORD);
	/* What a file of one line cannot hold, what only PHP knows, and what cannot be shown. */
	write_text("b/wp-config.php",
	    "<?php define('DB_NAME', \"a\\nb\"); define('DB_USER', \"\\xff\"); define('DB_PASSWORD', \"a\\nb\");"
	    "define('DB_HOST', getenv('X'));");
	assert_int_equal(setup_cms_look(&cms, "b"), ERR_OK);
	assert_string_equal(cms.database, "");
	assert_string_equal(cms.user, "");
	assert_false(cms.address_known);
	assert_int_equal(cms.password, CMS_COMPUTED);
	setup_cms_free(&cms);
	assert_int_equal(setup_cms_password("b", &password), ERR_SOURCE);
	assert_null(password);
	write_text("c/wp-config.php", "<?php define('DB_NAME', 'c'); define('DB_PASSWORD', '');");
	assert_int_equal(setup_cms_look(&cms, "c"), ERR_OK);
	assert_int_equal(cms.password, CMS_ABSENT);
	assert_true(cms.address_known && cms.address.local); /* no host is this one */
	setup_cms_free(&cms);
	assert_int_equal(setup_cms_password("d", &password), ERR_SOURCE);
}

/* "engine socket host user folder: databases" */
static struct setup_server server_of(
    const char *socket, const char *host, const char *user, const char *folder, const char *database)
{
	struct setup_server server = {.engine = CMS_MARIADB};

	server.socket = socket ? mem_string(socket) : NULL;
	server.host = host ? mem_string(host) : NULL;
	server.user = user ? mem_string(user) : NULL;
	server.folder = folder ? mem_string(folder) : NULL;
	assert_int_equal(database ? setup_list_add(&server.databases, database) : ERR_OK, ERR_OK);
	return server;
}

static void servers_are_joined_and_named(void **state)
{
	struct setup_servers servers = {0};
	struct setup_server all[] = {server_of("/s", NULL, NULL, NULL, "b"), server_of("/s", NULL, NULL, NULL, "a"),
	    server_of("/s", NULL, "u", "/w", "a"), server_of("/s", NULL, "u", "/w", "C d"),
	    server_of("/t", NULL, "u", "/x", "C d"), server_of(NULL, "db", "u", "/y", "C_d"),
	    server_of(NULL, NULL, NULL, NULL, NULL)};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(setup_servers_add(&servers, &all[i]), ERR_OK);
	assert_int_equal(setup_servers_name(&servers, "/etc/pulih"), ERR_OK);
	assert_int_equal(servers.count, 5);
	assert_int_equal(servers.items[0].databases.count, 2); /* "a" of the site is among them */
	assert_null(servers.items[0].name);
	assert_null(servers.items[0].password_file);
	assert_string_equal(servers.items[1].name, "c-d");
	assert_string_equal(servers.items[1].password_file, "/etc/pulih/mariadb-c-d.password");
	assert_string_equal(servers.items[2].name, "c-d-2");
	assert_string_equal(servers.items[2].password_file, "/etc/pulih/mariadb-c-d-2.password");
	assert_null(servers.items[3].name); /* its host is its name */
	assert_string_equal(servers.items[3].password_file, "/etc/pulih/mariadb-c-d-3.password");
	assert_string_equal(servers.items[4].name, "all");
	setup_servers_free(&servers);
}

/* ---- a host ---- */

static void make_host(void)
{
	make_each_folder((const char *const[]){"etc", "etc/apache2", "etc/apache2/sites-available",
	    "etc/apache2/sites-enabled", "etc/nginx", "etc/nginx/sites-enabled", "etc/nginx/conf.d", "var", "var/www",
	    "var/www/html", "var/www/html/profil", "var/www/old", "srv", "srv/blog", "srv/blog/public", "srv/shop",
	    "var/lib", "var/lib/mysql", "var/lib/mysql/mysql", "run", "run/postgresql", NULL});
	write_text("etc/apache2/sites-available/000-default.conf", apache_default);
	assert_int_equal(
	    symlink("../sites-available/000-default.conf", "etc/apache2/sites-enabled/000-default.conf"), 0);
	assert_int_equal(symlink("nowhere", "etc/apache2/sites-enabled/broken.conf"), 0);
	assert_int_equal(mkfifo("etc/apache2/sites-enabled/fifo.conf", 0600), 0);
	write_text("etc/nginx/sites-enabled/blog", "server { root /srv/blog/public; }");
	write_text("etc/nginx/conf.d/gone.conf", "server { root /srv/gone; } server { root /srv/link; }");
	assert_int_equal(symlink("shop", "srv/link"), 0);
	write_text("var/www/html/configuration.php", JOOMLA);
	write_text("var/www/html/profil/wp-config.php", WORDPRESS);
	write_text("srv/blog/wp-config.php", WORDPRESS);
	write_text("srv/blog/public/wp-settings.php", "<?php");
	write_text("run/postgresql/.s.PGSQL.5432", "");
	write_text("var/www/file", "no folder");
}

static void a_host_is_searched(void **state)
{
	struct setup_sites sites = {0};
	struct setup_site_servers servers;
	char path[PATH_MAX];

	(void)state;
	make_host();
	assert_int_equal(setup_site_find(&sites, scratch_folder), ERR_OK);
	assert_int_equal(sites.count, 4);
	snprintf(path, sizeof(path), "%s/srv/blog/public", scratch_folder);
	assert_string_equal(sites.items[0].path, path);
	assert_int_equal(sites.items[0].cms_count, 1);
	assert_true(sites.items[0].cms[0].above);
	assert_string_equal(sites.items[0].cms[0].database, "wp_kantor");
	snprintf(path, sizeof(path), "%s/srv/shop", scratch_folder); /* behind the link */
	assert_string_equal(sites.items[1].path, path);
	snprintf(path, sizeof(path), "%s/var/www/html", scratch_folder); /* of apache and of /var/www: once */
	assert_string_equal(sites.items[2].path, path);
	assert_int_equal(sites.items[2].cms_count, 2);
	assert_int_equal(sites.items[2].cms[0].kind, CMS_JOOMLA);
	assert_int_equal(sites.items[2].cms[1].kind, CMS_WORDPRESS);
	assert_false(sites.items[2].cms[1].above);
	assert_false(sites.cut);
	setup_site_free(&sites);
	setup_site_servers(&servers, scratch_folder);
	assert_string_equal(servers.mariadb, "/var/lib/mysql");
	assert_string_equal(servers.postgresql, "/run/postgresql");
	assert_int_equal(setup_site_find(&sites, "/nonexistent"), ERR_OK);
	assert_int_equal(sites.count, 0);
	setup_site_servers(&servers, "/nonexistent");
	assert_string_equal(servers.mariadb, "");
	assert_string_equal(servers.postgresql, "");
}

static void more_sites_than_one_wants_to_see(void **state)
{
	struct setup_sites sites = {0};
	char path[64];

	(void)state;
	make_each_folder((const char *const[]){"var", "var/www", NULL});
	for (int i = 0; i < SETUP_SITES_MAX + 1; i++) {
		snprintf(path, sizeof(path), "var/www/s%03d", i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(setup_site_find(&sites, scratch_folder), ERR_OK);
	assert_int_equal(sites.count, SETUP_SITES_MAX);
	assert_true(sites.cut);
	setup_site_free(&sites);
}

static void memory_may_run_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	make_host();
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct setup_answers answers = {0};

		mem_fail_at(n);
		err = setup_site_find(&answers.sites, scratch_folder);
		for (size_t i = 0; err == ERR_OK && i < answers.sites.count; i++)
			err = setup_answers_add_site(&answers, &answers.sites.items[i]);
		mem_fail_at(0);
		if (err != ERR_OK)
			assert_int_equal(err, ERR_NOMEM);
		else
			assert_int_equal(answers.paths.count, 5); /* with the settings above one of them */
		assert_true(n < 5000);
		setup_answers_free(&answers);
	}
}

/* ---- SQLite ---- */

static void database(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, "SQLite format 3\0data", 20) == 20);
	close(fd);
}

static void assert_databases(const struct file_identity *own, const char *const *wanted)
{
	struct setup_sqlite found = {0};
	size_t count = 0;

	assert_int_equal(setup_sqlite_find(&found, (const char *const[]){"."}, 1, own, own != NULL), ERR_OK);
	for (; wanted[count]; count++) {
		assert_true(count < found.paths.count);
		assert_string_equal(found.paths.items[count], wanted[count]);
	}
	assert_int_equal(found.paths.count, count);
	assert_false(found.cut);
	setup_list_free(&found.paths);
}

static void databases_are_found(void **state)
{
	struct setup_sqlite found = {0};
	struct file_identity own;
	struct stat status;
	char root[80], wanted[4][96];

	(void)state;
	make_each_folder((const char *const[]){"a", "a/b", "own", NULL});
	database("x.db");
	database("a/b/any name");
	database("own/ledger.sqlite");
	write_text("short", "SQLite format 3");
	write_text("other", "SQLite format 2, or what looks like it");
	assert_int_equal(symlink("x.db", "link.db"), 0);
	assert_int_equal(symlink("a", "folder"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(stat("own", &status), 0);
	own = (struct file_identity){status.st_dev, status.st_ino};
	snprintf(root, sizeof(root), "%s", scratch_folder);
	snprintf(wanted[0], sizeof(wanted[0]), "%s/a/b/any name", root);
	snprintf(wanted[1], sizeof(wanted[1]), "%s/x.db", root);
	assert_int_equal(
	    setup_sqlite_find(&found, (const char *const[]){root, root, "/nonexistent"}, 3, &own, 1), ERR_OK);
	assert_int_equal(found.paths.count, 2);
	assert_string_equal(found.paths.items[0], wanted[0]);
	assert_string_equal(found.paths.items[1], wanted[1]);
	setup_list_free(&found.paths);
	/* A file as a root, and a name that cannot be told. */
	found = (struct setup_sqlite){0};
	assert_int_equal(setup_sqlite_find(&found, (const char *const[]){wanted[1]}, 1, NULL, 0), ERR_OK);
	assert_int_equal(found.paths.count, 1);
	setup_list_free(&found.paths);
	database("own/\xff");
	assert_databases(&own, (const char *const[]){NULL}); /* "." is no absolute path */
	assert_true(setup_sqlite_is("x.db"));
	assert_false(setup_sqlite_is("link.db"));
	assert_false(setup_sqlite_is("short"));
	assert_false(setup_sqlite_is("fifo"));
}

static void the_search_has_an_end(void **state)
{
	struct setup_sqlite found = {0};
	char name[32];

	(void)state;
	assert_int_equal(mkdir("deep", 0755), 0);
	assert_int_equal(chdir("deep"), 0);
	for (int i = 0; i < SETUP_SQLITE_DEPTH_MAX + 5; i++)
		assert_true(mkdir("d", 0755) == 0 && chdir("d") == 0);
	database("too-deep.db");
	assert_int_equal(chdir(scratch_folder), 0);
	assert_int_equal(setup_sqlite_find(&found, (const char *const[]){scratch_folder}, 1, NULL, 0), ERR_OK);
	assert_int_equal(found.paths.count, 0);
	assert_true(found.cut);
	setup_list_free(&found.paths);
	found = (struct setup_sqlite){0};
	for (int i = 0; i < SETUP_SQLITE_MAX + 5; i++) {
		snprintf(name, sizeof(name), "%d.db", i);
		database(name);
	}
	assert_int_equal(setup_sqlite_find(&found, (const char *const[]){scratch_folder}, 1, NULL, 0), ERR_OK);
	assert_int_equal(found.paths.count, SETUP_SQLITE_MAX);
	assert_true(found.cut);
	setup_list_free(&found.paths);
	interrupt_set(true);
	found = (struct setup_sqlite){0};
	assert_int_equal(setup_sqlite_find(&found, (const char *const[]){scratch_folder}, 1, NULL, 0), ERR_INTERRUPTED);
	interrupt_set(false);
	setup_list_free(&found.paths);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roots_of_apache),
	    cmocka_unit_test(roots_of_nginx),
	    cmocka_unit_test(roots_of_anything),
	    cmocka_unit_test(long_and_many),
	    IN_SCRATCH(settings_of_sites),
	    cmocka_unit_test(servers_are_joined_and_named),
	    IN_SCRATCH(a_host_is_searched),
	    IN_SCRATCH(more_sites_than_one_wants_to_see),
	    IN_SCRATCH(memory_may_run_out),
	    IN_SCRATCH(databases_are_found),
	    IN_SCRATCH(the_search_has_an_end),
	};

	return crypto_setup() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
