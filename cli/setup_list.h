/* A list of texts that grows. */
#ifndef PULIH_CLI_SETUP_LIST_H
#define PULIH_CLI_SETUP_LIST_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Starts as {0}; released with setup_list_free. */
struct setup_list {
	char **items;
	size_t count, capacity;
};

void setup_list_free(struct setup_list *list);
/* Adds a copy. */
enum err setup_list_add(struct setup_list *list, const char *text);
/* Adds a copy where no such text is there. */
enum err setup_list_add_new(struct setup_list *list, const char *text);
/* Ascending by bytes. */
void setup_list_sort(struct setup_list *list);

#endif
