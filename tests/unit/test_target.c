/* One suite for every kind of target. */
#include "target_places.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "targets/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- names ---- */

static void test_names(void **state)
{
	static const uint8_t id[OBJECT_ID_SIZE] = {0xAB, 0x01, [31] = 0xFF};
	static const uint8_t tag[16] = {0x10, [15] = 0x02};
	uint8_t back[OBJECT_ID_SIZE];
	struct object_name name;

	(void)state;
	name = object_pack(id);
	assert_string_equal(name.text, "packs/ab/ab010000000000000000000000000000000000000000000000000000000000ff");
	assert_true(object_name_valid(name.text));
	assert_true(object_id_of(name.text, back));
	assert_memory_equal(back, id, sizeof(id));
	name = object_index(tag, id);
	assert_string_equal(name.text,
	    "index/10000000000000000000000000000002/"
	    "ab010000000000000000000000000000000000000000000000000000000000ff");
	assert_true(object_name_valid(name.text));
	name = object_snapshot(id);
	assert_true(object_name_valid(name.text));
	name = object_key_slot(tag);
	assert_string_equal(name.text, "keys/10000000000000000000000000000002");
	assert_true(object_name_valid(name.text));
	assert_false(object_id_of(name.text, back));
	name = object_session(tag);
	assert_true(object_name_valid(name.text));
	name = object_generation(0x12ab);
	assert_string_equal(name.text, "gc/00000000000012ab");
	assert_true(object_name_valid(name.text));
	name = object_record("website-2026-11-22-x");
	assert_string_equal(name.text, "records/website-2026-11-22-x");
	assert_true(object_name_valid(name.text));
	assert_true(object_name_valid("config"));
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {"", "/", ".", "..", "config/", "/config", "config2", "Config", "packs",
	    "packs/", "packs/ab", "packs/../config", "../config", "packs/ab/../../config", "keys/..",
	    "packs/ac/ab010000000000000000000000000000000000000000000000000000000000ff",
	    "packs/ab/AB010000000000000000000000000000000000000000000000000000000000ff",
	    "packs/ab/ab010000000000000000000000000000000000000000000000000000000000f",
	    "packs/ab/ab010000000000000000000000000000000000000000000000000000000000ff0",
	    "packs//ab010000000000000000000000000000000000000000000000000000000000ff",
	    "snapshots/ab010000000000000000000000000000000000000000000000000000000000fg", "gc/12ab",
	    "gc/00000000000012aB", "records/", "records/UP", "records/a/b", "records/a.b",
	    "sessions/.tmp-0123456789abcdef", "other/00", "index/10000000000000000000000000000002",
	    "index/10000000000000000000000000000002/ab"};
	char run_id[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (object_name_valid(bad[i]))
			fail_msg("'%s' passes as a name", bad[i]);
	memset(run_id, 'a', sizeof(run_id));
	run_id[100] = '\0';
	assert_true(object_name_valid(object_record(run_id).text));
	run_id[100] = 'a';
	run_id[101] = '\0';
	assert_false(object_name_valid(object_record(run_id).text));
	assert_true(object_folder_valid("packs/0f"));
	assert_false(object_folder_valid("packs/0F"));
	assert_false(object_folder_valid("packs/"));
	assert_false(object_folder_valid("packs/.."));
	assert_true(object_in_folder("packs/0f/0f00", ""));
	assert_true(object_in_folder("packs/0f/0f00", "packs"));
	assert_true(object_in_folder("packs/0f/0f00", "packs/0f"));
	assert_false(object_in_folder("packs/0f/0f00", "packs/0"));
	assert_false(object_in_folder("packs/0f/0f00", "packs/0e"));
	assert_false(object_in_folder("config", "packs"));
}

/* ---- the suite ---- */

static void test_refuses_names(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	uint8_t byte = 0, hash[HASH_SIZE];
	uint64_t size;
	int64_t changed;

	assert_int_equal(target_put(target, "packs/../../x", &byte, 1), ERR_DENIED);
	assert_int_equal(failure_last()->id, PL_OBJECT_NAME);
	assert_int_equal(target_read(target, "../config", 0, &byte, 1), ERR_DENIED);
	assert_int_equal(target_stat(target, "..", &size, &changed), ERR_DENIED);
	assert_int_equal(target_remove(target, "packs/ab/.."), ERR_DENIED);
	assert_int_equal(target_hash(target, "", hash, &size), ERR_DENIED);
	assert_int_equal(target_list(target, "..", NULL, NULL), ERR_DENIED);
	assert_int_equal(target_replace(target, target_place_pack_name(1).text, NULL, &byte, 1), ERR_DENIED);
}

/* ---- the suite ---- */

static void test_put_read(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct object_name name = target_place_pack_name(1);
	struct buffer all = {0};
	int64_t before = clock_now() - 10 * CLOCK_SECOND, changed = 0, now = 0;
	uint8_t hash[HASH_SIZE], expected[HASH_SIZE];
	uint64_t size = 0;
	char part[5];

	assert_int_equal(target_put(target, name.text, "hello world", 11), ERR_OK);
	assert_int_equal(target_stat(target, name.text, &size, &changed), ERR_OK);
	assert_int_equal(size, 11);
	assert_true(changed > before && changed < clock_now() + 10 * CLOCK_SECOND);
	assert_int_equal(target_read(target, name.text, 6, part, 5), ERR_OK);
	assert_memory_equal(part, "world", 5);
	assert_int_equal(target_read(target, name.text, 11, part, 0), ERR_OK);
	assert_int_equal(target_read(target, name.text, 7, part, 5), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_OBJECT_SHORT);
	assert_int_equal(target_read(target, name.text, UINT64_MAX - 2, part, 5), ERR_CORRUPT);
	assert_int_equal(target_get(target, name.text, 11, &all), ERR_OK);
	assert_int_equal(all.length, 11);
	assert_memory_equal(all.data, "hello world", 11);
	assert_int_equal(target_get(target, name.text, 10, &all), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_OBJECT_SIZE);
	assert_int_equal(all.length, 11);
	assert_int_equal(target_hash(target, name.text, hash, &size), ERR_OK);
	assert_int_equal(size, 11);
	assert_int_equal(sha256("hello world", 11, expected), ERR_OK);
	assert_memory_equal(hash, expected, HASH_SIZE);
	assert_int_equal(target_now(target, &now), ERR_OK);
	assert_true(now > before);
	buffer_free(&all);
}

static void test_empty_object(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct buffer all = {0};
	uint8_t hash[HASH_SIZE];
	uint64_t size = 1;

	assert_int_equal(target_put(target, "records/empty", "", 0), ERR_OK);
	assert_int_equal(target_get(target, "records/empty", 10, &all), ERR_OK);
	assert_int_equal(all.length, 0);
	assert_int_equal(target_hash(target, "records/empty", hash, &size), ERR_OK);
	assert_int_equal(size, 0);
	assert_int_equal(hash[0], 0xE3);
	buffer_free(&all);
}

static void test_never_overwrites(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct object_name name = target_place_pack_name(2);
	char byte;

	assert_int_equal(target_put(target, name.text, "a", 1), ERR_OK);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_OBJECT_EXISTS);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(byte, 'a');
}

