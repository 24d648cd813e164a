#include <cairo-pdf.h>
#include <pango/pangocairo.h>

/* After the library's headers, which name what it forbids. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/qr.h"
#include "core/record/sheet.h"

/* A4 in points, and where things stand on it. */
#define PAGE_WIDTH 595.276
#define PAGE_HEIGHT 841.89
#define MARGIN 42.0
#define TEXT_WIDTH (PAGE_WIDTH - 2 * MARGIN)
#define QR_SIDE 120.0
#define FONT_TEXT "DejaVu Sans"
#define FONT_CODE "DejaVu Sans Mono Bold"

struct paper {
	cairo_t *cairo;
	double y; /* of the next line */
	enum err err;
};

static const char about_id[] =
    "<b>LEMBAR PEMULIHAN — SIMPAN DI BRANKAS, JANGAN DI DEKAT SERVER.</b> "
    "Siapa pun yang memegang kode ini <b>dan</b> media cadangan dapat membaca <b>semua</b> isi cadangan. Tanpa kode "
    "ini, atau kata sandinya, "
    "<b>tidak seorang pun</b> dapat membacanya lagi, termasuk pembuat programnya. Jangan difoto, jangan dikirim lewat "
    "surel atau pesan. Bila "
    "lembar ini hilang: cabut kodenya (<tt>pulih key remove</tt>) dan buat lembar baru (<tt>pulih key sheet</tt>).";
static const char about_en[] = "<b>RECOVERY SHEET — KEEP IT IN A SAFE, AWAY FROM THE SERVER.</b> Whoever holds this "
			       "code <b>and</b> the backup can read <b>everything</b> in "
			       "it. Without this code or the passphrase <b>nobody</b> can, ever. Do not photograph or "
			       "send it. If this sheet is lost, remove its code "
			       "(<tt>pulih key remove</tt>) and make a new sheet (<tt>pulih key sheet</tt>).";

/* Text at (x, paper->y), wrapped; the paper moves on below it. */
static void put_at(struct paper *paper, double x, double width, const char *font, double size, const char *markup)
{
	PangoLayout *layout = pango_cairo_create_layout(paper->cairo);
	PangoFontDescription *description = pango_font_description_from_string(font);
	int height = 0;

	pango_font_description_set_absolute_size(description, size * PANGO_SCALE);
	pango_layout_set_font_description(layout, description);
	pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_markup(layout, markup, -1);
	cairo_move_to(paper->cairo, x, paper->y);
	pango_cairo_show_layout(paper->cairo, layout);
	pango_layout_get_size(layout, NULL, &height);
	paper->y += (double)height / PANGO_SCALE;
	pango_font_description_free(description);
	g_object_unref(layout);
}

static void put(struct paper *paper, double size, const char *markup)
{
	put_at(paper, MARGIN, TEXT_WIDTH, FONT_TEXT, size, markup);
}

static void rule(struct paper *paper)
{
	paper->y += 5;
	cairo_set_line_width(paper->cairo, 0.8);
	cairo_move_to(paper->cairo, MARGIN, paper->y);
	cairo_line_to(paper->cairo, PAGE_WIDTH - MARGIN, paper->y);
	cairo_stroke(paper->cairo);
	paper->y += 6;
}

char *sheet_qr_text(char out[SHEET_QR_TEXT], const struct sheet *sheet)
{
	char id[2 * REPOSITORY_ID_SIZE + 1];

	snprintf(out, SHEET_QR_TEXT, "PULIH-RECOVERY:1:%s:%s", hex_encode(id, sheet->repository, REPOSITORY_ID_SIZE),
	    sheet->code);
	return out;
}

