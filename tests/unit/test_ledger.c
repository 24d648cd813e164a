/* The ledger: chained, never changed, found again by what it is looked up by; every kind of tampering is named. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_review.h"
#include "tests/unit/ledger_samples.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- adding and finding ---- */

/* Ids of what a walk shows, with a space behind each. */
static enum err collect(void *context, const struct record_row *row)
{
	char *text = context;

	snprintf(text + strlen(text), 512 - strlen(text), "%s ", row->heading->id);
	return ERR_OK;
}

static void assert_each(struct record_filter filter, const char *ids)
{
	struct record_ledger *ledger;
	char text[512] = "";

	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_OK);
	assert_int_equal(record_ledger_each(ledger, &filter, collect, text), ERR_OK);
	assert_string_equal(text, ids);
	record_ledger_close(ledger);
}

static void test_chain(void **state)
{
	struct record first = ledger_sample("a-1", "website", 1, 0), second = ledger_sample("a-2", "website", 2, 0);
	struct record_original one, two;
	struct buffer bytes = {0};
	char hash[2 * HASH_SIZE + 1];
	size_t length;

	(void)state;
	assert_each((struct record_filter){0}, "");
	assert_int_equal(record_ledger_append(ledger_folder, &first, ledger_keys, &bytes), ERR_OK);
	assert_int_equal(record_read(&one, bytes.data, bytes.length), ERR_OK);
	length = bytes.length;
	assert_int_equal(record_ledger_append(ledger_folder, &first, ledger_keys, &bytes), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_RECORD_EXISTS);
	assert_int_equal(bytes.length, length);
	buffer_clear(&bytes);
	second.keys = NULL; /* its repository did not open */
	second.status = RECORD_FAILED;
	assert_int_equal(record_ledger_append(ledger_folder, &second, NULL, &bytes), ERR_OK);
	assert_int_equal(record_read(&two, bytes.data, bytes.length), ERR_OK);
	assert_string_equal(
	    json_string_value(json_object_get(two.record, "previous")), hex_encode(hash, one.hash, HASH_SIZE));
	assert_int_equal(json_integer_value(json_object_get(two.record, "number")), 2);
	assert_false(two.is_signed);
	record_original_free(&one);
	record_original_free(&two);
	ledger_review("b-1", "a-1", "approved");
	assert_each((struct record_filter){0}, "a-1 a-2 b-1 ");
	buffer_clear(&bytes);
	assert_int_equal(record_ledger_load(ledger_folder, "latest", &bytes), ERR_OK); /* of the last run */
	assert_non_null(memmem(bytes.data, bytes.length, "\"a-2\"", 5));
	assert_int_equal(record_ledger_load(ledger_folder, "../last", &bytes), ERR_MISSING);
	assert_true(record_ledger_has(ledger_folder, "b-1"));
	assert_false(record_ledger_has(ledger_folder, "b-2"));
	assert_int_equal(ledger_chain().count, 0);
	buffer_free(&bytes);
}

static int64_t day(int of_november)
{
	struct tm parts = {.tm_year = 126, .tm_mon = 10, .tm_mday = of_november};

	return (int64_t)timegm(&parts) * CLOCK_SECOND;
}

static void test_filters(void **state)
{
	(void)state;
	ledger_run("w-1", "website", 1, 1);
	ledger_run("d-1", "database", 2, 0);
	ledger_run("w-2", "website", 3, 2);
	ledger_review("v-1", "w-1", "approved");
	ledger_review("v-2", "w-2", "returned");
	ledger_run("w-3", "website", 5, 3);
	assert_each((struct record_filter){.kind = RECORD_RUN}, "w-1 d-1 w-2 w-3 ");
	assert_each((struct record_filter){.kind = RECORD_REVIEW}, "v-1 v-2 ");
	assert_each((struct record_filter){.job = "website"}, "w-1 w-2 v-1 v-2 w-3 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .job = "database"}, "d-1 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .job = "website", .last = 1}, "w-3 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .last = 2}, "w-2 w-3 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .from = day(2), .to = day(5)}, "d-1 w-2 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .from = day(3)}, "w-2 w-3 ");
	assert_each((struct record_filter){.about = "w-1"}, "v-1 ");
	assert_each((struct record_filter){.waiting = true}, "d-1 w-2 w-3 ");
	ledger_review("v-3", "w-2", "approved_with_notes");
	assert_each((struct record_filter){.waiting = true}, "d-1 w-3 ");
	assert_each((struct record_filter){.waiting = true, .job = "website"}, "w-3 ");
	assert_each((struct record_filter){.kind = "nothing"}, "");
}

