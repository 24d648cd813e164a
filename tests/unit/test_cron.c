/* Cron expressions: what each one means, and where exactly a wrong one is wrong; the sets of times that a recurrence is. */
#include "conf/cron.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_MINUTES ((UINT64_C(1) << 60) - 1)
#define ALL_HOURS UINT32_C(0xffffff)
#define ALL_DAYS UINT32_C(0xfffffffe)
#define ALL_MONTHS UINT32_C(0x1ffe)
#define ALL_WEEKDAYS UINT32_C(0xfe)
#define BIT(n) (UINT64_C(1) << (n))

static void test_known_answers(void **state)
{
	static const struct {
		const char *text;
		uint64_t minutes;
		uint64_t hours, days, months, weekdays;
		bool either;
	} cases[] = {
	    {"* * * * *", ALL_MINUTES, ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false},
	    {"15 1 * * 1-5", BIT(15), BIT(1), ALL_DAYS, ALL_MONTHS, 0x3e, false},
	    {"15 1 * * mon-fri", BIT(15), BIT(1), ALL_DAYS, ALL_MONTHS, 0x3e, false},
	    {"15 1 * * MON,Tue,wEd,thu,fri", BIT(15), BIT(1), ALL_DAYS, ALL_MONTHS, 0x3e, false},
	    {" 0\t0  1 jan *  ", 1, 1, BIT(1), BIT(1), ALL_WEEKDAYS, false},
	    {"0 0 * * 0", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(7), false},
	    {"0 0 * * 7", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(7), false},
	    {"0 0 * * 0,7", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(7), false},
	    {"0 0 * * sun", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(7), false},
	    {"0 0 * * 0-6", 1, 1, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false},
	    {"0 0 * * sun-sat", 1, 1, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS, false},
	    {"0 0 * * 5-7", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(5) | BIT(6) | BIT(7), false},
	    {"0 0 * * fri-sun", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(5) | BIT(6) | BIT(7), false},
	    {"0 0 * * */2", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(7) | BIT(2) | BIT(4) | BIT(6), false},
	    {"0 0 * * 1-7/2", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(1) | BIT(3) | BIT(5) | BIT(7), false},
	    {"*/20 */6 * * *", BIT(0) | BIT(20) | BIT(40), BIT(0) | BIT(6) | BIT(12) | BIT(18), ALL_DAYS, ALL_MONTHS,
		ALL_WEEKDAYS, false},
	    {"*/60 */24 */31 */12 *", 1, 1, BIT(1), BIT(1), ALL_WEEKDAYS, false},
	    {"5-59/25,59 20-23,0-4 * * *", BIT(5) | BIT(30) | BIT(55) | BIT(59), 0xf0001f, ALL_DAYS, ALL_MONTHS,
		ALL_WEEKDAYS, false},
	    {"09 007 01 * *", BIT(9), BIT(7), BIT(1), ALL_MONTHS, ALL_WEEKDAYS, false},
	    {"0 0 1,15,30 mar-may,dec *", 1, 1, BIT(1) | BIT(15) | BIT(30), BIT(3) | BIT(4) | BIT(5) | BIT(12),
		ALL_WEEKDAYS, false},
	    {"0 0 13 * 5", 1, 1, BIT(13), ALL_MONTHS, BIT(5), true},
	    {"0 0 1-31 * 5", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(5), true},
	    {"0 0 13 * */7", 1, 1, BIT(13), ALL_MONTHS, BIT(7), false},
	    {"0 0 */15 * 5", 1, 1, BIT(1) | BIT(16) | BIT(31), ALL_MONTHS, BIT(5), false},
	    {"0 0 13,* * 5", 1, 1, ALL_DAYS, ALL_MONTHS, BIT(5), true},
	    {"59 23 31 12 6", BIT(59), BIT(23), BIT(31), BIT(12), BIT(6), true},
	};
	struct recurrence out;
	struct cron_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!cron_parse(cases[i].text, &out, &error))
			fail_msg("%s: %s", cases[i].text, error.text);
		if (out.minutes != cases[i].minutes || out.hours != cases[i].hours || out.days != cases[i].days ||
		    out.months != cases[i].months || out.weekdays != cases[i].weekdays || out.either != cases[i].either)
			fail_msg("%s: %llx %x %x %x %x %d", cases[i].text, (unsigned long long)out.minutes, out.hours,
			    out.days, out.months, out.weekdays, out.either);
		assert_false(out.last_day);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *words;
	} cases[] = {
	    {"", 0, "field 1 (minute): it is missing"},
	    {"   ", 3, "field 1 (minute): it is missing"},
	    {"0 1 * *", 7, "field 5 (day of the week): it is missing"},
	    {"0 1 * * * *", 10, "field 5 (day of the week): nothing may stand behind"},
	    {"0 1 * * * /bin/true", 10, "nothing may stand behind"},
	    {"@daily", 0, "field 1 (minute): \"@daily\" is no such value; allowed: *, or 0 to 59"},
	    {"60 * * * *", 0, "\"60\" is no such value"},
	    {"0 24 * * *", 2, "field 2 (hour): \"24\" is no such value; allowed: *, or 0 to 23"},
	    {"0 0 0 * *", 4, "field 3 (day of the month): \"0\""},
	    {"0 0 32 * *", 4, "field 3 (day of the month): \"32\""},
	    {"0 0 * 13 *", 6, "field 4 (month): \"13\""},
	    {"0 0 * 0 *", 6, "field 4 (month): \"0\""},
	    {"0 0 * * 8", 8, "field 5 (day of the week): \"8\""},
	    {"0 0 * january *", 6, "\"january\" is no such value; allowed: *, or 1 to 12, or jan to dec"},
	    {"0 0 * * senin", 8, "\"senin\" is no such value"},
	    {"0 0 * mon *", 6, "\"mon\" is no such value"},
	    {"0 0 jan * *", 4, "\"jan\" is no such value"},
	    {"0 0 * * mo", 8, "\"mo\" is no such value"},
	    {"0 0 L * *", 4, "\"L\" is no such value"},
	    {"0 0 ? * *", 4, "\"?\" is no such value"},
	    {"0 0 * * 5#2", 8, "\"5#2\" is no such value"},
	    {"0 0 * * 5L", 8, "\"5L\" is no such value"},
	    {"-1 0 * * *", 0, "a value is missing"},
	    {"1- 0 * * *", 2, "a value is missing"},
	    {"1,,2 0 * * *", 2, "a value is missing"},
	    {"1, 0 * * *", 2, "a value is missing"},
	    {",1 0 * * *", 0, "a value is missing"},
	    {"/5 0 * * *", 0, "a value is missing"},
	    {"+5 0 * * *", 0, "\"+5\""},
	    {"1-2-3 0 * * *", 3, "\"-\" means nothing here"},
	    {"** 0 * * *", 1, "\"*\" means nothing here"},
	    {"*5 0 * * *", 1, "\"5\" means nothing here"},
	    {"*-5 0 * * *", 1, "\"-\" means nothing here"},
	    {"1* 0 * * *", 0, "\"1\" is no such value"},
	    {"30-10 0 * * *", 0, "the range ends before it begins"},
	    {"0 22-4 * * *", 2, "the range ends before it begins"},
	    {"0 0 * * fri-mon", 8, "the range ends before it begins"},
	    {"0 0 * nov-feb *", 6, "the range ends before it begins"},
	    {"5/15 0 * * *", 1, "a step needs a range; write 5-59/ or */"},
	    {"*/0 0 * * *", 2, "\"0\" is no step; allowed: 1 to 60"},
	    {"*/61 0 * * *", 2, "\"61\" is no step"},
	    {"*/ 0 * * *", 2, "\"\" is no step"},
	    {"*/-5 0 * * *", 2, "is no step"},
	    {"*/5/5 0 * * *", 2, "\"5\" is no step"},
	    {"*/5x 0 * * *", 2, "\"5x\" is no step"},
	    {"0 */25 * * *", 4, "allowed: 1 to 24"},
	    {"4294967297 0 * * *", 0, "\"4294967297\" is no such value"},
	    {"18446744073709551616 0 * * *", 0, "\"1844674407370955\" is no such value"},
	    {"0001 0 * * *", 0, "\"0001\" is no such value"},
	    {"\xef\xbc\x91 0 * * *", 0, "\"\xef\xbc\x91\" is no such value"},
	    {"aaaaaaaaaaaaaaa\xc3\xa9 0 * * *", 0, "\"aaaaaaaaaaaaaaa\" is no such value"},
	    {"0\n1 * * *", 0, "is no such value"},
	    {"%s%n 0 * * *", 0, "\"%s%n\" is no such value"},
	};
	struct recurrence out;
	struct cron_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cron_parse(cases[i].text, &out, &error))
			fail_msg("taken: %s", cases[i].text);
		if (error.offset != cases[i].offset || !strstr(error.text, cases[i].words))
			fail_msg("%s: at %zu: %s\nwanted at %zu: %s", cases[i].text, error.offset, error.text,
			    cases[i].offset, cases[i].words);
	}
}

