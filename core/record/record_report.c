#include "core/record/record_report.h"

#include "core/base/mem.h"
#include "core/record/record_words.h"
#include "core/record/report_page.h"

#define VALUE_MAX 640 /* bytes of a value that is put together here */

struct report {
	struct report_page page;
	const struct record_original *original;
	json_t *record;
	const struct record_review_list *reviews; /* NULL: there are none yet */
	bool english;
};

static json_t *member(json_t *object, const char *name)
{
	return json_object_get(object, name);
}

/* "" where there is none. */
static const char *text(json_t *object, const char *name)
{
	const char *value = json_string_value(member(object, name));

	return value ? value : "";
}

static uint64_t number(json_t *object, const char *name)
{
	json_int_t value = json_integer_value(member(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *word(const struct report *report, enum word which)
{
	return record_word(which, report->english);
}

static void field(struct report *report, enum word label, const char *value)
{
	report_page_field(&report->page, word(report, label), value);
}

static void field_given(struct report *report, enum word label, const char *value)
{
	if (*value)
		field(report, label, value);
}

static void heading(struct report *report, enum word which)
{
	report_page_heading(&report->page, word(report, which));
}

bool record_report_is_english(const struct record_original *original)
{
	return strcmp(text(member(original->record, "office"), "language"), "en") == 0;
}

const char *record_report_status(const struct record_original *original)
{
	const char *status = text(original->record, "status");

	return record_word(strcmp(status, "success") == 0   ? WORD_SUCCESS
		: strcmp(status, "success_with_notes") == 0 ? WORD_NOTES
							    : WORD_FAILED,
	    record_report_is_english(original));
}

/* ---- the parts, from top to bottom ---- */

static void letterhead(struct report *report)
{
	json_t *office = member(report->record, "office");
	char value[VALUE_MAX], digits[RECORD_PHRASE];

	report_page_centre(&report->page, text(office, "name"));
	report_page_centre(&report->page, text(office, "address"));
	report_page_rule(&report->page, '=');
	report_page_centre(&report->page, word(report, WORD_TITLE));
	report_page_line(&report->page, "");
	field(report, WORD_LETTER, "______________________________");
	snprintf(value, sizeof(value), "%s", record_number(digits, number(report->record, "number"), report->english));
	field(report, WORD_REGISTER, value);
	field(report, WORD_RUN, text(report->record, "id"));
}

static void sop_block(struct report *report)
{
	json_t *sop = member(report->record, "sop");

	if (!json_is_object(sop))
		return;
	heading(report, WORD_SOP_BLOCK);
	field(report, WORD_SOP_NUMBER, text(sop, "number"));
	field_given(report, WORD_SOP_TITLE, text(sop, "title"));
	field_given(report, WORD_SOP_CREATED, text(sop, "created"));
	field_given(report, WORD_SOP_REVISED, text(sop, "revised"));
	field_given(report, WORD_SOP_EFFECTIVE, text(sop, "effective"));
	field_given(report, WORD_SOP_APPROVED, text(sop, "approved_by"));
	field(report, WORD_SOP_ITEM, text(sop, "item"));
	field(report, WORD_SOP_ACTIVITY,
	    *text(sop, "activity") ? text(sop, "activity") : word(report, WORD_ACTIVITY_DEFAULT));
	field(report, WORD_SOP_OUTPUT, text(sop, "output"));
}

static void time_field(struct report *report, enum word label, const char *name)
{
	json_t *time = member(report->record, name);
	char local[RECORD_PHRASE], utc[RECORD_PHRASE], value[VALUE_MAX];

	if (!json_is_object(time)) {
		field(report, label, word(report, WORD_UNKNOWN));
		return;
	}
	snprintf(value, sizeof(value), "%s; %s", record_time(local, text(time, "local"), report->english),
	    record_time(utc, text(time, "utc"), report->english));
	field(report, label, value);
}

static void person_field(struct report *report, enum word label, json_t *person)
{
	const char *nip = text(person, "nip");
	char *value = mem_printf("%s, %s%s%s%s", text(person, "name"), text(person, "position"), *nip ? ", " : "",
	    *nip ? word(report, WORD_NIP) : "", *nip ? " " : "");
	char *whole = value ? mem_printf("%s%s", value, nip) : NULL;

	if (whole)
		field(report, label, whole);
	else
		report->page.err = ERR_NOMEM;
	mem_free(value);
	mem_free(whole);
}

static const char *trigger(const struct report *report)
{
	const char *trigger = text(report->record, "trigger");

	return word(report,
	    strcmp(trigger, "scheduled") == 0	   ? WORD_SCHEDULED
		: strcmp(trigger, "catch_up") == 0 ? WORD_CATCH_UP
		: strcmp(trigger, "retry") == 0	   ? WORD_RETRY
						   : WORD_MANUAL);
}

static void duration_field(struct report *report)
{
	char value[VALUE_MAX];
	uint64_t ms = number(report->record, "duration_ms"), seconds = ms / 1000;

	if (!json_is_integer(member(report->record, "duration_ms")))
		return;
	if (seconds < 60)
		snprintf(value, sizeof(value), report->english ? "%llu.%llu s" : "%llu,%llu detik",
		    (unsigned long long)seconds, (unsigned long long)(ms % 1000 / 100));
	else
		snprintf(value, sizeof(value), "%llu:%02u:%02u", (unsigned long long)(seconds / 3600),
		    (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
	field(report, WORD_DURATION, value);
}

static void done_block(struct report *report)
{
	json_t *record = report->record, *source;
	char value[VALUE_MAX], period[RECORD_PHRASE], schedule[RECORD_SCHEDULE];
	bool files = false, databases = false;
	size_t at;

	heading(report, WORD_DONE_BLOCK);
	field(report, WORD_JOB, text(record, "job"));
	field(report, WORD_PERIOD, record_period(period, text(record, "period"), report->english));
	field(report, WORD_TRIGGER, trigger(report));
	field_given(report, WORD_SCHEDULE, record_schedule(schedule, text(record, "schedule"), report->english));
	if (json_is_object(member(record, "planned")))
		time_field(report, WORD_PLANNED, "planned");
	time_field(report, WORD_STARTED, "started");
	time_field(report, WORD_ENDED, "ended");
	duration_field(report);
	person_field(report, WORD_PERFORMER, member(record, "performer"));
	person_field(report, WORD_REVIEWER, member(record, "reviewer"));
	snprintf(value, sizeof(value), "%.250s (%.300s)", text(record, "host"), text(record, "system"));
	field(report, WORD_HOST, value);
	json_array_foreach(member(record, "sources"), at, source)
	{
		bool file = strcmp(text(source, "kind"), "files") == 0;
		char *line = mem_printf("%s %s", word(report, file ? WORD_FILES : WORD_DATABASE), text(source, "path"));

		files = files || file;
		databases = databases || !file;
		if (line)
			report_page_field(&report->page, at == 0 ? word(report, WORD_OBJECTS) : "", line);
		else
			report->page.err = ERR_NOMEM;
		mem_free(line);
	}
	field(report, WORD_METHOD, word(report, WORD_METHOD_TEXT));
	if (files)
		field(report, WORD_CONSISTENCY, word(report, WORD_CONSISTENCY_FILES));
	if (databases)
		report_page_field(&report->page, files ? "" : word(report, WORD_CONSISTENCY),
		    word(report, WORD_CONSISTENCY_DATABASES));
}

static void medium_field(struct report *report, json_t *medium)
{
	static const struct {
		const char *name;
		enum word word;
	} parts[] = {{"label", WORD_MEDIUM_LABEL}, {"uuid", WORD_MEDIUM_UUID}, {"serial", WORD_MEDIUM_SERIAL},
	    {"type", WORD_MEDIUM_TYPE}, {"device", WORD_MEDIUM_DEVICE}};
	char value[VALUE_MAX] = "";
	size_t length = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && length < sizeof(value); i++)
		if (*text(medium, parts[i].name))
			length += (size_t)snprintf(value + length, sizeof(value) - length, "%s%s %.250s",
			    length ? ", " : "", word(report, parts[i].word), text(medium, parts[i].name));
	field_given(report, WORD_MEDIUM, value);
}

static void media_fields(struct report *report)
{
	json_t *target = member(report->record, "target"), *repository = member(report->record, "repository");
	char value[VALUE_MAX], total[RECORD_PHRASE], available[RECORD_PHRASE];
	char *media = mem_printf("%s (%s)", text(target, "name"), text(target, "url"));
	const char *writer = text(repository, "writer");

	if (media)
		field(report, WORD_MEDIA, media);
	else
		report->page.err = ERR_NOMEM;
	mem_free(media);
	medium_field(report, member(target, "medium"));
	if (number(target, "total") > 0) {
		snprintf(value, sizeof(value), "%s / %s", record_size(total, number(target, "total"), report->english),
		    record_size(available, number(target, "available"), report->english));
		field(report, WORD_CAPACITY, value);
	}
	if (!json_is_object(repository))
		return;
	field(report, WORD_ENCRYPTION, text(repository, "suite"));
	field(report, WORD_KEY, strspn(writer, "0") == strlen(writer) ? word(report, WORD_OWNER_KEY) : writer);
}

static void count_field(struct report *report, enum word label, const char *name)
{
	char digits[RECORD_PHRASE];

	field(report, label, record_number(digits, number(member(report->record, "totals"), name), report->english));
}

static void totals_fields(struct report *report)
{
	json_t *totals = member(report->record, "totals"), *database;
	char value[VALUE_MAX], a[RECORD_PHRASE], b[RECORD_PHRASE], c[RECORD_PHRASE], d[RECORD_PHRASE];
	bool english = report->english;
	size_t at;

	field(report, WORD_SOURCE_SIZE, record_size(a, number(totals, "bytes"), english));
	field(report, WORD_STORED_SIZE, record_size(a, number(totals, "bytes_stored"), english));
	snprintf(value, sizeof(value), "%s (%s %s, %s %s, %s %s)", record_number(a, number(totals, "files"), english),
	    record_number(b, number(totals, "new_files"), english), word(report, WORD_FILES_NEW),
	    record_number(c, number(totals, "changed_files"), english), word(report, WORD_FILES_CHANGED),
	    record_number(d, number(totals, "unchanged_files"), english), word(report, WORD_FILES_SAME));
	field(report, WORD_FILES, value);
	count_field(report, WORD_FOLDERS, "folders");
	json_array_foreach(member(report->record, "databases"), at, database)
	{
		char *line;

		record_number(a, number(database, "tables"), english);
		record_number(b, number(database, "rows"), english);
		record_size(c, number(database, "size"), english);
		line = mem_printf("%s: SQLite %s, %s %s, %s %s, %s", text(database, "path"), text(database, "version"),
		    a, word(report, WORD_TABLES), b, word(report, WORD_ROWS), c);
		if (line)
			field(report, WORD_DATABASE, line);
		else
			report->page.err = ERR_NOMEM;
		mem_free(line);
	}
	count_field(report, WORD_NOT_READ, "unreadable");
	count_field(report, WORD_CHANGED_WHILE_READ, "changed_while_read");
	count_field(report, WORD_VANISHED, "vanished");
}

static void age_value(
    struct report *report, char value[VALUE_MAX], const char *lead, uint64_t ms, enum word since, json_t *time)
{
	char age[RECORD_PHRASE], when[RECORD_PHRASE];

	snprintf(value, VALUE_MAX, "%s%s%s, %s %s", lead, *lead ? " " : "", record_age(age, ms, report->english),
	    word(report, since), record_time(when, text(time, "local"), report->english));
}

/* Records of earlier versions have neither. */
static void age_fields(struct report *report)
{
	json_t *rpo = member(report->record, "rpo"), *unread = member(report->record, "unread");
	char value[VALUE_MAX], never[RECORD_PHRASE], packs[RECORD_PHRASE];
	size_t length;

	if (json_is_object(rpo)) {
		age_value(report, value, "", number(rpo, "reached_ms"), WORD_RPO_SINCE, member(rpo, "previous"));
		field(report, WORD_RPO, value);
	} else if (rpo) {
		field(report, WORD_RPO, word(report, WORD_RPO_NONE));
	}
	if (!json_is_object(unread))
		return;
	age_value(report, value, word(report, WORD_UNREAD_AT_MOST), number(unread, "age_ms"), WORD_UNREAD_SINCE,
	    member(unread, "since"));
	length = strlen(value);
	snprintf(value + length, sizeof(value) - length, "; %s %s %s %s",
	    record_number(never, number(unread, "never_read_again"), report->english), word(report, WORD_UNREAD_OF),
	    record_number(packs, number(unread, "packs"), report->english), word(report, WORD_UNREAD_NEVER));
	field(report, WORD_UNREAD, value);
}

static void result_block(struct report *report)
{
	json_t *snapshot = member(report->record, "snapshot");
	char rules[RECORD_RULES];

	heading(report, WORD_RESULT_BLOCK);
	field(report, WORD_STATUS, record_report_status(report->original));
	field(report, WORD_SNAPSHOT, json_is_object(snapshot) ? text(snapshot, "id") : word(report, WORD_NONE));
	media_fields(report);
	if (json_is_object(snapshot))
		totals_fields(report);
	age_fields(report);
	field_given(
	    report, WORD_RETENTION, record_retention(rules, text(report->record, "retention"), report->english));
}

static const char *check_words(const struct report *report, const char *name)
{
	if (strcmp(name, "structure") == 0)
		return word(report, WORD_CHECK_STRUCTURE);
	if (strcmp(name, "stored") == 0)
		return word(report, WORD_CHECK_STORED);
	if (strcmp(name, "ledger") == 0)
		return word(report, WORD_CHECK_LEDGER);
	return strcmp(name, "earlier") == 0 ? word(report, WORD_CHECK_EARLIER) : name;
}

static void verify_block(struct report *report)
{
	json_t *check;
	size_t at, count = json_array_size(member(report->record, "checks"));
	char lead[24], value[VALUE_MAX], objects[RECORD_PHRASE], bytes[RECORD_PHRASE];

	heading(report, WORD_VERIFY_BLOCK);
	if (count == 0)
		report_page_hanging(&report->page, "", 0, word(report, WORD_NO_CHECK));
	json_array_foreach(member(report->record, "checks"), at, check)
	{
		snprintf(lead, sizeof(lead), "%zu.", at + 1);
		snprintf(value, sizeof(value), "%.300s", check_words(report, text(check, "name")));
		report_page_hanging(&report->page, lead, 4, value);
		snprintf(value, sizeof(value), "%s %s %s%s%s",
		    record_number(objects, number(check, "objects"), report->english), word(report, WORD_OBJECTS_COUNT),
		    word(report, WORD_COMPARED), number(check, "bytes") ? ", " : "",
		    number(check, "bytes") ? record_size(bytes, number(check, "bytes"), report->english) : "");
		report_page_hanging(&report->page, "", 4, value);
		snprintf(value, sizeof(value), "=> %s",
		    word(report, json_is_true(member(check, "good")) ? WORD_GOOD : WORD_BAD));
		report_page_hanging(&report->page, "", 4, value);
	}
}

static void problem_block(struct report *report)
{
	json_t *failure = member(report->record, "failure");
	char *line;

	heading(report, WORD_PROBLEM_BLOCK);
	if (!json_is_object(failure)) {
		report_page_hanging(&report->page, "", 0, word(report, WORD_NO_PROBLEM));
	} else {
		line = mem_printf("%s: %s", text(failure, "code"), text(failure, "message"));
		if (line)
			report_page_hanging(&report->page, "", 0, line);
		else
			report->page.err = ERR_NOMEM;
		mem_free(line);
	}
	if (strcmp(text(report->record, "status"), "success") == 0)
		return;
	heading(report, WORD_FOLLOW_BLOCK);
	report_page_line(&report->page, word(report, WORD_FOLLOW_LINE));
	report_page_line(&report->page, "");
	report_page_rule(&report->page, '_');
}

static void proof_block(struct report *report)
{
	char hash[2 * HASH_SIZE + 1], key[2 * KEY_SIZE + 1];
	const char *previous = text(report->record, "previous");
	char *command = mem_printf("pulih report show %s", text(report->record, "id"));

	heading(report, WORD_PROOF_BLOCK);
	field(report, WORD_HASH, hex_encode(hash, report->original->hash, HASH_SIZE));
	field(report, WORD_PREVIOUS, *previous ? previous : word(report, WORD_FIRST));
	field(report, WORD_SIGNED_BY,
	    report->original->is_signed ? hex_encode(key, report->original->public_key, KEY_SIZE)
					: word(report, WORD_UNSIGNED));
	if (command)
		field(report, WORD_CHECK_COMMAND, command);
	else
		report->page.err = ERR_NOMEM;
	mem_free(command);
}

static void follow_up_field(struct report *report, json_t *follow_up)
{
	char *line;

	if (!json_is_object(follow_up))
		return;
	line = mem_printf("%s (%s, %s %s)", text(follow_up, "text"), text(member(follow_up, "owner"), "name"),
	    word(report, WORD_REVIEW_DUE), text(follow_up, "until"));
	if (line)
		field(report, WORD_REVIEW_FOLLOW_UP, line);
	else
		report->page.err = ERR_NOMEM;
	mem_free(line);
}

/* All of them: a report that was sent back and approved later says both. */
static void review_fields(struct report *report)
{
	size_t count = report->reviews ? report->reviews->count : 0;
	char when[RECORD_PHRASE];

	if (count == 0)
		field(report, WORD_REVIEW, word(report, WORD_PENDING));
	for (size_t i = 0; i < count; i++) {
		const struct record_original *review = &report->reviews->items[i];

		field(report, WORD_REVIEW, record_review_word(record_review_decision_of(review), report->english));
		person_field(report, WORD_REVIEWED_BY, member(review->record, "reviewer"));
		field(report, WORD_REVIEWED_ON,
		    record_time(when, text(member(review->record, "time"), "local"), report->english));
		field(report, WORD_REVIEW_REMARK, text(review->record, "note"));
		follow_up_field(report, member(review->record, "follow_up"));
		field_given(report, WORD_REVIEW_WARNING, text(review->record, "warning"));
	}
}

static void signature_block(struct report *report)
{
	json_t *performer = member(report->record, "performer"), *reviewer = member(report->record, "reviewer");
	const char *city = text(member(report->record, "office"), "city");
	char left[VALUE_MAX], right[VALUE_MAX];

	heading(report, WORD_REVIEW_BLOCK);
	review_fields(report);
	report_page_line(&report->page, "");
	snprintf(right, sizeof(right), "%.200s, ____________________", *city ? city : word(report, WORD_DATE_LINE));
	report_page_halves(&report->page, "", right);
	snprintf(left, sizeof(left), "%s,", word(report, WORD_PERFORMER));
	snprintf(right, sizeof(right), "%s,", word(report, WORD_REVIEWER));
	report_page_halves(&report->page, left, right);
	report_page_halves(&report->page, text(performer, "position"), text(reviewer, "position"));
	for (int i = 0; i < 4; i++) /* room for two signatures and a stamp */
		report_page_line(&report->page, "");
	report_page_halves(&report->page, text(performer, "name"), text(reviewer, "name"));
	snprintf(left, sizeof(left), "%s %.200s", word(report, WORD_NIP),
	    *text(performer, "nip") ? text(performer, "nip") : "-");
	snprintf(right, sizeof(right), "%s %.200s", word(report, WORD_NIP),
	    *text(reviewer, "nip") ? text(reviewer, "nip") : "-");
	report_page_halves(&report->page, left, right);
}

static enum word kind_word(const char *kind)
{
	return strcmp(kind, "unreadable") == 0	      ? WORD_NOT_READ
	    : strcmp(kind, "changed_while_read") == 0 ? WORD_CHANGED_WHILE_READ
	    : strcmp(kind, "before") == 0	      ? WORD_COMMAND_BEFORE
	    : strcmp(kind, "after") == 0	      ? WORD_COMMAND_AFTER
						      : WORD_VANISHED;
}

static void annex(struct report *report)
{
	json_t *problem;
	size_t at;
	uint64_t omitted = number(report->record, "problems_omitted");
	char lead[24], value[VALUE_MAX], digits[RECORD_PHRASE];

	heading(report, WORD_ANNEX_BLOCK);
	if (json_array_size(member(report->record, "problems")) == 0 && omitted == 0)
		report_page_hanging(&report->page, "", 0, word(report, WORD_ANNEX_NONE));
	json_array_foreach(member(report->record, "problems"), at, problem)
	{
		char *line = mem_printf("%s: /%s (%s)", word(report, kind_word(text(problem, "kind"))),
		    text(problem, "path"), text(problem, "reason"));

		snprintf(lead, sizeof(lead), "%zu.", at + 1);
		if (line)
			report_page_hanging(&report->page, lead, 8, line);
		else
			report->page.err = ERR_NOMEM;
		mem_free(line);
	}
	if (omitted > 0) {
		snprintf(value, sizeof(value), "%s %s", word(report, WORD_ANNEX_MORE),
		    record_number(digits, omitted, report->english));
		report_page_hanging(&report->page, "", 0, value);
	}
}

enum err record_report_text(const struct record_original *original, struct buffer *out)
{
	return record_report_text_reviewed(original, NULL, out);
}

enum err record_report_text_reviewed(
    const struct record_original *original, const struct record_review_list *reviews, struct buffer *out)
{
	struct report report = {.page = {.out = out},
	    .original = original,
	    .record = original->record,
	    .reviews = reviews,
	    .english = record_report_is_english(original)};

	if (!json_is_object(member(original->record, "office")) ||
	    !json_is_object(member(original->record, "performer")) ||
	    !json_is_object(member(original->record, "reviewer")) ||
	    !json_is_array(member(original->record, "problems")))
		return fail(PL_RECORD_BROKEN, "the record %s lacks what a report needs", text(original->record, "id"));
	letterhead(&report);
	sop_block(&report);
	done_block(&report);
	result_block(&report);
	verify_block(&report);
	problem_block(&report);
	proof_block(&report);
	signature_block(&report);
	annex(&report);
	return report.page.err;
}
