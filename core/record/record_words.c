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

static const char *const months[][2] = {{"Januari", "January"}, {"Februari", "February"}, {"Maret", "March"},
    {"April", "April"}, {"Mei", "May"}, {"Juni", "June"}, {"Juli", "July"}, {"Agustus", "August"},
    {"September", "September"}, {"Oktober", "October"}, {"November", "November"}, {"Desember", "December"}};
static const char *const weekdays[][2] = {{"Minggu", "Sunday"}, {"Senin", "Monday"}, {"Selasa", "Tuesday"},
    {"Rabu", "Wednesday"}, {"Kamis", "Thursday"}, {"Jumat", "Friday"}, {"Sabtu", "Saturday"}};

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

/* "3 hours" */
static void put_unit(char out[RECORD_PHRASE], uint64_t count, enum word unit, bool english)
{
	size_t length = strlen(out);
	char digits[RECORD_PHRASE];

	snprintf(out + length, RECORD_PHRASE - length, "%s%.20s %s%s", length > 0 ? " " : "",
	    record_number(digits, count, english), record_word(unit, english), english && count != 1 ? "s" : "");
}

char *record_age(char out[RECORD_PHRASE], uint64_t milliseconds, bool english)
{
	uint64_t minutes = milliseconds / 60000, hours = minutes / 60, days = hours / 24;

	out[0] = '\0';
	if (days >= 2)
		put_unit(out, days, WORD_DAY, english);
	else
		days = 0;
	if (hours > 0 && hours - days * 24 > 0)
		put_unit(out, hours - days * 24, WORD_HOUR, english);
	if (days == 0 && (minutes % 60 > 0 || hours == 0))
		put_unit(out, minutes % 60, WORD_MINUTE, english);
	return out;
}

/* "01.00", as Indonesian writes it, or "01:00". */
static const char *clock_of(char out[8], unsigned hour, unsigned minute, bool english)
{
	snprintf(out, 8, english ? "%02u:%02u" : "%02u.%02u", hour % 24, minute % 60);
	return out;
}

static const char *weekday_of(const char *name, bool english)
{
	for (size_t i = 0; i < sizeof(weekdays) / sizeof(weekdays[0]); i++)
		if (strcasecmp(name, weekdays[i][1]) == 0)
			return weekdays[i][english];
	return NULL;
}

/* Whether all of a text was read: sscanf stored how far it came. */
static bool is_end(const char *text, int used)
{
	return used > 0 && !text[used];
}

/* "Senin, Selasa, dan Kamis" of "monday tuesday thursday"; false where they are no days of the week, or more than a week has. */
static bool weekdays_of(char out[RECORD_PHRASE], const char *names, size_t length, bool english)
{
	const char *list[7] = {NULL}, *end = names + length;
	size_t count = 0, used = 0;

	for (const char *at = names; at < end; count++) {
		size_t size = strcspn(at, " ");
		char name[16];

		if (count == 7 || size >= sizeof(name))
			return false;
		snprintf(name, sizeof(name), "%.*s", (int)size, at);
		list[count] = weekday_of(name, english);
		if (!list[count])
			return false;
		at += size + 1;
	}
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, RECORD_PHRASE - used, "%s%s%s", i > 0 && count > 2 ? "," : "",
		    i == 0		? ""
			: i + 1 < count ? " "
					: record_word(WORD_AND, english),
		    list[i]);
	return count > 0;
}

/* "week monday thursday 02:00" */
static bool put_week(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	const char *time = strrchr(text, ' ');
	char names[RECORD_PHRASE], clock[8];
	unsigned hour, minute;
	int used = 0;

	if (strncmp(text, "week ", 5) != 0 || time < text + 5 ||
	    sscanf(time, " %2u:%2u%n", &hour, &minute, &used) != 2 || !is_end(time, used) ||
	    !weekdays_of(names, text + 5, (size_t)(time - text - 5), english))
		return false;
	snprintf(out, RECORD_SCHEDULE, "%s %s %s %s", record_word(WORD_EVERY_WEEKDAY, english), names,
	    record_word(WORD_AT_TIME, english), clock_of(clock, hour, minute, english));
	return true;
}

/* "hour, minute 5" or "hour, minute 5, every 6" */
static bool put_hour(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	const char *every = record_word(WORD_EVERY, english), *at = record_word(WORD_AT_MINUTE, english);
	unsigned minute, hours;
	int used = 0, more = 0;

	if (sscanf(text, "hour, minute %2u%n, every %2u%n", &minute, &used, &hours, &more) < 1)
		return false;
	if (is_end(text, used))
		snprintf(out, RECORD_SCHEDULE, "%s %s %s%u", every, record_word(WORD_HOUR, english), at, minute);
	else if (is_end(text, more))
		snprintf(out, RECORD_SCHEDULE, "%s %u %s %s%u", every, hours, record_word(WORD_HOURS_OF_DAY, english),
		    at, minute);
	else
		return false;
	return true;
}

