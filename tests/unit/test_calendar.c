/* When a job is due: whole years, minute by minute, against a slow reference that uses nothing but the C library's local time; known answers on
 * the days that are not like others; jumps of the clock. */
#include "scheduler/calendar.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#define MINUTE INT64_C(60)
#define DAY (INT64_C(86400))
#define LEAD (3 * DAY) /* seconds before a year in which the reference learns how far the clock has come */

/* ---- the schedules, each with a definition of its own of what is due ---- */

static bool is_last_day(const struct tm *local)
{
	time_t next =
	    timegm(&(struct tm){.tm_year = local->tm_year, .tm_mon = local->tm_mon, .tm_mday = local->tm_mday + 1});
	struct tm parts;

	gmtime_r(&next, &parts);
	return parts.tm_mday == 1;
}

static bool is_at(const struct tm *local, int hour, int minute)
{
	return local->tm_hour == hour && local->tm_min == minute;
}

static bool due_day(const struct tm *local)
{
	return is_at(local, 1, 0);
}
static bool due_day_in_gap(const struct tm *local)
{
	return is_at(local, 2, 30);
}
static bool due_midnight(const struct tm *local)
{
	return is_at(local, 0, 0);
}
static bool due_weekday(const struct tm *local)
{
	return local->tm_wday == 0 && is_at(local, 2, 15);
}
static bool due_weekdays(const struct tm *local)
{
	return (local->tm_wday == 1 || local->tm_wday == 4 || local->tm_wday == 0) && is_at(local, 2, 0);
}
static bool due_day_30(const struct tm *local)
{
	return (local->tm_mday == 30 || (local->tm_mday < 30 && is_last_day(local))) && is_at(local, 3, 0);
}
static bool due_day_31(const struct tm *local)
{
	return is_last_day(local) && is_at(local, 23, 59);
}
static bool due_hour(const struct tm *local)
{
	return local->tm_min == 30;
}
static bool due_six_hours(const struct tm *local)
{
	return local->tm_hour % 6 == 0 && local->tm_min == 15;
}
static bool due_five_hours(const struct tm *local)
{
	return local->tm_hour % 5 == 0 && local->tm_min == 0;
}
static bool due_cron_weekdays(const struct tm *local)
{
	return local->tm_wday >= 1 && local->tm_wday <= 5 && is_at(local, 1, 15);
}
static bool due_cron_either(const struct tm *local)
{
	return (local->tm_mday == 13 || local->tm_wday == 5) && local->tm_min % 20 == 0 && local->tm_hour < 4;
}
static bool due_cron_both(const struct tm *local)
{
	return local->tm_mday % 2 == 1 && local->tm_wday == 1 && is_at(local, 2, 5) && local->tm_mon % 3 == 0;
}
static bool due_cron_leap(const struct tm *local)
{
	return local->tm_mday == 29 && local->tm_mon == 1 && is_at(local, 12, 0);
}
static bool due_cron_minutes(const struct tm *local)
{
	return local->tm_min % 10 == 7;
}
static bool due_night(const struct tm *local)
{
	return is_at(local, 23, 30);
}

static char at_0000[] = "00:00", at_0030[] = "00:30", at_0100[] = "01:00", at_0200[] = "02:00", at_0215[] = "02:15",
	    at_0230[] = "02:30", at_0300[] = "03:00", at_0500[] = "05:00", at_0501[] = "05:01", at_2000[] = "20:00",
	    at_2330[] = "23:30", at_2359[] = "23:59";
static char cron_weekdays[] = "15 1 * * 1-5", cron_either[] = "*/20 0-3 13 * fri",
	    cron_both[] = "5 2 */2 jan,apr,jul,oct mon", cron_leap[] = "0 12 29 2 *",
	    cron_minutes[] = "7-59/10 * * * *", cron_feb_sunday[] = "0 0 29 2 */7";
