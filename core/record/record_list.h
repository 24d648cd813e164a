/* Records in memory, with what became of their review: what papers about more than one run are made of. */
#ifndef PULIH_RECORD_RECORD_LIST_H
#define PULIH_RECORD_RECORD_LIST_H

#include "core/record/record_review.h"

/* Starts as {0}; released with record_list_free. */
struct record_list {
	struct record_original *items;
	enum record_decision *reviews; /* of each of them */
	size_t count;
	size_t damaged; /* records that could not be read, or whose reviews could not; each was warned of by name */
};

/* Whether the list is to hold the record. */
typedef bool (*record_choice)(const void *context, const struct record_original *original);
/* Adds, by number, those that the filter lets through and that are chosen (NULL: all). What is damaged is counted, and ends nothing. */
enum err record_list_load(struct record_list *out, struct record_ledger *ledger, const struct record_filter *filter,
    record_choice choose, const void *context);
/* Adds one, which the list owns then, also where this fails. */
enum err record_list_add(struct record_list *list, struct record_original *original, enum record_decision review);
void record_list_free(struct record_list *list);

#endif
