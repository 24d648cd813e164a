/* Papers that commands write: their forms, and where they go. */
#ifndef PULIH_CLI_PAPER_H
#define PULIH_CLI_PAPER_H

#include "core/record/record_review.h"
#include "core/record/report_model.h"

enum paper_format { PAPER_TEXT, PAPER_HTML, PAPER_PDF, PAPER_JSON };
/* For OPTION_CHOICE, in that order. The second lacks json. */
extern const char *const paper_formats[];
extern const char *const paper_formats_printed[];

/* A record of this machine's ledger, its signed bytes, and what was said of it since. Starts as {0}; released with paper_record_free. */
struct paper_record {
	struct record_original original;
	struct buffer bytes;
	struct record_review_list reviews;
};
/* `id` "latest": that of the last run. */
enum err paper_load(struct paper_record *out, struct record_ledger *ledger, const char *id);
/* The same from the ledger of the state folder. */
enum err paper_load_one(struct paper_record *out, const char *id);
void paper_record_free(struct paper_record *record);

/* Makes the time zone of an office that of the process; "" changes nothing. */
enum err paper_timezone(const char *zone);

/* The model in one of the forms but json, appended. */
enum err paper_render(const struct report_model *model, enum paper_format format, struct buffer *out);

/* Writes the bytes to a file that is not there yet (PL_OUTPUT_EXISTS), and says so; `run_id` "" for papers of no single run. Without a file
 * (NULL) text and json go to standard output; the others are PL_ARGUMENTS. */
enum err paper_write(const char *file, enum paper_format format, const char *run_id, const struct buffer *bytes);

#endif