static void test_missing(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct object_name name = target_place_pack_name(3);
	uint8_t hash[HASH_SIZE], byte;
	uint64_t size;
	int64_t changed;

	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_MISSING);
	assert_int_equal(failure_last()->id, PL_OBJECT_MISSING);
	assert_int_equal(target_stat(target, name.text, &size, &changed), ERR_MISSING);
	assert_int_equal(target_hash(target, name.text, hash, &size), ERR_MISSING);
	assert_int_equal(target_remove(target, name.text), ERR_MISSING);
	assert_int_equal(target_stat(target, "config", &size, &changed), ERR_MISSING);
}

static void test_replace(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct buffer all = {0};
	uint8_t hash[HASH_SIZE];

	assert_int_equal(target_replace(target, "config", NULL, "one", 3), ERR_OK);
	assert_int_equal(target_replace(target, "config", NULL, "three", 5), ERR_OK);
	assert_int_equal(target_get(target, "config", 100, &all), ERR_OK);
	assert_int_equal(all.length, 5);
	assert_memory_equal(all.data, "three", 5);
	assert_int_equal(target_put(target, "config", "x", 1), ERR_EXISTS);
	/* Only what the caller has seen is replaced where he says so. */
	assert_int_equal(sha256("three", 5, hash), ERR_OK);
	assert_int_equal(target_replace(target, "config", hash, "four", 4), ERR_OK);
	assert_int_equal(target_replace(target, "config", hash, "five", 4), ERR_BUSY);
	assert_int_equal(failure_last()->id, PL_CONFIG_CHANGED);
	buffer_clear(&all);
	assert_int_equal(target_get(target, "config", 100, &all), ERR_OK);
	assert_int_equal(all.length, 4);
	assert_memory_equal(all.data, "four", 4);
	assert_int_equal(target_remove(target, "config"), ERR_OK);
	assert_int_equal(target_replace(target, "config", hash, "five", 4), ERR_BUSY);
	buffer_free(&all);
}

