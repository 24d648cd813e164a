/* Which snapshots a policy keeps: counted by hand, and against a slow definition over random ones. */
#include "scheduler/retention.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#define HOUR (3600 * CLOCK_SECOND)
#define DAY (24 * HOUR)
#define MOST 400

static struct snapshot snapshots[MOST];
static struct retention_choice choices[MOST];

/* One every `step`, the newest at `newest`; the i-th is older by i steps. */
static void make(size_t count, const char *newest, int64_t step)
{
	int64_t time;

	assert_true(clock_parse(newest, &time));
	for (size_t i = 0; i < count; i++) {
		snapshots[i] = (struct snapshot){
		    .host = (char *)"host", .job = (char *)"job", .arrived = time - (int64_t)i * step};
		snapshots[i].id[0] = (uint8_t)i;
		snapshots[i].id[1] = (uint8_t)(i >> 8);
		choices[i] = (struct retention_choice){.snapshot = &snapshots[i]};
	}
}

static size_t kept(size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		kept += choices[i].keep;
	return kept;
}

static const struct retention_choice *choice_of(size_t count, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < count; i++)
		if (choices[i].snapshot == snapshot)
			return &choices[i];
	fail_msg("it is gone");
	return NULL;
}

static void test_each_rule(void **unused)
{
	const struct retention last = {.last = 3}, daily = {.daily = 4}, weekly = {.weekly = 2},
			       within = {.within = "2d"};

	(void)unused;
	make(48, "2026-11-22T23:30:00+09:00", HOUR);
	retention_decide(&last, choices, 48);
	assert_int_equal(kept(48), 3);
	assert_ptr_equal(choices[0].snapshot, &snapshots[0]);
	assert_string_equal(choices[2].reasons, "last");
	/* two days of the office's clock, and the oldest, the rule not being used up */
	retention_decide(&daily, choices, 48);
	assert_int_equal(kept(48), 3);
	assert_true(choice_of(48, &snapshots[0])->keep && choice_of(48, &snapshots[24])->keep);
	assert_string_equal(choice_of(48, &snapshots[47])->reasons, "oldest daily");
	retention_decide(&within, choices, 48);
	assert_int_equal(kept(48), 48);
	make(30, "2026-11-22T01:00:00+09:00", DAY); /* a Sunday: the week before ends on the 15th */
	retention_decide(&weekly, choices, 30);
	assert_int_equal(kept(30), 2);
	assert_true(choice_of(30, &snapshots[7])->keep);
	retention_decide(&(const struct retention){.monthly = 2, .yearly = 1}, choices, 30);
	assert_string_equal(choice_of(30, &snapshots[0])->reasons, "monthly, yearly");
	assert_string_equal(choice_of(30, &snapshots[22])->reasons, "monthly"); /* 31 October */
	assert_int_equal(kept(30), 2);
	retention_decide(&(const struct retention){.within = "1m"}, choices, 30);
	assert_int_equal(kept(30), 30);
	retention_decide(&(const struct retention){.within = "1w"}, choices, 30);
	assert_int_equal(kept(30), 8);
}

/* A dead battery sets the clock to anything: one good run under it must not cost all the others. */
static void test_clock_that_was_years_ahead(void **unused)
{
	const struct retention within = {.within = "30d"};

	(void)unused;
	make(48, "2026-11-22T01:00:00+09:00", DAY);
	for (size_t i = 0; i < 3; i++)
		snapshots[i].arrived += 5000 * DAY;
	retention_decide(&within, choices, 48);
	assert_int_equal(kept(48), 3 + 31);
	assert_true(choice_of(48, &snapshots[0])->keep && choice_of(48, &snapshots[2])->keep);
	assert_true(choice_of(48, &snapshots[3])->keep && choice_of(48, &snapshots[33])->keep);
	assert_false(choice_of(48, &snapshots[34])->keep);
	/* Only once: what yearly rules leave is not kept by it for ever. */
	make(10, "2026-11-22T01:00:00+09:00", 800 * DAY);
	retention_decide(&within, choices, 10);
	assert_int_equal(kept(10), 2);
}

/* Copied to another disk, all of them were received on one day. */
static void test_copied_repository(void **unused)
{
	const struct retention policy = {.daily = 14, .monthly = 3};
	int64_t copied;

	(void)unused;
	make(60, "2026-11-22T01:00:00+09:00", DAY);
	copied = snapshots[0].arrived + 3 * HOUR;
	for (size_t i = 0; i < 60; i++) {
		snapshots[i].ended = snapshots[i].arrived;
		snapshots[i].arrived = copied + (int64_t)i;
	}
	retention_decide(&policy, choices, 60);
	for (size_t i = 0; i < 14; i++)
		assert_true(choice_of(60, &snapshots[i])->keep);
	assert_true(choice_of(60, &snapshots[22])->keep && choice_of(60, &snapshots[53])->keep);
	/* By the time of the copy: the last of that day and month, and the oldest. */
	assert_true(choice_of(60, &snapshots[59])->keep);
	assert_int_equal(kept(60), 14 + 2 + 1);
	/* In whatever order it was copied, of those that are whole the newest stays. */
	snapshots[0].partial = true;
	retention_decide(&(const struct retention){.last = 1}, choices, 60);
	assert_string_equal(choice_of(60, &snapshots[1])->reasons, "last good one");
}

