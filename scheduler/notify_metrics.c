#include "scheduler/notify_metrics.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/calendar.h"
#include "scheduler/notify_internal.h"
#include "scheduler/review.h"

#include <stddef.h>
#include <sys/stat.h>

/* ---- what there is to tell ---- */

static int64_t time_member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(object, name), "utc"));
	int64_t time;

	return text && clock_parse(text, &time) ? time : METRICS_UNKNOWN;
}

static int64_t number_member(json_t *object, const char *name)
{
	json_t *number = json_object_get(object, name);

	return json_is_integer(number) ? json_integer_value(number) : METRICS_UNKNOWN;
}

static enum record_status status_of(const struct record_original *original)
{
	const char *status = json_string_value(json_object_get(original->record, "status"));

	return status && strcmp(status, "success") == 0		  ? RECORD_SUCCESS
	    : status && strcmp(status, "success_with_notes") == 0 ? RECORD_NOTES
								  : RECORD_FAILED;
}

/* Context of take_last() and take_good(). */
struct taking {
	struct notify_metrics_job *job;
	uint64_t good; /* number of the last record that is good */
};

static enum err take_last(void *context, const struct record_row *row)
{
	struct notify_metrics_job *job = ((struct taking *)context)->job;
	const struct record_original *original = row->original;
	json_t *totals = json_object_get(original->record, "totals");
	json_t *unread = json_object_get(original->record, "unread");
	int64_t milliseconds = number_member(original->record, "duration_ms");

	job->has_run = true;
	job->status = status_of(original);
	job->started = time_member(original->record, "started");
	job->ended = time_member(original->record, "ended");
	job->duration = milliseconds == METRICS_UNKNOWN ? METRICS_UNKNOWN : milliseconds * (CLOCK_SECOND / 1000);
	job->source_bytes = number_member(totals, "bytes");
	job->stored_bytes = number_member(totals, "bytes_stored");
	if (json_is_object(unread))
		job->oldest_unread = time_member(unread, "since");
	return ERR_OK;
}

static enum err take_good(void *context, const struct record_row *row)
{
	struct taking *taking = context;
	json_t *unread = json_object_get(row->original->record, "unread");

	if (row->heading->number < taking->good)
		return ERR_OK;
	taking->good = row->heading->number;
	taking->job->last_good = time_member(row->original->record, "ended");
	/* A run that failed early did not get to see the packs: what the last good one saw still holds. */
	if (taking->job->oldest_unread == METRICS_UNKNOWN && json_is_object(unread))
		taking->job->oldest_unread = time_member(unread, "since");
	return ERR_OK;
}

static enum err take_records(struct notify_metrics_job *job, struct record_ledger *ledger)
{
	static const char *const good[] = {"success", "success_with_notes"};
	struct taking taking = {.job = job};
	size_t damaged = 0;
	struct record_filter filter = {.kind = RECORD_RUN, .job = job->job, .last = 1, .damaged = &damaged};
	enum err err = record_ledger_each(ledger, &filter, take_last, &taking);

	for (size_t i = 0; err == ERR_OK && i < sizeof(good) / sizeof(good[0]); i++) {
		filter.status = good[i];
		err = record_ledger_each(ledger, &filter, take_good, &taking);
	}
	return err;
}

/* Reports of jobs that the configuration knows, and that wait for too long. */
static enum err take_review(void *context, const struct review_waiting *waiting)
{
	struct notify_metrics *metrics = context;

	for (size_t i = 0; waiting->overdue && i < metrics->jobs_count; i++)
		if (strcmp(metrics->jobs[i].job, waiting->run->heading->job) == 0)
			metrics->jobs[i].reviews_overdue++;
	return ERR_OK;
}

static enum err take_schedule(
    struct notify_metrics_job *out, const struct configuration *configuration, size_t at, int64_t now)
{
	const struct configuration_schedule *schedule = configuration->jobs[at].schedule;
	struct calendar *calendar = NULL;
	int64_t next;
	enum err err;

	if (!schedule)
		return ERR_OK;
	err = calendar_new(&calendar, schedule, configuration->office.timezone);
	if (err == ERR_OK) {
		calendar_next(calendar, now, &next);
		out->next = next == CALENDAR_NEVER ? METRICS_UNKNOWN : next;
	}
	calendar_free(calendar);
	return err;
}

