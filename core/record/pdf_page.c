#include <cairo-pdf.h>
#include <pango/pangocairo.h>

/* After the library's headers, which name what it forbids. */
#include "core/base/mem.h"
#include "core/record/pdf_page.h"

#include <stdio.h>

#define FONTS "Liberation Sans, DejaVu Sans" /* the second has letters that the first lacks */
#define FOOT_SIZE 7.5
#define FOOT_GAP 12.0 /* between the last row and the line above the foot */
#define LINE 0.5
#define PARAGRAPH 1000u	    /* bytes that are broken into lines at once */
#define LINE_MAX_BYTES 240u /* more than a line of a cell that is cut short ever has */
#define FIRST_PART 40.0	    /* of a row that is parted: not a single line at the end of a page */
#define BODY_HEIGHT (PDF_PAGE_HEIGHT - PDF_PAGE_TOP - PDF_PAGE_BOTTOM)

struct pdf_page {
	const struct pdf_page_properties *properties;
	cairo_t *cairo;
	PangoLayout *layouts[PDF_PAGE_CELLS];
	bool counting; /* nothing is drawn */
	double y;      /* of the next row */
	size_t number, pages;
	void (*head)(void *context, struct pdf_page *page, const void *of);
	const void *head_of;
	enum err err;
};

/* ---- texts ---- */

static PangoLayout *layout_new(cairo_t *cairo)
{
	PangoLayout *layout = pango_cairo_create_layout(cairo);
	PangoAttrList *attributes = pango_attr_list_new();

	/* A hyphen at the end of a line would look as if it belonged to the name of a file. */
	pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
	pango_layout_set_attributes(layout, attributes);
	pango_attr_list_unref(attributes);
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_auto_dir(layout, FALSE);
	return layout;
}

/* A character that no font of this machine has would be a box on paper: its number is shown instead. NULL: no memory. */
static char *without_unknown(PangoLayout *layout, const char *text)
{
	PangoContext *context = pango_layout_get_context(layout);
	PangoFontset *fonts = pango_context_load_fontset(
	    context, pango_layout_get_font_description(layout), pango_language_get_default());
	char *made = mem_alloc(strlen(text) * sizeof("\\u{10ffff}") + 1), *out = made;

	for (const char *at = text; made && fonts && *at; at = g_utf8_next_char(at)) {
		gunichar character = g_utf8_get_char(at);
		PangoFont *font = pango_fontset_get_font(fonts, character);
		size_t length = (size_t)(g_utf8_next_char(at) - at);

		if (font && pango_font_has_char(font, character)) {
			memcpy(out, at, length);
			out += length;
		} else {
			out += snprintf(out, sizeof("\\u{10ffff}"), "\\u{%04x}", character);
		}
		g_clear_object(&font);
	}
	if (made)
		*out = '\0';
	g_clear_object(&fonts);
	return made;
}

/* The work of breaking a paragraph into lines grows with the square of its length: a text is cut into short ones, behind a blank or a slash
 * where there is one near. Of a text that has only a few lines, the beginning is enough. NULL: no memory. */
static char *in_paragraphs(const char *text, int lines)
{
	size_t length = strlen(text);
	char *made = mem_alloc(length + length / PARAGRAPH + 2), *out = made;

	if (made && lines > 0) {
		length = (size_t)(g_utf8_find_prev_char(text, text + (size_t)lines * LINE_MAX_BYTES) - text);
		memcpy(made, text, length);
		out += length;
		length = 0;
	}
	while (made && length > 0) {
		size_t part = length;

		if (length > PARAGRAPH + PARAGRAPH / 8) {
			part = PARAGRAPH + strcspn(text + PARAGRAPH, " /") + 1;
			if (part > PARAGRAPH + PARAGRAPH / 8)
				part = (size_t)(g_utf8_find_prev_char(text, text + PARAGRAPH) - text);
		}
		memcpy(out, text, part);
		out += part;
		text += part;
		length -= part;
		if (length > 0)
			*out++ = '\n';
	}
	if (made)
		*out = '\0';
	return made;
}

