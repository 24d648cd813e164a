#include "core/record/record_report.h"

#include "core/record/record_further.h"
#include "core/record/record_member.h"
#include "core/record/report_blocks.h"
#include "core/record/report_drill.h"
#include "core/record/report_parts.h"
#include "core/record/report_text.h"

#include <stdio.h>

bool record_report_is_english(const struct record_original *original)
{
	return strcmp(record_member_text(record_member(original->record, "office"), "language"), "en") == 0;
}

bool record_report_is_run(const struct record_original *original)
{
	const char *kind = record_member_text(original->record, "kind");

	return !*kind || strcmp(kind, RECORD_RUN) == 0 || strcmp(kind, RECORD_DRILL) == 0;
}

const char *record_report_status(const struct record_original *original)
{
	struct report_model words = {.english = record_report_is_english(original)};

	return report_parts_status(&words, original->record);
}

/* ---- the parts, from top to bottom ---- */

static void summary_fields(struct report_model *model, const struct record_original *original)
{
	json_t *record = original->record;
	unsigned annexes = report_parts_annexes(record).count;
	char number[16];

	snprintf(number, sizeof(number), "%u", annexes);
	report_model_field(model, WORD_REGISTER, report_parts_number(model, record_member_number(record, "number")));
	report_model_field(model, WORD_RUN, record_member_text(record, "id"));
	report_model_field_strong(model, WORD_STATUS, report_parts_status(model, record));
	report_model_field(model, WORD_ANNEXES,
	    annexes > 0 ? report_model_fill(model, WORD_ANNEXES_COUNT, RECORD_ARGUMENTS(number))
			: report_model_word(model, WORD_NONE));
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void activity_block(struct report_model *model, json_t *record)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 3, false},
	    {WORD_ACTIVITY, REPORT_NO_GROUP, 17, false}, {WORD_PERFORMER_COLUMN, REPORT_NO_GROUP, 10, false},
	    {WORD_REQUIREMENTS, WORD_QUALITY, 12, false}, {WORD_TIME, WORD_QUALITY, 8, false},
	    {WORD_OUTPUT, WORD_QUALITY, 10, false}, {WORD_REMARKS_COLUMN, REPORT_NO_GROUP, 10, false}};
	json_t *sop = record_member(record, "sop");
	const char *activity = record_member_text(sop, "activity"), *item = record_member_text(sop, "item");

	report_model_heading(model, WORD_ACTIVITY_BLOCK);
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	report_model_row(model,
	    (const char *const[]){*item ? item : "1",
		*activity ? activity : report_model_word(model, WORD_ACTIVITY_DEFAULT),
		or_dash(record_member_text(record_member(record, "performer"), "position")),
		or_dash(record_member_text(sop, "requirements")), or_dash(record_member_text(sop, "time")),
		or_dash(record_member_text(sop, "output")), report_parts_status(model, record)},
	    false);
}

/* The names of those databases whose consistency is "none". */
static const char *not_assured(struct report_model *model, json_t *databases)
{
	const char *names = "";
	json_t *database;
	size_t at;

	json_array_foreach(
	    databases, at, database) if (strcmp(record_member_text(database, "consistency"), "none") == 0) names =
	    report_model_format(model, "%s%s%s", names, *names ? ", " : "", record_member_text(database, "path"));
	return names;
}

static void consistency_fields(struct report_model *model, json_t *record)
{
	bool files = false, sqlite = false, servers = false;
	const char *lines[4], *names = not_assured(model, record_member(record, "databases"));
	size_t count = 0, at;
	json_t *source;

	json_array_foreach(record_member(record, "sources"), at, source)
	{
		const char *kind = record_member_text(source, "kind");

		files = files || strcmp(kind, "files") == 0;
		sqlite = sqlite || strcmp(kind, "sqlite") == 0;
		servers = servers || strcmp(kind, "mariadb") == 0 || strcmp(kind, "postgresql") == 0;
	}
	if (files)
		lines[count++] = report_model_word(model, WORD_CONSISTENCY_FILES);
	if (sqlite)
		lines[count++] = report_model_word(model, WORD_CONSISTENCY_DATABASES);
	if (servers)
		lines[count++] = report_model_word(model, WORD_CONSISTENCY_SERVERS);
	if (*names)
		lines[count++] = report_model_fill(model, WORD_CONSISTENCY_NOT_ASSURED, RECORD_ARGUMENTS(names));
	for (size_t i = 0; i < count; i++)
		if (i == 0)
			report_model_field(model, WORD_CONSISTENCY, lines[i]);
		else
			report_model_field_more(model, lines[i]);
}

