/* One look at the clock: what has become due is queued, what may start is started. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_heading.h"
#include "scheduler/events.h"
#include "scheduler/plan.h"

static void announce_missed(const struct state_run *run)
{
	if (run->missed > 0)
		events_announce(&(struct event){.kind = EVENT_MISSED,
		    .job = run->job,
		    .trigger = run->trigger,
		    .planned = run->planned,
		    .missed = run->missed,
		    .text = "one run makes up for it"});
}

static enum err queue_due(struct daemon *daemon, struct daemon_job *job, int64_t now)
{
	struct plan_due due;
	struct state_run run;
	int64_t since;
	bool queued;
	enum err err = state_see_job(daemon->state, job->name, job->schedule, now, &since);

	if (err != ERR_OK)
		return err;
	calendar_next(job->calendar, now, &job->next);
	due = plan_due(job->calendar, since, now);
	if (!due.due)
		return ERR_OK;
	run = (struct state_run){
	    .planned = due.planned, .missed = due.missed, .priority = job->job->priority, .attempt = 1};
	snprintf(run.job, sizeof(run.job), "%s", job->name);
	snprintf(run.trigger, sizeof(run.trigger), "%s", due.late ? "catch_up" : "scheduled");
	err = state_queue(daemon->state, &run, &queued);
	if (err == ERR_OK && queued)
		announce_missed(&run);
	return err;
}

static void fill_entries(const struct daemon *daemon, const struct state_list *list, struct plan_entry *entries)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct state_run *run = &list->items[i];
		const struct daemon_job *job = daemon_job(daemon, run->job);

		entries[i] = (struct plan_entry){.job = run->job,
		    .calendar = job ? job->calendar : NULL,
		    .planned = run->planned,
		    .not_before = run->not_before,
		    .priority = run->priority,
		    .running = run->phase == STATE_RUNNING};
	}
}

/* It was late already when this scheduler came: it did not wait for others alone. */
static enum err make_up(const struct daemon *daemon, struct state_run *run)
{
	bool missed;
	enum err err;

	if (strcmp(run->trigger, "scheduled") != 0 || daemon->since - run->planned <= PLAN_LATE)
		return ERR_OK;
	err = state_make_up(daemon->state, run, &missed);
	if (err == ERR_OK && missed)
		announce_missed(run);
	return err;
}

static enum err name_run(struct state_run *run, int64_t now)
{
	char job[CONFIGURATION_NAME_MAX + 1];

	drill_key_job(job, run->job);
	return drill_key_is(run->job) ? record_new_id_of(run->run_id, RECORD_DRILL, job, now)
				      : record_new_id(run->run_id, job, now);
}

static enum err start(struct daemon *daemon, struct state_run *run, int64_t now)
{
	enum err err = daemon_child_reserve(daemon);

	if (err == ERR_OK)
		err = make_up(daemon, run);
	if (err == ERR_OK)
		err = name_run(run, now);
	if (err == ERR_OK)
		err = state_start(daemon->state, run->id, run->run_id, now);
	if (err != ERR_OK)
		return err;
	run->phase = STATE_RUNNING;
	run->started = now;
	events_announce(&(struct event){.kind = EVENT_STARTED,
	    .job = run->job,
	    .run_id = run->run_id,
	    .trigger = run->trigger,
	    .planned = run->planned});
	return daemon_child_start(daemon, run);
}

static enum err start_what_may(struct daemon *daemon, struct state_list *list, int64_t now, int64_t *wake)
{
	const unsigned parallel = limits_of(daemon->configuration, NULL).parallel;
	struct plan_entry *entries = mem_calloc(list->count + 1, sizeof(*entries));
	enum err err = entries ? ERR_OK : ERR_NOMEM;

	while (err == ERR_OK) {
		size_t at;

		fill_entries(daemon, list, entries);
		at = plan_pick(entries, list->count, parallel, now);
		if (at == PLAN_NONE) {
			int64_t earliest = plan_wake(entries, list->count, now);

			*wake = earliest < *wake ? earliest : *wake;
			break;
		}
		err = start(daemon, &list->items[at], now);
	}
	mem_free(entries);
	return err;
}

enum err daemon_look(struct daemon *daemon, int64_t *wake)
{
	int64_t now = clock_now();
	struct state_list list = {0};
	enum err err = ERR_OK;

	*wake = CALENDAR_NEVER;
	for (size_t i = 0; err == ERR_OK && i < daemon->jobs_count; i++) {
		err = queue_due(daemon, &daemon->jobs[i], now);
		if (err == ERR_OK && daemon->jobs[i].next < *wake)
			*wake = daemon->jobs[i].next;
	}
	if (err == ERR_OK)
		err = state_open_runs(daemon->state, &list);
	if (err == ERR_OK)
		err = start_what_may(daemon, &list, now, wake);
	state_list_free(&list);
	return err;
}
