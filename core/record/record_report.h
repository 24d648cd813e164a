/* A record as the report that people print, review and sign: text of A4 width. */
#ifndef PULIH_RECORD_RECORD_REPORT_H
#define PULIH_RECORD_RECORD_REPORT_H

#include "core/record/record_review.h"

#define REPORT_WIDTH 78 /* columns: A4 in a 12 point typewriter font, with margins */

/* The whole report in the language of the record's office, UTF-8, appended. Every line is at most REPORT_WIDTH characters. PL_RECORD_BROKEN
 * where the record lacks what a report needs. */
enum err record_report_text(const struct record_original *original, struct buffer *out);
/* The same with what became of its review. */
enum err record_report_text_reviewed(
    const struct record_original *original, const struct record_review_list *reviews, struct buffer *out);

/* The language of its office. */
bool record_report_is_english(const struct record_original *original);
/* "Berhasil", "Berhasil dengan catatan", "Gagal" in the language of the record; static. */
const char *record_report_status(const struct record_original *original);

#endif
