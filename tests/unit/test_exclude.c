/* core/source: exclude patterns. */
#include "core/source/exclude.h"
#include "core/source/wildcard.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#define PATTERNS_MAX 6

static struct entry_bytes bytes(const char *text)
{
	return (struct entry_bytes){(const uint8_t *)text, strlen(text)};
}

struct table_case {
	const char *patterns[PATTERNS_MAX];
	const char *path;
	bool folder, excluded;
};

static const struct table_case cases[] = {
    /* A name without a slash matches at any depth, the whole name only. */
    {{"core"}, "core", false, true},
    {{"core"}, "a/b/core", false, true},
    {{"core"}, "score", false, false},
    {{"core"}, "cores", false, false},
    {{"core"}, "core/a", false, false}, /* its parent is what is excluded */
    {{"core"}, "Core", false, false},
    {{"*.o"}, "a.o", false, true},
    {{"*.o"}, "x/y/a.o", false, true},
    {{"*.o"}, ".o", false, true},
    {{"*.o"}, "a.oo", false, false},
    {{"*.o"}, "o", false, false},
    {{"*"}, "a", false, true},
    {{"**"}, "a/b", false, true},
    {{"a*"}, "a", false, true},
    {{"a*c"}, "abbbc", false, true},
    {{"a*c"}, "abbbd", false, false},
    {{"a*b*c"}, "aXbXbXc", false, true},
    {{"a*b*c"}, "aXcXb", false, false},
    {{"*a*"}, "xxaxx", false, true},
    {{"a**b"}, "axxb", false, true},
    {{"a**b"}, "a/b", false, false},
    /* Folders only. */
    {{"cache/"}, "cache", true, true},
    {{"cache/"}, "cache", false, false},
    {{"cache/"}, "a/cache", true, true},
    {{"/cache/"}, "a/cache", true, false},
    {{"**/"}, "a", true, true},
    {{"**/"}, "a", false, false},
    /* Anchors. */
    {{"/a"}, "a", false, true},
    {{"/a"}, "b/a", false, false},
    {{"a/b"}, "a/b", false, true},
    {{"a/b"}, "x/a/b", false, false},
    {{"**/a/b"}, "x/a/b", false, true},
    {{"**/a/b"}, "a/b", false, true},
    {{"/*.o"}, "x.o", false, true},
    {{"/*.o"}, "d/x.o", false, false},
    {{"a/*"}, "a/b", false, true},
    {{"a/*"}, "a/b/c", false, false},
    {{"a/*"}, "a", true, false},
    {{"a/*/c"}, "a/b/c", false, true},
    {{"a/*/c"}, "a/c", false, false},
    {{"a/*/c"}, "a/b/b/c", false, false},
    /* `**`. */
    {{"a/**"}, "a/b", false, true},
    {{"a/**"}, "a/b/c", false, true},
    {{"a/**"}, "a", true, false},
    {{"a/**/b"}, "a/b", false, true},
    {{"a/**/b"}, "a/x/b", false, true},
    {{"a/**/b"}, "a/x/y/z/b", false, true},
    {{"a/**/b"}, "a/x/y/z/bb", false, false},
    {{"a/**/b"}, "x/a/b", false, false},
    {{"**/b/**/d"}, "a/b/c/b/e/d", false, true},
    {{"**/b/**/d"}, "a/b/c/d/e", false, false},
    {{"**/b/*/d"}, "b/d/b/c/d", false, true},
    {{"a/**/**/b"}, "a/b", false, true},
    {{"a/**/**"}, "a/b", false, true},
    {{"**/foo"}, "foo", false, true},
    {{"**/foo/**"}, "a/foo/b/c", false, true},
    {{"**/foo/**"}, "a/foo", true, false},
    /* `?` and sets. */
    {{"?"}, "a", false, true},
    {{"?"}, "", false, false},
    {{"?"}, "ab", false, false},
    {{"a?b"}, "a/b", false, false},
    {{"?"}, "\xC3\xA9", false, true},
    {{"??"}, "\xC3\xA9", false, false},
    {{"?"}, "\xE2\x82\xAC", false, true},
    {{"?"}, "\xF0\x9F\x98\x80", false, true},
    {{"*??"}, "\xF0\x9F\x98\x80", false, false},
    {{"?"}, "\xFF", false, true},
    {{"??"}, "\xFF\xFE", false, true},
    {{"?"}, "\xC3", false, true},
    {{"[abc]"}, "b", false, true},
    {{"[abc]"}, "d", false, false},
    {{"[a-c]x"}, "bx", false, true},
    {{"[!a-c]x"}, "bx", false, false},
    {{"[^a-c]x"}, "dx", false, true},
    {{"[]]"}, "]", false, true},
    {{"[!]]"}, "]", false, false},
    {{"[]-]"}, "-", false, true},
    {{"[a-]"}, "-", false, true},
    {{"[\\]]"}, "]", false, true},
    {{"[\\a-\\c]"}, "b", false, true},
    {{"[[:digit:]]"}, "7", false, true},
    {{"[[:digit:]x]"}, "x", false, true},
    {{"[![:digit:]]"}, "7", false, false},
    {{"[[:upper:][:digit:]]"}, "Q", false, true},
    {{"[[:punct:]]"}, "~", false, true},
    {{"[[:xdigit:]]"}, "g", false, false},
    {{"[[.]"}, "[", false, true},
    {{"[\xC3\xA0-\xC3\xBF]"}, "\xC3\xA9", false, true},
    {{"[\xC3\xA0-\xC3\xBF]"}, "e", false, false},
    {{"[!a]"}, "\xC3\xA9", false, true},
    {{"[\x80-\xFF]"}, "\xA0", false, true},
    /* Escapes and comments. */
    {{"\\*"}, "*", false, true},
    {{"\\*"}, "a", false, false},
    {{"\\#a"}, "#a", false, true},
    {{"#a"}, "#a", false, false},
    {{"\\!a"}, "!a", false, true},
    {{"a\\ b"}, "a b", false, true},
    {{"a b "}, "a b ", false, true}, /* spaces end lines of files only */
    {{"\\\\"}, "\\", false, true},
    {{""}, "a", false, false},
    /* The last pattern decides. */
    {{"*.o", "!a.o"}, "a.o", false, false},
    {{"*.o", "!a.o"}, "b.o", false, true},
    {{"!a.o", "*.o"}, "a.o", false, true},
    {{"*", "!*/", "!*.c"}, "d", true, false},
    {{"*", "!*/", "!*.c"}, "d/x.c", false, false},
    {{"*", "!*/", "!*.c"}, "d/x.h", false, true},
    {{"/*", "!/keep"}, "keep", true, false},
    {{"/*", "!/keep"}, "drop", true, true},
    {{"!a"}, "a", false, false},
    /* The root itself is never excluded. */
    {{"*", "**", "/**"}, "", true, false},
};