static void draw_qr(struct paper *paper, const struct sheet *sheet, double x, double y)
{
	char text[SHEET_QR_TEXT];
	struct qr qr;
	double side;

	paper->err = qr_make(&qr, sheet_qr_text(text, sheet));
	crypto_wipe(text, sizeof(text));
	if (paper->err != ERR_OK)
		return;
	side = QR_SIDE / (qr.width + 2 * QR_QUIET);
	for (int row = 0; row < qr.width; row++)
		for (int column = 0; column < qr.width; column++)
			if (qr_is_dark(&qr, row, column))
				cairo_rectangle(paper->cairo, x + (column + QR_QUIET) * side,
				    y + (row + QR_QUIET) * side, side, side);
	/* Without smoothing: no white lines between modules. */
	cairo_set_antialias(paper->cairo, CAIRO_ANTIALIAS_NONE);
	cairo_fill(paper->cairo);
	cairo_set_antialias(paper->cairo, CAIRO_ANTIALIAS_DEFAULT);
	qr_free(&qr);
}

/* markup of printf's text with every argument escaped; NULL: no memory, and paper->err says so. */
static char *markup(struct paper *paper, const char *format, ...)
{
	va_list arguments;
	char *escaped, *copy;

	va_start(arguments, format);
	escaped = g_markup_vprintf_escaped(format, arguments);
	va_end(arguments);
	copy = mem_string(escaped);
	g_free(escaped);
	if (!copy)
		paper->err = ERR_NOMEM;
	return copy;
}

static void put_freed(struct paper *paper, double x, double width, const char *font, double size, char *text)
{
	if (text)
		put_at(paper, x, width, font, size, text);
	mem_free(text);
}

/* The code in two lines of three groups: each as wide as the page beside the QR code. */
static void draw_code(struct paper *paper, const struct sheet *sheet)
{
	double top = paper->y, left = MARGIN + 12, width = TEXT_WIDTH - QR_SIDE - 24;
	char *first = mem_string(sheet->code);
	char *middle = first;

	if (!first) {
		paper->err = ERR_NOMEM;
		return;
	}
	for (int i = 0; i < 3 && middle; i++)
		middle = strchr(middle + (i > 0), '-');
	cairo_rectangle(paper->cairo, MARGIN, top, TEXT_WIDTH, QR_SIDE + 8);
	cairo_set_line_width(paper->cairo, 1.6);
	cairo_stroke(paper->cairo);
	draw_qr(paper, sheet, PAGE_WIDTH - MARGIN - QR_SIDE - 4, top + 4);
	paper->y = top + 10;
	put_at(paper, left, width, FONT_TEXT, 11, "<b>KODE PEMULIHAN</b> / RECOVERY CODE");
	paper->y += 8;
	if (middle) {
		*middle = '\0';
		put_at(paper, left, width, FONT_CODE, 25, first);
		paper->y += 4;
		put_at(paper, left, width, FONT_CODE, 25, middle + 1);
	}
	crypto_wipe(first, strlen(sheet->code));
	mem_free(first);
	paper->y = top + QR_SIDE + 8;
}

static void draw_facts(struct paper *paper, const struct sheet *sheet)
{
	char id[2 * REPOSITORY_ID_SIZE + 1], made[CLOCK_TEXT];

	hex_encode(id, sheet->repository, REPOSITORY_ID_SIZE);
	clock_format(made, sheet->made);
	put_freed(paper, MARGIN, TEXT_WIDTH, FONT_TEXT, 11,
	    markup(paper,
		"<b>Tempat cadangan</b> / repository: <tt>%s</tt>\n<b>Nomor cadangan</b> / repository id: <tt>%s</tt>\n"
		"<b>Server</b>: %s    <b>Dibuat</b> / made: %.10s %.8s    <b>Oleh</b> / by: %s",
		sheet->url, id, sheet->host, made, made + 11,
		sheet->made_by ? sheet->made_by : "______________________"));
}

