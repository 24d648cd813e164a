/* The Rekapitulasi of a month as a paper. */
#ifndef PULIH_RECORD_REPORT_RECAP_H
#define PULIH_RECORD_REPORT_RECAP_H

#include "core/record/recap.h"
#include "core/record/report_model.h"

/* In the language of the filer's office. */
enum err report_recap(struct report_model *model, const struct recap *recap, const struct report_filer *filer);

#endif
