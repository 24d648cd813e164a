/* A review: what a person with the role reviewer or head says about a run's report. A record of its own, chained like every other, which
 * names the reviewed record by its hash; the reviewed one stays as it is, and so does every earlier review.
 *
 *   "kind": "review", "status": "approved" | "approved_with_notes" | "returned"
 *   "about": {"id", "number", "hash"} of the reviewed record
 *   "reviewer": person and "role"; "note": text; "follow_up": {"text", "owner": person, "until": "2026-12-01"} or null
 *   "login": {"user": the Unix user, "through": who became that user by sudo, or ""}; "warning": text, "" for none */
#ifndef PULIH_RECORD_RECORD_REVIEW_H
#define PULIH_RECORD_RECORD_REVIEW_H

#include "core/record/record_ledger.h"

enum record_decision { RECORD_PENDING, RECORD_APPROVED, RECORD_APPROVED_NOTES, RECORD_RETURNED };

struct record_follow_up {
	const char *text; /* NULL: none */
	struct record_person owner;
	const char *until; /* 2026-12-01 */
};
struct record_review {
	const char *id;
	int64_t made;
	struct record_office office;
	const struct record_original *about; /* the reviewed record */
	enum record_decision decision;	     /* not RECORD_PENDING */
	struct record_person reviewer;
	const char *role; /* "reviewer", "head" */
	const char *note;
	struct record_follow_up follow_up;
	const char *user, *through; /* through NULL: nobody */
	const char *warning;	    /* NULL: none */
	const struct keys *keys;
};
/* The inner object for record_ledger_add. *out is a new reference. */
enum err record_review_json(json_t **out, const struct record_review *review);

/* All reviews of a record, oldest first. Starts as {0}; released with record_review_list_free. */
struct record_review_list {
	struct record_original *items;
	size_t count;
};
/* PL_RECORD_BROKEN where one is damaged, or is about a record of that id with another hash. */
enum err record_review_list_load(
    struct record_review_list *out, struct record_ledger *ledger, const struct record_original *about);
void record_review_list_free(struct record_review_list *list);
/* What the last one says; `list` NULL: RECORD_PENDING. */
enum record_decision record_review_decision(const struct record_review_list *list);
enum record_decision record_review_decision_of(const struct record_original *review);
/* "Disetujui dengan catatan"; "approved_with_notes". Static. */
const char *record_review_word(enum record_decision decision, bool english);
const char *record_review_name(enum record_decision decision);

#endif
