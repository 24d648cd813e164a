#include "scheduler/mime_header.h"

#include "core/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define LINE_MAX_COLUMNS 76u /* RFC 2047, 2: of a line that holds an encoded word */
#define WORD_MAX 75u	     /* the same: of the word */
#define WORD_START "=?UTF-8?Q?"
#define WORD_END "?="
#define FOLD "\r\n "

/* Bytes of the character at `text`, 0 where it is no UTF-8. Overlong forms and surrogates are left to the reader's eye. */
static size_t character(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : 4;

	if ((first >= 0x80 && first < 0xC2) || first >= 0xF5)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)text[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

/* What stands for itself in an encoded word, also in a name: RFC 2047, 5 (3). */
static bool is_plain(char letter)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
	    (letter >= '0' && letter <= '9') || (letter != '\0' && strchr("!*+-/", letter));
}

/* One character as it stands in an encoded word: at most 12 bytes and a NUL. Returns the bytes read. */
static size_t encode(char out[13], const char *text)
{
	size_t length = character(text);
	char letter = *text;

	out[0] = '\0';
	if (length <= 1) {
		letter = length == 0 ? '?' : (unsigned char)letter < ' ' || letter == 0x7f ? ' ' : letter;
		if (letter == ' ' || is_plain(letter))
			snprintf(out, 13, "%c", letter == ' ' ? '_' : letter);
		else
			snprintf(out, 13, "=%02X", (unsigned char)letter);
		return 1;
	}
	for (size_t i = 0; i < length; i++)
		snprintf(out + 3 * i, 4, "=%02X", (unsigned char)text[i]);
	return length;
}

/* Encoded words from `column` on; a character is never cut in two. */
static enum err append_words(struct buffer *out, size_t column, const char *text)
{
	size_t limit = LINE_MAX_COLUMNS - strlen(WORD_END);
	size_t start = column;
	enum err err = buffer_append_text(out, WORD_START);

	column += strlen(WORD_START);
	while (err == ERR_OK && *text) {
		char code[13];
		size_t used = encode(code, text), size = strlen(code);

		if (column + size > limit || column + size - start > WORD_MAX - strlen(WORD_END)) {
			err = buffer_append_text(out, WORD_END FOLD WORD_START);
			start = 1;
			column = start + strlen(WORD_START);
		}
		if (err == ERR_OK)
			err = buffer_append(out, code, size);
		column += size;
		text += used;
	}
	return err == ERR_OK ? buffer_append_text(out, WORD_END) : err;
}

/* Printable ASCII that fits a line and cannot be taken for an encoded word. */
static bool stands_for_itself(const char *text, size_t column)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return column + length <= LINE_MAX_COLUMNS && !strstr(text, "=?") && length > 0 && text[0] != ' ' &&
	    text[length - 1] != ' ';
}

enum err mime_header_text(struct buffer *out, const char *name, const char *text)
{
	size_t column = strlen(name) + 2;
	enum err err = buffer_append_text(out, "%s: ", name);

	if (err != ERR_OK)
		return err;
	return stands_for_itself(text, column) ? buffer_append_text(out, "%s", text) : append_words(out, column, text);
}

enum err mime_header_mailboxes(
    struct buffer *out, const char *name, const struct mime_header_mailbox *list, size_t count)
{
	enum err err = buffer_append_text(out, "%s:", name);

	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		const char *display = list[i].display;
		size_t column = i == 0 ? strlen(name) + 2 : 1;

		err = buffer_append_text(out, "%s", i == 0 ? " " : "," FOLD);
		if (err == ERR_OK && !display) {
			err = buffer_append_text(out, "%s", list[i].address);
			continue;
		}
		if (err == ERR_OK && stands_for_itself(display, column + 2) && !strpbrk(display, "\"\\"))
			err = buffer_append_text(out, "\"%s\"", display);
		else if (err == ERR_OK)
			err = append_words(out, column, display);
		/* On a line of its own: an address may be long, and must not be cut. */
		if (err == ERR_OK)
			err = buffer_append_text(out, FOLD "<%s>", list[i].address);
	}
	return err;
}

enum err mime_header_date(struct buffer *out, int64_t time)
{
	/* The names are English whatever the locale: strftime would translate them. */
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)(time / CLOCK_SECOND);
	char zone[8];
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(zone, sizeof(zone), "%z", &parts);
	return buffer_append_text(out, "Date: %s, %d %s %d %02d:%02d:%02d %s", days[parts.tm_wday], parts.tm_mday,
	    months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec, zone);
}
