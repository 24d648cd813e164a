/* pulih review list, approve, return */
#include "scheduler/review.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_report.h"
#include "scheduler/office.h"

static struct {
	const char *note, *by, *follow_up, *owner, *until;
	bool notes, overdue;
} given;

/* ---- approve, return ---- */

#define COMMON_OPTIONS                                                                                        \
	{OPTION("note", 0, OPTION_TEXT, "TEXT", "what the reviewer says; needed", &given.note)},              \
	    {OPTION("by", 0, OPTION_TEXT, "PERSON", "who reviews (default: the job's reviewer)", &given.by)}, \
	    {OPTION("follow-up", 0, OPTION_TEXT, "TEXT", "what remains to be done", &given.follow_up)},       \
	    {OPTION("owner", 0, OPTION_TEXT, "PERSON", "who does it", &given.owner)},                         \
	{                                                                                                     \
		OPTION("until", 0, OPTION_TEXT, "DATE", "until when: 2026-12-01", &given.until)               \
	}

static const struct option_spec approve_options[] = {
    COMMON_OPTIONS,
    {OPTION("notes", 0, OPTION_FLAG, NULL, "approve with notes", &given.notes)},
    {0},
};
static const struct option_spec return_options[] = {COMMON_OPTIONS, {0}};

/* The target of the job, unless the command line names another: its key signs. */
static enum err open_repository(struct repository *out, const struct configuration *configuration, const char *run_id)
{
	const struct configuration_job *job = NULL;
	enum err err = review_job(configuration, settings.state_folder, run_id, &job);

	if (err != ERR_OK)
		return err;
	if (!settings.repository && job)
		configured_use(configuration_target(configuration, job->target));
	return access_open(out);
}

static void report_review(const struct review_options *options, const struct review_result *result)
{
	const char *word =
	    record_review_word(options->decision, options->configuration->office.language == LANGUAGE_ENGLISH);

	if (result->warning[0])
		output_warning(PL_REVIEW_ROOT, "%s", result->warning);
	if (output_level() >= OUTPUT_NORMAL)
		output_print("%s: %s, %s\n  record %s\n", result->run_id, word, result->reviewer->name, result->id);
	output_object("review",
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", result->id, "run_id", result->run_id, "review", word,
		"review_result", record_review_name(options->decision), "reviewer", result->reviewer->id, "warning",
		result->warning, "stored", result->stored));
}

static enum err review(const char *run_id, enum record_decision decision)
{
	const struct configuration *configuration;
	struct repository repository = {0};
	struct review_result result = {0};
	struct review_options options = {.state_folder = settings.state_folder,
	    .repository = &repository,
	    .run_id = run_id,
	    .decision = decision,
	    .by = given.by,
	    .note = given.note,
	    .follow_up = given.follow_up,
	    .owner = given.owner,
	    .until = given.until};
	enum err err;

	if (!given.note)
		return fail(PL_ARGUMENTS, "there is no note: --note TEXT says what the reviewer found");
	err = configured_load(&configuration);
	if (err == ERR_OK)
		err = open_repository(&repository, configuration, run_id);
	if (err != ERR_OK)
		return err;
	options.configuration = configuration;
	err = review_make(&options, &result);
	if (err == ERR_OK)
		report_review(&options, &result);
	review_result_free(&result);
	repository_close(&repository);
	return err;
}

static enum err review_approve_run(const struct arguments *arguments)
{
	return review(arguments->items[0], given.notes ? RECORD_APPROVED_NOTES : RECORD_APPROVED);
}

static enum err review_return_run(const struct arguments *arguments)
{
	return review(arguments->items[0], RECORD_RETURNED);
}

#define DETAILS                                                                                                       \
	"RUN is an id of pulih report list, or latest. The review is a signed record of its own, bound to what was\n" \
	"reviewed; nothing is changed, and every review stays. Nobody reviews their own runs. Where the\n"            \
	"configuration gives a person a Unix user (login), only that user acts as this person; root can, and the\n"   \
	"record says so. A follow-up needs --follow-up, --owner and --until together."

