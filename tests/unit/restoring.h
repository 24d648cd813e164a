/* A snapshot, a destination, and what restoring one into the other said: for the tests of restore. */
#ifndef PULIH_TESTS_RESTORING_H
#define PULIH_TESTS_RESTORING_H

#include "restore/restore.h"
#include "tests/unit/repo_fixture.h"

struct restoring {
	struct fixture fixture;
	struct restore_options options; /* of the next run */
	/* of the last run */
	struct restore_result result;
	size_t problems, metadata_problems; /* that were told */
	size_t repeated;		    /* of them, said to be like others before */
	struct {
		enum message id;
		char path[256];
	} last; /* of the problems */
};

/* Set-ups of cmocka: *state is a struct restoring, whose fixture is open; with the second, a small tree is stored. */
int restoring_up(void **state);
int restoring_small_up(void **state);
int restoring_down(void **state);

/* Restores into "out" below the fixture's folder. */
enum err restoring_run(struct restoring *at);
/* As a tar into the file `path`. */
enum err restoring_tar(struct restoring *at, const char *path);
/* Paths below the fixture's folder, and below "out" in it, valid until the fourth call from now. */
const char *restoring_path(const struct restoring *at, const char *name);
const char *restoring_out(const struct restoring *at, const char *name);
/* "out" is what was stored. */
void restoring_assert_whole(const struct restoring *at);

#endif
