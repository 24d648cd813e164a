/* Which reports wait for whom, and when people are told, reminded and asked again. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/history.h"
#include "scheduler/notify_lost.h"
#include "scheduler/notify_news.h"
#include "scheduler/notify_outbox_internal.h"
#include "scheduler/notify_review.h"
#include "tests/unit/tell_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static const char *reviews_at(struct state *state, int64_t now)
{
	struct notify_results results = {0};
	size_t put;

	assert_int_equal(notify_review_put(&tell_place, state, now, &results, &put), ERR_OK);
	assert_int_equal(results.count, 0);
	assert_int_equal(put, tell_place_waiting());
	return tell_place_take();
}

static void test_review_is_told_reminded_and_escalated(void **unused)
{
	const int64_t ended = ledger_sample("", "", 1, 0).ended;
	struct state *state = tell_place_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	assert_string_equal(reviews_at(state, ended + 3 * DAY), "");
	assert_string_equal(reviews_at(state, ended + 3 * DAY + 1), "mail review_overdue website [kasubbag] r-1\n");
	assert_string_equal(reviews_at(state, ended + 3 * DAY + 2), "");
	state_close(state);
	state = tell_place_state();
	assert_string_equal(reviews_at(state, ended + 6 * DAY), "");
	/* set back, and right again: nothing is told twice */
	assert_string_equal(reviews_at(state, ended + DAY), "");
	assert_string_equal(reviews_at(state, ended + 6 * DAY), "");
	assert_string_equal(reviews_at(state, ended + 6 * DAY + 1), "mail review_overdue website [kasubbag] r-1\n");
	assert_string_equal(reviews_at(state, ended + 7 * DAY), "");
	assert_string_equal(
	    reviews_at(state, ended + 7 * DAY + 1), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	/* set back to before the escalation: that was told */
	assert_string_equal(reviews_at(state, ended + 5 * DAY), "");
	assert_string_equal(reviews_at(state, ended + 7 * DAY + 2), "");
	/* the reminder counts from when the clock was put right */
	assert_string_equal(
	    reviews_at(state, ended + 10 * DAY + 1), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	ledger_review("v-1", "r-1", "approved");
	assert_string_equal(reviews_at(state, ended + 20 * DAY), "");
	state_close(state);
}

static void test_clock_that_was_far_ahead_hushes_nothing(void **unused)
{
	const int64_t ended = ledger_sample("", "", 1, 0).ended;
	struct state *state = tell_place_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	reviews_at(state, ended + 5000 * DAY);
	assert_string_equal(reviews_at(state, ended + 8 * DAY), "");
	assert_string_equal(
	    reviews_at(state, ended + 11 * DAY), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	state_close(state);
}

static void test_many_reports_are_one_message_for_each_job(void **unused)
{
	const int64_t ended = ledger_sample("", "", 3, 0).ended;
	struct state *state = tell_place_state();

	(void)unused;
	ledger_runs(3);
	ledger_run("o-1", "other", 3, 4);
	assert_string_equal(reviews_at(state, ended + 3 * DAY + 1),
	    "mail review_overdue website [kasubbag] r-1 r-2 r-3\nmail review_overdue other [kasubbag] o-1\n");
	/* r-1 is escalated, later the next; the others are reminded of together */
	assert_string_equal(
	    reviews_at(state, ended + 5 * DAY + 1), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	assert_string_equal(reviews_at(state, ended + 6 * DAY + 1),
	    "mail review_overdue website [kasubbag sekretaris] r-2 r-3\nmail review_overdue other [kasubbag] o-1\n");
	state_close(state);
}

/* It was sent back on 2026-11-22T09:00:00Z: the performer has it now, and from then on counts what remind_after says. */
static void test_report_that_was_sent_back(void **unused)
{
	const int64_t returned = INT64_C(1795338000) * CLOCK_SECOND;
	struct state *state = tell_place_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	assert_string_equal(reviews_at(state, returned), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	ledger_review("v-1", "r-1", "returned");
	tell_place_configuration.notifications_count = 2;
	assert_string_equal(reviews_at(state, returned + 3 * DAY), "");
	assert_string_equal(reviews_at(state, returned + 3 * DAY + 1),
	    "mail review_overdue website [] r-1\nsecond review_overdue website [] r-1\n");
	assert_string_equal(reviews_at(state, returned + 3 * DAY + 2), "");
	state_close(state);
}

static void test_nobody_wants_it_is_not_told(void **unused)
{
	const int64_t ended = ledger_sample("", "", 1, 0).ended;
	struct state *state = tell_place_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	tell_place_channels[0].on = ON_FAILURE;
	assert_string_equal(reviews_at(state, ended + 4 * DAY), "");
	tell_place_channels[0].on = EVENTS_DEFAULT;
	assert_string_equal(reviews_at(state, ended + 4 * DAY), "mail review_overdue website [kasubbag] r-1\n");
	state_close(state);
}

static void test_reminders_of_reports_that_do_not_wait_go(void **unused)
{
	struct state_reminder kept = {.run_id = "b", .since = 5},
			      reminders[] = {{.run_id = "a", .since = 1, .stage = 1, .told = 7},
				  {.run_id = "b", .since = 5, .stage = 2, .told = 8},
				  {.run_id = "c", .since = 6, .stage = 1, .told = 9}};
	struct state *state = tell_place_state();

	(void)unused;
	assert_int_equal(state_reminder_set(state, reminders, 3), ERR_OK);
	assert_int_equal(state_reminder_keep(state, &kept, 1), ERR_OK);
	assert_int_equal(state_reminder_find(state, &kept), ERR_OK);
	assert_true(kept.stage == 2 && kept.told == 8);
	kept.since = 6;
	assert_int_equal(state_reminder_find(state, &kept), ERR_OK);
	assert_true(kept.stage == 0 && kept.told == 0);
	for (size_t i = 0; i < 3; i += 2) {
		assert_int_equal(state_reminder_find(state, &reminders[i]), ERR_OK);
		assert_int_equal(reminders[i].stage, 0);
	}
	assert_int_equal(state_reminder_keep(state, NULL, 0), ERR_OK);
	assert_int_equal(state_reminder_find(state, &reminders[1]), ERR_OK);
	assert_int_equal(reminders[1].stage, 0);
	state_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, tell_place_enter, ledger_leave)
	    TEST(test_review_is_told_reminded_and_escalated),
	    TEST(test_clock_that_was_far_ahead_hushes_nothing),
	    TEST(test_many_reports_are_one_message_for_each_job),
	    TEST(test_report_that_was_sent_back),
	    TEST(test_nobody_wants_it_is_not_told),
	    TEST(test_reminders_of_reports_that_do_not_wait_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
