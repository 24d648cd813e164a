/* The ledger and a target: what is sent, what is missed, what is unknown. */
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

/* ---- sending ---- */

static void test_everything_is_sent_once(void **state)
{
	uint64_t sent;
	unsigned long puts;
	struct buffer stored = {0}, original;

	(void)state;
	ledger_runs(3);
	memory_target_fail(ledger_place_target(), MEMORY_PUT, 2, PL_TARGET_WRITE, true);
	assert_int_equal(ledger_place_send(&sent), ERR_IO);
	assert_int_equal(sent, 1);
	memory_target_fail(ledger_place_target(), MEMORY_PUT, 0, PL_TARGET_WRITE, false);
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 2);
	ledger_review("v-1", "r-1", "approved");
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 1);
	puts = memory_target_calls(ledger_place_target(), MEMORY_PUT);
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 0);
	assert_int_equal(memory_target_calls(ledger_place_target(), MEMORY_PUT), puts);
	assert_int_equal(memory_target_count(ledger_place_target(), "records/"), 4);
	original = ledger_original("v-1");
	assert_int_equal(
	    record_object_get(ledger_place_target(), "v-1", ledger_place_fixture.repository.keys, &stored), ERR_OK);
	assert_int_equal(stored.length, original.length);
	assert_memory_equal(stored.data, original.data, stored.length);
	buffer_free(&stored);
	buffer_free(&original);
}

/* A reply that was lost, or a crash before the ledger knows: the record is there, and that is found out. */
static void test_sent_and_not_known(void **state)
{
	uint64_t sent;

	(void)state;
	ledger_runs(2);
	memory_target_fail_late(ledger_place_target(), MEMORY_PUT, 1, PL_TARGET_WRITE);
	assert_int_equal(ledger_place_send(&sent), ERR_IO);
	assert_int_equal(memory_target_count(ledger_place_target(), "records/"), 1);
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 2);
	assert_int_equal(memory_target_count(ledger_place_target(), "records/"), 2);
	assert_ledger_clean(true);
}

/* Somebody put another record there under the name of ours. */
static void test_name_is_taken(void **state)
{
	struct record record = ledger_sample("r-1", "website", 9, 0);
	struct buffer other = {0};
	uint64_t sent;
	char elsewhere[96];

	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", ledger_folder);
	assert_int_equal(record_ledger_append(elsewhere, &record, ledger_keys, &other), ERR_OK);
	assert_int_equal(
	    record_object_put(ledger_place_target(), "r-1", &other, ledger_place_fixture.repository.keys), ERR_OK);
	assert_int_equal(
	    record_object_put(ledger_place_target(), "r-1", &other, ledger_place_fixture.repository.keys), ERR_EXISTS);
	ledger_runs(2);
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 1); /* the rest is sent all the same */
	assert_ledger_finds(true, 1, "different records/r-1");
	assert_int_equal(ledger_place_send(&sent), ERR_OK);
	assert_int_equal(sent, 0);
	buffer_free(&other);
}

/* ---- what is missing ---- */

static void test_rolled_back_target(void **state)
{
	struct record_compare_result result;
	struct object_name second;

	(void)state;
	ledger_runs(3);
	ledger_place_snapshot(1);
	second = ledger_place_snapshot(2);
	ledger_place_snapshot(3);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	assert_ledger_clean(false); /* the snapshots are known from now on */
	ledger_place_compare(false, &result);
	assert_int_equal(result.records, 3);
	assert_int_equal(result.snapshots, 3);
	assert_true(memory_target_delete(ledger_place_target(), second.text));
	assert_ledger_finds(false, 1, second.text);
	assert_ledger_finds(true, 1, second.text);
	assert_true(memory_target_delete(ledger_place_target(), "records/r-3"));
	assert_ledger_finds(false, 2, "missing records/r-3");
	/* it is not stored again as if nothing had been */
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	assert_ledger_finds(false, 2, "missing records/r-3");
	/* a list that leaves things out is not enough */
	assert_true(memory_target_hide(ledger_place_target(), "records/r-1", true));
	assert_ledger_finds(false, 2, "missing records/r-3");
}

static void test_unsent_is_no_damage(void **state)
{
	struct record_compare_result result;

	(void)state;
	ledger_runs(2);
	ledger_place_compare(false, &result);
	assert_int_equal(result.findings, 0);
	assert_int_equal(result.unsent, 2);
	assert_int_equal(result.records, 0);
}

