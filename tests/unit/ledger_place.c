#include "tests/unit/ledger_place.h"
#include "core/base/output.h"
#include "core/record/record_send.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture ledger_place_fixture;
struct keys *ledger_place_own_keys;

int ledger_place_enter(void **state)
{
	if (ledger_enter(state) != 0)
		return -1;
	fixture_open(&ledger_place_fixture);
	ledger_place_own_keys = ledger_keys;
	ledger_keys = ledger_place_fixture.repository.keys; /* runs are runs of this repository */
	output_setup(false, OUTPUT_QUIET);
	return 0;
}

int ledger_place_leave(void **state)
{
	ledger_keys = ledger_place_own_keys;
	fixture_close(&ledger_place_fixture);
	ledger_place_fixture = (struct fixture){0};
	return ledger_leave(state);
}

struct target *ledger_place_target(void)
{
	return ledger_place_fixture.repository.target;
}

struct record_ledger *ledger_place_open(void)
{
	struct record_ledger *ledger;

	assert_int_equal(record_ledger_open(&ledger, ledger_folder, true), ERR_OK);
	return ledger;
}

enum err ledger_place_send(uint64_t *sent)
{
	struct record_ledger *ledger = ledger_place_open();
	enum err err = record_send(ledger, &ledger_place_fixture.repository, sent);

	record_ledger_close(ledger);
	return err;
}

/* Snapshots are only looked for by their names here. */
struct object_name ledger_place_snapshot(uint8_t filled)
{
	uint8_t id[OBJECT_ID_SIZE];
	struct object_name name;

	memset(id, filled, sizeof(id));
	name = object_snapshot(id);
	assert_true(memory_target_plant(ledger_place_target(), name.text, "x", 1));
	return name;
}

struct ledger_findings ledger_place_compare(bool all, struct record_compare_result *result)
{
	struct ledger_findings findings = {0};
	struct record_ledger *ledger = ledger_place_open();
	enum err err = all
	    ? record_compare_all(ledger, &ledger_place_fixture.repository, 0, ledger_on_finding, &findings, result)
	    : record_compare_known(
		  ledger, &ledger_place_fixture.repository, true, ledger_on_finding, &findings, result);

	if (err != ERR_OK)
		fail_msg("%s", failure_last()->text);
	assert_int_equal(result->findings, findings.count);
	record_ledger_close(ledger);
	return findings;
}

void assert_ledger_clean(bool all)
{
	struct record_compare_result result;
	struct ledger_findings findings = ledger_place_compare(all, &result);

	if (findings.count > 0)
		fail_msg("%s", findings.text);
}

void assert_ledger_finds(bool all, size_t count, const char *words)
{
	struct record_compare_result result;
	struct ledger_findings findings = ledger_place_compare(all, &result);

	if (findings.count != count || !strstr(findings.text, words))
		fail_msg("%zu findings, wanted %zu with \"%s\":\n%s", findings.count, count, words, findings.text);
}
