/* What the scheduler decides, without a clock, files or processes: given the calendars, what is known of the runs and the time, what becomes
 * due, what is started, and when to look again. Instants are ns since 1970. */
#ifndef PULIH_SCHEDULER_PLAN_H
#define PULIH_SCHEDULER_PLAN_H

#include "scheduler/calendar.h"

#define PLAN_LATE \
	(10 * 60 * INT64_C(1000000000)) /* ns behind its time, a run is no longer the planned one but makes up for it */
#define PLAN_PAUSE_MAX (2 * 3600 * INT64_C(1000000000)) /* ns between two attempts at most */

/* What has become due of one job since done_up_to. Several planned instants make one run, in place of the latest of them. */
struct plan_due {
	bool due;
	bool late;	 /* it makes up for a time that was missed: catch_up; else scheduled */
	int64_t planned; /* the latest planned instant ≤ now */
	uint64_t
	    missed; /* planned instants without a run of their own: those before the latest, and that one where it is late */
};
/* done_up_to > now, as after a clock was set back: nothing. */
struct plan_due plan_due(const struct calendar *calendar, int64_t done_up_to, int64_t now);

/* One entry of the queue. */
struct plan_entry {
	const char *job;
	const struct calendar *calendar; /* its window counts; NULL: none */
	int64_t planned, not_before;
	int priority; /* higher ones first */
	bool running;
};
#define PLAN_NONE ((size_t)-1)
/* Which entry starts now: not before its time, inside its window, no other run of its job at work, fewer than `parallel` at work in all. Of
 * several the one with the highest priority, then the one planned first, then the first in the list. PLAN_NONE: none. */
size_t plan_pick(const struct plan_entry *entries, size_t count, unsigned parallel, int64_t now);
/* When an entry that does not run could start at the earliest, > now; CALENDAR_NEVER where only the end of another run lets one start. */
int64_t plan_wake(const struct plan_entry *entries, size_t count, int64_t now);

/* When a failed attempt (1 the first) is followed by another: pauses double, up to PLAN_PAUSE_MAX. */
int64_t plan_again(int64_t now, unsigned attempt, int64_t pause);

/* Whether a failure of that kind (error_name) may be over by itself: a place that cannot be reached, a full disk, a machine without memory.
 * A wrong key or configuration is not. */
bool plan_may_pass(const char *kind);

#endif
