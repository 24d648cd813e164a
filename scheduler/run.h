/* One run of a configured job, from the lock to the record.
 *
 *   <state>/runs/<job>.lock     flock, holds the process id: a job runs once at a time
 *   <state>/runs/<job>.started  JSON: the run at work; still there at the next run where one was cut off
 *
 * Drills have a lock and a marker of their own (<job>.drill.lock, <job>.drill.started): reading is in nobody's way.
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
	    *access;		/* passphrase or key; its state_folder is where all of the above lives */
	const char *target_url; /* of the job's target */
	const char *trigger;	/* as in struct record */
	const char *run_id;	/* that was chosen before; NULL: a new one */
	int64_t planned;	/* as in struct record */
	bool drill;		/* a restore drill of the job instead: scheduler/run_drill.c */
	const char *snapshot;	/* that it restores, as snapshot_resolve has it; NULL: the last one of the job */
	void (*on_step)(void *context, const char *action, const char *object); /* of a drill; may be NULL */
	bool limited;	  /* ended when it takes longer than its limits allow; for a process that does nothing else */
	unsigned threads; /* as in backup_options */
	backup_on_problem on_problem; /* may be NULL */
	void *context;
};

/* Starts as {0}; released with run_result_free. */
struct run_result {
	char id[RECORD_ID_SIZE];
	struct backup_result backup;
	struct buffer original; /* the record; empty where none could be written */
	enum record_status status;
	bool stored;		      /* the repository has the record too */
	bool lacking;		      /* the target lacks what this machine stored there before; the backup is done */
	bool incomplete;	      /* the run failed because a database is missing; the rest is stored */
	char cut_off[RECORD_ID_SIZE]; /* the run before that was cut off and got its record now; "" for none */
	json_t *drill;		      /* as in the record; NULL: none */
	struct notify_results notifications; /* who was told of it, and of what waited; see notify.h */
};
void run_result_free(struct run_result *result);

/* Runs the job now, in the office's time zone (which becomes that of the process). Returns what the backup returned, after the record was
 * written and the channels of the configuration were told, whatever came of that. PL_DATABASE_MISSING (ERR_SOURCE): a dump of a database failed; the rest is
 * stored. PL_LEDGER_FOUND (ERR_CORRUPT): the backup is done, but
 * the target lacks what this machine stored there before. PL_JOB_BUSY (ERR_BUSY), and PL_RECORD_EXISTS where run_id has its record
 * already; they leave none: nothing ran. Of a drill: PL_DRILL_DIFFERS (ERR_DRILL) where it found something. A record that cannot be written makes a run that
 * was good fail. */
enum err run_job(const struct run_options *options, struct run_result *result);

/* Closes the run options->run_id that was started and whose process is gone: where it left no record, it gets one that says so (failed,
 * PL_RUN_CUT_OFF; with `how` PL_RUN_NO_RECORD), without a signature: no key is at hand, and the chain covers it. PL_JOB_BUSY (ERR_BUSY) while
 * a process of the job is at work. A job that is known no more has its name, and "" as its target. A process of this run that comes late finds the record and does nothing (PL_RECORD_EXISTS). */
enum err run_close_cut_off(const struct run_options *options, int64_t started, const char *how);

#endif
