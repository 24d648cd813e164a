/* Parts that the papers of a single record have in common. Members that a record lacks are left out, or shown as "-". */
#ifndef PULIH_RECORD_REPORT_PARTS_H
#define PULIH_RECORD_REPORT_PARTS_H

#include "core/record/record.h"
#include "core/record/record_review.h"
#include "core/record/report_model.h"
#include "core/record/report_plan.h"

#define REPORT_PARTS_CHECK "pulih ledger verify" /* checks the chain of records, and that this one is in it */

/* Sets the language and the head of the paper. PL_RECORD_BROKEN (kept in the model too) where the record lacks what every paper needs. */
enum err report_parts_begin(struct report_model *model, const struct record_original *original, enum word title);

/* The same for a paper of no single record, in the language that the model has; `subtitle` may be "". */
void report_parts_begin_filed(
    struct report_model *model, const struct report_filer *filer, enum word title, const char *subtitle);
/* The three signatures of such a paper. */
void report_parts_sign_filed(struct report_model *model, const struct report_filer *filer);

/* Texts, owned by the model. */
const char *report_parts_number(struct report_model *model, uint64_t number);
/* The local time of {"local", "utc"}, with the zone of the record's office. */
const char *report_parts_local(struct report_model *model, json_t *record, json_t *time);
/* Local time and UTC of the member of that name; "unknown" where it is null. */
const char *report_parts_time(struct report_model *model, json_t *record, const char *name);
/* "Name, position, NIP …" */
const char *report_parts_person(struct report_model *model, json_t *person);
/* "root (sudo: budi)", the Unix user of the record's "login"; "" where it has none. */
const char *report_parts_login(struct report_model *model, json_t *record);
const char *report_parts_status(const struct report_model *model, json_t *record);

/* `person` may be null: a blank to fill in. Texts are borrowed from it. */
struct report_signature report_parts_signature(const struct report_model *model, json_t *person, enum word role);

/* Annexes that the record calls for, by their number; 0: there is none. */
struct report_annexes {
	unsigned objects, problems, count;
};
struct report_annexes report_parts_annexes(json_t *record);

/* The field with the objects, or the annex that names them. */
void report_parts_objects(struct report_model *model, json_t *record);
/* How many problems of the record are files that were not read as they were, and how many are lines that a command before or after it said. */
uint64_t report_parts_files(json_t *record);
uint64_t report_parts_said(json_t *record);
/* Why a run failed, as fields; nothing where it did not. */
void report_parts_failure(struct report_model *model, json_t *record);
#define REPORT_PARTS_BLANK_ROWS 3 /* for people to fill in */
/* A table of `rows` rows, who does what until when: first the follow-ups of the reviews (NULL: none), then empty ones. */
void report_parts_follow_up(struct report_model *model, const struct record_review_list *reviews, size_t rows);
void report_parts_proof(struct report_model *model, const struct record_original *original);
void report_parts_put_annexes(struct report_model *model, const struct record_original *original);

#endif
