/* A walk whose items are written as text, one a line: path, then '/' for a folder, '^' for a folder above a root ('~' for one that is on no
 * disk), '=' for an extra; problems as "! path". */
#ifndef PULIH_TESTS_WALKING_H
#define PULIH_TESTS_WALKING_H

#include "core/base/buffer.h"
#include "core/source/walk.h"

/* What a walk gave. Starts as {0}. */
struct walking {
	struct buffer text;
	struct failure failure;
	size_t problems;
};

#define ROOTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Teardown of cmocka, behind scratch_enter: no walk has left anything open. */
int walking_down(void **state);
/* A file a/b/c/1 and others like it, and a link. */
void walking_small(void);

/* The problem callback of struct walk_options; context is a struct walking. */
enum err walking_problem(void *context, struct entry_bytes path, const struct failure *failure);
/* Walks `roots`; what it gave is added to `outcome`, whose text is the caller's to release. */
enum err walking_run(const char *const *roots, struct walk_options *options, struct walking *outcome);
/* The walk goes well and gives exactly that text. The outcome has the problems, but no text. */
struct walking walking_expect(const char *const *roots, struct walk_options options, const char *expected);
/* The same, for processes that cannot end the test: false where it is otherwise. */
bool walking_gives(
    const char *const *roots, struct walk_options options, const char *expected, struct walking *outcome);

#endif
