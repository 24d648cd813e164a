/* Sample papers in every form, to look at and for the images of the manual: papers FOLDER. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/record/record_report.h"
#include "core/record/report_html.h"
#include "core/record/report_pdf.h"
#include "core/record/report_recap.h"
#include "core/record/report_schedule.h"
#include "core/record/report_situation.h"
#include "core/record/report_text.h"
#include "tests/unit/report_samples.h"

typedef enum err render(const struct report_model *model, struct buffer *out);

static enum err write_form(
    const char *folder, const char *name, const char *ending, render *form, const struct report_model *model)
{
	char *path = mem_printf("%s/%s.%s", folder, name, ending);
	struct buffer bytes = {0};
	enum err err = path ? form(model, &bytes) : ERR_NOMEM;

	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0644);
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

static enum err write_paper(const char *folder, const char *name, const struct report_model *model)
{
	enum err err = write_form(folder, name, "txt", report_text, model);

	if (err == ERR_OK)
		err = write_form(folder, name, "html", report_html, model);
	return err == ERR_OK ? write_form(folder, name, "pdf", report_pdf, model) : err;
}

static enum err write_samples(const char *folder, const struct keys *keys)
{
	enum err err = ERR_OK;

	for (enum report_sample which = 0; err == ERR_OK && which < REPORT_SAMPLES; which++) {
		struct record_original original = {0};
		struct report_model model = {0};

		err = report_sample(&original, which, keys);
		if (err == ERR_OK)
			err = record_report(&model, &original, NULL);
		if (err == ERR_OK)
			err = write_paper(folder, report_sample_names[which], &model);
		report_model_free(&model);
		record_original_free(&original);
	}
	return err;
}

/* A month: what was planned, what ran, what did not. */
static enum err write_month(const char *folder, const struct keys *keys)
{
	struct report_samples_month month;
	struct report_model recap_paper = {0}, schedule = {0}, situation = {0};
	struct recap recap = {0};
	enum err err = report_samples_month(&month, keys);

	if (err == ERR_OK)
		err = recap_make(&recap, &month.list, &month.month, month.plans, month.plans_count, month.now);
	if (err == ERR_OK)
		err = report_recap(&recap_paper, &recap, &month.filer);
	if (err == ERR_OK)
		err = write_paper(folder, "recap", &recap_paper);
	if (err == ERR_OK)
		err = report_schedule(&schedule, &month.month, month.plans, month.plans_count, &month.filer);
	if (err == ERR_OK)
		err = write_paper(folder, "schedule", &schedule);
	if (err == ERR_OK)
		err = report_situation(&situation, &month.list.items[month.failed], &month.list);
	if (err == ERR_OK)
		err = write_paper(folder, "situation", &situation);
	report_model_free(&recap_paper);
	report_model_free(&schedule);
	report_model_free(&situation);
	recap_free(&recap);
	report_samples_month_free(&month);
	return err;
}

int main(int argc, char **argv)
{
	struct keys *keys = report_samples_begin();
	enum err err = ERR_FAILED;

	if (argc == 2 && keys)
		err = file_make_folders(argv[1], 0755);
	if (argc == 2 && keys && err == ERR_OK)
		err = write_samples(argv[1], keys);
	if (argc == 2 && keys && err == ERR_OK)
		err = write_month(argv[1], keys);
	keys_free(keys);
	if (err != ERR_OK)
		fprintf(stderr, "%s: %s\n", argv[0], argc == 2 ? failure_last()->text : "usage: papers FOLDER");
	return err == ERR_OK ? 0 : 1;
}