/* A run of a machine that stopped before it knew: what the record says is enough for the thorough part. */
static void test_snapshot_that_nobody_saw(void **state)
{
	struct record record = ledger_sample("r-1", "website", 1, 1);
	struct buffer bytes = {0};

	(void)state;
	record.target_url = ledger_place_target()->url;
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_OK);
	assert_ledger_clean(false);
	assert_ledger_finds(true, 1, "forgotten snapshots/0101");
	ledger_place_snapshot(1);
	assert_ledger_clean(true);
	buffer_free(&bytes);
}

static void append_json(json_t *record)
{
	struct record_ledger *ledger = ledger_place_open();
	struct buffer original = {0};

	assert_int_equal(record_ledger_add(ledger, record, ledger_keys, &original), ERR_OK);
	record_ledger_close(ledger);
	json_decref(record);
	buffer_free(&original);
}

static void forget(const char *id, uint8_t filled, const struct keys *keys)
{
	struct snapshot snapshot = {
	    .host = (char *)(uintptr_t) "srv", .job = (char *)(uintptr_t) "website", .started = CLOCK_SECOND};
	const struct snapshot *list[] = {&snapshot};
	struct record_forget made = {.id = id,
	    .job = "website",
	    .made = CLOCK_SECOND,
	    .office = {.name = "x", .timezone = "UTC"},
	    .target_name = "hdd",
	    .target_url = "/srv/pulih",
	    .reason = "daily 14",
	    .snapshots = list,
	    .count = 1,
	    .keys = keys};
	json_t *record;

	memset(snapshot.id, filled, OBJECT_ID_SIZE);
	assert_int_equal(record_forget_json(&record, &made), ERR_OK);
	append_json(record);
}

static void test_forget_explains(void **state)
{
	struct object_name first, second;

	(void)state;
	ledger_runs(2);
	first = ledger_place_snapshot(1);
	second = ledger_place_snapshot(2);
	assert_ledger_clean(false);
	assert_true(memory_target_delete(ledger_place_target(), first.text));
	assert_true(memory_target_delete(ledger_place_target(), second.text));
	assert_ledger_finds(false, 2, first.text);
	forget("f-1", 1, ledger_keys);
	assert_ledger_finds(false, 1, second.text);
	forget("f-2", 2, ledger_place_own_keys); /* of another repository: that is no reason here */
	assert_ledger_finds(false, 1, second.text);
	forget("f-3", 2, ledger_keys);
	assert_ledger_clean(false);
	assert_ledger_clean(true);
}

static void correct(const char *id, const char *where, uint8_t filled)
{
	char hex[2 * OBJECT_ID_SIZE + 1];
	uint8_t snapshot[OBJECT_ID_SIZE];
	struct record_correction made = {.id = id,
	    .made = CLOCK_SECOND,
	    .office = {.name = "x", .timezone = "UTC"},
	    .target_name = "hdd",
	    .target_url = "memory:",
	    .place = where,
	    .snapshots = json_array(),
	    .records = json_array(),
	    .by = {"Contoh", NULL, "Kasubbag", "kasubbag"},
	    .role = "reviewer",
	    .note = "diska diganti",
	    .user = "root",
	    .keys = ledger_keys};
	json_t *record;

	memset(snapshot, filled, sizeof(snapshot));
	json_array_append_new(made.snapshots, json_string(hex_encode(hex, snapshot, sizeof(snapshot))));
	assert_int_equal(record_correction_json(&record, &made), ERR_OK);
	append_json(record);
	json_decref(made.snapshots);
	json_decref(made.records);
}

static void test_correction_explains_one_place(void **state)
{
	struct object_name first;

	(void)state;
	ledger_runs(1);
	first = ledger_place_snapshot(1);
	assert_ledger_clean(false);
	assert_true(memory_target_delete(ledger_place_target(), first.text));
	correct("c-1", "/some/other/place", 1);
	assert_ledger_finds(false, 1, first.text);
	correct("c-2", target_place(ledger_place_target()), 1);
	assert_ledger_clean(false);
}

/* ---- what is unknown ---- */

