/* Snapshots and destinations that want to write elsewhere. Outside the destination, nothing changes; what can be restored is. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "tests/unit/restoring.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

static void make_folders(const char *path)
{
	assert_int_equal(file_make_folders(path, 0755), ERR_OK);
}

static void nothing_below_a_link(void **state)
{
	struct restoring *at = *state;

	at->options.threads = 2;
	make_folders(restoring_path(at, "victim"));
	fixture_symlink(&at->fixture, "a", restoring_path(at, "victim"));
	fixture_file(&at->fixture, "a/b", "out of bounds");
	fixture_folder(&at->fixture, "a/c");
	fixture_file(&at->fixture, "a/c/d", "out of bounds");
	fixture_file(&at->fixture, "file", "is a file");
	fixture_file(&at->fixture, "file/below", "cannot be");
	fixture_file(&at->fixture, "good", "good");
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_CORRUPT);
	assert_int_equal(at->problems, 4);
	assert_int_equal(at->last.id, PL_RESTORE_STREAM);
	assert_false(exists(restoring_path(at, "victim/b")));
	assert_false(exists(restoring_path(at, "victim/c")));
	assert_true(exists(restoring_out(at, "good")));
}

static void links_in_the_destination_are_not_followed(void **state)
{
	struct restoring *at = *state;
	struct stat stat_of;

	make_folders(restoring_path(at, "victim"));
	write_text(restoring_path(at, "victim/file"), "mine");
	make_folders(restoring_out(at, "real"));
	assert_int_equal(symlink("../victim", restoring_out(at, "folder")), 0);
	assert_int_equal(symlink("../../victim/file", restoring_out(at, "real/file")), 0);
	assert_int_equal(symlink("../../victim/new", restoring_out(at, "real/new")), 0);
	fixture_folder(&at->fixture, "folder");
	fixture_file(&at->fixture, "folder/file", "theirs");
	fixture_folder(&at->fixture, "real");
	fixture_file(&at->fixture, "real/file", "theirs");
	fixture_file(&at->fixture, "real/new", "theirs");
	fixture_store(&at->fixture);

	at->options.overwrite = RESTORE_NEVER;
	assert_int_equal(restoring_run(at), ERR_FAILED);
	assert_int_equal(at->problems, 1);
	assert_int_equal(at->last.id, PL_RESTORE_IN_THE_WAY);
	assert_int_equal(at->result.problems, 2); /* the folder, and the file in it */

	at->options.overwrite = RESTORE_ALWAYS;
	assert_int_equal(restoring_run(at), ERR_OK);
	restoring_assert_whole(at);
	assert_int_equal(lstat(restoring_path(at, "victim/file"), &stat_of), 0);
	assert_int_equal(stat_of.st_size, 4);
	assert_false(exists(restoring_path(at, "victim/new")));
}

