/* What the scheduler tells of its own accord: what is remembered of it, what goes into the outbox without being sent, what is lost, and what
 * happens when memory runs out. */
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

/* ---- putting without sending ---- */

static void test_put_is_due_at_once(void **unused)
{
	const struct notify_event event = {.kind = NOTIFY_FAILURE, .job = "website", .run_id = "r-1", .time = 1};
	struct notify_outbox_watch watch = {0};
	struct notify_results results = {0};
	bool due;
	size_t put;

	(void)unused;
	tell_place_configuration.notifications_count = 3;
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now(), &due), ERR_OK);
	assert_false(due);
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 3);
	assert_int_equal(results.count, 0);
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now(), &due), ERR_OK);
	assert_true(due);
	/* by a clock that was set back by less than any pause it waits until then, by more it does not */
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now() - HOUR, &due), ERR_OK);
	assert_false(due);
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now() - DAY, &due), ERR_OK);
	assert_true(due);
	assert_string_equal(
	    tell_place_take(), "mail failure website []\nsecond failure website []\nwatch failure website []\n");
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now(), &due), ERR_OK);
	assert_false(due);
}

static void test_put_goes_to_those_who_want_it(void **unused)
{
	static char *only_other[] = {"other"};
	struct notify_event event = {.kind = NOTIFY_MISSED, .job = "website", .time = 1};
	struct notify_results results = {0};
	size_t put;

	(void)unused;
	tell_place_configuration.notifications_count = 3;
	tell_place_channels[0].jobs = only_other;
	tell_place_channels[0].jobs_count = 1;
	tell_place_channels[1].on = ON_FAILURE;
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
	event.job = "other";
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_string_equal(tell_place_take(), "mail missed other []\n");
}

static void test_further_people_get_it_once(void **unused)
{
	static const char *const ids[] = {"admin", "kasubbag", "sekretaris", "ketua", "gone"};
	const struct notify_event event = {
	    .kind = NOTIFY_REVIEW_OVERDUE, .job = "website", .time = 1, .people = ids, .people_count = 5};
	struct notify_results results = {0};
	size_t put;

	(void)unused;
	/* the admin is the channel's own, the head of the court has no address, nobody knows the last one */
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_string_equal(tell_place_take(), "mail review_overdue website [kasubbag sekretaris]\n");
	/* the address of the reviewer is in the second channel, under another name */
	tell_place_configuration.notifications_count = 3;
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 2);
	assert_string_equal(
	    tell_place_take(), "mail review_overdue website [sekretaris]\nsecond review_overdue website []\n");
	/* where that one does not want it, it does not count */
	tell_place_channels[1].on = ON_FAILURE;
	assert_int_equal(notify_put(&tell_place, &event, &results, &put), ERR_OK);
	assert_string_equal(tell_place_take(), "mail review_overdue website [kasubbag sekretaris]\n");
}

