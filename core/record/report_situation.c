#include "core/record/report_situation.h"

#include "core/base/clock.h"
#include "core/record/record_member.h"
#include "core/record/report_failure.h"
#include "core/record/report_parts.h"

#include <stdio.h>

#define SOLVED_WITHIN (3 * 24 * 60 * 60 * CLOCK_SECOND) /* SOP AS/28 item 7: 1 hour to 3 days */
#define RUNS_NAMED 3					/* of those that came after: whether it went on */
#define ACTION_ROWS 3
#define DECISION_LINES 3

static const char *member(const struct record_original *original, const char *name)
{
	return record_member_text(original->record, name);
}

static bool is_partial(const struct record_original *original)
{
	return strcmp(member(original, "status"), "success_with_notes") == 0;
}

static const char *started(struct report_model *model, const struct record_original *original)
{
	return report_parts_local(model, original->record, record_member(original->record, "started"));
}

/* Whether it is a backup of the same job. */
static bool is_same_job(const struct record_original *one, const struct record_original *other)
{
	const char *kind = member(other, "kind");

	return (!*kind || strcmp(kind, RECORD_RUN) == 0) && strcmp(member(one, "job"), member(other, "job")) == 0;
}

static bool is_before(const struct record_original *one, const struct record_original *other)
{
	return record_member_number(one->record, "number") < record_member_number(other->record, "number");
}

enum err report_situation_load(
    struct record_list *out, struct record_ledger *ledger, const struct record_original *original)
{
	uint64_t number = record_member_number(original->record, "number");
	const struct record_filter good = {
	    .kind = RECORD_RUN, .job = member(original, "job"), .status = "success", .below = number, .last = 1};
	const struct record_filter later = {
	    .kind = RECORD_RUN, .job = member(original, "job"), .above = number, .first = RUNS_NAMED};
	enum err err = record_list_load(out, ledger, &good, NULL, NULL);

	return err == ERR_OK ? record_list_load(out, ledger, &later, NULL, NULL) : err;
}

static void address_fields(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record;

	report_model_field(model, WORD_SITUATION_TO, report_parts_person(model, record_member(record, "reviewer")));
	report_model_field(model, WORD_SITUATION_FROM, report_parts_person(model, record_member(record, "performer")));
	report_model_field_strong(model, WORD_SITUATION_SUBJECT,
	    report_model_fill(model, is_partial(original) ? WORD_SITUATION_NOTES : WORD_SITUATION_FAILED,
		RECORD_ARGUMENTS(member(original, "job"))));
	report_model_field(model, WORD_SITUATION_BASIS, report_model_word(model, WORD_SITUATION_BASIS_TEXT));
}

static void situation_block(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record, *target = record_member(record, "target");

	report_model_heading(model, WORD_SITUATION_BLOCK);
	report_model_field(model, WORD_REGISTER, report_parts_number(model, record_member_number(record, "number")));
	report_model_field(model, WORD_RUN, member(original, "id"));
	report_model_field(model, WORD_JOB, member(original, "job"));
	if (json_is_object(record_member(record, "planned")))
		report_model_field(model, WORD_PLANNED, report_parts_time(model, record, "planned"));
	report_model_field(model, WORD_STARTED, report_parts_time(model, record, "started"));
	report_model_field(model, WORD_ENDED, report_parts_time(model, record, "ended"));
	report_model_field(model, WORD_HOST, member(original, "host"));
	report_parts_objects(model, record);
	report_model_field(model, WORD_MEDIA,
	    report_model_format(
		model, "%s (%s)", record_member_text(target, "name"), record_member_text(target, "url")));
	report_model_field_strong(model, WORD_STATUS, report_parts_status(model, record));
}

static bool checks_are_good(json_t *record)
{
	json_t *check;
	size_t at;

	json_array_foreach(record_member(record, "checks"), at, check)
	{
		if (!json_is_true(record_member(check, "good")))
			return false;
	}
	return true;
}

static void problem_block(struct report_model *model, const struct record_original *original)
{
	report_model_heading(model, WORD_SITUATION_PROBLEM_BLOCK);
	report_parts_failure(model, original->record);
	if (!checks_are_good(original->record))
		report_model_field(model, WORD_CHECK, report_model_word(model, WORD_SITUATION_UNCHECKED));
}

static void effect_block(
    struct report_model *model, const struct record_original *original, const struct record_list *list)
{
	json_t *record = original->record;
	const struct record_original *good = NULL;
	uint64_t files = report_parts_files(record);