static void done_block(struct report_model *model, json_t *record)
{
	report_model_heading(model, WORD_DONE_BLOCK);
	report_model_field(model, WORD_JOB, record_member_text(record, "job"));
	report_blocks_times(model, record);
	report_model_field(model, WORD_PERFORMER, report_parts_person(model, record_member(record, "performer")));
	report_model_field_given(model, WORD_RUN_BY, report_parts_login(model, record));
	report_model_field(model, WORD_REVIEWER, report_parts_person(model, record_member(record, "reviewer")));
	report_model_field(model, WORD_HOST,
	    report_model_format(
		model, "%s (%s)", record_member_text(record, "host"), record_member_text(record, "system")));
	report_model_field(model, WORD_PROGRAM, record_member_text(record, "tool"));
	report_parts_objects(model, record);
	report_model_field(model, WORD_METHOD, report_model_word(model, WORD_METHOD_TEXT));
	consistency_fields(model, record);
}

/* What is known of the disk or the disc, one word before each part. */
static const char *medium_text(struct report_model *model, json_t *medium)
{
	static const struct {
		const char *name;
		enum word word;
	} parts[] = {{"label", WORD_MEDIUM_LABEL}, {"uuid", WORD_MEDIUM_UUID}, {"serial", WORD_MEDIUM_SERIAL},
	    {"type", WORD_MEDIUM_TYPE}, {"device", WORD_MEDIUM_DEVICE}};
	const char *text = "";

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *value = record_member_text(medium, parts[i].name);

		if (*value)
			text = report_model_format(model, "%s%s%s %s", text, *text ? ", " : "",
			    report_model_word(model, parts[i].word), value);
	}
	return text;
}

static void media_fields(struct report_model *model, json_t *record)
{
	json_t *target = record_member(record, "target"), *repository = record_member(record, "repository");
	char total[RECORD_PHRASE], available[RECORD_PHRASE];
	const char *writer = record_member_text(repository, "writer");

	report_model_field(model, WORD_MEDIA,
	    report_model_format(
		model, "%s (%s)", record_member_text(target, "name"), record_member_text(target, "url")));
	report_model_field_given(model, WORD_MEDIUM, medium_text(model, record_member(target, "medium")));
	if (record_member_number(target, "total") > 0)
		report_model_field(model, WORD_CAPACITY,
		    report_model_format(model, "%s / %s",
			record_size(total, record_member_number(target, "total"), model->english),
			record_size(available, record_member_number(target, "available"), model->english)));
	if (!json_is_object(repository))
		return;
	report_model_field(model, WORD_REPOSITORY, record_member_text(repository, "id"));
	report_model_field(model, WORD_ENCRYPTION, record_member_text(repository, "suite"));
	report_model_field(
	    model, WORD_KEY, strspn(writer, "0") == strlen(writer) ? report_model_word(model, WORD_OWNER_KEY) : writer);
}

static void size_fields(struct report_model *model, json_t *totals)
{
	uint64_t bytes = record_member_number(totals, "bytes"), stored = record_member_number(totals, "bytes_stored");
	char phrase[RECORD_PHRASE];

	report_model_field(model, WORD_SOURCE_SIZE, record_size(phrase, bytes, model->english));
	report_model_field(
	    model, WORD_READ_SIZE, record_size(phrase, record_member_number(totals, "bytes_read"), model->english));
	report_model_field(
	    model, WORD_NEW_SIZE, record_size(phrase, record_member_number(totals, "bytes_new"), model->english));
	report_model_field(model, WORD_STORED_SIZE, record_size(phrase, stored, model->english));
	if (bytes > 0 && stored > 0)
		report_model_field(model, WORD_RATIO,
		    report_model_fill(
			model, WORD_RATIO_TEXT, RECORD_ARGUMENTS(record_ratio(phrase, bytes, stored, model->english))));
}

/* A member of the totals, counted. */
static const char *count(struct report_model *model, json_t *totals, const char *name)
{
	return report_parts_number(model, record_member_number(totals, name));
}

