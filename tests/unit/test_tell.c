/* What the scheduler tells of its own accord: what is remembered of it, when a report is told of and to whom, what goes into the outbox without
 * being sent, what is lost, and what happens when memory runs out. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/history.h"
#include "scheduler/notify_lost.h"
#include "scheduler/notify_news.h"
#include "scheduler/notify_outbox_internal.h"
#include "scheduler/notify_review.h"
#include "tests/unit/ledger_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct configuration_person people[] = {
    {.id = "admin", .name = "Nama Admin", .position = "Operator", .role = ROLE_OPERATOR, .email = "admin@example.org"},
    {.id = "kasubbag",
	.name = "Nama Kasubbag",
	.position = "Kasub Bag",
	.role = ROLE_REVIEWER,
	.email = "k@example.org"},
    {.id = "sekretaris",
	.name = "Nama Sekretaris",
	.position = "Sekretaris",
	.role = ROLE_HEAD,
	.email = "s@example.org"},
    {.id = "ketua", .name = "Nama Ketua", .position = "Ketua", .role = ROLE_HEAD},
    {.id = "same", .name = "Nama Lain", .position = "Staf", .role = ROLE_OPERATOR, .email = "k@example.org"},
};
static struct configuration_job jobs[] = {
    {.name = "website", .performer = "admin", .reviewer = "kasubbag"},
    {.name = "other", .performer = "admin", .reviewer = "kasubbag"},
};
static char *admin[] = {"admin"}, *same[] = {"same"}, *only_other[] = {"other"};
static struct configuration_mail first = {.server = "x", .from = "p@example.org", .people = admin, .people_count = 1};
static struct configuration_mail second = {.server = "x", .from = "p@example.org", .people = same, .people_count = 1};
static struct configuration_ping ping = {.url = "http://127.0.0.1:1/x"};
static struct configuration_channel channels[3];
static struct configuration configuration = {
    .file = "pulih.yaml",
    .office = {.name = "Pengadilan Agama Ternate", .timezone = "Asia/Jayapura"},
    .people = people,
    .people_count = 5,
    .jobs = jobs,
    .jobs_count = 2,
    .notifications = channels,
};
static const struct notify notify = {.configuration = &configuration, .state_folder = ledger_folder};

/* One mail channel to the admin, unless a test adds others. */
static int enter(void **state)
{
	memset(channels, 0, sizeof(channels));
	channels[0] = (struct configuration_channel){.name = "mail", .on = EVENTS_DEFAULT, .mail = &first};
	channels[1] = (struct configuration_channel){.name = "second", .on = EVENTS_DEFAULT, .mail = &second};
	channels[2] = (struct configuration_channel){.name = "watch", .on = ON_FAILURE, .ping = &ping};
	configuration.notifications_count = 1;
	configuration.office.language = LANGUAGE_ENGLISH;
	return ledger_enter(state);
}

static struct state *open_state(void)
{
	struct state *state;

	assert_int_equal(state_open(&state, ledger_folder, true), ERR_OK);
	return state;
}

/* ---- what waits in the outbox ---- */

static size_t waiting(void)
{
	size_t count;

	assert_int_equal(notify_outbox_count(ledger_folder, &count), ERR_OK);
	return count;
}

static void empty_outbox(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/notify", ledger_folder);
	assert_int_equal(file_remove_tree(path), ERR_OK);
}

/* "mail review_overdue website [kasubbag sekretaris] r-1 r-2\n", one line for each message, the oldest first; the outbox is empty then. */
static const char *take_outbox(void)
{
	static char text[4096];
	struct notify_outbox outbox;
	size_t length = 0;

	text[0] = '\0';
	assert_int_equal(notify_outbox_open(&outbox, ledger_folder), ERR_OK);
	for (size_t i = 0; i < outbox.count; i++) {
		struct notify_message message = {0};
		json_t *item;
		size_t k;

		assert_int_equal(notify_outbox_load(&outbox, i, &message), ERR_OK);
		assert_int_equal(message.attempts, 0);
		assert_true(message.next == message.created && message.created > 0);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s %s [", message.channel,
		    notify_kind_name(message.kind), message.job);
		json_array_foreach(message.people, k, item)
		{
			length += (size_t)snprintf(
			    text + length, sizeof(text) - length, "%s%s", k ? " " : "", json_string_value(item));
		}
		length += (size_t)snprintf(text + length, sizeof(text) - length, "]");
		json_array_foreach(message.lines, k, item)
		{
			const char *line = json_string_value(item);

			length += (size_t)snprintf(
			    text + length, sizeof(text) - length, " %.*s", (int)strcspn(line, ":"), line);
		}
		length += (size_t)snprintf(text + length, sizeof(text) - length, "\n");
		notify_message_free(&message);
	}
	notify_outbox_close(&outbox);
	empty_outbox();
	return text;
}

