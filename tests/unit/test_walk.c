/* core/source: the walk. What a walk gives is written as text, one item a line: path, then '/' for a folder, '^' for
 * a folder above a root ('~' for one that is on no disk), '=' for an extra; problems as "! path". */
#include "core/source/walk.h"
#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define DEEP 3000

static char scratch[64];

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void make_folders(const char *const *paths)
{
	for (size_t i = 0; paths[i]; i++)
		assert_int_equal(file_make_folders(paths[i], 0755), ERR_OK);
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

static int enter_scratch(void **state)
{
	(void)state;
	memcpy(scratch, "/tmp/pulih-walk-XXXXXX", sizeof("/tmp/pulih-walk-XXXXXX"));
	return mkdtemp(scratch) && chdir(scratch) == 0 ? 0 : -1;
}

static int leave_scratch(void **state)
{
	(void)state;
	if (chdir("/") != 0)
		return -1;
	assert_int_equal(walk_folders_open(), 0);
	return file_remove_tree(scratch) == ERR_OK ? 0 : -1;
}

struct outcome {
	struct buffer text;
	struct failure failure;
	size_t problems;
};

static enum err note_problem(void *context, struct entry_bytes path, const struct failure *failure)
{
	struct outcome *outcome = context;

	assert_int_equal(failure->kind, ERR_SOURCE);
	outcome->failure = *failure;
	outcome->problems++;
	return buffer_append_text(&outcome->text, "! %.*s\n", (int)path.size, (const char *)path.data);
}

static enum err run(const char *const *roots, struct walk_options *options, struct outcome *outcome)
{
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;
	size_t count = 0;
	enum err err;

	while (roots[count])
		count++;
	options->problem = note_problem;
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

static struct outcome expect(const char *const *roots, struct walk_options options, const char *expected)
{
	struct outcome outcome = {0};

	assert_int_equal(run(roots, &options, &outcome), ERR_OK);
	assert_int_equal(buffer_append_u8(&outcome.text, 0), ERR_OK);
	assert_string_equal((const char *)outcome.text.data, expected);
	buffer_free(&outcome.text);
	return outcome;
}

#define ROOTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- stored paths ---- */

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
		make_file(path, "");
		snprintf(path, sizeof(path), "%s/a%c", folder, byte);
		make_file(path, "");
		snprintf(path, sizeof(path), "%s/12345678%c", folder, byte);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof(path), "%s/12345678%c/x", folder, byte);
		make_file(path, "");
	}
	for (size_t size = 2; size < 256; size++) {
		memset(name, 'n', size);
		name[size] = '\0';
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		make_file(path, "");
	}
}

