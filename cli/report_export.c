/* pulih report export */
#include "cli/commands.h"
#include "cli/paper.h"
#include "core/record/record_member.h"
#include "core/record/record_report.h"

static struct {
	const char *output;
	int format;
} given;

static const struct option_spec options[] = {
    {OPTION(
	 "format", 0, OPTION_CHOICE, "FORMAT", "text (default), html, pdf; json: the signed original", &given.format),
	.choices = paper_formats},
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write FILE, which must not be there yet", &given.output)},
    {0},
};

static enum err run(const struct arguments *arguments)
{
	struct paper_record record = {0};
	struct report_model model = {0};
	struct buffer paper = {0};
	enum paper_format format = (enum paper_format)given.format;
	enum err err;

	if (!given.output)
		return fail(PL_ARGUMENTS, "no file was named; usage: pulih report export RUN -o FILE");
	err = paper_load_one(&record, arguments->items[0]);
	if (err == ERR_OK && format != PAPER_JSON)
		err = record_report(&model, &record.original, &record.reviews);
	if (err == ERR_OK && format != PAPER_JSON)
		err = paper_render(&model, format, &paper);
	if (err == ERR_OK)
		err = paper_write(given.output, format, record_member_text(record.original.record, "id"),
		    format == PAPER_JSON ? &record.bytes : &paper);
	report_model_free(&model);
	paper_record_free(&record);
	buffer_free(&paper);
	return err;
}

const struct command report_export_command = {
    .name = "report export",
    .purpose = "write the report of a run to a file",
    .arguments = "RUN -o FILE",
    .least = 1,
    .most = 1,
    .options = options,
    .details =
	"pdf (A4) and html are for printing and signing; text says the same. json is the signed original, whose\n"
	"signature anybody can check. RUN is an id of pulih report list, or latest.",
    .examples = "pulih report export latest --format pdf -o laporan.pdf\n"
		"pulih report export latest --format json -o laporan.json",
    .run = run,
};