/* ---- putting without sending ---- */

static void test_put_is_due_at_once(void **unused)
{
	const struct notify_event event = {.kind = NOTIFY_FAILURE, .job = "website", .run_id = "r-1", .time = 1};
	struct notify_outbox_watch watch = {0};
	struct notify_results results = {0};
	bool due;
	size_t put;

	(void)unused;
	configuration.notifications_count = 3;
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now(), &due), ERR_OK);
	assert_false(due);
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
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
	    take_outbox(), "mail failure website []\nsecond failure website []\nwatch failure website []\n");
	assert_int_equal(notify_outbox_due(&watch, ledger_folder, clock_now(), &due), ERR_OK);
	assert_false(due);
}

static void test_put_goes_to_those_who_want_it(void **unused)
{
	struct notify_event event = {.kind = NOTIFY_MISSED, .job = "website", .time = 1};
	struct notify_results results = {0};
	size_t put;

	(void)unused;
	configuration.notifications_count = 3;
	channels[0].jobs = only_other;
	channels[0].jobs_count = 1;
	channels[1].on = ON_FAILURE;
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
	event.job = "other";
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
	assert_string_equal(take_outbox(), "mail missed other []\n");
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
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
	assert_string_equal(take_outbox(), "mail review_overdue website [kasubbag sekretaris]\n");
	/* the address of the reviewer is in the second channel, under another name */
	configuration.notifications_count = 3;
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
	assert_int_equal(put, 2);
	assert_string_equal(
	    take_outbox(), "mail review_overdue website [sekretaris]\nsecond review_overdue website []\n");
	/* where that one does not want it, it does not count */
	channels[1].on = ON_FAILURE;
	assert_int_equal(notify_put(&notify, &event, &results, &put), ERR_OK);
	assert_string_equal(take_outbox(), "mail review_overdue website [kasubbag sekretaris]\n");
}

static void test_put_into_a_folder_that_is_none(void **unused)
{
	const struct notify_event event = {.kind = NOTIFY_FAILURE, .job = "website", .time = 1};
	const struct notify nowhere = {.configuration = &configuration, .state_folder = "/proc/none"};
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
	struct state *state = open_state();
	struct notify_results results = {0};
	struct state_run run;
	size_t put;

	(void)unused;
	queue(state, 1000 * DAY, 0, &run); /* in time */
	assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
	assert_int_equal(put, 0);
	queue(state, 1004 * DAY, 4, &run);
	state_close(state); /* a crash before it is told */
	state = open_state();
	assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
	assert_int_equal(put, 1);
	assert_string_equal(
	    take_outbox(), "mail missed website [] Planned times that passed without a run of their own\n");
	state_close(state);
	state = open_state();
	assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
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
	struct state *state = open_state();
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
	configuration.notifications_count = 3;
	first.attach_report = true;
	assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
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
	    take_outbox(), "mail failure website []\nsecond failure website []\nwatch failure website []\n");
	first.attach_report = false;
	state_list_free(&list);
	buffer_free(&original);
	state_close(state);
}

/* ---- reviews ---- */

static const char *reviews_at(struct state *state, int64_t now)
{
	struct notify_results results = {0};
	size_t put;

	assert_int_equal(notify_review_put(&notify, state, now, &results, &put), ERR_OK);
	assert_int_equal(results.count, 0);
	assert_int_equal(put, waiting());
	return take_outbox();
}