/* What is not asked for is not read: damage to it is nobody's business then. */
static void test_only_what_is_asked_for_is_read(void **state)
{
	struct record_ledger *ledger;
	char text[512] = "";

	(void)state;
	ledger_runs(6);
	assert_int_equal(ledger_edit(false, "UPDATE record SET original = x'00' WHERE id = 'r-2'"), SQLITE_OK);
	assert_each((struct record_filter){.kind = RECORD_RUN, .job = "website", .last = 3}, "r-4 r-5 r-6 ");
	assert_each((struct record_filter){.kind = RECORD_RUN, .from = day(3), .to = day(6)}, "r-3 r-4 r-5 ");
	output_setup(false, OUTPUT_QUIET);
	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_OK);
	assert_int_equal(
	    record_ledger_each(ledger, &(struct record_filter){.quiet = true}, collect, text), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_RECORD_BROKEN);
	assert_string_equal(text, "r-1 r-3 r-4 r-5 r-6 "); /* the others are shown all the same */
	record_ledger_close(ledger);
}

static void test_reviews_are_bound(void **state)
{
	struct record_review_list list;
	struct record_original original;
	struct record_ledger *ledger;
	struct buffer bytes;

	(void)state;
	ledger_runs(2);
	ledger_review("v-1", "r-1", "returned");
	ledger_review("v-2", "r-1", "approved");
	bytes = ledger_original("r-1");
	assert_int_equal(record_read(&original, bytes.data, bytes.length), ERR_OK);
	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_OK);
	assert_int_equal(record_review_list_load(&list, ledger, &original), ERR_OK);
	assert_int_equal(list.count, 2);
	assert_int_equal(record_review_decision_of(&list.items[0]), RECORD_RETURNED);
	assert_int_equal(record_review_decision(&list), RECORD_APPROVED);
	assert_string_equal(record_review_word(record_review_decision(&list), false), "Disetujui");
	record_review_list_free(&list);
	assert_int_equal(record_review_decision(NULL), RECORD_PENDING);
	original.hash[0] ^= 1; /* another record under the same id */
	assert_int_equal(record_review_list_load(&list, ledger, &original), ERR_CORRUPT);
	assert_int_equal(list.count, 0);
	record_ledger_close(ledger);
	record_original_free(&original);
	buffer_free(&bytes);
}

/* ---- nothing is ever changed ---- */

