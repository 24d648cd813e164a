#include "core/record/report_pdf.h"

#include "core/record/pdf_page.h"

#include <stddef.h>
#include <stdio.h>

/* Points. */
#define NAME_SIZE 14.0
#define ADDRESS_SIZE 9.0
#define TITLE_SIZE 12.5
#define HEADING_SIZE 10.0
#define TEXT_SIZE 9.5
#define TABLE_SIZE 8.5
#define LABEL_WIDTH 128.0
#define COLON_WIDTH 9.0
#define BOXED_FIELDS 2 /* in a row */
#define BOXED_LABEL 92.0
#define SIGN_MARGIN 6.0 /* at both sides of each signature */
#define SIGN_ABOVE 10.0
#define SIGN_GAP 44.0 /* room for a signature and a stamp */
#define SIGN_LINES 5  /* of a name or a position; both stand in full among the fields */
#define QR_SIDE 102.0
#define HEADING_ROOM 18.0
#define HAND_ROW 22.0	       /* a row that people fill in */
#define KEEP_WITH_HEADING 58.0 /* what must fit under a heading: the head of a table and a row */

static const struct pdf_page_frame plain = {.padding = 0.8};
static const struct pdf_page_frame grid = {.padding = 2.5, .lines = true};

struct paper {
	const struct report_model *model;
	struct qr qr;
};

static void line(struct pdf_page *page, const char *text, double size, bool bold, enum pdf_page_align align)
{
	struct pdf_page_cell cell = {
	    .text = text, .width = PDF_PAGE_INSIDE, .size = size, .bold = bold, .align = align};

	if (*text)
		pdf_page_row(page, &cell, 1, plain);
}

static void number_of_page(void *context, char out[96], size_t page, size_t pages)
{
	const struct paper *paper = context;
	char number[24], count[24];

	snprintf(number, sizeof(number), "%zu", page);
	snprintf(count, sizeof(count), "%zu", pages);
	record_fill(out, 96, WORD_PAGE_OF, paper->model->english, RECORD_ARGUMENTS(number, count));
}

#define FIELD_CELLS 3

static void field_cells(struct pdf_page_cell cells[FIELD_CELLS], const struct report_field *of, double x, double label)
{
	const struct pdf_page_cell cell = {.size = TEXT_SIZE};

	for (size_t i = 0; i < FIELD_CELLS; i++)
		cells[i] = cell;
	cells[0].text = of->label;
	cells[0].x = x;
	cells[0].width = label;
	cells[1].text = *of->label ? ":" : "";
	cells[1].x = x + label;
	cells[1].width = COLON_WIDTH;
	cells[2].text = *of->value ? of->value : "-";
	cells[2].x = x + label + COLON_WIDTH;
	cells[2].width = PDF_PAGE_INSIDE - x - label - COLON_WIDTH;
	cells[2].bold = of->strong;
}

static void field(struct pdf_page *page, const struct report_field *of, double x, double label)
{
	struct pdf_page_cell cells[FIELD_CELLS];

	field_cells(cells, of, x, label);
	pdf_page_row(page, cells, FIELD_CELLS, plain);
}

static void head(struct pdf_page *page, const struct report_model *model)
{
	line(page, model->office, NAME_SIZE, true, PDF_PAGE_ALIGN_CENTRE);
	line(page, model->address, ADDRESS_SIZE, false, PDF_PAGE_ALIGN_CENTRE);
	pdf_page_space(page, 3);
	pdf_page_rule(page, 2);
	pdf_page_space(page, 1.2);
	pdf_page_rule(page, 0.6);
	pdf_page_space(page, 14);
	line(page, model->title, TITLE_SIZE, true, PDF_PAGE_ALIGN_CENTRE);
	line(page, model->subtitle, TEXT_SIZE + 1, false, PDF_PAGE_ALIGN_CENTRE);
	if (model->letter) {
		char number[128];

		snprintf(number, sizeof(number), "%.40s: %s", model->letter, REPORT_BLANK);
		line(page, number, TEXT_SIZE + 0.5, false, PDF_PAGE_ALIGN_CENTRE);
	}
	pdf_page_space(page, 10);
}

/* Two fields in a row: the identity of an SOP is to leave room for the work. */
static void boxed_fields(struct pdf_page *page, const struct report_block *block)
{
	for (size_t i = 0; i < block->fields_count; i += BOXED_FIELDS) {
		struct pdf_page_cell cells[2 * BOXED_FIELDS];

		for (size_t j = 0; j < BOXED_FIELDS; j++) {
			const struct report_field *of = i + j < block->fields_count ? &block->fields[i + j] : NULL;
			double x = (double)j * PDF_PAGE_INSIDE / BOXED_FIELDS;

			cells[2 * j] = (struct pdf_page_cell){
			    .text = of ? of->label : "", .x = x, .width = BOXED_LABEL, .size = TEXT_SIZE};
			cells[2 * j + 1] = (struct pdf_page_cell){.text = of && *of->value ? of->value
				: of							   ? "-"
											   : "",
			    .x = x + BOXED_LABEL,
			    .width = PDF_PAGE_INSIDE / BOXED_FIELDS - BOXED_LABEL,
			    .size = TEXT_SIZE,
			    .bold = of && of->strong};
		}
		pdf_page_row(page, cells, 2 * BOXED_FIELDS, grid);
	}
}