static void test_put_into_a_folder_that_is_none(void **unused)
{
	const struct notify_event event = {.kind = NOTIFY_FAILURE, .job = "website", .time = 1};
	const struct notify nowhere = {.configuration = &tell_place_configuration, .state_folder = "/proc/none"};
	struct notify_results results = {0};
	size_t put;

	(void)unused;
	assert_int_not_equal(notify_put(&nowhere, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
}

/* ---- what was lost ---- */

static void test_lost_until_the_channel_works(void **unused)
{
	struct notify_result result = {.channel = "mail"};
	struct notify_lost lost;
	char path[128];

	(void)unused;
	assert_int_equal(notify_lost_of(ledger_folder, "mail", &lost), ERR_OK);
	assert_int_equal(lost.count, 0);
	(fail)(PL_NOTIFY_DROPPED, "given up \xff");
	result.failure = *failure_last();
	assert_int_equal(notify_lost_add(ledger_folder, &result), ERR_OK);
	assert_int_equal(notify_lost_add(ledger_folder, &result), ERR_OK);
	assert_int_equal(notify_lost_of(ledger_folder, "mail", &lost), ERR_OK);
	assert_int_equal(lost.count, 2);
	assert_string_equal(lost.text, "given up \\xff");
	assert_true(lost.last > 0);
	assert_int_equal(notify_lost_of(ledger_folder, "other", &lost), ERR_OK);
	assert_int_equal(lost.count, 0);
	snprintf(path, sizeof(path), "%s/notify/lost/mail.json", ledger_folder);
	assert_int_equal(file_replace(path, "{", 1, 0600), ERR_OK);
	assert_int_equal(notify_lost_of(ledger_folder, "mail", &lost), ERR_OK);
	assert_int_equal(lost.count, 1);
	notify_lost_forget(ledger_folder, "mail");
	assert_int_equal(notify_lost_of(ledger_folder, "mail", &lost), ERR_OK);
	assert_int_equal(lost.count, 0);
}

/* ---- news ---- */

static void queue(struct state *state, int64_t planned, uint64_t missed, struct state_run *run)
{
	bool queued;

	*run = (struct state_run){
	    .job = "website", .trigger = "catch_up", .planned = planned, .missed = missed, .attempt = 1};
	assert_int_equal(state_queue(state, run, &queued), ERR_OK);
	assert_true(queued);
}

static void test_missed_times_are_told_once(void **unused)
{
	struct state *state = tell_place_state();
	struct notify_results results = {0};
	struct state_run run;
	size_t put;

	(void)unused;
	queue(state, 1000 * DAY, 0, &run); /* in time */
	assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
	queue(state, 1004 * DAY, 4, &run);
	state_close(state); /* a crash before it is told */
	state = tell_place_state();
	assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
	assert_int_equal(put, 1);
	assert_string_equal(
	    tell_place_take(), "mail missed website [] Planned times that passed without a run of their own\n");
	state_close(state);
	state = tell_place_state();
	assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
	state_close(state);
}

static void test_run_that_was_cut_off(void **unused)
{
	struct record record = ledger_sample("r-1", "website", 2, 0);
	struct buffer original = {0};
	struct notify_outbox outbox;
	struct notify_message message = {0};
	struct notify_results results = {0};
	struct state *state = tell_place_state();
	struct state_list list = {0};
	struct state_run run;
	size_t put;

	(void)unused;
	ledger_run("r-0", "website", 1, 1);
	record.status = RECORD_FAILED;
	record.result = NULL;
	(fail)(PL_RUN_CUT_OFF, "the run r-1 was cut off");
	failure_take(&record.failure);
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &original), ERR_OK);
	queue(state, 1000 * DAY, 0, &run);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_int_equal(state_start(state, list.items[0].id, "r-1", 1), ERR_OK);
	assert_int_equal(state_end(state, list.items[0].id, 2, "cut_off", true, NULL), ERR_OK);
	tell_place_configuration.notifications_count = 3;
	tell_place_channels[0].mail->attach_report = true;
	assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
	assert_int_equal(put, 3);
	assert_int_equal(notify_outbox_open(&outbox, ledger_folder), ERR_OK);
	assert_int_equal(notify_outbox_load(&outbox, 0, &message), ERR_OK);
	assert_int_equal(message.kind, NOTIFY_FAILURE);
	assert_int_equal(message.failure_id, PL_RUN_CUT_OFF);
	assert_string_equal(message.failure_text, "the run r-1 was cut off");
	assert_string_equal(message.run_id, "r-1");
	assert_string_equal(message.attachment_name, "r-1.txt");
	assert_true(strlen(message.attachment_hex) > 1000);
	assert_true(message.last_good == ledger_sample("", "", 1, 0).ended);
	notify_message_free(&message);
	notify_outbox_close(&outbox);
	assert_string_equal(
	    tell_place_take(), "mail failure website []\nsecond failure website []\nwatch failure website []\n");
	tell_place_channels[0].mail->attach_report = false;
	state_list_free(&list);
	buffer_free(&original);
	state_close(state);
}

/* ---- history ---- */

static struct history history(const char *job)
{
	struct record_ledger *ledger;
	struct history out;

