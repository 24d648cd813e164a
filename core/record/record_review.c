#include "core/record/record_review.h"

#include "core/base/mem.h"
#include "core/record/record_words.h"

static const char *const names[] = {[RECORD_PENDING] = "pending",
    [RECORD_APPROVED] = "approved",
    [RECORD_APPROVED_NOTES] = "approved_with_notes",
    [RECORD_RETURNED] = "returned"};

const char *record_review_name(enum record_decision decision)
{
	return names[decision];
}

const char *record_review_word(enum record_decision decision, bool english)
{
	static const enum word words[] = {[RECORD_PENDING] = WORD_PENDING,
	    [RECORD_APPROVED] = WORD_APPROVED,
	    [RECORD_APPROVED_NOTES] = WORD_APPROVED_NOTES,
	    [RECORD_RETURNED] = WORD_RETURNED};

	return record_word(words[decision], english);
}

/* ---- making one ---- */

static json_t *about(const struct record_original *original)
{
	char hash[2 * HASH_SIZE + 1];

	return json_pack("{s:O, s:O, s:s}", "id", json_object_get(original->record, "id"), "number",
	    json_object_get(original->record, "number"), "hash", hex_encode(hash, original->hash, HASH_SIZE));
}

static json_t *follow_up(const struct record_follow_up *follow_up)
{
	if (!follow_up->text)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "text", record_text_json(follow_up->text), "owner",
	    record_person_json(&follow_up->owner), "until", record_text_json(follow_up->until));
}

enum err record_review_json(json_t **out, const struct record_review *review)
{
	const struct record_heading heading = {.id = review->id,
	    .kind = RECORD_REVIEW,
	    .job = json_string_value(json_object_get(review->about->record, "job")),
	    .status = names[review->decision],
	    .time = review->made};
	enum err err = record_heading_json(out, &heading, &review->office, review->keys);

	if (err == ERR_OK)
		err = record_heading_add(*out,
		    json_pack("{s:o, s:o, s:s, s:o, s:o, s:{s:o, s:o}, s:o}", "about", about(review->about), "reviewer",
			record_person_json(&review->reviewer), "role", review->role, "note",
			record_text_json(review->note), "follow_up", follow_up(&review->follow_up), "login", "user",
			record_text_json(review->user), "through", record_text_json(review->through), "warning",
			record_text_json(review->warning)));
	if (err != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}

/* ---- reading them ---- */

enum record_decision record_review_decision_of(const struct record_original *review)
{
	const char *status = json_string_value(json_object_get(review->record, "status"));

	for (enum record_decision decision = RECORD_APPROVED; decision <= RECORD_RETURNED; decision++)
		if (strcmp(status, names[decision]) == 0)
			return decision;
	return RECORD_PENDING;
}

enum record_decision record_review_decision(const struct record_review_list *list)
{
	return list && list->count > 0 ? record_review_decision_of(&list->items[list->count - 1]) : RECORD_PENDING;
}

/* Context of take(). */
struct taking {
	struct record_review_list *list;
	const struct record_original *about;
};

static enum err take(void *context, const struct record_row *row)
{
	struct taking *taking = context;
	struct record_review_list *list = taking->list;
	struct record_original *items;
	char hash[2 * HASH_SIZE + 1];
	const char *bound = json_string_value(json_object_get(json_object_get(row->original->record, "about"), "hash"));

	hex_encode(hash, taking->about->hash, HASH_SIZE);
	if (!bound || strcmp(bound, hash) != 0)
		return fail(PL_RECORD_BROKEN, "the review %s is about another record than %s is now", row->heading->id,
		    row->heading->about);
	if (record_review_decision_of(row->original) == RECORD_PENDING)
		return fail(PL_RECORD_BROKEN, "the review %s decides \"%s\", which is no decision", row->heading->id,
		    row->heading->status);
	items = mem_resize(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	list->items = items;
	items[list->count] = *row->original;
	json_incref(items[list->count].record);
	list->count++;
	return ERR_OK;
}

enum err record_review_list_load(
    struct record_review_list *out, struct record_ledger *ledger, const struct record_original *about)
{
	const struct record_filter filter = {
	    .kind = RECORD_REVIEW, .about = json_string_value(json_object_get(about->record, "id"))};
	struct taking taking = {.list = out, .about = about};
	enum err err;

	*out = (struct record_review_list){0};
	err = record_ledger_each(ledger, &filter, take, &taking);
	if (err != ERR_OK)
		record_review_list_free(out);
	return err;
}

void record_review_list_free(struct record_review_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_original_free(&list->items[i]);
	mem_free(list->items);
	*list = (struct record_review_list){0};
}