static void fields(struct pdf_page *page, const struct report_block *block)
{
	if (block->boxed) {
		boxed_fields(page, block);
		return;
	}
	for (size_t i = 0; i < block->fields_count; i++)
		field(page, &block->fields[i], 0, LABEL_WIDTH);
}

/* ---- tables ---- */

static double larger(double one, double other)
{
	return one > other ? one : other;
}

static struct pdf_page_cell title_cell(const char *title, double left, double right)
{
	return (struct pdf_page_cell){.text = title,
	    .x = left * PDF_PAGE_INSIDE,
	    .width = (right - left) * PDF_PAGE_INSIDE,
	    .size = TABLE_SIZE,
	    .bold = true,
	    .align = PDF_PAGE_ALIGN_CENTRE};
}

struct head_heights {
	double upper, lower; /* of the titles of groups, and of what is below them; a column without one has both */
};

static double title_height(struct pdf_page *page, const char *title, double left, double right)
{
	struct pdf_page_cell cell = title_cell(title, left, right);

	return pdf_page_row_height(page, &cell, 1, grid);
}

static struct head_heights measure_head(struct pdf_page *page, const struct report_block *block, const double *edges)
{
	struct head_heights heights = {0};
	double single = 0;

	for (size_t i = 0; i < block->columns_count; i++) {
		const struct report_column *column = &block->columns[i];
		double height = title_height(page, column->title, edges[i], edges[i + 1]);

		if (!column->group) {
			single = larger(single, height);
			continue;
		}
		heights.lower = larger(heights.lower, height);
		if (i == 0 || block->columns[i - 1].group != column->group)
			heights.upper = larger(heights.upper,
			    title_height(page, column->group, edges[i], edges[i + report_model_group(block, i)]));
	}
	if (single > heights.upper + heights.lower)
		heights.lower = single - heights.upper;
	return heights;
}

static void title_box(struct pdf_page *page, const char *title, double left, double right, double y, double height)
{
	struct pdf_page_cell cell = title_cell(title, left, right);

	pdf_page_box(page, &cell, y, height, true);
}

/* The titles of the columns, those of groups above theirs. */
static void table_head(void *context, struct pdf_page *page, const void *of)
{
	const struct report_block *block = of;
	double edges[REPORT_COLUMNS_MAX + 1];
	struct head_heights heights;

	(void)context;
	report_model_edges(block, edges);
	heights = measure_head(page, block, edges);
	for (size_t i = 0; i < block->columns_count; i++) {
		const struct report_column *column = &block->columns[i];

		if (!column->group) {
			title_box(page, column->title, edges[i], edges[i + 1], 0, heights.upper + heights.lower);
			continue;
		}
		title_box(page, column->title, edges[i], edges[i + 1], heights.upper, heights.lower);
		if (i == 0 || block->columns[i - 1].group != column->group)
			title_box(
			    page, column->group, edges[i], edges[i + report_model_group(block, i)], 0, heights.upper);
	}
	pdf_page_go_to(page, pdf_page_height(page) + heights.upper + heights.lower);
}

static void table(struct pdf_page *page, const struct report_block *block)
{
	double edges[REPORT_COLUMNS_MAX + 1];
	size_t count = block->columns_count;

	report_model_edges(block, edges);
	pdf_page_space(page, 4);
	pdf_page_need(page, KEEP_WITH_HEADING);
	table_head(NULL, page, block);
	pdf_page_repeat(page, table_head, block);
	for (size_t row = 0; row < block->rows_count; row++) {
		const char *const *texts = &block->cells[row * count];
		struct pdf_page_cell cells[REPORT_COLUMNS_MAX];
		struct pdf_page_frame frame = grid;

		for (size_t i = 0; i < count; i++)
			cells[i] = (struct pdf_page_cell){.text = texts[i],
			    .x = edges[i] * PDF_PAGE_INSIDE,
			    .width = (edges[i + 1] - edges[i]) * PDF_PAGE_INSIDE,
			    .size = TABLE_SIZE,
			    .bold = block->strong[row],
			    .align = block->columns[i].right ? PDF_PAGE_ALIGN_RIGHT : PDF_PAGE_ALIGN_LEFT};
		frame.least = report_model_row_is_blank(block, row) ? HAND_ROW : 0;
		pdf_page_row(page, cells, count, frame);
	}
	pdf_page_repeat(page, NULL, NULL);
	pdf_page_space(page, 3);
}

/* ---- what is never parted ---- */

