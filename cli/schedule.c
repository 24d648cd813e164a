/* pulih schedule */
#include "scheduler/overview.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/output.h"

static bool english;

static void print_job(const struct overview_job *job)
{
	char words[CALENDAR_TEXT], time[DESCRIBE_TIME];

	if (!job->calendar) {
		output_print(
		    "%s: no schedule; it runs when somebody says pulih run %s\n", job->job->name, job->job->name);
		return;
	}
	output_print("%s: %s\n", job->job->name, calendar_text(job->calendar, english, words));
	if (job->running)
		output_print("  at work: run %s, since %s\n", job->open.run_id, describe_time(time, job->open.started));
	else if (job->waiting)
		output_print("  waiting: planned for %s%s%s\n", describe_time(time, job->open.planned),
		    job->open.attempt > 1 ? ", again after a failure" : "",
		    job->open.missed ? ", makes up for missed times" : "");
	if (job->missed > 0)
		output_print("  %s missed so far; the scheduler makes up for %s with one run\n",
		    describe_count(job->missed, "planned time").text, job->missed == 1 ? "it" : "them");
	for (size_t i = 0; i < OVERVIEW_NEXT && job->next[i] != 0; i++)
		output_print("  %s\n", describe_time(time, job->next[i]));
	if (job->next_drill)
		output_print("  drill: %s\n", describe_time(time, job->next_drill));
}

static json_t *times_of(const struct overview_job *job)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < OVERVIEW_NEXT && job->next[i] != 0; i++)
		json_array_append_new(list, describe_time_json(job->next[i]));
	return list;
}

static void write_job(const struct overview_job *job)
{
	char words[CALENDAR_TEXT];

	output_object("job",
	    json_pack("{s:s, s:o, s:o, s:b, s:b, s:I, s:o}", "job", job->job->name, "schedule",
		job->calendar ? json_string(calendar_text(job->calendar, english, words)) : json_null(), "next",
		times_of(job), "running", job->running, "waiting", job->waiting, "missed", (json_int_t)job->missed,
		"drill", job->next_drill ? describe_time_json(job->next_drill) : json_null()));
}

static void show_missed(const struct overview *overview)
{
	char time[DESCRIBE_TIME];

	if (overview->missed.count > 0)
		output_print("missed, and made up for:\n");
	for (size_t i = 0; i < overview->missed.count; i++) {
		const struct state_run *run = &overview->missed.items[i];

		output_print("  %s: %s up to %s; %s%s\n", run->job, describe_count(run->missed, "planned time").text,
		    describe_time(time, run->planned), run->run_id[0] ? "run " : "waiting", run->run_id);
		output_object("missed",
		    json_pack("{s:s, s:I, s:o, s:s, s:s}", "job", run->job, "missed", (json_int_t)run->missed,
			"planned", describe_time_json(run->planned), "run_id", run->run_id, "result", run->result));
	}
}

static enum err schedule_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	struct overview overview = {0};
	enum err err = configured_load(&configuration);

	(void)arguments;
	if (err == ERR_OK)
		err = overview_load(&overview, configuration, settings.state_folder);
	if (err == ERR_OK) {
		english = configuration->office.language == LANGUAGE_ENGLISH;
		for (size_t i = 0; i < overview.count; i++) {
			print_job(&overview.jobs[i]);
			write_job(&overview.jobs[i]);
		}
		show_missed(&overview);
		if (overview.scheduled && !overview.scheduler_at_work)
			output_note("no scheduler is at work: nothing will start by itself");
		output_object("summary",
		    json_pack(
			"{s:I, s:b}", "jobs", (json_int_t)overview.count, "scheduler", overview.scheduler_at_work));
	}
	overview_free(&overview);
	return err;
}

const struct command schedule_command = {
    .name = "schedule",
    .purpose = "show what runs when, and what was missed",
    .arguments = "",
    .details = "The next 10 times of each job by the clock of the office, runs that wait, and times that were missed\n"
	       "with the run that made up for them.",
    .examples = "pulih schedule\npulih schedule --json",
    .run = schedule_run,
};
