/* The papers of records that are no runs: reviews, corrections, forgotten snapshots. */
#ifndef PULIH_RECORD_RECORD_FURTHER_H
#define PULIH_RECORD_RECORD_FURTHER_H

#include "core/record/record_review.h"
#include "core/record/report_model.h"

/* The whole paper, in the language of the record's office. One of a kind that this program does not know is shown by what all records have.
 * PL_RECORD_BROKEN where the record lacks what all have. */
enum err record_further(struct report_model *model, const struct record_original *original);

/* What a review says, as fields. */
void record_further_review(struct report_model *model, const struct record_original *review);

#endif
