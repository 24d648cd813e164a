/* What papers about more than one run are told from outside: who files them, and when jobs are due. All borrowed. */
#ifndef PULIH_RECORD_REPORT_PLAN_H
#define PULIH_RECORD_REPORT_PLAN_H

#include "core/record/record.h"

struct report_filer {
	struct record_office office;
	struct record_person performer, reviewer, acknowledger; /* who sign; acknowledger.name NULL: a blank */
};

/* Instants in nanoseconds since 1970, ascending, none twice. */
struct report_times {
	const int64_t *items;
	size_t count;
	bool known;	  /* false: there is no schedule */
	const char *text; /* as a record's "schedule" */
};

#define REPORT_PLAN_OPEN 2 /* a job runs once at a time, and waits once */
struct report_plan {
	const char *job;
	struct record_sop sop; /* number NULL: none */
	const char *performer, *performer_position, *reviewer;
	struct report_times backups, drills; /* those of the month */
	int64_t first;			     /* planned time, or start, of the job's first record; 0: it has none */
	int64_t open[REPORT_PLAN_OPEN]; /* planned times of runs that are at work or wait for their turn; 0: none */
};

#endif
