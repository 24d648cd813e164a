/* The ledger and a target: what is sent, what is missed, what is unknown, and the way back from the target alone. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_compare.h"
#include "core/record/record_correction.h"
#include "core/record/record_forget.h"
#include "core/record/record_object.h"
#include "core/record/record_rebuild.h"
#include "core/record/record_send.h"
#include "core/repo/config.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/ledger_samples.h"
#include "tests/unit/repo_fixture.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture fixture;
static struct keys *own_keys; /* of ledger_samples, put back at the end */

static int enter(void **state)
{
	if (ledger_enter(state) != 0)
		return -1;
	fixture_open(&fixture);
	own_keys = ledger_keys;
	ledger_keys = fixture.repository.keys; /* runs are runs of this repository */
	output_setup(false, OUTPUT_QUIET);
	return 0;
}

static int leave(void **state)
{
	ledger_keys = own_keys;
	fixture_close(&fixture);
	fixture = (struct fixture){0};
	return ledger_leave(state);
}

static struct target *place(void)
{
	return fixture.repository.target;
}

static struct record_ledger *opened(void)
{
	struct record_ledger *ledger;

	assert_int_equal(record_ledger_open(&ledger, ledger_folder, true), ERR_OK);
	return ledger;
}

static enum err send_all(uint64_t *sent)
{
	struct record_ledger *ledger = opened();
	enum err err = record_send(ledger, &fixture.repository, sent);

	record_ledger_close(ledger);
	return err;
}

/* Snapshots are only looked for by their names here. */
static struct object_name plant_snapshot(uint8_t filled)
{
	uint8_t id[OBJECT_ID_SIZE];
	struct object_name name;

	memset(id, filled, sizeof(id));
	name = object_snapshot(id);
	assert_true(memory_target_plant(place(), name.text, "x", 1));
	return name;
}

static struct ledger_findings compared(bool all, struct record_compare_result *result)
{
	struct ledger_findings findings = {0};
	struct record_ledger *ledger = opened();
	enum err err = all
	    ? record_compare_all(ledger, &fixture.repository, 0, ledger_on_finding, &findings, result)
	    : record_compare_known(ledger, &fixture.repository, true, ledger_on_finding, &findings, result);

	if (err != ERR_OK)
		fail_msg("%s", failure_last()->text);
	assert_int_equal(result->findings, findings.count);
	record_ledger_close(ledger);
	return findings;
}

static void assert_clean(bool all)
{
	struct record_compare_result result;
	struct ledger_findings findings = compared(all, &result);

	if (findings.count > 0)
		fail_msg("%s", findings.text);
}

static void assert_finds(bool all, size_t count, const char *words)
{
	struct record_compare_result result;
	struct ledger_findings findings = compared(all, &result);

	if (findings.count != count || !strstr(findings.text, words))
		fail_msg("%zu findings, wanted %zu with \"%s\":\n%s", findings.count, count, words, findings.text);
}

/* ---- sending ---- */

