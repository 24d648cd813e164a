/* One run of a configured job, from the lock to the record.
 *
 *   <state>/runs/<job>.lock     flock, holds the process id: a job runs once at a time
 *   <state>/runs/<job>.started  JSON: id and start of the run at work; still there at the next run where one was cut off
 *
 * Crash story: the marker is written before the run begins and goes when its record is in the ledger. A run that was cut off gets its
 * record (failed, saying so) from the next one. Which records a target has is known to the ledger: none is forgotten. */
#ifndef PULIH_SCHEDULER_RUN_H
#define PULIH_SCHEDULER_RUN_H

#include "conf/configuration.h"
#include "core/record/record.h"
#include "scheduler/notify.h"

struct run_options {
	const struct configuration *configuration;
	const struct configuration_job *job;
	const struct repository_access
	    *access;		      /* passphrase or key; its state_folder is where all of the above lives */
	const char *target_url;	      /* of the job's target */
	const char *trigger;	      /* as in struct record */
	unsigned threads;	      /* as in backup_options */
	backup_on_problem on_problem; /* may be NULL */
	void *context;
};

/* Starts as {0}; released with run_result_free. */
struct run_result {
	char id[RECORD_ID_SIZE];
	struct backup_result backup;
	struct buffer original; /* the record; empty where none could be written */
	enum record_status status;
	bool stored;			     /* the repository has the record too */
	bool lacking;			     /* the target lacks what this machine stored there before; the backup is done */
	char cut_off[RECORD_ID_SIZE];	     /* the run before that was cut off and got its record now; "" for none */
	struct notify_results notifications; /* who was told of it, and of what waited; see notify.h */
};
void run_result_free(struct run_result *result);

/* Runs the job now, in the office's time zone (which becomes that of the process). Returns what the backup returned, after the record was
 * written and the channels of the configuration were told, whatever came of that. PL_LEDGER_FOUND (ERR_CORRUPT): the backup is done, but
 * the target lacks what this machine stored there before. PL_JOB_BUSY (ERR_BUSY), which leaves no record: nothing ran. A record that cannot be written makes a run that
 * was good fail. */
enum err run_job(const struct run_options *options, struct run_result *result);

#endif
