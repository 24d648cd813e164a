#include "core/record/report_drill.h"

#include "core/record/record_member.h"
#include "core/record/report_blocks.h"
#include "core/record/report_parts.h"

#include <stdio.h>
#include <string.h>

static const char *count(struct report_model *model, json_t *object, const char *name)
{
	return report_parts_number(model, record_member_number(object, name));
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

/* The word of a code; `otherwise` for one that this program does not know. */
struct code_word {
	const char *code;
	enum word word;
};
static enum word word_of(const struct code_word *words, size_t words_count, const char *code, enum word otherwise)
{
	for (size_t i = 0; i < words_count; i++)
		if (strcmp(words[i].code, code) == 0)
			return words[i].word;
	return otherwise;
}

/* ---- what was done ---- */

static bool is_good(json_t *record)
{
	return strcmp(record_member_text(record, "status"), "failed") != 0;
}

static void summary(struct report_model *model, json_t *record)
{
	const char *status = record_member_text(record, "status");

	report_model_field(model, WORD_REGISTER, report_parts_number(model, record_member_number(record, "number")));
	report_model_field(model, WORD_RECORD_ID, record_member_text(record, "id"));
	report_model_field_strong(model, WORD_STATUS, report_parts_status(model, record));
	report_model_field_strong(model, WORD_DRILL_CONCLUSION,
	    report_model_word(model,
		!is_good(record)				? WORD_DRILL_CONCLUSION_BAD
		    : strcmp(status, "success_with_notes") == 0 ? WORD_DRILL_CONCLUSION_NOTES
								: WORD_DRILL_CONCLUSION_GOOD));
}

static void done_block(struct report_model *model, json_t *record)
{
	json_t *drill = record_member(record, "drill"), *snapshot = record_member(drill, "snapshot");

	report_model_heading(model, WORD_DONE_BLOCK);
	report_model_field(model, WORD_JOB, record_member_text(record, "job"));
	report_model_field(model, WORD_DRILL_SCENARIO, report_model_word(model, WORD_DRILL_SCENARIO_TEXT));
	report_blocks_times(model, record);
	report_model_field(model, WORD_PERFORMER, report_parts_person(model, record_member(record, "performer")));
	report_model_field_given(model, WORD_RUN_BY, report_parts_login(model, record));
	report_model_field(model, WORD_REVIEWER, report_parts_person(model, record_member(record, "reviewer")));
	report_model_field(model, WORD_HOST,
	    report_model_format(
		model, "%s (%s)", record_member_text(record, "host"), record_member_text(record, "system")));
	report_model_field(model, WORD_PROGRAM, record_member_text(record, "tool"));
	report_parts_objects(model, record);
	report_model_field(model, WORD_MEDIA,
	    report_model_format(model, "%s (%s)", record_member_text(record_member(record, "target"), "name"),
		record_member_text(record_member(record, "target"), "url")));
	report_model_field(model, WORD_DRILL_PLACE, record_member_text(drill, "folder"));
	report_model_field(model, WORD_DRILL_SNAPSHOT,
	    json_is_object(snapshot) ? record_member_text(snapshot, "id") : report_model_word(model, WORD_NONE));
	if (json_is_object(record_member(snapshot, "started")))
		report_model_field(model, WORD_DRILL_SNAPSHOT_TIME, report_parts_time(model, snapshot, "started"));
}

/* ---- the result ---- */

static void time_field(struct report_model *model, enum word label, json_t *time, bool age)
{
	char reached[RECORD_PHRASE], target[RECORD_PHRASE];
	uint64_t reached_ms = record_member_number(time, "reached_ms"),
		 target_ms = record_member_number(time, "target_ms");

	if (!json_is_object(time))
		return;
	if (age)
		record_age(reached, reached_ms, model->english);
	else
		record_duration(reached, reached_ms, model->english);
	report_model_field(model, label,
	    report_model_fill(model, WORD_DRILL_TARGET_TEXT,
		RECORD_ARGUMENTS(reached,
		    target_ms > 0 ? record_age(target, target_ms, model->english)
				  : report_model_word(model, WORD_DRILL_NO_TARGET))));
}

static void result_block(struct report_model *model, json_t *drill)
{
	json_t *files = record_member(drill, "files");
	char size[RECORD_PHRASE];

	report_model_heading(model, WORD_DRILL_RESULT_BLOCK);
	time_field(model, WORD_DRILL_RTO, record_member(drill, "rto"), false);
	time_field(model, WORD_DRILL_RPO, record_member(drill, "rpo"), true);
	report_model_field(model, WORD_DRILL_FILES,
	    report_model_fill(model, WORD_DRILL_FILES_TEXT,
		RECORD_ARGUMENTS(count(model, files, "verified_files"),
		    record_size(size, record_member_number(files, "verified_bytes"), model->english),
		    count(model, files, "problems"))));
}

static void databases_block(struct report_model *model, json_t *databases)
{
	static const struct report_heading columns[] = {{WORD_DATABASE, REPORT_NO_GROUP, 22, false},
	    {WORD_KIND, REPORT_NO_GROUP, 12, false}, {WORD_DRILL_SERVERS, REPORT_NO_GROUP, 24, false},
	    {WORD_TABLES, REPORT_NO_GROUP, 9, true}, {WORD_ROWS, REPORT_NO_GROUP, 13, true},
	    {WORD_DRILL_VIEWS, REPORT_NO_GROUP, 9, true}, {WORD_DRILL_ROUTINES, REPORT_NO_GROUP, 11, true}};
	json_t *database;
	size_t at;

	report_model_heading(model, WORD_DRILL_DATABASES_BLOCK);
	if (json_array_size(databases) == 0) {
		report_model_paragraph(model, report_model_word(model, WORD_DRILL_NO_DATABASES));
		return;
	}
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(databases, at, database)
	{
		const char *from = record_member_text(database, "dumped_from");

		report_model_row(model,
		    (const char *const[]){record_member_text(database, "path"), record_member_text(database, "kind"),
			report_model_format(
			    model, "%s%s%s", from, *from ? " → " : "", record_member_text(database, "server")),
			count(model, database, "tables"), count(model, database, "rows"),
			count(model, database, "views"), count(model, database, "routines")},
		    false);
	}
}

static void assertions_block(struct report_model *model, json_t *assertions)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_DRILL_SOURCE, REPORT_NO_GROUP, 20, false}, {WORD_DRILL_QUESTION, REPORT_NO_GROUP, 32, false},
	    {WORD_DRILL_EXPECTED, REPORT_NO_GROUP, 14, false}, {WORD_DRILL_FOUND, REPORT_NO_GROUP, 14, false},
	    {WORD_CHECK_RESULT, REPORT_NO_GROUP, 14, false}};
	json_t *assertion;
	char number[24];
	size_t at;

	report_model_heading(model, WORD_DRILL_ASSERTIONS_BLOCK);
	if (json_array_size(assertions) == 0) {
		report_model_paragraph(model, report_model_word(model, WORD_DRILL_NO_ASSERTIONS));
		return;
	}
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(assertions, at, assertion)
	{
		bool good = json_is_true(record_member(assertion, "good"));

		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model,
		    (const char *const[]){number, record_member_text(assertion, "source"),
			record_member_text(assertion, "sql"), record_member_text(assertion, "expected"),
			record_member_text(assertion, "found"), report_model_word(model, good ? WORD_GOOD : WORD_BAD)},
		    !good);
	}
}