/* The text of a cell, laid out within its width. */
static void lay_out(PangoLayout *layout, const struct pdf_page_cell *cell, double padding)
{
	static const PangoAlignment alignments[] = {[PDF_PAGE_ALIGN_LEFT] = PANGO_ALIGN_LEFT,
	    [PDF_PAGE_ALIGN_CENTRE] = PANGO_ALIGN_CENTER,
	    [PDF_PAGE_ALIGN_RIGHT] = PANGO_ALIGN_RIGHT};
	PangoFontDescription *font = pango_font_description_from_string(FONTS);
	char *shown = NULL;

	pango_font_description_set_weight(font, cell->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_font_description_set_absolute_size(font, cell->size * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	pango_font_description_free(font);
	pango_layout_set_width(layout, (int)((cell->width - 2 * padding) * PANGO_SCALE));
	pango_layout_set_alignment(layout, alignments[cell->align]);
	pango_layout_set_height(layout, cell->lines > 0 ? -cell->lines : -1);
	pango_layout_set_ellipsize(layout, cell->lines > 0 ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
	if (strlen(cell->text) > (cell->lines > 0 ? (size_t)cell->lines * LINE_MAX_BYTES : PARAGRAPH))
		shown = in_paragraphs(cell->text, cell->lines);
	pango_layout_set_text(layout, shown ? shown : cell->text, -1);
	if (pango_layout_get_unknown_glyphs_count(layout) > 0) {
		char *text = without_unknown(layout, shown ? shown : cell->text);

		if (text)
			pango_layout_set_text(layout, text, -1);
		mem_free(text);
	}
	mem_free(shown);
}

static double height_of(PangoLayout *layout)
{
	int height;

	pango_layout_get_size(layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

/* Draws the lines of a layout that fit into `room`, from the one that *next counts, which moves on behind them. Returns the height that they
 * take. A line that is higher than the room is drawn where it is the first: nothing would ever fit. */
static double draw_lines(struct pdf_page *page, PangoLayout *layout, double x, double y, double room, int *next)
{
	PangoLayoutIter *iterator = pango_layout_get_iter(layout);
	double top = 0, height = 0;
	bool first = true;
	int number = 0;

	do {
		PangoRectangle line;
		double end;

		if (number++ < *next)
			continue;
		pango_layout_iter_get_line_extents(iterator, NULL, &line);
		if (first)
			top = (double)line.y / PANGO_SCALE;
		end = (double)(line.y + line.height) / PANGO_SCALE - top;
		if (end > room && !first)
			break;
		if (!page->counting) {
			cairo_move_to(page->cairo, x + (double)line.x / PANGO_SCALE,
			    y + (double)pango_layout_iter_get_baseline(iterator) / PANGO_SCALE - top);
			pango_cairo_show_layout_line(page->cairo, pango_layout_iter_get_line_readonly(iterator));
		}
		height = end;
		first = false;
		*next = number;
	} while (pango_layout_iter_next_line(iterator));
	pango_layout_iter_free(iterator);
	return height;
}

static void draw_frame(
    struct pdf_page *page, const struct pdf_page_cell *cell, double y, double height, struct pdf_page_frame frame)
{
	if (page->counting || !(frame.lines || frame.grey))
		return;
	cairo_rectangle(page->cairo, PDF_PAGE_LEFT + cell->x, y, cell->width, height);
	if (frame.grey) {
		cairo_set_source_rgb(page->cairo, 0.92, 0.92, 0.92);
		cairo_fill_preserve(page->cairo);
	}
	cairo_set_source_rgb(page->cairo, 0, 0, 0);
	cairo_set_line_width(page->cairo, LINE);
	if (frame.lines)
		cairo_stroke(page->cairo);
	cairo_new_path(page->cairo);
}

/* ---- pages ---- */

static void draw_foot(struct pdf_page *page)
{
	char number[96];
	struct pdf_page_cell cells[] = {
	    {.text = page->properties->foot, .width = PDF_PAGE_INSIDE * 0.78, .size = FOOT_SIZE, .lines = 1},
	    {.text = number,
		.x = PDF_PAGE_INSIDE * 0.78,
		.width = PDF_PAGE_INSIDE * 0.22,
		.size = FOOT_SIZE,
		.align = PDF_PAGE_ALIGN_RIGHT,
		.lines = 1}};
	double y = PDF_PAGE_HEIGHT - PDF_PAGE_BOTTOM + FOOT_GAP;

	if (page->counting)
		return;
	page->properties->number(page->properties->context, number, page->number, page->pages);
	cairo_set_line_width(page->cairo, LINE);
	cairo_move_to(page->cairo, PDF_PAGE_LEFT, y);
	cairo_line_to(page->cairo, PDF_PAGE_WIDTH - PDF_PAGE_RIGHT, y);
	cairo_stroke(page->cairo);
	for (size_t i = 0; i < 2; i++) {
		int next = 0;

		lay_out(page->layouts[i], &cells[i], 0);
		draw_lines(page, page->layouts[i], PDF_PAGE_LEFT + cells[i].x, y + 3, BODY_HEIGHT, &next);
	}
}

static void begin_page(struct pdf_page *page)
{
	page->number++;
	page->y = PDF_PAGE_TOP;
	draw_foot(page);
}

void pdf_page_new(struct pdf_page *page)
{
	if (!page->counting)
		cairo_show_page(page->cairo);
	begin_page(page);
	if (page->head)
		page->head(page->properties->context, page, page->head_of);
}

static double bottom(void)
{
	return PDF_PAGE_HEIGHT - PDF_PAGE_BOTTOM;
}

void pdf_page_need(struct pdf_page *page, double height)
{
	if (page->y + height > bottom() && page->y > PDF_PAGE_TOP)
		pdf_page_new(page);
}

void pdf_page_repeat(
    struct pdf_page *page, void (*head)(void *context, struct pdf_page *page, const void *of), const void *of)
{
	page->head = head;
	page->head_of = of;
}

/* ---- rows ---- */

static double side_padding(struct pdf_page_frame frame)
{
	return frame.lines ? frame.padding : 0;
}

double pdf_page_row_height(
    struct pdf_page *page, const struct pdf_page_cell *cells, size_t count, struct pdf_page_frame frame)
{
	double highest = 0;

	for (size_t i = 0; i < count; i++) {
		double height;

		lay_out(page->layouts[i], &cells[i], side_padding(frame));
		height = height_of(page->layouts[i]);
		highest = height > highest ? height : highest;
	}
	highest += 2 * frame.padding;
	return highest > frame.least ? highest : frame.least;
}

/* What fits of a row that is laid out; `next` counts the lines of each cell that are done. Returns true while some are left. */
static bool draw_row(
    struct pdf_page *page, const struct pdf_page_cell *cells, size_t count, struct pdf_page_frame frame, int *next)
{
	double room = bottom() - page->y - 2 * frame.padding, highest = 0, side = side_padding(frame);
	bool more = false;

	for (size_t i = 0; i < count; i++) {
		int lines = pango_layout_get_line_count(page->layouts[i]);
		double height;

		if (next[i] >= lines)
			continue;
		height = draw_lines(
		    page, page->layouts[i], PDF_PAGE_LEFT + cells[i].x + side, page->y + frame.padding, room, &next[i]);
		highest = height > highest ? height : highest;
		more = more || next[i] < lines;
	}
	highest += 2 * frame.padding;
	highest = highest > frame.least ? highest : frame.least;
	for (size_t i = 0; i < count; i++)
		draw_frame(page, &cells[i], page->y, highest, frame);
	page->y += highest;
	return more;
}

void pdf_page_row(struct pdf_page *page, const struct pdf_page_cell *cells, size_t count, struct pdf_page_frame frame)
{
	double height = pdf_page_row_height(page, cells, count, frame);
	int next[PDF_PAGE_CELLS] = {0};

	if (page->y + height > bottom()) {
		pdf_page_need(page, height < BODY_HEIGHT / 2 ? height : FIRST_PART);
		pdf_page_row_height(page, cells, count, frame); /* the head of the page had the layouts */
	}
	while (draw_row(page, cells, count, frame, next)) {
		pdf_page_new(page);
		pdf_page_row_height(page, cells, count, frame);
	}
}

void pdf_page_box(struct pdf_page *page, const struct pdf_page_cell *cell, double y, double height, bool grey)
{
	struct pdf_page_frame frame = {.padding = 2.5, .lines = true, .grey = grey};
	double top = page->y + y, room;
	int next = 0;

	lay_out(page->layouts[0], cell, frame.padding);
	room = height - height_of(page->layouts[0]);
	draw_frame(page, cell, top, height, frame);
	draw_lines(page, page->layouts[0], PDF_PAGE_LEFT + cell->x + frame.padding, top + room / 2, BODY_HEIGHT, &next);
}

void pdf_page_space(struct pdf_page *page, double height)
{
	if (page->y > PDF_PAGE_TOP)
		page->y += height;
}

void pdf_page_rule(struct pdf_page *page, double thickness)
{
	if (!page->counting) {
		cairo_set_line_width(page->cairo, thickness);
		cairo_move_to(page->cairo, PDF_PAGE_LEFT, page->y + thickness / 2);
		cairo_line_to(page->cairo, PDF_PAGE_WIDTH - PDF_PAGE_RIGHT, page->y + thickness / 2);
		cairo_stroke(page->cairo);
	}
	page->y += thickness;
}

void pdf_page_qr(struct pdf_page *page, const struct qr *qr, double x, double side)
{
	double module = side / (qr->width + 2 * QR_QUIET);

	if (page->counting)
		return;
	for (int row = 0; row < qr->width; row++)
		for (int column = 0; column < qr->width; column++)
			if (qr_is_dark(qr, row, column))
				cairo_rectangle(page->cairo, PDF_PAGE_LEFT + x + (column + QR_QUIET) * module,
				    page->y + (row + QR_QUIET) * module, module, module);
	/* Without smoothing: no white lines between modules. */
	cairo_set_antialias(page->cairo, CAIRO_ANTIALIAS_NONE);
	cairo_fill(page->cairo);
	cairo_set_antialias(page->cairo, CAIRO_ANTIALIAS_DEFAULT);
}

void pdf_page_failed(struct pdf_page *page, enum err err)
{
	if (page->err == ERR_OK)
		page->err = err;
}

double pdf_page_height(const struct pdf_page *page)
{
	return page->y;
}

void pdf_page_go_to(struct pdf_page *page, double height)
{
	page->y = height;
}

/* ---- the paper ---- */

static cairo_status_t on_bytes(void *context, const unsigned char *bytes, unsigned size)
{
	return buffer_append(context, bytes, size) == ERR_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

/* The same paper is the same file, whenever it is made: its date is that of what it reports. */
static void describe(cairo_surface_t *surface, const struct pdf_page_properties *properties)
{
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, properties->title);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, properties->author);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "pulih " PULIH_VERSION);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
	    *properties->created ? properties->created : "1970-01-01T00:00:00Z");
}

static void run(struct pdf_page *page, bool counting)
{
	page->counting = counting;
	page->number = 0;
	page->head = NULL;
	begin_page(page);
	page->properties->draw(page->properties->context, page);
	page->pages = page->number;
}

enum err pdf_page_paper(const struct pdf_page_properties *properties, struct buffer *out)
{
	cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(on_bytes, out, PDF_PAGE_WIDTH, PDF_PAGE_HEIGHT);
	struct pdf_page page = {.properties = properties, .cairo = cairo_create(surface)};
	size_t start = out->length;
	cairo_status_t status;

	describe(surface, properties);
	for (size_t i = 0; i < PDF_PAGE_CELLS; i++)
		page.layouts[i] = layout_new(page.cairo);
	run(&page, true);
	run(&page, false);
	cairo_show_page(page.cairo);
	for (size_t i = 0; i < PDF_PAGE_CELLS; i++)
		g_object_unref(page.layouts[i]);
	status = cairo_status(page.cairo);
	cairo_destroy(page.cairo);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (page.err == ERR_OK && status != CAIRO_STATUS_SUCCESS)
		page.err = status == CAIRO_STATUS_NO_MEMORY
		    ? ERR_NOMEM
		    : fail(PL_REPORT_PDF, "the pages cannot be drawn: %s", cairo_status_to_string(status));
	if (page.err != ERR_OK)
		out->length = start;
	return page.err;
}