static void count_fields(struct report_model *model, json_t *totals)
{
	report_model_field(model, WORD_FILES,
	    report_model_fill(model, WORD_FILES_TEXT,
		RECORD_ARGUMENTS(count(model, totals, "files"), count(model, totals, "new_files"),
		    count(model, totals, "changed_files"), count(model, totals, "unchanged_files"))));
	report_model_field(model, WORD_FOLDERS, count(model, totals, "folders"));
	report_model_field(model, WORD_OTHERS,
	    report_model_fill(model, WORD_OTHERS_TEXT, RECORD_ARGUMENTS(count(model, totals, "others"))));
	report_model_field(model, WORD_PARTS,
	    report_model_fill(model, WORD_PARTS_TEXT,
		RECORD_ARGUMENTS(count(model, totals, "chunks"), count(model, totals, "chunks_new"),
		    count(model, totals, "packs_new"))));
	report_model_field(model, WORD_NOT_READ, count(model, totals, "unreadable"));
	report_model_field(model, WORD_CHANGED_WHILE_READ, count(model, totals, "changed_while_read"));
	report_model_field(model, WORD_VANISHED, count(model, totals, "vanished"));
}

static const char *consistency(const struct report_model *model, json_t *database)
{
	const char *name = record_member_text(database, "consistency");

	return strcmp(name, "snapshot") == 0 ? report_model_word(model, WORD_CONSISTENCY_SNAPSHOT)
	    : strcmp(name, "locked") == 0    ? report_model_word(model, WORD_CONSISTENCY_LOCKED)
	    : strcmp(name, "none") == 0	     ? report_model_word(model, WORD_CONSISTENCY_NONE)
					     : name;
}

/* "text (member)", or only the text where the member says nothing. */
static const char *with_detail(struct report_model *model, const char *text, json_t *database, const char *member)
{
	const char *detail = record_member_text(database, member);

	return *detail ? report_model_format(model, "%s (%s)", text, detail) : text;
}

static void databases_table(struct report_model *model, json_t *databases)
{
	static const struct report_heading columns[] = {{WORD_DATABASE, REPORT_NO_GROUP, 19, false},
	    {WORD_KIND, REPORT_NO_GROUP, 7, false}, {WORD_VERSION, REPORT_NO_GROUP, 8, false},
	    {WORD_TABLES, REPORT_NO_GROUP, 6, true}, {WORD_ROWS, REPORT_NO_GROUP, 9, true},
	    {WORD_SIZE, REPORT_NO_GROUP, 10, true}, {WORD_CONSISTENCY, REPORT_NO_GROUP, 11, false}};
	char size[RECORD_PHRASE];
	json_t *database;
	size_t at;

	if (json_array_size(databases) == 0)
		return;
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(databases, at, database)
	{
		record_size_short(size, record_member_number(database, "size"), model->english);
		report_model_row(model,
		    (const char *const[]){record_member_text(database, "path"), record_member_text(database, "kind"),
			with_detail(model, record_member_text(database, "version"), database, "client"),
			count(model, database, "tables"), count(model, database, "rows"), size,
			with_detail(model, consistency(model, database), database, "position")},
		    false);
	}
}

static const char *moment(struct report_model *model, json_t *time)
{
	char phrase[RECORD_PHRASE];

	return report_model_text(model, record_time_short(phrase, record_member_text(time, "local"), model->english));
}

/* Records of runs that did not get so far have neither. */
static void age_fields(struct report_model *model, json_t *record)
{
	json_t *rpo = record_member(record, "rpo"), *unread = record_member(record, "unread");
	char age[RECORD_PHRASE];

	if (json_is_object(rpo))
		report_model_field(model, WORD_RPO,
		    report_model_fill(model, WORD_RPO_TEXT,
			RECORD_ARGUMENTS(record_age(age, record_member_number(rpo, "reached_ms"), model->english),
			    moment(model, record_member(rpo, "previous")))));
	else if (rpo)
		report_model_field(model, WORD_RPO, report_model_word(model, WORD_RPO_NONE));
	if (json_is_object(unread))
		report_model_field(model, WORD_UNREAD,
		    report_model_fill(model, WORD_UNREAD_TEXT,
			RECORD_ARGUMENTS(record_age(age, record_member_number(unread, "age_ms"), model->english),
			    moment(model, record_member(unread, "since")), count(model, unread, "never_read_again"),
			    count(model, unread, "packs"))));
}

