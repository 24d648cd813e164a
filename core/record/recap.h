/* A month of the ledger, counted job by job: the Rekapitulasi as data. */
#ifndef PULIH_RECORD_RECAP_H
#define PULIH_RECORD_RECAP_H

#include "core/record/record_list.h"
#include "core/record/report_month.h"
#include "core/record/report_plan.h"

#define RECAP_LATE_MINUTES 60 /* more than a busy machine, less than a job missed by a power cut */
#define RECAP_MISSED_NAMED 10 /* for each job: a job that never ran must not fill the paper */

struct recap_row {
	const char *job; /* NULL: the total */
	bool is_planned; /* the job has a schedule: planned and missed are known; of the total: one of them has */
	int64_t
	    since; /* of planned and missed: before it the job had not run yet, or had another schedule; 0: all of the month */
	size_t planned;		    /* times due up to recap.as_of */
	size_t runs;		    /* records of backups */
	size_t done, notes, failed; /* runs = done + failed; notes: those of `done` with notes */
	size_t
	    late; /* those of `done` that began more than RECAP_LATE_MINUTES after their time, or made up for a missed one */
	size_t missed;				      /* planned times for which nothing ran, runs, or waits, */
	int64_t missed_at[RECAP_MISSED_NAMED];	      /* and the first of them; not of the total */
	uint64_t source;			      /* bytes of the source at the last run that was done */
	uint64_t stored;			      /* bytes that all runs stored */
	size_t drills_planned, drills, drills_failed; /* as above, of restore drills */
	size_t reviewed;			      /* reports of runs and drills that were reviewed */
};

/* Starts as {0}; released with recap_free. Borrows list and plans. */
struct recap {
	struct report_month month;
	int64_t as_of; /* min(now, end of the month) */
	struct recap_row *rows;
	size_t rows_count;
	struct recap_row total;
	const struct record_original **records; /* of the month, in the order of the ledger */
	enum record_decision *reviews;		/* of each of them */
	int64_t *planned;			/* of each of them; 0: nothing was planned */
	size_t records_count;
	size_t damaged; /* records that could not be read */
};

/* Adds the records of the month to the list. */
enum err recap_load(struct record_list *out, struct record_ledger *ledger, const struct report_month *month);
/* Counts the records whose planned time, or where they have none, whose start lies in the month. Jobs stand in the order of the plans, those
 * that no plan names behind them. */
enum err recap_make(struct recap *out, const struct record_list *list, const struct report_month *month,
    const struct report_plan *plans, size_t plans_count, int64_t now);
void recap_free(struct recap *recap);

/* Whether the record is one of a restore drill. */
bool recap_is_drill(const struct record_original *original);

/* {"month", "as_of", "jobs": [{…}], "total": {…}}; a new reference, NULL after PL_NO_MEMORY. */
json_t *recap_json(const struct recap *recap);

#endif
