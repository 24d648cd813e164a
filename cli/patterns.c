#include "cli/patterns.h"

#include <stdio.h>
#include <string.h>

static enum err add(struct exclude *exclude, const struct option_value *given)
{
	const char *name = given->option->long_name;
	size_t length = strlen(name);
	bool ignore_case = name[0] == 'i' && strncmp(name, "include", 7) != 0;
	char origin[32];

	if (length > 5 && strcmp(name + length - 5, "-file") == 0)
		return exclude_add_file(exclude, given->value, "", ignore_case);
	snprintf(origin, sizeof(origin), "--%s", name);
	return exclude_add(exclude, given->value, "", origin, ignore_case);
}

enum err patterns_build(struct exclude **out, const struct option_list *list)
{
	struct exclude *exclude = NULL;
	enum err err;

	*out = NULL;
	if (list->count == 0)
		return ERR_OK;
	err = exclude_new(&exclude);
	for (size_t i = 0; err == ERR_OK && i < list->count; i++)
		err = add(exclude, &list->items[i]);
	if (err == ERR_OK) {
		*out = exclude;
		exclude = NULL;
	}
	exclude_free(exclude);
	return err;
}
