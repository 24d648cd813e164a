#include "core/record/record_words.h"

#include "core/base/output.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const words[][2] = {
#define WORD(name, indonesian, english) [WORD_##name] = {indonesian, english},
#include "core/record/record_words.def"
#undef WORD
};

static const char *const months[][2] = {{"Januari", "January"}, {"Februari", "February"}, {"Maret", "March"}, {"April", "April"},
    {"Mei", "May"}, {"Juni", "June"}, {"Juli", "July"}, {"Agustus", "August"}, {"September", "September"}, {"Oktober", "October"},
    {"November", "November"}, {"Desember", "December"}};
static const char *const weekdays[][2] = {{"Minggu", "Sunday"}, {"Senin", "Monday"}, {"Selasa", "Tuesday"}, {"Rabu", "Wednesday"},
    {"Kamis", "Thursday"}, {"Jumat", "Friday"}, {"Sabtu", "Saturday"}};

const char *record_word(enum word word, bool english)
{
	return words[word][english];
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

char *record_size(char out[RECORD_PHRASE], uint64_t bytes, bool english)
{
	char size[32], exact[RECORD_PHRASE];
	char *point;

	output_size(size, bytes);
	point = strchr(size, '.');
	if (point && !english)
		*point = ',';
	if (bytes < 1024)
		snprintf(out, RECORD_PHRASE, "%s byte", record_number(exact, bytes, english));
	else
		snprintf(out, RECORD_PHRASE, "%s (%.40s byte)", size, record_number(exact, bytes, english));
	return out;
}

char *record_time(char out[RECORD_PHRASE], const char *text, bool english)
{
	struct tm parts = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	char clock[16];

	if (!rest) {
		snprintf(out, RECORD_PHRASE, "%s", text);
		return out;
	}
	strftime(clock, sizeof(clock), english ? "%H:%M:%S" : "%H.%M.%S", &parts);
	snprintf(out, RECORD_PHRASE, "%s, %d %s %d, %s (UTC%.8s)", weekdays[parts.tm_wday][english], parts.tm_mday,
	    months[parts.tm_mon][english], parts.tm_year + 1900, clock, strcmp(rest, "Z") == 0 ? "" : rest);
	return out;
}

char *record_period(char out[RECORD_PHRASE], const char *text, bool english)
{
	int year, month;

	if (sscanf(text, "%4d-%2d", &year, &month) == 2 && month >= 1 && month <= 12)
		snprintf(out, RECORD_PHRASE, "%s %d", months[month - 1][english], year);
	else
		snprintf(out, RECORD_PHRASE, "%s", text);
	return out;
}
