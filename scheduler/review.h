/* Reviews: who may review which report, and what waits for whom. */
#ifndef PULIH_SCHEDULER_REVIEW_H
#define PULIH_SCHEDULER_REVIEW_H

#include "conf/configuration.h"
#include "core/record/record_review.h"
#include "core/repo/repository.h"

struct review_options {
	const struct configuration *configuration;
	const char *state_folder;      /* where the ledger is */
	struct repository *repository; /* open: its keys sign, its target gets the record at once */
	const char *run_id;	       /* or "latest" */
	enum record_decision decision;
	const char *by; /* id of a person; NULL: the reviewer of the job */
	const char *note;
	const char *follow_up, *owner, *until; /* all NULL, or text, id of a person, 2026-12-01 */
};
/* Starts as {0}; released with review_result_free. */
struct review_result {
	char id[RECORD_ID_SIZE], run_id[RECORD_ID_SIZE];
	const struct configuration_person *reviewer;
	char warning[256];	/* root acted as somebody else; "" for none */
	struct buffer original; /* the record of the review */
	bool stored;		/* the target has it too */
};
void review_result_free(struct review_result *result);

/* The job of a run in the ledger, for finding its target; NULL where the configuration describes it no longer. PL_RECORD_MISSING. */
enum err review_job(const struct configuration *configuration, const char *state_folder, const char *run_id,
    const struct configuration_job **out);

/* Adds the review to the ledger and sends it. PL_REVIEW_REFUSED (ERR_DENIED): the performer's own run, an operator, another Unix user;
 * PL_REVIEW_EXISTS (ERR_EXISTS): approved already, and the note is not a new one; PL_REVIEW_PERSON, PL_OPTION_VALUE (ERR_USAGE);
 * PL_RECORD_MISSING; PL_RECORD_BROKEN. Nothing is added then. That the target could not take it is a warning. */
enum err review_make(const struct review_options *options, struct review_result *result);

/* ---- what waits ---- */

enum review_state {
	REVIEW_WAITING,	  /* for the reviewer */
	REVIEW_OVERDUE,	  /* … longer than remind_after */
	REVIEW_ESCALATED, /* … longer than escalate_after: for the person named there, too */
	REVIEW_RETURNED,  /* sent back: for the performer */
};
struct review_waiting {
	const struct record_row *run;
	enum review_state state;
	bool
	    overdue; /* REVIEW_OVERDUE, REVIEW_ESCALATED, or sent back for as long, or past the date of its follow-up */
	int64_t since;					 /* end of the run, or when it was sent back */
	const char *who;				 /* name of the person it waits for; borrowed */
	const struct configuration_person *person;	 /* that person; NULL: the configuration knows them no more */
	const struct configuration_person *escalated_to; /* only with REVIEW_ESCALATED; NULL: nobody */
};
typedef enum err (*review_visit)(void *context, const struct review_waiting *waiting);
/* Every report that waits, by number. Damaged records as in record_ledger_each; `damaged` NULL, or they are only counted there. */
enum err review_waiting_each(const struct configuration *configuration, struct record_ledger *ledger, int64_t now,
    size_t *damaged, review_visit visit, void *context);
/* "waiting", "overdue", "escalated", "returned"; static. */
const char *review_waiting_name(enum review_state state);

#endif