enum err notify_metrics_collect(const struct notify *notify, int64_t now, struct notify_metrics *metrics)
{
	const struct configuration *configuration = notify->configuration;
	struct record_ledger *ledger;
	size_t waiting = 0;
	enum err err;

	*metrics = (struct notify_metrics){.jobs = mem_calloc(configuration->jobs_count + 1, sizeof(*metrics->jobs))};
	if (!metrics->jobs)
		return ERR_NOMEM;
	metrics->jobs_count = configuration->jobs_count;
	for (size_t i = 0; i < metrics->jobs_count; i++)
		metrics->jobs[i] = (struct notify_metrics_job){.job = configuration->jobs[i].name,
		    .started = METRICS_UNKNOWN,
		    .ended = METRICS_UNKNOWN,
		    .duration = METRICS_UNKNOWN,
		    .source_bytes = METRICS_UNKNOWN,
		    .stored_bytes = METRICS_UNKNOWN,
		    .last_good = METRICS_UNKNOWN,
		    .next = METRICS_UNKNOWN,
		    .oldest_unread = METRICS_UNKNOWN,
		    .reviews_overdue = 0,
		    .drills_overdue = METRICS_UNKNOWN};
	err = record_ledger_open(&ledger, notify->state_folder, false);
	for (size_t i = 0; err == ERR_OK && i < metrics->jobs_count; i++)
		err = take_schedule(&metrics->jobs[i], configuration, i, now);
	for (size_t i = 0; err == ERR_OK && i < metrics->jobs_count; i++)
		err = take_records(&metrics->jobs[i], ledger);
	if (err == ERR_OK)
		err = review_waiting_each(configuration, ledger, now, take_review, metrics);
	if (err == ERR_CORRUPT) { /* each was warned of; what is sound counts */
		failure_clear();
		err = ERR_OK;
	}
	if (err == ERR_OK)
		err = notify_outbox_count(notify->state_folder, &waiting);
	metrics->waiting = (int64_t)waiting;
	record_ledger_close(ledger);
	return err;
}

void notify_metrics_free(struct notify_metrics *metrics)
{
	mem_free(metrics->jobs);
	*metrics = (struct notify_metrics){0};
}

/* ---- the text ---- */

/* Inside the quotes of a label. */
static enum err append_label(struct buffer *out, const char *value)
{
	enum err err = ERR_OK;

