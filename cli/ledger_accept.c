/* pulih ledger accept */
#include "scheduler/accept.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/output.h"

static struct {
	const char *note, *by;
} given;

static const struct option_spec options[] = {
    {OPTION("note", 0, OPTION_TEXT, "TEXT", "what happened; needed", &given.note)},
    {OPTION("by", 0, OPTION_TEXT, "PERSON", "who answers for it (default: whose Unix user runs this)", &given.by)},
    {0},
};

static void on_finding(void *context, const struct record_finding *finding)
{
	(void)context, (void)finding;
	output_failure_warning(failure_last());
}

static void report(const struct accept_result *result)
{
	if (result->warning[0])
		output_warning(PL_REVIEW_ROOT, "%s", result->warning);
	if (output_level() >= OUTPUT_NORMAL) {
		output_print("explained: %s that %s missing, %s that the ledger here lacks\n",
		    describe_count(result->snapshots, "snapshot").text, result->snapshots == 1 ? "is" : "are",
		    describe_count(result->records, "record").text);
		if (result->restored)
			output_print("  stored again: %s\n", describe_count(result->restored, "record").text);
		output_print("  record %s\n", result->id);
	}
	output_object("summary",
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:b}", "id", result->id, "snapshots",
		(json_int_t)result->snapshots, "records", (json_int_t)result->records, "restored",
		(json_int_t)result->restored, "remaining", (json_int_t)result->remaining, "warning", result->warning,
		"stored", result->stored));
}

static enum err ledger_accept_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	struct repository repository = {0};
	struct accept_result result;
	struct accept_options accept = {.state_folder = settings.state_folder,
	    .repository = &repository,
	    .target = settings.repository,
	    .by = given.by,
	    .note = given.note,
	    .on_finding = on_finding};
	enum err err;

	(void)arguments;
	if (!given.note)
		return fail(PL_ARGUMENTS, "there is no note: --note TEXT says what happened");
	err = configured_load(&configuration);
	if (err == ERR_OK)
		err = access_open(&repository);
	if (err != ERR_OK)
		return err;
	accept.configuration = configuration;
	err = accept_make(&accept, &result);
	if (err == ERR_OK) {
		report(&result);
		if (result.remaining > 0)
			err = fail(PL_LEDGER_FOUND, "%s cannot be answered for",
			    describe_count(result.remaining, "finding").text);
	}
	repository_close(&repository);
	return err;
}

const struct command ledger_accept_command = {
    .name = "ledger accept",
    .purpose = "answer for backups or records that a target lacks for a good reason",
    .arguments = "-r TARGET --note TEXT",
    .options = options,
    .details =
	"After a disk was replaced by an older copy, or a machine was set up anew: a person with the role reviewer or\n"
	"head says what happened. That becomes a signed record, and what it names is no finding any more, for\n"
	"this target only. Records that are missing there are stored again. Records that were changed cannot\n"
	"be answered for.",
    .examples = "pulih ledger accept -r hdd --by kasubbag --note \"Diska diganti dengan salinan 20 November\"",
    .run = ledger_accept_run,
};
