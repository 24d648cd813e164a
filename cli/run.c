/* pulih run */
#include "scheduler/run.h"
#include "cli/access.h"
#include "cli/backup_report.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/notify_report.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"

static struct {
	bool all;
	int trigger;
	const char *planned, *run_id;
} given;

enum { TRIGGER_MANUAL, TRIGGER_SCHEDULED, TRIGGER_CATCH_UP, TRIGGER_RETRY };
static const char *const triggers[] = {"manual", "scheduled", "catch_up", "retry", NULL};

static const struct option_spec options[] = {
    {OPTION("all", 0, OPTION_FLAG, NULL, "run every job, one after the other", &given.all)},
    {OPTION(
	 "trigger", 0, OPTION_CHOICE, "WORD", "for the record: manual, scheduled, catch_up or retry", &given.trigger),
	.choices = triggers},
    {OPTION("planned", 0, OPTION_TEXT, "TIME", "for the record: when the run was planned (RFC 3339)", &given.planned)},
    {OPTION("run-id", 0, OPTION_TEXT, "ID", "the id of the run, chosen before", &given.run_id)},
    {0},
};

static const char *const statuses[] = {
    [RECORD_SUCCESS] = "success", [RECORD_NOTES] = "success_with_notes", [RECORD_FAILED] = "failed"};

static void report_record(const struct configuration_job *job, const struct run_result *result)
{
	json_t *object;

	if (result->cut_off[0])
		output_note("run %s had been cut off; it has its record now", result->cut_off);
	if (result->original.length == 0)
		return;
	if (output_level() >= OUTPUT_NORMAL)
		output_print("  record %s (pulih report show %s)\n", result->id, result->id);
	object = json_pack("{s:s, s:s, s:s, s:b}", "run_id", result->id, "job", job->name, "status",
	    statuses[result->status], "stored", result->stored);
	output_object("record", object);
}

static enum err run_one(const struct configuration *configuration, const struct configuration_job *job, int64_t planned)
{
	const struct configuration_target *target = configuration_target(configuration, job->target);
	struct backup_report report = {0};
	struct repository_access access;
	struct run_result result = {0};
	enum err err;

	configured_use(target);
	access = access_of(passphrase_current);
	err = run_job(
	    &(struct run_options){
		.configuration = configuration,
		.job = job,
		.access = &access,
		.target_url = target->url,
		.trigger = triggers[given.trigger],
		.run_id = given.run_id,
		.planned = planned,
		.limited = given.trigger != TRIGGER_MANUAL,
		.threads = (unsigned)settings.threads,
		.on_problem = backup_report_problem,
		.context = &report,
	    },
	    &result);
	if (given.all && output_level() >= OUTPUT_NORMAL)
		output_print("%s:\n", job->name);
	/* A run that failed for a database that is missing, or for what the target lacks, has its backup all the same. */
	backup_report_end(&report, result.lacking || result.incomplete ? ERR_OK : err, &result.backup);
	report_record(job, &result);
	notify_report_show(&result.notifications, false);
	run_result_free(&result);
	return err;
}

/* All jobs, also behind one that failed; the last word is that of the first that was worst. */
static enum err run_all(const struct configuration *configuration)
{
	struct failure worst = {0};

	for (uint32_t i = 0; i < configuration->jobs_count && !interrupt_requested(); i++) {
		enum err err = run_one(configuration, &configuration->jobs[i], 0);

		if (err == ERR_OK)
			continue;
		fail_context(err, "job %s", configuration->jobs[i].name);
		if (worst.kind == ERR_OK || worst.kind == ERR_PARTIAL) {
			if (worst.kind != ERR_OK)
				output_failure_warning(&worst);
			failure_take(&worst);
		} else {
			output_failure_warning(failure_last());
		}
	}
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted");
	return worst.kind == ERR_OK ? ERR_OK : failure_put(&worst);
}

/* What the scheduler says of the run that it starts. */
static enum err read_given(int64_t *planned)
{
	*planned = 0;
	if (given.all && (given.run_id || given.planned || given.trigger != TRIGGER_MANUAL))
		return fail(PL_OPTION_CONFLICT, "--trigger, --planned and --run-id are of one run, --all is of many");
	if (given.run_id && !record_id_valid(given.run_id))
		return fail(PL_OPTION_VALUE, "--run-id: \"%s\" is no id of a run", given.run_id);
	if (given.planned && (!clock_parse(given.planned, planned) || *planned <= 0))
		return fail(
		    PL_OPTION_VALUE, "--planned: \"%s\" is no time, as 2026-11-22T01:00:00+09:00", given.planned);
	return ERR_OK;
}

static enum err run_command_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	const struct configuration_job *job;
	int64_t planned;
	enum err err = read_given(&planned);

	if (err != ERR_OK)
		return err;

	if (given.all && arguments->count > 0)
		return fail(PL_ARGUMENTS, "give a job or --all, not both");
	if (!given.all && arguments->count == 0)
		return fail(PL_ARGUMENTS, "no job was named; usage: pulih run JOB | --all");
	/* What the environment names is for other commands; who types -r means it. */
	if (settings.repository && settings.repository != options_environment("PULIH_REPOSITORY"))
		return fail(PL_OPTION_CONFLICT,
		    "--repo does not go with run: the configuration says where a job's backups go; another place is "
		    "another target of a job there");
	err = configured_load(&configuration);
	if (err != ERR_OK)
		return err;
	if (given.all)
		return run_all(configuration);
	job = configuration_job(configuration, arguments->items[0]);
	if (!job)
		return fail(PL_JOB_UNKNOWN, "%s describes no job \"%s\"", configured_file(), arguments->items[0]);
	return run_one(configuration, job, planned);
}

const struct command run_command = {
    .name = "run",
    .purpose = "run a configured job now, and record it",
    .arguments = "JOB | --all",
    .most = 1,
    .options = options,
    .details = "Runs the job whatever its schedule says. Every run leaves a signed record, a failed one too:\n"
	       "see pulih report. Exit codes are those of backup; 11: the job is running already.\n"
	       "--trigger, --planned and --run-id are what the scheduler says of the runs that it starts.",
    .examples = "pulih run website\npulih run --all",
    .run = run_command_run,
};
