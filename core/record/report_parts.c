#include "core/record/report_parts.h"

#include "core/record/record_member.h"
#include "core/record/report_failure.h"

#include <stdio.h>

#define OBJECTS_IN_BODY 12 /* more of them go into an annex: the body stays on two pages */

enum err report_parts_begin(struct report_model *model, const struct record_original *original, enum word title)
{
	json_t *record = original->record, *office = record_member(record, "office");

	model->english = strcmp(record_member_text(office, "language"), "en") == 0;
	if (!json_is_object(office) || !json_is_object(record_member(record, "performer")) ||
	    !json_is_object(record_member(record, "reviewer")) || !json_is_array(record_member(record, "problems")))
		return model->err = fail(PL_RECORD_BROKEN, "the record %s lacks what a report needs",
			   record_member_text(record, "id"));
	report_model_head(model, record_member_text(office, "name"), record_member_text(office, "address"), title, "");
	model->letter = report_model_word(model, WORD_LETTER);
	model->foot =
	    report_model_format(model, "%s  ·  %s", report_model_word(model, title), record_member_text(record, "id"));
	model->created = report_model_text(model, record_member_text(record_member(record, "started"), "utc"));
	return model->err;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void report_parts_begin_filed(
    struct report_model *model, const struct report_filer *filer, enum word title, const char *subtitle)
{
	report_model_head(model, filer->office.name, or_empty(filer->office.address), title, subtitle);
	model->letter = report_model_word(model, WORD_LETTER);
	model->foot =
	    report_model_format(model, "%s%s%s", report_model_word(model, title), *subtitle ? "  ·  " : "", subtitle);
}

static struct report_signature signature_of(
    const struct report_model *model, const struct record_person *person, enum word role)
{
	return (struct report_signature){.role = report_model_word(model, role),
	    .position = or_empty(person->position),
	    .name = or_empty(person->name),
	    .nip = or_empty(person->nip)};
}

void report_parts_sign_filed(struct report_model *model, const struct report_filer *filer)
{
	const struct report_signature signatures[] = {signature_of(model, &filer->acknowledger, WORD_ACKNOWLEDGED_BY),
	    signature_of(model, &filer->reviewer, WORD_CHECKED_BY),
	    signature_of(model, &filer->performer, WORD_MADE_BY)};

	report_model_signatures(
	    model, or_empty(filer->office.city), signatures, sizeof(signatures) / sizeof(signatures[0]));
}

const char *report_parts_number(struct report_model *model, uint64_t number)
{
	char digits[RECORD_PHRASE];

	return report_model_text(model, record_number(digits, number, model->english));
}

const char *report_parts_local(struct report_model *model, json_t *record, json_t *time)
{
	const char *zone = record_zone(record_member_text(record_member(record, "office"), "timezone"));
	char phrase[RECORD_PHRASE];

	return report_model_text(model, record_time(phrase, record_member_text(time, "local"), zone, model->english));
}

const char *report_parts_time(struct report_model *model, json_t *record, const char *name)
{
	json_t *time = record_member(record, name);
	char utc[RECORD_PHRASE];

	if (!json_is_object(time))
		return report_model_word(model, WORD_UNKNOWN);
	return report_model_format(model, "%s; %s", report_parts_local(model, record, time),
	    record_time_utc(utc, record_member_text(time, "utc"), model->english));
}

const char *report_parts_person(struct report_model *model, json_t *person)
{
	const char *nip = record_member_text(person, "nip");

	return report_model_format(model, "%s, %s%s%s%s%s", record_member_text(person, "name"),
	    record_member_text(person, "position"), *nip ? ", " : "", *nip ? report_model_word(model, WORD_NIP) : "",
	    *nip ? " " : "", nip);
}

const char *report_parts_login(struct report_model *model, json_t *record)
{
	json_t *login = record_member(record, "login");
	const char *user = record_member_text(login, "user"), *through = record_member_text(login, "through");

	return report_model_format(model, "%s%s%s%s", user, *through ? " (sudo: " : "", through, *through ? ")" : "");
}

const char *report_parts_status(const struct report_model *model, json_t *record)
{
	const char *status = record_member_text(record, "status");

	return report_model_word(model,
	    strcmp(status, "success") == 0		    ? WORD_SUCCESS
		: strcmp(status, "success_with_notes") == 0 ? WORD_NOTES
							    : WORD_FAILED);
}

struct report_signature report_parts_signature(const struct report_model *model, json_t *person, enum word role)
{
	return (struct report_signature){.role = report_model_word(model, role),
	    .position = record_member_text(person, "position"),
	    .name = record_member_text(person, "name"),
	    .nip = record_member_text(person, "nip")};
}

struct report_annexes report_parts_annexes(json_t *record)
{
	struct report_annexes annexes = {0};

