#include "core/record/record_words.h"

#include "core/base/output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const words[2][WORD_COUNT] = {
    {
#define WORD(name, text) [WORD_##name] = (text),
#include "core/record/record_words_id.def"
    },
    {
#include "core/record/record_words_en.def"
#undef WORD
    },
};

/* A key that English lacks would be a hole in its table; one that only English has does not compile. */
enum {
#define WORD(name, text) ENGLISH_##name,
#include "core/record/record_words_en.def"
#undef WORD
	ENGLISH_COUNT
};
_Static_assert((int)ENGLISH_COUNT == (int)WORD_COUNT, "po/en.po lacks a key of po/id.po");

static const enum word months[] = {WORD_JANUARY, WORD_FEBRUARY, WORD_MARCH, WORD_APRIL, WORD_MAY, WORD_JUNE, WORD_JULY,
    WORD_AUGUST, WORD_SEPTEMBER, WORD_OCTOBER, WORD_NOVEMBER, WORD_DECEMBER};
static const enum word weekdays[] = {
    WORD_SUNDAY, WORD_MONDAY, WORD_TUESDAY, WORD_WEDNESDAY, WORD_THURSDAY, WORD_FRIDAY, WORD_SATURDAY};

const char *record_word(enum word word, bool english)
{
	return words[english][word];
}

size_t record_fill(char *out, size_t size, enum word word, bool english, const char *const arguments[])
{
	size_t length = 0, count = 0;

	while (arguments[count])
		count++;
	for (const char *at = record_word(word, english); *at; at++) {
		const char *piece = at;
		size_t bytes = 1;

		if (at[0] == '{' && at[1] >= '1' && at[1] <= '9' && at[2] == '}') {
			size_t number = (size_t)(at[1] - '1');

			piece = number < count ? arguments[number] : "";
			bytes = strlen(piece);
			at += 2;
		}
		for (size_t i = 0; i < bytes; i++, length++)
			if (length + 1 < size)
				out[length] = piece[i];
	}
	if (size > 0)
		out[length < size ? length : size - 1] = '\0';
	return length;
}

static char *phrase(char out[RECORD_PHRASE], enum word word, bool english, const char *const arguments[])
{
	record_fill(out, RECORD_PHRASE, word, english, arguments);
	return out;
}

/* Where a text is nothing that is known, it is shown as it is. */
static char *as_it_is(char out[RECORD_PHRASE], const char *text)
{
	snprintf(out, RECORD_PHRASE, "%s", text);
	return out;
}

char *record_number(char out[RECORD_PHRASE], uint64_t number, bool english)
{
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number), at = 0;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			out[at++] = english ? ',' : '.';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

static void decimal_comma(char *text, bool english)
{
	char *point = strchr(text, '.');

	if (point && !english)
		*point = ',';
}

char *record_size_short(char out[RECORD_PHRASE], uint64_t bytes, bool english)
{
	char size[32];

	decimal_comma(output_size(size, bytes), english);
	return as_it_is(out, size);
}

char *record_size(char out[RECORD_PHRASE], uint64_t bytes, bool english)
{
	char size[RECORD_PHRASE], exact[RECORD_PHRASE];

	record_number(exact, bytes, english);
	if (bytes < 1024)
		snprintf(out, RECORD_PHRASE, "%.40s byte", exact);
	else
		snprintf(out, RECORD_PHRASE, "%.31s (%.40s byte)", record_size_short(size, bytes, english), exact);
	return out;
}

char *record_ratio(char out[RECORD_PHRASE], uint64_t dividend, uint64_t divisor, bool english)
{
	snprintf(out, RECORD_PHRASE, "%.1f", (double)dividend / (double)divisor);
	decimal_comma(out, english);
	return out;
}