/* "month, day 30, 03:00" */
static bool put_month(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	unsigned day, hour, minute;
	char clock[8];
	int used = 0;

	if (sscanf(text, "month, day %2u, %2u:%2u%n", &day, &hour, &minute, &used) != 3 || !is_end(text, used))
		return false;
	snprintf(out, RECORD_SCHEDULE, "%s %u%s%s %s %s", record_word(WORD_ON_DAY, english), day,
	    record_word(WORD_OF_MONTH, english), day > 28 ? record_word(WORD_OR_LAST_DAY, english) : "",
	    record_word(WORD_AT_TIME, english), clock_of(clock, hour, minute, english));
	return true;
}

/* The times without the window. */
static bool put_times(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	unsigned hour, minute;
	char clock[8];
	int used = 0;

	if (strncmp(text, "cron ", 5) == 0) {
		snprintf(out, RECORD_SCHEDULE, "%s %s", record_word(WORD_BY_CRON, english), text + 5);
		return true;
	}
	if (sscanf(text, "day %2u:%2u%n", &hour, &minute, &used) == 2 && is_end(text, used)) {
		snprintf(out, RECORD_SCHEDULE, "%s %s %s %s", record_word(WORD_EVERY, english),
		    record_word(WORD_DAY, english), record_word(WORD_AT_TIME, english),
		    clock_of(clock, hour, minute, english));
		return true;
	}
	return put_hour(out, text, english) || put_week(out, text, english) || put_month(out, text, english);
}

char *record_schedule(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	const char *window = strstr(text, ", window ");
	unsigned hour[2], minute[2];
	char times[RECORD_SCHEDULE], from[8], to[8];
	int used = 0;
	bool good = !window ||
	    (sscanf(window, ", window %2u:%2u-%2u:%2u%n", &hour[0], &minute[0], &hour[1], &minute[1], &used) == 4 &&
		is_end(window, used));

	snprintf(times, sizeof(times), "%.*s", (int)(window ? (size_t)(window - text) : strlen(text)), text);
	if (!good || strlen(text) >= sizeof(times) || !put_times(out, times, english)) {
		snprintf(out, RECORD_SCHEDULE, "%s", text);
	} else if (window) {
		size_t length = strlen(out);

		snprintf(out + length, RECORD_SCHEDULE - length, "; %s %s %s %s",
		    record_word(WORD_ONLY_BETWEEN, english), clock_of(from, hour[0], minute[0], english),
		    record_word(WORD_BETWEEN_AND, english), clock_of(to, hour[1], minute[1], english));
	}
	return out;
}

/* One rule, "daily 14" or "within 90d", behind what stands in `out`. False: it is none. */
static bool put_rule(char out[RECORD_RULES], const char *name, unsigned count, char unit, bool english)
{
	static const struct {
		const char *name;
		enum word word;
	} rules[] = {{"last", WORD_KEEP_LAST}, {"hourly", WORD_KEEP_HOURLY}, {"daily", WORD_KEEP_DAILY},
	    {"weekly", WORD_KEEP_WEEKLY}, {"monthly", WORD_KEEP_MONTHLY}, {"yearly", WORD_KEEP_YEARLY}};
	static const char units[] = "hdwmy";
	static const enum word unit_words[] = {WORD_HOUR, WORD_DAY, WORD_WEEK, WORD_MONTH, WORD_YEAR};
	const char *found = unit ? strchr(units, unit) : NULL;
	size_t length = strlen(out), space = RECORD_RULES - length;
	const char *comma = length > 0 ? ", " : "";

	if (strcmp(name, "within") == 0 && found)
		return (size_t)snprintf(out + length, space, "%s%s %u %s%s", comma,
			   record_word(WORD_KEEP_WITHIN, english), count,
			   record_word(unit_words[found - units], english), english && count != 1 ? "s" : "") < space;
	for (size_t i = 0; !unit && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(name, rules[i].name) == 0)
			return (size_t)snprintf(out + length, space, "%s%u %s", comma, count,
				   record_word(rules[i].word, english)) < space;
	return false;
}

char *record_retention(char out[RECORD_RULES], const char *text, bool english)
{
	const char *rest = text;
	bool known = true;

	out[0] = '\0';
	while (*rest && known) {
		char name[16], unit = '\0';
		unsigned count;
		int used = 0;

		known = sscanf(rest, "%15[a-z] %9u%n", name, &count, &used) == 2 && used > 0;
		if (!known)
			break;
		rest += used;
		if (*rest && *rest != ',')
			unit = *rest++;
		known =
		    put_rule(out, name, count, unit, english) && (!*rest || (strncmp(rest, ", ", 2) == 0 && rest[2]));
		rest += *rest ? 2 : 0;
	}
	if (!known)
		snprintf(out, RECORD_RULES, "%s", text);
	return out;
}
