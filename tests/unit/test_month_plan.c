/* What a configuration plans for a month. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "scheduler/month_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static struct configuration_person people[] = {
    {.id = "admin", .name = "A", .nip = "1", .position = "Admin", .role = ROLE_OPERATOR},
    {.id = "kasubbag", .name = "K", .position = "Kasubbag", .role = ROLE_REVIEWER},
    {.id = "ketua", .name = "C", .position = "Ketua", .role = ROLE_HEAD},
};
static struct configuration_schedule nightly = {.every = EVERY_DAY, .at = "01:00"};
static struct configuration_drill monthly = {.schedule = {.every = EVERY_MONTH, .at = "03:00", .day = 30}};
static struct configuration_sop sop = {.number = "AS/29", .item = "D7", .output = "Backup data"};
static struct configuration_job jobs[] = {
    {.name = "a",
	.performer = "admin",
	.reviewer = "kasubbag",
	.acknowledger = "ketua",
	.schedule = &nightly,
	.drill = &monthly,
	.sop = &sop},
    {.name = "b", .performer = "admin", .reviewer = "ketua"},
};
static struct configuration configuration = {
    .office = {.name = "O", .city = "T", .timezone = "Asia/Jayapura", .language = LANGUAGE_ENGLISH},
    .people = people,
    .people_count = 3,
    .jobs = jobs,
    .jobs_count = 2,
};

static void test_plan(void **state)
{
	struct month_plan plan = {0};
	struct report_month february;

	(void)state;
	assert_true(report_month_of(&february, "2027-02"));
	assert_int_equal(month_plan_make(&plan, &configuration, &february), ERR_OK);
	assert_int_equal(plan.count, 2);
	assert_string_equal(plan.items[0].job, "a");
	assert_string_equal(plan.items[0].performer, "A");
	assert_string_equal(plan.items[0].performer_position, "Admin");
	assert_string_equal(plan.items[0].reviewer, "K");
	assert_string_equal(plan.items[0].sop.number, "AS/29");
	assert_true(plan.items[0].backups.known);
	assert_string_equal(plan.items[0].backups.text, "day 01:00");
	assert_int_equal(plan.items[0].backups.count, 28);
	for (int i = 0; i < 28; i++)
		assert_int_equal(
		    plan.items[0].backups.items[i], february.from + (i * INT64_C(86400) + 3600) * CLOCK_SECOND);
	assert_int_equal(plan.items[0].drills.count, 1); /* day 30 is the last one of February */
	assert_int_equal(
	    plan.items[0].drills.items[0], february.from + (27 * INT64_C(86400) + 3 * 3600) * CLOCK_SECOND);
	assert_false(plan.items[1].backups.known);
	assert_int_equal(plan.items[1].backups.count, 0);
	assert_null(plan.items[1].sop.number);
	assert_true(plan.filer.office.english);
	assert_string_equal(plan.filer.acknowledger.name, "C");
	month_plan_free(&plan);
}

static void test_nobody_and_nothing(void **state)
{
	struct configuration empty = configuration;
	struct month_plan plan = {0};
	struct report_month month;

	(void)state;
	empty.jobs_count = 0;
	assert_true(report_month_of(&month, "1970-01"));
	assert_int_equal(month_plan_make(&plan, &empty, &month), ERR_OK);
	assert_int_equal(plan.count, 0);
	assert_null(plan.filer.performer.name);
	month_plan_free(&plan);
	assert_int_equal(month_plan_make(&plan, &configuration, &month), ERR_OK);
	assert_int_equal(plan.items[0].backups.count, 30); /* the first would be before 1970 in UTC */
	month_plan_free(&plan);
}

static void test_memory_runs_out(void **state)
{
	struct report_month month;
	enum err err = ERR_NOMEM;

	(void)state;
	assert_true(report_month_of(&month, "2027-02"));
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct month_plan plan = {0};

		mem_fail_at(n);
		err = month_plan_make(&plan, &configuration, &month);
		mem_fail_at(0);
		month_plan_free(&plan);
	}
}

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Jayapura", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plan),
	    cmocka_unit_test(test_nobody_and_nothing),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