	if (json_array_size(record_member(record, "sources")) > OBJECTS_IN_BODY)
		annexes.objects = ++annexes.count;
	if (json_array_size(record_member(record, "problems")) > 0 ||
	    record_member_number(record, "problems_omitted") > 0)
		annexes.problems = ++annexes.count;
	return annexes;
}

/* "files" and "sqlite" in words; of any other source its own name. */
static const char *source_kind(const struct report_model *model, json_t *source)
{
	const char *kind = record_member_text(source, "kind");

	return strcmp(kind, "files") == 0 ? report_model_word(model, WORD_FILES)
	    : strcmp(kind, "sqlite") == 0 ? report_model_word(model, WORD_DATABASE)
					  : kind;
}

void report_parts_objects(struct report_model *model, json_t *record)
{
	json_t *sources = record_member(record, "sources"), *source;
	unsigned annex = report_parts_annexes(record).objects;
	char number[16];
	size_t at;

	if (annex > 0) {
		snprintf(number, sizeof(number), "%u", annex);
		report_model_field(model, WORD_OBJECTS,
		    report_model_fill(model, WORD_OBJECTS_IN_ANNEX,
			RECORD_ARGUMENTS(report_parts_number(model, json_array_size(sources)), number)));
		return;
	}
	if (json_array_size(sources) == 0)
		report_model_field(model, WORD_OBJECTS, "");
	json_array_foreach(sources, at, source)
	{
		const char *line =
		    report_model_format(model, "%s %s", source_kind(model, source), record_member_text(source, "path"));

		if (at == 0)
			report_model_field(model, WORD_OBJECTS, line);
		else
			report_model_field_more(model, line);
	}
}

/* Of the commands before and after a run. */
static bool is_said(json_t *problem)
{
	const char *kind = record_member_text(problem, "kind");

	return strcmp(kind, "before") == 0 || strcmp(kind, "after") == 0;
}

uint64_t report_parts_said(json_t *record)
{
	json_t *problem;
	uint64_t count = 0;
	size_t at;

	json_array_foreach(record_member(record, "problems"), at, problem) count += is_said(problem);
	return count;
}

uint64_t report_parts_files(json_t *record)
{
	return json_array_size(record_member(record, "problems")) + record_member_number(record, "problems_omitted") -
	    report_parts_said(record);
}

void report_parts_failure(struct report_model *model, json_t *record)
{
	json_t *failure = record_member(record, "failure");
	char number[16];
	unsigned annex = report_parts_annexes(record).problems;
	uint64_t files = report_parts_files(record), said = report_parts_said(record);

	if (json_is_object(failure)) {
		report_model_field_strong(
		    model, WORD_PROBLEM_EXPLAINED, report_model_word(model, report_failure_cause(failure)));
		report_model_field(model, WORD_PROBLEM_MESSAGE,
		    report_model_format(
			model, "%s: %s", record_member_text(failure, "code"), record_member_text(failure, "message")));
	}
	if (annex == 0)
		return;
	snprintf(number, sizeof(number), "%u", annex);
	if (files > 0)
		report_model_field(model, WORD_PROBLEM_FILES,
		    report_model_fill(
			model, WORD_PROBLEM_FILES_TEXT, RECORD_ARGUMENTS(report_parts_number(model, files), number)));
	if (said > 0)
		report_model_field(model, WORD_PROBLEM_SAID,
		    report_model_fill(
			model, WORD_PROBLEM_SAID_TEXT, RECORD_ARGUMENTS(report_parts_number(model, said), number)));
}

void report_parts_follow_up(struct report_model *model, const struct record_review_list *reviews, size_t rows)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_FOLLOW_WHAT, REPORT_NO_GROUP, 50, false}, {WORD_FOLLOW_WHO, REPORT_NO_GROUP, 26, false},
	    {WORD_FOLLOW_UNTIL, REPORT_NO_GROUP, 18, false}};
	char number[16];

	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t row = 1, at = 0; row <= rows; row++) {
		json_t *asked = NULL;

		while (!asked && reviews && at < reviews->count) {
			asked = record_member(reviews->items[at++].record, "follow_up");
			asked = json_is_object(asked) ? asked : NULL;
		}
		snprintf(number, sizeof(number), "%zu", row);
		report_model_row(model,
		    (const char *const[]){number, record_member_text(asked, "text"),
			record_member_text(record_member(asked, "owner"), "name"), record_member_text(asked, "until")},
		    false);
	}
}

