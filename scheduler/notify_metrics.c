#include "scheduler/notify_metrics.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/calendar.h"
#include "scheduler/history.h"
#include "scheduler/notify_internal.h"
#include "scheduler/review.h"

#include <stddef.h>
#include <sys/stat.h>

/* ---- what there is to tell ---- */

static enum record_status status_of(const char *result)
{
	return strcmp(result, "success") == 0		? RECORD_SUCCESS
	    : strcmp(result, "success_with_notes") == 0 ? RECORD_NOTES
							: RECORD_FAILED;
}

static enum err take_history(struct notify_metrics_job *job, struct record_ledger *ledger)
{
	struct history history;
	enum err err = history_of_job(ledger, job->job, &history);

	job->has_run = history.id[0] != '\0';
	job->status = status_of(history.result);
	job->started = history.started;
	job->ended = history.ended;
	job->duration = history.duration;
	job->source_bytes = history.source_bytes;
	job->stored_bytes = history.stored_bytes;
	job->last_good = history.good_ended;
	job->oldest_unread = history.unread_since;
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
		    .next = METRICS_UNKNOWN,
		    .reviews_overdue = 0,
		    .drills_overdue = METRICS_UNKNOWN};
	err = record_ledger_open(&ledger, notify->state_folder, false);
	for (size_t i = 0; err == ERR_OK && i < metrics->jobs_count; i++)
		err = take_schedule(&metrics->jobs[i], configuration, i, now);
	for (size_t i = 0; err == ERR_OK && i < metrics->jobs_count; i++)
		err = take_history(&metrics->jobs[i], ledger);
	if (err == ERR_OK)
		err = review_waiting_each(configuration, ledger, now, NULL, take_review, metrics);
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

bool notify_metrics_wanted(const struct configuration *configuration)
{
	for (uint32_t i = 0; i < configuration->notifications_count; i++)
		if (configuration->notifications[i].metrics)
			return true;
	return false;
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
