/* The draft of a Laporan situasi kondisi: what a run that was not simply good means, and what is asked of the superior. */
#ifndef PULIH_RECORD_REPORT_SITUATION_H
#define PULIH_RECORD_REPORT_SITUATION_H

#include "core/record/record_ledger.h"
#include "core/record/report_model.h"

/* `list`: the ledger, for the last good backup before the run and what was run after it. In the language of the record. PL_SITUATION_NONE
 * (ERR_USAGE) where the run was successful. */
enum err report_situation(
    struct report_model *model, const struct record_original *original, const struct record_list *list);

#endif
