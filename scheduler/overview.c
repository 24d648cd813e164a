#include "scheduler/overview.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/daemon.h"
#include "scheduler/history.h"
#include "scheduler/notify_outbox.h"
#include "scheduler/office.h"
#include "scheduler/review.h"

#include <unistd.h>

/* ---- the schedule and the state ---- */

static enum err read_drill(struct overview_job *job, const char *zone, int64_t now)
{
	struct calendar *calendar;
	enum err err;

	if (!configuration_drill_schedule(job->job))
		return ERR_OK;
	err = calendar_new(&calendar, configuration_drill_schedule(job->job), zone);
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

static enum err look_for_damaged_state(struct overview *overview, const char *state_folder)
{
	char *path = path_join(state_folder, STATE_FILE_DAMAGED);

	if (!path)
		return ERR_NOMEM;
	overview->state_anew = access(path, F_OK) == 0;
	mem_free(path);
	return ERR_OK;
}

/* Whether the scheduler works with what the file says now. */
static enum err compare_configuration(
    struct overview *overview, const struct configuration *configuration, const char *state_folder)
{
	char *path = path_join(state_folder, DAEMON_ACCEPTED);
	struct buffer accepted = {0}, text = {0};
	enum err err = path ? file_read_all(path, CONFIGURATION_FILE_MAX, &accepted) : ERR_NOMEM;

	if (err == ERR_OK)
		err = file_read_all(configuration->file, CONFIGURATION_FILE_MAX, &text);
	if (err == ERR_OK)
		overview->configuration_changed = overview->scheduler_at_work &&
		    (accepted.length != text.length || memcmp(accepted.data, text.data, text.length) != 0);
	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
	}
	mem_free(path);
	buffer_free(&accepted);
	buffer_free(&text);
	return err;
}

/* ---- the ledger ---- */

static enum err read_history(struct overview *overview, struct overview_job *job, struct record_ledger *ledger)
{
	struct history history;
	enum err err = history_of_job(ledger, job->job->name, &history);

	if (err != ERR_OK)
		return err;
	snprintf(job->last_id, sizeof(job->last_id), "%s", history.id);
	snprintf(job->last_status, sizeof(job->last_status), "%s", history.result);
	snprintf(job->last_trigger, sizeof(job->last_trigger), "%s", history.trigger);
	snprintf(job->last_failure, sizeof(job->last_failure), "%s", history.failure);
	snprintf(job->last_found, sizeof(job->last_found), "%s", history.bad_check);
	job->last_started = history.started == HISTORY_UNKNOWN ? 0 : history.started;
	job->last_good = history.good_started == HISTORY_UNKNOWN ? 0 : history.good_started;
	overview->damaged = overview->damaged || history.damaged > 0;
	return ERR_OK;
}

static enum err take_drill(void *context, const struct record_row *row)
{
	struct overview_job *job = context;

	snprintf(job->drill_id, sizeof(job->drill_id), "%s", row->heading->id);
	snprintf(job->drill_status, sizeof(job->drill_status), "%s", row->heading->status);
	job->drill_started = row->heading->time;
	return ERR_OK;
}

static enum err read_last_drill(struct overview *overview, struct overview_job *job, struct record_ledger *ledger)
{
	size_t damaged = 0;
	const struct record_filter filter = {
	    .kind = RECORD_DRILL, .job = job->job->name, .last = 1, .damaged = &damaged};
	enum err err = record_ledger_each(ledger, &filter, take_drill, job);

	overview->damaged = overview->damaged || damaged > 0;
	return err;
}

static enum err take_review(void *context, const struct review_waiting *waiting)
{
	struct overview *overview = context;

	for (size_t i = 0; waiting->overdue && i < overview->count; i++) {
		struct overview_job *job = &overview->jobs[i];

		if (strcmp(job->job->name, waiting->run->heading->job) != 0)
			continue;
		if (job->reviews_overdue++ == 0 || waiting->since < job->review_since) {
			job->review_since = waiting->since;
			snprintf(job->review_id, sizeof(job->review_id), "%s", waiting->run->heading->id);
		}
	}
	return ERR_OK;
}

