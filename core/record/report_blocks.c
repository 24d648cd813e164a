#include "core/record/report_blocks.h"

#include "core/record/record_further.h"
#include "core/record/record_member.h"
#include "core/record/report_parts.h"

void report_blocks_sop(struct report_model *model, json_t *record)
{
	json_t *sop = record_member(record, "sop");

	if (!json_is_object(sop))
		return;
	report_model_heading(model, WORD_SOP_BLOCK);
	report_model_fields(model, true);
	report_model_field(model, WORD_SOP_NUMBER, record_member_text(sop, "number"));
	report_model_field(model, WORD_SOP_TITLE, record_member_text(sop, "title"));
	report_model_field(model, WORD_SOP_CREATED, record_member_text(sop, "created"));
	report_model_field(model, WORD_SOP_REVISED, record_member_text(sop, "revised"));
	report_model_field(model, WORD_SOP_EFFECTIVE, record_member_text(sop, "effective"));
	report_model_field(model, WORD_SOP_APPROVED, record_member_text(sop, "approved_by"));
	report_model_field(model, WORD_SOP_ITEM, record_member_text(sop, "item"));
}

static enum word trigger_word(json_t *record)
{
	const char *trigger = record_member_text(record, "trigger");

	return strcmp(trigger, "scheduled") == 0 ? WORD_SCHEDULED
	    : strcmp(trigger, "catch_up") == 0	 ? WORD_CATCH_UP
	    : strcmp(trigger, "retry") == 0	 ? WORD_RETRY
						 : WORD_MANUAL;
}

void report_blocks_times(struct report_model *model, json_t *record)
{
	char phrase[RECORD_PHRASE], schedule[RECORD_SCHEDULE];

	report_model_field(
	    model, WORD_PERIOD, record_period(phrase, record_member_text(record, "period"), model->english));
	report_model_field(model, WORD_TRIGGER, report_model_word(model, trigger_word(record)));
	report_model_field_given(
	    model, WORD_SCHEDULE, record_schedule(schedule, record_member_text(record, "schedule"), model->english));
	if (json_is_object(record_member(record, "planned")))
		report_model_field(model, WORD_PLANNED, report_parts_time(model, record, "planned"));
	report_model_field(model, WORD_STARTED, report_parts_time(model, record, "started"));
	report_model_field(model, WORD_ENDED, report_parts_time(model, record, "ended"));
	if (json_is_integer(record_member(record, "duration_ms")))
		report_model_field(model, WORD_DURATION,
		    record_duration(phrase, record_member_number(record, "duration_ms"), model->english));
}

void report_blocks_follow_up(struct report_model *model, json_t *record, const struct record_review_list *reviews)
{
	bool good = strcmp(record_member_text(record, "status"), "success") == 0 &&
	    record_review_decision(reviews) != RECORD_RETURNED;
	size_t asked = 0;

	for (size_t i = 0; reviews && i < reviews->count; i++)
		asked += json_is_object(record_member(reviews->items[i].record, "follow_up"));
	report_model_heading(model, WORD_FOLLOW_BLOCK);
	if (good && asked == 0)
		report_model_paragraph(model, report_model_word(model, WORD_NO_FOLLOW));
	else
		report_parts_follow_up(model, reviews, good ? asked : asked + REPORT_PARTS_BLANK_ROWS);
}

void report_blocks_problem(struct report_model *model, json_t *record)
{
	report_model_heading(model, WORD_PROBLEM_BLOCK);
	if (json_is_object(record_member(record, "failure")) || report_parts_annexes(record).problems > 0)
		report_parts_failure(model, record);
	else
		report_model_paragraph(model, report_model_word(model, WORD_NO_PROBLEM));
}

/* For who reviews on paper. */
static void review_choice(struct report_model *model)
{
	report_model_field(model, WORD_REVIEW_CHOICE,
	    report_model_format(model, "[   ] %s     [   ] %s     [   ] %s", report_model_word(model, WORD_APPROVED),
		report_model_word(model, WORD_APPROVED_NOTES), report_model_word(model, WORD_RETURNED)));
	report_model_field(model, WORD_REVIEW_NOTE, REPORT_BLANK);
}

void report_blocks_review(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews)
{
	enum record_decision decision = record_review_decision(reviews);
	json_t *record = original->record;
	const struct report_signature signatures[] = {
	    report_parts_signature(model, record_member(record, "acknowledger"), WORD_ACKNOWLEDGED_BY),
	    report_parts_signature(model, record_member(record, "reviewer"), WORD_CHECKED_BY),
	    report_parts_signature(model, record_member(record, "performer"), WORD_MADE_BY)};

	report_model_heading(model, WORD_REVIEW_BLOCK);
	if (decision == RECORD_PENDING)
		report_model_field(model, WORD_REVIEW, record_review_word(decision, model->english));
	for (size_t i = 0; reviews && i < reviews->count; i++)
		record_further_review(model, &reviews->items[i]);
	if (decision == RECORD_PENDING || decision == RECORD_RETURNED)
		review_choice(model);
	report_model_signatures(model, record_member_text(record_member(record, "office"), "city"), signatures,
	    sizeof(signatures) / sizeof(signatures[0]));
}
