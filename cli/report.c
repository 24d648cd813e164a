/* pulih report show, export */
#include "cli/commands.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/output.h"
#include "core/record/record_further.h"
#include "core/record/record_ledger.h"
#include "core/record/record_report.h"

#include <string.h>

static struct {
	const char *output;
	int format;
} given;

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_HTML, FORMAT_PDF };
static const char *const formats[] = {"text", "json", "html", "pdf", NULL};

static const char *member(const struct record_original *original, const char *name)
{
	const char *text = json_string_value(json_object_get(original->record, name));

	return text ? text : "";
}

/* A record, and what was said of it since. */
struct shown {
	struct record_original original;
	struct record_review_list reviews;
	struct buffer bytes, text;
	bool is_run;
};

static void shown_free(struct shown *shown)
{
	record_original_free(&shown->original);
	record_review_list_free(&shown->reviews);
	buffer_free(&shown->bytes);
	buffer_free(&shown->text);
}

static enum err load(struct shown *shown, const char *id)
{
	struct record_ledger *ledger;
	struct record_heading heading;
	enum err err = record_ledger_open(&ledger, settings.state_folder, false);

	if (err == ERR_OK)
		err = record_ledger_get(ledger, id, &shown->bytes);
	if (err == ERR_OK)
		err = record_read(&shown->original, shown->bytes.data, shown->bytes.length);
	if (err == ERR_OK)
		err = record_heading_read(&heading, &shown->original);
	if (err == ERR_OK)
		err = record_review_list_load(&shown->reviews, ledger, &shown->original);
	if (err == ERR_OK)
		shown->is_run = strcmp(heading.kind, RECORD_RUN) == 0;
	record_ledger_close(ledger);
	return err;
}

static enum err write_text(struct shown *shown)
{
	return shown->is_run ? record_report_text_reviewed(&shown->original, &shown->reviews, &shown->text)
			     : record_further_text(&shown->original, &shown->text);
}

static json_t *reviews_json(const struct record_review_list *reviews)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < reviews->count; i++)
		json_array_append(list, reviews->items[i].record);
	return list;
}

/* The report of a run has a status and a review in words; records of other kinds are shown as they are. */
static json_t *shown_json(const struct shown *shown)
{
	const struct record_original *original = &shown->original;
	enum record_decision decision = record_review_decision(&shown->reviews);
	char hash[2 * HASH_SIZE + 1];
	json_t *object = json_pack("{s:O, s:s, s:b}", "record", original->record, "hash",
	    hex_encode(hash, original->hash, HASH_SIZE), "signed", original->is_signed);

	if (object && shown->is_run)
		json_object_update_new(object,
		    json_pack("{s:s, s:s, s:s, s:o}", "status", record_report_status(original), "review",
			record_review_word(decision, record_report_is_english(original)), "review_result",
			record_review_name(decision), "reviews", reviews_json(&shown->reviews)));
	return object;
}

static enum err report_show_run(const struct arguments *arguments)
{
	struct shown shown = {0};
	enum err err = load(&shown, arguments->items[0]);

	if (err == ERR_OK)
		err = write_text(&shown);
	if (err == ERR_OK) {
		output_print("%.*s", (int)shown.text.length, (const char *)shown.text.data);
		output_object("report", shown_json(&shown));
	}
	shown_free(&shown);
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

static const struct option_spec export_options[] = {
    {OPTION("format", 0, OPTION_CHOICE, "FORMAT", "text (default), or json: the signed original", &given.format),
	.choices = formats},
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write FILE, which must not be there yet", &given.output)},
    {0},
};

static enum err write_new(const char *path, const struct buffer *bytes)
{
	int fd;
	enum err err = new_file_open(&fd, path, 0644);

	return err == ERR_OK ? new_file_close(fd, path, new_file_write(fd, path, bytes)) : err;
}

static enum err report_export_run(const struct arguments *arguments)
{
	struct shown shown = {0};
	enum err err;

	if (!given.output)
		return fail(PL_ARGUMENTS, "no file was named; usage: pulih report export RUN -o FILE");
	if (given.format == FORMAT_HTML || given.format == FORMAT_PDF)
		return fail(PL_OPTION_VALUE,
		    "--format: this version writes text and json; print the text instead of %s", formats[given.format]);
	err = load(&shown, arguments->items[0]);
	if (err == ERR_OK && given.format == FORMAT_TEXT)
		err = write_text(&shown);
	if (err == ERR_OK)
		err = write_new(given.output, given.format == FORMAT_JSON ? &shown.bytes : &shown.text);
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("%s written\n", given.output);
		output_object("summary",
		    json_pack("{s:s, s:o, s:s}", "run_id", member(&shown.original, "id"), "file", output_text(given.output),
			"format", formats[given.format]));
	}
	shown_free(&shown);
	return err;
}

const struct command report_export_command = {
    .name = "report export",
    .purpose = "write the report of a run to a file",
    .arguments = "RUN -o FILE",
    .least = 1,
    .most = 1,
    .options = export_options,
    .details = "text is what people sign; json is the signed original, whose signature anybody can check.",
    .examples = "pulih report export latest -o laporan.txt\npulih report export latest --format json -o laporan.json",
    .run = report_export_run,
};
