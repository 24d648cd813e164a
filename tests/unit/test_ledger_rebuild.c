/* The way back from a target alone, after the machine was lost. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/record/record_correction.h"
#include "core/record/record_forget.h"
#include "core/record/record_object.h"
#include "core/record/record_rebuild.h"
#include "core/record/record_send.h"
#include "core/repo/config.h"
#include "targets/memory.h"
#include "tests/unit/ledger_place.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

static void lose_machine(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
}

static enum err rebuilt(const char *chain, struct record_rebuild_result *result)
{
	return record_rebuild(ledger_folder, &ledger_place_fixture.repository, chain, result);
}

static void test_rebuild(void **state)
{
	struct record_rebuild_result result;
	struct buffer before, after;
	char stage[96];

	(void)state;
	assert_int_equal(rebuilt(NULL, &result), ERR_MISSING);
	lose_machine();
	ledger_runs(5);
	ledger_review("v-1", "r-2", "returned");
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	before = ledger_original("v-1");
	assert_int_equal(rebuilt(NULL, &result), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_LEDGER_EXISTS);
	lose_machine();
	assert_int_equal(rebuilt(NULL, &result), ERR_OK);
	assert_int_equal(result.records, 6);
	assert_string_equal(result.last, "v-1");
	after = ledger_original("v-1");
	assert_int_equal(before.length, after.length);
	assert_memory_equal(before.data, after.data, before.length);
	assert_int_equal(ledger_chain().count, 0);
	assert_ledger_clean(true);
	ledger_run("r-6", "website", 6, 6); /* and it goes on */
	assert_int_equal(ledger_chain().count, 0);
	snprintf(stage, sizeof(stage), "%s/rebuild.sqlite", ledger_folder);
	assert_int_equal(access(stage, F_OK), -1);
	buffer_free(&before);
	buffer_free(&after);
}

static void test_rebuild_refuses_a_gap(void **state)
{
	struct record_rebuild_result result;

	(void)state;
	ledger_runs(5);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	lose_machine();
	assert_true(memory_target_delete(ledger_place_target(), "records/r-3"));
	assert_int_equal(rebuilt(NULL, &result), ERR_MISSING); /* two chains now */
	assert_non_null(strstr(failure_last()->text, "r-5 (record 5 of srv), r-2 (record 2 of srv)"));
	assert_int_equal(rebuilt("r-4", &result), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "record 3 and those before it"));
	assert_false(record_ledger_has(ledger_folder, "r-1"));
	assert_int_equal(rebuilt("r-9", &result), ERR_MISSING);
	assert_int_equal(rebuilt("r-1", &result), ERR_OK); /* what is whole, on purpose */
	assert_int_equal(result.records, 2);
	assert_int_equal(result.others, 2);
}

static void test_rebuild_among_others(void **state)
{
	struct record_rebuild_result result;

	(void)state;
	ledger_run("b-1", "other", 1, 0);
	ledger_run("b-2", "other", 2, 0);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	lose_machine();
	ledger_runs(3);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	lose_machine();
	assert_true(memory_target_corrupt(ledger_place_target(), "records/b-1", 100, 1));
	assert_int_equal(rebuilt(NULL, &result), ERR_MISSING);
	assert_int_equal(rebuilt("r-2", &result), ERR_OK);
	assert_int_equal(result.records, 3);
	assert_int_equal(result.damaged, 1);
	assert_int_equal(result.others, 1);
	assert_int_equal(ledger_chain().count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_place_enter, ledger_place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rebuild),
	    TEST(test_rebuild_refuses_a_gap),
	    TEST(test_rebuild_among_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
