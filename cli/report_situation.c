/* pulih report situation */
#include "cli/commands.h"
#include "cli/paper.h"
#include "cli/settings.h"
#include "core/record/record_member.h"
#include "core/record/report_situation.h"

static struct {
	const char *output;
	int format;
} given;

static const struct option_spec options[] = {
    {OPTION("format", 0, OPTION_CHOICE, "FORMAT", "text (default), html, pdf", &given.format),
	.choices = paper_formats_printed},
    {OPTION("output", 'o', OPTION_TEXT, "FILE", "write FILE, which must not be there yet", &given.output)},
    {0},
};

static enum err run(const struct arguments *arguments)
{
	struct paper_record record = {0};
	struct record_ledger *ledger = NULL;
	struct report_model model = {0};
	struct record_list list = {0};
	struct buffer paper = {0};
	enum paper_format format = (enum paper_format)given.format;
	enum err err = record_ledger_open(&ledger, settings.state_folder, false);

	if (err == ERR_OK)
		err = paper_load(&record, ledger, arguments->items[0]);
	if (err == ERR_OK)
		err = report_situation_load(&list, ledger, &record.original);
	if (err == ERR_OK)
		err = paper_timezone(record_member_text(record_member(record.original.record, "office"), "timezone"));
	if (err == ERR_OK)
		err = report_situation(&model, &record.original, &list);
	if (err == ERR_OK)
		err = paper_render(&model, format, &paper);
	if (err == ERR_OK)
		err = paper_write(given.output, format, record_member_text(record.original.record, "id"), &paper);
	report_model_free(&model);
	record_list_free(&list);
	paper_record_free(&record);
	record_ledger_close(ledger);
	buffer_free(&paper);
	return err;
}

const struct command report_situation_command = {
    .name = "report situation",
    .purpose = "draft a report to the superior about a run that failed",
    .arguments = "RUN [-o FILE]",
    .least = 1,
    .most = 1,
    .options = options,
    .details =
	"What happened, its effect, what was done, what can be done, what is asked: a draft of the Laporan situasi\n"
	"kondisi, for people to complete and sign. Of a run with notes too. Without -o, text is printed.",
    .examples = "pulih report situation latest\npulih report situation latest --format pdf -o situasi.pdf",
    .run = run,
};