static void steps_block(struct report_model *model, json_t *steps)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_DRILL_STEP, REPORT_NO_GROUP, 28, false}, {WORD_DRILL_OBJECT, REPORT_NO_GROUP, 26, false},
	    {WORD_DRILL_BEGAN, REPORT_NO_GROUP, 16, false}, {WORD_DRILL_TOOK, REPORT_NO_GROUP, 12, true},
	    {WORD_CHECK_RESULT, REPORT_NO_GROUP, 12, false}};
	static const struct code_word actions[] = {{"prepare", WORD_DRILL_STEP_PREPARE},
	    {"files", WORD_DRILL_STEP_FILES}, {"server", WORD_DRILL_STEP_SERVER}, {"load", WORD_DRILL_STEP_LOAD},
	    {"compare", WORD_DRILL_STEP_COMPARE}, {"sqlite", WORD_DRILL_STEP_SQLITE},
	    {"assertion", WORD_DRILL_STEP_ASSERTION}, {"clean", WORD_DRILL_STEP_CLEAN}};
	json_t *step;
	char number[24], took[RECORD_PHRASE], began[RECORD_PHRASE];
	size_t at;

	if (json_array_size(steps) == 0)
		return;
	report_model_heading(model, WORD_DRILL_STEPS_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(steps, at, step)
	{
		bool good = json_is_true(record_member(step, "good"));

		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model,
		    (const char *const[]){number,
			report_model_word(model,
			    word_of(actions, sizeof(actions) / sizeof(actions[0]), record_member_text(step, "action"),
				WORD_DRILL_STEP)),
			record_member_text(step, "object"),
			record_time_short(
			    began, record_member_text(record_member(step, "started"), "local"), model->english),
			record_duration(took, record_member_number(step, "duration_ms"), model->english),
			report_model_word(model, good ? WORD_GOOD : WORD_BAD)},
		    !good);
	}
}

