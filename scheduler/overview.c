#include "scheduler/overview.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_ledger.h"
#include "scheduler/daemon.h"
#include "scheduler/office.h"

/* ---- the schedule and the state ---- */

static enum err read_drill(struct overview_job *job, const char *zone, int64_t now)
{
	struct calendar *calendar;
	enum err err;

	if (!job->job->drill)
		return ERR_OK;
	err = calendar_new(&calendar, job->job->drill, zone);
	if (err == ERR_OK)
		calendar_next(calendar, now, &job->next_drill);
	calendar_free(calendar);
	return err;
}

static enum err read_schedule(struct overview *overview, struct overview_job *job, const char *zone)
{
	int64_t at = overview->now;
	enum err err = read_drill(job, zone, overview->now);

	if (err != ERR_OK || !job->job->schedule)
		return err;
	overview->scheduled = true;
	err = calendar_new(&job->calendar, job->job->schedule, zone);
	for (size_t i = 0; err == ERR_OK && i < OVERVIEW_NEXT && at != CALENDAR_NEVER; i++) {
		calendar_next(job->calendar, at, &job->next[i]);
		at = job->next[i];
	}
	return err;
}

static enum err read_since(struct overview *overview, struct overview_job *job, struct state *state)
{
	int64_t since, latest;
	enum err err;

	if (!job->calendar)
		return ERR_OK;
	err = state_since(state, job->job->name, overview->now, &since);
	if (err != ERR_OK || since == 0)
		return err;
	job->known = true;
	calendar_missed(job->calendar, since, overview->now, &job->missed, &latest);
	if (job->missed > 0)
		calendar_next(job->calendar, since, &job->missed_since);
	return ERR_OK;
}

static void take_open(struct overview *overview, const struct state_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < overview->count; k++) {
			struct overview_job *job = &overview->jobs[k];

			if (strcmp(job->job->name, list->items[i].job) != 0)
				continue;
			if (list->items[i].phase == STATE_RUNNING || !job->running)
				job->open = list->items[i];
			job->running = job->running || list->items[i].phase == STATE_RUNNING;
			job->waiting = job->waiting || list->items[i].phase == STATE_QUEUED;
		}
}

static enum err read_state(struct overview *overview, const char *state_folder)
{
	struct state *state = NULL;
	struct state_list list = {0};
	enum err err = state_open(&state, state_folder, false);

	if (err == ERR_MISSING) {
		failure_clear();
		return ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < overview->count; i++)
		err = read_since(overview, &overview->jobs[i], state);
	if (err == ERR_OK)
		err = state_open_runs(state, &list);
	if (err == ERR_OK)
		take_open(overview, &list);
	if (err == ERR_OK)
		err = state_missed(state, OVERVIEW_MISSED, &overview->missed);
	state_list_free(&list);
	state_close(state);
	return err;
}

/* ---- the ledger ---- */

static void copy_member(char *out, size_t size, json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, size, "%s", text ? text : "");
}

static enum err take_row(void *context, const struct record_row *row)
{
	struct overview_job *job = context;
	json_t *record = row->original->record;

	snprintf(job->last_id, sizeof(job->last_id), "%s", row->heading->id);
	copy_member(job->last_status, sizeof(job->last_status), record, "status");
	copy_member(job->last_trigger, sizeof(job->last_trigger), record, "trigger");
	copy_member(job->last_failure, sizeof(job->last_failure), json_object_get(record, "failure"), "message");
	job->last_started = row->heading->time;
	return ERR_OK;
}

/* Context of take_good(). */
struct good {
	struct overview_job *job;
	uint64_t number; /* of the last one */
};

static enum err take_good(void *context, const struct record_row *row)
{
	struct good *good = context;

	if (row->heading->number > good->number)
		good->job->last_good = row->heading->time;
	if (row->heading->number > good->number)
		good->number = row->heading->number;
	return ERR_OK;
}

