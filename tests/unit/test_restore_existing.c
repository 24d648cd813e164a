/* Restoring over what is there already, and parts only. */
#include "core/base/file.h"
#include "tests/unit/restoring.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

static void replaces_what_is_there(void **state)
{
	struct restoring *at = *state;

	assert_int_equal(file_make_folders(restoring_out(at, "folder"), 0700), ERR_OK);
	write_text(restoring_out(at, "folder/file"), "an old one that is longer");
	write_text(restoring_out(at, "folder/link"), "no link");
	assert_int_equal(setxattr(restoring_out(at, "folder"), "user.old", "1", 1, 0), 0);
	write_text(restoring_out(at, "stranger"), "stays");
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_text(restoring_out(at, "stranger"), "stays");
	assert_int_equal(unlink(restoring_out(at, "stranger")), 0);
	restoring_assert_whole(at);
	/* once more, over itself */
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.skipped, 0);
	restoring_assert_whole(at);
}

static void leaves_unchanged_files_alone(void **state)
{
	struct restoring *at = *state;
	struct stat before, after;

	at->options.overwrite = RESTORE_CHANGED;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(stat(restoring_out(at, "folder/file"), &before), 0);
	write_text(restoring_out(at, "folder/other"), "changed");
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.skipped, 1);
	assert_int_equal(stat(restoring_out(at, "folder/file"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	restoring_assert_whole(at);
}

static void never_overwrites_when_told_so(void **state)
{
	struct restoring *at = *state;

	at->options.overwrite = RESTORE_NEVER;
	at->options.verify = true;
	assert_int_equal(file_make_folders(restoring_out(at, "folder"), 0700), ERR_OK);
	write_text(restoring_out(at, "folder/file"), "mine");
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.skipped, 1);
	assert_text(restoring_out(at, "folder/file"), "mine");
	assert_text(restoring_out(at, "folder/other"), "another");
}

static void deletes_only_what_the_snapshot_lacks(void **state)
{
	struct restoring *at = *state;

	at->options.delete_others = true;
	assert_int_equal(file_make_folders(restoring_out(at, "folder/strange/deep"), 0700), ERR_OK);
	write_text(restoring_out(at, "folder/strange/deep/file"), "x");
	write_text(restoring_out(at, "at the top"), "x");
	assert_int_equal(symlink("/etc", restoring_out(at, "folder/away")), 0);
	at->options.dry_run = true;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.deleted, 3);
	assert_true(exists(restoring_out(at, "folder/strange/deep/file")));
	assert_false(exists(restoring_out(at, "folder/file")));
	at->options.dry_run = false;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.deleted, 3);
	restoring_assert_whole(at);
	assert_true(exists("/etc/passwd"));
}

static void refuses_to_empty_a_folder_for_a_file(void **state)
{
	struct restoring *at = *state;

	assert_int_equal(file_make_folders(restoring_out(at, "folder/file"), 0700), ERR_OK);
	write_text(restoring_out(at, "folder/file/precious"), "x");
	assert_int_equal(restoring_run(at), ERR_FAILED);
	assert_int_equal(at->problems, 1);
	assert_int_equal(at->last.id, PL_RESTORE_IN_THE_WAY);
	assert_string_equal(at->last.path, "folder/file");
	assert_text(restoring_out(at, "folder/file/precious"), "x");
	assert_text(restoring_out(at, "folder/other"), "another");
}

/* ---- selections ---- */

static void restores_a_part(void **state)
{
	struct restoring *at = *state;

	at->options.subpath = "/folder/";
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_text(restoring_out(at, "file"), "content");
	at->options.subpath = "folder/other";
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_text(restoring_out(at, "other"), "another");
	assert_int_equal(at->result.files, 1);
	at->options.subpath = "nothing";
	assert_int_equal(restoring_run(at), ERR_MISSING);
	assert_int_equal(failure_last()->id, PL_RESTORE_PATH);
	at->options.subpath = "folder/../..";
	assert_int_equal(restoring_run(at), ERR_MISSING);
}

static void includes_and_excludes(void **state)
{
	struct restoring *at = *state;
	struct exclude *patterns = NULL;

	assert_int_equal(exclude_new(&patterns), ERR_OK);
	assert_int_equal(exclude_add(patterns, "fi*e", "", "--include", false), ERR_OK);
	at->options.include = patterns;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.files, 1);
	assert_text(restoring_out(at, "folder/file"), "content");
	assert_false(exists(restoring_out(at, "folder/other")));
	at->options.include = NULL;
	at->options.exclude = patterns;
	assert_int_equal(unlink(restoring_out(at, "folder/file")), 0);
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_false(exists(restoring_out(at, "folder/file")));
	assert_text(restoring_out(at, "folder/other"), "another");
	exclude_free(patterns);
}

static void a_dry_run_touches_nothing(void **state)
{
	struct restoring *at = *state;

	at->options.dry_run = true;
	at->options.verify = true;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.files, 2);
	assert_int_equal(at->result.folders, 1);
	assert_int_equal(at->result.others, 1);
	assert_int_equal(at->result.bytes, 14);
	assert_false(exists(restoring_path(at, "out")));
}

#define test_small(name) cmocka_unit_test_setup_teardown(name, restoring_small_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test_small(replaces_what_is_there),
	    test_small(leaves_unchanged_files_alone),
	    test_small(never_overwrites_when_told_so),
	    test_small(deletes_only_what_the_snapshot_lacks),
	    test_small(refuses_to_empty_a_folder_for_a_file),
	    test_small(restores_a_part),
	    test_small(includes_and_excludes),
	    test_small(a_dry_run_touches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
