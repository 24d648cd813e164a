#include "core/record/record_list.h"

#include "core/base/mem.h"
#include "core/base/output.h"

enum err record_list_add(struct record_list *list, struct record_original *original, enum record_decision review)
{
	struct record_original *items = mem_resize(list->items, list->count + 1, sizeof(*items));
	enum record_decision *reviews = NULL;

	if (items) {
		list->items = items;
		reviews = mem_resize(list->reviews, list->count + 1, sizeof(*reviews));
	}
	if (!reviews) {
		record_original_free(original);
		return ERR_NOMEM;
	}
	list->reviews = reviews;
	items[list->count] = *original;
	reviews[list->count++] = review;
	*original = (struct record_original){0};
	return ERR_OK;
}

/* Context of take(). */
struct taking {
	struct record_list *list;
	struct record_ledger *ledger;
	record_choice choose;
	const void *context;
};

static enum err take(void *context, const struct record_row *row)
{
	struct taking *taking = context;
	struct record_review_list reviews = {0};
	struct record_original original = *row->original;
	enum record_decision review;
	enum err err;

	if (taking->choose && !taking->choose(taking->context, row->original))
		return ERR_OK;
	err = record_review_list_load(&reviews, taking->ledger, row->original);
	if (err == ERR_CORRUPT) {
		output_failure_warning(failure_last());
		taking->list->damaged++;
		err = ERR_OK;
	}
	review = record_review_decision(&reviews);
	record_review_list_free(&reviews);
	if (err != ERR_OK)
		return err;
	json_incref(original.record);
	return record_list_add(taking->list, &original, review);
}

enum err record_list_load(struct record_list *out, struct record_ledger *ledger, const struct record_filter *filter,
    record_choice choose, const void *context)
{
	struct taking taking = {out, ledger, choose, context};
	struct record_filter counted = *filter;

	counted.damaged = &out->damaged;
	return record_ledger_each(ledger, &counted, take, &taking);
}

void record_list_free(struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_original_free(&list->items[i]);
	mem_free(list->items);
	mem_free(list->reviews);
	*list = (struct record_list){0};
}