static void table_of_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct exclude *exclude = NULL;
		struct exclude_verdict verdict;

		assert_int_equal(exclude_new(&exclude), ERR_OK);
		for (size_t p = 0; p < PATTERNS_MAX && cases[i].patterns[p]; p++)
			assert_int_equal(exclude_add(exclude, cases[i].patterns[p], "", "test", false), ERR_OK);
		verdict = exclude_match(exclude, bytes(cases[i].path), cases[i].folder);
		if (verdict.excluded != cases[i].excluded)
			fail_msg("case %zu: pattern \"%s\", path \"%s\"", i, cases[i].patterns[0], cases[i].path);
		exclude_free(exclude);
	}
}

static void wrong_patterns_are_named(void **state)
{
	static const char *const wrong[] = {"!", "/", "//", "a//b", "/a//b/", "a/../b", "./a", "..", ".", "[a", "[",
	    "[]", "a[!", "a\\", "a\\/", "[\\", "[z-a]", "[[:foo:]]", "[a/b]"};
	struct exclude *exclude = NULL;

	(void)state;
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		failure_clear();
		if (exclude_add(exclude, wrong[i], "", "pulih.yaml:40", false) != ERR_USAGE)
			fail_msg("\"%s\" was accepted", wrong[i]);
		assert_int_equal(failure_last()->id, PL_PATTERN);
		assert_non_null(strstr(failure_last()->text, "pulih.yaml:40"));
		assert_non_null(strstr(failure_last()->text, wrong[i]));
	}
	assert_int_equal(exclude_count(exclude), 0);
	exclude_free(exclude);
}

static void case_is_ignored_on_request(void **state)
{
	static const char *const matching[] = {"README.TXT", "readme.txt", "ReadMe.txt"};
	struct exclude *exclude = NULL;

	(void)state;
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "rEad[a-m]e.*t", "", "x", true), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		assert_true(exclude_match(exclude, bytes(matching[i]), false).excluded);
	assert_false(exclude_match(exclude, bytes("readze.txt"), false).excluded);
	assert_int_equal(exclude_add(exclude, "[A]\xC3\x89", "", "x", true), ERR_OK);
	assert_true(exclude_match(exclude, bytes("a\xC3\x89"), false).excluded);
	assert_false(exclude_match(exclude, bytes("a\xC3\xA9"), false).excluded);
	exclude_free(exclude);
}

