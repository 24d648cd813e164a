#include "core/record/report_recap.h"

#include "core/base/clock.h"
#include "core/record/record_member.h"
#include "core/record/report_failure.h"
#include "core/record/report_parts.h"

#include <stdio.h>

#define HASH_SHOWN 16 /* digits of a record's hash in the list: enough to tell two apart */

static const char *count(struct report_model *model, size_t number)
{
	return report_parts_number(model, number);
}

static const char *count_if(struct report_model *model, bool known, size_t number)
{
	return known ? count(model, number) : "-";
}

static const char *size(struct report_model *model, uint64_t bytes)
{
	char phrase[RECORD_PHRASE];

	return report_model_text(model, record_size_short(phrase, bytes, model->english));
}

static const char *started(struct report_model *model, const struct record_original *original)
{
	char phrase[RECORD_PHRASE];
	const char *local = record_member_text(record_member(original->record, "started"), "local");

	return report_model_text(model, record_time_short(phrase, local, model->english));
}

static const char *review(const struct report_model *model, const struct recap *recap, size_t at)
{
	return record_review_word(recap->reviews[at], model->english);
}

/* ---- runs of each job ---- */

static void jobs_row(struct report_model *model, const struct recap_row *row, const char *number)
{
	report_model_row(model,
	    (const char *const[]){number, row->job ? row->job : report_model_word(model, WORD_TOTAL),
		count_if(model, row->is_planned, row->planned), count(model, row->done), count(model, row->late),
		count_if(model, row->is_planned, row->missed), count(model, row->failed), size(model, row->source),
		size(model, row->stored)},
	    !row->job);
}

/* Nobody shall take for a miss what was not planned then, nor for all of the month what is a part of it. */
static void put_since(struct report_model *model, const struct recap_row *row)
{
	char local[CLOCK_TEXT], phrase[RECORD_PHRASE];

	if (row->since == 0)
		return;
	clock_format(local, row->since);
	report_model_paragraph(model,
	    report_model_fill(
		model, WORD_RECAP_SINCE, RECORD_ARGUMENTS(row->job, record_time_short(phrase, local, model->english))));
}

static void jobs_block(struct report_model *model, const struct recap *recap)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 3, false},
	    {WORD_JOB, REPORT_NO_GROUP, 11, false}, {WORD_RECAP_PLANNED, REPORT_NO_GROUP, 7, true},
	    {WORD_RECAP_DONE, REPORT_NO_GROUP, 8, true}, {WORD_RECAP_LATE, REPORT_NO_GROUP, 8, true},
	    {WORD_RECAP_MISSED, REPORT_NO_GROUP, 7, true}, {WORD_RECAP_FAILED, REPORT_NO_GROUP, 5, true},
	    {WORD_RECAP_LAST_SOURCE, REPORT_NO_GROUP, 9, true}, {WORD_RECAP_STORED, REPORT_NO_GROUP, 10, true}};
	bool all_planned = true;
	char number[24];

	report_model_heading(model, WORD_RECAP_JOBS_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recap->rows_count; i++) {
		snprintf(number, sizeof(number), "%zu", i + 1);
		jobs_row(model, &recap->rows[i], number);
		all_planned = all_planned && recap->rows[i].is_planned;
	}
	jobs_row(model, &recap->total, "");
	snprintf(number, sizeof(number), "%d", RECAP_LATE_MINUTES);
	report_model_paragraph(model, report_model_fill(model, WORD_RECAP_EXPLAINED, RECORD_ARGUMENTS(number)));
	for (size_t i = 0; i < recap->rows_count; i++)
		put_since(model, &recap->rows[i]);
	if (!all_planned)
		report_model_paragraph(model, report_model_word(model, WORD_RECAP_UNPLANNED));
}

/* ---- drills ---- */