static void attributes_of_links_do_not_reach_their_targets(void **state)
{
	struct restoring *at = *state;
	struct stat before, after;
	struct entry entry;

	write_text(restoring_path(at, "victim"), "mine");
	assert_int_equal(stat(restoring_path(at, "victim"), &before), 0);
	entry = fixture_entry_of("link", ENTRY_SYMLINK);
	entry.target = (struct entry_bytes){(const uint8_t *)"../victim", 9};
	entry.mode = 0777;
	entry.uid = geteuid() == 0 ? 12345 : geteuid();
	entry.mtime = 1;
	/* an attribute that only a link of root may have */
	entry.xattrs = (struct entry_bytes){(const uint8_t *)"\x0ctrusted.evil\x01x", 15};
	fixture_add(&at->fixture, &entry, NULL, 0, 0);
	fixture_store(&at->fixture);
	(void)restoring_run(at);
	assert_int_equal(stat(restoring_path(at, "victim"), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	assert_int_equal(getxattr(restoring_path(at, "victim"), "trusted.evil", NULL, 0), -1);
}

/* As another user: everything of his own, exit 0; what belongs to others, content only, named once, and never set-user-ID. */
static void as_somebody_else(void **state)
{
	struct restoring *at = *state;
	struct entry entry;
	int status;
	pid_t child;

	at->options.threads = 1;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(at->fixture.folder, 0755), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"own", "root's", "root's, too"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		entry.uid = i ? 0 : 65534;
		entry.gid = i ? 0 : 65534;
		entry.mode = 04755;
		fixture_add(&at->fixture, &entry, "content", 7, 100);
	}
	/* owned by the user: only that it cannot be made counts */
	entry = fixture_entry_of("device", ENTRY_CHARACTER);
	entry.uid = entry.gid = 65534;
	entry.rdev = UINT64_C(1) << 32 | 3;
	fixture_add(&at->fixture, &entry, NULL, 0, 0);
	fixture_store(&at->fixture);
	assert_int_equal(chown(at->fixture.folder, 65534, 65534), 0);
	assert_int_equal(file_remove_tree(restoring_path(at, "state")), ERR_OK);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct stat own, others;
		int failed = 0;

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		failed |= restoring_run(at) != ERR_PARTIAL ? 4 : 0;
		failed |= at->problems != 0 || at->metadata_problems != 3 || at->repeated != 1 ? 8 : 0;
		failed |= at->result.metadata_problems != 3 ? 8 : 0;
		failed |= exists(restoring_out(at, "device")) || at->result.others != 0 ? 128 : 0;
		failed |=
		    !at->result.missing_features[0] || strcmp(at->result.missing_features[0], "owner") != 0 ? 16 : 0;
		failed |= stat(restoring_out(at, "own"), &own) != 0 || (own.st_mode & 07777) != 04755 ? 32 : 0;
		failed |= stat(restoring_out(at, "root's"), &others) != 0 || (others.st_mode & 07777) != 0755 ? 64 : 0;
		_exit(failed);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_very_long_name_and_a_very_deep_folder(void **state)
{
	struct restoring *at = *state;
	char name[301], *deep = mem_alloc(2 * 1000 + 1);

	at->options.threads = 2;
	memset(name, 'n', 300);
	name[300] = 0;
	fixture_file(&at->fixture, name, "too long");
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
		fixture_folder(&at->fixture, path);
		mem_free(path);
	}
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_FAILED);
	assert_int_equal(at->problems, 1);
	assert_int_equal(at->last.id, PL_RESTORE_WRITE);
	assert_int_equal(at->result.folders, 1000);
	mem_free(deep);
}

static void a_folder_with_a_default_acl_gives_nothing_away(void **state)
{
	/* other users may read all that is made in it */
	static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 7, 0, 1, 0, 0, 0, 4, 0, 7,
	    0, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 7, 0, 0xFF, 0xFF, 0xFF, 0xFF};
	struct restoring *at = *state;
	struct entry entry;

	make_folders(restoring_path(at, "out"));
	if (setxattr(restoring_path(at, "out"), "system.posix_acl_default", acl, sizeof(acl), 0) != 0)
		skip();
	write_text(restoring_out(at, "stranger"), "");
	entry = fixture_entry_of("secret", ENTRY_FILE);
	entry.mode = 0600;
	fixture_add(&at->fixture, &entry, "x", 1, 100);
	entry = fixture_entry_of("folder", ENTRY_FOLDER);
	entry.mode = 0700;
	fixture_add(&at->fixture, &entry, NULL, 0, 0);
	entry = fixture_entry_of("folder/secret", ENTRY_FILE);
	entry.mode = 0640;
	fixture_add(&at->fixture, &entry, "x", 1, 100);
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(unlink(restoring_out(at, "stranger")), 0);
	restoring_assert_whole(at);
}

static void a_full_destination_stops_it(void **state)
{
	struct restoring *at = *state;
	struct entry entry;
	size_t size = 3u << 20;
	uint8_t *bytes;

	at->options.threads = 2;
	make_folders(restoring_path(at, "out"));
	if (mount("tmpfs", restoring_path(at, "out"), "tmpfs", 0, "size=1m") != 0)
		skip();
	bytes = mem_calloc(size, 1);
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"a", "b", "c"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		memset(bytes, 'a' + i, size);
		fixture_add(&at->fixture, &entry, bytes, size, 1 << 20);
	}
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_NOSPACE);
	assert_false(exists(restoring_out(at, "a")));
	assert_false(exists(restoring_out(at, "b")));
	assert_false(exists(restoring_out(at, "c")));
	assert_int_equal(umount(restoring_path(at, "out")), 0);
	mem_free(bytes);
}

#define test(name) cmocka_unit_test_setup_teardown(name, restoring_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(nothing_below_a_link),
	    test(links_in_the_destination_are_not_followed),
	    test(attributes_of_links_do_not_reach_their_targets),
	    test(as_somebody_else),
	    test(a_very_long_name_and_a_very_deep_folder),
	    test(a_folder_with_a_default_acl_gives_nothing_away),
	    test(a_full_destination_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
