/* What the scheduler decides: simulated years with power cuts at random moments, the queue, retries, a clock that is set. And what it remembers,
 * against a model in memory: each planned time is queued once, whatever happens. */
#include "scheduler/plan.h"
#include "scheduler/state.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define ZONE "Asia/Jayapura"

static struct configuration_schedule daily = {.every = EVERY_DAY, .at = "01:00"};
static struct configuration_schedule monthly = {.every = EVERY_MONTH, .day = 30, .at = "03:00"};
static struct configuration_window night = {"20:00", "05:00"};
static struct configuration_schedule nightly = {.every = EVERY_DAY, .at = "01:00", .window = &night};

static struct calendar *calendar_of(const struct configuration_schedule *schedule)
{
	struct calendar *calendar;

	assert_int_equal(calendar_new(&calendar, schedule, ZONE), ERR_OK);
	return calendar;
}

static int64_t at(const char *text)
{
	int64_t time;

	assert_true(clock_parse(text, &time));
	return time;
}

static char *new_folder(void)
{
	char *folder = mem_string("/tmp/pulih-plan-XXXXXX");

	assert_non_null(mkdtemp(folder));
	return folder;
}

static void remove_folder(char *folder)
{
	assert_int_equal(file_remove_tree(folder), ERR_OK);
	mem_free(folder);
}

static struct state *open_state(const char *folder)
{
	struct state *state;

	assert_int_equal(state_open(&state, folder, true), ERR_OK);
	return state;
}

/* ---- what is due ---- */

static void test_on_time_and_late(void **unused)
{
	struct calendar *calendar = calendar_of(&daily);
	int64_t night_of_22 = at("2026-11-22T01:00:00+09:00");
	struct plan_due due;

	(void)unused;
	assert_false(plan_due(calendar, night_of_22 - DAY, night_of_22 - 1).due);
	due = plan_due(calendar, night_of_22 - DAY, night_of_22);
	assert_true(due.due && !due.late);
	assert_int_equal(due.planned, night_of_22);
	assert_int_equal(due.missed, 0);
	due = plan_due(calendar, night_of_22 - DAY, night_of_22 + PLAN_LATE + 1);
	assert_true(due.due && due.late);
	assert_int_equal(due.missed, 1);
	/* three nights without power, and back at the fourth: one run, on time, which makes up for three */
	due = plan_due(calendar, night_of_22 - 4 * DAY, night_of_22 + MINUTE);
	assert_true(due.due && !due.late);
	assert_int_equal(due.missed, 3);
	due = plan_due(calendar, night_of_22 - 4 * DAY, night_of_22 + HOUR);
	assert_true(due.late);
	assert_int_equal(due.planned, night_of_22);
	assert_int_equal(due.missed, 4);
	/* a clock that was set back */
	assert_false(plan_due(calendar, night_of_22, night_of_22 - 40 * DAY).due);
	calendar_free(calendar);
}

static void test_queue(void **unused)
{
	struct calendar *calendar = calendar_of(&nightly);
	int64_t now = at("2026-11-22T12:00:00+09:00"), evening = at("2026-11-22T20:00:00+09:00");
	struct plan_entry entries[] = {
	    {.job = "a", .planned = now - HOUR, .priority = 0},
	    {.job = "b", .planned = now - 2 * HOUR, .priority = 0},
	    {.job = "c", .planned = now, .priority = 5, .not_before = now + 7 * MINUTE},
	    {.job = "d", .planned = now - DAY, .priority = 9, .calendar = calendar},
	};

	(void)unused;
	assert_int_equal(plan_pick(entries, 4, 1, now), 1);
	assert_int_equal(plan_pick(entries, 4, 1, now + 7 * MINUTE), 2);
	assert_int_equal(plan_pick(entries, 4, 1, evening), 3);
	assert_int_equal(plan_wake(entries, 4, now), now + 7 * MINUTE);
	assert_int_equal(plan_wake(entries, 4, now + HOUR), evening);
	entries[1].running = true;
	assert_int_equal(plan_pick(entries, 4, 1, now), PLAN_NONE);
	assert_int_equal(plan_pick(entries, 4, 2, now), 0);
	entries[0].job = "b"; /* one run of a job at a time */
	assert_int_equal(plan_pick(entries, 4, 2, now), PLAN_NONE);
	assert_int_equal(plan_pick(entries, 0, 1, now), PLAN_NONE);
	assert_int_equal(plan_wake(entries, 0, now), CALENDAR_NEVER);
	calendar_free(calendar);
}

