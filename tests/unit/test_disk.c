/* What is special about a folder on a disk, and opening a target by its URL. */
#include "target_places.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/registry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char *inside(const struct target_place *place, const char *name)
{
	char *path = mem_printf("%s/a/b/%s", place->folder, name);

	assert_non_null(path);
	return path;
}

static void write_file(const struct target_place *place, const char *name, const char *text, time_t age)
{
	char *path = inside(place, name);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - age}};

	assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	mem_free(path);
}

static bool exists(const struct target_place *place, const char *name)
{
	char *path = inside(place, name);
	bool there = access(path, F_OK) == 0;

	mem_free(path);
	return there;
}

static void test_strangers_and_temporaries(void **state)
{
	struct target_place *place = *state;
	struct target *target = place->target;
	char *pipe_path;

	assert_int_equal(target_put(target, "records/a", "a", 1), ERR_OK);
	write_file(place, "records/.tmp-0000000000000001", "old", 25 * 3600);
	write_file(place, "records/.tmp-0000000000000002", "young", 3600);
	write_file(place, "records/README.txt", "stranger", 0);
	write_file(place, "stranger", "stranger", 0);
	pipe_path = inside(place, "records/pipe");
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	mem_free(pipe_path);
	assert_int_equal(target_place_listed(target, ""), 1);
	/* A writer that comes later sweeps what is stale, and nothing else. */
	target_free(target);
	place->target = NULL;
	pipe_path = inside(place, "");
	assert_int_equal(target_open(&place->target, pipe_path, false), ERR_OK);
	mem_free(pipe_path);
	assert_true(exists(place, "records/.tmp-0000000000000001"));
	assert_int_equal(target_put(place->target, "records/b", "b", 1), ERR_OK);
	assert_false(exists(place, "records/.tmp-0000000000000001"));
	assert_true(exists(place, "records/.tmp-0000000000000002"));
	assert_true(exists(place, "records/README.txt"));
	assert_int_equal(target_place_listed(place->target, "records"), 2);
}

static void test_no_regular_file(void **state)
{
	struct target_place *place = *state;
	uint64_t size;
	int64_t changed;
	char byte;
	char *path;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "records/pipe");
	assert_int_equal(mkfifo(path, 0600), 0);
	mem_free(path);
	path = inside(place, "records/link");
	assert_int_equal(symlink("a", path), 0);
	mem_free(path);
	assert_int_equal(target_read(place->target, "records/pipe", 0, &byte, 1), ERR_IO);
	assert_int_equal(target_read(place->target, "records/link", 0, &byte, 1), ERR_IO);
	assert_int_equal(target_stat(place->target, "records/pipe", &size, &changed), ERR_IO);
	assert_int_equal(target_place_listed(place->target, "records"), 1);
}

/* Whatever the file holds by now, only the very bytes that were meant count as stored; anything else is taken away. */
static void test_read_back(void **state)
{
	static const char *const found[] = {"abcdefgh", "abcdefgx", "abcdefg", "abcdefghi", ""};
	struct target_place *place = *state;
	uint8_t hash[HASH_SIZE];

	assert_int_equal(sha256("abcdefgh", 8, hash), ERR_OK);
	for (size_t i = 0; i < 2 * sizeof(found) / sizeof(*found); i++) {
		enum err (*put)(struct target * target, const char *name, const void *bytes, size_t size,
		    const uint8_t hash[HASH_SIZE]) = i % 2 ? target_put_compared : target_put_checked;

		assert_int_equal(put(place->target, "records/a", "abcdefgh", 8, hash), ERR_OK);
		write_file(place, "records/a", found[i / 2], 0);
		if (i < 2) {
			assert_int_equal(put(place->target, "records/a", "abcdefgh", 8, hash), ERR_OK);
			assert_true(exists(place, "records/a"));
			continue;
		}
		assert_int_equal(put(place->target, "records/a", "abcdefgh", 8, hash), ERR_FAILED);
		assert_int_equal(failure_last()->id, PL_READ_BACK);
		assert_false(exists(place, "records/a"));
	}
}

