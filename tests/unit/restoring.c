#include "tests/unit/restoring.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

int restoring_up(void **state)
{
	struct restoring *at = mem_calloc(1, sizeof(*at));

	assert_non_null(at);
	fixture_open(&at->fixture);
	*state = at;
	return 0;
}

int restoring_small_up(void **state)
{
	struct fixture *fixture;

	restoring_up(state);
	fixture = &((struct restoring *)*state)->fixture;
	fixture_folder(fixture, "folder");
	fixture_file(fixture, "folder/file", "content");
	fixture_file(fixture, "folder/other", "another");
	fixture_symlink(fixture, "folder/link", "file");
	fixture_store(fixture);
	return 0;
}

int restoring_down(void **state)
{
	struct restoring *at = *state;

	fixture_close(&at->fixture);
	mem_free(at);
	return 0;
}

static void on_problem(void *context, const struct restore_problem *problem)
{
	struct restoring *at = context;

	if (problem->metadata_only)
		at->metadata_problems++;
	else
		at->problems++;
	at->repeated += problem->repeated;
	at->last.id = problem->failure->id;
	snprintf(
	    at->last.path, sizeof(at->last.path), "%.*s", (int)problem->path.size, (const char *)problem->path.data);
}

static void start(struct restoring *at)
{
	at->problems = at->metadata_problems = at->repeated = 0;
	at->last.id = (enum message)0;
	at->last.path[0] = '\0';
	at->options.on_problem = on_problem;
	at->options.context = at;
}

enum err restoring_run(struct restoring *at)
{
	char destination[128];
	enum err err;

	start(at);
	snprintf(destination, sizeof(destination), "%s/out", at->fixture.folder);
	at->options.destination = destination;
	err = restore_run(&at->fixture.repository, &at->fixture.snapshot, &at->options, &at->result);
	at->options.destination = NULL;
	return err;
}

enum err restoring_tar(struct restoring *at, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum err err;

	assert_true(fd >= 0);
	start(at);
	err = restore_tar(&at->fixture.repository, &at->fixture.snapshot, &at->options, fd, &at->result);
	close(fd);
	return err;
}

const char *restoring_path(const struct restoring *at, const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", at->fixture.folder, name);
	return path;
}

const char *restoring_out(const struct restoring *at, const char *name)
{
	char below[400];

	snprintf(below, sizeof(below), "out/%s", name);
	return restoring_path(at, below);
}

void restoring_assert_whole(const struct restoring *at)
{
	fixture_assert_restored(&at->fixture, restoring_path(at, "out"));
}