static void test_review_is_told_reminded_and_escalated(void **unused)
{
	const int64_t ended = ledger_sample("", "", 1, 0).ended;
	struct state *state = open_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	assert_string_equal(reviews_at(state, ended + 3 * DAY), "");
	assert_string_equal(reviews_at(state, ended + 3 * DAY + 1), "mail review_overdue website [kasubbag] r-1\n");
	assert_string_equal(reviews_at(state, ended + 3 * DAY + 2), "");
	state_close(state);
	state = open_state();
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
	struct state *state = open_state();

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
	struct state *state = open_state();

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
	struct state *state = open_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	assert_string_equal(reviews_at(state, returned), "mail review_overdue website [kasubbag sekretaris] r-1\n");
	ledger_review("v-1", "r-1", "returned");
	configuration.notifications_count = 2;
	assert_string_equal(reviews_at(state, returned + 3 * DAY), "");
	assert_string_equal(reviews_at(state, returned + 3 * DAY + 1),
	    "mail review_overdue website [] r-1\nsecond review_overdue website [] r-1\n");
	assert_string_equal(reviews_at(state, returned + 3 * DAY + 2), "");
	state_close(state);
}

static void test_nobody_wants_it_is_not_told(void **unused)
{
	const int64_t ended = ledger_sample("", "", 1, 0).ended;
	struct state *state = open_state();

	(void)unused;
	ledger_run("r-1", "website", 1, 1);
	channels[0].on = ON_FAILURE;
	assert_string_equal(reviews_at(state, ended + 4 * DAY), "");
	channels[0].on = EVENTS_DEFAULT;
	assert_string_equal(reviews_at(state, ended + 4 * DAY), "mail review_overdue website [kasubbag] r-1\n");
	state_close(state);
}

static void test_reminders_of_reports_that_do_not_wait_go(void **unused)
{
	struct state_reminder kept = {.run_id = "b", .since = 5},
			      reminders[] = {{.run_id = "a", .since = 1, .stage = 1, .told = 7},
				  {.run_id = "b", .since = 5, .stage = 2, .told = 8},
				  {.run_id = "c", .since = 6, .stage = 1, .told = 9}};
	struct state *state = open_state();

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
	configuration.notifications_count = 3;
	ledger_runs(2);
	for (unsigned long n = 1; !whole; n++) {
		struct notify_results results = {0};
		struct notify_outbox_watch watch = {0};
		struct state *state = open_state();
		struct state_run run;
		size_t put = 0, reviews = 0;
		enum err err;
		bool due;

		queue(state, 1000 * DAY + (int64_t)n, 1, &run);
		mem_fail_at(n);
		err = notify_news_put(&notify, state, &results, &put);
		if (err == ERR_OK)
			err = notify_review_put(&notify, state, now, &results, &reviews);
		if (err == ERR_OK)
			err = notify_outbox_due(&watch, ledger_folder, clock_now(), &due);
		whole = mem_count() < n;
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(!whole || (err == ERR_OK && due));
		/* What was not told is told now; nothing of it is forgotten. */
		if (err != ERR_OK)
			assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
		assert_int_equal(notify_news_put(&notify, state, &results, &put), ERR_OK);
		assert_int_equal(put, 0);
		if (reviews == 0)
			assert_int_equal(notify_review_put(&notify, state, now, &results, &reviews), ERR_OK);
		assert_non_null(strstr(take_outbox(), "missed website"));
		assert_int_equal(state_reminder_keep(state, NULL, 0), ERR_OK);
		notify_results_free(&results);
		state_close(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, ledger_leave)
	    TEST(test_put_is_due_at_once),
	    TEST(test_put_goes_to_those_who_want_it),
	    TEST(test_further_people_get_it_once),
	    TEST(test_put_into_a_folder_that_is_none),
	    TEST(test_lost_until_the_channel_works),
	    TEST(test_missed_times_are_told_once),
	    TEST(test_run_that_was_cut_off),
	    TEST(test_review_is_told_reminded_and_escalated),
	    TEST(test_clock_that_was_far_ahead_hushes_nothing),
	    TEST(test_many_reports_are_one_message_for_each_job),
	    TEST(test_report_that_was_sent_back),
	    TEST(test_nobody_wants_it_is_not_told),
	    TEST(test_reminders_of_reports_that_do_not_wait_go),
	    TEST(test_history),
	    TEST(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
