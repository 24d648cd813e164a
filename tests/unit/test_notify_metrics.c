/* The text of the metrics: what is known, what is not, labels, and whole seconds to the nanosecond. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "scheduler/notify_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct notify_metrics_job unknown(const char *name)
{
	return (struct notify_metrics_job){.job = name,
	    .started = METRICS_UNKNOWN,
	    .ended = METRICS_UNKNOWN,
	    .duration = METRICS_UNKNOWN,
	    .source_bytes = METRICS_UNKNOWN,
	    .stored_bytes = METRICS_UNKNOWN,
	    .last_good = METRICS_UNKNOWN,
	    .next = METRICS_UNKNOWN,
	    .oldest_unread = METRICS_UNKNOWN,
	    .reviews_overdue = METRICS_UNKNOWN,
	    .drills_overdue = METRICS_UNKNOWN};
}

static const char *text_of(const struct notify_metrics *metrics)
{
	static struct buffer out;

	buffer_clear(&out);
	assert_int_equal(notify_metrics_text(metrics, &out), ERR_OK);
	assert_int_equal(buffer_append_u8(&out, 0), ERR_OK);
	return (const char *)out.data;
}

static void test_what_is_unknown_is_not_written(void **state)
{
	struct notify_metrics_job jobs[] = {unknown("website")};
	const struct notify_metrics metrics = {.jobs = jobs, .jobs_count = 1, .waiting = 3};

	(void)state;
	assert_string_equal(text_of(&metrics),
	    "# HELP pulih_notifications_waiting Notifications that no channel has taken yet.\n"
	    "# TYPE pulih_notifications_waiting gauge\n"
	    "pulih_notifications_waiting 3\n");
}

static void test_values(void **state)
{
	struct notify_metrics_job jobs[] = {unknown("a"), unknown("b")};
	const struct notify_metrics metrics = {.jobs = jobs, .jobs_count = 2};
	const char *text;

	(void)state;
	jobs[0].has_run = true;
	jobs[0].status = RECORD_NOTES;
	jobs[0].started = INT64_C(1795276805) * CLOCK_SECOND + 5;
	jobs[0].duration = -CLOCK_SECOND - 5; /* the clock was set back meanwhile */
	jobs[0].source_bytes = INT64_MAX;
	jobs[1].source_bytes = 0;
	jobs[1].next = 1;
	jobs[1].oldest_unread = 0;
	jobs[1].reviews_overdue = 2;
	jobs[1].drills_overdue = 0;
	text = text_of(&metrics);
	assert_non_null(strstr(text,
	    "# TYPE pulih_job_last_status gauge\n"
	    "pulih_job_last_status{job=\"a\",status=\"success\"} 0\n"
	    "pulih_job_last_status{job=\"a\",status=\"notes\"} 1\n"
	    "pulih_job_last_status{job=\"a\",status=\"failed\"} 0\n#"));
	assert_non_null(strstr(text, "\npulih_job_last_start_timestamp_seconds{job=\"a\"} 1795276805.000000005\n"));
	assert_non_null(strstr(text, "\npulih_job_last_duration_seconds{job=\"a\"} -1.000000005\n"));
	assert_non_null(strstr(text,
	    "# TYPE pulih_job_last_source_bytes gauge\n"
	    "pulih_job_last_source_bytes{job=\"a\"} 9223372036854775807\n"
	    "pulih_job_last_source_bytes{job=\"b\"} 0\n#"));
	assert_non_null(strstr(text, "\npulih_job_next_timestamp_seconds{job=\"b\"} 0.000000001\n"));
	assert_non_null(strstr(text, "\npulih_job_oldest_unread_pack_timestamp_seconds{job=\"b\"} 0.000000000\n"));
	assert_non_null(strstr(text, "\npulih_job_reviews_overdue{job=\"b\"} 2\n"));
	assert_non_null(strstr(text, "\npulih_job_drills_overdue{job=\"b\"} 0\n"));
	assert_null(strstr(text, "last_good"));
}

static void test_labels_are_escaped(void **state)
{
	struct notify_metrics_job jobs[] = {unknown("a\"b\\c\nd")};
	const struct notify_metrics metrics = {.jobs = jobs, .jobs_count = 1};

	(void)state;
	jobs[0].next = 0;
	assert_non_null(strstr(text_of(&metrics), "{job=\"a\\\"b\\\\c\\nd\"} 0.0"));
}

static void test_memory_runs_out(void **state)
{
	struct notify_metrics_job jobs[] = {unknown("a")};
	const struct notify_metrics metrics = {.jobs = jobs, .jobs_count = 1};
	enum err err = ERR_NOMEM;

	(void)state;
	jobs[0].next = 0;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct buffer out = {0};

		mem_fail_at(n);
		err = notify_metrics_text(&metrics, &out);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_unknown_is_not_written),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_labels_are_escaped),
	    cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
