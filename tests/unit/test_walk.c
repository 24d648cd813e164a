/* core/source: the walk: order, roots, extras, what is left out. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "tests/unit/scratch.h"
#include "tests/unit/walking.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void stored_paths(void **state)
{
	static const char *const table[][2] = {{"/", ""}, {"/var/www", "var/www"}, {"//var///www/", "var/www"},
	    {".", ""}, {"./a", "a"}, {"a/./b/", "a/b"}, {"a/../b", "b"}, {"../a", "a"}, {"../../x/y", "x/y"},
	    {"..", ""}, {"a/../../b", "b"}, {"/../a", "a"}, {"/a/../..", ""}, {"a/..", ""}, {"...", "..."},
	    {"a..b/.c", "a..b/.c"}, {"a/b/../../../c/../d", "d"}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *stored = walk_stored_path(table[i][0]);

		assert_string_equal(stored, table[i][1]);
		mem_free(stored);
	}
}

/* ---- order ---- */

static size_t count_names(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	size_t count = 1;

	if (!folder)
		return count;
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count += entry->d_type == DT_DIR ? count_names(fd, entry->d_name) : 1;
	closedir(folder);
	return count;
}

static void fill_nasty(const char *folder)
{
	char path[300], name[256];

	assert_int_equal(mkdir(folder, 0755), 0);
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/' || byte == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%c", folder, byte);
		write_text(path, "");
		snprintf(path, sizeof(path), "%s/a%c", folder, byte);
		write_text(path, "");
		snprintf(path, sizeof(path), "%s/12345678%c", folder, byte);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/12345678%c/x", folder, byte);
		write_text(path, "");
	}
	for (size_t size = 2; size < 256; size++) {
		memset(name, 'n', size);
		name[size] = '\0';
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		write_text(path, "");
	}
}