static void test_remove(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct object_name name = target_place_pack_name(4);
	char byte;

	assert_int_equal(target_put(target, name.text, "a", 1), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(target_remove(target, name.text), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_MISSING);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(byte, 'b');
}

static void test_list(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct seen seen = {.stop = ERR_DRILL};
	static const uint8_t id[OBJECT_ID_SIZE] = {0}, tag[16] = {1}, other[16] = {2};

	assert_int_equal(target_place_listed(target, ""), 0);
	assert_int_equal(target_place_listed(target, "packs"), 0);
	assert_int_equal(target_put(target, target_place_pack_name(1).text, "12", 2), ERR_OK);
	assert_int_equal(target_put(target, target_place_pack_name(2).text, "123", 3), ERR_OK);
	assert_int_equal(target_put(target, object_index(tag, id).text, "1", 1), ERR_OK);
	assert_int_equal(target_put(target, object_index(other, id).text, "1", 1), ERR_OK);
	assert_int_equal(target_put(target, "gc/0000000000000001", "1", 1), ERR_OK);
	assert_int_equal(target_replace(target, "config", NULL, "1234", 4), ERR_OK);
	assert_int_equal(target_place_listed(target, ""), 6);
	assert_int_equal(target_place_listed(target, "packs"), 2);
	assert_int_equal(target_place_listed(target, "packs/01"), 1);
	assert_int_equal(target_place_listed(target, "index"), 2);
	assert_int_equal(target_place_listed(target, "index/01000000000000000000000000000000"), 1);
	assert_int_equal(target_place_listed(target, "snapshots"), 0);
	assert_int_equal(target_list(target, "packs", target_place_see, &seen), ERR_DRILL);
	assert_int_equal(seen.count, 1);
	seen = (struct seen){0};
	assert_int_equal(target_list(target, "packs", target_place_see, &seen), ERR_OK);
	assert_int_equal(seen.bytes, 5);
}

struct racer {
	pthread_t thread;
	struct target *target;
	uint8_t number;
	unsigned stored, refused, wrong;
};

#define RACE_OBJECTS 40

static void *race(void *argument)
{
	struct racer *racer = argument;
	uint8_t bytes[100];

	for (uint8_t i = 0; i < RACE_OBJECTS; i++) {
		enum err err;

		memset(bytes, racer->number, sizeof(bytes));
		err = target_put(racer->target, target_place_pack_name(i).text, bytes, sizeof(bytes));
		racer->stored += err == ERR_OK;
		racer->refused += err == ERR_EXISTS;
		if (target_read(racer->target, target_place_pack_name(i).text, 0, bytes, sizeof(bytes)) != ERR_OK ||
		    memcmp(bytes, bytes + 1, sizeof(bytes) - 1) != 0)
			racer->wrong++;
	}
	return NULL;
}

static void test_concurrent_put(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct racer racers[4];
	unsigned stored = 0, refused = 0;

	for (uint8_t i = 0; i < 4; i++) {
		racers[i] = (struct racer){.target = target, .number = (uint8_t)(i + 1)};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(racers[i].thread, NULL);
		stored += racers[i].stored;
		refused += racers[i].refused;
		assert_int_equal(racers[i].wrong, 0);
	}
	assert_int_equal(stored, RACE_OBJECTS);
	assert_int_equal(refused, 3 * RACE_OBJECTS);
	assert_int_equal(target_place_listed(target, "packs"), RACE_OBJECTS);
}

static void test_many_files_open(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(
		    target_put(target, target_place_pack_name((uint8_t)i).text, &(uint8_t){(uint8_t)i}, 1), ERR_OK);
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t byte, number = (uint8_t)(i * 37 % 100);

		assert_int_equal(target_read(target, target_place_pack_name(number).text, 0, &byte, 1), ERR_OK);
		assert_int_equal(byte, number);
	}
}

static enum err use_everything(struct target *target)
{
	struct buffer all = {0};
	uint8_t hash[HASH_SIZE];
	uint64_t size;
	struct seen seen = {0};
	enum err err = target_put(target, target_place_pack_name(9).text, "abc", 3);

