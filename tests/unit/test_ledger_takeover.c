/* The ledger of earlier versions is taken over once, whole, or not at all. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "tests/unit/ledger_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* What an earlier version would have written, from a ledger of this one, which goes. */
static void make_earlier(int count)
{
	char path[256], id[16], text[512], hash[2 * HASH_SIZE + 1] = "";

	ledger_runs(count);
	snprintf(path, sizeof(path), "%s/records", ledger_folder);
	assert_int_equal(file_make_folders(path, 0700), ERR_OK);
	for (int i = 1; i <= count; i++) {
		struct record_original original;
		struct buffer bytes;

		snprintf(id, sizeof(id), "r-%d", i);
		bytes = ledger_original(id);
		assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
		hex_encode(hash, original.hash, HASH_SIZE);
		snprintf(path, sizeof(path), "%s/records/%s.json", ledger_folder, id);
		assert_int_equal(file_replace(path, bytes.data, bytes.length, 0400), ERR_OK);
		record_original_free(&original);
		buffer_free(&bytes);
	}
	snprintf(text, sizeof(text), "{\"announced\":\"\",\"format\":1,\"hash\":\"%s\",\"id\":\"r-%d\",\"number\":%d}", hash,
	    count, count);
	snprintf(path, sizeof(path), "%s/records/last", ledger_folder);
	assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
	snprintf(path, sizeof(path), "rm %s/ledger.sqlite*", ledger_folder);
	assert_int_equal(system(path), 0);
}

static void edit_last(const char *from, const char *to)
{
	char path[256];
	struct buffer bytes = {0};
	char *at, *text;

	snprintf(path, sizeof(path), "%s/records/last", ledger_folder);
	assert_int_equal(file_read_all(path, 4096, &bytes), ERR_OK);
	assert_int_equal(buffer_append_u8(&bytes, 0), ERR_OK);
	at = strstr((char *)bytes.data, from);
	assert_non_null(at);
	text = mem_printf("%.*s%s%s", (int)(at - (char *)bytes.data), (char *)bytes.data, to, at + strlen(from));
	assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
	mem_free(text);
	buffer_free(&bytes);
}

static void test_taken_over(void **state)
{
	char path[256];

	(void)state;
	make_earlier(4);
	assert_true(record_ledger_has(ledger_folder, "r-4")); /* who only reads takes it over, too */
	assert_int_equal(ledger_chain().count, 0);
	ledger_run("r-5", "website", 5, 5);
	assert_int_equal(ledger_chain().count, 0);
	/* it is left as it is, and asked no more */
	snprintf(path, sizeof(path), "%s/records/r-2.json", ledger_folder);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	ledger_run("r-6", "website", 6, 6);
	assert_int_equal(ledger_chain().count, 0);
}

/* The crash of an earlier version between the record and its naming. */
static void test_announced_is_taken_over(void **state)
{
	char path[256];
	struct buffer bytes;
	struct record_original original;
	char hash[2 * HASH_SIZE + 1], third[2 * HASH_SIZE + 1];

	(void)state;
	make_earlier(4);
	snprintf(path, sizeof(path), "cp -r %s/records %s/kept", ledger_folder, ledger_folder);
	assert_int_equal(system(path), 0);
	bytes = ledger_original("r-4");
	assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
	snprintf(third, sizeof(third), "%s", json_string_value(json_object_get(original.record, "previous")));
	hex_encode(hash, original.hash, HASH_SIZE);
	record_original_free(&original);
	buffer_free(&bytes);
	snprintf(path, sizeof(path), "rm %s/ledger.sqlite*", ledger_folder);
	assert_int_equal(system(path), 0);
	edit_last("\"number\":4", "\"number\":3");
	edit_last(hash, third);
	edit_last("\"id\":\"r-4\"", "\"id\":\"r-3\"");
	edit_last("\"announced\":\"\"", "\"announced\":\"r-4\"");
	ledger_run("r-5", "website", 5, 5);
	assert_int_equal(ledger_chain().count, 0);
}

static void assert_refused(const char *words)
{
	struct record record = ledger_sample("r-9", "website", 9, 0);
	struct record_ledger *ledger;
	struct buffer bytes = {0};
	char path[256];

	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_CORRUPT);
	if (!strstr(failure_last()->text, words))
		fail_msg("\"%s\" is missing in %s", words, failure_last()->text);
	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_CORRUPT);
	assert_null(ledger);
	/* with that folder out of the way there is an empty ledger, not half a one */
	snprintf(path, sizeof(path), "mv %s/records %s/away", ledger_folder, ledger_folder);
	assert_int_equal(system(path), 0);
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_OK);
	assert_false(record_ledger_has(ledger_folder, "r-1"));
	buffer_free(&bytes);
	ledger_leave(NULL);
	ledger_enter(NULL);
}

static void shell(const char *format)
{
	char command[512];

	snprintf(command, sizeof(command), format, ledger_folder, ledger_folder, ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
}

static void test_damage_is_refused(void **state)
{
	(void)state;
	make_earlier(4);
	shell("chmod u+w %s/records/r-2.json && sed -i s/website/websitf/ %s/records/r-2.json");
	assert_refused("r-2.json");
	make_earlier(4);
	shell("rm -f %s/records/r-2.json");
	assert_refused("does not continue the chain behind record 1");
	make_earlier(4);
	shell("rm -f %s/records/r-4.json");
	assert_refused("there are 3");
	make_earlier(4);
	shell("mv %s/records/r-2.json %s/records/x-2.json");
	assert_refused("another run");
	make_earlier(4);
	shell("rm %s/records/last && echo '{' > %s/records/last");
	assert_refused("last");
	make_earlier(4);
	edit_last("\"number\":4", "\"number\":3");
	assert_refused("there are 4");
	make_earlier(4);
	edit_last("\"id\":\"r-4\"", "\"id\":\"r-3\"");
	assert_refused("another last record");
}

static enum err open_and_close(void)
{
	struct record_ledger *ledger;
	enum err err = record_ledger_open(&ledger, ledger_folder, false);

	record_ledger_close(ledger);
	return err;
}

static void test_memory_runs_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	make_earlier(2);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = open_and_close();
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
		if (err != ERR_OK)
			shell("rm -f %s/ledger.sqlite*");
	}
	assert_int_equal(ledger_chain().count, 0);
	assert_true(record_ledger_has(ledger_folder, "r-2"));
}

static int enter(void **state)
{
	output_setup(false, OUTPUT_QUIET);
	return ledger_enter(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, ledger_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_taken_over),
	    TEST(test_announced_is_taken_over),
	    TEST(test_damage_is_refused),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
