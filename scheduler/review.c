#include "scheduler/review.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_send.h"
#include "core/repo/config.h"
#include "scheduler/office.h"

#include <time.h>

#define NOTE_MAX 4096 /* bytes of a note, or of a follow-up */

/* What is known before the ledger is locked. */
struct review_making {
	const struct review_options *options;
	struct review_result *result;
	struct record_ledger *ledger;
	struct office_caller caller;
	struct record_original run;
	int64_t now;
};

void review_result_free(struct review_result *result)
{
	buffer_free(&result->original);
	*result = (struct review_result){0};
}

static const char *person_member(const struct record_original *run, const char *person, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(run->record, person), name));

	return text ? text : "";
}

static enum err load_run(struct record_ledger *ledger, const char *run_id, struct record_original *out)
{
	struct record_heading heading;
	struct buffer bytes = {0};
	enum err err = record_ledger_get(ledger, run_id, &bytes);

	if (err == ERR_OK)
		err = record_read(out, bytes.data, bytes.length);
	if (err == ERR_OK)
		err = record_heading_read(&heading, out);
	if (err == ERR_OK && strcmp(heading.kind, RECORD_RUN) != 0 && strcmp(heading.kind, RECORD_DRILL) != 0)
		err = fail(PL_RECORD_MISSING, "%s is no run: it is a record of the kind %s", heading.id, heading.kind);
	buffer_free(&bytes);
	return err;
}

enum err review_job(const struct configuration *configuration, const char *state_folder, const char *run_id,
    const struct configuration_job **out)
{
	struct record_ledger *ledger;
	struct record_original run = {0};
	enum err err = record_ledger_open(&ledger, state_folder, false);

	*out = NULL;
	if (err == ERR_OK)
		err = load_run(ledger, run_id, &run);
	if (err == ERR_OK)
		*out = configuration_job(configuration, json_string_value(json_object_get(run.record, "job")));
	record_original_free(&run);
	record_ledger_close(ledger);
	return err;
}

/* ---- who ---- */

/* Who ran it with their own Unix user, whoever performs the job otherwise. */
static bool ran_it(const struct record_original *run, const struct configuration_person *person)
{
	const char *through = person_member(run, "login", "through");

	return person->login && strcmp(*through ? through : person_member(run, "login", "user"), person->login) == 0;
}

/* Whoever was given another id in the configuration since is still the same person. */
static bool is_performer(const struct record_original *run, const struct configuration_person *person)
{
	return ran_it(run, person) || strcmp(person_member(run, "performer", "id"), person->id) == 0 ||
	    configuration_same_person(person_member(run, "performer", "name"), person_member(run, "performer", "nip"),
		person->name, person->nip);
}

static enum err check_person(struct review_making *making)
{
	const struct configuration *configuration = making->options->configuration;
	const char *job_name = json_string_value(json_object_get(making->run.record, "job"));
	const struct configuration_job *job = configuration_job(configuration, job_name);
	enum err err = office_acting(configuration, making->options->by, job ? job->reviewer : NULL, &making->caller,
	    &making->result->reviewer, making->result->warning);

	if (err == ERR_OK && is_performer(&making->run, making->result->reviewer))
		err = fail(PL_REVIEW_REFUSED, "%s performed the run %s and cannot review it",
		    making->result->reviewer->id, making->result->run_id);
	for (uint32_t i = 0; err == ERR_OK && i < configuration->people_count; i++)
		if (is_performer(&making->run, &configuration->people[i]) &&
		    office_is_login(&making->caller, &configuration->people[i]))
			err = fail(PL_REVIEW_REFUSED, "the Unix user %s is %s, who performed the run %s",
			    configuration->people[i].login, configuration->people[i].id, making->result->run_id);
	return err;
}

/* ---- what ---- */

static enum err check_text(const char *option, const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || strspn(text, " \t\r\n") == length)
		return fail(PL_OPTION_VALUE, "--%s: there is no text", option);
	if (length > NOTE_MAX)
		return fail(
		    PL_OPTION_VALUE, "--%s: the text has %zu bytes; at most %d are allowed", option, length, NOTE_MAX);
	return ERR_OK;
}

/* A day of the office's calendar that is not over. */
static enum err check_until(const char *until, int64_t now)
{
	time_t seconds = (time_t)(now / CLOCK_SECOND);
	struct tm day = {0}, again;
	char today[16], written[16] = "";
	const char *end = strptime(until, "%Y-%m-%d", &day);

	if (end && *end == '\0') {
		again = day;
		again.tm_hour = 12;
		mktime(&again); /* 31 February becomes another day */
		strftime(written, sizeof(written), "%Y-%m-%d", &again);
	}
	if (strcmp(written, until) != 0)
		return fail(PL_OPTION_VALUE, "--until: \"%s\" is no date; write it as 2026-12-01", until);
	localtime_r(&seconds, &again);
	strftime(today, sizeof(today), "%Y-%m-%d", &again);
	if (strcmp(until, today) < 0)
		return fail(PL_OPTION_VALUE, "--until: %s is over; today is %s", until, today);
	return ERR_OK;
}