static void order_is_that_of_paths(void **state)
{
	static const char *const folders[] = {"t/zz", "t/zz!", "t/zz.d/e", "t/zz-c", "t/zz/z", NULL};
	struct walk_options options = {0};
	struct buffer before = {0};
	struct walk *walk = NULL;
	struct walk_item item;
	bool more = true;
	size_t count = 0;

	(void)state;
	fill_nasty("t");
	fill_nasty("t/b0");
	make_folders(folders);
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

static void fill_small(void)
{
	static const char *const folders[] = {"a/b/c", "a/d", "e", NULL};

	make_folders(folders);
	make_file("a/b/c/1", "1");
	make_file("a/b.x", "2");
	make_file("a/d/3", "3");
	make_file("e/4", "4");
	assert_int_equal(symlink("a", "link"), 0);
}

static void relative_roots(void **state)
{
	const struct walk_options plain = {0};

	(void)state;
	fill_small();
	expect(ROOTS("a"), plain, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\n");
	expect(ROOTS("./a//b/."), plain, "a^\na/b/\na/b/c/\na/b/c/1\n");
	expect(ROOTS("e", "a/d", "a/b/c/1"), plain, "a^\na/b^\na/b/c^\na/b/c/1\na/d/\na/d/3\ne/\ne/4\n");
	expect(ROOTS("."), plain, "/\na/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\ne/\ne/4\nlink\n");
	expect(ROOTS("link"), plain, "link\n");
	expect(ROOTS("link/d"), plain, "link^\nlink/d/\nlink/d/3\n");
	/* One root inside another, and the same twice. */
	expect(ROOTS("a/d", "a", "./a", "a/d/3", "a"), plain, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\n");
	expect(ROOTS("e", "."), plain, "/\na/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3\ne/\ne/4\nlink\n");
	/* What comes first in the tree of another root has its own place on disk. */
	assert_int_equal(chdir("a/d"), 0);
	expect(ROOTS("../b", "3"), plain, "3\nb/\nb/c/\nb/c/1\n");
	expect(ROOTS(".."), plain, "/\nb/\nb/c/\nb/c/1\nb.x\nd/\nd/3\n");
	expect(ROOTS("../../a/b/c", "../../e"), plain, "a^\na/b^\na/b/c/\na/b/c/1\ne/\ne/4\n");
}

static void absolute_roots(void **state)
{
	const struct walk_options plain = {0};
	char root[128], expected[512];

	(void)state;
	fill_small();
	snprintf(root, sizeof(root), "%s/a/d/", scratch);
	snprintf(expected, sizeof(expected), "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\n", scratch + 1, scratch + 1,
	    scratch + 1, scratch + 1);
	expect(ROOTS(root), plain, expected);
	/* An absolute and a relative root under one stored folder: each is read where it is. */
	snprintf(root, sizeof(root), "%s/a/d", scratch);
	assert_int_equal(file_make_folders("tmp", 0755), ERR_OK);
	make_file("tmp/zz", "");
	snprintf(expected, sizeof(expected), "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\ntmp/zz\n", scratch + 1, scratch + 1,
	    scratch + 1, scratch + 1);
	expect(ROOTS(root, "tmp/zz"), plain, expected);
	assert_int_equal(file_make_folders("tmp/zz.d/y", 0755), ERR_OK);
	make_file("tmp/zz.d/y/1", "");
	snprintf(expected, sizeof(expected),
	    "tmp^\n%s^\n%s/a^\n%s/a/d/\n%s/a/d/3\ntmp/zz.d/\ntmp/zz.d/y/\ntmp/zz.d/y/1\n", scratch + 1, scratch + 1,
	    scratch + 1, scratch + 1);
	expect(ROOTS(root, "tmp/zz.d", "tmp/zz.d/y"), plain, expected);
}

static void missing_roots(void **state)
{
	struct walk_options options = {0};
	struct outcome outcome = {0};
	const struct walk_extra extra = {.path = "dump"};

	(void)state;
	fill_small();
	outcome = expect(ROOTS("e", "nothing/here", "e/4/x"), options, "! nothing/here\n! e/4/x\ne/\ne/4\n");
	assert_int_equal(outcome.failure.id, PL_SOURCE_MISSING);
	assert_int_equal(run(ROOTS("nothing", "nothing2"), &options, &outcome), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_MISSING);
	assert_int_equal(run(ROOTS(""), &options, &outcome), ERR_SOURCE);
	options.extras = &extra;
	options.extras_count = 1;
	expect(ROOTS("nothing"), options, "! nothing\ndump=\n");
	buffer_free(&outcome.text);
}

/* ---- extras and hidden paths ---- */

static void extras_take_their_place(void **state)
{
	struct walk_options options = {.extras_count = 4};
	struct walk_extra extras[4] = {
	    {.path = "stdin"}, {.path = "a/d/3"}, {.path = "a/dumps/x.sql"}, {.path = "e/db", .typed = "./e/db"}};
	struct outcome outcome;

	(void)state;
	fill_small();
	options.extras = extras;
	expect(ROOTS("a"), options,
	    "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/3=\na/dumps~\na/dumps/x.sql=\ne^\ne/db=\nstdin=\n");
	/* Below a folder that is excluded. */
	assert_int_equal(exclude_new((struct exclude **)&options.exclude), ERR_OK);
	assert_int_equal(exclude_add((struct exclude *)(uintptr_t)options.exclude, "d", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add((struct exclude *)(uintptr_t)options.exclude, "dumps", "", "x", false), ERR_OK);
	expect(ROOTS("a", "a/b/c"), options,
	    "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d^\na/d/3=\na/dumps~\na/dumps/x.sql=\ne^\ne/db=\nstdin=\n");
	exclude_free((struct exclude *)(uintptr_t)options.exclude);
	options.exclude = NULL;
	/* A file stands where a folder must be. */
	extras[2].path = "a/b.x/y";
	extras[3].path = "a/d/3";
	outcome = expect(ROOTS("a"), options,
	    "! a/d/3\na/\na/b/\na/b/c/\na/b/c/1\n! a/b.x\na/b.x~\na/b.x/y=\na/d/\na/d/3=\nstdin=\n");
	assert_int_equal(outcome.failure.id, PL_SOURCE_READ);
	/* What lies below an extra cannot be stored. */
	extras[1].path = "a/d";
	extras[3].path = "a/x";
	extras[2].path = "a/y";
	expect(ROOTS("a", "a/d/3"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\n! a/d\na/d=\na/x=\na/y=\nstdin=\n");
}

static void hidden_paths_are_skipped(void **state)
{
	static const char *const hidden[] = {"a/b.x", "a/d", "e/4", "zz/top", NULL};
	struct walk_options options = {.hidden = hidden};

	(void)state;
	fill_small();
	expect(ROOTS("a", "e"), options, "a/\na/b/\na/b/c/\na/b/c/1\ne/\n");
	expect(ROOTS("a", "a/d/3", "e/4"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/d^\na/d/3\ne^\n");
}

/* ---- what is left out ---- */

static void excludes_apply_below_roots(void **state)
{
	struct exclude *exclude = NULL;
	struct walk_options options = {0};

	(void)state;
	fill_small();
	assert_int_equal(exclude_new(&exclude), ERR_OK);
	assert_int_equal(exclude_add(exclude, "b", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "/a/d/*", "", "x", false), ERR_OK);
	assert_int_equal(exclude_add(exclude, "/a/*.x/", "", "x", false), ERR_OK);
	options.exclude = exclude;
	expect(ROOTS("a"), options, "a/\na/b.x\na/d/\n");
	/* An argument is never excluded, and neither is the way to it. */
	expect(ROOTS("a/b"), options, "a^\na/b/\na/b/c/\na/b/c/1\n");
	expect(ROOTS("a", "a/b/c"), options, "a/\na/b^\na/b/c/\na/b/c/1\na/b.x\na/d/\n");
	expect(ROOTS("a", "a/d/3"), options, "a/\na/b.x\na/d/\na/d/3\n");
	exclude_free(exclude);
}

static void tagged_folders_keep_their_tag(void **state)
{
	static const char *const rules[] = {".nobackup", "mark:yes", NULL};
	static const char *const wrong[] = {"a/b", NULL};
	struct walk_options options = {.exclude_caches = true};
	struct outcome outcome = {0};

	(void)state;
	fill_small();
	make_file("a/b/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# more");
	make_file("a/d/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc56");
	expect(ROOTS("a"), options, "a/\na/b/\na/b/CACHEDIR.TAG\na/b.x\na/d/\na/d/3\na/d/CACHEDIR.TAG\n");
	expect(ROOTS("a/b", "a/b/c/1"), options, "a^\na/b/\na/b/CACHEDIR.TAG\na/b/c^\na/b/c/1\n");
	options.exclude_if_present = rules;
	make_file("a/d/.nobackup", "");
	make_file("e/mark", "yes, please");
	expect(ROOTS("a", "e"), options, "a/\na/b/\na/b/CACHEDIR.TAG\na/b.x\na/d/\na/d/.nobackup\ne/\ne/mark\n");
	make_file("e/mark", "ye");
	expect(ROOTS("e"), options, "e/\ne/4\ne/mark\n");
	unlink("e/mark");
	assert_int_equal(mkfifo("e/mark", 0600), 0);
	expect(ROOTS("e"), options, "e/\ne/4\ne/mark\n");
	options.exclude_if_present = wrong;
	assert_int_equal(run(ROOTS("e"), &options, &outcome), ERR_USAGE);
}

static void large_files_are_left_out(void **state)
{
	struct walk_options options = {.exclude_larger = 3};

	(void)state;
	fill_small();
	make_file("e/three", "123");
	make_file("e/four", "1234");
	expect(ROOTS("e"), options, "e/\ne/4\ne/three\n");
	expect(ROOTS("e", "e/four"), options, "e/\ne/4\ne/four\ne/three\n");
}

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

static bool gives(const char *const *roots, struct walk_options options, const char *expected, struct outcome *outcome)
{
	*outcome = (struct outcome){0};
	if (run(roots, &options, outcome) != ERR_OK || buffer_append_u8(&outcome->text, 0) != ERR_OK)
		return false;
	if (strcmp((const char *)outcome->text.data, expected) != 0) {
		fprintf(stderr, "%s", (const char *)outcome->text.data);
		return false;
	}
	buffer_free(&outcome->text);
	return true;
}

static void on_other_file_system(void)
{
	struct walk_options options = {.one_file_system = true};
	struct outcome outcome;

	must(unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, 77);
	must(mount("none", "a/d", "tmpfs", 0, NULL) == 0, 77);
	make_file("a/d/inside", "");
	must(gives(ROOTS("a"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\n", &outcome), 1);
	/* An argument is read wherever it is; what lies on the way to it is not. */
	must(gives(ROOTS("a", "a/d/inside"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome),
	    2);
	must(gives(ROOTS("a/d"), options, "a^\na/d/\na/d/inside\n", &outcome), 3);
	must(gives(ROOTS("a", "a/d"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome), 4);
	options.one_file_system = false;
	must(gives(ROOTS("a"), options, "a/\na/b/\na/b/c/\na/b/c/1\na/b.x\na/d/\na/d/inside\n", &outcome), 5);
	umount("a/d");
}

static void mount_points_are_empty(void **state)
{
	(void)state;
	fill_small();
	in_child(on_other_file_system);
}

/* ---- problems ---- */

static void as_nobody(void)
{
	const struct walk_options options = {0};
	struct outcome outcome;

	must(setresuid(65534, 65534, 65534) == 0, 77);
	must(gives(ROOTS("a", "e"), options, "a/\na/b/\n! a/b\na/b.x\na/d/\na/d/3\ne/\ne/4\n", &outcome), 1);
	must(outcome.failure.id == PL_SOURCE_READ && strstr(outcome.failure.text, "a/b"), 2);
	/* A folder that may be passed but not listed is no obstacle on the way to a root. */
	must(gives(ROOTS("a/d/3", "e"), options, "a^\na/d^\na/d/3\ne/\ne/4\n", &outcome), 3);
	must(gives(ROOTS("p/q"), options, "p^\np/q\n", &outcome), 4);
}

static void unreadable_folders_are_reported(void **state)
{
	(void)state;
	fill_small();
	assert_int_equal(mkdir("p", 0755), 0);
	make_file("p/q", "");
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
	struct outcome outcome = {0};
	struct walk_options options = {.problem = note_problem, .context = &outcome};
	struct walk *walk = NULL;
	struct walk_item item;
	struct stat status;
	bool more = true;

	(void)state;
	fill_small();
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
	fill_small();
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

/* Every folder d comes before the file f beside it, so that all files are met on the way back up. */
static void walk_deep(size_t *folders, size_t *files, unsigned *open_most, struct outcome *outcome)
{
	struct walk_options options = {.problem = note_problem, .context = outcome};
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
	struct outcome outcome = {0};
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
	struct outcome outcome = {0};
	struct walk_options options = {.problem = note_problem, .context = &outcome};
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
	make_file("other/f", "");
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
	make_file("deep/d/f", "");
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

/* ---- memory ---- */

static void memory_may_run_out(void **state)
{
	static const char *const hidden[] = {"a/b.x", NULL};
	const struct walk_extra extras[] = {{.path = "a/dumps/x", .typed = "a/dumps/x"}, {.path = "stdin"}};
	struct walk_options options = {.extras = extras, .extras_count = 2, .hidden = hidden};
	enum err err = ERR_NOMEM;

	(void)state;
	fill_small();
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct outcome outcome = {0};

		mem_fail_at(n);
		err = run(ROOTS("a/b", "e", "missing", scratch), &options, &outcome);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_int_equal(walk_folders_open(), 0);
		assert_true(n < 400);
		buffer_free(&outcome.text);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stored_paths),
	    test(order_is_that_of_paths),
	    test(relative_roots),
	    test(absolute_roots),
	    test(missing_roots),
	    test(extras_take_their_place),
	    test(hidden_paths_are_skipped),
	    test(excludes_apply_below_roots),
	    test(tagged_folders_keep_their_tag),
	    test(large_files_are_left_out),
	    test(mount_points_are_empty),
	    test(unreadable_folders_are_reported),
	    test(folders_may_vanish),
	    test(the_caller_may_stop_at_a_problem),
	    test(depth_needs_no_descriptors),
	    test(a_root_may_be_longer_than_a_path),
	    test(a_moved_folder_is_found_or_reported),
	    test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