	assert_int_equal(record_ledger_open(&ledger, ledger_folder, false), ERR_OK);
	assert_int_equal(history_of_job(ledger, job, &out), ERR_OK);
	record_ledger_close(ledger);
	return out;
}

static void test_history(void **unused)
{
	struct record record = ledger_sample("r-3", "website", 3, 0);
	struct buffer original = {0};
	struct history found = history("website");

	(void)unused;
	assert_string_equal(found.id, "");
	assert_true(found.good_ended == HISTORY_UNKNOWN && found.started == HISTORY_UNKNOWN);
	ledger_run("r-1", "website", 1, 1);
	record.id = "r-2";
	record.status = RECORD_NOTES;
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &original), ERR_OK);
	ledger_run("o-1", "other", 9, 1);
	found = history("website");
	assert_string_equal(found.result, "success_with_notes");
	assert_true(found.good_started == record.started && found.good_ended == record.ended);
	record = ledger_sample("r-3", "website", 4, 0);
	record.status = RECORD_FAILED;
	(fail)(PL_RUN_CUT_OFF, "why");
	failure_take(&record.failure);
	assert_int_equal(record_ledger_append(ledger_folder, &record, ledger_keys, &original), ERR_OK);
	found = history("website");
	assert_string_equal(found.id, "r-3");
	assert_string_equal(found.result, "failed");
	assert_string_equal(found.failure, "why");
	assert_string_equal(found.trigger, "manual");
	assert_true(found.started == record.started && found.ended == record.ended);
	assert_true(found.good_started == ledger_sample("", "", 3, 0).started);
	assert_int_equal(found.damaged, 0);
	assert_int_equal(ledger_edit(false, "UPDATE record SET original = x'00' WHERE id = 'r-3'"), 0);
	found = history("website");
	assert_true(found.damaged > 0);
	assert_true(found.good_started == ledger_sample("", "", 3, 0).started);
	buffer_free(&original);
}

/* ---- memory ---- */

static void test_memory_runs_out(void **unused)
{
	const int64_t now = ledger_sample("", "", 9, 0).ended;
	bool whole = false;

	(void)unused;
	tell_place_configuration.notifications_count = 3;
	ledger_runs(2);
	for (unsigned long n = 1; !whole; n++) {
		struct notify_results results = {0};
		struct notify_outbox_watch watch = {0};
		struct state *state = tell_place_state();
		struct state_run run;
		size_t put = 0, reviews = 0;
		enum err err;
		bool due;

		queue(state, 1000 * DAY + (int64_t)n, 1, &run);
		mem_fail_at(n);
		err = notify_news_put(&tell_place, state, &results, &put);
		if (err == ERR_OK)
			err = notify_review_put(&tell_place, state, now, &results, &reviews);
		if (err == ERR_OK)
			err = notify_outbox_due(&watch, ledger_folder, clock_now(), &due);
		whole = mem_count() < n;
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(!whole || (err == ERR_OK && due));
		/* What was not told is told now; nothing of it is forgotten. */
		if (err != ERR_OK)
			assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
		assert_int_equal(notify_news_put(&tell_place, state, &results, &put), ERR_OK);
		assert_int_equal(put, 0);
		if (reviews == 0)
			assert_int_equal(notify_review_put(&tell_place, state, now, &results, &reviews), ERR_OK);
		assert_non_null(strstr(tell_place_take(), "missed website"));
		assert_int_equal(state_reminder_keep(state, NULL, 0), ERR_OK);
		notify_results_free(&results);
		state_close(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, tell_place_enter, ledger_leave)
	    TEST(test_put_is_due_at_once),
	    TEST(test_put_goes_to_those_who_want_it),
	    TEST(test_further_people_get_it_once),
	    TEST(test_put_into_a_folder_that_is_none),
	    TEST(test_lost_until_the_channel_works),
	    TEST(test_missed_times_are_told_once),
	    TEST(test_run_that_was_cut_off),
	    TEST(test_history),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