static enum err read_ledger(
    struct overview *overview, const struct configuration *configuration, const char *state_folder)
{
	struct record_ledger *ledger;
	size_t damaged = 0;
	enum err err = record_ledger_open(&ledger, state_folder, false);

	for (size_t i = 0; err == ERR_OK && i < overview->count; i++)
		err = read_history(overview, &overview->jobs[i], ledger);
	for (size_t i = 0; err == ERR_OK && i < overview->count; i++)
		err = read_last_drill(overview, &overview->jobs[i], ledger);
	if (err == ERR_OK)
		err = review_waiting_each(configuration, ledger, overview->now, &damaged, take_review, overview);
	if (err == ERR_CORRUPT || damaged > 0) {
		overview->damaged = true;
		failure_clear();
		err = err == ERR_CORRUPT ? ERR_OK : err;
	}
	record_ledger_close(ledger);
	return err;
}

/* ---- notifications ---- */

static void take_waiting(struct overview *overview, const struct notify_result *waiting)
{
	/* A message of the future was put there by a clock that was ahead: nobody knows for how long it waits. */
	if (overview->now - waiting->since <= OVERVIEW_LATE)
		return;
	for (size_t i = 0; i < overview->channels_count; i++) {
		struct overview_channel *channel = &overview->channels[i];

		if (strcmp(channel->name, waiting->channel) != 0)
			continue;
		if (channel->waiting++ == 0) {
			channel->since = waiting->since;
			snprintf(channel->why, sizeof(channel->why), "%s", waiting->failure.text);
		}
	}
}

static enum err read_channels(
    struct overview *overview, const struct configuration *configuration, const char *state_folder)
{
	struct notify_results waiting = {0};
	enum err err = ERR_OK;

	overview->channels = mem_calloc(configuration->notifications_count + 1, sizeof(*overview->channels));
	if (!overview->channels)
		return ERR_NOMEM;
	overview->channels_count = configuration->notifications_count;
	for (size_t i = 0; err == ERR_OK && i < overview->channels_count; i++) {
		overview->channels[i].name = configuration->notifications[i].name;
		err = notify_lost_of(state_folder, overview->channels[i].name, &overview->channels[i].lost);
	}
	if (err == ERR_OK)
		err = notify_outbox_list(state_folder, &waiting);
	for (size_t i = 0; err == ERR_OK && i < waiting.count; i++)
		take_waiting(overview, &waiting.items[i]);
	notify_results_free(&waiting);
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
		err = compare_configuration(out, configuration, state_folder);
	if (err == ERR_OK)
		err = look_for_damaged_state(out, state_folder);
	if (err == ERR_OK)
		err = read_state(out, state_folder);
	if (err == ERR_OK)
		err = read_ledger(out, configuration, state_folder);
	if (err == ERR_OK)
		err = read_channels(out, configuration, state_folder);
	return err;
}