static void test_everything_is_sent_once(void **state)
{
	uint64_t sent;
	unsigned long puts;
	struct buffer stored = {0}, original;

	(void)state;
	ledger_runs(3);
	memory_target_fail(place(), MEMORY_PUT, 2, PL_TARGET_WRITE, true);
	assert_int_equal(send_all(&sent), ERR_IO);
	assert_int_equal(sent, 1);
	memory_target_fail(place(), MEMORY_PUT, 0, PL_TARGET_WRITE, false);
	assert_int_equal(send_all(&sent), ERR_OK);
	assert_int_equal(sent, 2);
	ledger_review("v-1", "r-1", "approved");
	assert_int_equal(send_all(&sent), ERR_OK);
	assert_int_equal(sent, 1);
	puts = memory_target_calls(place(), MEMORY_PUT);
	assert_int_equal(send_all(&sent), ERR_OK);
	assert_int_equal(sent, 0);
	assert_int_equal(memory_target_calls(place(), MEMORY_PUT), puts);
	assert_int_equal(memory_target_count(place(), "records/"), 4);
	original = ledger_original("v-1");
	assert_int_equal(record_object_get(place(), "v-1", fixture.repository.keys, &stored), ERR_OK);
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
	memory_target_fail_late(place(), MEMORY_PUT, 1, PL_TARGET_WRITE);
	assert_int_equal(send_all(&sent), ERR_IO);
	assert_int_equal(memory_target_count(place(), "records/"), 1);
	assert_int_equal(send_all(&sent), ERR_OK);
	assert_int_equal(sent, 2);
	assert_int_equal(memory_target_count(place(), "records/"), 2);
	assert_clean(true);
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
	assert_int_equal(record_object_put(place(), "r-1", &other, fixture.repository.keys), ERR_OK);
	assert_int_equal(record_object_put(place(), "r-1", &other, fixture.repository.keys), ERR_EXISTS);
	ledger_runs(2);
	assert_int_equal(send_all(&sent), ERR_OK);
	assert_int_equal(sent, 1); /* the rest is sent all the same */
	assert_finds(true, 1, "different records/r-1");
	assert_int_equal(send_all(&sent), ERR_OK);
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
	plant_snapshot(1);
	second = plant_snapshot(2);
	plant_snapshot(3);
	assert_int_equal(send_all(NULL), ERR_OK);
	assert_clean(false); /* the snapshots are known from now on */
	compared(false, &result);
	assert_int_equal(result.records, 3);
	assert_int_equal(result.snapshots, 3);
	assert_true(memory_target_delete(place(), second.text));
	assert_finds(false, 1, second.text);
	assert_finds(true, 1, second.text);
	assert_true(memory_target_delete(place(), "records/r-3"));
	assert_finds(false, 2, "missing records/r-3");
	/* it is not stored again as if nothing had been */
	assert_int_equal(send_all(NULL), ERR_OK);
	assert_finds(false, 2, "missing records/r-3");
	/* a list that leaves things out is not enough */
	assert_true(memory_target_hide(place(), "records/r-1", true));
	assert_finds(false, 2, "missing records/r-3");
}

static void test_unsent_is_no_damage(void **state)
{
	struct record_compare_result result;

	(void)state;
	ledger_runs(2);
	compared(false, &result);
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
	record.target_url = place()->url;
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_OK);
	assert_clean(false);
	assert_finds(true, 1, "forgotten snapshots/0101");
	plant_snapshot(1);
	assert_clean(true);
	buffer_free(&bytes);
}

static void append_json(json_t *record)
{
	struct record_ledger *ledger = opened();
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
	first = plant_snapshot(1);
	second = plant_snapshot(2);
	assert_clean(false);
	assert_true(memory_target_delete(place(), first.text));
	assert_true(memory_target_delete(place(), second.text));
	assert_finds(false, 2, first.text);
	forget("f-1", 1, ledger_keys);
	assert_finds(false, 1, second.text);
	forget("f-2", 2, own_keys); /* of another repository: that is no reason here */
	assert_finds(false, 1, second.text);
	forget("f-3", 2, ledger_keys);
	assert_clean(false);
	assert_clean(true);
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
	first = plant_snapshot(1);
	assert_clean(false);
	assert_true(memory_target_delete(place(), first.text));
	correct("c-1", "/some/other/place", 1);
	assert_finds(false, 1, first.text);
	correct("c-2", target_place(place()), 1);
	assert_clean(false);
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
	assert_int_equal(send_all(NULL), ERR_OK);
	/* the ledger as it was: the host of the samples is not this one, so only the chain tells */
	snprintf(command, sizeof(command), "rm -r %s && mv %s %s", ledger_folder, kept, ledger_folder);
	assert_int_equal(system(command), 0);
	assert_finds(true, 2, "unknown records/r-3");
	assert_finds(true, 2, "unknown records/r-4");
	/* a ledger made anew: host and key tell */
	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
	compared(true, &result);
	assert_int_equal(result.findings, 0);
	assert_int_equal(result.others, 4);
	uname(&machine);
	record = ledger_sample("h-1", "website", 5, 0);
	record.host = machine.nodename;
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &bytes), ERR_OK);
	assert_int_equal(send_all(NULL), ERR_OK);
	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
	assert_finds(true, 1, "unknown records/h-1");
	ledger = opened();
	/* only the newest by name: that is "r-4" */
	assert_int_equal(record_compare_all(
			     ledger, &fixture.repository, 1, ledger_on_finding, &(struct ledger_findings){0}, &result),
	    ERR_OK);
	assert_int_equal(result.others, 1);
	record_ledger_close(ledger);
	buffer_free(&bytes);
}