static void test_triggers_refuse(void **state)
{
	static const char columns[] =
	    "id, kind, job, about, status, time, repository, snapshot, previous, hash, original";
	char sql[1024];
	static const char *const attempts[] = {"UPDATE record SET job = 'x' WHERE number = 1", "DELETE FROM record",
	    "DELETE FROM record WHERE number = 3", "UPDATE record SET number = 9 WHERE number = 3",
	    "UPDATE held SET record = 2", "DELETE FROM held", "UPDATE place SET place = 'x'", "DELETE FROM place"};
	struct record_ledger *ledger;
	int64_t place;

	(void)state;
	ledger_runs(3);
	assert_int_equal(record_ledger_open(&ledger, ledger_folder, true), ERR_OK);
	assert_int_equal(record_ledger_place(ledger, ledger_keys->repository, "/srv/pulih", true, &place), ERR_OK);
	assert_int_equal(record_ledger_hold(ledger, place, 1, RECORD_HELD_OBJECT), ERR_OK);
	assert_int_equal(record_ledger_hold(ledger, place, 1, RECORD_HELD_OBJECT), ERR_OK);
	record_ledger_close(ledger);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		assert_int_equal(ledger_edit(true, attempts[i]), SQLITE_CONSTRAINT);
	/* a number that is taken, one that leaves a gap, REPLACE instead of delete, a hash that does not follow */
	snprintf(sql, sizeof(sql), "INSERT INTO record (number, %s) SELECT 5, %s FROM record WHERE number = 3", columns,
	    columns);
	assert_int_equal(ledger_edit(true, sql), SQLITE_CONSTRAINT);
	snprintf(sql, sizeof(sql),
	    "INSERT OR REPLACE INTO record (number, %s) SELECT 2, %s FROM record WHERE number = 1", columns, columns);
	assert_int_equal(ledger_edit(true, sql), SQLITE_CONSTRAINT);
	snprintf(sql, sizeof(sql),
	    "INSERT OR REPLACE INTO record (number, %s) SELECT 4, id, kind, job, about, status, time, repository, "
	    "snapshot, "
	    "(SELECT hash FROM record WHERE number = 3), hash, original FROM record WHERE number = 1",
	    columns);
	assert_int_equal(ledger_edit(true, sql), SQLITE_CONSTRAINT);
	assert_int_equal(ledger_chain().count, 0);
	assert_each((struct record_filter){0}, "r-1 r-2 r-3 ");
}

/* ---- tampering ---- */

static void assert_found(const char *sql, const char *words)
{
	struct ledger_findings findings;

	assert_int_equal(ledger_edit(false, sql), SQLITE_OK);
	findings = ledger_chain();
	if (!strstr(findings.text, words))
		fail_msg("%s: \"%s\" is missing in\n%s", sql, words, findings.text);
	/* and again from the start */
	ledger_leave(NULL);
	ledger_enter(NULL);
	ledger_runs(5);
}

static void test_every_column_is_guarded(void **state)
{
	static const char *const columns[] = {"id = 'x-1'", "kind = 'drill'", "job = 'other'", "about = 'r-1'",
	    "status = 'failed'", "time = time + 1000000000", "repository = zeroblob(16)", "repository = NULL",
	    "snapshot = zeroblob(32)", "snapshot = NULL", "previous = zeroblob(32)", "hash = zeroblob(32)",
	    "original = substr(original, 2)", "original = zeroblob(0)"};

	(void)state;
	ledger_runs(5);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		char sql[128];

		snprintf(sql, sizeof(sql), "UPDATE record SET %s WHERE number = 3", columns[i]);
		assert_found(sql, "ledger record 3:");
	}
	assert_found("UPDATE record SET number = 9 WHERE number = 5", "ledger record 9:");
}

static void replace_original(const char *id, const char *text)
{
	char path[256];
	sqlite3 *connection;
	sqlite3_stmt *statement;

	assert_int_equal(ledger_edit(false, "SELECT 1"), SQLITE_OK);
	snprintf(path, sizeof(path), "%s/ledger.sqlite", ledger_folder);
	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(connection, "UPDATE record SET original = ? WHERE id = ?", -1, &statement, NULL),
	    SQLITE_OK);
	sqlite3_bind_blob(statement, 1, text, (int)strlen(text), SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 2, id, -1, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
	sqlite3_close(connection);
}

