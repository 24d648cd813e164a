/* What every record says of itself, whatever its kind. */
#ifndef PULIH_RECORD_RECORD_HEADING_H
#define PULIH_RECORD_RECORD_HEADING_H

#include "core/record/record.h"

/* Kinds. One that this program does not know is kept, chained, sent and checked like the others. */
#define RECORD_RUN "run"	       /* also of a record without the member "kind" */
#define RECORD_DRILL "drill"	       /* a restore drill: a run whose member "drill" says what came back */
#define RECORD_REVIEW "review"	       /* record_review.h */
#define RECORD_CORRECTION "correction" /* record_correction.h */
#define RECORD_FORGET "forget"	       /* record_forget.h */

/* Texts are borrowed from the record. */
struct record_heading {
	uint64_t number;
	const char *id, *kind, *job, *status;
	const char *about; /* the id of the record that this one is about; "" for none */
	int64_t time;	   /* when it began, or was made; ns since 1970, whole seconds; 0: unknown */
	bool has_repository,
	    has_snapshot; /* the repository that it is about, whose keys signed it; the snapshot that it made there */
	uint8_t repository[REPOSITORY_ID_SIZE], snapshot[OBJECT_ID_SIZE];
	uint8_t previous[HASH_SIZE]; /* zero: it is the first */
};

/* PL_RECORD_BROKEN where a member is not what it must be, or where a record is not signed that must be: one with a repository (and no other
 * is signed), every review, correction and forget record, and every run that did not fail. */
enum err record_heading_read(struct record_heading *out, const struct record_original *original);

/* The members that records of every kind but runs have alike, of id, kind, job, status and time of the heading; the host is this one. `keys`:
 * of the repository; NULL for none. *out is a new reference. */
enum err record_heading_json(
    json_t **out, const struct record_heading *heading, const struct record_office *office, const struct keys *keys);
/* Adds all members of `more`, whose reference is taken over; NULL is PL_NO_MEMORY. */
enum err record_heading_add(json_t *record, json_t *more);

#endif
