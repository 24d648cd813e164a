#include "tests/unit/ledger_samples.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/record/record_review.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char ledger_folder[64];
struct keys *ledger_keys;

static struct backup_result result;
static const struct record_source sources[] = {{"files", "/var/www/html"}};

int ledger_enter(void **state)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = {7}, root[KEY_SIZE] = {9};

	(void)state;
	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	/* Thousands of commits: in memory where the machine has such a place, as none of these tests asks for a disk. */
	snprintf(ledger_folder, sizeof(ledger_folder), "%s/pulih-test-XXXXXX",
	    access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(ledger_folder) || crypto_setup() != ERR_OK || !(ledger_keys = keys_new()))
		return -1;
	return keys_from_root(ledger_keys, repository, SUITE_AES_256_GCM, root, "srv") == ERR_OK ? 0 : -1;
}

int ledger_leave(void **state)
{
	(void)state;
	keys_free(ledger_keys);
	ledger_keys = NULL;
	return file_remove_tree(ledger_folder) == ERR_OK ? 0 : -1;
}

struct record ledger_sample(const char *id, const char *job, int day, uint8_t snapshot)
{
	struct tm noon = {.tm_year = 126, .tm_mon = 10, .tm_mday = day, .tm_hour = 1};
	int64_t started = (int64_t)timegm(&noon) * CLOCK_SECOND;

	memset(result.snapshot.id, snapshot, OBJECT_ID_SIZE);
	return (struct record){.id = id,
	    .job = job,
	    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
	    .performer = {"Contoh Admin", "19", "Admin Web", "admin"},
	    .reviewer = {"Contoh Pemeriksa", NULL, "Kasubbag", "kasubbag"},
	    .trigger = "manual",
	    .started = started,
	    .ended = started + 60 * CLOCK_SECOND,
	    .duration = 60 * CLOCK_SECOND,
	    .host = "srv",
	    .sources = sources,
	    .sources_count = 1,
	    .target_name = "hdd",
	    .target_url = "/srv/pulih",
	    .keys = ledger_keys,
	    .result = &result,
	    .status = RECORD_SUCCESS};
}

void ledger_run(const char *id, const char *job, int day, uint8_t snapshot)
{
	struct record record = ledger_sample(id, job, day, snapshot);
	struct buffer original = {0};

	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &original), ERR_OK);
	buffer_free(&original);
}

void ledger_runs(int count)
{
	char id[16];

	for (int i = 1; i <= count; i++) {
		snprintf(id, sizeof(id), "r-%d", i);
		ledger_run(id, "website", i, (uint8_t)i);
	}
}

void ledger_review(const char *id, const char *about, const char *decision)
{
	struct record_original reviewed;
	struct record_ledger *ledger;
	struct buffer bytes = ledger_original(about), original = {0};
	json_t *record = NULL;
	struct record_review review = {.id = id,
	    .made = INT64_C(1795338000) * CLOCK_SECOND,
	    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
	    .about = &reviewed,
	    .reviewer = {"Contoh Pemeriksa", NULL, "Kasubbag", "kasubbag"},
	    .role = "reviewer",
	    .note = decision,
	    .user = "kasubbag",
	    .keys = ledger_keys};

	review.decision = RECORD_APPROVED;
	while (strcmp(record_review_name(review.decision), decision) != 0)
		review.decision++;
	assert_int_equal(record_read(&reviewed, bytes.data, bytes.length), ERR_OK);
	assert_int_equal(record_review_json(&record, &review), ERR_OK);
	assert_int_equal(record_ledger_open(&ledger, ledger_folder, true), ERR_OK);
	assert_int_equal(record_ledger_add(ledger, record, ledger_keys, &original), ERR_OK);
	record_ledger_close(ledger);
	record_original_free(&reviewed);
	json_decref(record);
	buffer_free(&bytes);
	buffer_free(&original);
}

int ledger_edit(bool guarded, const char *sql)
{
	static const char triggers[] = "DROP TRIGGER IF EXISTS record_insert; DROP TRIGGER IF EXISTS record_update; "
				       "DROP TRIGGER IF EXISTS record_delete; DROP TRIGGER IF EXISTS held_delete; "
				       "DROP TRIGGER IF EXISTS held_update;";
	char path[256];
	sqlite3 *connection;
	int code;

	snprintf(path, sizeof(path), "%s/ledger.sqlite", ledger_folder);
	assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
	if (!guarded)
		assert_int_equal(sqlite3_exec(connection, triggers, NULL, NULL, NULL), SQLITE_OK);
	code = sqlite3_exec(connection, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK && !guarded)
		fail_msg("%s: %s", sql, sqlite3_errmsg(connection));
	sqlite3_close(connection);
	return code;
}

struct buffer ledger_original(const char *id)
{
	struct buffer bytes = {0};

	assert_int_equal(record_ledger_load(ledger_folder, id, &bytes), ERR_OK);
	return bytes;
}

void ledger_on_finding(void *context, const struct record_finding *finding)
{
	static const char *const kinds[] = {"ledger", "missing", "forgotten", "different", "unknown", "unreadable"};
	struct ledger_findings *findings = context;
	size_t length = strlen(findings->text);

	snprintf(findings->text + length, sizeof(findings->text) - length, "%s %s: %s\n", kinds[finding->kind],
	    finding->object, failure_last()->text);
	findings->count++;
}

struct ledger_findings ledger_chain(void)
{
	struct ledger_findings findings = {0};
	struct record_chain_result result_of_chain;
	struct record_ledger *ledger;

	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_OK);
	assert_int_equal(record_chain_check(ledger, ledger_on_finding, &findings, &result_of_chain), ERR_OK);
	assert_int_equal(result_of_chain.findings, findings.count);
	record_ledger_close(ledger);
	return findings;
}
