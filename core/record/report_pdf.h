/* A paper as a PDF of A4 pages, ready to print and sign. */
#ifndef PULIH_RECORD_REPORT_PDF_H
#define PULIH_RECORD_REPORT_PDF_H

#include "core/record/report_model.h"

/* Appends it. The same model gives the same bytes. The model's own error is returned as it is; PL_REPORT_PDF (ERR_FAILED). */
enum err report_pdf(const struct report_model *model, struct buffer *out);

#endif