static void test_root_gone(void **state)
{
	struct target_place *place = *state;
	struct seen seen = {0};
	char byte, *path;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "");
	assert_int_equal(file_remove_tree(path), ERR_OK);
	mem_free(path);
	assert_int_equal(target_read(place->target, "records/a", 0, &byte, 1), ERR_IO);
	assert_non_null(strstr(failure_last()->text, "a/b is gone"));
	assert_int_equal(target_list(place->target, "", target_place_see, &seen), ERR_IO);
	assert_int_equal(target_list(place->target, "packs", target_place_see, &seen), ERR_IO);
	assert_int_equal(target_put(place->target, "records/b", "b", 1), ERR_IO);
	assert_int_equal(target_put(place->target, target_place_pack_name(1).text, "b", 1), ERR_IO);
}

static void test_folder_gone(void **state)
{
	struct target_place *place = *state;
	char *path;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "records");
	assert_int_equal(file_remove_tree(path), ERR_OK);
	mem_free(path);
	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	assert_int_equal(target_place_listed(place->target, ""), 1);
}

/* Runs as a user who may not write, in a child: root may do everything. */
static void test_read_only(void **state)
{
	struct target_place *place = *state;
	char *path;
	int status = 0;
	pid_t child;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "");
	assert_int_equal(chmod(path, 0755), 0);
	mem_free(path);
	path = inside(place, "records");
	assert_int_equal(chmod(path, 0555), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char byte;
		uint64_t size;
		int64_t changed;

		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(10);
		if (target_put(place->target, "records/b", "b", 1) != ERR_DENIED ||
		    failure_last()->id != PL_TARGET_DENIED)
			_exit(11);
		if (target_remove(place->target, "records/a") != ERR_DENIED)
			_exit(12);
		if (target_stat(place->target, "records/a", &size, &changed) != ERR_OK)
			_exit(13);
		/* Not readable is no denial of the target's: it could not be asked. */
		if (target_read(place->target, "records/a", 0, &byte, 1) != (getuid() == 65534 ? ERR_IO : ERR_OK))
			_exit(14);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	chmod(path, 0700);
	mem_free(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(exists(place, "records/a"));
	assert_false(exists(place, "records/b"));
}

/* Files in a folder, temporaries included. */
static unsigned files_in(const char *folder)
{
	char *command = mem_printf("ls -A '%s' | wc -l", folder);
	FILE *pipe = popen(command, "r");
	unsigned count = 0;

	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	mem_free(command);
	return count;
}

/* What the system says of the mount, spaces and all; nothing of it is needed, not even memory. */
static void test_medium(void **state)
{
	char *folder = target_place_temporary_folder(), *root = path_join(folder, "repository");
	struct target_medium medium;
	struct target *target = NULL;

	(void)state;
	if (mount("a disk \\ of mine", folder, "tmpfs", 0, "size=256k") != 0) {
		print_message("skipped: a medium of its own needs root\n");
		rmdir(folder);
		goto done;
	}
	assert_int_equal(target_open(&target, root, true), ERR_OK);
	for (unsigned long n = 4; n-- > 0;) {
		mem_fail_at(n);
		assert_int_equal(target_medium(target, &medium), ERR_OK);
		mem_fail_at(0);
		assert_string_equal(medium.device, "a disk \\ of mine");
		assert_string_equal(medium.type, "tmpfs");
		assert_string_equal(medium.label, "");
		assert_string_equal(medium.uuid, "");
		assert_string_equal(medium.serial, "");
	}
	target_free(target);
	assert_int_equal(umount(folder), 0);
	assert_int_equal(rmdir(folder), 0);
	/* that of the disk below */
	assert_int_equal(target_open(&target, root, true), ERR_OK);
	assert_int_equal(target_medium(target, &medium), ERR_OK);
	assert_string_not_equal(medium.device, "a disk \\ of mine");
	target_free(target);
	assert_int_equal(file_remove_tree(folder), ERR_OK);
done:
	mem_free(root);
	mem_free(folder);
}

static void test_full(void **state)
{
	char *folder = target_place_temporary_folder(), *root = path_join(folder, "repository"),
	     *records = path_join(root, "records");
	uint8_t *bytes = mem_calloc(1, 512 << 10);
	struct target_space space;
	struct target *target = NULL;

	(void)state;
	if (mount("none", folder, "tmpfs", 0, "size=256k") != 0) {
		print_message("skipped: a full disk needs root, for a tmpfs of its own\n");
		rmdir(folder);
		goto done;
	}
	assert_int_equal(target_open(&target, root, true), ERR_OK);
	assert_int_equal(target_put(target, "records/small", bytes, 1000), ERR_OK);
	assert_int_equal(target_put(target, "records/large", bytes, 512 << 10), ERR_NOSPACE);
	assert_int_equal(failure_last()->id, PL_NO_SPACE);
	assert_int_equal(target_place_listed(target, ""), 1);
	assert_int_equal(files_in(records), 1);
	assert_int_equal(target_put(target, "records/other", bytes, 1000), ERR_OK);
	assert_int_equal(target_space(target, &space), ERR_OK);
	assert_int_equal(space.total, 256 << 10);
	assert_true(space.available > 0 && space.available < space.total);
	target_free(target);
	assert_int_equal(umount(folder), 0);
	assert_int_equal(rmdir(folder), 0);
done:
	mem_free(bytes);
	mem_free(records);
	mem_free(root);
	mem_free(folder);
}

static void test_unmounted(void **state)
{
	char *folder = target_place_temporary_folder();
	struct target *target = NULL;
	struct seen seen = {0};
	char byte;

	(void)state;
	if (mount("none", folder, "tmpfs", 0, "size=256k") != 0) {
		print_message("skipped: unmounting needs root\n");
		goto done;
	}
	assert_int_equal(target_open(&target, folder, false), ERR_OK);
	assert_int_equal(target_put(target, "records/a", "a", 1), ERR_OK);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
	assert_int_equal(target_list(target, "", target_place_see, &seen), ERR_IO);
	assert_int_equal(target_read(target, "records/missing", 0, &byte, 1), ERR_IO);
	target_free(target);
done:
	assert_int_equal(rmdir(folder), 0);
	mem_free(folder);
}

/* ---- the registry ---- */

static void test_urls(void **state)
{
	struct target_place *place = *state;
	struct target *target = NULL;
	char *url = mem_printf("file:%s/new", place->folder), *triple = mem_printf("file://%s/new", place->folder);

	assert_int_equal(target_open(&target, url, false), ERR_NO_REPOSITORY);
	assert_null(target);
	assert_int_equal(target_open(&target, url, true), ERR_OK);
	assert_string_equal(target->url, url);
	target_free(target);
	assert_int_equal(target_open(&target, triple, false), ERR_OK);
	target_free(target);
	assert_int_equal(target_open(&target, url + 5, false), ERR_OK);
	target_free(target);
	assert_int_equal(target_open(&target, "", false), ERR_USAGE);
	assert_int_equal(target_open(&target, "ftp://host/x", true), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_TARGET_URL);
	assert_non_null(strstr(failure_last()->text, "'ftp'"));
	assert_non_null(strstr(failure_last()->text, "file:/path"));
	assert_int_equal(target_open(&target, "file:relative", true), ERR_USAGE);
	assert_int_equal(target_open(&target, "file://host/x", true), ERR_USAGE);
	assert_int_equal(target_open(&target, "./a:b/c", false), ERR_NO_REPOSITORY);
	assert_int_equal(target_open(&target, "/dev/null", false), ERR_NO_REPOSITORY);
	assert_int_equal(target_open(&target, "/dev/null/x", true), ERR_IO);
	assert_int_equal(failure_last()->id, PL_TARGET_WRITE);
	mem_free(url);
	mem_free(triple);
	target_free(NULL);
}

static void test_open_no_memory(void **state)
{
	struct target_place *place = *state;
	struct target *target = NULL;
	unsigned failures = 0;
	char *path = inside(place, "deeper");

	for (unsigned long n = 1;; n++) {
		enum err err;

		mem_fail_at(n);
		err = target_open(&target, path, true);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_null(target);
		failures++;
	}
	assert_true(failures >= 3);
	target_free(target);
	mem_free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_strangers_and_temporaries, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_no_regular_file, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_read_back, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_root_gone, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_folder_gone, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_read_only, target_place_disk_up, target_place_down),
	    cmocka_unit_test(test_medium),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_unmounted),
	    cmocka_unit_test_setup_teardown(test_urls, target_place_disk_up, target_place_down),
	    cmocka_unit_test_setup_teardown(test_open_no_memory, target_place_disk_up, target_place_down),
	};

	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