static void drills_block(struct report_model *model, const struct recap *recap)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 4, false},
	    {WORD_JOB, REPORT_NO_GROUP, 20, false}, {WORD_RECAP_PLANNED, REPORT_NO_GROUP, 12, true},
	    {WORD_RECAP_DONE, REPORT_NO_GROUP, 12, true}, {WORD_RECAP_FAILED, REPORT_NO_GROUP, 12, true}};
	char number[24];

	report_model_heading(model, WORD_RECAP_DRILLS_BLOCK);
	if (recap->total.drills == 0)
		report_model_paragraph(model, report_model_word(model, WORD_RECAP_NO_DRILL));
	if (recap->total.drills == 0 && recap->total.drills_planned == 0)
		return;
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recap->rows_count; i++) {
		const struct recap_row *row = &recap->rows[i];

		snprintf(number, sizeof(number), "%zu", i + 1);
		report_model_row(model,
		    (const char *const[]){number, row->job, count(model, row->drills_planned),
			count(model, row->drills - row->drills_failed), count(model, row->drills_failed)},
		    false);
	}
}

/* ---- findings ---- */

static size_t checks_not_good(json_t *record)
{
	json_t *check;
	size_t at, found = 0;

	json_array_foreach(record_member(record, "checks"), at, check) found +=
	    !json_is_true(record_member(check, "good"));
	return found;
}

/* What is worth a look in a record; "" where nothing is. */
static const char *finding(
    struct report_model *model, const struct record_original *original, enum record_decision decision)
{
	json_t *record = original->record, *failure = record_member(record, "failure");
	uint64_t files = report_parts_files(record);
	size_t checks = checks_not_good(record);
	const char *parts[3];
	size_t found = 0;

	if (json_is_object(failure))
		parts[found++] = report_model_format(model, "%s: %s", record_member_text(failure, "code"),
		    report_model_word(model, report_failure_cause(failure)));
	if (files > 0)
		parts[found++] =
		    report_model_fill(model, WORD_RECAP_FILES, RECORD_ARGUMENTS(report_parts_number(model, files)));
	if (checks > 0)
		parts[found++] = report_model_fill(model, WORD_RECAP_CHECKS, RECORD_ARGUMENTS(count(model, checks)));
	/* What its reviewer sent back, or had notes to, is a finding however well it ran. */
	if (found == 0 &&
	    (strcmp(record_member_text(record, "status"), "success") != 0 || decision == RECORD_RETURNED ||
		decision == RECORD_APPROVED_NOTES))
		parts[found++] = report_parts_status(model, record);
	return report_model_format(model, "%s%s%s%s%s", found > 0 ? parts[0] : "", found > 1 ? " " : "",
	    found > 1 ? parts[1] : "", found > 2 ? " " : "", found > 2 ? parts[2] : "");
}

/* The planned times of a job at which nothing ran: there is no record that could name them. */
static void put_missed(struct report_model *model, const struct recap_row *row)
{
	size_t named = row->missed < RECAP_MISSED_NAMED ? row->missed : RECAP_MISSED_NAMED;
	const char *times = "";

	if (row->missed == 0)
		return;
	for (size_t i = 0; i < named; i++) {
		char local[CLOCK_TEXT], phrase[RECORD_PHRASE];

		clock_format(local, row->missed_at[i]);
		times = report_model_format(
		    model, "%s%s%s", times, i > 0 ? "; " : "", record_time_short(phrase, local, model->english));
	}
	report_model_paragraph(model,
	    row->missed > named ? report_model_fill(model, WORD_RECAP_MISSED_MORE,
				      RECORD_ARGUMENTS(row->job, times, count(model, row->missed - named)))
				: report_model_fill(model, WORD_RECAP_MISSED_TEXT, RECORD_ARGUMENTS(row->job, times)));
}

static void findings_block(struct report_model *model, const struct recap *recap)
{
	static const struct report_heading columns[] = {{WORD_REGISTER, REPORT_NO_GROUP, 8, true},
	    {WORD_STARTED, REPORT_NO_GROUP, 22, false}, {WORD_JOB, REPORT_NO_GROUP, 12, false},
	    {WORD_RECAP_FINDING, REPORT_NO_GROUP, 41, false}, {WORD_REVIEW, REPORT_NO_GROUP, 17, false}};
	bool any = false;

	report_model_heading(model, WORD_RECAP_FINDINGS_BLOCK);
	for (size_t i = 0; i < recap->records_count; i++) {
		const struct record_original *original = recap->records[i];
		const char *found = finding(model, original, recap->reviews[i]);

		if (!*found)
			continue;
		if (!any)
			report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
		any = true;
		report_model_row(model,
		    (const char *const[]){count(model, record_member_number(original->record, "number")),
			started(model, original), record_member_text(original->record, "job"), found,
			review(model, recap, i)},
		    false);
	}
	for (size_t i = 0; i < recap->rows_count; i++) {
		any = any || recap->rows[i].missed > 0;
		put_missed(model, &recap->rows[i]);
	}
	if (!any)
		report_model_paragraph(model, report_model_word(model, WORD_RECAP_NO_FINDING));
	report_model_paragraph(model,
	    report_model_fill(model, WORD_RECAP_REVIEWED,
		RECORD_ARGUMENTS(count(model, recap->total.reviewed), count(model, recap->records_count))));
	if (recap->damaged > 0)
		report_model_paragraph(model,
		    report_model_fill(model, WORD_RECAP_DAMAGED, RECORD_ARGUMENTS(count(model, recap->damaged))));
}

