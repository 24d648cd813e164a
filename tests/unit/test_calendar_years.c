/* Whole years of a calendar, minute by minute, against a slow reference that uses nothing but the C library's local time. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/unit/calendars.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_years),
	    cmocka_unit_test(test_twelve_a_year),
	    cmocka_unit_test(test_next_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
