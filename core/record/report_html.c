#include "core/record/report_html.h"

#include "core/record/qr.h"

#include <stddef.h>
#include <stdio.h>

/* Errors are kept, and every later call does nothing. */
struct html {
	struct buffer *out;
	enum err err;
};

/* Screens show the sheet as it is printed. Nothing may be loaded or run: the policy in the head says so too. */
static const char style[] =
    "@page{size:A4;margin:16mm 16mm 20mm 22mm}\n"
    "*{box-sizing:border-box}\n"
    "body{font:9.5pt/1.25 'Liberation Sans',Arial,'DejaVu Sans',sans-serif;color:#000;background:#fff;margin:0 auto;"
    "max-width:172mm;padding:8mm 4mm}\n"
    "header{text-align:center;border-bottom:3px double #000;padding-bottom:4px;margin-bottom:14px}\n"
    "header strong{display:block;font-size:14pt}\n"
    "header span{font-size:9pt;white-space:pre-line}\n"
    "h1{font-size:12.5pt;text-align:center;margin:0}\n"
    ".under{text-align:center;margin:2px 0 0}\n"
    ".under+dl{margin-top:12px}\n"
    "h2{font-size:10pt;margin:14px 0 4px;break-after:avoid}\n"
    "p{margin:4px 0}\n"
    "dl{display:grid;grid-template-columns:45mm 1fr;margin:0}\n"
    "dd{position:relative;margin:0;padding-left:9px;overflow-wrap:anywhere;white-space:pre-wrap}\n"
    "dd:not(.more)::before{content:':';position:absolute;left:1px}\n"
    "dl.boxed{grid-template-columns:34mm 1fr 34mm 1fr;border:.5pt solid #000;border-width:.5pt 0 0 .5pt}\n"
    "dl.boxed>*{border:.5pt solid #000;border-width:0 .5pt .5pt 0;padding:2px 5px}\n"
    "dl.boxed>dd::before{display:none}\n"
    "table{border-collapse:collapse;width:100%;table-layout:fixed;font-size:8.5pt;margin:4px 0}\n"
    "th,td{border:.5pt solid #000;padding:2px 4px;vertical-align:top;text-align:left;overflow-wrap:anywhere}\n"
    "td{white-space:pre-wrap}\n"
    "th{padding:2px;background:#ebebeb;text-align:center;vertical-align:middle;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}\n"
    "tr{break-inside:avoid}\n"
    "tr.hand td{height:8mm}\n"
    "tr.strong td,dd.strong{font-weight:bold}\n"
    ".right{text-align:right}\n"
    ".sign{display:grid;column-gap:8mm;text-align:center;margin-top:12px;break-inside:avoid;"
    "overflow-wrap:anywhere}\n"
    ".sign .name{font-weight:bold;margin-top:18mm}\n"
    ".proof{display:flex;gap:10px;align-items:flex-start;break-inside:avoid}\n"
    ".proof svg{width:40mm;height:40mm;flex:none}\n"
    ".proof dl{flex:1;grid-template-columns:37mm 1fr}\n"
    ".kept{break-inside:avoid}\n"
    ".annex{break-before:page;border-bottom:.6pt solid #000;margin-bottom:8px;padding-bottom:4px}\n"
    ".annex h2{font-size:12.5pt;margin:0}\n"
    "footer{border-top:.5pt solid #000;margin-top:14px;padding-top:3px;font-size:7.5pt}\n"
    "@media screen{html{background:#ddd}body{padding:16mm 16mm 20mm 22mm;max-width:210mm;margin:8px auto;"
    "box-shadow:0 0 6px #888}.annex{margin-top:20mm}}\n"
    "@media print{body{max-width:none;padding:0}footer{display:none}}\n";

static void put(struct html *html, const char *markup)
{
	if (html->err == ERR_OK)
		html->err = buffer_append(html->out, markup, strlen(markup));
}

/* Text between tags or within quotes. */
static void put_text(struct html *html, const char *text)
{
	while (*text && html->err == ERR_OK) {
		size_t plain = strcspn(text, "&<>\"'");

		html->err = buffer_append(html->out, text, plain);
		text += plain;
		switch (*text) {
		case '&':
			put(html, "&amp;");
			break;
		case '<':
			put(html, "&lt;");
			break;
		case '>':
			put(html, "&gt;");
			break;
		case '"':
			put(html, "&quot;");
			break;
		case '\'':
			put(html, "&#39;");
			break;
		default:
			continue;
		}
		text++;
	}
}

