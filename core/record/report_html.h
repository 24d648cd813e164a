/* A paper as one HTML file that needs nothing else, runs nothing, and prints on A4. */
#ifndef PULIH_RECORD_REPORT_HTML_H
#define PULIH_RECORD_REPORT_HTML_H

#include "core/record/report_model.h"

/* Appends it, UTF-8. The model's own error is returned as it is. */
enum err report_html(const struct report_model *model, struct buffer *out);

#endif
