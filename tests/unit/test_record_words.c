/* Schedules, retention and ages of a record in words, in both languages. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_object.h"
#include "core/record/record_report.h"
#include "core/record/record_words.h"
#include "core/record/report_page.h"
#include "core/record/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

static void test_schedule_and_retention_in_words(void **state)
{
	static const struct {
		const char *text, *indonesian, *english;
	} schedules[] =
	    {
		{"hour, minute 5", "setiap jam pada menit ke-5", "every hour at minute 5"},
		{"day 01:00", "setiap hari pukul 01.00", "every day at 01:00"},
		{"week sunday 02:30", "setiap hari Minggu pukul 02.30", "every Sunday at 02:30"},
		{"week saturday 02:30", "setiap hari Sabtu pukul 02.30", "every Saturday at 02:30"},
		{"month, day 30, 23:59", "setiap tanggal 30 (atau hari terakhir bulan) pukul 23.59",
		    "on day 30 of every month (or its last day) at 23:59"},
		{"month, day 28, 00:05", "setiap tanggal 28 pukul 00.05", "on day 28 of every month at 00:05"},
		{"week monday thursday 02:00", "setiap hari Senin dan Kamis pukul 02.00",
		    "every Monday and Thursday at 02:00"},
		{"week monday tuesday wednesday thursday friday saturday sunday 02:00, window 20:00-05:00",
		    "setiap hari Senin, Selasa, Rabu, Kamis, Jumat, Sabtu, dan Minggu pukul 02.00; hanya antara pukul "
		    "20.00 dan 05.00",
		    "every Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, and Sunday at 02:00; only between "
		    "20:00 "
		    "and 05:00"},
		{"hour, minute 15, every 6", "setiap 6 jam sejak tengah malam, pada menit ke-15",
		    "every 6 hours from midnight on, at minute 15"},
		{"cron 15 1,2 * * 1-5, window 01:00-03:00",
		    "menurut ekspresi cron 15 1,2 * * 1-5; hanya antara pukul 01.00 dan 03.00",
		    "by the cron expression 15 1,2 * * 1-5; only between 01:00 and 03:00"},
		{"day 01:00, window 20:00-05:00", "setiap hari pukul 01.00; hanya antara pukul 20.00 dan 05.00",
		    "every day at 01:00; only between 20:00 and 05:00"},
		{"", "", ""},
		{"week 02:30", "week 02:30", "week 02:30"},
		{"week ", "week ", "week "},
		{"week", "week", "week"},
		{"week monday someday 02:30", "week monday someday 02:30", "week monday someday 02:30"},
		{"week monday  thursday 02:30", "week monday  thursday 02:30", "week monday  thursday 02:30"},
		{"hour, minute 5, every", "hour, minute 5, every", "hour, minute 5, every"},
		{"hour, minute 5, every 6 x", "hour, minute 5, every 6 x", "hour, minute 5, every 6 x"},
		{"day 01:00, window 20:00", "day 01:00, window 20:00", "day 01:00, window 20:00"},
		{"day 01:00, window 20:00-05:00 x", "day 01:00, window 20:00-05:00 x",
		    "day 01:00, window 20:00-05:00 x"},
		{", window 20:00-05:00", ", window 20:00-05:00", ", window 20:00-05:00"},
		{"week someday 02:30", "week someday 02:30", "week someday 02:30"},
		{"day 01:00 and more", "day 01:00 and more", "day 01:00 and more"},
		{"day 01", "day 01", "day 01"},
	    },
	  rules[] = {
	      {"daily 14, weekly 8, monthly 24", "14 harian, 8 mingguan, 24 bulanan", "14 daily, 8 weekly, 24 monthly"},
	      {"last 3, hourly 24, yearly 1", "3 terakhir, 24 per jam, 1 tahunan", "3 latest, 24 hourly, 1 yearly"},
	      {"daily 1, within 90d", "1 harian, semua yang berumur paling lama 90 hari",
		  "1 daily, everything of the last 90 days"},
	      {"within 1y", "semua yang berumur paling lama 1 tahun", "everything of the last 1 year"},
	      {"", "", ""},
	      {"within 90", "within 90", "within 90"},
	      {"daily 14x", "daily 14x", "daily 14x"},
	      {"daily 14, ", "daily 14, ", "daily 14, "},
	      {"daily 14; weekly 8", "daily 14; weekly 8", "daily 14; weekly 8"},
	      {"sometimes 3", "sometimes 3", "sometimes 3"},
	  };
	static const char most[] =
	    "last 999999999, hourly 999999999, daily 999999999, weekly 999999999, monthly 999999999, "
	    "yearly 999999999, within 999999999m";
	char out[RECORD_RULES], schedule[RECORD_SCHEDULE], cron[5 + 200 + 21] = "", too_long[2000] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		assert_string_equal(record_schedule(schedule, schedules[i].text, false), schedules[i].indonesian);
		assert_string_equal(record_schedule(schedule, schedules[i].text, true), schedules[i].english);
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		assert_string_equal(record_retention(out, rules[i].text, false), rules[i].indonesian);
		assert_string_equal(record_retention(out, rules[i].text, true), rules[i].english);
	}
	memset(cron, '*', sizeof(cron) - 1);
	memcpy(cron, "cron ", 5);
	memcpy(cron + 205, ", window 20:00-05:00", 21);
	assert_non_null(strstr(record_schedule(schedule, cron, false), "***; hanya antara pukul 20.00 dan 05.00"));
	assert_non_null(strstr(record_schedule(schedule, cron, true), "***; only between 20:00 and 05:00"));
	/* what is no schedule is cut, however long it is */
	memset(too_long, 'x', sizeof(too_long) - 1);
	memcpy(too_long, "cron ", 5);
	assert_int_equal(strlen(record_schedule(schedule, too_long, true)), RECORD_SCHEDULE - 1);
	assert_memory_equal(schedule, "cron xxx", 8);
	/* all that a job can have fits */
	assert_non_null(strstr(
	    record_retention(out, most, false), "999999999 tahunan, semua yang berumur paling lama 999999999 bulan"));
	assert_non_null(
	    strstr(record_retention(out, most, true), "999999999 yearly, everything of the last 999999999 months"));
}

static void test_ages_in_words(void **state)
{
	static const uint64_t minute = 60000, hour = 60 * minute, day = 24 * hour;
	const struct {
		uint64_t milliseconds;
		const char *indonesian, *english;
	} ages[] = {{0, "0 menit", "0 minutes"}, {minute - 1, "0 menit", "0 minutes"}, {minute, "1 menit", "1 minute"},
	    {hour, "1 jam", "1 hour"}, {hour + 2 * minute, "1 jam 2 menit", "1 hour 2 minutes"},
	    {2 * day - 1, "47 jam 59 menit", "47 hours 59 minutes"}, {2 * day, "2 hari", "2 days"},
	    {2 * day + hour + minute, "2 hari 1 jam", "2 days 1 hour"}, {1234 * day, "1.234 hari", "1,234 days"},
	    {UINT64_MAX, "213.503.982.334 hari 14 jam", "213,503,982,334 days 14 hours"}};
	char out[RECORD_PHRASE];

	(void)state;
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		assert_string_equal(record_age(out, ages[i].milliseconds, false), ages[i].indonesian);
		assert_string_equal(record_age(out, ages[i].milliseconds, true), ages[i].english);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_schedule_and_retention_in_words),
	    cmocka_unit_test(test_ages_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
