#include "core/record/report_pdf.h"

#include "core/record/pdf_page.h"

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
#define SIGN_WIDTH 205.0
#define SIGN_GAP 50.0 /* room for a signature and a stamp */
#define SIGN_LINES 4  /* of a name or a position; both stand in full among the fields */
#define QR_SIDE 112.0
#define HAND_ROW 22.0	      /* a row that people fill in */
#define KEEP_WITH_HEADING 58.0 /* what must fit under a heading: the head of a table and a row */

static const struct pdf_page_frame plain = {.padding = 1};
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

static void field(struct pdf_page *page, const struct report_field *of, double x, double label)
{
	const struct pdf_page_cell cells[] = {
	    {.text = of->label, .x = x, .width = label, .size = TEXT_SIZE},
	    {.text = *of->label ? ":" : "", .x = x + label, .width = COLON_WIDTH, .size = TEXT_SIZE},
	    {.text = *of->value ? of->value : "-",
		.x = x + label + COLON_WIDTH,
		.width = PDF_PAGE_INSIDE - x - label - COLON_WIDTH,
		.size = TEXT_SIZE,
		.bold = of->strong}};

	pdf_page_row(page, cells, 3, plain);
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

static void heading(struct pdf_page *page, const struct report_block *block)
{
	pdf_page_space(page, 8);
	pdf_page_need(page, KEEP_WITH_HEADING);
	line(page, block->text, HEADING_SIZE, true, PDF_PAGE_ALIGN_LEFT);
	pdf_page_space(page, 2);
}

static void boxed_fields(struct pdf_page *page, const struct report_block *block)
{
	for (size_t i = 0; i < block->fields_count; i++) {
		const struct report_field *of = &block->fields[i];
		const struct pdf_page_cell cells[] = {
		    {.text = of->label, .width = LABEL_WIDTH + COLON_WIDTH, .size = TEXT_SIZE},
		    {.text = *of->value ? of->value : "-",
			.x = LABEL_WIDTH + COLON_WIDTH,
			.width = PDF_PAGE_INSIDE - LABEL_WIDTH - COLON_WIDTH,
			.size = TEXT_SIZE,
			.bold = of->strong}};

		pdf_page_row(page, cells, 2, grid);
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

static struct pdf_page_cell title_cell(const char *title, double left, double right)
{
	return (struct pdf_page_cell){.text = title,
	    .x = left * PDF_PAGE_INSIDE,
	    .width = (right - left) * PDF_PAGE_INSIDE,
	    .size = TABLE_SIZE,
	    .bold = true,
	    .align = PDF_PAGE_ALIGN_CENTRE};
}

/* The titles of the columns, those of groups above theirs. */
static void table_head(void *context, struct pdf_page *page, const void *of)
{
	const struct report_block *block = of;
	double edges[REPORT_COLUMNS_MAX + 1], upper = 0, lower = 0, single = 0;

	(void)context;
	report_model_edges(block, edges);
	for (size_t i = 0; i < block->columns_count; i++) {
		const struct report_column *column = &block->columns[i];
		struct pdf_page_cell title = title_cell(column->title, edges[i], edges[i + 1]);
		double height = pdf_page_row_height(page, &title, 1, grid);

		if (!column->group) {
			single = height > single ? height : single;
			continue;
		}
		lower = height > lower ? height : lower;
		title = title_cell(column->group, edges[i], edges[i + report_model_group(block, i)]);
		height = pdf_page_row_height(page, &title, 1, grid);
		upper = height > upper ? height : upper;
		for (size_t rest = report_model_group(block, i) - 1; rest > 0; rest--) {
			i++;
			title = title_cell(block->columns[i].title, edges[i], edges[i + 1]);
			height = pdf_page_row_height(page, &title, 1, grid);
			lower = height > lower ? height : lower;
		}
	}
	if (single > upper + lower)
		lower = single - upper;
	for (size_t i = 0; i < block->columns_count; i++) {
		size_t columns = report_model_group(block, i);
		bool grouped = block->columns[i].group != NULL;

		if (grouped) {
			struct pdf_page_cell group = title_cell(block->columns[i].group, edges[i], edges[i + columns]);

			pdf_page_box(page, &group, 0, upper, true);
		}
		for (size_t j = i; j < i + columns; j++) {
			struct pdf_page_cell title = title_cell(block->columns[j].title, edges[j], edges[j + 1]);

			pdf_page_box(page, &title, grouped ? upper : 0, grouped ? lower : upper + lower, true);
		}
		i += columns - 1;
	}
	pdf_page_go_to(page, pdf_page_height(page) + upper + lower);
}

static void table(struct pdf_page *page, const struct report_block *block)
{
	double edges[REPORT_COLUMNS_MAX + 1];
	size_t count = block->columns_count;

	report_model_edges(block, edges);
	pdf_page_space(page, 3);
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

struct part {
	struct pdf_page_cell cell;
	double gap; /* above it */
};

#define SIGN_PARTS 5

static size_t sign_parts(
    const struct report_signature *of, const char *place, double x, struct part parts[SIGN_PARTS])
{
	const struct pdf_page_cell cell = {
	    .x = x, .width = SIGN_WIDTH, .size = TEXT_SIZE, .align = PDF_PAGE_ALIGN_CENTRE, .lines = SIGN_LINES};
	const char *const texts[SIGN_PARTS] = {place ? place : "", of->role, of->position, of->name, of->nip};

	for (size_t i = 0; i < SIGN_PARTS; i++) {
		parts[i] = (struct part){.cell = cell, .gap = i == 3 ? SIGN_GAP : 0};
		parts[i].cell.text = texts[i];
		parts[i].cell.bold = i == 3;
	}
	return SIGN_PARTS;
}

/* Draws the signature, or only measures it. Returns its height. */
static double sign(struct pdf_page *page, const struct report_signature *of, const char *place, double x, bool draw)
{
	struct part parts[SIGN_PARTS];
	double top = pdf_page_height(page), height = 0;

	sign_parts(of, place, x, parts);
	for (size_t i = 0; i < SIGN_PARTS; i++) {
		height += parts[i].gap;
		pdf_page_go_to(page, top + height);
		if (draw)
			pdf_page_row(page, &parts[i].cell, 1, plain);
		else
			pdf_page_go_to(
			    page, pdf_page_height(page) + pdf_page_row_height(page, &parts[i].cell, 1, plain));
		height = pdf_page_height(page) - top;
	}
	pdf_page_go_to(page, top);
	return height;
}

static double larger(double one, double other)
{
	return one > other ? one : other;
}

/* Row by row: two side by side, a last one alone in the middle. */
static double all_signatures(struct pdf_page *page, const struct report_block *block, bool draw)
{
	double top = pdf_page_height(page), height = 0;

	for (size_t i = 0; i < block->signatures_count; i += 2) {
		const struct report_signature *of = &block->signatures[i];
		const char *place = i == 0 ? block->place : NULL;
		double row;

		if (i > 0)
			height += 10;
		pdf_page_go_to(page, top + height);
		if (i + 1 < block->signatures_count)
			row = larger(sign(page, of, place ? " " : NULL, 0, draw),
			    sign(page, of + 1, place, PDF_PAGE_INSIDE - SIGN_WIDTH, draw));
		else
			row = sign(page, of, NULL, (PDF_PAGE_INSIDE - SIGN_WIDTH) / 2, draw);
		height += row;
	}
	pdf_page_go_to(page, top);
	return height;
}

static void signatures(struct pdf_page *page, const struct report_block *block)
{
	double height;

	pdf_page_space(page, 10);
	height = all_signatures(page, block, false);
	pdf_page_need(page, height);
	all_signatures(page, block, true);
	pdf_page_go_to(page, pdf_page_height(page) + height);
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
			heading(page, block);
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
