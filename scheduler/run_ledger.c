/* The ledger and the target of a run: what the target should have is looked for, what it lacks is sent. */
#include "core/base/output.h"
#include "core/record/record_compare.h"
#include "core/record/record_send.h"
#include "core/repo/config.h"
#include "scheduler/run_internal.h"

#define NEW_LEDGER_LOOKS \
	64 /* record objects that a run without a ledger reads: enough to know its own, whoever else writes there */

static void on_finding(void *context, const struct record_finding *finding)
{
	(void)context, (void)finding;
	output_failure_warning(failure_last());
}

static void add_check(struct run *run, const struct record_compare_result *result)
{
	struct backup_result *backup = &run->result->backup;
	struct backup_check *check = &backup->checks[backup->checks_count];

	if (backup->checks_count == sizeof(backup->checks) / sizeof(backup->checks[0]))
		return;
	*check = (struct backup_check){
	    .name = "ledger", .good = result->findings == 0, .objects = result->records + result->snapshots};
	if (result->findings > 0)
		snprintf(check->detail, sizeof(check->detail), "%llu missing or unknown",
		    (unsigned long long)result->findings);
	backup->checks_count++;
}

/* A machine whose ledger is new has nothing to compare with, unless it is not as new as its ledger: then its records are on the target. */
static enum err compare(struct run *run, struct record_compare_result *result)
{
	struct record_ledger *ledger;
	uint64_t count = 0;
	enum err err = record_ledger_open(&ledger, run->state_folder, true);

	if (err == ERR_OK)
		err = record_ledger_count(ledger, &count);
	if (err == ERR_OK && count == 0)
		err = record_compare_all(ledger, &run->repository, NEW_LEDGER_LOOKS, on_finding, NULL, result);
	else if (err == ERR_OK)
		err = record_compare_known(ledger, &run->repository, true, on_finding, NULL, result);
	record_ledger_close(ledger);
	return err;
}

enum err run_compare(struct run *run)
{
	struct record_compare_result result = {0};
	enum err err = compare(run, &result);

	if (err != ERR_OK) {
		fail_context(err, "whether the target still holds what was stored before is not known");
		output_failure_warning(failure_last());
		failure_clear();
		return ERR_OK;
	}
	add_check(run, &result);
	run->result->lacking = result.findings > 0;
	if (!run->result->lacking)
		return ERR_OK;
	return fail(PL_LEDGER_FOUND, "the backup is done, but %s and the ledger here do not agree: %llu finding%s",
	    run->repository.target->url, (unsigned long long)result.findings, result.findings == 1 ? "" : "s");
}

/* The snapshot was found whole on the target by the backup itself. */
static enum err hold_snapshot(struct run *run, struct record_ledger *ledger, int64_t place)
{
	static const uint8_t none[OBJECT_ID_SIZE];
	uint64_t number;
	enum err err = record_ledger_find(ledger, run->result->id, &number);

	if (err != ERR_OK || number == 0 || memcmp(run->result->backup.snapshot.id, none, sizeof(none)) == 0)
		return err;
	return record_ledger_hold(ledger, place, number, RECORD_HELD_SNAPSHOT);
}

static enum err send(struct run *run)
{
	struct repository *repository = &run->repository;
	struct record_ledger *ledger;
	int64_t place;
	enum err err = record_ledger_open(&ledger, run->state_folder, true);

	if (err == ERR_OK)
		err =
		    record_ledger_place(ledger, repository->config->id, target_place(repository->target), true, &place);
	if (err == ERR_OK)
		err = hold_snapshot(run, ledger, place);
	if (err == ERR_OK)
		err = record_send(ledger, repository, NULL);
	if (err == ERR_OK)
		err = record_ledger_is_held(ledger, place, run->result->id, RECORD_HELD_OBJECT, &run->result->stored);
	record_ledger_close(ledger);
	return err;
}

void run_send(struct run *run)
{
	enum err err = run->open ? send(run) : ERR_OK;

	if (err != ERR_OK)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: %s", failure_last()->text);
	else if (!run->open)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: the repository did not open");
}
