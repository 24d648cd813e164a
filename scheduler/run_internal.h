/* What the files of a run share. */
#ifndef PULIH_SCHEDULER_RUN_INTERNAL_H
#define PULIH_SCHEDULER_RUN_INTERNAL_H

#include "core/source/mariadb.h"
#include "core/source/postgresql.h"
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
	int64_t begun, duration; /* clock_monotonic(), ns */
	bool before_begun;	 /* the commands before the run were, so those after it are due */
	struct repository repository;
	bool open; /* the repository is */
	struct target_space space;
	struct target_medium medium;
	int64_t previous_started;
	struct verify_age age;
	struct failure
	    lost; /* the backup is done, but packs of earlier ones are lost or damaged: no failure of this run; kind ERR_OK: none */
	json_t *problems;
	size_t problems_size; /* bytes that they will be in the record */
	uint64_t problems_omitted;
	/* what backup_options borrows */
	const char **paths;
	struct backup_sqlite *databases;
	struct record_source *sources;
	size_t paths_count, databases_count, sources_count;
	const char **if_present;
	struct exclude *exclude;
	struct stream_source *streams;
	size_t streams_count;
	struct mariadb_source *mariadb;
	struct postgresql_server *postgresql;
	char restrict_key[KEYS_DUMP_TEXT]; /* that they share; set when the repository is open */
	struct postgresql_source *postgresql_databases;
	char **names; /* that the streams and sources borrow */
	size_t names_count;
	struct snapshot_list snapshots; /* of a drill */
	bool notes;			/* it found what changes nothing about the data */
};

/* Makes folders and takes the lock. PL_JOB_BUSY. */
enum err run_lock(struct run *run);
void run_unlock(struct run *run);

/* A run that is at work, or was when it was cut off. */
struct run_begun {
	char id[RECORD_ID_SIZE]; /* "" for none */
	char trigger[16];
	int64_t started, planned;
};
/* The run that was cut off. A marker that is damaged is told of, and counts as none. */
enum err run_marker_read(const struct run *run, struct run_begun *begun);
enum err run_marker_write(const struct run *run);
enum err run_marker_remove(const struct run *run);

/* The commands of the job before and after its backup. What one that failed said last goes into the problems. PL_RUN_BEFORE, PL_RUN_AFTER,
 * PL_INTERRUPTED. */
enum err run_command_before(struct run *run);
enum err run_command_after(struct run *run);

/* Fills the borrowed parts from the job's sources. */
enum err run_sources(struct run *run);
void run_sources_free(struct run *run);
/* run_servers.c: the database servers among them, called by run_sources. */
enum err run_servers(struct run *run);
void run_servers_free(struct run *run);

/* What the record says of the place and of the time before this run, where the repository is open. What cannot be found out is left empty:
 * no run fails for it. Keeps the last failure. */
void run_facts(struct run *run);

/* Writes the record of this run: `err` and failure_last() are how it ended. */
enum err run_record(struct run *run, enum err err);
/* The record of one that was cut off; `how` as in run_close_cut_off. */
enum err run_record_cut_off(struct run *run, const struct run_begun *begun, const char *how);
/* Tells the channels that it begins; how it ended: `err` and failure_last(), which stays. */
void run_notify_start(struct run *run);
void run_notify_end(struct run *run, enum err err);
/* Puts every record that this target may lack into it. Warns of what does not work. */
void run_send(struct run *run);
/* What this machine knows against what the target holds, as one of the run's checks. Findings are warned of: PL_LEDGER_FOUND (ERR_CORRUPT).
 * That it could not be found out is a warning and no failure. */
enum err run_compare(struct run *run);

/* run_drill.c: the drill, from the choice of the snapshot to what its record says. */
enum err run_drill(struct run *run);

/* Forgets what the job's rules no longer keep, where the key may. Warns of what does not work. */
void run_retention(struct run *run);

#endif
