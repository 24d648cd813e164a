/* Options, sizes, suggestions. */
#include "cli/options.h"
#include "cli/suggest.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct {
	bool json, dry;
	unsigned verbose;
	const char *repository, *host;
	struct option_list patterns;
	uint64_t threads, larger;
	int tier;
} given;

static const char *const tiers[] = {"structure", "stored", "content", NULL};

static const struct option_spec global[] = {
    {OPTION("repo", 'r', OPTION_TEXT, "TARGET", "the repository", &given.repository)},
    {OPTION("json", 0, OPTION_FLAG, NULL, "JSON", &given.json)},
    {OPTION("verbose", 'v', OPTION_COUNT, NULL, "more", &given.verbose)},
    {OPTION("threads", 0, OPTION_NUMBER, "N", "threads", &given.threads), .most = 8},
    {0},
};
static const struct option_spec own[] = {
    {OPTION("exclude", 'e', OPTION_LIST, "PATTERN", "leave out", &given.patterns)},
    {OPTION("iexclude", 0, OPTION_LIST, "PATTERN", "leave out", &given.patterns)},
    {OPTION("exclude-larger", 0, OPTION_SIZE, "SIZE", "leave out", &given.larger)},
    {OPTION("dry-run", 'n', OPTION_FLAG, NULL, "dry", &given.dry)},
    {OPTION("host", 'H', OPTION_TEXT, "NAME", "host", &given.host)},
    {OPTION("tier", 0, OPTION_CHOICE, "TIER", "tier", &given.tier), .choices = tiers},
    {0},
};

/* Parses the words (a NULL ends them) into a fresh `given`; `words` is reordered. */
static enum err parse(const char **words, bool leading, int *next)
{
	int count = 0;

	while (words[count])
		count++;
	option_list_free(&given.patterns);
	memset(&given, 0, sizeof(given));
	failure_clear();
	return options_parse(count, (char **)words, global, leading ? NULL : own, leading, next);
}

#define PARSE(next, ...) parse((const char *[]){"pulih", __VA_ARGS__, NULL}, false, next)

static void assert_refused(const char **words, enum message id, const char *text)
{
	int next;

	assert_int_equal(parse(words, false, &next), ERR_USAGE);
	assert_int_equal(failure_last()->id, id);
	assert_string_equal(failure_last()->text, text);
}
#define REFUSED(id, text, ...) assert_refused((const char *[]){"pulih", __VA_ARGS__, NULL}, id, text)

static void test_values(void **state)
{
	int next;

	(void)state;
	assert_int_equal(PARSE(&next, "-r", "/srv", "--json", "-vv", "--verbose", "--threads=8", "--exclude-larger",
			     "10G", "-nH", "web1", "--tier", "content", "path"),
	    ERR_OK);
	assert_string_equal(given.repository, "/srv");
	assert_true(given.json);
	assert_true(given.dry);
	assert_int_equal(given.verbose, 3);
	assert_int_equal(given.threads, 8);
	assert_int_equal(given.larger, UINT64_C(10) << 30);
	assert_string_equal(given.host, "web1");
	assert_int_equal(given.tier, 2);
	assert_int_equal(next, 13);
}

static void test_mixed_words_and_options(void **state)
{
	const char *words[] = {"backup", "/etc", "-n", "/home", "--", "-r", "--json", NULL};
	int next;

	(void)state;
	assert_int_equal(parse(words, false, &next), ERR_OK);
	assert_true(given.dry);
	assert_false(given.json);
	assert_null(given.repository);
	assert_int_equal(next, 3);
	assert_string_equal(words[3], "/etc");
	assert_string_equal(words[4], "/home");
	assert_string_equal(words[5], "-r");
	assert_string_equal(words[6], "--json");
}

/* Reading up to the command leaves the command's own options alone, and a second reading starts anew. */
static void test_leading(void **state)
{
	const char *words[] = {"pulih", "-v", "--json", "backup", "-n", "--unknown", NULL};
	int next;

	(void)state;
	assert_int_equal(parse(words, true, &next), ERR_OK);
	assert_int_equal(next, 3);
	assert_string_equal(words[3], "backup");
	assert_string_equal(words[4], "-n");
	assert_int_equal(PARSE(&next, "-n"), ERR_OK);
	assert_true(given.dry);
	assert_int_equal(next, 2);
}

