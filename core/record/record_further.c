#include "core/record/record_further.h"

#include "core/record/record_heading.h"
#include "core/record/record_member.h"
#include "core/record/report_parts.h"

static enum word title(const char *kind)
{
	return strcmp(kind, RECORD_REVIEW) == 0	   ? WORD_REVIEW_TITLE
	    : strcmp(kind, RECORD_FORGET) == 0	   ? WORD_FORGET_TITLE
	    : strcmp(kind, RECORD_CORRECTION) == 0 ? WORD_CORRECTION_TITLE
						   : WORD_FURTHER_TITLE;
}

static void head(struct report_model *model, json_t *record, const struct record_heading *heading)
{
	json_t *office = record_member(record, "office"), *time = record_member(record, "time");

	report_model_head(
	    model, record_member_text(office, "name"), record_member_text(office, "address"), title(heading->kind), "");
	model->foot = report_model_format(model, "%s  ·  %s", model->title, heading->id);
	model->created = report_model_text(model, record_member_text(time, "utc"));
	report_model_field(model, WORD_REGISTER, report_parts_number(model, heading->number));
	report_model_field(model, WORD_RECORD_ID, heading->id);
	report_model_field(model, WORD_MADE_ON, report_parts_time(model, record, "time"));
}

void record_further_review(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record, *follow_up = record_member(record, "follow_up");

	report_model_field_strong(
	    model, WORD_REVIEW, record_review_word(record_review_decision_of(original), model->english));
	report_model_field(model, WORD_CHECKED_BY, report_parts_person(model, record_member(record, "reviewer")));
	report_model_field(model, WORD_REVIEWED_ON, report_parts_time(model, record, "time"));
	report_model_field_given(model, WORD_REVIEW_BY, report_parts_login(model, record));
	report_model_field(model, WORD_REVIEW_NOTE, record_member_text(record, "note"));
	if (json_is_object(follow_up))
		report_model_field(model, WORD_REVIEW_FOLLOW_UP,
		    report_model_fill(model, WORD_REVIEW_FOLLOW_UP_TEXT,
			RECORD_ARGUMENTS(record_member_text(follow_up, "text"),
			    record_member_text(record_member(follow_up, "owner"), "name"),
			    record_member_text(follow_up, "until"))));
	report_model_field_given(model, WORD_REVIEW_WARNING, record_member_text(record, "warning"));
}

/* Each under the other; ids are too long for two in a line. */
static void list(struct report_model *model, enum word label, json_t *items)
{
	json_t *item;
	size_t at;

	json_array_foreach(items, at, item)
	{
		const char *text = json_is_object(item) ? record_member_text(item, "id") : json_string_value(item);

		if (at == 0)
			report_model_field(model, label, text ? text : "");
		else
			report_model_field_more(model, text ? text : "");
	}
}

/* What a target no longer holds, and who answers for it. */
static void gone(struct report_model *model, json_t *record)
{
	json_t *target = record_member(record, "target");

	report_model_field(model, WORD_MEDIA,
	    report_model_format(
		model, "%s (%s)", record_member_text(target, "name"), record_member_text(target, "url")));
	if (json_is_object(record_member(record, "by")))
		report_model_field(model, WORD_MADE_BY, report_parts_person(model, record_member(record, "by")));
	report_model_field_given(model, WORD_REASON, record_member_text(record, "reason"));
	report_model_field_given(model, WORD_REASON, record_member_text(record, "note"));
	list(model, WORD_BACKUPS, record_member(record, "snapshots"));
	list(model, WORD_RECORDS, record_member(record, "records"));
	report_model_field_given(model, WORD_REVIEW_WARNING, record_member_text(record, "warning"));
}

enum err record_further(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record;
	struct record_heading heading;
	enum err err = record_heading_read(&heading, original);

	if (err != ERR_OK)
		return model->err = err;
	model->english = strcmp(record_member_text(record_member(record, "office"), "language"), "en") == 0;
	head(model, record, &heading);
	if (strcmp(heading.kind, RECORD_REVIEW) == 0) {
		report_model_field(model, WORD_REVIEW_ABOUT, heading.about);
		report_model_field(model, WORD_HASH, record_member_text(record_member(record, "about"), "hash"));
		record_further_review(model, original);
	} else if (json_is_object(record_member(record, "target"))) {
		gone(model, record);
	}
	report_parts_proof(model, original);
	return model->err;
}
