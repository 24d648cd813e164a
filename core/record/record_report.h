/* A record as the Laporan Pelaksanaan Backup that people print, review and sign. */
#ifndef PULIH_RECORD_RECORD_REPORT_H
#define PULIH_RECORD_RECORD_REPORT_H

#include "core/record/record_review.h"
#include "core/record/report_model.h"

/* The whole paper, in the language of the record's office, with its reviews (NULL: none yet). A record of a drill becomes the paper of
 * report_drill.h, one that is no run that of record_further.h. PL_RECORD_BROKEN where the record lacks what a report needs. */
enum err record_report(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews);
/* The same as text of A4 width (report_text.h), appended. */
enum err record_report_text(
    const struct record_original *original, const struct record_review_list *reviews, struct buffer *out);

/* The language of its office. */
bool record_report_is_english(const struct record_original *original);
/* Whether it is of a run or of a restore drill: other records have no status in words, and nobody reviews them. */
bool record_report_is_run(const struct record_original *original);
/* "Berhasil", "Berhasil dengan catatan", "Gagal" in the language of the record; static. */
const char *record_report_status(const struct record_original *original);

#endif
