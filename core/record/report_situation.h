/* The draft of a Laporan situasi kondisi: what a run that was not simply good means, and what is asked of the superior. */
#ifndef PULIH_RECORD_REPORT_SITUATION_H
#define PULIH_RECORD_REPORT_SITUATION_H

#include "core/record/record_list.h"
#include "core/record/report_model.h"

/* Adds what the paper tells of other runs of the same job: the last good one before this, and the first ones after it. */
enum err report_situation_load(
    struct record_list *out, struct record_ledger *ledger, const struct record_original *original);
/* `list`: what report_situation_load found, or more. In the language of the record. PL_SITUATION_NONE
 * (ERR_USAGE) where the run was successful. */
enum err report_situation(
    struct report_model *model, const struct record_original *original, const struct record_list *list);

#endif
