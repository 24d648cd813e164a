#include "cli/setup_list.h"
#include "core/base/mem.h"

void setup_list_free(struct setup_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->items[i]);
	mem_free(list->items);
	*list = (struct setup_list){0};
}

enum err setup_list_add(struct setup_list *list, const char *text)
{
	char **items = mem_more(list->items, list->count, &list->capacity, sizeof(*items));

	if (!items)
		return ERR_NOMEM;
	list->items = items;
	items[list->count] = mem_string(text);
	if (!items[list->count])
		return ERR_NOMEM;
	list->count++;
	return ERR_OK;
}

enum err setup_list_add_new(struct setup_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return ERR_OK;
	return setup_list_add(list, text);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void setup_list_sort(struct setup_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare);
}
