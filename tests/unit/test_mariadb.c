/* core/source: what is counted in dumps while they pass. */
#include "core/source/mariadb_count.h"
#include "core/base/mem.h"
#include "core/source/mariadb_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define BEGIN "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n--\nUSE `a`;\n"
#define END "/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;\n\n-- Dump completed\n"

/* Fed whole, and in pieces of every small size: the counts must not depend on where reading stops. */
static void feed(struct mariadb_count **count, const char *text, size_t size, size_t piece)
{
	assert_int_equal(mariadb_count_new(count), ERR_OK);
	for (size_t at = 0; at < size; at += piece)
		assert_int_equal(mariadb_count_feed(*count, text + at, piece < size - at ? piece : size - at), ERR_OK);
}

static void expect(const char *text, size_t tables, uint64_t rows)
{
	static const size_t pieces[] = {1, 2, 3, 7, 1 << 20};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct mariadb_count *count;
		const struct dump_tables *found;
		uint64_t all = 0, size = 0;

		feed(&count, text, strlen(text), pieces[i]);
		found = mariadb_count_tables(count);
		for (size_t k = 0; k < found->tables_count; k++)
			all += found->tables[k].rows;
		for (size_t k = 0; k < found->databases_count; k++)
			size += found->databases[k].size;
		if (found->tables_count != tables || all != rows)
			print_message("%s\n", text);
		assert_int_equal(found->tables_count, tables);
		assert_int_equal(all, rows);
		assert_true(size <= strlen(text));
		mariadb_count_free(count);
	}
}

static void rows_are_counted_where_they_are(void **state)
{
	(void)state;
	expect(BEGIN
	    "CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB;\nINSERT INTO `t` VALUES\n(1,'x'),\n(2,'y');\n" END,
	    1, 2);
	expect(
	    BEGIN "CREATE TABLE `t` (`a` int);\nINSERT INTO `t` VALUES (1),(2);INSERT INTO `t` VALUES (3);" END, 1, 3);
	/* columns that are named are no row */
	expect(BEGIN "INSERT INTO `t` (`a`, `values (`) VALUES (1,(2)),((3),4);", 1, 2);
	expect(BEGIN "INSERT IGNORE INTO `t` VALUES (1);REPLACE INTO `t` VALUES (2);", 1, 2);
	/* texts */
	expect(
	    BEGIN "INSERT INTO `t` VALUES ('(1),(2)'),('it\\'s (3)'),('it''s; (4)'),(\"5),(\"),('\\\\'),('');", 1, 6);
	expect(BEGIN "INSERT INTO `t``(` VALUES (1);", 1, 1);
	expect(BEGIN "INSERT INTO `t` VALUES (0x2827,-1,--2,4/2,_binary '\\0(');", 1, 1);
	/* comments */
	expect(BEGIN
	    "-- INSERT INTO `t` VALUES (1);\n# INSERT INTO `t` VALUES (1);\n/* INSERT INTO `t` VALUES (1); **/\n",
	    0, 0);
	expect(BEGIN "/*!50001 CREATE TABLE `v` (`a` int) */;\n/*M!100301 INSERT INTO `v` VALUES (1) */;", 0, 0);
	expect(BEGIN "/*!50001 VIEW `v` AS select '*/ (' AS `*/` */;\nINSERT INTO `t` VALUES (1);", 1, 1);
	expect(BEGIN "INSERT /* of */ INTO `t` -- rows\nVALUES /* (2), */ (1);", 1, 1);
	/* bodies are no statements of the dump */
	expect(BEGIN "DELIMITER ;;\n/*!50003 TRIGGER x INSERT INTO `t` VALUES (1),(2); 'open */;;\nDELIMITER ;\n"
		     "INSERT INTO `t` VALUES (1);",
	    1, 1);
	expect(BEGIN "DELIMITER //\nDELIMITER ;;\n DELIMITER ;\nINSERT INTO `t` VALUES (1);\nDELIMITER ;\n", 0, 0);
	expect(BEGIN "DELIMITER ;\nINSERT INTO `t` VALUES (1);", 1, 1);
	/* others */
	expect(BEGIN "INSERT INTO `t` SELECT (1) FROM (SELECT 2) VALUES (3);", 1, 0);
	expect(BEGIN
	    "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `b`;CREATE OR REPLACE TABLE `x` (`y` int);UPDATE `t` VALUES (1);",
	    1, 0);
	expect("INSERT INTO `t` VALUES (1);CREATE TABLE `t` (`a` int);", 0, 0);
	expect(BEGIN "INSERTINTOVALUESINSERTINTOVALUES INTO `t` VALUES (1);", 0, 0);
	expect("", 0, 0);
}

static void each_database_has_its_own(void **state)
{
	static const char text[] =
	    "USE `a`;CREATE TABLE `t` (`x` int);INSERT INTO `t` VALUES (1);"
	    "USE `b``c`;CREATE TABLE `t` (`x` int);INSERT INTO `t` VALUES (1),(2);CREATE TABLE `u` "
	    "(`x` int);USE `kosong`;USE `a`;INSERT INTO `t` VALUES (4);";
	struct mariadb_count *count;
	const struct dump_tables *found;

	(void)state;
	feed(&count, text, strlen(text), 5);
	found = mariadb_count_tables(count);
	assert_int_equal(found->databases_count, 3);
	assert_string_equal(found->databases[0].name, "a");
	assert_int_equal(found->databases[0].rows, 2);
	assert_int_equal(found->databases[0].tables, 1);
	assert_string_equal(found->databases[1].name, "b`c");
	assert_int_equal(found->databases[1].rows, 2);
	assert_int_equal(found->databases[1].tables, 2);
	assert_int_equal(found->databases[2].tables, 0);
	assert_true(found->databases[1].size > 80 && found->databases[1].size < 130);
	mariadb_count_free(count);
}

