/* core/source: what is counted in dumps of PostgreSQL while they pass. */
#include "core/source/postgresql_count.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define BEGIN                                                                                                \
	"--\n-- PostgreSQL database dump\n--\n\n\\restrict pulih\n\n-- Dumped from database version 15.18\n" \
	"-- Dumped by pg_dump version 16.1 (Debian)\n\nSET client_encoding = 'UTF8';\n"
#define END "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict pulih\n\n"

static void feed(struct postgresql_count **count, const char *text, size_t size, size_t piece)
{
	assert_int_equal(postgresql_count_new(count), ERR_OK);
	for (size_t at = 0; at < size; at += piece)
		assert_int_equal(
		    postgresql_count_feed(*count, text + at, piece < size - at ? piece : size - at), ERR_OK);
}

/* In pieces of every small size: the counts must not depend on where reading stops. */
static void expect(const char *text, size_t tables, uint64_t rows)
{
	static const size_t pieces[] = {1, 2, 3, 7, 1 << 20};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct postgresql_count *count;
		const struct dump_database *found;

		feed(&count, text, strlen(text), pieces[i]);
		found = &postgresql_count_tables(count)->databases[0];
		if (found->tables != tables || found->rows != rows)
			print_message("%s\n", text);
		assert_int_equal(found->tables, tables);
		assert_int_equal(found->rows, rows);
		assert_int_equal(found->size, strlen(text));
		postgresql_count_free(count);
	}
}

static void rows_are_counted_where_they_are(void **state)
{
	(void)state;
	expect(BEGIN "CREATE TABLE public.t (\n    a integer\n);\n\nCOPY public.t (a) FROM stdin;\n1\n2\n\\.\n\n" END,
	    1, 2);
	expect("COPY public.t (a) FROM stdin;\n\\.\nCOPY public.t (a) FROM stdin;\n\n\\\\.\n\\.x\n.\n\\N\n\\.\n", 1, 5);
	/* names */
	expect("CREATE TABLE \"a b\".\"c;\"\"( FROM stdin;\" (x int);COPY \"a b\".\"c;\"\"( FROM stdin;\" (x) FROM "
	       "stdin;\n1\n\\.\n",
	    1, 1);
	expect("CREATE UNLOGGED TABLE t ();COPY t  FROM stdin;\n\n\n\\.\n", 1, 2);
	/* what looks like one */
	expect("COMMENT ON TABLE t IS 'x;\nCOPY t FROM stdin;\n1\n';", 0, 0);
	expect("SELECT E'it\\'s;\nCOPY t FROM stdin;\n1\n', 'a\\';COPY t FROM stdin;\n1\n\\.\n", 1, 1);
	expect("CREATE FUNCTION f() AS $$\nCOPY t FROM stdin;\n1\n$$;", 0, 0);
	expect(
	    "CREATE FUNCTION f() AS $b$ $$ $c$;\nCOPY t FROM stdin;\n$b $b$ LANGUAGE sql;COPY t FROM stdin;\n1\n\\.\n",
	    1, 1);
	expect("SELECT $1 + a$b$c;COPY t FROM stdin;\n1\n\\.\n", 1, 1);
	expect("-- COPY t FROM stdin;\n\\connect \"x' COPY t FROM stdin;\nSELECT 1 - 2 -1;\n", 0, 0);
	expect("COPY t TO stdin;\n1\n\\.\n", 0, 0);
	expect("", 0, 0);
}

static void the_end_mark_is_the_end(void **state)
{
	static const struct {
		const char *text;
		bool complete;
	} cases[] = {
	    {BEGIN END, true},
	    {BEGIN "--\n-- PostgreSQL database dump complete\n--\n\n", true},
	    {"x\n--\n-- PostgreSQL database cluster dump complete\n--\n\n", true},
	    {BEGIN, false},
	    {BEGIN END "SELECT 1;\n", false},
	    {BEGIN "--\n-- PostgreSQL database dump complete", false},
	    {BEGIN "--\n-- PostgreSQL database dump complete \n--\n", false},
	    {BEGIN "--\n\n\\unrestrict pulih\n\n", false},
	    {"-- PostgreSQL database dump complete\n", false},
	    {"\n", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 800; piece += 99) {
			struct postgresql_count *count;

			feed(&count, cases[i].text, strlen(cases[i].text), piece);
			if (postgresql_count_complete(count) != cases[i].complete)
				fail_msg("case %zu in pieces of %zu", i, piece);
			postgresql_count_free(count);
		}
}

static void versions_are_read(void **state)
{
	struct postgresql_count *count;

	(void)state;
	feed(&count, BEGIN, strlen(BEGIN), 5);
	assert_string_equal(postgresql_count_server(count), "15.18");
	assert_string_equal(postgresql_count_client(count), "16.1 (Debian)");
	postgresql_count_free(count);
}

static void hostile_bytes_harm_nothing(void **state)
{
	static const char *const repeated[] = {
	    "$", "$a", "'", "\"", "-", "\\", "COPY ", "x;", " FROM stdin", "\n", "CREATE TABLE ", "("};
	struct postgresql_count *count;

	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
		assert_int_equal(postgresql_count_new(&count), ERR_OK);
		for (size_t k = 0; k < 20000; k++)
			assert_int_equal(postgresql_count_feed(count, repeated[i], strlen(repeated[i])), ERR_OK);
		assert_false(postgresql_count_complete(count));
		postgresql_count_free(count);
	}
	postgresql_count_free(NULL);
}

static void memory_may_run_out(void **state)
{
	static const char text[] = "CREATE TABLE t (a int);COPY u FROM stdin;\n1\n\\.\n" END;
	enum err err = ERR_NOMEM;
	unsigned long n = 0;

	(void)state;
	while (err != ERR_OK) {
		struct postgresql_count *count = NULL;

		mem_fail_at(++n);
		err = postgresql_count_new(&count);
		if (err == ERR_OK)
			err = postgresql_count_feed(count, text, strlen(text));
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		postgresql_count_free(count);
	}
	assert_true(n > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_counted_where_they_are),
	    cmocka_unit_test(the_end_mark_is_the_end),
	    cmocka_unit_test(versions_are_read),
	    cmocka_unit_test(hostile_bytes_harm_nothing),
	    cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
