/* A record as the Laporan Pelaksanaan Backup that people print, review and sign. */
#ifndef PULIH_RECORD_RECORD_REPORT_H
#define PULIH_RECORD_RECORD_REPORT_H

#include "core/record/record.h"
#include "core/record/report_model.h"

/* The whole paper, in the language of the record's office. PL_RECORD_BROKEN where the record lacks what a report needs. */
enum err record_report(struct report_model *model, const struct record_original *original);
/* The same as text of A4 width (report_text.h), appended. */
enum err record_report_text(const struct record_original *original, struct buffer *out);

/* "Berhasil", "Berhasil dengan catatan", "Gagal" in the language of the record; static. */
const char *record_report_status(const struct record_original *original);
/* What became of the review: "belum", "pending"; static. */
const char *record_report_review(const struct record_original *original);
bool record_report_is_reviewed(const struct record_original *original);

#endif
