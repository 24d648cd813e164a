/* pulih report list, show */
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/paper.h"
#include "cli/settings.h"
#include "core/base/output.h"
#include "core/record/record_ledger.h"
#include "core/record/record_report.h"

#include <string.h>

static struct {
	const char *job;
} given;

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

/* ---- show ---- */

static enum err report_show_run(const struct arguments *arguments)
{
	struct record_original original = {0};
	struct buffer bytes = {0}, text = {0};
	char hash[2 * HASH_SIZE + 1];
	enum err err = paper_load(&original, &bytes, arguments->items[0]);

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
