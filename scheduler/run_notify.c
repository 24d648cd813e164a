/* What people, watchmen and metrics hear of a run. Nothing of it changes how the run ended. */
#include "scheduler/run_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_report.h"
#include "scheduler/notify_metrics.h"
#include "scheduler/notify_outbox.h"

static struct notify notify_of(const struct run *run)
{
	return (struct notify){.configuration = run->options->configuration, .state_folder = run->state_folder};
}

/* What went wrong with the telling itself is a warning. */
static void warn(enum err err)
{
	if (err != ERR_OK)
		output_failure_warning(failure_last());
}

void run_notify_start(struct run *run)
{
	const struct notify notify = notify_of(run);
	const struct notify_event event = {
	    .kind = NOTIFY_START, .job = run->options->job->name, .run_id = run->result->id, .time = run->started};

	warn(notify_send(&notify, &event, &run->result->notifications));
}

/* The run before where that was cut off, then "path: reason" of the first problems; how many more there are goes into event->lines_omitted.
 * Fewer where memory ran out. */
static char **lines_of(const struct run *run, struct notify_event *event)
{
	char **lines = mem_calloc(NOTIFY_LINES_MAX, sizeof(*lines));
	size_t count = 0, named = 0;
	json_t *problem;
	size_t i;

	if (lines && run->result->cut_off[0])
		lines[0] = mem_printf("the run %s before this one was cut off", run->result->cut_off);
	count += lines && lines[0];
	json_array_foreach(run->problems, i, problem)
	{
		if (!lines || count == NOTIFY_LINES_MAX)
			break;
		lines[count] = mem_printf("%s: %s", json_string_value(json_object_get(problem, "path")),
		    json_string_value(json_object_get(problem, "reason")));
		named += lines[count] != NULL;
		count += lines[count] != NULL;
	}
	event->lines = (const char *const *)lines;
	event->lines_count = count;
	event->lines_omitted = json_array_size(run->problems) - named + run->problems_omitted;
	return lines;
}

/* The report, where there is a record to make it from. */
static void write_report(const struct run *run, struct buffer *text)
{
	struct record_original original = {0};
	enum err err = ERR_OK;

	if (run->result->original.length > 0)
		err = record_read(&original, run->result->original.data, run->result->original.length);
	if (err == ERR_OK && original.record)
		err = record_report_text(&original, NULL, text);
	warn(err);
	record_original_free(&original);
}

static int64_t last_good_of(const struct run *run, const struct notify_metrics *metrics)
{
	for (size_t i = 0; i < metrics->jobs_count; i++)
		if (strcmp(metrics->jobs[i].job, run->options->job->name) == 0)
			return metrics->jobs[i].last_good == METRICS_UNKNOWN ? 0 : metrics->jobs[i].last_good;
	return NOTIFY_UNKNOWN;
}

/* The scheduler has a process of its own that sends what is in the outbox, and writes metrics: runs that wait for this one must not wait for
 * a server, too. */
static bool scheduler_sends(const struct run *run)
{
	return run->options->run_id != NULL;
}

static void hand_over(struct run *run, const struct notify *notify, const struct notify_event *event)
{
	struct notify_results *results = &run->result->notifications;
	size_t put;

	if (scheduler_sends(run)) {
		if (notify_put(notify, event, results, &put) == ERR_OK)
			return;
		warn(failure_last()->kind); /* an outbox that takes nothing: then at once */
	}
	warn(notify_send(notify, event, results));
}

static void tell(struct run *run, const struct notify *notify, struct notify_event *event)
{
	char **lines = lines_of(run, event);
	char *name = mem_printf("%s.txt", run->result->id);
	struct buffer report = {0};

	write_report(run, &report);
	event->attachment_name = report.length > 0 ? name : NULL;
	event->attachment_type = "text/plain; charset=UTF-8";
	event->attachment = report.data;
	event->attachment_size = report.length;
	hand_over(run, notify, event);
	for (size_t i = 0; i < event->lines_count; i++)
		mem_free(lines[i]);
	mem_free(lines);
	mem_free(name);
	buffer_free(&report);
}

/* What waited, and the metrics where they are known. */
static void send_rest(struct run *run, const struct notify *notify, struct notify_metrics *metrics)
{
	struct notify_results *results = &run->result->notifications;
	size_t waiting = 0;
	enum err err;

	warn(notify_outbox_retry(notify, clock_now(), results));
	if (!metrics)
		return;
	err = notify_outbox_count(notify->state_folder, &waiting);
	metrics->waiting = (int64_t)waiting;
	warn(err == ERR_OK ? notify_metrics_write(notify, NULL, metrics, results) : err);
}

/* As the record says, where there is one. */
static enum notify_kind kind_of_end(const struct run *run, enum err err)
{
	bool recorded = run->result->original.length > 0;

	if (err == ERR_OK)
		return run->lost.kind == ERR_OK && !run->notes ? NOTIFY_SUCCESS : NOTIFY_NOTES;
	return err == ERR_PARTIAL || (err == ERR_CORRUPT && run->result->lacking && recorded) ? NOTIFY_NOTES
											      : NOTIFY_FAILURE;
}

void run_notify_end(struct run *run, enum err err)
{
	const struct notify notify = notify_of(run);
	struct failure kept = *failure_last();
	struct notify_metrics metrics = {0};
	struct notify_event event = {.kind = kind_of_end(run, err),
	    .job = run->options->job->name,
	    .run_id = run->result->id,
	    .time = clock_now()};
	enum err told;

	if (notify.configuration->notifications_count == 0)
		return;
	told = notify_metrics_collect(&notify, event.time, &metrics);
	warn(told);
	event.last_good = told == ERR_OK ? last_good_of(run, &metrics) : NOTIFY_UNKNOWN;
	/* Of files that were not read the lines tell. */
	if (event.kind == NOTIFY_FAILURE ||
	    (event.kind == NOTIFY_NOTES && (kept.id == PL_RUN_AFTER || kept.id == PL_LEDGER_FOUND)))
		event.failure = kept;
	if ((err == ERR_OK || err == ERR_PARTIAL) && run->lost.kind != ERR_OK)
		event.failure = run->lost;
	tell(run, &notify, &event);
	if (!scheduler_sends(run))
		send_rest(run, &notify, told == ERR_OK ? &metrics : NULL);
	notify_metrics_free(&metrics);
	if (err != ERR_OK)
		failure_put(&kept);
}
