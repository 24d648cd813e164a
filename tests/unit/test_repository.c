/* A repository as a whole: made, opened, attacked. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"
#include "targets/memory.h"
#include "tests/unit/repository_place.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct target *target_of(struct place *place)
{
	return place->target ? place->target : place->repository.target;
}

/* ---- making ---- */

static void init_makes_slot_then_config(void **state)
{
	struct place *place = *state;
	struct key_slot *slots = NULL;
	size_t count;

	assert_int_equal(place_init(place), ERR_OK);
	assert_int_equal(place->asked, 1);
	assert_true(place->repository.keys->full);
	assert_int_equal(place->repository.config->serial, 1);
	assert_int_equal(place->repository.config->suite, suite_for_this_machine());
	assert_int_equal(memory_target_count(place->repository.target, ""), 2);
	assert_int_equal(key_slot_list(place->repository.target, &slots, &count), ERR_OK);
	assert_int_equal(slots[0].cost.memory_kib, 64 * 1024);
	assert_int_equal(slots[0].cost.passes, 3);
	assert_int_equal(slots[0].cost.lanes, 4);
	mem_free(slots);
	place_leave(place);
	assert_int_equal(place_open(place, NULL), ERR_OK);
	place->passphrase = "wrong";
	place_refuses(place, NULL, PL_PASSPHRASE_WRONG);
}

static void init_refuses_what_is_there(void **state)
{
	struct place *place = *state;

	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, "x", 1));
	assert_int_equal(place_init(place), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_REPOSITORY_EXISTS);
	assert_true(memory_target_delete(place->target, OBJECT_CONFIG));
	/* A repository whose config was lost: its slots must not be touched. */
	assert_true(memory_target_plant(place->target, object_session((uint8_t[16]){1}).text, "x", 1));
	assert_int_equal(place_init(place), ERR_EXISTS);
	assert_int_equal(place->asked, 0);
}

static void init_refuses_bad_answers(void **state)
{
	struct place *place = *state;
	struct repository_access access = place_access(place, NULL);

	place->passphrase = "";
	assert_int_equal(place_init(place), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_EMPTY);
	place->passphrase = "correct horse";
	access.domain = "";
	assert_int_equal(repository_init(&place->repository, place->target, &access, 0), ERR_USAGE);
	access.domain = NULL; /* the host's name */
	access.ask = NULL;
	assert_int_equal(repository_init(&place->repository, place->target, &access, 0), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_PASSPHRASE_NONE);
	access = place_access(place, NULL);
	assert_int_equal(repository_init(&place->repository, place->target, &access, 7), ERR_UNSUPPORTED);
	assert_int_equal(memory_target_count(place->target, ""), 0);
}

/* The config is what makes a repository: without it there is none, and init can be repeated. */
static void interrupted_init_is_repeated(void **state)
{
	struct place *place = *state;

	memory_target_fail(place->target, MEMORY_PUT, 2, PL_TARGET_WRITE, false);
	assert_int_equal(place_init(place), ERR_IO);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	place_refuses(place, NULL, PL_NO_REPOSITORY);
	assert_int_equal(place_init(place), ERR_OK);
	assert_int_equal(memory_target_count(place->repository.target, "keys/"), 1);
	place_leave(place);
	assert_int_equal(place_open(place, NULL), ERR_OK);
}

/* Leftovers that cannot be removed do no harm. */
static void leftover_slots_do_no_harm(void **state)
{
	struct place *place = *state;

	memory_target_fail(place->target, MEMORY_PUT, 2, PL_TARGET_WRITE, false);
	assert_int_equal(place_init(place), ERR_IO);
	memory_target_fail(place->target, MEMORY_REMOVE, 1, PL_TARGET_WRITE, true);
	assert_int_equal(place_init(place), ERR_OK);
	assert_int_equal(memory_target_count(place->repository.target, "keys/"), 2);
	place_leave(place);
	assert_int_equal(place_open(place, NULL), ERR_OK);
}

/* Somebody else's config arrives between our slot and our config. */
static enum err (*real_put)(struct target *target, const char *name, const void *bytes, size_t size);

static enum err put_late(struct target *target, const char *name, const void *bytes, size_t size)
{
	if (strcmp(name, OBJECT_CONFIG) == 0)
		assert_true(memory_target_plant(target, OBJECT_CONFIG, "theirs", 6));
	return real_put(target, name, bytes, size);
}

static void losing_the_race_withdraws(void **state)
{
	struct place *place = *state;
	const struct target_operations *kept = place->target->operations;
	struct target_operations operations = *kept;

	real_put = operations.put;
	operations.put = put_late;
	place->target->operations = &operations;
	assert_true(memory_target_plant(place->target, object_key_slot((uint8_t[16]){5}).text, "their slot", 10));
	assert_int_equal(place_init(place), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_REPOSITORY_EXISTS);
	assert_int_equal(memory_target_count(place->target, "keys/"), 1);
	place->target->operations = kept;
}

/* ---- opening ---- */

static void no_repository(void **state)
{
	struct place *place = *state;
	struct repository repository;

	place_refuses(place, NULL, PL_NO_REPOSITORY);
	assert_int_equal(place->asked, 0);
	assert_int_equal(repository_open_keyless(&repository, place->target), ERR_NO_REPOSITORY);
}

