/* A record of a restore drill as the Berita Acara Uji Pemulihan that people print, review and sign. */
#ifndef PULIH_RECORD_REPORT_DRILL_H
#define PULIH_RECORD_REPORT_DRILL_H

#include "core/record/record_review.h"
#include "core/record/report_model.h"

/* As record_report; the record is of the kind RECORD_DRILL. */
enum err report_drill(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews);

#endif
