/* pulih report show */
#include "cli/commands.h"
#include "cli/paper.h"
#include "core/base/output.h"
#include "core/record/record_report.h"

static json_t *reviews_json(const struct record_review_list *reviews)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < reviews->count; i++)
		json_array_append(list, reviews->items[i].record);
	return list;
}

/* The report of a run has a status and a review in words; records of other kinds are shown as they are. */
static json_t *shown_json(const struct paper_record *shown)
{
	const struct record_original *original = &shown->original;
	enum record_decision decision = record_review_decision(&shown->reviews);
	char hash[2 * HASH_SIZE + 1];
	json_t *object = json_pack("{s:O, s:s, s:b}", "record", original->record, "hash",
	    hex_encode(hash, original->hash, HASH_SIZE), "signed", original->is_signed);

	if (object && record_report_is_run(original))
		json_object_update_new(object,
		    json_pack("{s:s, s:s, s:s, s:o}", "status", record_report_status(original), "review",
			record_review_word(decision, record_report_is_english(original)), "review_result",
			record_review_name(decision), "reviews", reviews_json(&shown->reviews)));
	return object;
}

static enum err report_show_run(const struct arguments *arguments)
{
	struct paper_record shown = {0};
	struct buffer text = {0};
	enum err err = paper_load_one(&shown, arguments->items[0]);

	if (err == ERR_OK)
		err = record_report_text(&shown.original, &shown.reviews, &text);
	if (err == ERR_OK) {
		output_print("%.*s", (int)text.length, (const char *)text.data);
		output_object("report", shown_json(&shown));
	}
	paper_record_free(&shown);
	buffer_free(&text);
	return err;
}

const struct command report_show_command = {
    .name = "report show",
    .purpose = "show the report of a run, and its reviews",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .details = "RUN is an id of pulih report list, or latest. Records of reviews are shown by their id as well.\n"
	       "The record's signature is checked first.",
    .examples = "pulih report show latest\npulih report show 20261122t010000-website-3f2a",
    .run = report_show_run,
};