static void result_block(struct report_model *model, json_t *record)
{
	json_t *snapshot = record_member(record, "snapshot"), *totals = record_member(record, "totals");
	char rules[RECORD_RULES];

	report_model_heading(model, WORD_RESULT_BLOCK);
	report_model_field_strong(model, WORD_STATUS, report_parts_status(model, record));
	report_model_field(model, WORD_SNAPSHOT,
	    json_is_object(snapshot) ? record_member_text(snapshot, "id") : report_model_word(model, WORD_NONE));
	report_model_field_given(model, WORD_SNAPSHOT_BEFORE, record_member_text(snapshot, "previous"));
	media_fields(model, record);
	if (json_is_object(snapshot)) {
		size_fields(model, totals);
		count_fields(model, totals);
	}
	age_fields(model, record);
	report_model_field_given(
	    model, WORD_RETENTION, record_retention(rules, record_member_text(record, "retention"), model->english));
	databases_table(model, record_member(record, "databases"));
}

/* NULL for a check that has no words. */
static const char *check_words(const struct report_model *model, const char *name)
{
	static const struct {
		const char *name;
		enum word word;
	} checks[] = {{"structure", WORD_CHECK_STRUCTURE}, {"stored", WORD_CHECK_STORED},
	    {"earlier", WORD_CHECK_EARLIER}, {"ledger", WORD_CHECK_LEDGER}};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (strcmp(name, checks[i].name) == 0)
			return report_model_word(model, checks[i].word);
	return NULL;
}

static void verify_block(struct report_model *model, json_t *record)
{
	static const struct report_heading columns[] = {{WORD_NUMBER_COLUMN, REPORT_NO_GROUP, 6, false},
	    {WORD_CHECK, REPORT_NO_GROUP, 50, false}, {WORD_COMPARED, REPORT_NO_GROUP, 27, false},
	    {WORD_CHECK_RESULT, REPORT_NO_GROUP, 17, false}};
	json_t *checks = record_member(record, "checks"), *check;
	char number[24], size[RECORD_PHRASE];
	size_t at;

	report_model_heading(model, WORD_VERIFY_BLOCK);
	if (json_array_size(checks) == 0) {
		report_model_paragraph(model, report_model_word(model, WORD_NO_CHECK));
		return;
	}
	report_model_table(model, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(checks, at, check)
	{
		const char *name = record_member_text(check, "name"), *detail = record_member_text(check, "detail");
		bool good = json_is_true(record_member(check, "good"));
		const char *known = check_words(model, name), *words = known ? known : name;
		uint64_t bytes = record_member_number(check, "bytes");
		const char *objects = count(model, check, "objects");

		/* The detail of those that have words says the same in English: it is worth its place where something did not conform. */
		if (*detail && (!good || !known))
			words = report_model_format(model, "%s (%s)", words, detail);
		snprintf(number, sizeof(number), "%zu", at + 1);
		report_model_row(model,
		    (const char *const[]){number, words,
			bytes > 0 ? report_model_fill(model, WORD_COMPARED_SIZE_TEXT,
					RECORD_ARGUMENTS(objects, record_size(size, bytes, model->english)))
				  : report_model_fill(model, WORD_COMPARED_TEXT, RECORD_ARGUMENTS(objects)),
			report_model_word(model, good ? WORD_GOOD : WORD_BAD)},
		    !good);
	}
}

enum err record_report(
    struct report_model *model, const struct record_original *original, const struct record_review_list *reviews)
{
	enum err err;

	if (!record_report_is_run(original))
		return record_further(model, original);
	if (strcmp(record_member_text(original->record, "kind"), RECORD_DRILL) == 0)
		return report_drill(model, original, reviews);
	err = report_parts_begin(model, original, WORD_TITLE);
	if (err != ERR_OK)
		return err;
	summary_fields(model, original);
	report_blocks_sop(model, original->record);
	activity_block(model, original->record);
	done_block(model, original->record);
	result_block(model, original->record);
	verify_block(model, original->record);
	report_blocks_problem(model, original->record);
	report_blocks_follow_up(model, original->record, reviews);
	report_blocks_review(model, original, reviews);
	report_parts_proof(model, original);
	report_parts_put_annexes(model, original);
	return model->err;
}

enum err record_report_text(
    const struct record_original *original, const struct record_review_list *reviews, struct buffer *out)
{
	struct report_model model = {0};
	enum err err = record_report(&model, original, reviews);

	if (err == ERR_OK)
		err = report_text(&model, out);
	report_model_free(&model);
	return err;
}