static void test_again(void **unused)
{
	(void)unused;
	assert_int_equal(plan_again(0, 1, 5 * MINUTE), 5 * MINUTE);
	assert_int_equal(plan_again(0, 2, 5 * MINUTE), 10 * MINUTE);
	assert_int_equal(plan_again(0, 5, 5 * MINUTE), 80 * MINUTE);
	assert_int_equal(plan_again(0, 6, 5 * MINUTE), PLAN_PAUSE_MAX);
	assert_int_equal(plan_again(0, 4000000000u, 5 * MINUTE), PLAN_PAUSE_MAX);
	assert_int_equal(plan_again(7, 1, 3 * DAY), 7 + PLAN_PAUSE_MAX);
	assert_true(plan_may_pass("io") && plan_may_pass("no_space") && plan_may_pass("no_repository"));
	assert_false(plan_may_pass("key") || plan_may_pass("config") || plan_may_pass("corrupt") || plan_may_pass(""));
}

/* ---- what is remembered ---- */

static struct state_run run_of(const char *job, const struct plan_due *due)
{
	struct state_run run = {.planned = due->planned, .missed = due->missed, .attempt = 1};

	snprintf(run.job, sizeof(run.job), "%s", job);
	snprintf(run.trigger, sizeof(run.trigger), "%s", due->late ? "catch_up" : "scheduled");
	return run;
}

/* One look at the clock, as the daemon does it; true where something was queued. */
static bool look(struct state *state, const char *job, const struct calendar *calendar, int64_t now, uint64_t *missed)
{
	struct plan_due due;
	struct state_run run;
	int64_t since;
	bool queued;

	*missed = 0;
	assert_int_equal(state_see_job(state, job, "words", now, &since), ERR_OK);
	due = plan_due(calendar, since, now);
	if (!due.due)
		return false;
	run = run_of(job, &due);
	assert_int_equal(state_queue(state, &run, &queued), ERR_OK);
	*missed = queued ? run.missed : 0;
	return queued;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

/* A year with power cuts: the machine is off for hours or days, several times a month. Every planned time is done, or counted as one that a
 * later run makes up for; none twice. */
static void simulate(const struct configuration_schedule *schedule, uint64_t seed)
{
	struct calendar *calendar = calendar_of(schedule);
	char *folder = new_folder();
	struct state *state = open_state(folder);
	int64_t now = at("2026-01-01T12:00:00+09:00"), end = now + 365 * DAY, begin = now, latest;
	uint64_t missed, made = 0, counted = 0, planned;

	assert_false(look(state, "job", calendar, now, &missed)); /* new: nothing is missed */
	while (now < end) {
		struct state_list list = {0};

		now += next_random(&seed) % 9 == 0 ? (int64_t)(next_random(&seed) % 100) * HOUR
						   : (int64_t)(next_random(&seed) % 120 + 1) * MINUTE;
		if (next_random(&seed) % 50 == 0) { /* killed */
			state_close(state);
			state = open_state(folder);
		}
		if (look(state, "job", calendar, now, &missed)) {
			made++;
			counted += missed;
		}
		assert_int_equal(state_open_runs(state, &list), ERR_OK);
		assert_true(list.count <= 1);
		if (list.count == 1) {
			char id[40];

			counted += strcmp(list.items[0].trigger, "scheduled") == 0;
			snprintf(id, sizeof(id), "run-%llu", (unsigned long long)made);
			assert_int_equal(state_start(state, list.items[0].id, id, now), ERR_OK);
			assert_int_equal(
			    state_end(state, list.items[0].id, now + MINUTE, "success", false, NULL), ERR_OK);
		}
		state_list_free(&list);
	}
	calendar_missed(calendar, begin, now, &planned, &latest);
	assert_int_equal(counted, planned);
	assert_true(made > 0 && made <= planned);
	state_close(state);
	remove_folder(folder);
	calendar_free(calendar);
}

static void test_years(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		simulate(&daily, seed);
		simulate(&monthly, seed);
	}
}

