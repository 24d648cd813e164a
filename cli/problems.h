/* Long lists of what went wrong: every one in JSON and with -v, else the first 20, and how many more there were. */
#ifndef PULIH_CLI_PROBLEMS_H
#define PULIH_CLI_PROBLEMS_H

#include "core/base/error.h"
#include "core/repo/entry.h"

/* Starts as {0}. */
struct problems {
	uint64_t count, hidden;
};

struct problem {
	const char *kind; /* a word for JSON */
	struct entry_bytes path;
	enum message id; /* PL_NONE: none */
	const char *reason;
	bool repeated; /* the same as before of another file: not among the first 20 */
};
void problems_add(struct problems *problems, const struct problem *problem);
/* "… and N more". */
void problems_end(const struct problems *problems);

#endif