	report_model_heading(model, WORD_SITUATION_EFFECT_BLOCK);
	report_model_paragraph(model,
	    report_failure_is_cut_off(record_member(record, "failure"))
		? report_model_word(model, WORD_SITUATION_UNKNOWN)
		: !is_partial(original) ? report_model_word(model, WORD_SITUATION_NO_SNAPSHOT)
		: files > 0
		? report_model_fill(model, WORD_SITUATION_PARTIAL, RECORD_ARGUMENTS(report_parts_number(model, files)))
		: report_model_word(model, WORD_SITUATION_WHOLE));
	for (size_t i = 0; i < list->count; i++)
		if (is_same_job(original, &list->items[i]) && is_before(&list->items[i], original) &&
		    strcmp(member(&list->items[i], "status"), "success") == 0)
			good = &list->items[i];
	report_model_paragraph(model,
	    good ? report_model_fill(
		       model, WORD_SITUATION_LAST_GOOD, RECORD_ARGUMENTS(started(model, good), member(good, "id")))
		 : report_model_word(model, WORD_SITUATION_NONE_GOOD));
}

/* What the ledger knows of the time after, and rows for what people did. */
static void actions_block(
    struct report_model *model, const struct record_original *original, const struct record_list *list)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_SITUATION_DONE_WHAT, REPORT_NO_GROUP, 34, false}, {WORD_TIME, REPORT_NO_GROUP, 24, false},
	    {WORD_SITUATION_DONE_WHO, REPORT_NO_GROUP, 18, false},
	    {WORD_SITUATION_DONE_RESULT, REPORT_NO_GROUP, 18, false}};
	size_t rows = 0;
	char number[24], phrase[RECORD_PHRASE];

	report_model_heading(model, WORD_SITUATION_DONE_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < list->count && rows < RUNS_NAMED; i++) {
		const struct record_original *later = &list->items[i];

		if (!is_same_job(original, later) || !is_before(original, later))
			continue;
		snprintf(number, sizeof(number), "%zu", ++rows);
		report_model_row(model,
		    (const char *const[]){number,
			report_model_fill(model, WORD_SITUATION_RUN_AGAIN, RECORD_ARGUMENTS(member(later, "id"))),
			report_model_text(model,
			    record_time_short(phrase,
				record_member_text(record_member(later->record, "started"), "local"), model->english)),
			record_member_text(record_member(later->record, "performer"), "name"),
			report_parts_status(model, later->record)},
		    false);
	}
	for (size_t i = 0; i < ACTION_ROWS; i++) {
		snprintf(number, sizeof(number), "%zu", ++rows);
		report_model_row(model, (const char *const[]){number, "", "", "", ""}, false);
	}
}

static void advice_block(struct report_model *model, const struct record_original *original)
{
	json_t *failure = record_member(original->record, "failure");
	enum word advice[REPORT_FAILURE_ADVICE];
	size_t count = report_failure_advice(failure, advice);

	report_model_heading(model, WORD_SITUATION_ADVICE_BLOCK);
	for (size_t i = 0; i < count; i++)
		report_model_paragraph(model,
		    report_model_format(model, "%zu. %s", i + 1,
			report_model_fill(model, advice[i], RECORD_ARGUMENTS(record_member_text(failure, "code")))));
}

static void ask_block(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record, *office = record_member(record, "office");
	int64_t begun;
	char local[CLOCK_TEXT], phrase[RECORD_PHRASE];
	const char *until = "-";

	if (clock_parse(record_member_text(record_member(record, "started"), "utc"), &begun)) {
		clock_format(local, begun + SOLVED_WITHIN);
		until = report_model_text(model,
		    record_time(phrase, local, record_zone(record_member_text(office, "timezone")), model->english));
	}
	report_model_heading(model, WORD_SITUATION_ASK_BLOCK);
	report_model_paragraph(model, report_model_fill(model, WORD_SITUATION_ASK, RECORD_ARGUMENTS(until)));
	report_model_field(model, WORD_SITUATION_DECISION, REPORT_BLANK REPORT_BLANK);
	for (int i = 1; i < DECISION_LINES; i++)
		report_model_field_more(model, REPORT_BLANK REPORT_BLANK);
}

static void signatures_block(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record;
	const struct report_signature signatures[] = {
	    report_parts_signature(model, record_member(record, "reviewer"), WORD_SITUATION_RECEIVED),
	    report_parts_signature(model, record_member(record, "performer"), WORD_MADE_BY)};

	report_model_signatures(model, record_member_text(record_member(record, "office"), "city"), signatures,
	    sizeof(signatures) / sizeof(signatures[0]));
}

enum err report_situation(
    struct report_model *model, const struct record_original *original, const struct record_list *list)
{
	enum err err;

	if (strcmp(member(original, "status"), "success") == 0)
		return fail(PL_SITUATION_NONE, "the run %s was successful", member(original, "id"));
	err = report_parts_begin(model, original, WORD_SITUATION_TITLE);
	if (err != ERR_OK)
		return err;
	model->subtitle = report_model_format(model, "(%s)", report_model_word(model, WORD_SITUATION_DRAFT));
	address_fields(model, original);
	situation_block(model, original);
	problem_block(model, original);
	effect_block(model, original, list);
	actions_block(model, original, list);
	advice_block(model, original);
	ask_block(model, original);
	signatures_block(model, original);
	report_parts_proof(model, original);
	report_parts_put_annexes(model, original);
	return model->err;
}