static void draw_steps(struct paper *paper, const struct sheet *sheet)
{
	put_freed(paper, MARGIN, TEXT_WIDTH, FONT_TEXT, 11,
	    markup(paper,
		"<b>Cara memulihkan (tidak perlu tahu apa pun sebelumnya)</b>\n"
		"1. Siapkan komputer Linux (Debian 12 atau lebih baru) dan pasang program <b>pulih</b>.\n"
		"2. Sambungkan media cadangan. Bila letaknya sekarang berbeda, ganti tulisan <tt>%s</tt> di bawah "
		"dengan letaknya.\n"
		"3. Lihat isi cadangan. Saat diminta <i>Passphrase</i>, ketik kode pemulihan di atas:\n"
		"      <tt><b>pulih snapshots -r '%s'</b></tt>\n"
		"4. Pulihkan cadangan terbaru ke folder baru, lalu salin dari sana ke tempatnya:\n"
		"      <tt><b>pulih restore latest -r '%s' -t /pemulihan --verify</b></tt>\n"
		"5. Selesai bila tidak muncul tulisan <tt>PL-</tt> dengan nomor (artinya: <tt>pulih help</tt> nomor "
		"itu). Huruf O sama dengan angka 0, huruf I dan L sama dengan angka 1.",
		sheet->url, sheet->url, sheet->url));
	rule(paper);
	put_freed(paper, MARGIN, TEXT_WIDTH, FONT_TEXT, 9.5,
	    markup(paper,
		"<b>How to restore (knowing nothing)</b>\n"
		"1. Take a computer with Linux (Debian 12 or newer) and install <b>pulih</b>.  2. Plug in the backup "
		"disk; if it is elsewhere now, type "
		"that place instead of <tt>%s</tt>.  3. Look: <tt>pulih snapshots -r '%s'</tt> — when it asks for the "
		"<i>Passphrase</i>, type the "
		"recovery code above.  4. Restore the newest backup into a new folder: <tt>pulih restore latest -r "
		"'%s' -t /restored --verify</tt>  "
		"5. It is done when no line shows <tt>PL-</tt> and a number (<tt>pulih help</tt> explains it). The "
		"letter O counts as 0; I and L count as 1.",
		sheet->url, sheet->url, sheet->url));
}

static void draw_custody(struct paper *paper)
{
	static const char *const columns[] = {
	    "<b>Dibuat oleh</b> / made by", "<b>Disimpan oleh</b> / custodian", "<b>Saksi</b> / witness"};
	double width = TEXT_WIDTH / 3, top = paper->y, bottom = top;

	for (int i = 0; i < 3; i++) {
		paper->y = top;
		put_at(paper, MARGIN + i * width, width - 10, FONT_TEXT, 9, columns[i]);
		paper->y += 40;
		put_at(paper, MARGIN + i * width, width - 10, FONT_TEXT, 9,
		    "______________________\nNama / name:\nTanggal / date:\nTempat / kept at:");
		bottom = paper->y > bottom ? paper->y : bottom;
	}
	paper->y = bottom;
}

static void draw(struct paper *paper, const struct sheet *sheet)
{
	put(paper, 20, "<b>LEMBAR PEMULIHAN</b>  <span size='60%'>Recovery sheet — Pulih</span>");
	put_freed(paper, MARGIN, TEXT_WIDTH, FONT_TEXT, 14,
	    markup(paper, "<b>%s</b>", sheet->office ? sheet->office : sheet->host));
	rule(paper);
	put(paper, 10.5, about_id);
	paper->y += 8;
	draw_code(paper, sheet);
	paper->y += 8;
	draw_facts(paper, sheet);
	rule(paper);
	draw_steps(paper, sheet);
	paper->y += 5;
	put(paper, 9.5, about_en);
	rule(paper);
	draw_custody(paper);
	if (paper->err == ERR_OK && paper->y > PAGE_HEIGHT - MARGIN / 2)
		paper->err = fail(PL_SHEET, "the names are too long for one page");
}

static cairo_status_t on_bytes(void *context, const unsigned char *bytes, unsigned size)
{
	return buffer_append(context, bytes, size) == ERR_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

enum err sheet_pdf(const struct sheet *sheet, struct buffer *out)
{
	cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(on_bytes, out, PAGE_WIDTH, PAGE_HEIGHT);
	struct paper paper = {.cairo = cairo_create(surface), .y = MARGIN};
	cairo_status_t status;

	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, "Lembar pemulihan / Recovery sheet");
	draw(&paper, sheet);
	cairo_show_page(paper.cairo);
	status = cairo_status(paper.cairo);
	cairo_destroy(paper.cairo);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (paper.err == ERR_OK && status != CAIRO_STATUS_SUCCESS)
		paper.err = fail(PL_SHEET, "the page cannot be drawn: %s", cairo_status_to_string(status));
	return paper.err;
}
