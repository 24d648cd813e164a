/* pulih report list */
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_report.h"
#include "scheduler/office.h"

#include <string.h>
#include <time.h>

#define LAST_MOST 1000000

static struct {
	const char *job, *month;
	uint64_t last;
} given;

static const char *started(const struct record_original *original)
{
	const char *text = json_string_value(json_object_get(json_object_get(original->record, "started"), "local"));

	return text ? text : "";
}

static const struct option_spec list_options[] = {
    {OPTION("job", 0, OPTION_TEXT, "JOB", "only runs of this job", &given.job)},
    {OPTION("month", 0, OPTION_TEXT, "YYYY-MM", "only runs that began in this month", &given.month)},
    {OPTION("last", 0, OPTION_NUMBER, "N", "only the last N", &given.last), .most = LAST_MOST},
    {0},
};

/* Context of show_line(). */
struct listing {
	struct record_ledger *ledger;
	struct record_filter filter;
	size_t shown, damaged;
};

static enum err show_line(void *context, const struct record_row *row)
{
	struct listing *listing = context;
	const struct record_original *original = row->original;
	struct record_review_list reviews;
	const char *review;
	char hash[2 * HASH_SIZE + 1];
	enum err err = record_review_list_load(&reviews, listing->ledger, original);

	if (err == ERR_CORRUPT) {
		output_failure_warning(failure_last());
		listing->damaged++;
	} else if (err != ERR_OK) {
		return err;
	}
	review = record_review_word(record_review_decision(&reviews), record_report_is_english(original));
	output_print("%-44s %s  %s; %s\n", row->heading->id, started(original), record_report_status(original), review);
	output_object("report",
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:b}", "id", row->heading->id, "kind",
		row->heading->kind, "job", row->heading->job, "time", started(original), "status",
		record_report_status(original), "result", row->heading->status, "review", review, "review_result",
		record_review_name(record_review_decision(&reviews)), "reviews", (int)reviews.count, "number",
		(json_int_t)row->heading->number, "hash", hex_encode(hash, original->hash, HASH_SIZE), "signed",
		original->is_signed));
	listing->shown++;
	record_review_list_free(&reviews);
	return ERR_OK;
}

/* The months of the office, where there is a configuration that names its time zone. */
static enum err choose_month(struct record_filter *filter)
{
	const struct configuration *configuration = NULL;
	struct tm parts = {.tm_mday = 1, .tm_isdst = -1}, next;
	const char *end = strptime(given.month, "%Y-%m", &parts);
	enum err err;

	if (!end || *end || strlen(given.month) != strlen("2026-11"))
		return fail(PL_OPTION_VALUE, "--month: \"%s\" is no month; write it as 2026-11", given.month);
	err = configured_if_any(&configuration);
	if (err == ERR_OK && configuration)
		err = office_enter_zone(configuration);
	if (err != ERR_OK)
		return err;
	next = parts;
	next.tm_mon++;
	filter->from = (int64_t)mktime(&parts) * CLOCK_SECOND;
	filter->to = (int64_t)mktime(&next) * CLOCK_SECOND;
	return ERR_OK;
}

static enum err report_list_run(const struct arguments *arguments)
{
	struct listing listing = {.filter = {.reports = true, .job = given.job, .last = given.last}};
	enum err err = given.month ? choose_month(&listing.filter) : ERR_OK;

	(void)arguments;
	if (err == ERR_OK)
		err = record_ledger_open(&listing.ledger, settings.state_folder, false);
	if (err == ERR_OK)
		err = record_ledger_each(listing.ledger, &listing.filter, show_line, &listing);
	if (err == ERR_OK && listing.damaged > 0)
		err =
		    fail(PL_RECORD_BROKEN, "reviews of %s are damaged", describe_count(listing.damaged, "report").text);
	if (err == ERR_OK && listing.shown == 0 && output_level() >= OUTPUT_NORMAL)
		output_print("no reports in %s\n", settings.state_folder);
	record_ledger_close(listing.ledger);
	return err;
}

const struct command report_list_command = {
    .name = "report list",
    .purpose = "list the reports of all runs and drills, and their reviews",
    .arguments = "",
    .options = list_options,
    .examples = "pulih report list\npulih report list --job website --json\npulih report list --month 2026-11",
    .run = report_list_run,
};