static void test_list_keeps_order_and_origin(void **state)
{
	int next;
	const char **values;

	(void)state;
	assert_int_equal(PARSE(&next, "--iexclude", "a", "-e", "!b", "--exclude=c", "-ed"), ERR_OK);
	assert_int_equal(given.patterns.count, 4);
	assert_string_equal(given.patterns.items[0].option->long_name, "iexclude");
	assert_string_equal(given.patterns.items[1].option->long_name, "exclude");
	values = option_list_values(&given.patterns);
	assert_string_equal(values[0], "a");
	assert_string_equal(values[1], "!b");
	assert_string_equal(values[2], "c");
	assert_string_equal(values[3], "d");
	assert_null(values[4]);
	mem_free(values);
	option_list_free(&given.patterns);
	assert_int_equal(given.patterns.count, 0);
}

static void test_refusals(void **state)
{
	(void)state;
	REFUSED(PL_OPTION_UNKNOWN, "unknown option --exlude; did you mean --exclude?", "--exlude", "x");
	REFUSED(PL_OPTION_UNKNOWN, "unknown option --exlude; did you mean --exclude?", "--exlude=x");
	REFUSED(PL_OPTION_UNKNOWN, "unknown option --frobnicate", "--frobnicate");
	REFUSED(PL_OPTION_UNKNOWN, "unknown option -Z", "-Z");
	REFUSED(PL_OPTION_UNKNOWN, "unknown option -Z", "-nZ");
	REFUSED(PL_OPTION_NO_VALUE, "--repo needs a value: --repo TARGET", "path", "-r");
	REFUSED(PL_OPTION_NO_VALUE, "--tier needs a value: --tier TIER", "--tier");
	REFUSED(PL_OPTION_VALUE, "--json takes no value", "--json=1");
	REFUSED(PL_OPTION_VALUE, "--repo: the value is empty", "-r", "");
	REFUSED(PL_OPTION_VALUE, "--threads: \"9\" is no number from 0 to 8", "--threads", "9");
	REFUSED(PL_OPTION_VALUE, "--threads: \"-1\" is no number from 0 to 8", "--threads", "-1");
	REFUSED(PL_OPTION_VALUE, "--threads: \"2x\" is no number from 0 to 8", "--threads", "2x");
	REFUSED(PL_OPTION_VALUE, "--threads: \"\" is no number from 0 to 8", "--threads=");
	REFUSED(PL_OPTION_VALUE, "--exclude-larger: \"1.5G\" is no size; write 500, 64k, 20M or 10G",
	    "--exclude-larger", "1.5G");
	REFUSED(PL_OPTION_VALUE, "--tier: \"contents\" is none of structure, stored, content; did you mean content?",
	    "--tier", "contents");
	REFUSED(PL_OPTION_VALUE, "--tier: \"deep\" is none of structure, stored, content", "--tier", "deep");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
	    {"0", 0},
	    {"500", 500},
	    {"500B", 500},
	    {"64k", 65536},
	    {"64K", 65536},
	    {"20M", 20u << 20},
	    {"20MiB", 20u << 20},
	    {"20MB", 20u << 20},
	    {"3T", UINT64_C(3) << 40},
	    {"16383P", UINT64_C(16383) << 50},
	    {"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {
	    "", "G", "-1", "+1", " 1", "1 G", "1GG", "1Gi", "1x", "0x10", "1.5G", "16384P", "18446744073709551616"};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(options_parse_size(good[i].text, &size));
		assert_true(size == good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (options_parse_size(bad[i], &size))
			fail_msg("\"%s\" was taken for %llu", bad[i], (unsigned long long)size);
}

static const char *nearest(const char *word)
{
	static const char *const known[] = {"backup", "snapshots", "restore", "stats", "status", "ls", "find"};
	struct suggestion suggestion = suggest_start(word);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		suggest_consider(&suggestion, known[i]);
	return suggestion.nearest;
}

static void test_suggestions(void **state)
{
	char longest[200];

	(void)state;
	assert_string_equal(nearest("bakcup"), "backup");
	assert_string_equal(nearest("backups"), "backup");
	assert_string_equal(nearest("snap"), "snapshots");
	assert_string_equal(nearest("snapshot"), "snapshots");
	assert_string_equal(nearest("restor"), "restore");
	assert_string_equal(nearest("statu"), "status");
	assert_null(nearest("frobnicate"));
	assert_null(nearest(""));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest(longest));
}

static void test_no_memory(void **state)
{
	enum err err = ERR_NOMEM;
	int next;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		assert_in_range(n, 1, 100);
		mem_fail_at(n);
		err = PARSE(&next, "-r", "/srv", "-e", "a", "-e", "b", "--json");
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_int_equal(given.patterns.count, 2);
	option_list_free(&given.patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_mixed_words_and_options),
	    cmocka_unit_test(test_leading),
	    cmocka_unit_test(test_list_keeps_order_and_origin),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_suggestions),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