static void test_clock_set_back(void **unused)
{
	struct calendar *calendar = calendar_of(&daily);
	char *folder = new_folder();
	struct state *state = open_state(folder);
	int64_t day = at("2026-11-22T01:00:00+09:00");
	uint64_t missed;

	(void)unused;
	assert_false(look(state, "job", calendar, day - 3 * DAY + HOUR, &missed));
	assert_true(look(state, "job", calendar, day - 2 * DAY, &missed));
	assert_true(look(state, "job", calendar, day - DAY, &missed));
	assert_true(look(state, "job", calendar, day, &missed));
	/* back by two days and a bit: the same nights come again, and nothing is started twice */
	assert_false(look(state, "job", calendar, day - 2 * DAY - HOUR, &missed));
	assert_false(look(state, "job", calendar, day - 2 * DAY, &missed));
	assert_false(look(state, "job", calendar, day - DAY + MINUTE, &missed));
	assert_false(look(state, "job", calendar, day, &missed));
	assert_true(look(state, "job", calendar, day + DAY, &missed));
	assert_int_equal(missed, 3); /* those before wait still, and are superseded */
	/* a clock that was wrong by years, and put right: the nights to come are not silent */
	assert_true(look(state, "job", calendar, day + 3000 * DAY, &missed));
	assert_false(look(state, "job", calendar, day + DAY + HOUR, &missed));
	assert_true(look(state, "job", calendar, day + 2 * DAY, &missed));
	state_close(state);
	remove_folder(folder);
	calendar_free(calendar);
}

static void test_state(void **unused)
{
	char *folder = new_folder();
	struct state *state;
	struct state_list list = {0};
	struct state_run run = {.job = "a", .trigger = "scheduled", .planned = 1000, .attempt = 1}, again;
	const char *names[] = {"b"};
	int64_t since;
	bool queued;

	(void)unused;
	assert_int_equal(state_open(&state, folder, false), ERR_MISSING);
	state = open_state(folder);
	assert_int_equal(state_see_job(state, "a", "words", 500, &since), ERR_OK);
	assert_int_equal(since, 500);
	assert_int_equal(state_see_job(state, "a", "words", 900, &since), ERR_OK);
	assert_int_equal(since, 500);
	assert_int_equal(state_see_job(state, "a", "other words", 900, &since), ERR_OK);
	assert_int_equal(since, 900);
	assert_int_equal(state_queue(state, &run, &queued), ERR_OK);
	assert_true(queued);
	assert_int_equal(state_queue(state, &run, &queued), ERR_OK);
	assert_false(queued);
	assert_int_equal(state_since(state, "a", 2000, &since), ERR_OK);
	assert_int_equal(since, 1000);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_int_equal(list.count, 1);
	again = list.items[0];
	assert_int_equal(state_start(state, again.id, "run-1", 1001), ERR_OK);
	snprintf(again.trigger, sizeof(again.trigger), "retry");
	again.attempt = 2;
	again.not_before = 5000;
	assert_int_equal(state_end(state, again.id, 1002, "failed", false, &again), ERR_OK);
	state_list_free(&list);
	assert_int_equal(state_last_runs(state, "a", 10, &list), ERR_OK);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].phase, STATE_QUEUED);
	assert_int_equal(list.items[0].attempt, 2);
	assert_int_equal(list.items[0].not_before, 5000);
	assert_string_equal(list.items[1].result, "failed");
	assert_string_equal(list.items[1].run_id, "run-1");
	/* the next planned time takes the place of the attempt that waits */
	run.planned = 2000;
	run.missed = 0;
	assert_int_equal(state_queue(state, &run, &queued), ERR_OK);
	assert_true(queued);
	state_list_free(&list);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].planned, 2000);
	state_list_free(&list);
	/* a job that is configured no more */
	assert_int_equal(state_keep_jobs(state, names, 1), ERR_OK);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_int_equal(list.count, 0);
	assert_int_equal(state_since(state, "a", 900, &since), ERR_OK);
	assert_int_equal(since, 0);
	state_list_free(&list);
	state_close(state);
	remove_folder(folder);
}

