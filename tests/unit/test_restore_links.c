/* Restoring files of several names. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/restoring.h"
#include "tests/unit/scratch.h"

#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void links_what_was_linked(void **state)
{
	struct restoring *at = *state;
	struct entry entry;

	at->options.threads = 2;
	fixture_folder(&at->fixture, "b");
	fixture_folder(&at->fixture, "d");
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"a", "b/c", "d/e"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		entry.device = 1;
		entry.inode = 77;
		entry.links = 3;
		entry.flags = geteuid() == 0 ? FS_NODUMP_FL : 0;
		fixture_add(&at->fixture, &entry, "linked", 6, 100);
	}
	/* the same inode with another content is another file */
	entry = fixture_entry_of("f", ENTRY_FILE);
	entry.device = 1;
	entry.inode = 78;
	entry.links = 2;
	fixture_add(&at->fixture, &entry, "one", 3, 100);
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.files, 4);
	restoring_assert_whole(at);
}

static void keeps_different_contents_of_one_inode_apart(void **state)
{
	struct restoring *at = *state;
	struct entry entry;

	for (int i = 0; i < 2; i++) {
		entry = fixture_entry_of(i ? "b" : "a", ENTRY_FILE);
		entry.inode = 5;
		entry.links = 2;
		fixture_add(&at->fixture, &entry, i ? "two" : "one", 3, 100);
	}
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_text(restoring_out(at, "a"), "one");
	assert_text(restoring_out(at, "b"), "two");
}

/* Its time was set between the two looks at it: one file cannot have both times, and the snapshot says both. */
static void keeps_different_times_of_one_inode_apart(void **state)
{
	struct restoring *at = *state;
	struct stat first, second;
	struct entry entry;

	for (int i = 0; i < 2; i++) {
		entry = fixture_entry_of(i ? "b" : "a", ENTRY_FILE);
		entry.inode = 5;
		entry.links = 2;
		entry.mtime += i * INT64_C(5000000000);
		fixture_add(&at->fixture, &entry, "one", 3, 100);
	}
	fixture_store(&at->fixture);
	at->options.verify = true;
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_text(restoring_out(at, "b"), "one");
	assert_int_equal(lstat(restoring_out(at, "a"), &first), 0);
	assert_int_equal(lstat(restoring_out(at, "b"), &second), 0);
	assert_int_equal(second.st_mtime - first.st_mtime, 5);
}

static const char *const names_of_one[] = {"a", "b/c", "d/e", "f", "g/h"};
#define NAMES_OF_ONE (sizeof(names_of_one) / sizeof(names_of_one[0]))

static void store_one_file_of_five_names(struct restoring *at, const void *bytes, size_t size)
{
	fixture_folder(&at->fixture, "b");
	fixture_folder(&at->fixture, "d");
	fixture_folder(&at->fixture, "g");
	for (size_t i = 0; i < NAMES_OF_ONE; i++) {
		struct entry entry = fixture_entry_of(names_of_one[i], ENTRY_FILE);

		entry.device = 1;
		entry.inode = 77;
		entry.links = NAMES_OF_ONE;
		fixture_add(&at->fixture, &entry, bytes, size, 300000);
	}
	fixture_store(&at->fixture);
}

static struct stat stat_out(const struct restoring *at, const char *name)
{
	struct stat status;

	assert_int_equal(lstat(restoring_out(at, name), &status), 0);
	return status;
}

/* Bit i of `there`: name i is there already. */
static void assert_names(const struct restoring *at, unsigned there, size_t size)
{
	ino_t group = 0;

	for (size_t i = 0; i < NAMES_OF_ONE; i++) {
		struct stat now = stat_out(at, names_of_one[i]);

		if (there >> i & 1) {
			assert_int_equal(now.st_nlink, 1);
			assert_text(restoring_out(at, names_of_one[i]), "mine");
		} else {
			assert_true(!group || group == now.st_ino);
			group = now.st_ino;
			assert_int_equal(now.st_nlink, at->result.files);
			assert_int_equal(now.st_size, size);
		}
	}
}

/* What is there stays as it is and is linked to nothing; what is missing is one file again. `size`: one that fits a batch, or one that is
 * written in parts. */
static void links_among_what_is_missing(void **state, size_t size, unsigned threads)
{
	static const char *const folders[] = {"b", "d", "g"};
	unsigned step = size > 1000 ? 7 : 1;
	uint8_t *bytes = mem_alloc(size);

	random_bytes(5, bytes, size);
	for (unsigned there = 0; there < 1u << NAMES_OF_ONE; there += step) {
		struct restoring *at;

		restoring_up(state);
		at = *state;
		at->options.overwrite = RESTORE_NEVER;
		at->options.threads = threads;
		at->options.verify = true;
		store_one_file_of_five_names(at, bytes, size);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(file_make_folders(restoring_out(at, folders[i]), 0700), ERR_OK);
		for (size_t i = 0; i < NAMES_OF_ONE; i++)
			if (there >> i & 1)
				write_text(restoring_out(at, names_of_one[i]), "mine");
		assert_int_equal(restoring_run(at), ERR_OK);
		assert_int_equal(at->result.files + at->result.skipped, NAMES_OF_ONE);
		assert_names(at, there, size);
		restoring_down(state);
	}
	mem_free(bytes);
}

static void links_what_is_missing_to_nothing_that_is_there(void **state)
{
	links_among_what_is_missing(state, 6, 1);
	links_among_what_is_missing(state, 6, 3);
	links_among_what_is_missing(state, (8u << 20) + 1, 3);
}

/* The first name is taken by a folder that must not go. */
static void links_to_the_next_where_the_first_fails(void **state)
{
	struct restoring *at = *state;

	at->options.threads = 3;
	store_one_file_of_five_names(at, "linked", 6);
	assert_int_equal(file_make_folders(restoring_out(at, "a/precious"), 0700), ERR_OK);
	assert_int_equal(restoring_run(at), ERR_FAILED);
	assert_int_equal(at->problems, 1);
	assert_string_equal(at->last.path, "a");
	for (size_t i = 1; i < NAMES_OF_ONE; i++)
		assert_int_equal(stat_out(at, names_of_one[i]).st_nlink, NAMES_OF_ONE - 1);
	assert_text(restoring_out(at, "g/h"), "linked");
}

/* Every allocation fails once, where the first name of a file is taken, and the next becomes the first. */
static void links_survive_without_memory(void **state)
{
	struct restoring *at = *state;
	enum err err = ERR_NOMEM;

	at->options.overwrite = RESTORE_NEVER;
	at->options.threads = 1;
	store_one_file_of_five_names(at, "linked", 6);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		assert_int_equal(file_make_folders(restoring_path(at, "out"), 0700), ERR_OK);
		write_text(restoring_out(at, "a"), "mine");
		mem_fail_at(n);
		err = restoring_run(at);
		mem_fail_at(0);
		assert_text(restoring_out(at, "a"), "mine");
		if (err == ERR_OK)
			assert_int_equal(stat_out(at, "g/h").st_nlink, NAMES_OF_ONE - 1);
		file_remove_tree(restoring_path(at, "out"));
		if (err != ERR_OK && err != ERR_NOMEM && err != ERR_CORRUPT && err != ERR_FAILED && err != ERR_IO)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, restoring_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(links_what_was_linked),
	    test(keeps_different_contents_of_one_inode_apart),
	    test(keeps_different_times_of_one_inode_apart),
	    cmocka_unit_test(links_what_is_missing_to_nothing_that_is_there),
	    test(links_to_the_next_where_the_first_fails),
	    test(links_survive_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