void overview_free(struct overview *overview)
{
	for (size_t i = 0; i < overview->count; i++)
		calendar_free(overview->jobs[i].calendar);
	mem_free(overview->jobs);
	mem_free(overview->channels);
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

static bool any_running(const struct overview *overview)
{
	for (size_t i = 0; i < overview->count; i++)
		if (overview->jobs[i].running)
			return true;
	return false;
}

/* One that is queued counts as done for its planned time. Where its window is closed whenever the machine is on, or others are always before it,
 * it is late for ever. To wait for another one's end is no matter, unless a time has passed by already. */
static void need_of_waiting(struct needs *needs, const struct overview *overview, const struct overview_job *job)
{
	const struct state_run *run = &job->open;
	char time[CLOCK_TEXT], window[CLOCK_TEXT], text[2 * CLOCK_TEXT + 160];
	bool closed = job->calendar && !calendar_window_open(job->calendar, overview->now);

	if (!job->waiting || job->running || strcmp(run->trigger, "retry") == 0 ||
	    overview->now - run->planned <= OVERVIEW_LATE || (run->missed == 0 && any_running(overview)))
		return;
	snprintf(text, sizeof(text), "the run that was planned at %s still waits%s%s", clock_format(time, run->planned),
	    closed ? ": its window opens at " : "",
	    closed ? clock_format(window, calendar_window_next(job->calendar, overview->now)) : "");
	need(needs, job->job->name, text);
}

static void needs_of_job(struct needs *needs, const struct overview *overview, const struct overview_job *job)
{
	char time[CLOCK_TEXT], text[FAILURE_TEXT + RECORD_ID_SIZE + 96];

	if (strcmp(job->last_status, "failed") == 0) {
		snprintf(text, sizeof(text), "the last run failed: %s", job->last_failure);
		need(needs, job->job->name, text);
	} else if (job->last_found[0]) {
		snprintf(text, sizeof(text), "the last run found what is not good: %s: pulih report show %s",
		    job->last_found, job->last_id);
		need(needs, job->job->name, text);
	} else if (job->last_good == 0) {
		need(needs, job->job->name, "there is no backup yet");
	}
	if (strcmp(job->drill_status, "failed") == 0) {
		snprintf(text, sizeof(text), "the last restore drill failed: pulih report show %s", job->drill_id);
		need(needs, job->job->name, text);
	}
	if (job->missed > 0 && overview->now - job->missed_since > OVERVIEW_LATE) {
		snprintf(text, sizeof(text), "nothing ran for %llu planned time%s, the first at %s",
		    (unsigned long long)job->missed, job->missed == 1 ? "" : "s",
		    clock_format(time, job->missed_since));
		need(needs, job->job->name, text);
	}
	need_of_waiting(needs, overview, job);
	if (job->reviews_overdue > 0) {
		snprintf(text, sizeof(text), "%llu report%s overdue for review, the oldest since %s: %s",
		    (unsigned long long)job->reviews_overdue, job->reviews_overdue == 1 ? " is" : "s are",
		    clock_format(time, job->review_since), job->review_id);
		need(needs, job->job->name, text);
	}
}

static void needs_of_channel(struct needs *needs, const struct overview_channel *channel)
{
	char time[CLOCK_TEXT], text[FAILURE_TEXT + CONFIGURATION_NAME_MAX + 160];

	if (channel->waiting > 0) {
		snprintf(text, sizeof(text),
		    "channel %s: %llu notification%s for more than an hour, the oldest since %s%s%s", channel->name,
		    (unsigned long long)channel->waiting, channel->waiting == 1 ? " waits" : "s wait",
		    clock_format(time, channel->since), channel->why[0] ? ": " : "", channel->why);
		need(needs, "", text);
	}
	if (channel->lost.count > 0) {
		snprintf(text, sizeof(text),
		    "channel %s: %llu notification%s given up, and it has taken none since: %s", channel->name,
		    (unsigned long long)channel->lost.count, channel->lost.count == 1 ? " was" : "s were",
		    channel->lost.text);
		need(needs, "", text);
	}
}

size_t overview_needs(const struct overview *overview, overview_tell tell, void *context)
{
	struct needs needs = {tell, context, 0};

	if (overview->scheduled && !overview->scheduler_at_work)
		need(&needs, "", "no scheduler is at work: systemctl start pulih-scheduler");
	if (overview->configuration_changed)
		need(&needs, "",
		    "the configuration was changed since the scheduler read it: systemctl reload pulih-scheduler");
	if (overview->state_anew)
		need(&needs, "",
		    "the scheduler's state was damaged and begun anew: check the disk, see pulih schedule, then remove "
		    "the files " STATE_FILE_DAMAGED "*");
	if (overview->damaged)
		need(&needs, "", "the ledger holds damaged records: pulih ledger verify");
	for (size_t i = 0; i < overview->count; i++)
		needs_of_job(&needs, overview, &overview->jobs[i]);
	for (size_t i = 0; i < overview->channels_count; i++)
		needs_of_channel(&needs, &overview->channels[i]);
	return needs.count;
}
