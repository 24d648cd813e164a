#include "tests/unit/walking.h"
#include "core/base/file.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

int walking_down(void **state)
{
	assert_int_equal(walk_folders_open(), 0);
	return scratch_leave(state);
}

void walking_small(void)
{
	static const char *const folders[] = {"a/b/c", "a/d", "e"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(file_make_folders(folders[i], 0755), ERR_OK);
	write_text("a/b/c/1", "1");
	write_text("a/b.x", "2");
	write_text("a/d/3", "3");
	write_text("e/4", "4");
	assert_int_equal(symlink("a", "link"), 0);
}

enum err walking_problem(void *context, struct entry_bytes path, const struct failure *failure)
{
	struct walking *outcome = context;

	assert_int_equal(failure->kind, ERR_SOURCE);
	outcome->failure = *failure;
	outcome->problems++;
	return buffer_append_text(&outcome->text, "! %.*s\n", (int)path.size, (const char *)path.data);
}

enum err walking_run(const char *const *roots, struct walk_options *options, struct walking *outcome)
{
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;
	size_t count = 0;
	enum err err;

	while (roots[count])
		count++;
	options->problem = walking_problem;
	options->context = outcome;
	err = walk_new(&walk, roots, count, options);
	while (err == ERR_OK) {
		const char *mark = "";

		err = walk_next(walk, &item, &more);
		if (err != ERR_OK || !more)
			break;
		if (item.is_ancestor)
			mark = item.folder ? "^" : "~";
		else if (item.is_folder)
			mark = "/";
		else if (item.extra)
			mark = "=";
		err = buffer_append_text(
		    &outcome->text, "%.*s%s\n", (int)item.path.size, (const char *)item.path.data, mark);
	}
	walk_free(walk);
	return err;
}

struct walking walking_expect(const char *const *roots, struct walk_options options, const char *expected)
{
	struct walking outcome = {0};

	assert_int_equal(walking_run(roots, &options, &outcome), ERR_OK);
	assert_int_equal(buffer_append_u8(&outcome.text, 0), ERR_OK);
	assert_string_equal((const char *)outcome.text.data, expected);
	buffer_free(&outcome.text);
	return outcome;
}

bool walking_gives(const char *const *roots, struct walk_options options, const char *expected, struct walking *outcome)
{
	*outcome = (struct walking){0};
	if (walking_run(roots, &options, outcome) != ERR_OK || buffer_append_u8(&outcome->text, 0) != ERR_OK)
		return false;
	if (strcmp((const char *)outcome->text.data, expected) != 0) {
		fprintf(stderr, "%s", (const char *)outcome->text.data);
		return false;
	}
	buffer_free(&outcome->text);
	return true;
}