/* The last run, and the last good one: ledgers grow for years, and nobody waits for all of them to be read. */
static enum err read_runs(struct overview_job *job, struct record_ledger *ledger, size_t *damaged)
{
	static const char *const statuses[] = {"success", "success_with_notes"};
	struct record_filter filter = {.kind = RECORD_RUN, .job = job->job->name, .last = 1, .damaged = damaged};
	struct good good = {.job = job};
	size_t before = *damaged;
	enum err err = record_ledger_each(ledger, &filter, take_row, job);

	/* What stands behind a damaged one is as far as anybody can see. */
	if (err == ERR_OK && *damaged > before) {
		filter.last = 0;
		filter.quiet = true;
		err = record_ledger_each(ledger, &filter, take_row, job);
	}
	for (size_t i = 0; err == ERR_OK && i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		filter.status = statuses[i];
		err = record_ledger_each(ledger, &filter, take_good, &good);
	}
	return err;
}

static enum err read_ledger(struct overview *overview, const char *state_folder)
{
	struct record_ledger *ledger;
	size_t damaged = 0;
	enum err err = record_ledger_open(&ledger, state_folder, false);

	for (size_t i = 0; err == ERR_OK && i < overview->count; i++)
		err = read_runs(&overview->jobs[i], ledger, &damaged);
	if (damaged > 0)
		overview->damaged = true;
	record_ledger_close(ledger);
	return err;
}

enum err overview_load(struct overview *out, const struct configuration *configuration, const char *state_folder)
{
	enum err err = office_enter_zone(configuration);

	*out = (struct overview){.now = clock_now()};
	if (err == ERR_OK && !(out->jobs = mem_calloc(configuration->jobs_count + 1, sizeof(*out->jobs))))
		err = ERR_NOMEM;
	for (uint32_t i = 0; err == ERR_OK && i < configuration->jobs_count; i++) {
		struct overview_job *job = &out->jobs[out->count++];

		job->job = &configuration->jobs[i];
		err = read_schedule(out, job, configuration->office.timezone);
	}
	if (err == ERR_OK)
		err = daemon_is_running(state_folder, &out->scheduler_at_work);
	if (err == ERR_OK)
		err = read_state(out, state_folder);
	if (err == ERR_OK)
		err = read_ledger(out, state_folder);
	return err;
}

void overview_free(struct overview *overview)
{
	for (size_t i = 0; i < overview->count; i++)
		calendar_free(overview->jobs[i].calendar);
	mem_free(overview->jobs);
	state_list_free(&overview->missed);
	*overview = (struct overview){0};
}

/* ---- what needs a person ---- */

struct needs {
	overview_tell tell;
	void *context;
	size_t count;
};

static void need(struct needs *needs, const char *job, const char *text)
{
	needs->count++;
	needs->tell(needs->context, job, text);
}

static void needs_of_job(struct needs *needs, const struct overview *overview, const struct overview_job *job)
{
	char time[CLOCK_TEXT], text[FAILURE_TEXT + 64];

	if (strcmp(job->last_status, "failed") == 0) {
		snprintf(text, sizeof(text), "the last run failed: %s", job->last_failure);
		need(needs, job->job->name, text);
	} else if (job->last_good == 0) {
		need(needs, job->job->name, "there is no backup yet");
	}
	if (job->missed > 0 && overview->now - job->missed_since > OVERVIEW_LATE) {
		snprintf(text, sizeof(text), "nothing ran for %llu planned time%s, the first at %s",
		    (unsigned long long)job->missed, job->missed == 1 ? "" : "s",
		    clock_format(time, job->missed_since));
		need(needs, job->job->name, text);
	}
}

size_t overview_needs(const struct overview *overview, overview_tell tell, void *context)
{
	struct needs needs = {tell, context, 0};

	if (overview->scheduled && !overview->scheduler_at_work)
		need(&needs, "", "no scheduler is at work: systemctl start pulih-scheduler");
	if (overview->damaged)
		need(&needs, "", "the ledger holds damaged records: pulih ledger verify");
	for (size_t i = 0; i < overview->count; i++)
		needs_of_job(&needs, overview, &overview->jobs[i]);
	return needs.count;
}