const struct command review_approve_command = {
    .name = "review approve",
    .purpose = "approve the report of a run",
    .arguments = "RUN --note TEXT",
    .least = 1,
    .most = 1,
    .options = approve_options,
    .details = DETAILS,
    .examples = "pulih review approve latest --note \"Lengkap\"\n"
		"pulih review approve latest --notes --note \"Dua berkas tidak terbaca\" --follow-up \"Perbaiki izin\" "
		"--owner admin --until 2026-12-01",
    .run = review_approve_run,
};

const struct command review_return_command = {
    .name = "review return",
    .purpose = "send the report of a run back to who performed it",
    .arguments = "RUN --note TEXT",
    .least = 1,
    .most = 1,
    .options = return_options,
    .details = DETAILS,
    .examples = "pulih review return latest --note \"Basis data tidak ikut\"",
    .run = review_return_run,
};

/* ---- list ---- */

static const struct option_spec list_options[] = {
    {OPTION("overdue", 0, OPTION_FLAG, NULL, "only what waits longer than the configuration allows", &given.overdue)},
    {0},
};

/* Context of show_waiting(). */
struct waiting_list {
	int64_t now;
	size_t shown, overdue;
};

static enum err show_waiting(void *context, const struct review_waiting *waiting)
{
	struct waiting_list *list = context;
	const struct record_heading *run = waiting->run->heading;
	const struct configuration_person *escalated = waiting->escalated_to;
	const char *name = review_waiting_name(waiting->state);
	char since[DESCRIBE_TIME];
	int days = (int)((list->now - waiting->since) / (24 * 3600 * CLOCK_SECOND));
	json_t *object;

	list->overdue += waiting->overdue;
	if (given.overdue && !waiting->overdue)
		return ERR_OK;
	list->shown++;
	output_print("%-44s %s  %s: %s since %s (%s)%s%s%s\n", run->id, record_report_status(waiting->run->original),
	    name, waiting->who, describe_time(since, waiting->since),
	    describe_count((uint64_t)(days > 0 ? days : 0), "day").text,
	    waiting->overdue && waiting->state == REVIEW_RETURNED ? ", overdue" : "", escalated ? "; also " : "",
	    escalated ? escalated->name : "");
	object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:b}", "id", run->id, "job", run->job, "status",
	    record_report_status(waiting->run->original), "result", run->status, "state", name, "who", waiting->who,
	    "since", describe_time_json(waiting->since), "days", days, "overdue", waiting->overdue);
	if (object && escalated)
		json_object_set_new(object, "escalated_to", json_string(escalated->id));
	output_object("waiting", object);
	return ERR_OK;
}

static enum err review_list_run(const struct arguments *arguments)
{
	const struct configuration *configuration;
	struct waiting_list list = {.now = clock_now()};
	struct record_ledger *ledger = NULL;
	enum err err = configured_load(&configuration);

	(void)arguments;
	if (err == ERR_OK)
		err = office_enter_zone(configuration);
	if (err == ERR_OK)
		err = record_ledger_open(&ledger, settings.state_folder, false);
	if (err == ERR_OK)
		err = review_waiting_each(configuration, ledger, list.now, NULL, show_waiting, &list);
	if (err == ERR_OK || err == ERR_CORRUPT) {
		if (list.shown == 0 && output_level() >= OUTPUT_NORMAL)
			output_print("nothing %s\n", given.overdue ? "is overdue" : "waits for a review");
		output_object(
		    "summary", json_pack("{s:i, s:i}", "waiting", (int)list.shown, "overdue", (int)list.overdue));
	}
	record_ledger_close(ledger);
	return err;
}

const struct command review_list_command = {
    .name = "review list",
    .purpose = "list the reports that wait for a review, for whom and since when",
    .arguments = "",
    .options = list_options,
    .details = "waiting:   for the reviewer\n"
	       "overdue:   for longer than review.remind_after of the configuration (3d)\n"
	       "escalated: for longer than review.escalate_after (7d), for the next person as well\n"
	       "returned:  sent back; for who performed the run",
    .examples = "pulih review list\npulih review list --overdue --json",
    .run = review_list_run,
};
