/* pulih ledger verify, rebuild */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/ledger_targets.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_compare.h"
#include "core/record/record_rebuild.h"
#include "core/record/record_strangers.h"
#include "core/repo/config.h"
#include "scheduler/office.h"

#include <inttypes.h>

static struct {
	struct option_list targets;
	const char *chain;
} given;

/* ---- verify ---- */

static const struct option_spec verify_options[] = {
    {OPTION("repo", 'r', OPTION_LIST, "TARGET", "compare with this target; may be repeated (default: all configured)",
	&given.targets)},
    {OPTION("repository", 0, OPTION_LIST, "TARGET", NULL, &given.targets)},
    {0},
};

/* What all parts of a verification come to. */
struct verification {
	struct record_ledger *ledger;
	const char *target; /* that is compared with; "": the ledger itself is checked */
	uint64_t records, findings, compared, unreached;
	struct buffer repositories; /* ids of those that were compared with */
	struct failure failure;	    /* the first target that could not be compared with */
};

static void on_finding(void *context, const struct record_finding *finding)
{
	const struct verification *verification = context;
	const struct failure *failure = failure_last();
	char code[16];

	if (output_is_json())
		output_object("finding",
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "object", finding->object, "id", finding->id, "code",
			message_code(failure->id, code), "kind", error_name(failure->kind), "reason", failure->text,
			"target", verification->target));
	else
		output_warning(failure->id, "%s", failure->text);
}

static enum err check_chain(struct verification *verification)
{
	struct record_chain_result result;
	char first[DESCRIBE_TIME], last[DESCRIBE_TIME];
	json_t *object;
	enum err err = record_chain_check(verification->ledger, on_finding, verification, &result);

	if (err != ERR_OK)
		return err;
	verification->findings += result.findings;
	verification->records = result.records;
	if (output_level() >= OUTPUT_NORMAL) {
		output_print("ledger: %s, %s", describe_count(result.records, "record").text,
		    result.findings	     ? "THE CHAIN IS BROKEN"
			: result.records > 0 ? "the chain is whole"
					     : "nothing to check here");
		if (result.records > 0)
			output_print(
			    ", from %s to %s", describe_time(first, result.first), describe_time(last, result.last));
		output_print("\n");
	}
	object = json_pack("{s:I, s:I, s:I}", "records", (json_int_t)result.records, "signed",
	    (json_int_t)result.signed_records, "findings", (json_int_t)result.findings);
	if (object && result.records > 0) {
		json_object_set_new(object, "first", describe_time_json(result.first));
		json_object_set_new(object, "last", describe_time_json(result.last));
	}
	output_object("ledger", object);
	return ERR_OK;
}

static void report_target(const char *target, const struct record_compare_result *result)
{
	if (output_level() >= OUTPUT_NORMAL) {
		output_print("%s: %s and %s looked for, %s\n", target, describe_count(result->records, "record").text,
		    describe_count(result->snapshots, "snapshot").text,
		    result->findings ? "NOT ALL IS AS IT MUST BE" : "all is there");
		if (result->unsent)
			output_print("  %s not sent yet: the next run does that\n",
			    describe_count(result->unsent, "record").text);
		if (result->elsewhere)
			output_print("  %s made at another place of this repository, and not here: see that a copy is "
				     "complete\n",
			    describe_count(result->elsewhere, "snapshot").text);
		if (result->others)
			output_print("  %s of other machines\n", describe_count(result->others, "record").text);
	}
	output_object("target",
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "target", target, "records", (json_int_t)result->records,
		"snapshots", (json_int_t)result->snapshots, "unsent", (json_int_t)result->unsent, "others",
		(json_int_t)result->others, "elsewhere", (json_int_t)result->elsewhere, "findings",
		(json_int_t)result->findings));
}

/* One target that is away does not keep the others from being compared. */
static enum err check_target(struct verification *verification, const char *target)
{
	struct record_compare_result result;
	struct repository repository = {0};
	enum err err = ledger_targets_open(target, &repository);

	verification->target = target;
	if (err == ERR_OK)
		err = record_compare_all(verification->ledger, &repository, 0, on_finding, verification, &result);
	if (err == ERR_OK)
		err = buffer_append(&verification->repositories, repository.config->id, REPOSITORY_ID_SIZE);
	repository_close(&repository);
	if (err == ERR_OK) {
		verification->findings += result.findings;
		verification->compared++;
		report_target(target, &result);
	} else if (err != ERR_INTERRUPTED && err != ERR_NOMEM) {
		fail_context(err, "%s is not compared", target);
		output_failure_warning(failure_last());
		if (verification->unreached++ == 0)
			failure_take(&verification->failure);
		err = ERR_OK;
	}
	return err;
}

