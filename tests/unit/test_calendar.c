/* When a job is due: known answers on the days that are not like others, jumps of the clock, windows, words. */
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
	    cmocka_unit_test(test_known_answers),
	    cmocka_unit_test(test_clock_that_jumps),
	    cmocka_unit_test(test_ends_of_time),
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
