/* pulih report list, show, export */
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_ledger.h"
#include "core/record/record_report.h"

#include <string.h>

static struct {
	const char *output, *job;
	int format;
} given;

enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_HTML, FORMAT_PDF };
static const char *const formats[] = {"text", "json", "html", "pdf", NULL};

static const char *member(const struct record_original *original, const char *name)
{
	const char *text = json_string_value(json_object_get(original->record, name));

	return text ? text : "";
}

static const char *started(const struct record_original *original)
{
	const char *text = json_string_value(json_object_get(json_object_get(original->record, "started"), "local"));

	return text ? text : "";
}

/* ---- list ---- */

static const struct option_spec list_options[] = {
    {OPTION("job", 0, OPTION_TEXT, "NAME", "only runs of this job", &given.job)},
    {0},
};

static void show_line(const struct record_original *original)
{
	char hash[2 * HASH_SIZE + 1];

	output_print("%-44s %s  %s; %s\n", member(original, "id"), started(original), record_report_status(original),
	    record_report_review(original));
	output_object("report",
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "id", member(original, "id"), "job",
		member(original, "job"), "time", started(original), "status", record_report_status(original), "result",
		member(original, "status"), "review", record_report_review(original), "number",
		json_integer_value(json_object_get(original->record, "number")), "hash",
		hex_encode(hash, original->hash, HASH_SIZE), "signed", original->is_signed));
}

static enum err report_list_run(const struct arguments *arguments)
{
	struct record_list list;
	size_t shown = 0;
	enum err err = record_ledger_list(&list, settings.state_folder);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < list.count; i++) {
		if (given.job && strcmp(member(&list.items[i], "job"), given.job) != 0)
			continue;
		show_line(&list.items[i]);
		shown++;
	}
	if (shown == 0 && output_level() >= OUTPUT_NORMAL)
		output_print("no reports\n");
	if (list.damaged > 0)
		err = fail(PL_RECORD_BROKEN, "%s damaged", describe_count(list.damaged, "record").text);
	record_ledger_list_free(&list);
	return err;
}

const struct command report_list_command = {
    .name = "report list",
    .purpose = "list the reports of all runs",
    .arguments = "",
    .options = list_options,
    .examples = "pulih report list\npulih report list --job website --json",
    .run = report_list_run,
};

/* ---- show, export ---- */

static enum err load(struct record_original *original, struct buffer *bytes, const char *run_id)
{
	enum err err = record_ledger_load(settings.state_folder, run_id, bytes);

	return err == ERR_OK ? record_read(original, bytes->data, bytes->length) : err;
}

static enum err report_show_run(const struct arguments *arguments)
{
	struct record_original original = {0};
	struct buffer bytes = {0}, text = {0};
	char hash[2 * HASH_SIZE + 1];
	enum err err = load(&original, &bytes, arguments->items[0]);

	if (err == ERR_OK)
		err = record_report_text(&original, &text);
	if (err == ERR_OK) {
		output_print("%.*s", (int)text.length, (const char *)text.data);
		output_object("report",
		    json_pack("{s:O, s:s, s:b, s:s, s:s}", "record", original.record, "hash",
			hex_encode(hash, original.hash, HASH_SIZE), "signed", original.is_signed, "status",
			record_report_status(&original), "review", record_report_review(&original)));
	}
	record_original_free(&original);
	buffer_free(&bytes);
	buffer_free(&text);
	return err;
}

const struct command report_show_command = {
    .name = "report show",
    .purpose = "show the report of a run",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .details = "RUN is an id of pulih report list, or latest. The record's signature is checked first.",
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
	struct record_original original = {0};
	struct buffer bytes = {0}, text = {0};
	const struct buffer *wanted = given.format == FORMAT_JSON ? &bytes : &text;
	enum err err;

	if (!given.output)
		return fail(PL_ARGUMENTS, "no file was named; usage: pulih report export RUN -o FILE");
	if (given.format == FORMAT_HTML || given.format == FORMAT_PDF)
		return fail(PL_OPTION_VALUE,
		    "--format: this version writes text and json; print the text instead of %s", formats[given.format]);
	err = load(&original, &bytes, arguments->items[0]);
	if (err == ERR_OK && given.format == FORMAT_TEXT)
		err = record_report_text(&original, &text);
	if (err == ERR_OK)
		err = write_new(given.output, wanted);
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("%s written\n", given.output);
		output_object("summary",
		    json_pack("{s:s, s:o, s:s}", "run_id", member(&original, "id"), "file", output_text(given.output),
			"format", formats[given.format]));
	}
	record_original_free(&original);
	buffer_free(&bytes);
	buffer_free(&text);
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
