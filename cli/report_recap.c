/* pulih report recap */
#include "cli/commands.h"
#include "cli/paper.h"
#include "cli/paper_month.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/report_recap.h"
#include "core/repo/canonical.h"

static struct {
	const char *output, *month;
	int format;
} given;

static const struct option_spec options[] = {
    {OPTION("month", 0, OPTION_TEXT, "YYYY-MM", "the month; by default this one", &given.month)},
    {OPTION("format", 0, OPTION_CHOICE, "FORMAT", "text (default), html, pdf, json", &given.format),
	.choices = paper_formats},
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write FILE, which must not be there yet", &given.output)},
    {0},
};

static enum err make_json(const struct recap *recap, struct buffer *out)
{
	json_t *object = recap_json(recap);
	enum err err = object ? canonical_write(object, out) : ERR_NOMEM;

	if (err == ERR_OK)
		err = buffer_append_u8(out, '\n');
	json_decref(object);
	return err;
}

static enum err make_paper(const struct recap *recap, const struct report_filer *filer, struct buffer *out)
{
	struct report_model model = {0};
	enum err err = report_recap(&model, recap, filer);

	if (err == ERR_OK)
		err = paper_render(&model, (enum paper_format)given.format, out);
	report_model_free(&model);
	return err;
}

static enum err run(const struct arguments *arguments)
{
	struct record_ledger *ledger = NULL;
	struct record_list list = {0};
	struct month_plan plan = {0};
	struct recap recap = {0};
	struct report_month month;
	struct buffer bytes = {0};
	enum err err = paper_month(&month, &plan, given.month, 0);

	(void)arguments;
	if (err == ERR_OK)
		err = record_ledger_open(&ledger, settings.state_folder, false);
	if (err == ERR_OK)
		err = recap_load(&list, ledger, &month);
	if (err == ERR_OK)
		err = month_plan_look(&plan, ledger, settings.state_folder);
	if (err == ERR_OK)
		err = recap_make(&recap, &list, &month, plan.items, plan.count, clock_now());
	if (err == ERR_OK)
		err = given.format == PAPER_JSON ? make_json(&recap, &bytes) : make_paper(&recap, &plan.filer, &bytes);
	if (err == ERR_OK)
		output_object("recap", recap_json(&recap));
	if (err == ERR_OK)
		err = paper_write(given.output, (enum paper_format)given.format, "", &bytes);
	if (err == ERR_OK && list.damaged > 0)
		err = fail(PL_RECORD_BROKEN, "records of runs are damaged, and not counted");
	buffer_free(&bytes);
	recap_free(&recap);
	record_list_free(&list);
	record_ledger_close(ledger);
	month_plan_free(&plan);
	return err;
}

const struct command report_recap_command = {
    .name = "report recap",
    .purpose = "recapitulate the runs of a month",
    .arguments = "[--month YYYY-MM] [-o FILE]",
    .options = options,
    .details = "For each job what was planned, done, late, missed and failed, how much was stored, what was found and "
	       "whether\n"
	       "it was reviewed. Counts the records of this machine. Without -o, text and json are printed.",
    .examples = "pulih report recap\npulih report recap --month 2026-11 --format pdf -o rekap.pdf",
    .run = run,
};