/* Signatures of repositories that were not compared with say nothing: nobody knows their writers here. */
static enum err check_strangers(struct verification *verification, bool all)
{
	struct record_strangers_result result;
	enum err err =
	    record_strangers(verification->ledger, &verification->repositories, all, on_finding, verification, &result);

	if (err != ERR_OK || verification->compared == 0)
		return err;
	verification->findings += result.findings;
	if (result.unchecked > 0 && output_level() >= OUTPUT_NORMAL)
		output_print("%s of repositories that were not compared with: who signed them is not known\n",
		    describe_count(result.unchecked, "record").text);
	output_object("unchecked", json_pack("{s:I}", "records", (json_int_t)result.unchecked));
	return ERR_OK;
}

/* Times as the papers have them, where there is a configuration that names the office's time zone. */
static enum err enter_zone(void)
{
	const struct configuration *configuration;
	enum err err = configured_if_any(&configuration);

	return err == ERR_OK && configuration ? office_enter_zone(configuration) : err;
}

static enum err ledger_verify_run(const struct arguments *arguments)
{
	struct verification verification = {.target = ""};
	const char **targets = NULL;
	enum err err = ledger_targets_choose(&given.targets, &targets);

	(void)arguments;
	if (err == ERR_OK)
		err = enter_zone();
	if (err == ERR_OK)
		err = record_ledger_open(&verification.ledger, settings.state_folder, false);
	if (err == ERR_OK)
		err = check_chain(&verification);
	for (size_t i = 0; err == ERR_OK && targets[i]; i++)
		err = check_target(&verification, targets[i]);
	if (err == ERR_OK)
		err = check_strangers(&verification, given.targets.count == 0 && verification.unreached == 0);
	if (err == ERR_OK)
		output_object("summary",
		    json_pack("{s:I, s:I, s:I}", "findings", (json_int_t)verification.findings, "targets",
			(json_int_t)verification.compared, "targets_not_compared", (json_int_t)verification.unreached));
	if (err == ERR_OK && verification.findings > 0)
		err = fail(PL_LEDGER_FOUND, "%s", describe_count(verification.findings, "finding").text);
	else if (err == ERR_OK && verification.unreached > 0)
		err = failure_put(&verification.failure);
	/* Nothing is whole, but nothing was looked at: whoever asks is in the wrong place, or lacks permissions. */
	else if (err == ERR_OK && verification.records + verification.compared == 0)
		err = fail(PL_RECORD_MISSING,
		    "there is no record in %s, and no target to compare with: nothing was verified; is this the user, "
		    "and "
		    "the state folder, of the scheduler?",
		    settings.state_folder);
	record_ledger_close(verification.ledger);
	buffer_free(&verification.repositories);
	mem_free(targets);
	option_list_free(&given.targets);
	return err;
}

const struct command ledger_verify_command = {
    .name = "ledger verify",
    .purpose = "check the chain of records, here and against the targets",
    .arguments = "[-r TARGET...]",
    .options = verify_options,
    .details =
	"Here: every record is signed, whole, and in its place behind the one before. On each target: every record\n"
	"and every backup that this machine stored there is still there and the same, and none of its records is\n"
	"there that the ledger here lacks. A target that was rolled back is found so. Exit code 4: findings,\n"
	"each named.",
    .examples = "pulih ledger verify\npulih ledger verify -r hdd -r /media/second/pulih",
    .run = ledger_verify_run,
};

/* ---- rebuild ---- */

static const struct option_spec rebuild_options[] = {
    {OPTION(
	"chain", 0, OPTION_TEXT, "RUN", "the machine that made this record, where there are several", &given.chain)},
    {0},
};

static enum err ledger_rebuild_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct record_rebuild_result result;
	enum err err = access_open(&repository);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	err = record_rebuild(settings.state_folder, &repository, given.chain, &result);
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("the ledger is here again: %s, the last one %s\n",
			    describe_count(result.records, "record").text, result.last);
		output_object("summary",
		    json_pack("{s:I, s:s, s:I, s:I, s:I}", "records", (json_int_t)result.records, "last", result.last,
			"others", (json_int_t)result.others, "damaged", (json_int_t)result.damaged, "other_domains",
			(json_int_t)result.foreign));
	}
	repository_close(&repository);
	return err;
}

const struct command ledger_rebuild_command = {
    .name = "ledger rebuild",
    .purpose = "make the ledger of a lost machine anew from a target",
    .arguments = "-r TARGET",
    .options = rebuild_options,
    .details = "Reads the records that the target holds, checks signatures and the chain from the first to the last, "
	       "and puts\n"
	       "them into the ledger of this machine, which must have none. Do it before the first pulih run.",
    .examples = "pulih ledger rebuild -r hdd\npulih ledger rebuild -r hdd --chain 20261122t010000-website-3f2a",
    .run = ledger_rebuild_run,
};