static int sunday_monday_thursday[] = {4, 7, 1};
static struct configuration_window night = {at_2000, at_0500}, small_hours = {at_0200, at_0300},
				   short_window = {at_0230, at_0300}, around_midnight = {at_2359, at_0030},
				   nearly_all_day = {at_0501, at_0500};

static const struct rule {
	struct configuration_schedule schedule;
	bool (*due)(const struct tm *local);
} rules[] = {
    {{.every = EVERY_DAY, .at = at_0100}, due_day},
    {{.every = EVERY_DAY, .at = at_0230, .window = &small_hours}, due_day_in_gap},
    {{.every = EVERY_DAY, .at = at_0000, .window = &around_midnight}, due_midnight},
    {{.every = EVERY_WEEK, .at = at_0215, .weekday = 7}, due_weekday},
    {{.every = EVERY_WEEK, .at = at_0200, .weekdays = sunday_monday_thursday, .weekdays_count = 3, .window = &night},
	due_weekdays},
    {{.every = EVERY_MONTH, .at = at_0300, .day = 30}, due_day_30},
    {{.every = EVERY_MONTH, .at = at_2359, .day = 31, .window = &nearly_all_day}, due_day_31},
    {{.every = EVERY_HOUR, .minute = 30}, due_hour},
    {{.every = EVERY_HOUR, .hours = 6, .minute = 15}, due_six_hours},
    {{.every = EVERY_HOUR, .hours = 5}, due_five_hours},
    {{.cron = cron_weekdays}, due_cron_weekdays},
    {{.cron = cron_either}, due_cron_either},
    {{.cron = cron_both}, due_cron_both},
    {{.cron = cron_leap}, due_cron_leap},
    {{.cron = cron_minutes}, due_cron_minutes},
    {{.every = EVERY_DAY, .at = at_0230, .window = &short_window}, due_day_in_gap},
    {{.every = EVERY_DAY, .at = at_2330, .window = &night}, due_night},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static struct calendar *calendar_of(const struct configuration_schedule *schedule, const char *zone)
{
	struct calendar *calendar = NULL;

	if (calendar_new(&calendar, schedule, zone) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	return calendar;
}

/* ---- the reference ---- */

/* The process's own zone, that of the C library. */
static void use_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static int64_t year_start(int year)
{
	return (int64_t)timegm(&(struct tm){.tm_year = year - 1900, .tm_mday = 1});
}

/* One year by UTC: for each minute from `begin` on, which rules are planned then, and how far the clock on the wall has come. */
struct year {
	int64_t begin;	   /* seconds */
	size_t minutes;	   /* of the year */
	uint32_t *planned; /* bit n: rule n */
	int64_t *reached;  /* minutes by the clock on the wall */
	bool *special;	   /* within a day of a change */
};

static uint32_t due_at(int64_t minute)
{
	time_t seconds = (time_t)(minute * MINUTE);
	struct tm local;
	uint32_t due = 0;

	gmtime_r(&seconds, &local);
	for (size_t i = 0; i < RULES; i++)
		due |= rules[i].due(&local) ? UINT32_C(1) << i : 0;
	return due;
}

/* Goes through the year by the minute. A time on the wall counts when it is reached for the first time, or skipped. */
static struct year simulate(const char *zone, int number)
{
	struct year year = {
	    .begin = year_start(number), .minutes = (size_t)((year_start(number + 1) - year_start(number)) / MINUTE)};
	int64_t reached = INT64_MIN;
	long offset = 0;

	use_zone(zone);
	year.planned = mem_calloc(year.minutes, sizeof(*year.planned));
	year.reached = mem_calloc(year.minutes, sizeof(*year.reached));
	year.special = mem_calloc(year.minutes, sizeof(*year.special));
	for (int64_t at = -LEAD / MINUTE; at < (int64_t)year.minutes; at++) {
		time_t seconds = (time_t)(year.begin + at * MINUTE);
		struct tm local;
		int64_t shown;
		uint32_t planned = 0;

		localtime_r(&seconds, &local);
		shown = (int64_t)(seconds + local.tm_gmtoff) / MINUTE;
		for (int64_t minute = reached + 1; reached != INT64_MIN && minute <= shown; minute++)
			planned |= due_at(minute);
		if (shown > reached)
			reached = shown;
		if (at >= 0) {
			year.planned[at] = planned;
			year.reached[at] = reached;
		}
		for (int64_t day = at - 1440; at > 0 && local.tm_gmtoff != offset && day < at + 1440; day++)
			if (day >= 0 && day < (int64_t)year.minutes)
				year.special[day] = true;
		offset = local.tm_gmtoff;
	}
	return year;
}

static void year_free(struct year *year)
{
	mem_free(year->planned);
	mem_free(year->reached);
	mem_free(year->special);
}

static int64_t instant_at(const struct year *year, size_t minute)
{
	return (year->begin + (int64_t)minute * MINUTE) * CLOCK_SECOND;
}

/* next, last and missed from one planned instant to the following, and from everywhere around a change of the clock. */
static void check_rule(const struct year *year, size_t rule, const struct calendar *calendar)
{
	const int64_t begin = instant_at(year, 0) - 1;
	int64_t at = begin, last = 0, planned, latest;
	uint64_t count = 0, missed;

	for (size_t minute = 0; minute < year->minutes; minute++) {
		const int64_t now = instant_at(year, minute);

		if (year->planned[minute] >> rule & 1) {
			calendar_next(calendar, at, &planned);
			assert_int_equal(planned, now);
			calendar_next(calendar, now - 1, &planned);
			assert_int_equal(planned, now);
			calendar_last(calendar, now, &planned);
			assert_int_equal(planned, now);
			calendar_last(calendar, now - 1, &planned);
			assert_true(count == 0 ? planned < now : planned == last);
			calendar_missed(calendar, at, now, &missed, &latest);
			assert_int_equal(missed, 1);
			assert_int_equal(latest, now);
			last = at = now;
			count++;
		} else if (count > 0 && (year->special[minute] || minute % 997 == 0)) {
			calendar_last(calendar, now + 59 * CLOCK_SECOND, &planned);
			assert_int_equal(planned, last);
			if (minute % 13 != 0)
				continue;
			calendar_missed(calendar, begin, now, &missed, &latest);
			assert_int_equal(missed, count);
			assert_int_equal(latest, last);
			calendar_missed(calendar, last, now, &missed, &latest);
			assert_int_equal(missed, 0);
			assert_int_equal(latest, 0);
		}
	}
	calendar_next(calendar, at, &planned);
	assert_true(planned >= instant_at(year, year->minutes));
	calendar_missed(calendar, begin, instant_at(year, year->minutes) - 1, &missed, &latest);
	assert_int_equal(missed, count);
	assert_int_equal(latest, last);
}

/* When the window is open in each minute of the year. */
static bool *window_of(const struct year *year, const struct configuration_window *window)
{
	const int64_t from = atoi(window->from) * 60 + atoi(window->from + 3);
	const int64_t to = atoi(window->to) * 60 + atoi(window->to + 3);
	bool *open = mem_calloc(year->minutes, sizeof(*open));
	bool begun = false;
	int64_t end = 0;

	for (size_t minute = 1; minute < year->minutes; minute++) {
		int64_t skipped = 0; /* minutes of the window within this step of the clock */

		for (int64_t shown = year->reached[minute - 1] + 1; shown <= year->reached[minute]; shown++) {
			if (begun && shown % 1440 == to) {
				begun = false;
				end = (int64_t)minute + skipped;
			}
			if (shown % 1440 == from) {
				begun = true;
				skipped = 0;
			}
			skipped += begun;
		}
		open[minute] = begun || (int64_t)minute < end;
	}
	return open;
}

/* Two days at either end of the year are left out: the window that is open there began, or ends, in another one. */
static void check_window(const struct year *year, size_t rule, const struct calendar *calendar)
{
	bool *open = window_of(year, rules[rule].schedule.window);
	const size_t margin = 2 * 1440;
	size_t next = 0;

	for (size_t minute = year->minutes - margin; minute-- > margin;) {
		const int64_t now = instant_at(year, minute);

		if (open[minute])
			next = minute;
		if (year->planned[minute] >> rule & 1)
			assert_true(calendar_window_open(calendar, now));
		else if (!year->special[minute] && minute % 61 != 0)
			continue;
		assert_int_equal(calendar_window_open(calendar, now), open[minute]);
		assert_int_equal(calendar_window_open(calendar, now + MINUTE * CLOCK_SECOND - 1), open[minute]);
		if (next > 0)
			assert_int_equal(calendar_window_next(calendar, now), instant_at(year, next));
	}
	mem_free(open);
}

static void test_whole_years(void **state)
{
	static const struct {
		const char *zone;
		int year;
	} years[] = {
	    {"Asia/Jayapura", 2026},
	    {"UTC", 2028},
	    {"Europe/Berlin", 2026},
	    {"America/Sao_Paulo", 2018},   /* the gap is at midnight */
	    {"Australia/Lord_Howe", 2027}, /* half an hour */
	    {"Africa/Cairo", 2024},	   /* midnight, on Fridays */
	    {"Asia/Gaza", 2023},	   /* four changes */
	    {"Pacific/Apia", 2011},	   /* no 30 December */
	    {"Pacific/Kwajalein", 1993},   /* no 21 August */
	    {"Europe/Moscow", 2014},
	    {"America/Nuuk", 2040},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
		struct year year = simulate(years[i].zone, years[i].year);

		for (size_t rule = 0; rule < RULES; rule++) {
			struct calendar *calendar = calendar_of(&rules[rule].schedule, years[i].zone);

			check_rule(&year, rule, calendar);
			if (rules[rule].schedule.window)
				check_window(&year, rule, calendar);
			calendar_free(calendar);
		}
		year_free(&year);
	}
}

/* ---- known answers ---- */

static int64_t instant(const char *text)
{
	int64_t out = 0;

	assert_true(clock_parse(text, &out));
	return out;
}

static void test_known_answers(void **state)
{
	static const struct {
		struct configuration_schedule schedule;
		const char *zone, *after, *next;
	} cases[] = {
	    {{.every = EVERY_DAY, .at = at_0100}, "Asia/Jayapura", "2026-11-22T00:59:59+09:00",
		"2026-11-22T01:00:00+09:00"},
	    {{.every = EVERY_DAY, .at = at_0100}, "Asia/Jayapura", "2026-11-22T01:00:00+09:00",
		"2026-11-23T01:00:00+09:00"},
	    {{.every = EVERY_DAY, .at = at_0100}, "Asia/Jayapura", "2026-11-22T00:59:59.999999999+09:00",
		"2026-11-22T01:00:00+09:00"},
	    {{.every = EVERY_MONTH, .day = 30, .at = at_0300}, "Asia/Jayapura", "2026-01-30T03:00:00+09:00",
		"2026-02-28T03:00:00+09:00"},
	    {{.every = EVERY_MONTH, .day = 30, .at = at_0300}, "Asia/Jayapura", "2028-02-01T00:00:00+09:00",
		"2028-02-29T03:00:00+09:00"},
	    {{.every = EVERY_MONTH, .day = 31, .at = at_0300}, "Asia/Jayapura", "2026-04-01T00:00:00+09:00",
		"2026-04-30T03:00:00+09:00"},
	    {{.every = EVERY_HOUR, .hours = 6, .minute = 15}, "Asia/Jayapura", "2026-04-01T18:15:00+09:00",
		"2026-04-02T00:15:00+09:00"},
	    /* skipped: the first instant behind the gap; shown twice: the first time, then the next day */
	    {{.every = EVERY_DAY, .at = at_0230}, "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00"},
	    {{.every = EVERY_DAY, .at = at_0230}, "Europe/Berlin", "2026-03-29T03:00:00+02:00",
		"2026-03-30T02:30:00+02:00"},
	    {{.every = EVERY_DAY, .at = at_0230}, "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00"},
	    {{.every = EVERY_DAY, .at = at_0230}, "Europe/Berlin", "2026-10-25T02:30:00+02:00",
		"2026-10-26T02:30:00+01:00"},
	    {{.every = EVERY_DAY, .at = at_0230}, "Europe/Berlin", "2026-10-25T02:15:00+01:00",
		"2026-10-26T02:30:00+01:00"},
	    {{.every = EVERY_HOUR, .minute = 30}, "Europe/Berlin", "2026-10-25T02:30:00+02:00",
		"2026-10-25T03:30:00+01:00"},
	    {{.every = EVERY_DAY, .at = at_0000}, "America/Sao_Paulo", "2018-11-03T12:00:00Z",
		"2018-11-04T01:00:00-02:00"},
	    {{.every = EVERY_DAY, .at = at_0215}, "Australia/Lord_Howe", "2026-10-03T12:00:00Z",
		"2026-10-04T02:30:00+11:00"},
	    {{.every = EVERY_DAY, .at = at_0230}, "Australia/Lord_Howe", "2026-10-03T12:00:00Z",
		"2026-10-04T02:30:00+11:00"},
	    {{.every = EVERY_DAY, .at = at_0100}, "Pacific/Apia", "2011-12-29T01:00:00-10:00",
		"2011-12-31T00:00:00+14:00"},
	    {{.every = EVERY_DAY, .at = at_0100}, "Pacific/Apia", "2011-12-31T00:00:00+14:00",
		"2011-12-31T01:00:00+14:00"},
	    {{.every = EVERY_MONTH, .day = 30, .at = at_0300}, "Pacific/Apia", "2011-12-01T00:00:00Z",
		"2011-12-31T00:00:00+14:00"},
	    {{.cron = cron_leap}, "UTC", "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z"},
	    {{.cron = cron_leap}, "UTC", "2096-02-29T12:00:00Z", "2104-02-29T12:00:00Z"},
	    {{.cron = cron_feb_sunday}, "UTC", "2088-03-01T00:00:00Z", "2128-02-29T00:00:00Z"},
	    {{.cron = cron_either}, "UTC", "2026-11-12T12:00:00Z", "2026-11-13T00:00:00Z"},
	    {{.cron = cron_either}, "UTC", "2026-12-11T03:40:00Z", "2026-12-13T00:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct calendar *calendar = calendar_of(&cases[i].schedule, cases[i].zone);
		int64_t planned, again;
		char text[CLOCK_TEXT];

		calendar_next(calendar, instant(cases[i].after), &planned);
		if (planned != instant(cases[i].next))
			fail_msg("%s after %s: %s", cases[i].zone, cases[i].after, clock_format_utc(text, planned));
		calendar_last(calendar, planned, &again);
		assert_int_equal(again, planned);
		calendar_free(calendar);
	}
}

/* New Year by the clock on the wall, in the process's zone. */
static int64_t local_year(int year)
{
	return (int64_t)mktime(&(struct tm){.tm_year = year - 1900, .tm_mday = 1, .tm_isdst = -1}) * CLOCK_SECOND;
}

/* Whatever the day of the month, each year has twelve, also where the clock skips that time or that day. */
static void test_twelve_a_year(void **state)
{
	static const char *const zones[] = {
	    "Asia/Jayapura", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Asia/Gaza", "Pacific/Apia"};
	static char *const times[] = {at_0100, at_0230, at_0300};

	(void)state;
	for (size_t zone = 0; zone < sizeof(zones) / sizeof(zones[0]); zone++) {
		use_zone(zones[zone]);
		for (int day = 1; day <= 31; day += day == 1 ? 26 : 1)
			for (size_t time = 0; time < sizeof(times) / sizeof(times[0]); time++) {
				struct configuration_schedule schedule = {
				    .every = EVERY_MONTH, .day = day, .at = times[time]};
				struct calendar *calendar = calendar_of(&schedule, zones[zone]);

				for (int year = 2008; year < 2032; year++) {
					uint64_t count;
					int64_t latest;

					calendar_missed(
					    calendar, local_year(year), local_year(year + 1), &count, &latest);
					assert_int_equal(count, 12);
				}
				calendar_free(calendar);
			}
	}
}

/* Each next is later than the last, and what is planned is what was planned last. */
static void test_next_grows(void **state)
{
	static const char *const zones[] = {"Asia/Jayapura", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Gaza",
	    "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll"};

	(void)state;
	for (size_t zone = 0; zone < sizeof(zones) / sizeof(zones[0]); zone++)
		for (size_t rule = 0; rule < RULES; rule++) {
			struct calendar *calendar = calendar_of(&rules[rule].schedule, zones[zone]);
			int64_t at = instant("2005-06-01T00:00:00Z"), planned, last;

			for (int step = 0; step < 500 && at < instant("2150-01-01T00:00:00Z"); step++) {
				calendar_next(calendar, at, &planned);
				assert_true(planned > at);
				calendar_last(calendar, planned, &last);
				assert_int_equal(last, planned);
				calendar_last(calendar, planned - 1, &last);
				assert_true(last < planned && (step == 0 || last == at));
				assert_true(calendar_window_open(calendar, planned));
				assert_int_equal(calendar_window_next(calendar, planned), planned);
				at = planned;
			}
			calendar_free(calendar);
		}
}

/* ---- clocks that jump, ends of time ---- */

static void test_clock_that_jumps(void **state)
{
	struct configuration_schedule schedule = {.every = EVERY_DAY, .at = at_0100};
	struct configuration_schedule each_minute = {.cron = (char[]){"* * * * *"}};
	struct calendar *calendar = calendar_of(&schedule, "Asia/Jayapura");
	struct calendar *minutes = calendar_of(&each_minute, "Europe/Berlin");
	int64_t done = instant("2026-11-22T01:00:00+09:00"), latest, planned;
	uint64_t count;

	(void)state;
	/* off for decades: one run makes up for all of it */
	calendar_missed(calendar, done, instant("2056-11-22T12:00:00+09:00"), &count, &latest);
	assert_int_equal(count, 30 * 365 + 8);
	assert_int_equal(latest, instant("2056-11-22T01:00:00+09:00"));
	/* back: nothing was missed, and nothing is planned again */
	calendar_missed(calendar, done, instant("1999-01-01T00:00:00Z"), &count, &latest);
	assert_int_equal(count, 0);
	assert_int_equal(latest, 0);
	calendar_next(calendar, done, &planned);
	assert_int_equal(planned, instant("2026-11-23T01:00:00+09:00"));
	/* every minute that the clock shows for the first time, two hundred years long; the hours that are skipped and those that come back
	 * make up for each other */
	calendar_missed(minutes, instant("2030-01-01T00:00:00Z"), instant("2230-01-01T00:00:00Z"), &count, &latest);
	assert_int_equal(latest, instant("2230-01-01T00:00:00Z"));
	assert_int_equal(count,
	    (instant("2230-01-01T00:00:00Z") - instant("2030-01-01T00:00:00Z")) / CLOCK_SECOND / MINUTE - 200 * 60);
	calendar_free(calendar);
	calendar_free(minutes);
}

static void test_ends_of_time(void **state)
{
	struct configuration_schedule schedule = {.every = EVERY_DAY, .at = at_0230, .window = &small_hours};
	const int64_t ends[] = {INT64_MIN, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
	struct calendar *calendar = calendar_of(&schedule, "UTC");
	int64_t planned, latest;
	uint64_t count;

	(void)state;
	calendar_next(calendar, INT64_MIN, &planned);
	assert_int_equal(planned, instant("1970-01-01T02:30:00Z"));
	calendar_last(calendar, instant("1970-01-01T02:29:59Z"), &planned);
	assert_int_equal(planned, 0);
	calendar_last(calendar, INT64_MIN, &planned);
	assert_int_equal(planned, 0);
	calendar_next(calendar, INT64_MAX, &planned);
	assert_true(planned == CALENDAR_NEVER);
	calendar_last(calendar, INT64_MAX, &planned);
	assert_int_equal(planned, instant("2262-04-11T02:30:00Z"));
	calendar_missed(calendar, INT64_MIN, INT64_MAX, &count, &latest);
	assert_int_equal(latest, planned);
	assert_int_equal(count, (planned - instant("1970-01-01T02:30:00Z")) / CLOCK_SECOND / DAY + 1);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		calendar_missed(calendar, INT64_MAX, ends[i], &count, &latest);
		assert_int_equal(count, 0);
		assert_false(calendar_window_open(calendar, ends[i]));
		assert_true(calendar_window_next(calendar, ends[i]) > ends[i] || ends[i] == INT64_MAX);
	}
	calendar_free(calendar);
}

static void test_windows(void **state)
{
	struct configuration_schedule with = {.every = EVERY_DAY, .at = at_0230, .window = &night};
	struct configuration_schedule without = {.every = EVERY_DAY, .at = at_0230};
	struct configuration_schedule skipped = {.every = EVERY_DAY, .at = at_0230, .window = &small_hours};
	struct calendar *calendar = calendar_of(&with, "Asia/Jayapura"), *always = calendar_of(&without, "UTC");
	struct calendar *berlin = calendar_of(&skipped, "Europe/Berlin");

	(void)state;
	assert_true(calendar_window_open(calendar, instant("2026-11-22T20:00:00+09:00")));
	assert_true(calendar_window_open(calendar, instant("2026-11-23T04:59:59.999+09:00")));
	assert_false(calendar_window_open(calendar, instant("2026-11-23T05:00:00+09:00")));
	assert_false(calendar_window_open(calendar, instant("2026-11-22T19:59:59.999+09:00")));
	assert_int_equal(
	    calendar_window_next(calendar, instant("2026-11-23T05:00:00+09:00")), instant("2026-11-23T20:00:00+09:00"));
	assert_int_equal(
	    calendar_window_next(calendar, instant("2026-11-23T02:00:01+09:00")), instant("2026-11-23T02:00:01+09:00"));
	assert_true(calendar_window_open(always, 12345));
	assert_int_equal(calendar_window_next(always, 12345), 12345);
	/* the whole window is skipped: it opens behind the gap for as long */
	assert_false(calendar_window_open(berlin, instant("2026-03-29T01:59:59+01:00")));
	assert_true(calendar_window_open(berlin, instant("2026-03-29T03:00:00+02:00")));
	assert_true(calendar_window_open(berlin, instant("2026-03-29T03:59:59+02:00")));
	assert_false(calendar_window_open(berlin, instant("2026-03-29T04:00:00+02:00")));
	calendar_free(calendar);
	calendar_free(always);
	calendar_free(berlin);
}

static void test_words(void **state)
{
	static const struct {
		struct configuration_schedule schedule;
		const char *record, *indonesian, *english;
	} cases[] = {
	    {{.every = EVERY_DAY, .at = at_0100}, "day 01:00", "setiap hari pukul 01.00", "every day at 01:00"},
	    {{.every = EVERY_MONTH, .day = 30, .at = at_0300}, "month, day 30, 03:00",
		"setiap tanggal 30 (atau hari terakhir bulan) pukul 03.00",
		"on day 30 of every month (or its last day) at 03:00"},
	    {{.every = EVERY_MONTH, .day = 28, .at = at_0300}, "month, day 28, 03:00", "setiap tanggal 28 pukul 03.00",
		"on day 28 of every month at 03:00"},
	    {{.every = EVERY_WEEK, .weekday = 7, .at = at_0215}, "week sunday 02:15", "setiap hari Minggu pukul 02.15",
		"every Sunday at 02:15"},
	    {{.every = EVERY_WEEK,
		 .weekdays = sunday_monday_thursday,
		 .weekdays_count = 3,
		 .at = at_0200,
		 .window = &night},
		"week monday thursday sunday 02:00, window 20:00-05:00",
		"setiap hari Senin, Kamis, dan Minggu pukul 02.00; hanya antara pukul 20.00 dan 05.00",
		"every Monday, Thursday, and Sunday at 02:00; only between 20:00 and 05:00"},
	    {{.every = EVERY_HOUR, .minute = 5}, "hour, minute 5", "setiap jam pada menit ke-5",
		"every hour at minute 5"},
	    {{.every = EVERY_HOUR, .hours = 6, .minute = 15}, "hour, minute 15, every 6",
		"setiap 6 jam sejak tengah malam, pada menit ke-15", "every 6 hours from midnight on, at minute 15"},
	    {{.cron = cron_either, .window = &nearly_all_day}, "cron */20 0-3 13 * fri, window 05:01-05:00",
		"menurut ekspresi cron */20 0-3 13 * fri; hanya antara pukul 05.01 dan 05.00",
		"by the cron expression */20 0-3 13 * fri; only between 05:01 and 05:00"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct calendar *calendar = calendar_of(&cases[i].schedule, "Asia/Jayapura");
		struct buffer record = {0};
		char text[CALENDAR_TEXT];

		assert_string_equal(calendar_text(calendar, false, text), cases[i].indonesian);
		assert_string_equal(calendar_text(calendar, true, text), cases[i].english);
		assert_int_equal(calendar_text_record(&cases[i].schedule, &record), ERR_OK);
		assert_int_equal(record.length, strlen(cases[i].record));
		assert_memory_equal(record.data, cases[i].record, record.length);
		buffer_free(&record);
		calendar_free(calendar);
	}
}

static void test_refusals(void **state)
{
	static const char *const zones[] = {"", "Asia/Ternate", "../../../etc/passwd", "Asia", "WIT"};
	struct configuration_window no_time = {at_0100, (char[]){"24:00"}}, no_length = {at_0100, at_0100};
	struct configuration_schedule day = {.every = EVERY_DAY, .at = at_0100};
	struct configuration_schedule broken[] = {{.cron = (char[]){"0 0 30 2 *"}}, {.every = EVERY_DAY},
	    {.every = EVERY_DAY, .at = at_0100, .window = &no_time},
	    {.every = EVERY_DAY, .at = at_0100, .window = &no_length}};
	struct calendar *calendar;

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (calendar_new(&calendar, &day, zones[i]) == ERR_OK)
			fail_msg("taken: \"%s\"", zones[i]);
		assert_int_equal(failure_last()->id, PL_CONFIG_VALUE);
		assert_null(calendar);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(calendar_new(&calendar, &broken[i], "UTC"), ERR_CONFIG);
		assert_null(calendar);
	}
	calendar_free(NULL);
}

static void test_memory_runs_out(void **state)
{
	struct configuration_schedule schedule = {.every = EVERY_WEEK,
	    .weekdays = sunday_monday_thursday,
	    .weekdays_count = 3,
	    .at = at_0200,
	    .window = &night};
	struct calendar *calendar = NULL;
	enum err err = ERR_NOMEM;
	unsigned long failed = 0;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = calendar_new(&calendar, &schedule, "Europe/Berlin");
		mem_fail_at(0);
		assert_true(err == ERR_OK || (err == ERR_NOMEM && !calendar));
		failed += err != ERR_OK;
	}
	assert_true(failed >= 3);
	calendar_free(calendar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_years),
	    cmocka_unit_test(test_known_answers),
	    cmocka_unit_test(test_twelve_a_year),
	    cmocka_unit_test(test_next_grows),
	    cmocka_unit_test(test_clock_that_jumps),
	    cmocka_unit_test(test_ends_of_time),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