/* One row of the signatures, side by side; only measured where `draw` is false. Returns its height. */
static double sign_row(struct pdf_page *page, const struct report_block *block, size_t offset, bool bold, bool draw)
{
	struct pdf_page_cell cells[REPORT_SIGNATURES_MAX];
	size_t count = block->signatures_count;
	double width = PDF_PAGE_INSIDE / (double)count;

	for (size_t i = 0; i < count; i++)
		cells[i] =
		    (struct pdf_page_cell){.text = *(const char *const *)((const char *)&block->signatures[i] + offset),
			.x = (double)i * width + SIGN_MARGIN,
			.width = width - 2 * SIGN_MARGIN,
			.size = TEXT_SIZE,
			.bold = bold,
			.align = PDF_PAGE_ALIGN_CENTRE,
			.lines = SIGN_LINES};
	if (draw)
		pdf_page_row(page, cells, count, plain);
	return draw ? 0 : pdf_page_row_height(page, cells, count, plain);
}

/* Draws them, or only measures. */
static double put_signatures(struct pdf_page *page, const struct report_block *block, bool draw)
{
	double height = SIGN_GAP;

	height += sign_row(page, block, offsetof(struct report_signature, place), false, draw);
	height += sign_row(page, block, offsetof(struct report_signature, role), false, draw);
	height += sign_row(page, block, offsetof(struct report_signature, position), false, draw);
	if (draw)
		pdf_page_space(page, SIGN_GAP);
	height += sign_row(page, block, offsetof(struct report_signature, name), true, draw);
	return height + sign_row(page, block, offsetof(struct report_signature, nip), false, draw);
}

static void signatures(struct pdf_page *page, const struct report_block *block)
{
	pdf_page_space(page, SIGN_ABOVE);
	pdf_page_need(page, put_signatures(page, block, false));
	put_signatures(page, block, true);
}

static void proof(struct pdf_page *page, const struct report_block *block, const struct qr *qr)
{
	double top;

	pdf_page_need(page, QR_SIDE);
	top = pdf_page_height(page);
	pdf_page_qr(page, qr, 0, QR_SIDE);
	pdf_page_go_to(page, top + 8);
	for (size_t i = 0; i < block->fields_count; i++)
		field(page, &block->fields[i], QR_SIDE, LABEL_WIDTH - 22);
	pdf_page_go_to(page, larger(top + QR_SIDE, pdf_page_height(page)));
}

/* What must stand on the same page as the heading of block `at`. */
static double kept_with_heading(struct pdf_page *page, const struct report_model *model, size_t at)
{
	const struct report_block *next = &model->blocks[at + 1];
	size_t kept = report_model_kept(model, at);
	double height;

	if (kept == 0)
		return KEEP_WITH_HEADING;
	if (next->kind == REPORT_PROOF)
		return HEADING_ROOM + QR_SIDE;
	height = HEADING_ROOM + SIGN_ABOVE + put_signatures(page, &next[1], false);
	for (size_t i = 0; i < next->fields_count; i++) {
		struct pdf_page_cell cells[FIELD_CELLS];

		field_cells(cells, &next->fields[i], 0, LABEL_WIDTH);
		height += pdf_page_row_height(page, cells, FIELD_CELLS, plain);
	}
	return height;
}

static void heading(struct pdf_page *page, const struct report_model *model, size_t at)
{
	pdf_page_space(page, 6);
	pdf_page_need(page, kept_with_heading(page, model, at));
	line(page, model->blocks[at].text, HEADING_SIZE, true, PDF_PAGE_ALIGN_LEFT);
	pdf_page_space(page, 2);
}

static void annex(struct pdf_page *page, const struct report_block *block)
{
	pdf_page_new(page);
	line(page, block->text, TITLE_SIZE, true, PDF_PAGE_ALIGN_LEFT);
	line(page, block->note, TEXT_SIZE, false, PDF_PAGE_ALIGN_LEFT);
	pdf_page_space(page, 2);
	pdf_page_rule(page, 0.6);
	pdf_page_space(page, 6);
}

static void draw(void *context, struct pdf_page *page)
{
	const struct paper *paper = context;

	head(page, paper->model);
	for (size_t i = 0; i < paper->model->blocks_count; i++) {
		const struct report_block *block = &paper->model->blocks[i];

		switch (block->kind) {
		case REPORT_HEADING:
			heading(page, paper->model, i);
			break;
		case REPORT_PARAGRAPH:
			line(page, block->text, TEXT_SIZE, false, PDF_PAGE_ALIGN_LEFT);
			break;
		case REPORT_FIELDS:
			fields(page, block);
			break;
		case REPORT_TABLE:
			table(page, block);
			break;
		case REPORT_SIGNATURES:
			signatures(page, block);
			break;
		case REPORT_PROOF:
			proof(page, block, &paper->qr);
			break;
		case REPORT_ANNEX:
			annex(page, block);
			break;
		}
	}
}

enum err report_pdf(const struct report_model *model, struct buffer *out)
{
	struct paper paper = {.model = model};
	struct pdf_page_properties properties = {.title = model->title,
	    .author = model->office,
	    .created = model->created,
	    .foot = model->foot,
	    .number = number_of_page,
	    .draw = draw,
	    .context = &paper};
	enum err err = model->err;

	for (size_t i = 0; err == ERR_OK && i < model->blocks_count; i++)
		if (model->blocks[i].kind == REPORT_PROOF)
			err = qr_make(&paper.qr, model->blocks[i].text);
	if (err == ERR_OK)
		err = pdf_page_paper(&properties, out);
	qr_free(&paper.qr);
	return err;
}