/* The records of this machine, stored from another ledger: what the target holds after the ledger here was rolled back. */
static void test_ledger_that_was_rolled_back(void **state)
{
	struct utsname machine;
	struct record record;
	struct buffer bytes = {0};
	struct record_ledger *ledger;
	struct record_compare_result result;
	char kept[96], command[256];

	(void)state;
	ledger_runs(2);
	snprintf(kept, sizeof(kept), "%s-kept", ledger_folder);
	snprintf(command, sizeof(command), "cp -r %s %s", ledger_folder, kept);
	assert_int_equal(system(command), 0);
	ledger_run("r-3", "website", 3, 0);
	ledger_run("r-4", "website", 4, 0);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	/* the ledger as it was: the host of the samples is not this one, so only the chain tells */
	snprintf(command, sizeof(command), "rm -r %s && mv %s %s", ledger_folder, kept, ledger_folder);
	assert_int_equal(system(command), 0);
	assert_ledger_finds(true, 2, "unknown records/r-3");
	assert_ledger_finds(true, 2, "unknown records/r-4");
	/* a ledger made anew: host and key tell */
	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
	ledger_place_compare(true, &result);
	assert_int_equal(result.findings, 0);
	assert_int_equal(result.others, 4);
	uname(&machine);
	record = ledger_sample("h-1", "website", 5, 0);
	record.host = machine.nodename;
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_OK);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
	assert_ledger_finds(true, 1, "unknown records/h-1");
	ledger = ledger_place_open();
	/* only the newest by name: that is "r-4" */
	assert_int_equal(record_compare_all(ledger, &ledger_place_fixture.repository, 1, ledger_on_finding,
			     &(struct ledger_findings){0}, &result),
	    ERR_OK);
	assert_int_equal(result.others, 1);
	record_ledger_close(ledger);
	buffer_free(&bytes);
}

static void test_objects_that_are_damaged(void **state)
{
	(void)state;
	ledger_runs(2);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	assert_true(memory_target_corrupt(ledger_place_target(), "records/r-2", 200, 1));
	assert_ledger_clean(false);
	assert_ledger_finds(true, 1, "unreadable records/r-2");
}

/* Signed again with a key that nobody knows, from there to the end: whole in itself, and not the repository's. */
static void test_signed_by_a_stranger(void **state)
{
	struct keys *stranger = keys_new();
	static const uint8_t root[KEY_SIZE] = {77};
	struct record record = ledger_sample("r-1", "website", 1, 0);
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(
	    keys_from_root(stranger, ledger_place_fixture.repository.config->id, SUITE_AES_256_GCM, root, "srv"),
	    ERR_OK);
	record.keys = stranger;
	assert_int_equal(record_ledger_append(ledger_folder, &record, stranger, &bytes), ERR_OK);
	assert_int_equal(ledger_chain().count, 0);
	assert_ledger_finds(true, 1, "ledger record 1");
	keys_free(stranger);
	buffer_free(&bytes);
}

/* ---- memory ---- */

static enum err work(void)
{
	struct ledger_findings findings = {0};
	struct record_compare_result result;
	struct record_rebuild_result rebuild;
	struct record_ledger *ledger = NULL;
	char elsewhere[96];
	enum err err = record_ledger_open(&ledger, ledger_folder, false);

	if (err == ERR_OK)
		err = record_compare_known(
		    ledger, &ledger_place_fixture.repository, true, ledger_on_finding, &findings, &result);
	if (err == ERR_OK)
		err = record_compare_all(
		    ledger, &ledger_place_fixture.repository, 0, ledger_on_finding, &findings, &result);
	if (err == ERR_OK)
		err = record_send(ledger, &ledger_place_fixture.repository, NULL);
	record_ledger_close(ledger);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", ledger_folder);
	file_remove_tree(elsewhere);
	if (err == ERR_OK)
		err = record_rebuild(elsewhere, &ledger_place_fixture.repository, NULL, &rebuild);
	return err;
}

static void test_memory_runs_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	ledger_runs(1);
	ledger_place_snapshot(1);
	forget("f-1", 2, ledger_keys);
	assert_int_equal(ledger_place_send(NULL), ERR_OK);
	assert_ledger_clean(false);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = work();
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
	assert_ledger_clean(true);
	assert_int_equal(ledger_chain().count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_place_enter, ledger_place_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_everything_is_sent_once),
	    TEST(test_sent_and_not_known),
	    TEST(test_name_is_taken),
	    TEST(test_rolled_back_target),
	    TEST(test_unsent_is_no_damage),
	    TEST(test_snapshot_that_nobody_saw),
	    TEST(test_forget_explains),
	    TEST(test_correction_explains_one_place),
	    TEST(test_ledger_that_was_rolled_back),
	    TEST(test_objects_that_are_damaged),
	    TEST(test_signed_by_a_stranger),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