static void test_long_expressions(void **state)
{
	char text[CRON_MAX + 2];
	struct recurrence out;
	struct cron_error error;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "1 2 3 4 5", 9);
	text[CRON_MAX] = '\0';
	assert_true(cron_parse(text, &out, &error));
	text[CRON_MAX] = ' ';
	text[CRON_MAX + 1] = '\0';
	assert_false(cron_parse(text, &out, &error));
	assert_non_null(strstr(error.text, "more than 200 characters"));
	memset(text, '9', sizeof(text) - 1);
	text[CRON_MAX] = '\0';
	assert_false(cron_parse(text, &out, &error));
	assert_int_equal(error.offset, 0);
}

static struct recurrence parsed(const char *text)
{
	struct recurrence out;
	struct cron_error error;

	assert_true(cron_parse(text, &out, &error));
	return out;
}

static void test_dates(void **state)
{
	/* Friday 13, Friday 14, Saturday 13 of a month of 30 days */
	const struct recurrence_date both = {13, 11, 30, 5}, friday = {14, 11, 30, 5}, day = {13, 11, 30, 6},
				     neither = {14, 11, 30, 6};
	struct recurrence either = parsed("0 0 13 * 5"), and = parsed("0 0 */12 * 5"), other = parsed("0 0 13 12 5");
	struct recurrence last;

	(void)state;
	assert_true(recurrence_on(&either, &both));
	assert_true(recurrence_on(&either, &friday));
	assert_true(recurrence_on(&either, &day));
	assert_false(recurrence_on(&either, &neither));
	assert_true(recurrence_on(&and, &both));
	assert_false(recurrence_on(&and, &friday));
	assert_false(recurrence_on(&and, &day));
	assert_false(recurrence_on(&other, &both));
	assert_int_equal(
	    recurrence_of(
		&last, &(struct configuration_schedule){.every = EVERY_MONTH, .at = (char[]){"00:00"}, .day = 30}),
	    ERR_OK);
	assert_true(recurrence_on(&last, &(struct recurrence_date){28, 2, 28, 1}));
	assert_false(recurrence_on(&last, &(struct recurrence_date){28, 2, 29, 1}));
	assert_true(recurrence_on(&last, &(struct recurrence_date){29, 2, 29, 1}));
	assert_true(recurrence_on(&last, &(struct recurrence_date){30, 4, 30, 1}));
	assert_true(recurrence_on(&last, &(struct recurrence_date){30, 5, 31, 1}));
	assert_false(recurrence_on(&last, &(struct recurrence_date){31, 5, 31, 1}));
}

