#include "core/record/report_page.h"

#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/report_model.h"

#define LABEL_WIDTH 24
#define COLUMN_GAP 1

static bool is_start(char byte)
{
	return ((unsigned char)byte & 0xC0) != 0x80;
}

static size_t width_of(const char *text, size_t size)
{
	size_t width = 0;

	for (size_t i = 0; i < size; i++)
		width += is_start(text[i]);
	return width;
}

/* Bytes of the first `width` characters. */
static size_t bytes_of(const char *text, size_t width)
{
	size_t i = 0;

	while (text[i]) {
		if (is_start(text[i]) && width-- == 0)
			break;
		i++;
	}
	return i;
}

/* Takes the next line of at most `width` characters off *text: at a space where there is one, else in the middle of a word (a path, a hash).
 * Returns its start; *size its bytes. */
static const char *next_line(const char **text, size_t width, size_t *size)
{
	const char *start = *text + strspn(*text, " ");
	size_t fits = bytes_of(start, width), cut = fits;

	if (start[fits] && start[fits] != ' ') {
		while (cut > 0 && start[cut - 1] != ' ')
			cut--;
		if (cut == 0)
			cut = fits;
	}
	*text = start + cut;
	while (cut > 0 && start[cut - 1] == ' ')
		cut--;
	*size = cut;
	return start;
}

static void put(struct report_page *page, const char *bytes, size_t size)
{
	if (page->err == ERR_OK)
		page->err = buffer_append(page->out, bytes, size);
}

static void put_spaces(struct report_page *page, size_t count)
{
	while (count-- > 0)
		put(page, " ", 1);
}

void report_page_line(struct report_page *page, const char *text)
{
	put(page, text, bytes_of(text, REPORT_WIDTH));
	put(page, "\n", 1);
}

void report_page_centre(struct report_page *page, const char *text)
{
	while (*text) {
		size_t size;
		const char *line = next_line(&text, REPORT_WIDTH, &size);

		put_spaces(page, (REPORT_WIDTH - width_of(line, size)) / 2);
		put(page, line, size);
		put(page, "\n", 1);
	}
}

void report_page_rule(struct report_page *page, char character)
{
	for (size_t i = 0; i < REPORT_WIDTH; i++)
		put(page, &character, 1);
	put(page, "\n", 1);
}

void report_page_heading(struct report_page *page, const char *text)
{
	put(page, "\n", 1);
	report_page_line(page, text);
	report_page_rule(page, '-');
}

void report_page_hanging(struct report_page *page, const char *lead, size_t indent, const char *value)
{
	char *printable = output_printable(value, strlen(value));
	const char *rest = printable;
	bool first = true;

	if (!printable) {
		page->err = ERR_NOMEM;
		return;
	}
	do {
		size_t size, before = first ? width_of(lead, strlen(lead)) : 0;
		const char *line = next_line(&rest, REPORT_WIDTH - indent, &size);

		if (first)
			put(page, lead, strlen(lead));
		put_spaces(page, before <= indent ? indent - before : COLUMN_GAP);
		put(page, line, size);
		put(page, "\n", 1);
		first = false;
		rest += strspn(rest, " ");
	} while (*rest);
	mem_free(printable);
}

void report_page_field(struct report_page *page, const char *label, const char *value)
{
	char *lead =
	    mem_printf("%s%*s %c ", label, (int)(LABEL_WIDTH - width_of(label, strlen(label))), "", *label ? ':' : ' ');

	if (!lead) {
		page->err = ERR_NOMEM;
		return;
	}
	report_page_hanging(page, lead, LABEL_WIDTH + 3, *value ? value : "-");
	mem_free(lead);
}

void report_page_cells_rule(struct report_page *page, const size_t *widths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		put(page, "+", 1);
		for (size_t width = 0; width < widths[i]; width++)
			put(page, "-", 1);
	}
	put(page, "+\n", 2);
}

void report_page_cells(
    struct report_page *page, const char *const *texts, const size_t *widths, const bool *right, size_t count)
{
	const char *rest[REPORT_COLUMNS_MAX];
	bool more = true;

	memcpy(rest, texts, count * sizeof(*rest));
	while (more && page->err == ERR_OK) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			size_t size, width;
			const char *line = next_line(&rest[i], widths[i], &size);

			width = width_of(line, size);
			put(page, "|", 1);
			if (right[i])
				put_spaces(page, widths[i] - width);
			put(page, line, size);
			if (!right[i])
				put_spaces(page, widths[i] - width);
			rest[i] += strspn(rest[i], " ");
			more = more || *rest[i];
		}
		put(page, "|\n", 2);
	}
}

void report_page_columns(struct report_page *page, const char *const *texts, size_t count)
{
	const char *rest[REPORT_COLUMNS_MAX];
	size_t width = (REPORT_WIDTH - (count - 1) * COLUMN_GAP) / count;
	bool more = true;

	memcpy(rest, texts, count * sizeof(*rest));
	while (more && page->err == ERR_OK) {
		size_t owed = 0; /* spaces, which are written when something follows */

		more = false;
		for (size_t i = 0; i < count; i++) {
			size_t size;
			const char *line = next_line(&rest[i], width, &size);

			if (size > 0) {
				put_spaces(page, owed);
				put(page, line, size);
				owed = 0;
			}
			owed += width - width_of(line, size) + COLUMN_GAP;
			rest[i] += strspn(rest[i], " ");
			more = more || *rest[i];
		}
		put(page, "\n", 1);
	}
}
