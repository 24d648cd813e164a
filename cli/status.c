/* pulih status */
#include "scheduler/overview.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/config.h"
#include "restore/verify.h"
#include "targets/registry.h"

/* "3 days", "5 hours" */
struct age {
	char text[48];
};
static struct age age_of(int64_t since, int64_t now)
{
	struct age age = {"never"};
	int64_t hours = (now - since) / INT64_C(3600000000000);

	if (since != 0 && hours < 1)
		snprintf(age.text, sizeof(age.text), "less than an hour");
	else if (since != 0)
		snprintf(age.text, sizeof(age.text), "%s",
		    hours < 48 ? describe_count((uint64_t)hours, "hour").text
			       : describe_count((uint64_t)(hours / 24), "day").text);
	return age;
}

static json_t *time_or_null(int64_t time)
{
	return time ? describe_time_json(time) : json_null();
}

static void show_job(const struct overview *overview, const struct overview_job *job)
{
	char time[DESCRIBE_TIME];

	output_print("%s\n", job->job->name);
	if (job->last_id[0])
		output_print("  last run          %s  %s (%s)\n", describe_time(time, job->last_started),
		    job->last_status, job->last_trigger);
	else
		output_print("  last run          none yet\n");
	output_print(
	    "  last good backup  %s%s\n", age_of(job->last_good, overview->now).text, job->last_good ? " ago" : "");
	if (job->running)
		output_print("  at work           run %s\n", job->open.run_id);
	if (job->next[0])
		output_print("  next run          %s\n", describe_time(time, job->next[0]));
	if (job->next_drill)
		output_print("  next drill        %s\n", describe_time(time, job->next_drill));
	if (job->drill_id[0])
		output_print(
		    "  last drill        %s  %s\n", describe_time(time, job->drill_started), job->drill_status);
	else
		output_print("  last drill        none yet\n");
	if (job->reviews_overdue > 0)
		output_print("  reviews overdue   %llu, the oldest since %s\n",
		    (unsigned long long)job->reviews_overdue, describe_time(time, job->review_since));
	output_object("job",
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:o, s:s, s:s, s:o, s:I, s:o}", "job",
		job->job->name, "run_id", job->last_id, "status", job->last_status, "trigger", job->last_trigger,
		"last_run", time_or_null(job->last_started), "last_good", time_or_null(job->last_good), "next",
		time_or_null(job->next[0]), "running", job->running, "waiting", job->waiting, "last_drill",
		time_or_null(job->drill_started), "drill_id", job->drill_id, "drill_status", job->drill_status,
		"next_drill", time_or_null(job->next_drill), "reviews_overdue", (json_int_t)job->reviews_overdue,
		"review_since", time_or_null(job->review_since)));
}

static void tell_need(void *context, const char *job, const char *text)
{
	(void)context;
	output_print("! %s%s%s\n", job, *job ? ": " : "", text);
	output_object("needs", json_pack("{s:s, s:o}", "job", job, "text", output_text(text)));
}

static enum err read_age(const struct configuration_target *configured, struct verify_age *age)
{
	struct target *target = NULL;
	struct repository repository = {0};
	char id[2 * REPOSITORY_ID_SIZE + 1];
	enum err err = target_open(&target, configured->url, false);

	if (err == ERR_OK)
		err = repository_open_keyless(&repository, target);
	if (err != ERR_OK) {
		target_free(target);
		return err;
	}
	/* What was read when is remembered there, with a key or without. */
	repository.state_folder =
	    path_join(settings.state_folder, hex_encode(id, repository.config->id, REPOSITORY_ID_SIZE));
	err = repository.state_folder ? verify_age_of(&repository, age) : ERR_NOMEM;
	repository_close(&repository);
	return err;
}

/* Returns whether all is well there: it can be reached, and holds nothing that was found damaged. */
static bool show_target(const struct configuration_target *target, int64_t now)
{
	struct verify_age age = {0};
	char text[2 * CONFIGURATION_NAME_MAX + 128];
	enum err err = read_age(target, &age);

	if (err != ERR_OK) {
		tell_need(NULL, "", failure_last()->text);
		failure_clear();
		return false;
	}
	output_print("%s\n  oldest reading    %s%s\n", target->name,
	    age.packs ? age_of(age.since, now).text : "no packs yet", age.packs ? " ago" : "");
	output_object("target",
	    json_pack("{s:s, s:I, s:I, s:I, s:o}", "target", target->name, "packs", (json_int_t)age.packs,
		"never_read_again", (json_int_t)age.never, "damaged", (json_int_t)age.damaged, "oldest_reading",
		time_or_null(age.since)));
	if (age.damaged == 0)
		return true;
	snprintf(text, sizeof(text), "%s holds %s that verify found damaged: pulih verify -r %s", target->name,
	    describe_count(age.damaged, "pack").text, target->name);
	tell_need(NULL, "", text);
	return false;
}

static enum err status_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	struct overview overview = {0};
	size_t needs = 0;
	enum err err = configured_check(&configuration);

	(void)arguments;
	if (err == ERR_OK)
		err = overview_load(&overview, configuration, settings.state_folder);
	if (err == ERR_OK) {
		for (size_t i = 0; i < overview.count; i++)
			show_job(&overview, &overview.jobs[i]);
		for (uint32_t i = 0; i < configuration->targets_count; i++)
			needs += !show_target(&configuration->targets[i], overview.now);
		needs += overview_needs(&overview, tell_need, NULL);
		if (needs == 0)
			output_print("all is well\n");
		output_object("summary",
		    json_pack("{s:b, s:I, s:b}", "well", needs == 0, "needs", (json_int_t)needs, "scheduler",
			overview.scheduler_at_work));
	}
	overview_free(&overview);
	if (err == ERR_OK && needs > 0)
		err = fail(PL_STATUS_PERSON, "%s need%s a person", describe_count(needs, "matter").text,
		    needs == 1 ? "s" : "");
	return err;
}

const struct command status_command = {
    .name = "status",
    .purpose = "show on one screen whether all is well",
    .arguments = "",
    .details = "The last run of each job, the age of its last good backup, its next run and drill; how long ago the\n"
	       "pack of each target was read that was read longest ago; what needs a person: runs that failed or did\n"
	       "not begin, damage that a run or verify found, reviews that are overdue, notifications that were given "
	       "up or wait for more than an hour.\n"
	       "Exit code 0 only when all is well, 1 where something needs a person.",
    .examples = "pulih status\npulih status --json",
    .run = status_run,
};