/* Whatever member of the signed original changes, or goes, the record is named. */
static void test_every_member_is_guarded(void **state)
{
	struct buffer bytes;
	json_t *whole, *value;
	const char *name;

	(void)state;
	ledger_runs(3);
	bytes = ledger_original("r-2");
	whole = json_loadb((const char *)bytes.data, bytes.length, 0, NULL);
	assert_non_null(whole);
	json_object_foreach(json_object_get(whole, "record"), name, value)
	{
		for (int remove = 0; remove < 2; remove++) {
			json_t *changed = json_deep_copy(whole);
			struct ledger_findings findings;
			char *text;

			if (remove)
				json_object_del(json_object_get(changed, "record"), name);
			else
				json_object_set_new(json_object_get(changed, "record"), name, json_string("x"));
			text = json_dumps(changed, JSON_COMPACT);
			replace_original("r-2", text);
			findings = ledger_chain();
			if (!strstr(findings.text, "ledger record 2:"))
				fail_msg("%s %s: not found\n%s", name, remove ? "removed" : "changed", findings.text);
			mem_free(text);
			json_decref(changed);
		}
	}
	json_decref(whole);
	buffer_free(&bytes);
}

static void test_rows_removed_swapped_doubled(void **state)
{
	static const char swap[] = "UPDATE record SET number = -1 WHERE number = 2; UPDATE record SET number = 2 WHERE "
				   "number = 3; UPDATE record SET number = 3 WHERE number = -1";
	static const char columns[] = "kind, job, about, status, time, repository, snapshot, previous";
	char sql[1024];

	(void)state;
	ledger_runs(5);
	assert_found(
	    "DELETE FROM record WHERE number = 1", "ledger record 1: record 1 is missing in front of record 2 (r-2)");
	assert_found(
	    "DELETE FROM record WHERE number = 3", "ledger record 3: record 3 is missing in front of record 4 (r-4)");
	assert_found(
	    "DELETE FROM record WHERE number IN (2, 3)", "records 2 to 3 are missing in front of record 4 (r-4)");
	assert_found("PRAGMA ignore_check_constraints = ON; UPDATE record SET number = number + 10 WHERE number > 2",
	    "records 3 to 12 are missing");
	snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = ON; %s", swap);
	assert_found(sql, "ledger record 2: record 2 (r-3): the ledger and the signed original differ in its place");
	/* numbers closed up behind the one that was removed */
	assert_found("DELETE FROM record WHERE number = 3; UPDATE record SET number = 3 WHERE number = 4; "
		     "UPDATE record SET number = 4 WHERE number = 5",
	    "ledger record 3: record 3 (r-4): the ledger and the signed original differ in its place");
	/* a row twice, under an id and a hash that are free */
	snprintf(sql, sizeof(sql),
	    "INSERT INTO record (number, id, hash, original, %s) SELECT 6, 'r-6', randomblob(32), original, %s FROM "
	    "record "
	    "WHERE number = 5",
	    columns, columns);
	assert_found(sql, "ledger record 6: record 6 (r-6): the ledger and the signed original differ in its place");
	/* a table without the guards is a finding by itself */
	assert_found("SELECT 1", "tables, indexes or triggers of the ledger");
}

/* Everything that no key is needed for: a record without a signature, its hash and its place made to fit. */
static void test_forged_record(void **state)
{
	struct record forged = ledger_sample("f-1", "website", 9, 0);
	struct ledger_findings findings;
	char columns[128], elsewhere[64];
	struct buffer original = {0};
	char *kept = mem_string(ledger_folder);

	(void)state;
	ledger_runs(2);
	/* the chain up to there, and the forged one behind it, made in another folder */
	snprintf(elsewhere, sizeof(elsewhere), "%s-f", kept);
	snprintf(columns, sizeof(columns), "cp -r %s %s", kept, elsewhere);
	assert_int_equal(system(columns), 0);
	forged.keys = NULL;
	forged.result = NULL;
	forged.status = RECORD_FAILED;
	assert_int_equal(record_ledger_append(elsewhere, &forged, NULL, &original), ERR_OK);
	ledger_run("r-3", "website", 3, 3);
	{
		char sql[512];

		snprintf(sql, sizeof(sql),
		    "ATTACH '%s/ledger.sqlite' AS other; UPDATE record SET number = 4 WHERE number = 3; INSERT INTO "
		    "record SELECT * "
		    "FROM other.record WHERE number = 3",
		    elsewhere);
		assert_int_equal(ledger_edit(false, sql), SQLITE_OK);
	}
	findings = ledger_chain();
	assert_non_null(strstr(findings.text, "ledger record 4:"));
	file_remove_tree(elsewhere);
	mem_free(kept);
	buffer_free(&original);
}