static void the_end_mark_is_the_end(void **state)
{
	static const struct {
		const char *text;
		bool complete;
	} cases[] = {
	    {BEGIN END, true},
	    {BEGIN "-- Dump completed on 2026-11-22 19:00:00\n", true},
	    {BEGIN END "\n", true},
	    {BEGIN "-- Dump completed", false},
	    {BEGIN END "INSERT", false},
	    {BEGIN END "INSERT;\n", false},
	    {BEGIN "x -- Dump completed\n", false},
	    {BEGIN, false},
	    {"-- Dump completed\n", false},
	    {"\n\n", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 200; piece += 33) {
			struct mariadb_count *count;

			feed(&count, cases[i].text, strlen(cases[i].text), piece);
			if (mariadb_count_complete(count) != cases[i].complete)
				fail_msg("case %zu in pieces of %zu", i, piece);
			mariadb_count_free(count);
		}
}

static void the_position_is_read(void **state)
{
	struct mariadb_count *count;
	const char *text = "--\n-- CHANGE MASTER TO MASTER_LOG_FILE='m.000003', MASTER_LOG_POS=742;\n" BEGIN
			   "-- SET GLOBAL gtid_slave_pos='0-7-5';\n-- SET GLOBAL gtid_slave_pos='9';\n" END;

	(void)state;
	feed(&count, text, strlen(text), 4);
	assert_string_equal(mariadb_count_position(count), "m.000003:742 0-7-5");
	mariadb_count_free(count);
	text = "-- CHANGE MASTER TO MASTER_LOG_FILE='m.000003\n-- MASTER_LOG_POS=1\n-- SET GLOBAL "
	       "gtid_slave_pos='0-7-5';\n";
	feed(&count, text, strlen(text), 4);
	assert_string_equal(mariadb_count_position(count), "");
	mariadb_count_free(count);
}

/* Names without end, parentheses without end, every byte: counts for nothing, and harms nothing. */
static void hostile_bytes_harm_nothing(void **state)
{
	static const char *const repeated[] = {
	    "`", "(", ")", "'", "/*", "--", "a", "USE `x`;", "INSERT INTO `", "DELIMITER "};
	struct mariadb_count *count;

	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		assert_int_equal(mariadb_count_new(&count), ERR_OK);
		for (size_t k = 0; k < 20000; k++)
			assert_int_equal(mariadb_count_feed(count, repeated[i], strlen(repeated[i])), ERR_OK);
		assert_false(mariadb_count_complete(count));
		mariadb_count_free(count);
	}
	assert_int_equal(mariadb_count_new(&count), ERR_OK);
	assert_int_equal(mariadb_count_feed(count, "USE `a\0b`;CREATE TABLE `t` (a int);", 36), ERR_OK);
	assert_int_equal(mariadb_count_tables(count)->databases_count, 0);
	mariadb_count_free(count);
	mariadb_count_free(NULL);
}

static void memory_may_run_out(void **state)
{
	static const char text[] = BEGIN "CREATE TABLE `t` (`a` int);INSERT INTO `t` VALUES (1);USE `b`;" END;
	enum err err = ERR_NOMEM;
	unsigned long n = 0;

	(void)state;
	while (err != ERR_OK) {
		struct mariadb_count *count = NULL;

		mem_fail_at(++n);
		err = mariadb_count_new(&count);
		if (err == ERR_OK)
			err = mariadb_count_feed(count, text, strlen(text));
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		mariadb_count_free(count);
	}
	assert_true(n > 4);
}

/* ---- what the server says of itself ---- */

static enum err parse(struct mariadb_server *server, const char *answer)
{
	*server = (struct mariadb_server){0};
	return mariadb_server_parse(server, answer);
}

#define ANSWER                                                                                               \
	"version\t31302E31312D4D617269614442\ndatabase\t61\t0\ndatabase\t6D7973716C\t1\ndatabase\t0A62\t0\n" \
	"unsafe\t0A62\nhistory\t61\nunsafe\t7A\nlog\t1\npacket\t16777216\n"

static void the_answer_of_the_server_is_read(void **state)
{
	static const char *const bad[] = {"", "end\n", ANSWER, ANSWER "end", ANSWER "END\n", "version\tzz\nend\n",
	    "version\t3\nend\n", "version\t\nend\n", "version\t3100\nend\n", "version\t31\ndatabase\t6\t0\nend\n"};
	struct mariadb_server server;
	enum err err = ERR_NOMEM;

	(void)state;
	assert_int_equal(parse(&server, ANSWER "end\n"), ERR_OK);
	assert_string_equal(server.version, "10.11-MariaDB");
	assert_int_equal(server.count, 3);
	assert_true(server.databases[0].wanted && !server.databases[0].unsafe && server.databases[0].history);
	assert_true(!server.databases[1].wanted);
	assert_string_equal(server.databases[2].name, "\nb");
	assert_true(server.databases[2].unsafe && server.has_log && server.packet == 16777216);
	mariadb_server_free(&server);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&server, bad[i]), ERR_SOURCE);
		assert_int_equal(failure_last()->id, PL_DATABASE_DUMP);
		mariadb_server_free(&server);
	}
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = parse(&server, ANSWER "end\n");
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		mariadb_server_free(&server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_counted_where_they_are),
	    cmocka_unit_test(each_database_has_its_own),
	    cmocka_unit_test(the_end_mark_is_the_end),
	    cmocka_unit_test(the_position_is_read),
	    cmocka_unit_test(hostile_bytes_harm_nothing),
	    cmocka_unit_test(memory_may_run_out),
	    cmocka_unit_test(the_answer_of_the_server_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