	for (; err == ERR_OK && *value; value++)
		if (*value == '\n')
			err = buffer_append_text(out, "\\n");
		else
			err = buffer_append_text(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
	return err;
}

static enum err append_family(struct buffer *out, const char *name, const char *help)
{
	return buffer_append_text(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* A number of nanoseconds in seconds, exactly. */
static enum err append_value(struct buffer *out, int64_t value, bool seconds)
{
	if (!seconds)
		return buffer_append_text(out, "%lld\n", (long long)value);
	if (value < 0)
		return buffer_append_text(
		    out, "-%lld.%09lld\n", -(long long)(value / CLOCK_SECOND), -(long long)(value % CLOCK_SECOND));
	return buffer_append_text(
	    out, "%lld.%09lld\n", (long long)(value / CLOCK_SECOND), (long long)(value % CLOCK_SECOND));
}

static enum err append_sample(
    struct buffer *out, const char *name, const char *job, const char *status, int64_t value, bool seconds)
{
	enum err err = buffer_append_text(out, "%s{job=\"", name);

	if (err == ERR_OK)
		err = append_label(out, job);
	if (err == ERR_OK)
		err = status ? buffer_append_text(out, "\",status=\"%s\"} ", status) : buffer_append_text(out, "\"} ");
	return err == ERR_OK ? append_value(out, value, seconds) : err;
}

static enum err append_statuses(struct buffer *out, const struct notify_metrics *metrics)
{
	static const char *const statuses[] = {
	    [RECORD_SUCCESS] = "success", [RECORD_NOTES] = "notes", [RECORD_FAILED] = "failed"};
	static const char name[] = "pulih_job_last_status";
	bool begun = false;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < metrics->jobs_count; i++) {
		if (!metrics->jobs[i].has_run)
			continue;
		if (!begun)
			err = append_family(
			    out, name, "How the last run of the job ended: 1 at its status, 0 at the others.");
		begun = true;
		for (int status = RECORD_SUCCESS; err == ERR_OK && status <= RECORD_FAILED; status++)
			err = append_sample(out, name, metrics->jobs[i].job, statuses[status],
			    metrics->jobs[i].status == (enum record_status)status, false);
	}
	return err;
}

enum err notify_metrics_text(const struct notify_metrics *metrics, struct buffer *out)
{
	static const struct {
		const char *name, *help;
		size_t member; /* int64_t of struct notify_metrics_job */
		bool seconds;
	} families[] = {
#define FAMILY(name, member, seconds, help) \
	{"pulih_job_" name, help, offsetof(struct notify_metrics_job, member), seconds}
	    FAMILY("last_start_timestamp_seconds", started, true, "When the last run of the job began."),
	    FAMILY("last_end_timestamp_seconds", ended, true, "When the last run of the job ended."),
	    FAMILY("last_duration_seconds", duration, true, "How long the last run of the job took."),
	    FAMILY("last_source_bytes", source_bytes, false, "Size of what the last run backed up."),
	    FAMILY("last_stored_bytes", stored_bytes, false, "What the last run wrote to the target."),
	    FAMILY("last_good_timestamp_seconds", last_good, true,
		"When the last good backup of the job ended; its age is time() less this."),
	    FAMILY("next_timestamp_seconds", next, true, "When the job is planned next."),
	    FAMILY("oldest_unread_pack_timestamp_seconds", oldest_unread, true,
		"When the pack was last read, or written, that was read longest ago."),
	    FAMILY("reviews_overdue", reviews_overdue, false, "Reports of the job whose review is overdue."),
	    FAMILY("drills_overdue", drills_overdue, false, "Restore drills of the job that are overdue."),
#undef FAMILY
	};
	enum err err = append_statuses(out, metrics);

	for (size_t i = 0; err == ERR_OK && i < sizeof(families) / sizeof(families[0]); i++) {
		bool begun = false;

		for (size_t k = 0; err == ERR_OK && k < metrics->jobs_count; k++) {
			const char *job = (const char *)&metrics->jobs[k];
			int64_t value;

			memcpy(&value, job + families[i].member, sizeof(value));
			if (value == METRICS_UNKNOWN)
				continue;
			if (!begun)
				err = append_family(out, families[i].name, families[i].help);
			begun = true;
			if (err == ERR_OK)
				err = append_sample(
				    out, families[i].name, metrics->jobs[k].job, NULL, value, families[i].seconds);
		}
	}
	if (err == ERR_OK)
		err = append_family(out, "pulih_notifications_waiting", "Notifications that no channel has taken yet.");
	return err == ERR_OK
	    ? buffer_append_text(out, "pulih_notifications_waiting %lld\n", (long long)metrics->waiting)
	    : err;
}

/* The collector runs as a user of its own, whatever our umask is. */
static enum err replace(const char *path, const struct buffer *text)
{
	enum err err = file_replace(path, text->data, text->length, 0644);

	if (err == ERR_OK && chmod(path, 0644) != 0)
		err = fail_errno(PL_FILE_WRITE, "cannot make %s readable", path);
	return err;
}

enum err notify_metrics_write(
    const struct notify *notify, const char *name, const struct notify_metrics *metrics, struct notify_results *results)
{
	struct buffer text = {0};
	enum err err = notify_metrics_text(metrics, &text);

	for (uint32_t i = 0; err == ERR_OK && i < notify->configuration->notifications_count; i++) {
		const struct configuration_channel *channel = &notify->configuration->notifications[i];
		struct notify_result result = {.kind = NOTIFY_METRICS};

		if (!channel->metrics || (name && strcmp(channel->name, name) != 0))
			continue;
		result.ok = replace(channel->metrics->file, &text) == ERR_OK;
		if (!result.ok)
			result.failure = *failure_last();
		snprintf(result.channel, sizeof(result.channel), "%s", channel->name);
		err = notify_results_add(results, &result);
	}
	buffer_free(&text);
	return err;
}
