#include "core/record/record_further.h"

#include "core/base/mem.h"
#include "core/record/record_review.h"
#include "core/record/record_words.h"
#include "core/record/report_page.h"

struct further {
	struct report_page page;
	const struct record_original *original;
	const struct record_heading *heading;
	json_t *record;
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

static void field(struct further *further, enum word label, const char *value)
{
	report_page_field(&further->page, record_word(label, further->english), value);
}

static void field_given(struct further *further, enum word label, const char *value)
{
	if (*value)
		field(further, label, value);
}

/* Takes the text over; NULL is PL_NO_MEMORY. */
static void field_made(struct further *further, enum word label, char *value)
{
	if (value)
		field(further, label, value);
	else
		further->page.err = ERR_NOMEM;
	mem_free(value);
}

static void person_field(struct further *further, enum word label, json_t *person)
{
	const char *nip = text(person, "nip");

	field_made(further, label,
	    mem_printf("%s, %s%s%s%s%s", text(person, "name"), text(person, "position"), *nip ? ", " : "",
		*nip ? record_word(WORD_NIP, further->english) : "", *nip ? " " : "", nip));
}

static enum word title(const struct further *further)
{
	const char *kind = further->heading->kind;

	return strcmp(kind, RECORD_REVIEW) == 0	     ? WORD_REVIEW_TITLE
	    : strcmp(kind, RECORD_FORGET) == 0	     ? WORD_FORGET_TITLE
	    : strcmp(kind, RECORD_CORRECTION) == 0 ? WORD_CORRECTION_TITLE
						     : WORD_FURTHER_TITLE;
}

static void head(struct further *further)
{
	json_t *office = member(further->record, "office");
	char digits[RECORD_PHRASE], when[RECORD_PHRASE];

	report_page_centre(&further->page, text(office, "name"));
	report_page_centre(&further->page, text(office, "address"));
	report_page_rule(&further->page, '=');
	report_page_centre(&further->page, record_word(title(further), further->english));
	report_page_line(&further->page, "");
	field(further, WORD_REGISTER, record_number(digits, further->heading->number, further->english));
	field(further, WORD_RUN, further->heading->id);
	field(further, WORD_MADE_ON,
	    record_time(when, text(member(further->record, "time"), "local"), further->english));
}

static void review(struct further *further)
{
	json_t *follow_up = member(further->record, "follow_up");

	field(further, WORD_REVIEW_ABOUT, further->heading->about);
	field(further, WORD_HASH, text(member(further->record, "about"), "hash"));
	field(further, WORD_REVIEW,
	    record_review_word(record_review_decision_of(further->original), further->english));
	person_field(further, WORD_REVIEWED_BY, member(further->record, "reviewer"));
	field(further, WORD_REVIEW_REMARK, text(further->record, "note"));
	if (json_is_object(follow_up))
		field_made(further, WORD_REVIEW_FOLLOW_UP,
		    mem_printf("%s (%s, %s %s)", text(follow_up, "text"), text(member(follow_up, "owner"), "name"),
			record_word(WORD_REVIEW_DUE, further->english), text(follow_up, "until")));
}

/* Each under the other; ids are too long for two in a line. */
static void list(struct further *further, enum word label, json_t *items)
{
	json_t *item;
	size_t at;

	json_array_foreach(items, at, item)
	{
		const char *id = json_is_object(item) ? text(item, "id") : json_string_value(item);

		report_page_field(
		    &further->page, at == 0 ? record_word(label, further->english) : "", id ? id : "");
	}
}

static void gone(struct further *further)
{
	json_t *target = member(further->record, "target");

	field_made(further, WORD_MEDIA, mem_printf("%s (%s)", text(target, "name"), text(target, "url")));
	if (json_is_object(member(further->record, "by")))
		person_field(further, WORD_MADE_BY, member(further->record, "by"));
	field_given(further, WORD_REASON, text(further->record, "reason"));
	field_given(further, WORD_REASON, text(further->record, "note"));
	list(further, WORD_BACKUPS, member(further->record, "snapshots"));
	list(further, WORD_RECORDS, member(further->record, "records"));
}

static void proof(struct further *further)
{
	char hash[2 * HASH_SIZE + 1], key[2 * KEY_SIZE + 1];
	const char *previous = text(further->record, "previous");

	report_page_heading(&further->page, record_word(WORD_PROOF_BLOCK, further->english));
	field(further, WORD_HASH, hex_encode(hash, further->original->hash, HASH_SIZE));
	field(further, WORD_PREVIOUS, *previous ? previous : record_word(WORD_FIRST, further->english));
	field(further, WORD_SIGNED_BY,
	    further->original->is_signed ? hex_encode(key, further->original->public_key, KEY_SIZE)
					 : record_word(WORD_UNSIGNED, further->english));
}

enum err record_further_text(const struct record_original *original, struct buffer *out)
{
	struct record_heading heading;
	struct further further = {.page = {.out = out},
	    .original = original,
	    .heading = &heading,
	    .record = original->record,
	    .english = strcmp(text(member(original->record, "office"), "language"), "en") == 0};
	enum err err = record_heading_read(&heading, original);

	if (err != ERR_OK)
		return err;
	head(&further);
	if (strcmp(heading.kind, RECORD_REVIEW) == 0)
		review(&further);
	else if (json_is_object(member(original->record, "target")))
		gone(&further);
	field_given(&further, WORD_REVIEW_WARNING, text(original->record, "warning"));
	proof(&further);
	return further.page.err;
}