char *record_duration(char out[RECORD_PHRASE], uint64_t milliseconds, bool english)
{
	uint64_t seconds = milliseconds / 1000;
	char text[32];

	if (seconds >= 60) {
		snprintf(out, RECORD_PHRASE, "%llu:%02u:%02u", (unsigned long long)(seconds / 3600),
		    (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
		return out;
	}
	snprintf(text, sizeof(text), "%u.%u", (unsigned)seconds, (unsigned)(milliseconds % 1000 / 100));
	decimal_comma(text, english);
	return phrase(out, WORD_SECONDS, english, RECORD_ARGUMENTS(text));
}

/* "3 hari" behind what stands in `out`. */
static void add_unit(char out[RECORD_PHRASE], uint64_t count, enum word one, enum word many, bool english)
{
	size_t length = strlen(out);
	char digits[RECORD_PHRASE];

	snprintf(out + length, RECORD_PHRASE - length, "%s%.20s %s", length > 0 ? " " : "",
	    record_number(digits, count, english), record_word(count == 1 ? one : many, english));
}

char *record_age(char out[RECORD_PHRASE], uint64_t milliseconds, bool english)
{
	uint64_t minutes = milliseconds / 60000, hours = minutes / 60, days = hours / 24;

	out[0] = '\0';
	if (days >= 2)
		add_unit(out, days, WORD_DAY, WORD_DAYS, english);
	else
		days = 0;
	if (hours > 0 && hours - days * 24 > 0)
		add_unit(out, hours - days * 24, WORD_HOUR, WORD_HOURS, english);
	if (days == 0 && (minutes % 60 > 0 || hours == 0))
		add_unit(out, minutes % 60, WORD_MINUTE, WORD_MINUTES, english);
	return out;
}

/* ---- times ---- */

const char *record_zone(const char *name)
{
	static const struct {
		const char *name, *zone;
	} zones[] = {{"Asia/Jakarta", "WIB"}, {"Asia/Pontianak", "WIB"}, {"Asia/Makassar", "WITA"},
	    {"Asia/Ujung_Pandang", "WITA"}, {"Asia/Jayapura", "WIT"}};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (strcmp(name, zones[i].name) == 0)
			return zones[i].zone;
	return "";
}

char *record_time(char out[RECORD_PHRASE], const char *text, const char *zone, bool english)
{
	struct tm parts = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	char clock[48], hours[16], day[8], year[16];

	if (!rest)
		return as_it_is(out, text);
	strftime(hours, sizeof(hours), english ? "%H:%M:%S" : "%H.%M.%S", &parts);
	snprintf(clock, sizeof(clock), "%s%s%.8s (UTC%.8s)", hours, *zone ? " " : "", zone, rest);
	snprintf(day, sizeof(day), "%d", parts.tm_mday);
	snprintf(year, sizeof(year), "%d", parts.tm_year + 1900);
	return phrase(out, WORD_TIME_TEXT, english,
	    RECORD_ARGUMENTS(record_word(weekdays[parts.tm_wday], english), day,
		record_word(months[parts.tm_mon], english), year, clock));
}

char *record_time_utc(char out[RECORD_PHRASE], const char *text, bool english)
{
	struct tm parts = {0};

	if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts))
		return as_it_is(out, text);
	strftime(out, RECORD_PHRASE, english ? "%Y-%m-%d %H:%M:%S UTC" : "%Y-%m-%d %H.%M.%S UTC", &parts);
	return out;
}

char *record_time_short(char out[RECORD_PHRASE], const char *text, bool english)
{
	struct tm parts = {0};
	char clock[RECORD_PHRASE];

	if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &parts))
		return as_it_is(out, text);
	record_clock(clock, (unsigned)parts.tm_hour, (unsigned)parts.tm_min, english);
	snprintf(out, RECORD_PHRASE, "%d %s %d, %.8s", parts.tm_mday, record_word(months[parts.tm_mon], english),
	    parts.tm_year + 1900, clock);
	return out;
}

char *record_period(char out[RECORD_PHRASE], const char *text, bool english)
{
	char year[16];
	int number, month;

	if (sscanf(text, "%4d-%2d", &number, &month) != 2 || month < 1 || month > 12)
		return as_it_is(out, text);
	snprintf(year, sizeof(year), "%d", number);
	return phrase(out, WORD_MONTH_TEXT, english, RECORD_ARGUMENTS(record_word(months[month - 1], english), year));
}

char *record_date(char out[RECORD_PHRASE], int year, int month, int day, int weekday, bool english)
{
	char day_text[16], year_text[16];

	snprintf(day_text, sizeof(day_text), "%d", day);
	snprintf(year_text, sizeof(year_text), "%d", year);
	return phrase(out, WORD_DATE_TEXT, english,
	    RECORD_ARGUMENTS(
		record_word(weekdays[weekday], english), day_text, record_word(months[month - 1], english), year_text));
}

char *record_clock(char out[RECORD_PHRASE], unsigned hour, unsigned minute, bool english)
{
	snprintf(out, RECORD_PHRASE, english ? "%02u:%02u" : "%02u.%02u", hour % 24, minute % 60);
	return out;
}
