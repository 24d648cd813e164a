/* Lines of a text report: labels in one column, values wrapped in the other. Widths count characters, not bytes. */
#ifndef PULIH_RECORD_REPORT_PAGE_H
#define PULIH_RECORD_REPORT_PAGE_H

#include "core/base/buffer.h"

#define REPORT_WIDTH 78 /* columns: A4 in a 12 point typewriter font, with margins */

/* Errors are kept and every later call does nothing: look at `err` once, at the end. */
struct report_page {
	struct buffer *out;
	enum err err;
};

/* One line, cut at the width of the page. */
void report_page_line(struct report_page *page, const char *text);
/* Centred; wrapped where it is longer than the page. */
void report_page_centre(struct report_page *page, const char *text);
/* An empty line, a heading, a rule. */
void report_page_heading(struct report_page *page, const char *text);
void report_page_rule(struct report_page *page, char character);
/* "label : value", the value wrapped under itself. An empty value is shown as "-"; an empty label goes on with the
 * field above. Control characters are made visible. */
void report_page_field(struct report_page *page, const char *label, const char *value);
/* A value that wraps under an indent, its first line behind `lead`, which is at most as long as the indent. */
void report_page_hanging(struct report_page *page, const char *lead, size_t indent, const char *value);
/* Texts side by side, each wrapped in its column of `widths[i]` characters, with '|' before each and behind the last; `right`: put at the
 * right edge. */
void report_page_cells(
    struct report_page *page, const char *const *texts, const size_t *widths, const bool *right, size_t count);
/* "+----+--+" over columns of these widths. */
void report_page_cells_rule(struct report_page *page, const size_t *widths, size_t count);
/* Up to REPORT_COLUMNS_MAX texts side by side in columns of the same width, each wrapped, nothing between them. */
void report_page_columns(struct report_page *page, const char *const *texts, size_t count);

#endif
