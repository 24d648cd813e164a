/* pulih report schedule */
#include "cli/commands.h"
#include "cli/paper.h"
#include "cli/paper_month.h"
#include "core/record/report_schedule.h"

static struct {
	const char *output, *month;
	int format;
} given;

static const struct option_spec options[] = {
    {OPTION("month", 0, OPTION_TEXT, "YYYY-MM", "the month; by default the next one", &given.month)},
    {OPTION("format", 0, OPTION_CHOICE, "FORMAT", "text (default), html, pdf", &given.format),
	.choices = paper_formats_printed},
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write FILE, which must not be there yet", &given.output)},
    {0},
};

static enum err run(const struct arguments *arguments)
{
	struct month_plan plan = {0};
	struct report_model model = {0};
	struct report_month month;
	struct buffer paper = {0};
	enum paper_format format = (enum paper_format)given.format;
	enum err err = paper_month(&month, &plan, given.month, 1);

	(void)arguments;
	if (err == ERR_OK)
		err = report_schedule(&model, &month, plan.items, plan.count, &plan.filer);
	if (err == ERR_OK)
		err = paper_render(&model, format, &paper);
	if (err == ERR_OK)
		err = paper_write(given.output, format, "", &paper);
	buffer_free(&paper);
	report_model_free(&model);
	month_plan_free(&plan);
	return err;
}

const struct command report_schedule_command = {
    .name = "report schedule",
    .purpose = "print what is due in a month",
    .arguments = "[--month YYYY-MM] [-o FILE]",
    .options = options,
    .details = "Every backup and restore drill of the configuration, day by day, to be signed and hung up. Without -o, "
	       "text is\n"
	       "printed.",
    .examples = "pulih report schedule --month 2026-12\npulih report schedule --format pdf -o jadwal.pdf",
    .run = run,
};
