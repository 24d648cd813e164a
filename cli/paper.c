#include "cli/paper.h"

#include "cli/new_file.h"
#include "cli/settings.h"
#include "core/base/output.h"
#include "core/record/report_html.h"
#include "core/record/report_pdf.h"
#include "core/record/report_text.h"

#include <stdlib.h>
#include <time.h>

const char *const paper_formats[] = {"text", "html", "pdf", "json", NULL};
const char *const paper_formats_printed[] = {"text", "html", "pdf", NULL};

enum err paper_load(struct paper_record *out, struct record_ledger *ledger, const char *id)
{
	enum err err = record_ledger_get(ledger, id, &out->bytes);

	if (err == ERR_OK)
		err = record_read(&out->original, out->bytes.data, out->bytes.length);
	return err == ERR_OK ? record_review_list_load(&out->reviews, ledger, &out->original) : err;
}

enum err paper_load_one(struct paper_record *out, const char *id)
{
	struct record_ledger *ledger;
	enum err err = record_ledger_open(&ledger, settings.state_folder, false);

	if (err == ERR_OK)
		err = paper_load(out, ledger, id);
	record_ledger_close(ledger);
	return err;
}

void paper_record_free(struct paper_record *record)
{
	record_original_free(&record->original);
	record_review_list_free(&record->reviews);
	buffer_free(&record->bytes);
}

enum err paper_timezone(const char *zone)
{
	if (*zone && setenv("TZ", zone, 1) != 0)
		return fail_errno(PL_NO_MEMORY, "cannot set the time zone");
	tzset();
	return ERR_OK;
}

enum err paper_render(const struct report_model *model, enum paper_format format, struct buffer *out)
{
	switch (format) {
	case PAPER_HTML:
		return report_html(model, out);
	case PAPER_PDF:
		return report_pdf(model, out);
	default:
		return report_text(model, out);
	}
}

static enum err write_new(const char *path, const struct buffer *bytes)
{
	int fd;
	enum err err = new_file_open(&fd, path, 0644);

	return err == ERR_OK ? new_file_close(fd, path, new_file_write(fd, path, bytes)) : err;
}

enum err paper_write(const char *file, enum paper_format format, const char *run_id, const struct buffer *bytes)
{
	enum err err;

	if (!file && (format == PAPER_PDF || format == PAPER_HTML))
		return fail(PL_ARGUMENTS, "no file was named; give -o FILE.%s", paper_formats[format]);
	if (!file) {
		output_print("%.*s", (int)bytes->length, (const char *)bytes->data);
		return ERR_OK;
	}
	err = write_new(file, bytes);
	if (err != ERR_OK)
		return err;
	if (output_level() >= OUTPUT_NORMAL)
		output_print("%s written\n", file);
	output_object("summary",
	    json_pack("{s:s, s:o, s:s}", "run_id", run_id, "file", output_text(file), "format", paper_formats[format]));
	return ERR_OK;
}
