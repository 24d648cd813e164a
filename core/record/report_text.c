#include "core/record/report_text.h"

#include <stdio.h>

#define SIGNATURE_LINES 4 /* room for a signature and a stamp */

static void head(struct report_page *page, const struct report_model *model)
{
	const char *rest = model->address;

	report_page_centre(page, model->office);
	while (*rest) {
		char line[512];
		size_t length = strcspn(rest, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, rest);
		report_page_centre(page, line);
		rest += length;
		rest += *rest == '\n';
	}
	report_page_rule(page, '=');
	report_page_centre(page, model->title);
	report_page_centre(page, model->subtitle);
	report_page_line(page, "");
	if (model->letter)
		report_page_field(page, model->letter, REPORT_BLANK);
}

static void fields(struct report_page *page, const struct report_block *block)
{
	for (size_t i = 0; i < block->fields_count; i++)
		report_page_field(page, block->fields[i].label, block->fields[i].value);
}

/* The titles that stand over several columns; nothing where there are none. */
static void groups(struct report_page *page, const struct report_block *block, const size_t *widths)
{
	static const bool right[REPORT_COLUMNS_MAX];
	const char *texts[REPORT_COLUMNS_MAX];
	size_t spans[REPORT_COLUMNS_MAX], count = 0;
	bool any = false;

	for (size_t i = 0; i < block->columns_count; count++) {
		size_t columns = report_model_group(block, i);

		texts[count] = block->columns[i].group ? block->columns[i].group : "";
		any = any || *texts[count];
		spans[count] = columns - 1; /* the lines between them */
		for (size_t j = 0; j < columns; j++)
			spans[count] += widths[i + j];
		i += columns;
	}
	if (any)
		report_page_cells(page, texts, spans, right, count);
}

static void table(struct report_page *page, const struct report_block *block)
{
	size_t widths[REPORT_COLUMNS_MAX], count = block->columns_count;
	const char *titles[REPORT_COLUMNS_MAX];
	bool right[REPORT_COLUMNS_MAX];
	double edges[REPORT_COLUMNS_MAX + 1];
	size_t inside = REPORT_WIDTH - count - 1;

	report_model_edges(block, edges);
	for (size_t i = 0; i < count; i++) {
		widths[i] = (size_t)(edges[i + 1] * (double)inside + 0.5) - (size_t)(edges[i] * (double)inside + 0.5);
		titles[i] = block->columns[i].title;
		right[i] = block->columns[i].right;
	}
	report_page_cells_rule(page, widths, count);
	groups(page, block, widths);
	report_page_cells(page, titles, widths, right, count);
	report_page_cells_rule(page, widths, count);
	for (size_t i = 0; i < block->rows_count; i++)
		report_page_cells(page, &block->cells[i * count], widths, right, count);
	report_page_cells_rule(page, widths, count);
}

/* One signature in the middle (right NULL), or two side by side. */
static void sign(struct report_page *page, const struct report_signature *left, const struct report_signature *right)
{
	const char *const above[][2] = {{left->role, right ? right->role : ""}, {left->position, right ? right->position : ""}};
	const char *const below[][2] = {{left->name, right ? right->name : ""}, {left->nip, right ? right->nip : ""}};

	for (size_t i = 0; i < 2; i++)
		right ? report_page_halves(page, above[i][0], above[i][1]) : report_page_centre(page, above[i][0]);
	for (int i = 0; i < SIGNATURE_LINES; i++)
		report_page_line(page, "");
	for (size_t i = 0; i < 2; i++)
		right ? report_page_halves(page, below[i][0], below[i][1]) : report_page_centre(page, below[i][0]);
}

static void signatures(struct report_page *page, const struct report_block *block)
{
	report_page_line(page, "");
	if (block->place)
		report_page_halves(page, "", block->place);
	for (size_t i = 0; i < block->signatures_count; i += 2) {
		if (i > 0)
			report_page_line(page, "");
		sign(page, &block->signatures[i],
		    i + 1 < block->signatures_count ? &block->signatures[i + 1] : NULL);
	}
}

static void annex(struct report_page *page, const struct report_block *block)
{
	report_page_line(page, "");
	report_page_rule(page, '=');
	report_page_hanging(page, "", 0, block->text);
	report_page_hanging(page, "", 0, block->note);
	report_page_rule(page, '-');
}

static void put_block(struct report_page *page, const struct report_block *block)
{
	switch (block->kind) {
	case REPORT_HEADING:
		report_page_heading(page, block->text);
		break;
	case REPORT_PARAGRAPH:
		report_page_hanging(page, "", 0, block->text);
		break;
	case REPORT_FIELDS:
	case REPORT_PROOF:
		fields(page, block);
		break;
	case REPORT_TABLE:
		table(page, block);
		break;
	case REPORT_SIGNATURES:
		signatures(page, block);
		break;
	case REPORT_ANNEX:
		annex(page, block);
		break;
	}
}

enum err report_text(const struct report_model *model, struct buffer *out)
{
	struct report_page page = {.out = out, .err = model->err};

	if (model->err != ERR_OK)
		return model->err;
	head(&page, model);
	for (size_t i = 0; i < model->blocks_count; i++)
		put_block(&page, &model->blocks[i]);
	return page.err;
}
