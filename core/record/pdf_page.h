/* Pages A4 of a PDF that is filled from top to bottom: rows of wrapped texts, each with its page's foot. The paper is gone through twice, first
 * only to count its pages, because every page says of how many it is one. */
#ifndef PULIH_RECORD_PDF_PAGE_H
#define PULIH_RECORD_PDF_PAGE_H

#include "core/base/buffer.h"
#include "core/record/qr.h"

#include <stdbool.h>

/* Points. Wide at the left: papers are bound there. */
#define PDF_PAGE_WIDTH 595.276
#define PDF_PAGE_HEIGHT 841.89
#define PDF_PAGE_LEFT 62.0
#define PDF_PAGE_RIGHT 45.0
#define PDF_PAGE_TOP 40.0
#define PDF_PAGE_BOTTOM 54.0
#define PDF_PAGE_INSIDE (PDF_PAGE_WIDTH - PDF_PAGE_LEFT - PDF_PAGE_RIGHT)

enum pdf_page_align { PDF_PAGE_ALIGN_LEFT, PDF_PAGE_ALIGN_CENTRE, PDF_PAGE_ALIGN_RIGHT };

struct pdf_page_cell {
	const char *text;
	double x, width; /* from the left margin */
	double size;	 /* of the letters */
	bool bold;
	enum pdf_page_align align;
	int lines; /* at most so many, the last ending in "…"; 0: as many as it needs */
};

struct pdf_page_frame {
	double padding; /* above and below the text, and at its sides where there are lines */
	bool lines;	/* around each cell */
	bool grey;	/* behind it */
	double least;	/* height of the row at least: where people write */
};

#define PDF_PAGE_CELLS 12 /* of a row */

struct pdf_page;

struct pdf_page_properties {
	const char *title, *author, *created; /* created: RFC 3339, or "" */
	const char *foot;		      /* at the left of each foot */
	/* The right of the foot: "Page 2 of 5"; the buffer holds 96 bytes. */
	void (*number)(void *context, char out[96], size_t page, size_t pages);
	/* Draws the paper from its first block on. Called twice. */
	void (*draw)(void *context, struct pdf_page *page);
	void *context;
};

/* Appends the PDF. PL_REPORT_PDF (ERR_FAILED). */
enum err pdf_page_paper(const struct pdf_page_properties *properties, struct buffer *out);

/* ---- for `draw` ---- */

/* A row at the current height; begins a new page where it does not fit, and goes on there where it is longer than a page. */
void pdf_page_row(struct pdf_page *page, const struct pdf_page_cell *cells, size_t count, struct pdf_page_frame frame);
/* The height that such a row takes. */
double pdf_page_row_height(
    struct pdf_page *page, const struct pdf_page_cell *cells, size_t count, struct pdf_page_frame frame);
/* A cell with lines around it and its text in the middle of `height`, `y` below the current height; does not move on. */
void pdf_page_box(struct pdf_page *page, const struct pdf_page_cell *cell, double y, double height, bool grey);
void pdf_page_space(struct pdf_page *page, double height);
/* A line across the page. */
void pdf_page_rule(struct pdf_page *page, double thickness);
/* A new page unless there is room for so much. */
void pdf_page_need(struct pdf_page *page, double height);
void pdf_page_new(struct pdf_page *page);
/* What is drawn at the top of each new page until it is NULL again: the head of a table. */
void pdf_page_repeat(
    struct pdf_page *page, void (*head)(void *context, struct pdf_page *page, const void *of), const void *of);
/* At the current height, `x` from the left margin; does not move on. */
void pdf_page_qr(struct pdf_page *page, const struct qr *qr, double x, double side);
/* Keeps the first error; the paper fails with it. */
void pdf_page_failed(struct pdf_page *page, enum err err);
/* Points from the top of the page, and back to them. */
double pdf_page_height(const struct pdf_page *page);
void pdf_page_go_to(struct pdf_page *page, double height);

#endif
