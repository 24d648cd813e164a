/* Schedules and rules of retention, which a record holds as texts of a few forms, in words. */
#include "core/record/record_words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WEEK 7

static const enum word weekdays[WEEK] = {
    WORD_SUNDAY, WORD_MONDAY, WORD_TUESDAY, WORD_WEDNESDAY, WORD_THURSDAY, WORD_FRIDAY, WORD_SATURDAY};

static bool put(char *out, size_t size, enum word word, bool english, const char *const arguments[])
{
	record_fill(out, size, word, english, arguments);
	return true;
}

static const char *weekday_of(const char *name, bool english)
{
	for (size_t i = 0; i < WEEK; i++)
		if (strcasecmp(name, record_word(weekdays[i], true)) == 0)
			return record_word(weekdays[i], english);
	return NULL;
}

/* Whether all of a text was read: sscanf stored how far it came. */
static bool is_end(const char *text, int used)
{
	return used > 0 && !text[used];
}

/* "Senin, Selasa, dan Kamis" of "monday tuesday thursday"; false where they are no days of the week, or more than a week has. */
static bool put_weekdays(char out[RECORD_PHRASE], const char *names, size_t length, bool english)
{
	const char *list[WEEK] = {NULL}, *end = names + length;
	char before[RECORD_PHRASE];
	size_t count = 0;

	for (const char *at = names; at < end; count++) {
		size_t size = strcspn(at, " ");
		char name[16];

		if (count == WEEK || size >= sizeof(name))
			return false;
		snprintf(name, sizeof(name), "%.*s", (int)size, at);
		list[count] = weekday_of(name, english);
		if (!list[count])
			return false;
		at += size + 1;
	}
	snprintf(out, RECORD_PHRASE, "%s", count > 0 ? list[0] : "");
	for (size_t i = 1; i < count; i++) {
		snprintf(before, sizeof(before), "%s", out);
		put(out, RECORD_PHRASE,
		    i + 1 < count    ? WORD_LIST_MORE
			: count == 2 ? WORD_LIST_OF_TWO
				     : WORD_LIST_LAST,
		    english, RECORD_ARGUMENTS(before, list[i]));
	}
	return count > 0;
}

/* "week monday thursday 02:00" */
static bool put_week(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	const char *time = strrchr(text, ' ');
	char names[RECORD_PHRASE], clock[RECORD_PHRASE];
	unsigned hour, minute;
	int used = 0;

	if (strncmp(text, "week ", 5) != 0 || time < text + 5 ||
	    sscanf(time, " %2u:%2u%n", &hour, &minute, &used) != 2 || !is_end(time, used) ||
	    !put_weekdays(names, text + 5, (size_t)(time - text - 5), english))
		return false;
	return put(out, RECORD_SCHEDULE, WORD_EVERY_WEEK_AT, english,
	    RECORD_ARGUMENTS(names, record_clock(clock, hour, minute, english)));
}

/* "hour, minute 5" or "hour, minute 5, every 6" */
static bool put_hour(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	unsigned minute, hours = 0;
	char minute_text[16], hours_text[16];
	int used = 0, more = 0;

	if (sscanf(text, "hour, minute %2u%n, every %2u%n", &minute, &used, &hours, &more) < 1)
		return false;
	snprintf(minute_text, sizeof(minute_text), "%u", minute);
	snprintf(hours_text, sizeof(hours_text), "%u", hours);
	if (is_end(text, used))
		return put(out, RECORD_SCHEDULE, WORD_EVERY_HOUR_AT, english, RECORD_ARGUMENTS(minute_text));
	return is_end(text, more) &&
	    put(out, RECORD_SCHEDULE, WORD_EVERY_HOURS_AT, english, RECORD_ARGUMENTS(hours_text, minute_text));
}

/* "month, day 30, 03:00" */
static bool put_month(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	unsigned day, hour, minute;
	char day_text[16], clock[RECORD_PHRASE];
	int used = 0;

	if (sscanf(text, "month, day %2u, %2u:%2u%n", &day, &hour, &minute, &used) != 3 || !is_end(text, used))
		return false;
	snprintf(day_text, sizeof(day_text), "%u", day);
	return put(out, RECORD_SCHEDULE, day > 28 ? WORD_EVERY_MONTH_OR_LAST_AT : WORD_EVERY_MONTH_AT, english,
	    RECORD_ARGUMENTS(day_text, record_clock(clock, hour, minute, english)));
}

/* The times without the window. */
static bool put_times(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	unsigned hour, minute;
	char clock[RECORD_PHRASE];
	int used = 0;

	if (strncmp(text, "cron ", 5) == 0)
		return put(out, RECORD_SCHEDULE, WORD_BY_CRON, english, RECORD_ARGUMENTS(text + 5));
	if (sscanf(text, "day %2u:%2u%n", &hour, &minute, &used) == 2 && is_end(text, used))
		return put(out, RECORD_SCHEDULE, WORD_EVERY_DAY_AT, english,
		    RECORD_ARGUMENTS(record_clock(clock, hour, minute, english)));
	return put_hour(out, text, english) || put_week(out, text, english) || put_month(out, text, english);
}

char *record_schedule(char out[RECORD_SCHEDULE], const char *text, bool english)
{
	const char *window = strstr(text, ", window ");
	unsigned hour[2], minute[2];
	char times[RECORD_SCHEDULE], from[RECORD_PHRASE], to[RECORD_PHRASE];
	int used = 0;
	bool good = !window ||
	    (sscanf(window, ", window %2u:%2u-%2u:%2u%n", &hour[0], &minute[0], &hour[1], &minute[1], &used) == 4 &&
		is_end(window, used));

	snprintf(times, sizeof(times), "%.*s", (int)(window ? (size_t)(window - text) : strlen(text)), text);
	if (!good || strlen(text) >= sizeof(times) || !put_times(out, times, english)) {
		snprintf(out, RECORD_SCHEDULE, "%s", text);
	} else if (window) {
		snprintf(times, sizeof(times), "%s", out);
		put(out, RECORD_SCHEDULE, WORD_ONLY_BETWEEN, english,
		    RECORD_ARGUMENTS(times, record_clock(from, hour[0], minute[0], english),
			record_clock(to, hour[1], minute[1], english)));
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
	static const enum word one[] = {WORD_HOUR, WORD_DAY, WORD_WEEK, WORD_MONTH, WORD_YEAR};
	static const enum word many[] = {WORD_HOURS, WORD_DAYS, WORD_WEEKS, WORD_MONTHS, WORD_YEARS};
	const char *found = unit ? strchr(units, unit) : NULL;
	char number[16], rule[RECORD_PHRASE] = "";
	size_t length = strlen(out);

	snprintf(number, sizeof(number), "%u", count);
	if (strcmp(name, "within") == 0 && found)
		put(rule, sizeof(rule), WORD_KEEP_WITHIN, english,
		    RECORD_ARGUMENTS(number, record_word((count == 1 ? one : many)[found - units], english)));
	for (size_t i = 0; !unit && i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(name, rules[i].name) == 0)
			put(rule, sizeof(rule), rules[i].word, english, RECORD_ARGUMENTS(number));
	return rule[0] &&
	    (size_t)snprintf(out + length, RECORD_RULES - length, "%s%s", length > 0 ? ", " : "", rule) <
	    RECORD_RULES - length;
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