static enum err check_options(const struct review_options *options, int64_t now)
{
	int given = (options->follow_up != NULL) + (options->owner != NULL) + (options->until != NULL);
	enum err err = check_text("note", options->note);

	if (err != ERR_OK || given == 0)
		return err;
	if (given != 3)
		return fail(
		    PL_OPTION_VALUE, "a follow-up needs all three: --follow-up TEXT --owner PERSON --until DATE");
	err = check_text("follow-up", options->follow_up);
	if (err == ERR_OK && !configuration_person(options->configuration, options->owner))
		err = fail(
		    PL_REVIEW_PERSON, "%s describes no person \"%s\"", options->configuration->file, options->owner);
	return err == ERR_OK ? check_until(options->until, now) : err;
}

/* Approved is approved, unless somebody has something new to say. */
static enum err check_again(struct review_making *making)
{
	struct record_review_list earlier;
	enum record_decision last;
	enum err err = record_review_list_load(&earlier, making->ledger, &making->run);

	if (err != ERR_OK)
		return err;
	last = record_review_decision(&earlier);
	for (size_t i = 0; err == ERR_OK && i < earlier.count; i++) {
		const char *note = json_string_value(json_object_get(earlier.items[i].record, "note"));

		if ((last == RECORD_APPROVED || last == RECORD_APPROVED_NOTES) && note &&
		    strcmp(note, making->options->note) == 0)
			err = fail(PL_REVIEW_EXISTS,
			    "the report of the run %s is reviewed already: %s, with this very note",
			    making->result->run_id, record_review_name(last));
	}
	record_review_list_free(&earlier);
	return err;
}

/* ---- the record ---- */

static enum err make_json(struct review_making *making, json_t **out)
{
	const struct review_options *options = making->options;
	const struct configuration_person *owner =
	    options->owner ? configuration_person(options->configuration, options->owner) : NULL;
	const char *job = json_string_value(json_object_get(making->run.record, "job"));
	struct record_review review = {.id = making->result->id,
	    .made = making->now,
	    .office = office_record(options->configuration),
	    .about = &making->run,
	    .decision = options->decision,
	    .reviewer = office_person(making->result->reviewer),
	    .role = office_role(making->result->reviewer),
	    .note = options->note,
	    .user = making->caller.user,
	    .through = making->caller.through,
	    .warning = making->result->warning,
	    .keys = options->repository->keys};

	if (owner)
		review.follow_up = (struct record_follow_up){options->follow_up, office_person(owner), options->until};
	if (record_new_id_of(making->result->id, RECORD_REVIEW, job, making->now) != ERR_OK)
		return failure_last()->kind;
	return record_review_json(out, &review);
}

/* Looked at and added in one transaction: of two reviewers at the same moment the second sees what the first said. */
static enum err add(struct review_making *making)
{
	json_t *record = NULL;
	enum err err = record_ledger_begin(making->ledger);

	if (err != ERR_OK)
		return err;
	err = check_again(making);
	if (err == ERR_OK)
		err = make_json(making, &record);
	if (err == ERR_OK)
		err = record_ledger_add_within(
		    making->ledger, record, making->options->repository->keys, &making->result->original);
	json_decref(record);
	if (err == ERR_OK)
		return record_ledger_commit(making->ledger);
	record_ledger_rollback(making->ledger);
	return err;
}

/* It is in the ledger: whatever comes now, the next occasion sends it. */
static void send(struct review_making *making)
{
	struct repository *repository = making->options->repository;
	int64_t place;
	enum err err = record_send(making->ledger, repository, NULL);

	if (err == ERR_OK)
		err = record_ledger_place(
		    making->ledger, repository->config->id, target_place(repository->target), true, &place);
	if (err == ERR_OK)
		err = record_ledger_is_held(
		    making->ledger, place, making->result->id, RECORD_HELD_OBJECT, &making->result->stored);
	if (err != ERR_OK)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: %s", failure_last()->text);
}

enum err review_make(const struct review_options *options, struct review_result *result)
{
	struct review_making making = {.options = options, .result = result, .now = clock_now()};
	enum err err = office_enter_zone(options->configuration);

	*result = (struct review_result){0};
	making.caller = office_caller();
	if (err == ERR_OK)
		err = check_options(options, making.now);
	if (err == ERR_OK)
		err = record_ledger_open(&making.ledger, options->state_folder, false);
	if (err == ERR_OK)
		err = load_run(making.ledger, options->run_id, &making.run);
	if (err == ERR_OK) {
		snprintf(result->run_id, sizeof(result->run_id), "%s",
		    json_string_value(json_object_get(making.run.record, "id")));
		err = check_person(&making);
	}
	if (err == ERR_OK)
		err = add(&making);
	if (err == ERR_OK)
		send(&making);
	record_original_free(&making.run);
	record_ledger_close(making.ledger);
	return err;
}
