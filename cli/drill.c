/* pulih drill */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/notify_report.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_member.h"
#include "scheduler/run.h"

static struct {
	int trigger;
	const char *planned, *run_id, *snapshot;
} given;

enum { TRIGGER_MANUAL };
static const char *const triggers[] = {"manual", "scheduled", "catch_up", "retry", NULL};

static const struct option_spec options[] = {
    {OPTION(
	"snapshot", 0, OPTION_TEXT, "ID", "restore this snapshot, and not the last one of the job", &given.snapshot)},
    {OPTION(
	 "trigger", 0, OPTION_CHOICE, "WORD", "for the record: manual, scheduled, catch_up or retry", &given.trigger),
	.choices = triggers},
    {OPTION(
	"planned", 0, OPTION_TEXT, "TIME", "for the record: when the drill was planned (RFC 3339)", &given.planned)},
    {OPTION("run-id", 0, OPTION_TEXT, "ID", "the id of the drill, chosen before", &given.run_id)},
    {0},
};

static void show_step(void *context, const char *action, const char *object)
{
	(void)context;
	if (output_level() >= OUTPUT_VERBOSE)
		output_print("%s %s\n", action, object);
}

/* "MISMATCH joomla.users: another number of rows (75, found 74)" */
static void show_finding(json_t *finding)
{
	const char *object = record_member_text(finding, "object"), *text = record_member_text(finding, "text");
	const char *expected = record_member_text(finding, "expected"), *found = record_member_text(finding, "found");
	bool note = strcmp(record_member_text(finding, "severity"), "note") == 0;

	output_print("%s %s%s%s", note ? "note    " : "MISMATCH", object, *object ? ": " : "", text);
	if (*expected)
		output_print(" (expected %s, found %s)", expected, found);
	output_print("\n");
}

static void show(const struct run_result *result)
{
	json_t *drill = result->drill, *files = record_member(drill, "files"), *finding;
	char duration[32], age[32], size[32];
	size_t at;

	if (!record_member(drill, "steps"))
		return;
	json_array_foreach(record_member(drill, "findings"), at, finding) show_finding(finding);
	if (record_member_number(drill, "findings_omitted") > 0)
		output_print("and %llu more\n", (unsigned long long)record_member_number(drill, "findings_omitted"));
	output_print("restored and compared %s (%s), %s, %s\n",
	    describe_count(record_member_number(files, "verified_files"), "file").text,
	    output_size(size, record_member_number(files, "verified_bytes")),
	    describe_count(json_array_size(record_member(drill, "databases")), "database").text,
	    describe_count(json_array_size(record_member(drill, "assertions")), "assertion").text);
	output_print("the way back took %s; the backup is %s old\n",
	    output_duration(duration,
		(int64_t)record_member_number(record_member(drill, "rto"), "reached_ms") * (CLOCK_SECOND / 1000)),
	    output_duration(
		age, (int64_t)record_member_number(record_member(drill, "rpo"), "reached_ms") * (CLOCK_SECOND / 1000)));
}

static void report(const struct configuration_job *job, const struct run_result *result)
{
	static const char *const statuses[] = {
	    [RECORD_SUCCESS] = "success", [RECORD_NOTES] = "success_with_notes", [RECORD_FAILED] = "failed"};

	if (result->cut_off[0])
		output_note("drill %s had been cut off; it has its record now", result->cut_off);
	if (result->drill && output_level() >= OUTPUT_NORMAL)
		show(result);
	if (result->original.length == 0)
		return;
	if (output_level() >= OUTPUT_NORMAL)
		output_print("  record %s (pulih report show %s)\n", result->id, result->id);
	output_object("record",
	    json_pack("{s:s, s:s, s:s, s:b}", "run_id", result->id, "job", job->name, "status",
		statuses[result->status], "stored", result->stored));
}

static enum err drill_one(
    const struct configuration *configuration, const struct configuration_job *job, int64_t planned)
{
	const struct configuration_target *target = configuration_target(configuration, job->target);
	struct configuration_target reading = *target;
	struct repository_access access;
	struct run_result result = {0};
	enum err err;

	/* The key that adds backups every night cannot read them; what the drill has instead is for it alone. By hand, the passphrase is asked for. */
	if (job->drill && (job->drill->password_file || job->drill->password_command)) {
		reading.key = NULL;
		reading.password_file = job->drill->password_file;
		reading.password_command = job->drill->password_command;
	} else if (given.trigger == TRIGGER_MANUAL) {
		reading.key = NULL;
	}
	configured_use(&reading);
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
		.drill = true,
		.snapshot = given.snapshot,
		.on_step = show_step,
		.limited = given.trigger != TRIGGER_MANUAL,
		.threads = (unsigned)settings.threads,
	    },
	    &result);
	if (result.drill && record_member(result.drill, "steps"))
		output_object("drill", json_incref(result.drill));
	report(job, &result);
	notify_report_show(&result.notifications, false);
	run_result_free(&result);
	return err;
}

static enum err drill_run_command(const struct arguments *arguments)
{
	const struct configuration *configuration;
	const struct configuration_job *job;
	int64_t planned = 0;
	enum err err;

	if (given.run_id && !record_id_valid(given.run_id))
		return fail(PL_OPTION_VALUE, "--run-id: \"%s\" is no id of a run", given.run_id);
	if (given.planned && (!clock_parse(given.planned, &planned) || planned <= 0))
		return fail(
		    PL_OPTION_VALUE, "--planned: \"%s\" is no time, as 2026-11-22T01:00:00+09:00", given.planned);
	if (settings.repository && settings.repository != options_environment("PULIH_REPOSITORY"))
		return fail(PL_OPTION_CONFLICT,
		    "--repo does not go with drill: the configuration says where a job's backups are");
	err = configured_load(&configuration);
	if (err != ERR_OK)
		return err;
	job = configuration_job(configuration, arguments->items[0]);
	if (!job)
		return fail(PL_JOB_UNKNOWN, "%s describes no job \"%s\"", configured_file(), arguments->items[0]);
	return drill_one(configuration, job, planned);
}

const struct command drill_command = {
    .name = "drill",
    .purpose = "restore a job's last backup into a throw-away place, compare, and record it",
    .arguments = "JOB",
    .least = 1,
    .most = 1,
    .options = options,
    .details =
	"Files come into a folder of their own, dumps of databases into servers of their own (packages\n"
	"mariadb-server-core and postgresql), which go again; the servers of this machine are never asked. All\n"
	"files are read back and compared; databases are dumped anew and compared with the dump, and with what\n"
	"was counted when it was made; the assertions of the configuration are asked. Time and age are held\n"
	"against rto and rpo. Where the job's target has a key that only adds backups, the passphrase is asked\n"
	"for, or read from drill.password_file. Whatever came of it, a signed record is left: pulih report show.\n"
	"Exit code 5: something did not come back as it was, or not in time. See drill in pulih.yaml(5).",
    .examples = "pulih drill website\npulih drill website --snapshot 4bf92f35 -v",
    .run = drill_run_command,
};
