/* restore/dump_digest: two dumps of the same data are the same, and whatever is not is told. */
#include "restore/dump_digest.h"

#include "core/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define HEAD                                                                                        \
	"-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\n-- Host: a    Database: x\n-- Server " \
	"version\t10.11.6-MariaDB\n"
#define BEGIN \
	"\n--\n-- Current Database: `a`\n--\n\nCREATE DATABASE `a`;\n\nUSE `a`;\nCREATE TABLE `t` (\n  `i` int\n);\n"
#define END "/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\n-- Dump completed\n"
#define ROWS "INSERT INTO `t` VALUES\n(1,'x'),\n(2,'y');\n"

/* Fed in pieces of `piece` bytes. */
static struct dump_digest *digest_of(const char *text, size_t piece)
{
	struct dump_digest *digest;
	size_t length = strlen(text);

	assert_int_equal(dump_digest_new(&digest), ERR_OK);
	for (size_t at = 0; at < length; at += piece)
		assert_int_equal(
		    dump_digest_feed(digest, text + at, length - at < piece ? length - at : piece), ERR_OK);
	assert_int_equal(dump_digest_finish(digest), ERR_OK);
	return digest;
}

/* Codes of what differs, one letter each. */
static enum err note(void *context, enum dump_difference difference, const char *database, const char *table,
    uint64_t first, uint64_t second)
{
	static const char letters[] = {[DUMP_DATABASE_MISSING] = 'd',
	    [DUMP_DATABASE_ADDED] = 'D',
	    [DUMP_TABLE_MISSING] = 't',
	    [DUMP_TABLE_ADDED] = 'T',
	    [DUMP_ROWS_COUNT] = 'n',
	    [DUMP_ROWS] = 'r',
	    [DUMP_STRUCTURE] = 's'};
	char *out = context;

	(void)database, (void)table, (void)first, (void)second;
	out[strlen(out) + 1] = '\0';
	out[strlen(out)] = letters[difference];
	return ERR_OK;
}

static void compare(const char *first, const char *second, bool structure, const char *only, const char *expected)
{
	for (size_t piece = 1; piece < 4096; piece *= 7) {
		struct dump_digest *one = digest_of(first, 4096), *other = digest_of(second, piece);
		char found[32] = "";

		assert_int_equal(dump_digest_compare(one, other, structure, only, note, found), ERR_OK);
		assert_string_equal(found, expected);
		dump_digest_free(one);
		dump_digest_free(other);
	}
}

static void same_data_is_the_same(void **state)
{
	static const char dump[] = HEAD BEGIN ROWS END;

	(void)state;
	compare(dump, dump, true, NULL, "");
	/* Versions, the position in a log, how rows are grouped, whether each has a line of its own. */
	compare(dump,
	    "-- MySQL dump 9\n-- Server version\t5.5.1\n-- CHANGE MASTER TO MASTER_LOG_FILE='b', "
	    "MASTER_LOG_POS=4;\n" BEGIN "INSERT INTO `t` VALUES (1,'x');\nINSERT INTO `t` VALUES (2,'y');\n" END,
	    true, NULL, "");
	compare(dump, HEAD BEGIN "INSERT INTO `t` VALUES (1,'x'),(2,'y');\n" END, true, NULL, "");
	/* Under another name. */
	compare(dump,
	    HEAD "\n--\n-- Current Database: `b`\n--\n\nCREATE DATABASE `b`;\n\nUSE `b`;\nCREATE TABLE `t` (\n  `i` "
		 "int\n);\n" ROWS END,
	    true, "a", "");
}

static void what_differs_is_told(void **state)
{
	static const char dump[] = HEAD BEGIN ROWS END;

	(void)state;
	compare(dump, HEAD BEGIN "INSERT INTO `t` VALUES\n(1,'x'),\n(2,'z');\n" END, true, NULL, "r");
	compare(dump, HEAD BEGIN "INSERT INTO `t` VALUES\n(2,'y'),\n(1,'x');\n" END, true, NULL, "r");
	compare(dump, HEAD BEGIN "INSERT INTO `t` VALUES\n(1,'x');\n" END, true, NULL, "n");
	compare(dump, HEAD BEGIN ROWS "CREATE TABLE `u` (\n  `i` int\n);\n" END, true, NULL, "sT");
	compare(HEAD BEGIN ROWS "CREATE TABLE `u` (\n  `i` int\n);\n" END, dump, true, NULL, "st");
	compare(dump, HEAD BEGIN ROWS "/*!50001 VIEW `v` AS select 1 */;\n" END, false, NULL, "s");
	compare(dump, HEAD BEGIN "/* other words */\n" ROWS END, false, NULL, "");
	compare(dump, HEAD BEGIN "/* other words */\n" ROWS END, true, NULL, "s");
	compare(dump, HEAD "\n-- Current Database: `c`\nCREATE DATABASE `c`;\nUSE `c`;\n" END, true, NULL, "dDt");
}

#define PG                                                                                                           \
	"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.1\n-- Dumped by pg_dump version " \
	"15.1\n"
#define PG_TABLE                                                                                                       \
	"-- Name: t; Type: TABLE; Schema: public; Owner: siti\n\nCREATE TABLE public.t (i integer);\nGRANT SELECT ON " \
	"TABLE public.t TO \"b \"\"c\";\nCOPY public.t (i) FROM stdin;\n"
#define PG_END "\\.\n\n--\n-- PostgreSQL database dump complete\n--\n"

static void postgresql_too(void **state)
{
	static const char dump[] =
	    PG "CREATE DATABASE a WITH TEMPLATE = template0;\n\\connect a\n" PG_TABLE "1\n2\n" PG_END;
	struct dump_digest *digest = digest_of(dump, 100);

	(void)state;
	assert_int_equal(dump_digest_kind(digest), DUMP_POSTGRESQL);
	assert_true(dump_digest_complete(digest));
	assert_string_equal(dump_digest_server(digest), "15.1");
	assert_string_equal(dump_digest_creates(digest), "a");
	assert_string_equal(dump_digest_role(digest, 0), "siti");
	assert_string_equal(dump_digest_role(digest, 1), "b \"c");
	assert_null(dump_digest_role(digest, 2));
	assert_int_equal(dump_digest_table(digest, 0)->rows, 2);
	dump_digest_free(digest);
	compare(dump, dump, true, NULL, "");
	compare(dump,
	    "--\n-- PostgreSQL database dump\n--\n\\restrict x\n-- Dumped from database version 14.0\nCREATE DATABASE "
	    "\"b c\";\n"
	    "\\connect \"b c\"\n" PG_TABLE "1\n2\n" PG_END,
	    true, NULL, "");
	compare(dump, PG PG_TABLE "1\n3\n" PG_END, true, NULL, "r");
	compare(dump, PG PG_TABLE "1\n" PG_END, true, NULL, "n");
}

static void what_is_no_dump_is_unknown(void **state)
{
	static const char *const texts[] = {"", "SELECT 1;\n", "\xff\xfe binary \x01"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct dump_digest *digest = digest_of(texts[i], 3);

		assert_int_equal(dump_digest_kind(digest), DUMP_UNKNOWN);
		assert_false(dump_digest_complete(digest));
		dump_digest_free(digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_data_is_the_same),
	    cmocka_unit_test(what_differs_is_told),
	    cmocka_unit_test(postgresql_too),
	    cmocka_unit_test(what_is_no_dump_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
