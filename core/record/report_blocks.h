/* Blocks that the papers of runs and of restore drills have alike. */
#ifndef PULIH_RECORD_REPORT_BLOCKS_H
#define PULIH_RECORD_REPORT_BLOCKS_H

#include "core/record/record_review.h"
#include "core/record/report_model.h"

/* The identity block of the SOP; nothing where the record has none. */
void report_blocks_sop(struct report_model *model, json_t *record);
/* Fields: period, what caused it, schedule, planned time, start, end, duration. */
void report_blocks_times(struct report_model *model, json_t *record);
/* Why it failed, and what was not read. */
void report_blocks_problem(struct report_model *model, json_t *record);
/* What reviews ask for, and lines for what people agree on by hand where it was not good, or its report was sent back. */
void report_blocks_follow_up(struct report_model *model, json_t *record, const struct record_review_list *reviews);
/* All reviews: a report that was sent back and approved later says both; and the signatures. */
void report_blocks_review(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews);

#endif