/* A record that says a key was open is never without a signature. */
static void test_signature_taken_away(void **state)
{
	struct buffer bytes;
	struct ledger_findings findings;
	json_t *whole;
	char *text;

	(void)state;
	ledger_runs(1);
	bytes = ledger_original("r-1");
	whole = json_loadb((const char *)bytes.data, bytes.length, 0, NULL);
	json_object_set_new(whole, "signature", json_string(""));
	json_object_set_new(whole, "writer", json_string(""));
	json_object_set_new(whole, "public_key", json_string(""));
	text = json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS);
	replace_original("r-1", text);
	findings = ledger_chain();
	assert_non_null(strstr(findings.text, "is not signed, though a key was open"));
	mem_free(text);
	json_decref(whole);
	buffer_free(&bytes);
}

static void test_file_damaged(void **state)
{
	struct buffer bytes = {0};
	struct ledger_findings findings;
	char path[256];

	(void)state;
	ledger_runs(40);
	snprintf(path, sizeof(path), "%s/ledger.sqlite", ledger_folder);
	assert_int_equal(file_read_all(path, 1 << 26, &bytes), ERR_OK);
	memset(bytes.data + bytes.length / 2, 0x5a, 8192);
	assert_int_equal(file_replace(path, bytes.data, bytes.length, 0600), ERR_OK);
	findings = ledger_chain();
	assert_non_null(strstr(findings.text, "ledger ledger:"));
	buffer_free(&bytes);
}

/* ---- memory ---- */

static enum err work(void)
{
	struct record record = ledger_sample("m-1", "website", 9, 9);
	struct record_chain_result result;
	struct ledger_findings findings = {0};
	struct record_review_list reviews = {0};
	struct record_original original = {0};
	struct record_ledger *ledger = NULL;
	struct buffer bytes = {0};
	char text[512] = "";
	enum err err = record_ledger_open(&ledger, ledger_folder, true);

	if (err == ERR_OK)
		err = record_ledger_each(
		    ledger, &(struct record_filter){.kind = RECORD_RUN, .quiet = true}, collect, text);
	if (err == ERR_OK)
		err = record_ledger_get(ledger, "r-1", &bytes);
	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err == ERR_OK)
		err = record_review_list_load(&reviews, ledger, &original);
	if (err == ERR_OK)
		err = record_chain_check(ledger, ledger_on_finding, &findings, &result);
	record_ledger_close(ledger);
	buffer_clear(&bytes);
	if (err == ERR_OK)
		err = record_ledger_append(ledger_folder, &record, ledger_keys, &bytes);
	record_review_list_free(&reviews);
	record_original_free(&original);
	buffer_free(&bytes);
	return err;
}

static void test_memory_runs_out(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	ledger_runs(2);
	ledger_review("v-1", "r-1", "approved");
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = work();
		mem_fail_at(0);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
		assert_int_equal(record_ledger_has(ledger_folder, "m-1"), err == ERR_OK);
		assert_int_equal(ledger_chain().count, 0);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ledger_enter, ledger_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_chain),
	    TEST(test_filters),
	    TEST(test_only_what_is_asked_for_is_read),
	    TEST(test_reviews_are_bound),
	    TEST(test_triggers_refuse),
	    TEST(test_every_column_is_guarded),
	    TEST(test_every_member_is_guarded),
	    TEST(test_rows_removed_swapped_doubled),
	    TEST(test_forged_record),
	    TEST(test_signature_taken_away),
	    TEST(test_file_damaged),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