/* ---- every run ---- */

static void runs_annex(struct report_model *model, const struct recap *recap, const char *period)
{
	static const struct report_heading columns[] = {{WORD_REGISTER, REPORT_NO_GROUP, 8, true},
	    {WORD_STARTED, REPORT_NO_GROUP, 22, false}, {WORD_JOB, REPORT_NO_GROUP, 12, false},
	    {WORD_STATUS, REPORT_NO_GROUP, 14, false}, {WORD_RECAP_STORED, REPORT_NO_GROUP, 11, true},
	    {WORD_RECAP_HASH, REPORT_NO_GROUP, 19, false}, {WORD_REVIEW, REPORT_NO_GROUP, 14, false}};
	char hash[2 * HASH_SIZE + 1];

	report_model_annex(model, WORD_RECAP_RUNS_ANNEX, period);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < recap->records_count; i++) {
		const struct record_original *original = recap->records[i];
		json_t *record = original->record;
		const char *job = record_member_text(record, "job");

		hex_encode(hash, original->hash, HASH_SIZE);
		report_model_row(model,
		    (const char *const[]){count(model, record_member_number(record, "number")),
			started(model, original),
			recap_is_drill(original)
			    ? report_model_fill(model, WORD_SCHEDULE_TEXT_DRILL, RECORD_ARGUMENTS(job))
			    : job,
			report_parts_status(model, record),
			size(model, record_member_number(record_member(record, "totals"), "bytes_stored")),
			report_model_format(model, "%.*s", HASH_SHOWN, hash), review(model, recap, i)},
		    false);
	}
}

static void source_field(struct report_model *model, const struct recap *recap)
{
	const struct record_original *first, *last;
	char hash[2 * HASH_SIZE + 1];

	if (recap->records_count == 0) {
		report_model_field(model, WORD_RECAP_SOURCE, report_model_word(model, WORD_RECAP_NO_RUN));
		return;
	}
	first = recap->records[0];
	last = recap->records[recap->records_count - 1];
	report_model_field(model, WORD_RECAP_SOURCE,
	    report_model_fill(model, WORD_RECAP_SOURCE_TEXT,
		RECORD_ARGUMENTS(count(model, recap->records_count),
		    count(model, record_member_number(first->record, "number")),
		    count(model, record_member_number(last->record, "number")),
		    hex_encode(hash, last->hash, HASH_SIZE))));
}

enum err report_recap(struct report_model *model, const struct recap *recap, const struct report_filer *filer)
{
	char period[RECORD_PHRASE], phrase[RECORD_PHRASE], text[CLOCK_TEXT];

	model->english = filer->office.english;
	record_period(period, recap->month.text, model->english);
	report_parts_begin_filed(model, filer, WORD_RECAP_TITLE, period);
	clock_format(text, recap->as_of);
	model->created = report_model_text(model, text);
	report_model_field(model, WORD_PERIOD, period);
	report_model_field(
	    model, WORD_RECAP_AS_OF, record_time(phrase, text, record_zone(filer->office.timezone), model->english));
	source_field(model, recap);
	jobs_block(model, recap);
	drills_block(model, recap);
	findings_block(model, recap);
	report_model_heading(model, WORD_SIGNATURES_BLOCK);
	report_parts_sign_filed(model, filer);
	if (recap->records_count > 0)
		runs_annex(model, recap, period);
	return model->err;
}
