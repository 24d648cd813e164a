/* A paper as text of A4 width. */
#ifndef PULIH_RECORD_REPORT_TEXT_H
#define PULIH_RECORD_REPORT_TEXT_H

#include "core/record/report_model.h"
#include "core/record/report_page.h"

/* Appends it, UTF-8, no line longer than REPORT_WIDTH characters. The model's own error is returned as it is. */
enum err report_text(const struct report_model *model, struct buffer *out);

#endif
