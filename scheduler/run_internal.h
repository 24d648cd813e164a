/* What the files of a run share. */
#ifndef PULIH_SCHEDULER_RUN_INTERNAL_H
#define PULIH_SCHEDULER_RUN_INTERNAL_H

#include "restore/verify.h"
#include "scheduler/run.h"

struct run {
	const struct run_options *options;
	struct run_result *result;
	const char *state_folder;
	char *folder; /* <state>/runs */
	char *marker;
	int lock;
	int64_t started, ended;
	struct repository repository;
	bool open; /* the repository is */
	struct target_space space;
	struct target_medium medium;
	int64_t previous_started;
	struct verify_age age;
	json_t *problems;
	uint64_t problems_omitted;
	/* what backup_options borrows */
	const char **paths;
	struct backup_sqlite *databases;
	struct record_source *sources;
	size_t paths_count, databases_count, sources_count;
	const char **if_present;
	struct exclude *exclude;
};

/* Makes folders and takes the lock. PL_JOB_BUSY. */
enum err run_lock(struct run *run);
void run_unlock(struct run *run);

/* The run that was cut off: its id in `id` ("" for none) and its start. A marker that is damaged is told of, and counts as none. */
enum err run_marker_read(const struct run *run, char id[RECORD_ID_SIZE], int64_t *started);
enum err run_marker_write(const struct run *run);
enum err run_marker_remove(const struct run *run);

/* Fills the borrowed parts from the job's sources. */
enum err run_sources(struct run *run);
void run_sources_free(struct run *run);

/* What the record says of the place and of the time before this run, where the repository is open. What cannot be found out is left empty:
 * no run fails for it. Keeps the last failure. */
void run_facts(struct run *run);

/* Writes the record of this run: `err` and failure_last() are how it ended. */
enum err run_record(struct run *run, enum err err);
/* The record of one that was cut off. */
enum err run_record_cut_off(struct run *run, const char *id, int64_t started);
/* Tells the channels that it begins; how it ended: `err` and failure_last(), which stays. */
void run_notify_start(struct run *run);
void run_notify_end(struct run *run, enum err err);
/* Puts every record that this target may lack into it. Warns of what does not work. */
void run_send(struct run *run);
/* What this machine knows against what the target holds, as one of the run's checks. Findings are warned of: PL_LEDGER_FOUND (ERR_CORRUPT).
 * That it could not be found out is a warning and no failure. */
enum err run_compare(struct run *run);

#endif