/* Whoever may write cannot make others go by times of his own. */
static void test_own_time_only_keeps(void **unused)
{
	(void)unused;
	make(30, "2026-11-22T01:00:00+09:00", DAY);
	for (size_t i = 0; i < 30; i++)
		snapshots[i].ended = snapshots[i].arrived;
	for (size_t i = 0; i < 3; i++)
		snapshots[i].ended += (int64_t)(5000 + i) * DAY;
	retention_decide(&(const struct retention){.daily = 5}, choices, 30);
	for (size_t i = 0; i < 5; i++)
		assert_true(choice_of(30, &snapshots[i])->keep);
}

static void test_last_good_one_stays(void **unused)
{
	(void)unused;
	make(5, "2026-11-22T01:00:00+09:00", DAY);
	snapshots[0].partial = snapshots[1].partial = snapshots[2].partial = true;
	retention_decide(&(const struct retention){.last = 1}, choices, 5);
	assert_int_equal(kept(5), 2);
	assert_string_equal(choice_of(5, &snapshots[3])->reasons, "last good one");
	for (size_t i = 0; i < 5; i++)
		snapshots[i].partial = true;
	retention_decide(&(const struct retention){.tags = (const char *const[]){"x", NULL}}, choices, 5);
	assert_int_equal(kept(5), 1);
	assert_string_equal(choices[0].reasons, "last one");
	retention_decide(&(const struct retention){.last = 1}, choices, 0);
}

static void test_tags_and_groups(void **unused)
{
	char *tags[] = {(char *)"monthly"}, *paths[] = {(char *)"/srv"};
	struct snapshot a = {.host = (char *)"h", .job = (char *)""}, b = a;

	(void)unused;
	make(5, "2026-11-22T01:00:00+09:00", DAY);
	snapshots[4].tags = tags;
	snapshots[4].tags_count = 1;
	retention_decide(
	    &(const struct retention){.last = 1, .tags = (const char *const[]){"other", "monthly", NULL}}, choices, 5);
	assert_int_equal(kept(5), 2);
	assert_string_equal(choice_of(5, &snapshots[4])->reasons, "tag");
	assert_true(retention_same_group(&a, &b));
	a.paths = paths;
	a.paths_count = 1;
	assert_false(retention_same_group(&a, &b)); /* ad-hoc: by what was backed up */
	a.job = b.job = (char *)"job";
	assert_true(retention_same_group(&a, &b));
	a.host = (char *)"other";
	assert_false(retention_same_group(&a, &b));
}

static void test_years_of_days(void **unused)
{
	const struct retention policy = {.daily = 14, .weekly = 8, .monthly = 24};

	(void)unused;
	make(MOST, "2026-11-22T01:00:00+09:00", DAY);
	retention_decide(&policy, choices, MOST);
	for (size_t i = 0; i < MOST; i++) {
		const struct retention_choice *choice = choice_of(MOST, &snapshots[i]);
		time_t seconds = (time_t)(snapshots[i].arrived / CLOCK_SECOND), next = seconds + 86400;
		struct tm now, after;
		bool expected;

		localtime_r(&seconds, &now);
		localtime_r(&next, &after);
		/* one a day: the last of a week is a Sunday, the last of a month has the first behind it */
		expected = i < 14 || (i < 8 * 7 && now.tm_wday == 0) || after.tm_mday == 1 || i + 1 == MOST;
		assert_int_equal(choice->keep, expected);
	}
}

static void test_spans(void **unused)
{
	static const char *const good[] = {"1h", "90d", "999999y"},
				 *const bad[] = {"", "d", "0d", "5", "5x", "1234567d", "-1d", "5dd"};

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(retention_within_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(retention_within_valid(bad[i]));
	assert_false(retention_keeps(&(const struct retention){0}));
	assert_false(retention_keeps(&(const struct retention){.tags = (const char *const[]){NULL}}));
	assert_true(retention_keeps(&(const struct retention){.yearly = 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_rule),
	    cmocka_unit_test(test_clock_that_was_years_ahead),
	    cmocka_unit_test(test_copied_repository),
	    cmocka_unit_test(test_own_time_only_keeps),
	    cmocka_unit_test(test_last_good_one_stays),
	    cmocka_unit_test(test_tags_and_groups),
	    cmocka_unit_test(test_years_of_days),
	    cmocka_unit_test(test_spans),
	};

	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
