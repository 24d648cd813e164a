/* The state of all jobs for Prometheus: a text file for the textfile collector of node_exporter, replaced as a whole.
 *
 * Ages are given as the time since when: `time() - pulih_job_last_good_timestamp_seconds` goes on growing when nothing runs any more. */
#ifndef PULIH_SCHEDULER_NOTIFY_METRICS_H
#define PULIH_SCHEDULER_NOTIFY_METRICS_H

#include "core/base/buffer.h"
#include "core/record/record.h"
#include "scheduler/history.h"
#include "scheduler/notify.h"

#define METRICS_UNKNOWN HISTORY_UNKNOWN /* of any number here: nothing is written for it */

/* Times in ns since 1970. */
struct notify_metrics_job {
	const char *job;
	bool has_run; /* `status` is that of the last run */
	enum record_status status;
	int64_t started, ended, duration;
	int64_t source_bytes, stored_bytes; /* of the last run: the source, and what was written for it */
	int64_t last_good;		    /* end of the last backup that is good */
	int64_t next;			    /* when it is planned next */
	int64_t oldest_unread; /* when the pack of its repository was read, or written, that was read longest ago */
	int64_t reviews_overdue, drills_overdue;
};
/* Starts as {0}; released with notify_metrics_free. */
struct notify_metrics {
	struct notify_metrics_job *jobs;
	size_t jobs_count;
	int64_t waiting; /* notifications in the outbox */
};
void notify_metrics_free(struct notify_metrics *metrics);

/* A row for each job of the configuration, with what its schedule, the ledger and the outbox of the state folder tell at `now`; the rest is
 * METRICS_UNKNOWN. `metrics` borrows the names of the configuration. */
enum err notify_metrics_collect(const struct notify *notify, int64_t now, struct notify_metrics *metrics);

/* Appends them in the text format of Prometheus. */
enum err notify_metrics_text(const struct notify_metrics *metrics, struct buffer *out);

/* Whether the configuration has a metrics channel. */
bool notify_metrics_wanted(const struct configuration *configuration);

/* Replaces the file of a metrics channel (NULL: of each), readable for all; a result for each is appended. ERR_NOMEM. */
enum err notify_metrics_write(const struct notify *notify, const char *channel, const struct notify_metrics *metrics,
    struct notify_results *results);

#endif
