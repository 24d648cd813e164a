/* Signed records to make papers of: always the same bytes. */
#ifndef PULIH_TESTS_REPORT_SAMPLES_H
#define PULIH_TESTS_REPORT_SAMPLES_H

#include "core/record/record_list.h"
#include "core/record/report_month.h"
#include "core/record/report_plan.h"

enum report_sample {
	REPORT_SAMPLE_FULL,    /* every member has a value */
	REPORT_SAMPLE_ENGLISH, /* the same in English */
	REPORT_SAMPLE_FAILED,  /* no snapshot, no end, not signed */
	REPORT_SAMPLE_SPARSE,  /* nothing optional, no SOP */
	REPORT_SAMPLE_MANY,    /* 10,000 files that could not be read, 40 objects */
	REPORT_SAMPLE_ODD, /* names of 80 characters, of other scripts, of control characters and bytes that are no UTF-8 */
	REPORT_SAMPLES
};
extern const char *const report_sample_names[REPORT_SAMPLES];

/* What every sample begins with; time zone, keys. NULL where it fails. */
struct keys *report_samples_begin(void);
enum err report_sample(struct record_original *out, enum report_sample which, const struct keys *keys);
/* A record of a job that ran at `started` (seconds since 1970): for recapitulations. What it holds of its result is shared: sign it
 * before the next one is made. */
struct record report_sample_run(const char *id, const char *job, int64_t planned, int64_t started);
enum err report_sample_sign(
    struct record_original *out, const struct record *record, uint64_t number, const struct keys *keys);

/* November 2026: a nightly job with a run missed, one late and one failed, an hourly one without any run, one by hand without a plan, and one
 * record of each of the months beside it. */
struct report_samples_month {
	struct report_month month;
	int64_t now; /* 2026-11-22T12:00:00+09:00 */
	struct report_plan plans[2];
	size_t plans_count;
	int64_t nightly[30], hourly[30 * 24], drills[1];
	struct record_list list;
	size_t failed; /* the place of the failed run in the list */
	struct report_filer filer;
};
enum err report_samples_month(struct report_samples_month *out, const struct keys *keys);
void report_samples_month_free(struct report_samples_month *month);

#endif