static void order_is_that_of_paths(void **state)
{
	static const char *const folders[] = {"t/zz", "t/zz!", "t/zz.d/e", "t/zz-c", "t/zz/z"};
	struct walk_options options = {0};
	struct buffer before = {0};
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;
	size_t count = 0;

	(void)state;
	fill_nasty("t");
	fill_nasty("t/b0");
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(file_make_folders(folders[i], 0755), ERR_OK);
	assert_int_equal(walk_new(&walk, ROOTS("t"), 1, &options), ERR_OK);
	for (;; count++) {
		struct stat status;

		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
		if (!more)
			break;
		assert_true(entry_path_valid(item.path));
		if (count > 0)
			assert_true(entry_compare((struct entry_bytes){before.data, before.length}, item.path) < 0);
		assert_int_equal(fstatat(item.folder->fd, item.name, &status, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(S_ISDIR(status.st_mode), item.is_folder);
		assert_int_equal(strcmp(item.name, ".") == 0, item.is_folder);
		if (!item.is_folder)
			assert_memory_equal(
			    item.path.data + item.path.size - strlen(item.name), item.name, strlen(item.name));
		buffer_clear(&before);
		assert_int_equal(buffer_append(&before, item.path.data, item.path.size), ERR_OK);
	}
	assert_int_equal(count, count_names(AT_FDCWD, "t"));
	walk_free(walk);
	buffer_free(&before);
}

/* ---- roots ---- */

static void relative_roots(void **state)
{
	const struct walk_options plain = {0};

	(void)state;
	walking_small();
	walking_expect(ROOTS("a"), plain, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\n");
	walking_expect(ROOTS("./a//b/."), plain, "a^\na/b/\na/b/c/\na/b/c/1\n");
	walking_expect(ROOTS("e", "a/d", "a/b/c/1"), plain, "a^\na/b^\na/b/c^\na/b/c/1\na/d/\na/d/3\ne/\ne/4\n");
	walking_expect(ROOTS("."), plain, "/\na/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\ne/\ne/4\nlink\n");
	/* A link is stored as one, and named where the folder that it leads to is not walked either. */
	walking_expect(ROOTS("link"), plain, "! link\nlink\n");
	walking_expect(ROOTS("link", "link/d"), plain, "! link\nlink^\nlink/d/\nlink/d/3\n");
	walking_expect(ROOTS("a", "link"), plain, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\nlink\n");
	walking_expect(ROOTS("link/d"), plain, "link^\nlink/d/\nlink/d/3\n");
	/* One root inside another, and the same twice. */
	walking_expect(
	    ROOTS("a/d", "a", "./a", "a/d/3", "a"), plain, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\n");
	walking_expect(ROOTS("e", "."), plain, "/\na/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\ne/\ne/4\nlink\n");
	/* What comes first in the tree of another root has its own place on disk. */
	assert_int_equal(chdir("a/d"), 0);
	walking_expect(ROOTS("../b", "3"), plain, "3\nb/\nb/c/\nb/c/1\n");
	walking_expect(ROOTS(".."), plain, "/\nb/\nb/c/\nb/c/1\nb.x\nd/\nd/3\n");
	walking_expect(ROOTS("../../a/b/c", "../../e"), plain, "a^\na/b^\na/b/c/\na/b/c/1\ne/\ne/4\n");
}

static void absolute_roots(void **state)
{
	const struct walk_options plain = {0};
	char root[128], expected[512];

	(void)state;
	walking_small();
	snprintf(root, sizeof(root), "%s/a/d/", scratch_folder);
	snprintf(expected, sizeof(expected), "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\n", scratch_folder + 1,
	    scratch_folder + 1, scratch_folder + 1, scratch_folder + 1);
	walking_expect(ROOTS(root), plain, expected);
	/* An absolute and a relative root under one stored folder: each is read where it is. */
	snprintf(root, sizeof(root), "%s/a/d", scratch_folder);
	assert_int_equal(file_make_folders("tmp", 0755), ERR_OK);
	write_text("tmp/zz", "");
	snprintf(expected, sizeof(expected), "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\ntmp/zz\n", scratch_folder + 1,
	    scratch_folder + 1, scratch_folder + 1, scratch_folder + 1);
	walking_expect(ROOTS(root, "tmp/zz"), plain, expected);
	assert_int_equal(file_make_folders("tmp/zz.d/y", 0755), ERR_OK);
	write_text("tmp/zz.d/y/1", "");
	snprintf(expected, sizeof(expected),
	    "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\ntmp/zz.d/\ntmp/zz.d/y/\ntmp/zz.d/y/1\n", scratch_folder + 1,
	    scratch_folder + 1, scratch_folder + 1, scratch_folder + 1);
	walking_expect(ROOTS(root, "tmp/zz.d", "tmp/zz.d/y"), plain, expected);
}

static void missing_roots(void **state)
{
	struct walk_options options = {0};
	struct walking outcome = {0};
	const struct walk_extra extra = {.path = "dump"};

	(void)state;
	walking_small();
	outcome = walking_expect(ROOTS("e", "nothing/here", "e/4/x"), options, "! nothing/here\n! e/4/x\ne/\ne/4\n");
	assert_int_equal(outcome.failure.id, PL_SOURCE_MISSING);
	assert_int_equal(walking_run(ROOTS("nothing", "nothing2"), &options, &outcome), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_MISSING);
	assert_int_equal(walking_run(ROOTS(""), &options, &outcome), ERR_SOURCE);
	options.extras = &extra;
	options.extras_count = 1;
	walking_expect(ROOTS("nothing"), options, "! nothing\ndump=\n");
	buffer_free(&outcome.text);
}

/* "x/data", seen from "x", and "data" beside x are stored under one path. */
static void roots_that_collide(void **state)
{
	const struct walk_extra extra = {.path = "../data/f", .typed = "../data/f"};
	struct walk_options options = {0};
	struct walking outcome;
	char root[128], expected[1024];

	(void)state;
	assert_int_equal(file_make_folders("data/sub", 0755), ERR_OK);
	assert_int_equal(file_make_folders("x/data/sub", 0755), ERR_OK);
	write_text("data/f", "outer");
	write_text("data/sub/g", "");
	write_text("x/data/f", "inner");
	write_text("x/data/sub/h", "");
	assert_int_equal(chdir("x"), 0);
	outcome = walking_expect(ROOTS("data", "../data"), options, "! data\ndata/\ndata/f\ndata/sub/\ndata/sub/h\n");
	assert_int_equal(outcome.problems, 1);
	assert_int_equal(outcome.failure.id, PL_SOURCE_COLLIDES);
	walking_expect(ROOTS("../data", "data"), options, "! data\ndata/\ndata/f\ndata/sub/\ndata/sub/g\n");
	walking_expect(ROOTS("../data/sub", "data"), options, "! data/sub\ndata/\ndata/f\ndata/sub/\ndata/sub/h\n");
	/* Also where roots of the same place stand between the two, and behind one that was left out. */
	walking_expect(ROOTS("data", "data/sub", "../data/sub/g", "../data/sub"), options,
	    "! data/sub\ndata/\ndata/f\ndata/sub/\ndata/sub/g\ndata/sub/h\n");
	walking_expect(ROOTS(".", ".."), options, "! \n/\ndata/\ndata/f\ndata/sub/\ndata/sub/h\n");
	/* One and the same, however it is named; and what the other does not have. */
	assert_int_equal(chdir("/"), 0);
	snprintf(root, sizeof(root), "%s/data", scratch_folder);
	snprintf(expected, sizeof(expected), "tmp^\n%s^\n%s/\n%s/f\n%s/sub/\n%s/sub/g\n", scratch_folder + 1, root + 1,
	    root + 1, root + 1, root + 1);
	walking_expect(ROOTS(root, root + 1), options, expected);
	assert_int_equal(chdir(scratch_folder), 0);
	assert_int_equal(chdir("x"), 0);
	assert_int_equal(unlink("data/sub/h"), 0);
	walking_expect(ROOTS("data", "../data/sub/g"), options, "data/\ndata/f\ndata/sub/\ndata/sub/g\n");
	/* A database takes the place of itself, not of another. */
	options.extras = &extra;
	options.extras_count = 1;
	walking_expect(ROOTS("data"), options, "! data/f\ndata/\ndata/f\ndata/sub/\n");
	walking_expect(ROOTS("../data"), options, "data/\ndata/f=\ndata/sub/\ndata/sub/g\n");
}

/* ---- extras and hidden paths ---- */

static void extras_take_their_place(void **state)
{
	struct walk_options options = {.extras_count = 4};
	struct walk_extra extras[4] = {
	    {.path = "stdin"}, {.path = "a/d/3"}, {.path = "a/dumps/x.sql"}, {.path = "e/db", .typed = "./e/db"}};
	struct walking outcome;

	(void)state;
	walking_small();
	options.extras = extras;
	walking_expect(ROOTS("a"), options,
	    "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3=\na/dumps~\na/dumps/x.sql=\ne^\ne/db=\nstdin=\n");
	/* Below a folder that is excluded. */
	assert_int_equal(exclude_new((struct exclude **)&options.exclude), ERR_OK);
	assert_int_equal(exclude_add((struct exclude *)(uintptr_t)options.exclude, "d", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add((struct exclude *)(uintptr_t)options.exclude, "dumps", "", "x", false), ERR_OK);
	walking_expect(ROOTS("a", "a/b/c"), options,
	    "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d^\na/d/3=\na/dumps~\na/dumps/x.sql=\ne^\ne/db=\nstdin=\n");
	exclude_free((struct exclude *)(uintptr_t)options.exclude);
	options.exclude = NULL;
	/* A file stands where a folder must be. */
	extras[2].path = "a/b.x/y";
	extras[3].path = "a/d/3";
	outcome = walking_expect(ROOTS("a"), options,
	    "! a/d/3\na/\na/b/\na/b/c/\na/b/c/1\n! a/b.x\na/b.x~\na/b.x/y=\na/d/\na/d/3=\nstdin=\n");
	assert_int_equal(outcome.failure.id, PL_SOURCE_READ);
	/* What lies below an extra cannot be stored. */
	extras[1].path = "a/d";
	extras[3].path = "a/x";
	extras[2].path = "a/y";
	walking_expect(
	    ROOTS("a", "a/d/3"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\n! a/d\na/d=\na/x=\na/y=\nstdin=\n");
}

static void hidden_paths_are_skipped(void **state)
{
	static const char *const hidden[] = {"a/b.x", "a/d", "e/4", "zz/top", NULL};
	struct walk_options options = {.hidden = hidden};

	(void)state;
	walking_small();
	walking_expect(ROOTS("a", "e"), options, "a/\na/b/\na/b/c/\na/b/c/1\ne/\n");
	walking_expect(ROOTS("a", "a/d/3", "e/4"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/d^\na/d/3\ne^\n");
}

/* ---- what is left out ---- */

static void excludes_apply_below_roots(void **state)
{
	struct exclude *exclude = NULL;
	struct walk_options options = {0};

	(void)state;
	walking_small();
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "b", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "/a/d/*", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "/a/*.x/", "", "x", false), ERR_OK);
	options.exclude = exclude;
	walking_expect(ROOTS("a"), options, "a/\na/b.x\na/d/\n");
	/* An argument is never excluded, and neither is the way to it. */
	walking_expect(ROOTS("a/b"), options, "a^\na/b/\na/b/c/\na/b/c/1\n");
	walking_expect(ROOTS("a", "a/b/c"), options, "a/\na/b^\na/b/c/\na/b/c/1\na/b.x\na/d/\n");
	walking_expect(ROOTS("a", "a/d/3"), options, "a/\na/b.x\na/d/\na/d/3\n");
	exclude_free(exclude);
}

static void tagged_folders_keep_their_tag(void **state)
{
	static const char *const rules[] = {".nobackup", "mark:yes", NULL};
	static const char *const wrong[] = {"a/b", NULL};
	struct walk_options options = {.exclude_caches = true};
	struct walking outcome = {0};

	(void)state;
	walking_small();
	write_text("a/b/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# more");
	write_text("a/d/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc56");
	walking_expect(ROOTS("a"), options, "a/\na/b/\na/b/CACHEDIR.TAG\na/b.x\na/d/\na/d/3\na/d/CACHEDIR.TAG\n");
	walking_expect(ROOTS("a/b", "a/b/c/1"), options, "a^\na/b/\na/b/CACHEDIR.TAG\na/b/c^\na/b/c/1\n");
	options.exclude_if_present = rules;
	write_text("a/d/.nobackup", "");
	write_text("e/mark", "yes, please");
	walking_expect(
	    ROOTS("a", "e"), options, "a/\na/b/\na/b/CACHEDIR.TAG\na/b.x\na/d/\na/d/.nobackup\ne/\ne/mark\n");
	write_text("e/mark", "ye");
	walking_expect(ROOTS("e"), options, "e/\ne/4\ne/mark\n");
	unlink("e/mark");
	assert_int_equal(mkfifo("e/mark", 0600), 0);
	walking_expect(ROOTS("e"), options, "e/\ne/4\ne/mark\n");
	options.exclude_if_present = wrong;
	assert_int_equal(walking_run(ROOTS("e"), &options, &outcome), ERR_USAGE);
}

static void large_files_are_left_out(void **state)
{
	struct walk_options options = {.exclude_larger = 3};

	(void)state;
	walking_small();
	write_text("e/three", "123");
	write_text("e/four", "1234");
	walking_expect(ROOTS("e"), options, "e/\ne/4\ne/three\n");
	walking_expect(ROOTS("e", "e/four"), options, "e/\ne/4\ne/four\ne/three\n");
}

/* ---- memory ---- */

static void memory_may_run_out(void **state)
{
	static const char *const hidden[] = {"a/b.x", NULL};
	const struct walk_extra extras[] = {{.path = "a/dumps/x", .typed = "a/dumps/x"}, {.path = "stdin"}};
	struct walk_options options = {.extras = extras, .extras_count = 2, .hidden = hidden};
	enum err err = ERR_NOMEM;

	(void)state;
	walking_small();
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct walking outcome = {0};

		mem_fail_at(n);
		err = walking_run(ROOTS("a/b", "e", "missing", scratch_folder), &options, &outcome);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_int_equal(walk_folders_open(), 0);
		assert_true(n < 400);
		buffer_free(&outcome.text);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, walking_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stored_paths),
	    test(order_is_that_of_paths),
	    test(relative_roots),
	    test(absolute_roots),
	    test(missing_roots),
	    test(roots_that_collide),
	    test(extras_take_their_place),
	    test(hidden_paths_are_skipped),
	    test(excludes_apply_below_roots),
	    test(tagged_folders_keep_their_tag),
	    test(large_files_are_left_out),
	    test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