/* ---- findings ---- */

static const char *finding_words(struct report_model *model, json_t *finding)
{
	static const struct code_word words[] = {{"file", WORD_DRILL_FIND_FILE}, {"files", WORD_DRILL_FIND_FILE},
	    {"metadata", WORD_DRILL_FIND_METADATA}, {"load", WORD_DRILL_FIND_LOAD},
	    {"compare", WORD_DRILL_FIND_COMPARE}, {"database_missing", WORD_DRILL_FIND_DATABASE},
	    {"database_added", WORD_DRILL_FIND_DATABASE}, {"table_missing", WORD_DRILL_FIND_TABLE},
	    {"table_added", WORD_DRILL_FIND_TABLE}, {"rows_count", WORD_DRILL_FIND_COUNT},
	    {"rows", WORD_DRILL_FIND_ROWS}, {"structure", WORD_DRILL_FIND_STRUCTURE},
	    {"counted_rows", WORD_DRILL_FIND_COUNTED}, {"counted_tables", WORD_DRILL_FIND_COUNTED},
	    {"sqlite", WORD_DRILL_FIND_SQLITE}, {"assertion", WORD_DRILL_FIND_ASSERTION}, {"rto", WORD_DRILL_FIND_RTO},
	    {"rpo", WORD_DRILL_FIND_RPO}, {"users", WORD_DRILL_FIND_USERS}, {"version", WORD_DRILL_FIND_VERSION},
	    {"clean", WORD_DRILL_FIND_CLEAN}};
	/* Of these the message says more than the words can. */
	static const char *const told[] = {"file", "files", "metadata", "load", "compare", "sqlite", "users", "clean"};
	const char *code = record_member_text(finding, "code");
	const char *text =
	    report_model_word(model, word_of(words, sizeof(words) / sizeof(words[0]), code, WORD_DRILL_FIND_OTHER));

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(code, told[i]) == 0)
			return report_model_format(model, "%s: %s", text, record_member_text(finding, "text"));
	return text;
}

static void findings_block(struct report_model *model, json_t *drill)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_DRILL_SEVERITY, REPORT_NO_GROUP, 10, false}, {WORD_DRILL_WHAT, REPORT_NO_GROUP, 36, false},
	    {WORD_DRILL_OBJECT, REPORT_NO_GROUP, 24, false}, {WORD_DRILL_EXPECTED, REPORT_NO_GROUP, 12, false},
	    {WORD_DRILL_FOUND, REPORT_NO_GROUP, 12, false}};
	json_t *findings = record_member(drill, "findings"), *finding;
	char number[24];
	size_t at;

	report_model_heading(model, WORD_DRILL_FINDINGS_BLOCK);
	if (json_array_size(findings) == 0) {
		report_model_paragraph(model, report_model_word(model, WORD_DRILL_NO_FINDING));
		return;
	}
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(findings, at, finding)
	{
		bool note = strcmp(record_member_text(finding, "severity"), "note") == 0;

		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model,
		    (const char *const[]){number, report_model_word(model, note ? WORD_DRILL_NOTE : WORD_DRILL_MAJOR),
			finding_words(model, finding), or_dash(record_member_text(finding, "object")),
			or_dash(record_member_text(finding, "expected")),
			or_dash(record_member_text(finding, "found"))},
		    !note);
	}
	if (record_member_number(drill, "findings_omitted") > 0)
		report_model_paragraph(model,
		    report_model_fill(
			model, WORD_DRILL_MORE, RECORD_ARGUMENTS(count(model, drill, "findings_omitted"))));
}

enum err report_drill(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews)
{
	json_t *record = original->record, *drill = record_member(record, "drill");
	enum err err = report_parts_begin(model, original, WORD_DRILL_TITLE);

	if (err != ERR_OK)
		return err;
	summary(model, record);
	report_blocks_sop(model, record);
	done_block(model, record);
	/* One that was cut off, or could not begin, has no result. */
	if (json_is_array(record_member(drill, "steps"))) {
		result_block(model, drill);
		databases_block(model, record_member(drill, "databases"));
		assertions_block(model, record_member(drill, "assertions"));
		steps_block(model, record_member(drill, "steps"));
		findings_block(model, drill);
	}
	report_blocks_problem(model, record);
	report_blocks_follow_up(model, record, reviews);
	report_blocks_review(model, original, reviews);
	report_parts_proof(model, original);
	report_parts_put_annexes(model, original);
	return model->err;
}
