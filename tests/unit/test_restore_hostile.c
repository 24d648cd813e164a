/* Snapshots and destinations that want to write elsewhere. Outside the destination, nothing changes; what can be restored is. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "restore/restore.h"
#include "tests/unit/repo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

struct told {
	size_t problems, metadata, repeated;
	enum message last;
};

static void on_problem(void *context, const struct restore_problem *problem)
{
	struct told *told = context;

	if (problem->metadata_only)
		told->metadata++;
	else
		told->problems++;
	told->repeated += problem->repeated;
	told->last = problem->failure->id;
}

static const char *at(const struct fixture *fixture, const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/%s", fixture->folder, name);
	return path[next];
}

static enum err restore(
    struct fixture *fixture, struct restore_options *options, struct restore_result *result, struct told *told)
{
	static char destination[128];

	*told = (struct told){0};
	snprintf(destination, sizeof(destination), "%s/out", fixture->folder);
	options->destination = destination;
	options->on_problem = on_problem;
	options->context = told;
	return restore_run(&fixture->repository, &fixture->snapshot, options, result);
}

static bool exists(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0;
}

static void make_folders(const char *path)
{
	assert_int_equal(file_make_folders(path, 0755), ERR_OK);
}

static void nothing_below_a_link(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 2};
	struct restore_result result;
	struct told told;

	(void)state;
	fixture_open(&fixture);
	make_folders(at(&fixture, "victim"));
	fixture_symlink(&fixture, "a", at(&fixture, "victim"));
	fixture_file(&fixture, "a/b", "out of bounds");
	fixture_folder(&fixture, "a/c");
	fixture_file(&fixture, "a/c/d", "out of bounds");
	fixture_file(&fixture, "file", "is a file");
	fixture_file(&fixture, "file/below", "cannot be");
	fixture_file(&fixture, "good", "good");
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.problems, 4);
	assert_int_equal(told.last, PL_RESTORE_STREAM);
	assert_false(exists(at(&fixture, "victim/b")));
	assert_false(exists(at(&fixture, "victim/c")));
	assert_true(exists(at(&fixture, "out/good")));
	fixture_close(&fixture);
}

static void links_in_the_destination_are_not_followed(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct stat stat_of;

	(void)state;
	fixture_open(&fixture);
	make_folders(at(&fixture, "victim"));
	assert_int_equal(file_replace(at(&fixture, "victim/file"), "mine", 4, 0600), ERR_OK);
	make_folders(at(&fixture, "out/real"));
	assert_int_equal(symlink("../victim", at(&fixture, "out/folder")), 0);
	assert_int_equal(symlink("../../victim/file", at(&fixture, "out/real/file")), 0);
	assert_int_equal(symlink("../../victim/new", at(&fixture, "out/real/new")), 0);
	fixture_folder(&fixture, "folder");
	fixture_file(&fixture, "folder/file", "theirs");
	fixture_folder(&fixture, "real");
	fixture_file(&fixture, "real/file", "theirs");
	fixture_file(&fixture, "real/new", "theirs");
	fixture_store(&fixture);

	options.overwrite = RESTORE_NEVER;
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_FAILED);
	assert_int_equal(told.problems, 1);
	assert_int_equal(told.last, PL_RESTORE_IN_THE_WAY);
	assert_int_equal(result.problems, 2); /* the folder, and the file in it */

	options.overwrite = RESTORE_ALWAYS;
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	fixture_assert_restored(&fixture, at(&fixture, "out"));
	assert_int_equal(lstat(at(&fixture, "victim/file"), &stat_of), 0);
	assert_int_equal(stat_of.st_size, 4);
	assert_false(exists(at(&fixture, "victim/new")));
	fixture_close(&fixture);
}