static void test_never_due(void **state)
{
	static const struct {
		const char *text;
		bool possible;
	} cases[] = {{"0 0 30 2 *", false}, {"0 0 31 2,4,6,9,11 *", false}, {"0 0 29 2 *", true},
	    {"0 0 30,31 1,2 *", true}, {"0 0 30 2 1", true}, {"0 0 31 2 */2", false}, {"0 0 29 2 */7", true}};
	struct recurrence out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct configuration_schedule schedule = {.cron = (char *)(uintptr_t)cases[i].text};
		enum err err = recurrence_of(&out, &schedule);

		assert_int_equal(err, cases[i].possible ? ERR_OK : ERR_CONFIG);
		assert_int_equal(recurrence_possible(&out), cases[i].possible);
	}
}

/* The three questions about the minutes of a day against the plain answer. */
static void test_times_of_day(void **state)
{
	static const char *const texts[] = {
	    "* * * * *", "0 0 * * *", "59 23 * * *", "*/7 1,22 * * *", "0,59 * * * *", "30 */5 * * *"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct recurrence recurrence = parsed(texts[i]);
		int last = -1;
		unsigned count = 0;

		assert_int_equal(recurrence_count(&recurrence, -1), 0);
		assert_int_equal(recurrence_last(&recurrence, -1), -1);
		assert_int_equal(recurrence_first(&recurrence, RECURRENCE_DAY_MINUTES), -1);
		for (int at = 0; at < RECURRENCE_DAY_MINUTES; at++) {
			if ((recurrence.minutes & BIT(at % 60)) && (recurrence.hours & BIT(at / 60))) {
				for (int before = last + 1; before <= at; before++)
					assert_int_equal(recurrence_first(&recurrence, before), at);
				last = at;
				count++;
			}
			assert_int_equal(recurrence_last(&recurrence, at), last);
			assert_int_equal(recurrence_count(&recurrence, at), count);
		}
		assert_int_equal(recurrence_first(&recurrence, last + 1), -1);
	}
}