static void keyless(void **state)
{
	struct place *place = *state;
	struct repository repository;

	place_leave(place);
	assert_int_equal(repository_open_keyless(&repository, place->target), ERR_OK);
	assert_null(repository.keys);
	assert_non_null(repository.config);
	repository.target = NULL;
	repository_close(&repository);
	assert_int_equal(place->asked, 1);
}

/* Config and slots of another repository, together or alone. */
static void swapped_objects_are_found(void **state)
{
	struct place *place = *state, *other = NULL;
	struct target *target;
	const uint8_t *bytes;
	size_t size;

	place_up((void **)&other);
	target = target_of(other);
	place_leave(place);
	bytes = memory_target_bytes(target, OBJECT_CONFIG, &size);
	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, bytes, size));
	place_refuses(place, NULL, PL_CONFIG_BROKEN);
	place_down((void **)&other);
}

/* The file that remembers the serial; to be released with mem_free. */
static void find_memory(const char *folder, char **path)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL)
		if (strncmp(entry->d_name, "config-serial.", strlen("config-serial.")) == 0)
			*path = path_join(folder, entry->d_name);
	closedir(entries);
	assert_non_null(*path);
}

static void rollback_is_found(void **state)
{
	struct place *place = *state;
	struct buffer file = {0};
	size_t size;
	const uint8_t *bytes = memory_target_bytes(target_of(place), OBJECT_CONFIG, &size);
	uint8_t *old = mem_copy(bytes, size);
	const char *folder = place->repository.state_folder;
	struct stat status;

	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(key_issue_writer(&place->repository, "server", "", false, &file), ERR_OK);
	place_leave(place);
	assert_int_equal(place_open(place, NULL), ERR_OK); /* remembers serial 2 */
	assert_true(memory_target_plant(place->target, OBJECT_CONFIG, old, size));
	place_refuses(place, NULL, PL_CONFIG_ROLLBACK);
	/* A machine that has never been there cannot know. */
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	assert_int_equal(place_open(place, NULL), ERR_OK);
	mem_free(old);
	buffer_free(&file);
}

/* Whatever a failing disk made of what is remembered keeps nobody from a restore. */
static void damaged_memory_is_none(void **state)
{
	struct place *place = *state;
	struct buffer memory = {0};
	char *path = NULL;

	find_memory(place->repository.state_folder, &path);
	place_leave(place);
	assert_int_equal(file_read_all(path, 1 << 10, &memory), ERR_OK);
	for (size_t i = 0; i < 8 * memory.length; i += 1) {
		memory.data[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(file_replace(path, memory.data, memory.length, 0600), ERR_OK);
		assert_int_equal(place_open(place, NULL), ERR_OK);
		memory.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t length = 0; length < memory.length; length++) {
		assert_int_equal(file_replace(path, memory.data, length, 0600), ERR_OK);
		assert_int_equal(place_open(place, NULL), ERR_OK);
	}
	/* It is written anew. */
	buffer_clear(&memory);
	assert_int_equal(file_read_all(path, 1 << 10, &memory), ERR_OK);
	assert_memory_equal(memory.data, "1 ", 2);
	buffer_free(&memory);
	mem_free(path);
}

/* A state folder that cannot be written does not keep anybody from restoring. */
static void memory_that_cannot_be_kept(void **state)
{
	struct place *place = *state;

	place_leave(place);
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	assert_int_equal(file_replace(place->folder, "no folder", 9, 0600), ERR_OK);
	assert_int_equal(place_open(place, NULL), ERR_OK);
	assert_int_equal(unlink(place->folder), 0);
	mem_free(place->folder);
	place->folder = mem_string("/proc/pulih-state");
	assert_int_equal(place_open(place, NULL), ERR_OK);
}

/* Every 29th place will do: each try derives from a passphrase at full cost. */
static void init_without_memory(void **state)
{
	struct place *place = *state;
	unsigned long n = 1;
	enum err err;

	for (;;) {
		mem_fail_at(n);
		err = place_init(place);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_non_null(place->target);
		n += 29;
	}
	place_leave(place);
	assert_int_equal(place_open(place, NULL), ERR_OK);
}

#define EMPTY_TEST(name) cmocka_unit_test_setup_teardown(name, place_empty_up, place_down)
#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EMPTY_TEST(init_makes_slot_then_config),
	    EMPTY_TEST(init_refuses_what_is_there),
	    EMPTY_TEST(init_refuses_bad_answers),
	    EMPTY_TEST(interrupted_init_is_repeated),
	    EMPTY_TEST(leftover_slots_do_no_harm),
	    EMPTY_TEST(losing_the_race_withdraws),
	    EMPTY_TEST(no_repository),
	    PLACE_TEST(keyless),
	    PLACE_TEST(swapped_objects_are_found),
	    PLACE_TEST(rollback_is_found),
	    PLACE_TEST(damaged_memory_is_none),
	    PLACE_TEST(memory_that_cannot_be_kept),
	    EMPTY_TEST(init_without_memory),
	};

	return cmocka_run_group_tests(tests, place_crypto, NULL);
}