void report_parts_proof(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record;
	char hash[2 * HASH_SIZE + 1], key[2 * KEY_SIZE + 1];
	const char *previous = record_member_text(record, "previous");

	hex_encode(hash, original->hash, HASH_SIZE);
	report_model_heading(model, WORD_PROOF_BLOCK);
	report_model_proof(model,
	    report_model_format(
		model, "PULIH-RECORD:1:%s:%s %s", record_member_text(record, "id"), hash, REPORT_PARTS_CHECK));
	report_model_field(model, WORD_HASH, hash);
	report_model_field(model, WORD_PREVIOUS, *previous ? previous : report_model_word(model, WORD_FIRST));
	report_model_field(model, WORD_SIGNED_BY,
	    original->is_signed ? hex_encode(key, original->public_key, KEY_SIZE)
				: report_model_word(model, WORD_UNSIGNED));
	report_model_field(model, WORD_CHECK_COMMAND, REPORT_PARTS_CHECK);
	report_model_field_more(
	    model, report_model_format(model, "pulih report show %s", record_member_text(record, "id")));
}

/* ---- annexes ---- */

static const char *annex_note(struct report_model *model, json_t *record)
{
	return report_model_fill(model, WORD_ANNEX_OF,
	    RECORD_ARGUMENTS(model->title, report_parts_number(model, record_member_number(record, "number")),
		record_member_text(record, "id")));
}

static void objects_annex(struct report_model *model, json_t *record)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 8, false},
	    {WORD_KIND, REPORT_NO_GROUP, 18, false}, {WORD_PLACE, REPORT_NO_GROUP, 74, false}};
	json_t *source;
	char number[24];
	size_t at;

	report_model_annex(model, WORD_OBJECTS_ANNEX, annex_note(model, record));
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(record_member(record, "sources"), at, source)
	{
		const char *const cells[] = {number, source_kind(model, source), record_member_text(source, "path")};

		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model, cells, false);
	}
}

static enum word problem_word(const char *kind)
{
	return strcmp(kind, "unreadable") == 0	      ? WORD_NOT_READ
	    : strcmp(kind, "changed_while_read") == 0 ? WORD_CHANGED_WHILE_READ
	    : strcmp(kind, "before") == 0	      ? WORD_COMMAND_BEFORE
	    : strcmp(kind, "after") == 0	      ? WORD_COMMAND_AFTER
						      : WORD_VANISHED;
}

/* As the file system has it; a command as it was configured. */
static const char *problem_path(struct report_model *model, json_t *problem)
{
	return report_model_format(model, "%s%s", is_said(problem) ? "" : "/", record_member_text(problem, "path"));
}

/* Without the path, where it begins with it: that stands beside it already. */
static const char *problem_reason(json_t *problem, const char *path)
{
	const char *reason = record_member_text(problem, "reason");
	size_t length = strlen(path);

	return strncmp(reason, path, length) == 0 && strncmp(reason + length, ": ", 2) == 0 ? reason + length + 2
											    : reason;
}

static void problems_annex(struct report_model *model, json_t *record)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 8, true},
	    {WORD_FILE_STATE, REPORT_NO_GROUP, 18, false}, {WORD_FILE_NAME, REPORT_NO_GROUP, 54, false},
	    {WORD_REASON, REPORT_NO_GROUP, 20, false}};
	uint64_t omitted = record_member_number(record, "problems_omitted");
	json_t *problem;
	char number[24];
	size_t at;

	report_model_annex(model, report_parts_said(record) > 0 ? WORD_PROBLEM_ANNEX_SAID : WORD_PROBLEM_ANNEX,
	    annex_note(model, record));
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(record_member(record, "problems"), at, problem)
	{
		const char *path = problem_path(model, problem);
		const char *const cells[] = {number,
		    report_model_word(model, problem_word(record_member_text(problem, "kind"))), path,
		    problem_reason(problem, path)};

		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model, cells, false);
	}
	if (omitted > 0)
		report_model_paragraph(model,
		    report_model_fill(model, WORD_ANNEX_MORE, RECORD_ARGUMENTS(report_parts_number(model, omitted))));
}

void report_parts_put_annexes(struct report_model *model, const struct record_original *original)
{
	struct report_annexes annexes = report_parts_annexes(original->record);

	if (annexes.objects > 0)
		objects_annex(model, original->record);
	if (annexes.problems > 0)
		problems_annex(model, original->record);
}
