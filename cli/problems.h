/* Long lists of what went wrong: every one in JSON, the first 20 for people, and how many more there were. */
#ifndef PULIH_CLI_PROBLEMS_H
#define PULIH_CLI_PROBLEMS_H

#include "core/base/error.h"
#include "core/repo/entry.h"

/* Starts as {0}. */
struct problems {
	uint64_t count;
};

/* `kind` is a word for JSON; `id` the message behind it, PL_NONE for none. */
void problems_add(
    struct problems *problems, const char *kind, struct entry_bytes path, enum message id, const char *reason);
/* "… and N more". */
void problems_end(const struct problems *problems);

#endif