	if (err == ERR_OK || err == ERR_EXISTS)
		err = target_get(target, target_place_pack_name(9).text, 10, &all);
	if (err == ERR_OK)
		err = target_hash(target, target_place_pack_name(9).text, hash, &size);
	if (err == ERR_OK)
		err = target_list(target, "", target_place_see, &seen);
	if (err == ERR_OK)
		assert_int_equal(seen.count, 1);
	buffer_free(&all);
	return err;
}

static void test_no_memory(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	unsigned failures = 0;

	for (unsigned long n = 1;; n++) {
		enum err err;

		mem_fail_at(n);
		err = use_everything(target);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		failures++;
	}
	assert_true(failures >= 2);
}

/* ---- memory only ---- */

static void test_faults(void **state)
{
	struct target *target = ((struct target_place *)*state)->target;
	struct object_name name = target_place_pack_name(1);
	struct seen seen = {0};
	uint64_t size;
	int64_t changed;
	size_t length;
	char byte;

	memory_target_fail(target, MEMORY_PUT, 2, PL_TARGET_WRITE, false);
	assert_int_equal(target_put(target, "records/a", "a", 1), ERR_OK);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_IO);
	assert_int_equal(target_stat(target, name.text, &size, &changed), ERR_MISSING);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_OK);
	memory_target_fail(target, MEMORY_READ, 1, PL_TARGET_READ, true);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_IO);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_IO);
	memory_target_fail(target, MEMORY_READ, 0, PL_NONE, false);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	memory_target_fail_late(target, MEMORY_PUT, 1, PL_TARGET_WRITE);
	assert_int_equal(target_put(target, "records/b", "b", 1), ERR_IO);
	assert_int_equal(target_stat(target, "records/b", &size, &changed), ERR_OK);
	memory_target_fail_late(target, MEMORY_LIST, 1, PL_TARGET_LIST);
	assert_int_equal(target_list(target, "", target_place_see, &seen), ERR_IO);
	assert_int_equal(seen.count, 3);
	assert_true(memory_target_hide(target, name.text, true));
	assert_int_equal(target_place_listed(target, ""), 2);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_true(memory_target_corrupt(target, name.text, 0, 1));
	assert_int_equal(memory_target_bytes(target, name.text, &length)[0], 'b' ^ 1);
	assert_true(memory_target_resize(target, name.text, 0));
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_CORRUPT);
	assert_true(memory_target_delete(target, name.text));
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_MISSING);
	assert_true(memory_target_plant(target, "packs/../evil", "x", 1));
	assert_int_equal(target_place_listed(target, ""), 2);
	memory_target_set_space(target, 4);
	assert_int_equal(target_put(target, name.text, "12", 2), ERR_NOSPACE);
	memory_target_set_space(target, 0);
	memory_target_set_read_only(target, true);
	assert_int_equal(target_put(target, name.text, "12", 2), ERR_DENIED);
	assert_int_equal(target_remove(target, "records/a"), ERR_DENIED);
	memory_target_set_now(target, 5);
	assert_int_equal(target_now(target, &changed), ERR_OK);
	assert_int_equal(changed, 5);
	assert_int_equal(memory_target_calls(target, MEMORY_NOW), 1);
	assert_int_equal(memory_target_count(target, "records/"), 2);
}

#define SUITE(up)                                                                          \
	cmocka_unit_test_setup_teardown(test_refuses_names, up, target_place_down),        \
	    cmocka_unit_test_setup_teardown(test_put_read, up, target_place_down),         \
	    cmocka_unit_test_setup_teardown(test_empty_object, up, target_place_down),     \
	    cmocka_unit_test_setup_teardown(test_never_overwrites, up, target_place_down), \
	    cmocka_unit_test_setup_teardown(test_missing, up, target_place_down),          \
	    cmocka_unit_test_setup_teardown(test_replace, up, target_place_down),          \
	    cmocka_unit_test_setup_teardown(test_remove, up, target_place_down),           \
	    cmocka_unit_test_setup_teardown(test_list, up, target_place_down),             \
	    cmocka_unit_test_setup_teardown(test_concurrent_put, up, target_place_down),   \
	    cmocka_unit_test_setup_teardown(test_many_files_open, up, target_place_down),  \
	    cmocka_unit_test_setup_teardown(test_no_memory, up, target_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bad_names),
	    SUITE(target_place_memory_up),
	    SUITE(target_place_disk_up),
	    SUITE(target_place_disk_link_up),
	    SUITE(target_place_disk_check_up),
	    cmocka_unit_test_setup_teardown(test_faults, target_place_memory_up, target_place_down),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
