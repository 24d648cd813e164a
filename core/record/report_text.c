#include "core/record/report_text.h"

#include <stddef.h>
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

/* Characters of the longest word of a title. */
static size_t longest_word(const char *title)
{
	size_t longest = 0;

	while (*title) {
		size_t width = 0;

		for (; *title && *title != ' '; title++)
			width += ((unsigned char)*title & 0xC0) != 0x80;
		longest = width > longest ? width : longest;
		title += *title == ' ';
	}
	return longest;
}

/* Columns that are narrower than a word of their title take from the one that has most to spare. */
static void fit_titles(size_t *widths, const char *const *titles, size_t count)
{
	for (size_t i = 0; i < count; i++)
		while (widths[i] < longest_word(titles[i])) {
			size_t richest = i, most = 0;

			for (size_t j = 0; j < count; j++) {
				size_t wanted = longest_word(titles[j]);

				if (widths[j] > wanted && widths[j] - wanted > most) {
					richest = j;
					most = widths[j] - wanted;
				}
			}
			if (most == 0)
				return;
			widths[richest]--;
			widths[i]++;
		}
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
	fit_titles(widths, titles, count);
	report_page_cells_rule(page, widths, count);
	groups(page, block, widths);
	report_page_cells(page, titles, widths, right, count);
	report_page_cells_rule(page, widths, count);
	for (size_t i = 0; i < block->rows_count; i++)
		report_page_cells(page, &block->cells[i * count], widths, right, count);
	report_page_cells_rule(page, widths, count);
}

static void sign_row(struct report_page *page, const struct report_block *block, size_t offset)
{
	const char *texts[REPORT_SIGNATURES_MAX];

	for (size_t i = 0; i < block->signatures_count; i++)
		texts[i] = *(const char *const *)((const char *)&block->signatures[i] + offset);
	report_page_columns(page, texts, block->signatures_count);
}

static void signatures(struct report_page *page, const struct report_block *block)
{
	report_page_line(page, "");
	sign_row(page, block, offsetof(struct report_signature, place));
	sign_row(page, block, offsetof(struct report_signature, role));
	sign_row(page, block, offsetof(struct report_signature, position));
	for (int i = 0; i < SIGNATURE_LINES; i++)
		report_page_line(page, "");
	sign_row(page, block, offsetof(struct report_signature, name));
	sign_row(page, block, offsetof(struct report_signature, nip));
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
