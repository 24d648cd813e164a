/* What the files of the scheduler's process share. */
#ifndef PULIH_SCHEDULER_DAEMON_INTERNAL_H
#define PULIH_SCHEDULER_DAEMON_INTERNAL_H

#include "conf/limits.h"
#include "scheduler/calendar.h"
#include "scheduler/daemon.h"
#include "scheduler/state.h"

#include <sys/types.h>

/* A configured job with a schedule. */
struct daemon_job {
	const struct configuration_job *job;
	struct calendar *calendar;
	char *schedule; /* its words and the zone: other ones make it a new schedule */
	int64_t next;	/* planned instant */
};

/* A run at work. */
struct daemon_child {
	struct state_run run;
	pid_t pid;	  /* 0: the child of an earlier scheduler, or gone */
	bool adopted;	  /* of an earlier scheduler: only the job's lock tells that it is at work */
	int status;	  /* as of waitpid, once it is gone */
	bool gone;	  /* what remains is to take note of it */
	bool may_be_over; /* its time is up: SIGTERM was sent */
	int64_t stop_at;  /* by the monotonic clock; then SIGKILL */
};

struct daemon {
	const struct daemon_options *options;
	struct configuration *configuration;
	struct daemon_job *jobs;
	size_t jobs_count;
	struct state *state;
	struct daemon_child *children;
	size_t children_count, children_capacity;
	int lock, signals, timer;
	bool stopping;	   /* nothing is started any more */
	bool stop_at_once; /* children were killed */
	char *trouble;	   /* what was last warned of: once, not at each look */
};

const struct daemon_job *daemon_job(const struct daemon *daemon, const char *name);

/* Reads the configuration and puts it in the place of the old one, which stays where the new one is wrong. */
enum err daemon_configure(struct daemon *daemon);
void daemon_forget_configuration(struct daemon *daemon);

/* Queues what has become due and starts what may start; *wake is when to look again. */
enum err daemon_look(struct daemon *daemon, int64_t *wake);

/* Starts the process of a run that is in the state as running. PL_CHILD, PL_NO_MEMORY. */
enum err daemon_child_start(struct daemon *daemon, const struct state_run *run);
/* Takes over what an earlier scheduler left running. */
enum err daemon_child_adopt(struct daemon *daemon);
/* Takes note of children that have ended, and ends those whose time is up. */
enum err daemon_child_collect(struct daemon *daemon);
/* Sends a signal to each child and its own children. */
void daemon_child_signal(const struct daemon *daemon, int number);

/* Takes note of how a run ended: record, state, what follows. PL_JOB_BUSY (ERR_BUSY): the process of an adopted one is still at work. */
enum err daemon_end(struct daemon *daemon, const struct daemon_child *child);

#endif
