/* What the files of the scheduler's process share. */
#ifndef PULIH_SCHEDULER_DAEMON_INTERNAL_H
#define PULIH_SCHEDULER_DAEMON_INTERNAL_H

#include "conf/limits.h"
#include "scheduler/calendar.h"
#include "scheduler/daemon.h"
#include "scheduler/notify_outbox.h"
#include "scheduler/state.h"

#include <sys/types.h>

/* A configured job with a schedule, or its drill with one. */
struct daemon_job {
	const struct configuration_job *job;
	char name[DRILL_KEY_SIZE]; /* the job's; of a drill with the suffix of drill_key.h */
	struct calendar *calendar;
	char *schedule; /* its words and the zone: other ones make it a new schedule */
	int64_t next;	/* planned instant */
};

/* A run at work. */
struct daemon_child {
	struct state_run run;
	const struct configuration
	    *configuration; /* as it was when the run began: its job may be configured no more; NULL: adopted */
	pid_t pid;	    /* 0: the child of an earlier scheduler, or gone */
	bool adopted;	    /* of an earlier scheduler: only the job's lock tells that it is at work */
	int status;	    /* as of waitpid, once it is gone */
	bool unborn;	    /* its process could not be started, as where memory is short */
	bool gone;	    /* what remains is to take note of it */
	bool may_be_over;   /* its time is up: SIGTERM was sent */
	int64_t stop_at;    /* by the monotonic clock; then SIGKILL */
};

/* What people are told: it is put into the outbox here, and sent by a process of its own (`pulih notify retry`), one at a time, because the
 * scheduler must never wait for a network. Times are of the monotonic clock; 0: at once. */
struct daemon_teller {
	pid_t pid;				   /* 0: none is at work */
	int64_t stop_at;			   /* its time is up: SIGTERM, and some time later SIGKILL */
	bool stopped;				   /* SIGTERM was sent */
	bool due;				   /* something was put into the outbox since it was started */
	int64_t reviews_at, outbox_at, metrics_at; /* when to look again */
	struct notify_outbox_watch watch;
	char *trouble; /* as of the daemon */
};

struct daemon {
	const struct daemon_options *options;
	struct configuration *configuration;
	char *
	    accepted; /* the copy of it that its processes read; NULL: it could not be made, and they read the file itself */
	struct configuration **former; /* those that runs at work began with */
	size_t former_count;
	struct daemon_job *jobs;
	size_t jobs_count;
	struct state *state;
	struct daemon_child *children;
	size_t children_count, children_capacity;
	struct daemon_teller teller;
	int lock, signals, timer;
	int64_t since;		/* when this scheduler began to look */
	bool stopping;		/* nothing is started any more */
	bool stop_at_once;	/* children were killed */
	bool anew;		/* the state was damaged, and knows of no job yet */
	bool broken;		/* the state was found damaged at work: the next scheduler begins it anew */
	struct failure failure; /* that */
	char *trouble;		/* what was last warned of: once, not at each look */
};

/* The job of the configuration that a run is of, or of whose drill it is. */
const struct configuration_job *daemon_job_of(const struct configuration *configuration, const struct state_run *run);

const struct daemon_job *daemon_job(const struct daemon *daemon, const char *name);

/* Reads the configuration and puts it in the place of the old one, which stays where the new one is wrong. */
enum err daemon_configure(struct daemon *daemon);
/* The same when the scheduler begins: where the file is wrong, the one that was in force before is taken, because nobody is there when the power
 * comes back. */
enum err daemon_configure_first(struct daemon *daemon);
void daemon_forget_configuration(struct daemon *daemon);
/* Former ones that no run at work began with. */
void daemon_forget_former(struct daemon *daemon);

/* Opens the state. A damaged one is set aside (STATE_FILE_DAMAGED, in the place of an earlier one) and begun anew, with a warning. */
enum err daemon_open_state(struct daemon *daemon);
/* Since when a job that the state does not know is seen: `now`, or where the state was begun anew, the start of its last good backup. */
int64_t daemon_seen_from(const struct daemon *daemon, const char *job, int64_t now);

/* Queues what has become due and starts what may start; *wake is when to look again. */
enum err daemon_look(struct daemon *daemon, int64_t *wake);

/* Makes room for one more, before a run is in the state as running: nobody would take note of one that is not among the children. */
enum err daemon_child_reserve(struct daemon *daemon);
/* Starts the process of a run that is in the state as running, in the room that was made. PL_CHILD. */
enum err daemon_child_start(struct daemon *daemon, const struct state_run *run);
/* Takes over what an earlier scheduler left running. */
enum err daemon_child_adopt(struct daemon *daemon);
/* Takes note of children that have ended, and ends those whose time is up. */
enum err daemon_child_collect(struct daemon *daemon);
/* Starts this program with some words, the places of the configuration and of the state, what was given to the scheduler, and an argument or
 * NULL; `words` ends with NULL. -1 with errno. */
pid_t daemon_child_spawn(
    const struct daemon *daemon, const char *const *words, const char *argument, const struct limits *limits);
/* Sends a signal to each child and its own children. */
void daemon_child_signal(const struct daemon *daemon, int number);

/* Takes note of how a run ended: record, state, what follows. PL_JOB_BUSY (ERR_BUSY): the process of an adopted one is still at work. */
enum err daemon_end(struct daemon *daemon, const struct daemon_child *child);

/* Puts what people must be told into the outbox, and starts what sends it; takes note of its end. Only the last where the scheduler stops. */
enum err daemon_tell(struct daemon *daemon);
/* A run ended, the clock was set, the configuration is another: `reviews`, and those are looked at too. */
void daemon_tell_soon(struct daemon *daemon, bool reviews);
/* Asks the process that sends to stop: what it has not sent waits in the outbox. */
void daemon_tell_stop(struct daemon *daemon, int number);

#endif