static void base_is_where_a_pattern_belongs(void **state)
{
	struct exclude *exclude = NULL;

	(void)state;
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "/cache", "var/www", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "*.tmp", "var/www", "x", false), ERR_OK);
	assert_true(exclude_match(exclude, bytes("var/www/cache"), true).excluded);
	assert_false(exclude_match(exclude, bytes("var/www/a/cache"), true).excluded);
	assert_false(exclude_match(exclude, bytes("cache"), true).excluded);
	assert_true(exclude_match(exclude, bytes("var/www/a/b.tmp"), false).excluded);
	assert_false(exclude_match(exclude, bytes("var/b.tmp"), false).excluded);
	assert_false(exclude_match(exclude, bytes("var/wwwx/b.tmp"), false).excluded);
	exclude_free(exclude);
}

static void verdict_names_the_pattern(void **state)
{
	struct exclude *exclude = NULL;
	struct exclude_verdict verdict;

	(void)state;
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "build/", "", "--exclude", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "!build/keep", "", "list:3", false), ERR_OK);
	assert_int_equal(exclude_count(exclude), 2);
	verdict = exclude_match(exclude, bytes("build/keep"), false);
	assert_false(verdict.excluded);
	assert_string_equal(verdict.pattern, "!build/keep");
	assert_string_equal(verdict.origin, "list:3");
	/* Below an excluded folder nothing is taken back. */
	verdict = exclude_match_deep(exclude, bytes("build/keep"), false);
	assert_true(verdict.excluded);
	assert_string_equal(verdict.pattern, "build/");
	verdict = exclude_match_deep(exclude, bytes("src/a"), false);
	assert_false(verdict.excluded);
	assert_null(verdict.pattern);
	exclude_free(exclude);
}

static char *write_file(const char *text, size_t size)
{
	char name[] = "/tmp/pulih-exclude-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, size), 0);
	close(fd);
	return mem_string(name);
}

static void files_of_patterns(void **state)
{
	static const char text[] = "\xEF\xBB\xBF*.bak\n# a comment\n\n  \t\r\nspaced   \r\nescaped\\ \n!keep.bak";
	char *path = write_file(text, sizeof(text) - 1);
	struct exclude *exclude = NULL;
	struct exclude_verdict verdict;
	char *origin = mem_printf("%s:7", path);

	(void)state;
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add_file(exclude, path, "", false), ERR_OK);
	assert_int_equal(exclude_count(exclude), 4);
	assert_true(exclude_match(exclude, bytes("a.bak"), false).excluded);
	assert_true(exclude_match(exclude, bytes("spaced"), false).excluded);
	assert_true(exclude_match(exclude, bytes("escaped "), false).excluded);
	verdict = exclude_match(exclude, bytes("keep.bak"), false);
	assert_false(verdict.excluded);
	assert_string_equal(verdict.origin, origin);
	unlink(path);
	assert_int_equal(exclude_add_file(exclude, path, "", false), ERR_MISSING);
	mem_free(path);
	path = write_file("a\nb\0c\n", 6);
	assert_int_equal(exclude_add_file(exclude, path, "", false), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_PATTERN);
	assert_non_null(strstr(failure_last()->text, ":2"));
	unlink(path);
	mem_free(path);
	mem_free(origin);
	exclude_free(exclude);
}

/* Each of these takes hours with a matcher that tries all ways: this test would not end. */
static void hostile_patterns_take_no_time(void **state)
{
	static char name[4001], deep[4001];
	struct exclude *exclude = NULL;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(deep) - 1; i++)
		deep[i] = i % 2 ? '/' : 'a';
	deep[sizeof(deep) - 2] = 'c';
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b?", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "*a*a*a*a*a*a*a*a*a*a*a*[b]*", "", "x", false), ERR_OK);
	assert_int_equal(
	    exclude_add(exclude, "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b/**", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "**/*a*/**/*a*/**/*a*/**/*a*/**/*a*/**/*a*/b", "", "x", false), ERR_OK);
	for (int i = 0; i < 20; i++) {
		assert_false(exclude_match(exclude, bytes(name), false).excluded);
		assert_false(exclude_match(exclude, bytes(deep), false).excluded);
	}
	exclude_free(exclude);
}

static enum err build(void)
{
	struct exclude *exclude = NULL;
	enum err err = exclude_new(&exclude);

	if (err == ERR_OK)
		err = exclude_add(exclude, "/a/[a-z]*/**/b?", "base", "origin", false);
	if (err == ERR_OK)
		err = exclude_add(exclude, "!c", "", "origin", true);
	exclude_free(exclude);
	return err;
}

static void memory_may_run_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = build();
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(n < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table_of_patterns),
	    cmocka_unit_test(wrong_patterns_are_named),
	    cmocka_unit_test(case_is_ignored_on_request),
	    cmocka_unit_test(base_is_where_a_pattern_belongs),
	    cmocka_unit_test(verdict_names_the_pattern),
	    cmocka_unit_test(files_of_patterns),
	    cmocka_unit_test(hostile_patterns_take_no_time),
	    cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