/* Nothing of that time began: it is missed, and told. A run that was stopped had a record of its own. */
static void test_make_up(void **unused)
{
	char *folder = new_folder();
	struct state *state = open_state(folder);
	struct state_list list = {0};
	struct state_run run = {.job = "a", .trigger = "scheduled", .planned = 1000, .attempt = 1}, again;
	struct state_news news;
	int64_t since;
	bool queued, missed, found;

	(void)unused;
	assert_int_equal(state_see_job(state, "a", "words", 500, &since), ERR_OK);
	assert_int_equal(state_queue(state, &run, &queued), ERR_OK);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	again = list.items[0];
	/* as one that found the job at work, which counts as nothing */
	assert_int_equal(state_start(state, again.id, "run-1", 1001), ERR_OK);
	assert_int_equal(state_end(state, again.id, 1002, "busy", false, &again), ERR_OK);
	state_list_free(&list);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	run = list.items[0];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_make_up(state, &run, &missed), ERR_OK);
		assert_int_equal(missed, i == 0);
		assert_string_equal(run.trigger, "catch_up");
		assert_int_equal(run.missed, 1);
	}
	state_list_free(&list);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_string_equal(list.items[0].trigger, "catch_up");
	assert_int_equal(list.items[0].missed, 1);
	assert_int_equal(state_news_first(state, &news, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(news.missed, 1);
	assert_int_equal(state_news_done(state, news.id), ERR_OK);
	/* as one that was at work when the scheduler was stopped */
	assert_int_equal(state_start(state, run.id, "run-2", 1003), ERR_OK);
	snprintf(again.trigger, sizeof(again.trigger), "scheduled");
	assert_int_equal(state_end(state, run.id, 1004, "interrupted", false, &again), ERR_OK);
	state_list_free(&list);
	assert_int_equal(state_open_runs(state, &list), ERR_OK);
	assert_int_equal(state_make_up(state, &list.items[0], &missed), ERR_OK);
	assert_false(missed);
	assert_string_equal(list.items[0].trigger, "catch_up");
	assert_int_equal(list.items[0].missed, 0);
	assert_int_equal(state_news_first(state, &news, &found), ERR_OK);
	assert_false(found);
	state_list_free(&list);
	state_close(state);
	remove_folder(folder);
}

static void test_memory(void **unused)
{
	char *folder = new_folder();
	struct state *state = open_state(folder);
	struct state_run run = {.job = "a", .trigger = "scheduled", .planned = 1000, .attempt = 1};
	enum err err = ERR_NOMEM;
	unsigned long n = 0;

	(void)unused;
	while (err == ERR_NOMEM) {
		struct state_list list = {0};
		int64_t since;
		bool queued;

		run.planned++;
		mem_fail_at(++n);
		err = state_see_job(state, "a", "words", 1, &since);
		if (err == ERR_OK)
			err = state_queue(state, &run, &queued);
		if (err == ERR_OK)
			err = state_open_runs(state, &list);
		mem_fail_at(0);
		state_list_free(&list);
	}
	assert_int_equal(err, ERR_OK);
	assert_true(n > 5);
	state_close(state);
	remove_folder(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_on_time_and_late),
	    cmocka_unit_test(test_queue),
	    cmocka_unit_test(test_again),
	    cmocka_unit_test(test_years),
	    cmocka_unit_test(test_clock_set_back),
	    cmocka_unit_test(test_state),
	    cmocka_unit_test(test_make_up),
	    cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
