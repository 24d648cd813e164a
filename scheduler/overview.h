/* How each job stands: its schedule, its last run, its last good backup, its reviews; and the channels of notifications. Taken from the
 * configuration, the scheduler's state, the ledger and the outbox; no target and no server is asked. */
#ifndef PULIH_SCHEDULER_OVERVIEW_H
#define PULIH_SCHEDULER_OVERVIEW_H

#include "scheduler/calendar.h"
#include "scheduler/notify_lost.h"
#include "scheduler/state.h"

#define OVERVIEW_NEXT 10
#define OVERVIEW_LATE \
	(3600 *       \
	    INT64_C(  \
		1000000000)) /* ns behind its time a run that is not at work, or a notification, is a matter for a person */

struct overview_job {
	const struct configuration_job *job; /* borrowed from the configuration */
	struct calendar *calendar;	     /* NULL: no schedule */
	int64_t next[OVERVIEW_NEXT];	     /* planned instants > now; 0 where there is no schedule */
	int64_t next_drill;		     /* 0: none is planned */
	bool known;			     /* the scheduler has seen the job */
	bool running, waiting;		     /* a run is at work, is queued */
	struct state_run open;		     /* that run; of two the one at work */
	uint64_t missed;      /* planned instants that nothing was queued for yet, the scheduler being off */
	int64_t missed_since; /* the first of them */
	/* from the ledger; "" and 0 where there is none */
	char last_id[RECORD_ID_SIZE], last_status[24], last_trigger[16], last_failure[FAILURE_TEXT];
	/* the last run, which may have made a backup all the same: others that are lost or damaged; "" for nothing */
	char last_found[FAILURE_TEXT];
	int64_t last_started;
	char drill_id[RECORD_ID_SIZE], drill_status[24]; /* of the last restore drill */
	int64_t drill_started;
	int64_t last_good; /* start of the last run that made a backup, with notes or without */
	uint64_t reviews_overdue;
	int64_t review_since;		/* since when the one of them waits that waits longest */
	char review_id[RECORD_ID_SIZE]; /* its run */
};
/* A channel of the configuration that does not take its messages. */
struct overview_channel {
	const char *name;
	uint64_t waiting; /* for more than OVERVIEW_LATE */
	int64_t since;	  /* the first of them */
	char why[FAILURE_TEXT];
	struct notify_lost lost;
};
struct overview {
	struct overview_job *jobs;
	size_t count;
	int64_t now;
	bool scheduled;		    /* some job has a schedule */
	bool scheduler_at_work;	    /* a scheduler works with this state folder */
	bool configuration_changed; /* since it read it */
	struct state_list missed;   /* runs that made up for missed times, newest first, at most OVERVIEW_MISSED */
	bool state_anew;	    /* a damaged state of the scheduler was set aside */
	bool damaged;		    /* the ledger holds a record that is none; it was warned of */
	struct overview_channel *channels; /* one for each of the configuration */
	size_t channels_count;
};
#define OVERVIEW_MISSED 20

/* Starts as {0}; released with overview_free. In the office's time zone, which becomes that of the process. A state or a ledger that is not there
 * yet is empty. */
enum err overview_load(struct overview *out, const struct configuration *configuration, const char *state_folder);
void overview_free(struct overview *overview);

/* What needs a person, one line each, told to `tell`; returns how many. */
typedef void (*overview_tell)(void *context, const char *job, const char *text);
size_t overview_needs(const struct overview *overview, overview_tell tell, void *context);

#endif