static void test_clock_times(void **state)
{
	static const char *const bad[] = {"", "1:00", "24:00", "12:60", "12-30", "12:3", "12:300", " 1:00", "+1:00",
	    "1e:00", "12:30 ", "ab:cd", "99:99"};
	unsigned minute;

	(void)state;
	assert_true(recurrence_time("00:00", &minute));
	assert_int_equal(minute, 0);
	assert_true(recurrence_time("23:59", &minute));
	assert_int_equal(minute, 1439);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(recurrence_time(bad[i], &minute));
	assert_true(recurrence_within(1200, 1200, 300));
	assert_true(recurrence_within(0, 1200, 300));
	assert_true(recurrence_within(299, 1200, 300));
	assert_false(recurrence_within(300, 1200, 300));
	assert_false(recurrence_within(1199, 1200, 300));
	assert_true(recurrence_within(300, 300, 1200));
	assert_false(recurrence_within(1200, 300, 1200));
	assert_false(recurrence_within(299, 300, 1200));
}

/* What a configuration that was never checked could hold. */
static void test_schedules_out_of_range(void **state)
{
	char time[] = "01:00", wrong[] = "25:00", cron[] = "61 * * * *";
	int days[] = {1, 8};
	const struct configuration_schedule cases[] = {
	    {.every = EVERY_CRON},
	    {.every = EVERY_CRON, .cron = cron},
	    {.every = EVERY_HOUR, .minute = 60},
	    {.every = EVERY_HOUR, .minute = -1},
	    {.every = EVERY_HOUR, .hours = 24},
	    {.every = EVERY_DAY},
	    {.every = EVERY_DAY, .at = wrong},
	    {.every = EVERY_WEEK, .at = time},
	    {.every = EVERY_WEEK, .at = time, .weekday = 8},
	    {.every = EVERY_WEEK, .at = time, .weekdays = days, .weekdays_count = 2},
	    {.every = EVERY_MONTH, .at = time},
	    {.every = EVERY_MONTH, .at = time, .day = 32},
	    {.every = (enum configuration_every)9, .at = time},
	};
	struct recurrence out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(recurrence_of(&out, &cases[i]), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_answers),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_long_expressions),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_never_due),
	    cmocka_unit_test(test_times_of_day),
	    cmocka_unit_test(test_clock_times),
	    cmocka_unit_test(test_schedules_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