static void test_objects_that_are_damaged(void **state)
{
	(void)state;
	ledger_runs(2);
	assert_int_equal(send_all(NULL), ERR_OK);
	assert_true(memory_target_corrupt(place(), "records/r-2", 200, 1));
	assert_clean(false);
	assert_finds(true, 1, "unreadable records/r-2");
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
	    keys_from_root(stranger, fixture.repository.config->id, SUITE_AES_256_GCM, root, "srv"), ERR_OK);
	record.keys = stranger;
	assert_int_equal(record_ledger_append(ledger_folder, &record, stranger, &bytes), ERR_OK);
	assert_int_equal(ledger_chain().count, 0);
	assert_finds(true, 1, "ledger record 1");
	keys_free(stranger);
	buffer_free(&bytes);
}

/* ---- the way back ---- */

static void lose_machine(void)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -r %s && mkdir %s", ledger_folder, ledger_folder);
	assert_int_equal(system(command), 0);
}

static enum err rebuilt(const char *chain, struct record_rebuild_result *result)
{
	return record_rebuild(ledger_folder, &fixture.repository, chain, result);
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
	assert_int_equal(send_all(NULL), ERR_OK);
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
	assert_clean(true);
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
	assert_int_equal(send_all(NULL), ERR_OK);
	lose_machine();
	assert_true(memory_target_delete(place(), "records/r-3"));
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
	assert_int_equal(send_all(NULL), ERR_OK);
	lose_machine();
	ledger_runs(3);
	assert_int_equal(send_all(NULL), ERR_OK);
	lose_machine();
	assert_true(memory_target_corrupt(place(), "records/b-1", 100, 1));
	assert_int_equal(rebuilt(NULL, &result), ERR_MISSING);
	assert_int_equal(rebuilt("r-2", &result), ERR_OK);
	assert_int_equal(result.records, 3);
	assert_int_equal(result.damaged, 1);
	assert_int_equal(result.others, 1);
	assert_int_equal(ledger_chain().count, 0);
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
		err = record_compare_known(ledger, &fixture.repository, true, ledger_on_finding, &findings, &result);
	if (err == ERR_OK)
		err = record_compare_all(ledger, &fixture.repository, 0, ledger_on_finding, &findings, &result);
	if (err == ERR_OK)
		err = record_send(ledger, &fixture.repository, NULL);
	record_ledger_close(ledger);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", ledger_folder);
	file_remove_tree(elsewhere);
	if (err == ERR_OK)
		err = record_rebuild(elsewhere, &fixture.repository, NULL, &rebuild);
	return err;
}

static void test_memory_runs_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	ledger_runs(1);
	plant_snapshot(1);
	forget("f-1", 2, ledger_keys);
	assert_int_equal(send_all(NULL), ERR_OK);
	assert_clean(false);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = work();
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
	assert_clean(true);
	assert_int_equal(ledger_chain().count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

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
	    TEST(test_rebuild),
	    TEST(test_rebuild_refuses_a_gap),
	    TEST(test_rebuild_among_others),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
