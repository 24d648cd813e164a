/* core/source: the walk where something is in its way: other file systems, unreadable and moving folders, great depth. */
#include "core/base/buffer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/walking.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define DEEP 3000

/* Runs a test's body in a child, whose exit status is the result. */
static void in_child(void (*body)(void))
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("skipped: this machine does not permit it\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void must(bool condition, int code)
{
	if (!condition)
		_exit(code);
}

static void on_other_file_system(void)
{
	struct walk_options options = {.one_file_system = true};
	struct walking outcome;

	must(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, 77);
	must(mount("none", "a/d", "tmpfs", 0, NULL) == 0, 77);
	write_text("a/d/inside", "");
	must(walking_gives(ROOTS("a"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\n", &outcome), 1);
	/* An argument is read wherever it is; what lies on the way to it is not. */
	must(walking_gives(
		 ROOTS("a", "a/d/inside"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome),
	    2);
	must(walking_gives(ROOTS("a/d"), options, "a^\na/d/\na/d/inside\n", &outcome), 3);
	must(
	    walking_gives(ROOTS("a", "a/d"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome),
	    4);
	options.one_file_system = false;
	must(walking_gives(ROOTS("a"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome), 5);
	umount("a/d");
}

static void mount_points_are_empty(void **state)
{
	(void)state;
	walking_small();
	in_child(on_other_file_system);
}

static void as_nobody(void)
{
	const struct walk_options options = {0};
	struct walking outcome;

	must(setresuid(65534, 65534, 65534) == 0, 77);
	must(walking_gives(ROOTS("a", "e"), options, "a/\na/b/\n! a/b\na/b.x\na/d/\na/d/3\ne/\ne/4\n", &outcome), 1);
	must(outcome.failure.id == PL_SOURCE_READ && strstr(outcome.failure.text, "a/b"), 2);
	/* A folder that may be passed but not listed is no obstacle on the way to a root. */
	must(walking_gives(ROOTS("a/d/3", "e"), options, "a^\na/d^\na/d/3\ne/\ne/4\n", &outcome), 3);
	must(walking_gives(ROOTS("p/q"), options, "p^\np/q\n", &outcome), 4);
}

static void unreadable_folders_are_reported(void **state)
{
	(void)state;
	walking_small();
	assert_int_equal(mkdir("p", 0755), 0);
	write_text("p/q", "");
	assert_int_equal(chmod("p", 0711), 0);
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(chmod("a/b", 0700), 0);
	in_child(as_nobody);
}

/* Goes on to the item of that path. */
static void go_to(struct walk *walk, const char *path, struct walk_item *item)
{
	bool more = true;

	do {
		assert_int_equal(walk_next(walk, item, &more), ERR_OK);
		assert_true(more);
	} while (item->path.size != strlen(path) || memcmp(item->path.data, path, strlen(path)) != 0);
}

static void folders_may_vanish(void **state)
{
	struct walking outcome = {0};
	struct walk_options options = {.problem = walking_problem, .context = &outcome};
	struct walk *walk = NULL;
	struct walk_item item;
	struct stat status;
	bool more = true;

	(void)state;
	walking_small();
	assert_int_equal(walk_new(&walk, ROOTS("a"), 1, &options), ERR_OK);
	/* What was emitted is walked, whatever its name means by now. */
	go_to(walk, "a/b", &item);
	assert_int_equal(rename("a/b", "moved"), 0);
	assert_int_equal(symlink("../e", "a/b"), 0);
	assert_int_equal(fstatat(item.folder->fd, item.name, &status, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISDIR(status.st_mode));
	go_to(walk, "a/b.x", &item);
	assert_int_equal(outcome.problems, 0);
	/* A folder that was exchanged for a link before that is not followed. */
	assert_int_equal(rename("a/d", "gone"), 0);
	assert_int_equal(symlink("../e", "a/d"), 0);
	go_to(walk, "a/d", &item);
	assert_string_equal(item.name, "d");
	assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
	assert_false(more);
	assert_int_equal(outcome.problems, 1);
	assert_int_equal(outcome.failure.id, PL_SOURCE_VANISHED);
	walk_free(walk);
	buffer_free(&outcome.text);
}

static enum err stop(void *context, struct entry_bytes path, const struct failure *failure)
{
	(void)context;
	(void)path;
	(void)failure;
	return ERR_PARTIAL;
}

static void the_caller_may_stop_at_a_problem(void **state)
{
	struct walk_options options = {.problem = stop};
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;

	(void)state;
	walking_small();
	assert_int_equal(walk_new(&walk, ROOTS("a"), 1, &options), ERR_OK);
	go_to(walk, "a/b.x", &item);
	assert_int_equal(rename("a/d", "gone"), 0);
	go_to(walk, "a/d", &item);
	assert_int_equal(walk_next(walk, &item, &more), ERR_PARTIAL);
	walk_free(walk);
}

/* ---- depth ---- */

static void make_deep(const char *top)
{
	int fd;

	assert_int_equal(mkdir(top, 0755), 0);
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEEP; i++) {
		int below, file = openat(fd, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_true(file >= 0);
		close(file);
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(fd);
		fd = below;
	}
	close(fd);
}

/* Names may lead too deep for any path. */
static void remove_deep(int parent, const char *name)
{
	for (;;) {
		int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int below, next;

		if (fd < 0)
			return;
		/* Lift what is two levels down up by one, until there is nothing below. */
		below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0) {
			close(fd);
			unlinkat(parent, name, AT_REMOVEDIR);
			return;
		}
		next = faccessat(below, "d", F_OK, 0);
		if (next == 0)
			assert_int_equal(renameat(below, "d", fd, "lifted"), 0);
		unlinkat(below, "f", 0);
		close(below);
		assert_int_equal(unlinkat(fd, "d", AT_REMOVEDIR), 0);
		if (next == 0)
			assert_int_equal(renameat(fd, "lifted", fd, "d"), 0);
		unlinkat(fd, "f", 0);
		close(fd);
	}
}

/* Every folder d comes before the file f beside it, so that all files are met on the way back up. */
static void walk_deep(size_t *folders, size_t *files, unsigned *open_most, struct walking *outcome)
{
	struct walk_options options = {.problem = walking_problem, .context = outcome};
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;

	*folders = *files = 0;
	*open_most = 0;
	assert_int_equal(walk_new(&walk, ROOTS("deep"), 1, &options), ERR_OK);
	for (;;) {
		struct stat status;

		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
		if (!more)
			break;
		assert_int_equal(fstatat(item.folder->fd, item.name, &status, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(S_ISDIR(status.st_mode), item.is_folder);
		*(item.is_folder ? folders : files) += 1;
		*open_most = walk_folders_open() > *open_most ? walk_folders_open() : *open_most;
	}
	walk_free(walk);
}

static void depth_needs_no_descriptors(void **state)
{
	struct rlimit before, few = {.rlim_cur = 40};
	struct walking outcome = {0};
	size_t folders, files;
	unsigned open_most;

	(void)state;
	make_deep("deep");
	walk_deep(&folders, &files, &open_most, &outcome);
	assert_int_equal(folders, DEEP + 1);
	assert_int_equal(files, DEEP);
	assert_true(open_most > 200 && open_most < 300);
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	walk_deep(&folders, &files, &open_most, &outcome);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(folders, DEEP + 1);
	assert_int_equal(files, DEEP);
	assert_true(open_most < 40);
	assert_int_equal(outcome.problems, 0);
	remove_deep(AT_FDCWD, "deep");
}

/* A root that is longer than any path the kernel takes. */
static void a_root_may_be_longer_than_a_path(void **state)
{
	struct buffer root = {0};
	struct walk_options options = {0};
	struct walk *walk = NULL;
	struct walk_item item = {0};
	size_t count = 0;
	bool more = true;

	(void)state;
	make_deep("deep");
	assert_int_equal(buffer_append(&root, "deep", 4), ERR_OK);
	for (int i = 0; i < DEEP - 10; i++)
		assert_int_equal(buffer_append(&root, "/d", 2), ERR_OK);
	assert_int_equal(buffer_append_u8(&root, 0), ERR_OK);
	assert_int_equal(walk_new(&walk, ROOTS((const char *)root.data), 1, &options), ERR_OK);
	for (;; count++) {
		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
		if (!more)
			break;
		assert_int_equal(item.is_ancestor, count < DEEP - 10);
	}
	assert_int_equal(count, DEEP - 10 + 21);
	walk_free(walk);
	buffer_free(&root);
	remove_deep(AT_FDCWD, "deep");
}

/* While the walk is far below, a folder whose descriptor was closed is moved: ".." leads elsewhere, names lead
 * nowhere. Nothing may be taken from the wrong folder. */
static void a_moved_folder_is_found_or_reported(void **state)
{
	struct walking outcome = {0};
	struct walk_options options = {.problem = walking_problem, .context = &outcome};
	struct walk *walk = NULL;
	struct walk_item item;
	size_t files = 0;
	bool more = true;
	int level;

	(void)state;
	make_deep("deep");
	assert_int_equal(walk_new(&walk, ROOTS("deep"), 1, &options), ERR_OK);
	do
		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
	while (item.is_folder);
	/* deep/d/d goes to where its ".." is another folder, with a file of the same name. */
	level = open("deep/d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdir("other", 0755), 0);
	write_text("other/f", "");
	assert_int_equal(renameat(level, "d", AT_FDCWD, "other/d"), 0);
	close(level);
	while (more) {
		files += !item.is_folder;
		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
	}
	/* Found again by name from the root: the levels above "d/d" are still where they were. */
	assert_int_equal(outcome.problems, 0);
	assert_int_equal(files, DEEP);
	walk_free(walk);

	/* Moved where no name leads: reported, and the walk goes on above it. */
	assert_int_equal(rename("other/d", "deep/d/d"), 0);
	assert_int_equal(walk_new(&walk, ROOTS("deep"), 1, &options), ERR_OK);
	files = 0;
	do
		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
	while (item.is_folder);
	assert_int_equal(rename("deep/d/d", "other/d"), 0);
	assert_int_equal(rename("deep/d", "other/e"), 0);
	/* Another folder of that name is not taken for it. */
	assert_int_equal(mkdir("deep/d", 0755), 0);
	write_text("deep/d/f", "");
	while (more) {
		files += !item.is_folder;
		assert_int_equal(walk_next(walk, &item, &more), ERR_OK);
	}
	assert_int_equal(outcome.problems, 1);
	assert_int_equal(outcome.failure.id, PL_SOURCE_VANISHED);
	assert_int_equal(files, DEEP - 1);
	walk_free(walk);
	remove_deep(AT_FDCWD, "other/d");
	remove_deep(AT_FDCWD, "deep");
	buffer_free(&outcome.text);
}

#define test(name) cmocka_unit_test_setup_teardown(name, scratch_enter, walking_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(mount_points_are_empty),
	    test(unreadable_folders_are_reported),
	    test(folders_may_vanish),
	    test(the_caller_may_stop_at_a_problem),
	    test(depth_needs_no_descriptors),
	    test(a_root_may_be_longer_than_a_path),
	    test(a_moved_folder_is_found_or_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