static void attributes_of_links_do_not_reach_their_targets(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct stat before, after;
	struct entry entry;

	(void)state;
	fixture_open(&fixture);
	assert_int_equal(file_replace(at(&fixture, "victim"), "mine", 4, 0600), ERR_OK);
	assert_int_equal(stat(at(&fixture, "victim"), &before), 0);
	entry = fixture_entry_of("link", ENTRY_SYMLINK);
	entry.target = (struct entry_bytes){(const uint8_t *)"../victim", 9};
	entry.mode = 0777;
	entry.uid = geteuid() == 0 ? 12345 : geteuid();
	entry.mtime = 1;
	/* an attribute that only a link of root may have */
	entry.xattrs = (struct entry_bytes){(const uint8_t *)"\x0ctrusted.evil\x01x", 15};
	fixture_add(&fixture, &entry, NULL, 0, 0);
	fixture_store(&fixture);
	(void)restore(&fixture, &options, &result, &told);
	assert_int_equal(stat(at(&fixture, "victim"), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	assert_int_equal(getxattr(at(&fixture, "victim"), "trusted.evil", NULL, 0), -1);
	fixture_close(&fixture);
}

/* As another user: everything of his own, exit 0; what belongs to others, content only, named once, and never set-user-ID. */
static void as_somebody_else(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 1};
	struct restore_result result;
	struct told told;
	struct entry entry;
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_open(&fixture);
	assert_int_equal(chmod(fixture.folder, 0755), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"own", "root's", "root's, too"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		entry.uid = i ? 0 : 65534;
		entry.gid = i ? 0 : 65534;
		entry.mode = 04755;
		fixture_add(&fixture, &entry, "content", 7, 100);
	}
	/* owned by the user: only that it cannot be made counts */
	entry = fixture_entry_of("device", ENTRY_CHARACTER);
	entry.uid = entry.gid = 65534;
	entry.rdev = UINT64_C(1) << 32 | 3;
	fixture_add(&fixture, &entry, NULL, 0, 0);
	fixture_store(&fixture);
	assert_int_equal(chown(fixture.folder, 65534, 65534), 0);
	assert_int_equal(file_remove_tree(at(&fixture, "state")), ERR_OK);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct stat own, others;
		int failed = 0;

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		failed |= restore(&fixture, &options, &result, &told) != ERR_PARTIAL ? 4 : 0;
		failed |=
		    told.problems != 0 || told.metadata != 3 || told.repeated != 1 || result.metadata_problems != 3 ? 8
														    : 0;
		failed |= exists(at(&fixture, "out/device")) || result.others != 0 ? 128 : 0;
		failed |= !result.missing_features[0] || strcmp(result.missing_features[0], "owner") != 0 ? 16 : 0;
		failed |= stat(at(&fixture, "out/own"), &own) != 0 || (own.st_mode & 07777) != 04755 ? 32 : 0;
		failed |= stat(at(&fixture, "out/root's"), &others) != 0 || (others.st_mode & 07777) != 0755 ? 64 : 0;
		_exit(failed);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	fixture_close(&fixture);
}

static void a_very_long_name_and_a_very_deep_folder(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 2};
	struct restore_result result;
	struct told told;
	char name[301], *deep = mem_alloc(2 * 1000 + 1);

	(void)state;
	fixture_open(&fixture);
	memset(name, 'n', 300);
	name[300] = 0;
	fixture_file(&fixture, name, "too long");
	/* deeper than descriptors last */
	deep[0] = 'd';
	for (size_t i = 1; i < 1000; i++) {
		deep[2 * i - 1] = '/';
		deep[2 * i] = 'd';
	}
	deep[1999] = 0;
	for (size_t i = 0; i < 1000; i++) {
		char *path = mem_string(deep);

		path[2 * i + 1] = 0;
		fixture_folder(&fixture, path);
		mem_free(path);
	}
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_FAILED);
	assert_int_equal(told.problems, 1);
	assert_int_equal(told.last, PL_RESTORE_WRITE);
	assert_int_equal(result.folders, 1000);
	mem_free(deep);
	fixture_close(&fixture);
}

static void a_folder_with_a_default_acl_gives_nothing_away(void **state)
{
	/* other users may read all that is made in it */
	static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 7, 0, 1, 0, 0, 0, 4, 0, 7,
	    0, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF};
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct entry entry;

	(void)state;
	fixture_open(&fixture);
	make_folders(at(&fixture, "out"));
	if (setxattr(at(&fixture, "out"), "system.posix_acl_default", acl, sizeof(acl), 0) != 0) {
		fixture_close(&fixture);
		skip();
	}
	assert_int_equal(file_replace(at(&fixture, "out/stranger"), "", 0, 0600), ERR_OK);
	entry = fixture_entry_of("secret", ENTRY_FILE);
	entry.mode = 0600;
	fixture_add(&fixture, &entry, "x", 1, 100);
	entry = fixture_entry_of("folder", ENTRY_FOLDER);
	entry.mode = 0700;
	fixture_add(&fixture, &entry, NULL, 0, 0);
	entry = fixture_entry_of("folder/secret", ENTRY_FILE);
	entry.mode = 0640;
	fixture_add(&fixture, &entry, "x", 1, 100);
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(unlink(at(&fixture, "out/stranger")), 0);
	fixture_assert_restored(&fixture, at(&fixture, "out"));
	fixture_close(&fixture);
}

static void a_full_destination_stops_it(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 2};
	struct restore_result result;
	struct told told;
	struct entry entry;
	size_t size = 3u << 20;
	uint8_t *bytes;

	(void)state;
	fixture_open(&fixture);
	make_folders(at(&fixture, "out"));
	if (mount("tmpfs", at(&fixture, "out"), "tmpfs", 0, "size=1m") != 0) {
		fixture_close(&fixture);
		skip();
	}
	bytes = mem_calloc(size, 1);
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"a", "b", "c"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		memset(bytes, 'a' + i, size);
		fixture_add(&fixture, &entry, bytes, size, 1 << 20);
	}
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_NOSPACE);
	assert_false(exists(at(&fixture, "out/a")));
	assert_false(exists(at(&fixture, "out/b")));
	assert_false(exists(at(&fixture, "out/c")));
	assert_int_equal(umount(at(&fixture, "out")), 0);
	mem_free(bytes);
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_below_a_link),
	    cmocka_unit_test(links_in_the_destination_are_not_followed),
	    cmocka_unit_test(attributes_of_links_do_not_reach_their_targets),
	    cmocka_unit_test(as_somebody_else),
	    cmocka_unit_test(a_very_long_name_and_a_very_deep_folder),
	    cmocka_unit_test(a_folder_with_a_default_acl_gives_nothing_away),
	    cmocka_unit_test(a_full_destination_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