static void put_element(struct html *html, const char *open, const char *text, const char *close)
{
	put(html, open);
	put_text(html, text);
	put(html, close);
}

/* A string of CSS: whatever is no plain letter is written as its number. */
static void put_css_string(struct html *html, const char *text)
{
	put(html, "\"");
	for (; *text && html->err == ERR_OK; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= 0x80 || byte == ' ' || byte == '-' || byte == '.' || (byte >= '0' && byte <= '9') ||
		    (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'))
			html->err = buffer_append(html->out, text, 1);
		else
			html->err = buffer_append_text(html->out, "\\%06x", byte);
	}
	put(html, "\"");
}

/* The foot of each page, where the browser prints margins of its own making: "Page 2 of 5" with counters for {1} and {2}. */
static void page_foot(struct html *html, const struct report_model *model)
{
	const char *words = report_model_word(model, WORD_PAGE_OF);

	put(html, "@page{@bottom-left{content:");
	put_css_string(html, model->foot);
	put(html, ";font:7.5pt 'Liberation Sans',Arial,sans-serif}@bottom-right{content:");
	while (*words) {
		char piece[64];
		size_t length = strcspn(words, "{");

		snprintf(piece, sizeof(piece), "%.*s", (int)length, words);
		put_css_string(html, piece);
		words += length;
		if (*words) {
			put(html, words[1] == '1' ? " counter(page) " : " counter(pages) ");
			words += strlen("{1}");
		}
	}
	put(html, ";font:7.5pt 'Liberation Sans',Arial,sans-serif}}\n");
}

static void head(struct html *html, const struct report_model *model)
{
	put(html, "<!DOCTYPE html>\n<html lang=\"");
	put(html, model->english ? "en" : "id");
	put(html,
	    "\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
	    "'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n");
	put_element(html, "<title>", model->foot, "</title>\n<style>\n");
	put(html, style);
	page_foot(html, model);
	put(html, "</style>\n</head>\n<body>\n<header>");
	put_element(html, "<strong>", model->office, "</strong>");
	if (*model->address)
		put_element(html, "<span>", model->address, "</span>");
	put_element(html, "</header>\n<h1>", model->title, "</h1>\n");
	if (*model->subtitle)
		put_element(html, "<p class=\"under\">", model->subtitle, "</p>\n");
	if (model->letter)
		put_element(html, "<p class=\"under\">", model->letter, ": " REPORT_BLANK "</p>\n");
}

static void fields(struct html *html, const struct report_block *block)
{
	put(html, block->boxed ? "<dl class=\"boxed\">\n" : "<dl>\n");
	for (size_t i = 0; i < block->fields_count; i++) {
		const struct report_field *of = &block->fields[i];

		put_element(html, "<dt>", of->label, "</dt>");
		put(html, of->strong ? "<dd class=\"strong\">" : *of->label ? "<dd>" : "<dd class=\"more\">");
		put_element(html, "", *of->value ? of->value : "-", "</dd>\n");
	}
	if (block->boxed && block->fields_count % 2 != 0)
		put(html, "<dt></dt><dd></dd>\n"); /* two in a row */
	put(html, "</dl>\n");
}

/* ---- tables ---- */

static void table_head(struct html *html, const struct report_block *block)
{
	char span[48];
	bool groups = false;

	for (size_t i = 0; i < block->columns_count; i++)
		groups = groups || block->columns[i].group;
	put(html, "<thead><tr>");
	for (size_t i = 0; i < block->columns_count; i += report_model_group(block, i)) {
		const char *group = block->columns[i].group;

		snprintf(span, sizeof(span), "<th colspan=\"%zu\">", report_model_group(block, i));
		put_element(html,
		    group	 ? span
			: groups ? "<th rowspan=\"2\">"
				 : "<th>",
		    group ? group : block->columns[i].title, "</th>");
	}
	if (groups)
		put(html, "</tr><tr>");
	for (size_t i = 0; i < block->columns_count; i++)
		if (block->columns[i].group)
			put_element(html, "<th>", block->columns[i].title, "</th>");
	put(html, "</tr></thead>\n");
}

static void table(struct html *html, const struct report_block *block)
{
	double edges[REPORT_COLUMNS_MAX + 1];
	size_t count = block->columns_count;

	report_model_edges(block, edges);
	put(html, "<table><colgroup>");
	for (size_t i = 0; i < count; i++) {
		char column[64];

		snprintf(column, sizeof(column), "<col style=\"width:%.1f%%\">", 100 * (edges[i + 1] - edges[i]));
		put(html, column);
	}
	put(html, "</colgroup>");
	table_head(html, block);
	put(html, "<tbody>\n");
	for (size_t row = 0; row < block->rows_count; row++) {
		const char *const *cells = &block->cells[row * count];

		put(html,
		    block->strong[row]				? "<tr class=\"strong\">"
			: report_model_row_is_blank(block, row) ? "<tr class=\"hand\">"
								: "<tr>");
		for (size_t i = 0; i < count; i++)
			put_element(html, block->columns[i].right ? "<td class=\"right\">" : "<td>", cells[i], "</td>");
		put(html, "</tr>\n");
	}
	put(html, "</tbody></table>\n");
}

/* ---- signatures, proof ---- */

static void sign_row(struct html *html, const struct report_block *block, const char *tag, size_t offset)
{
	for (size_t i = 0; i < block->signatures_count; i++) {
		const char *text = *(const char *const *)((const char *)&block->signatures[i] + offset);

		put(html, tag);
		put_text(html, text);
		put(html, "</div>");
	}
	put(html, "\n");
}

static void signatures(struct html *html, const struct report_block *block)
{
	if (html->err == ERR_OK)
		html->err = buffer_append_text(html->out,
		    "<section class=\"sign\" style=\"grid-template-columns:repeat(%zu,1fr)\">\n",
		    block->signatures_count);
	sign_row(html, block, "<div>", offsetof(struct report_signature, place));
	sign_row(html, block, "<div>", offsetof(struct report_signature, role));
	sign_row(html, block, "<div>", offsetof(struct report_signature, position));
	sign_row(html, block, "<div class=\"name\">", offsetof(struct report_signature, name));
	sign_row(html, block, "<div>", offsetof(struct report_signature, nip));
	put(html, "</section>\n");
}

/* One path of squares, row by row. */
static void draw_qr(struct html *html, const struct qr *qr)
{
	int side = qr->width + 2 * QR_QUIET;

	if (html->err == ERR_OK)
		html->err = buffer_append_text(html->out,
		    "<svg viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\" role=\"img\"><path d=\"", side, side);
	for (int row = 0; row < qr->width; row++)
		for (int column = 0; column < qr->width; column++)
			if (html->err == ERR_OK && qr_is_dark(qr, row, column))
				html->err =
				    buffer_append_text(html->out, "M%d %dh1v1h-1z", column + QR_QUIET, row + QR_QUIET);
	put(html, "\"/></svg>");
}

static void proof(struct html *html, const struct report_block *block)
{
	struct qr qr = {0};

	if (html->err == ERR_OK)
		html->err = qr_make(&qr, block->text);
	put(html, "<section class=\"proof\">");
	if (html->err == ERR_OK)
		draw_qr(html, &qr);
	fields(html, block);
	put(html, "</section>\n");
	qr_free(&qr);
}

static void put_block(struct html *html, const struct report_block *block)
{
	switch (block->kind) {
	case REPORT_HEADING:
		put_element(html, "<h2>", block->text, "</h2>\n");
		break;
	case REPORT_PARAGRAPH:
		put_element(html, "<p>", block->text, "</p>\n");
		break;
	case REPORT_FIELDS:
		fields(html, block);
		break;
	case REPORT_TABLE:
		table(html, block);
		break;
	case REPORT_SIGNATURES:
		signatures(html, block);
		break;
	case REPORT_PROOF:
		proof(html, block);
		break;
	case REPORT_ANNEX:
		put_element(html, "<section class=\"annex\"><h2>", block->text, "</h2>");
		put_element(html, "<p>", block->note, "</p></section>\n");
		break;
	}
}

enum err report_html(const struct report_model *model, struct buffer *out)
{
	struct html html = {.out = out, .err = model->err};
	size_t kept = 0; /* blocks that still belong to the heading */

	if (html.err == ERR_OK)
		head(&html, model);
	for (size_t i = 0; html.err == ERR_OK && i < model->blocks_count; i++) {
		bool heading = model->blocks[i].kind == REPORT_HEADING;

		kept = heading ? report_model_kept(model, i) : kept;
		if (heading && kept > 0)
			put(&html, "<section class=\"kept\">\n");
		put_block(&html, &model->blocks[i]);
		if (!heading && kept > 0 && --kept == 0)
			put(&html, "</section>\n");
	}
	put_element(&html, "<footer>", model->foot ? model->foot : "", "</footer>\n</body>\n</html>\n");
	return html.err;
}
