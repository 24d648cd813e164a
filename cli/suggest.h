/* "Did you mean …?" */
#ifndef PULIH_CLI_SUGGEST_H
#define PULIH_CLI_SUGGEST_H

#include <stddef.h>

/* Collects candidates for a mistyped word and keeps the nearest. Starts with suggest_start. */
struct suggestion {
	const char *word;
	const char *nearest; /* NULL: nothing is near enough to be meant */
	size_t distance;
};
struct suggestion suggest_start(const char *word);
void suggest_consider(struct suggestion *suggestion, const char *candidate);

#endif
