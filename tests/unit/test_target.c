/* One suite for every kind of target, and what is special about a folder on a disk. */
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "targets/disk.h"
#include "targets/memory.h"
#include "targets/registry.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	struct target *target;
	char *folder; /* NULL: memory */
};

static char *temporary_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *folder = mem_printf("%s/pulih-target-XXXXXX", base ? base : "/tmp");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

static int place_down(void **state)
{
	struct place *place = *state;

	target_free(place->target);
	if (place->folder)
		assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	mem_free(place->folder);
	mem_free(place);
	return 0;
}

static int memory_up(void **state)
{
	struct place *place = mem_calloc(1, sizeof(*place));

	*state = place;
	return memory_target_new(&place->target) == ERR_OK ? 0 : -1;
}

static int disk_up_publish(void **state, enum disk_publish publish)
{
	struct place *place = mem_calloc(1, sizeof(*place));
	char *path;

	*state = place;
	place->folder = temporary_folder();
	path = path_join(place->folder, "a/b");
	assert_int_equal(target_open(&place->target, path, true), ERR_OK);
	disk_target_set_publish(place->target, publish);
	mem_free(path);
	return 0;
}

static int disk_up(void **state)
{
	return disk_up_publish(state, DISK_RENAME_NOREPLACE);
}

static int disk_link_up(void **state)
{
	return disk_up_publish(state, DISK_LINK);
}

static int disk_check_up(void **state)
{
	return disk_up_publish(state, DISK_CHECK_RENAME);
}

static struct object_name pack_name(uint8_t number)
{
	uint8_t id[OBJECT_ID_SIZE];

	memset(id, 0x5A, sizeof(id));
	id[0] = number;
	return object_pack(id);
}

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
	assert_string_equal(name.text, "index/10000000000000000000000000000002/"
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
	static const char *const bad[] = {"", "/", ".", "..", "config/", "/config", "config2", "Config", "packs", "packs/",
	    "packs/ab", "packs/../config", "../config", "packs/ab/../../config", "keys/..",
	    "packs/ac/ab010000000000000000000000000000000000000000000000000000000000ff",
	    "packs/ab/AB010000000000000000000000000000000000000000000000000000000000ff",
	    "packs/ab/ab010000000000000000000000000000000000000000000000000000000000f",
	    "packs/ab/ab010000000000000000000000000000000000000000000000000000000000ff0",
	    "packs//ab010000000000000000000000000000000000000000000000000000000000ff",
	    "snapshots/ab010000000000000000000000000000000000000000000000000000000000fg", "gc/12ab", "gc/00000000000012aB",
	    "records/", "records/UP", "records/a/b", "records/a.b", "sessions/.tmp-0123456789abcdef", "other/00",
	    "index/10000000000000000000000000000002", "index/10000000000000000000000000000002/ab"};
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
}

static void test_refuses_names(void **state)
{
	struct target *target = ((struct place *)*state)->target;
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
	assert_int_equal(target_replace(target, pack_name(1).text, &byte, 1), ERR_DENIED);
}

/* ---- the suite ---- */

static void test_put_read(void **state)
{
	struct target *target = ((struct place *)*state)->target;
	struct object_name name = pack_name(1);
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
	struct target *target = ((struct place *)*state)->target;
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
	struct target *target = ((struct place *)*state)->target;
	struct object_name name = pack_name(2);
	char byte;

	assert_int_equal(target_put(target, name.text, "a", 1), ERR_OK);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_EXISTS);
	assert_int_equal(failure_last()->id, PL_OBJECT_EXISTS);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(byte, 'a');
}

static void test_missing(void **state)
{
	struct target *target = ((struct place *)*state)->target;
	struct object_name name = pack_name(3);
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
	struct target *target = ((struct place *)*state)->target;
	struct buffer all = {0};

	assert_int_equal(target_replace(target, "config", "one", 3), ERR_OK);
	assert_int_equal(target_replace(target, "config", "three", 5), ERR_OK);
	assert_int_equal(target_get(target, "config", 100, &all), ERR_OK);
	assert_int_equal(all.length, 5);
	assert_memory_equal(all.data, "three", 5);
	assert_int_equal(target_put(target, "config", "x", 1), ERR_EXISTS);
	buffer_free(&all);
}

static void test_remove(void **state)
{
	struct target *target = ((struct place *)*state)->target;
	struct object_name name = pack_name(4);
	char byte;

	assert_int_equal(target_put(target, name.text, "a", 1), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(target_remove(target, name.text), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_MISSING);
	assert_int_equal(target_put(target, name.text, "b", 1), ERR_OK);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_int_equal(byte, 'b');
}

struct seen {
	unsigned count;
	uint64_t bytes;
	enum err stop;
};

static enum err see(void *context, const struct target_object *object)
{
	struct seen *seen = context;

	assert_true(object_name_valid(object->name));
	seen->count++;
	seen->bytes += object->size;
	return seen->stop;
}

static unsigned listed(struct target *target, const char *prefix)
{
	struct seen seen = {0};

	assert_int_equal(target_list(target, prefix, see, &seen), ERR_OK);
	return seen.count;
}

static void test_list(void **state)
{
	struct target *target = ((struct place *)*state)->target;
	struct seen seen = {.stop = ERR_DRILL};
	static const uint8_t id[OBJECT_ID_SIZE] = {0}, tag[16] = {1}, other[16] = {2};

	assert_int_equal(listed(target, ""), 0);
	assert_int_equal(listed(target, "packs"), 0);
	assert_int_equal(target_put(target, pack_name(1).text, "12", 2), ERR_OK);
	assert_int_equal(target_put(target, pack_name(2).text, "123", 3), ERR_OK);
	assert_int_equal(target_put(target, object_index(tag, id).text, "1", 1), ERR_OK);
	assert_int_equal(target_put(target, object_index(other, id).text, "1", 1), ERR_OK);
	assert_int_equal(target_put(target, "gc/0000000000000001", "1", 1), ERR_OK);
	assert_int_equal(target_replace(target, "config", "1234", 4), ERR_OK);
	assert_int_equal(listed(target, ""), 6);
	assert_int_equal(listed(target, "packs"), 2);
	assert_int_equal(listed(target, "packs/01"), 1);
	assert_int_equal(listed(target, "index"), 2);
	assert_int_equal(listed(target, "index/01000000000000000000000000000000"), 1);
	assert_int_equal(listed(target, "snapshots"), 0);
	assert_int_equal(target_list(target, "packs", see, &seen), ERR_DRILL);
	assert_int_equal(seen.count, 1);
	seen = (struct seen){0};
	assert_int_equal(target_list(target, "packs", see, &seen), ERR_OK);
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
		err = target_put(racer->target, pack_name(i).text, bytes, sizeof(bytes));
		racer->stored += err == ERR_OK;
		racer->refused += err == ERR_EXISTS;
		if (target_read(racer->target, pack_name(i).text, 0, bytes, sizeof(bytes)) != ERR_OK ||
		    memcmp(bytes, bytes + 1, sizeof(bytes) - 1) != 0)
			racer->wrong++;
	}
	return NULL;
}

static void test_concurrent_put(void **state)
{
	struct target *target = ((struct place *)*state)->target;
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
	assert_int_equal(listed(target, "packs"), RACE_OBJECTS);
}

static void test_many_files_open(void **state)
{
	struct target *target = ((struct place *)*state)->target;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(target_put(target, pack_name((uint8_t)i).text, &(uint8_t){(uint8_t)i}, 1), ERR_OK);
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t byte, number = (uint8_t)(i * 37 % 100);

		assert_int_equal(target_read(target, pack_name(number).text, 0, &byte, 1), ERR_OK);
		assert_int_equal(byte, number);
	}
}

static enum err use_everything(struct target *target)
{
	struct buffer all = {0};
	uint8_t hash[HASH_SIZE];
	uint64_t size;
	struct seen seen = {0};
	enum err err = target_put(target, pack_name(9).text, "abc", 3);

	if (err == ERR_OK || err == ERR_EXISTS)
		err = target_get(target, pack_name(9).text, 10, &all);
	if (err == ERR_OK)
		err = target_hash(target, pack_name(9).text, hash, &size);
	if (err == ERR_OK)
		err = target_list(target, "", see, &seen);
	if (err == ERR_OK)
		assert_int_equal(seen.count, 1);
	buffer_free(&all);
	return err;
}

static void test_no_memory(void **state)
{
	struct target *target = ((struct place *)*state)->target;
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
	struct target *target = ((struct place *)*state)->target;
	struct object_name name = pack_name(1);
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
	assert_int_equal(target_list(target, "", see, &seen), ERR_IO);
	assert_int_equal(seen.count, 3);
	assert_true(memory_target_hide(target, name.text, true));
	assert_int_equal(listed(target, ""), 2);
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_OK);
	assert_true(memory_target_corrupt(target, name.text, 0, 1));
	assert_int_equal(memory_target_bytes(target, name.text, &length)[0], 'b' ^ 1);
	assert_true(memory_target_resize(target, name.text, 0));
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_CORRUPT);
	assert_true(memory_target_delete(target, name.text));
	assert_int_equal(target_read(target, name.text, 0, &byte, 1), ERR_MISSING);
	assert_true(memory_target_plant(target, "packs/../evil", "x", 1));
	assert_int_equal(listed(target, ""), 2);
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

/* ---- disk only ---- */

static char *inside(const struct place *place, const char *name)
{
	char *path = mem_printf("%s/a/b/%s", place->folder, name);

	assert_non_null(path);
	return path;
}

static void write_file(const struct place *place, const char *name, const char *text, time_t age)
{
	char *path = inside(place, name);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - age}};

	assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	mem_free(path);
}

static bool exists(const struct place *place, const char *name)
{
	char *path = inside(place, name);
	bool there = access(path, F_OK) == 0;

	mem_free(path);
	return there;
}

static void test_strangers_and_temporaries(void **state)
{
	struct place *place = *state;
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
	assert_int_equal(listed(target, ""), 1);
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
	assert_int_equal(listed(place->target, "records"), 2);
}

static void test_no_regular_file(void **state)
{
	struct place *place = *state;
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
	assert_int_equal(listed(place->target, "records"), 1);
}

static void test_root_gone(void **state)
{
	struct place *place = *state;
	struct seen seen = {0};
	char byte, *path;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "");
	assert_int_equal(file_remove_tree(path), ERR_OK);
	mem_free(path);
	assert_int_equal(target_read(place->target, "records/a", 0, &byte, 1), ERR_IO);
	assert_non_null(strstr(failure_last()->text, "a/b is gone"));
	assert_int_equal(target_list(place->target, "", see, &seen), ERR_IO);
	assert_int_equal(target_list(place->target, "packs", see, &seen), ERR_IO);
	assert_int_equal(target_put(place->target, "records/b", "b", 1), ERR_IO);
	assert_int_equal(target_put(place->target, pack_name(1).text, "b", 1), ERR_IO);
}

static void test_folder_gone(void **state)
{
	struct place *place = *state;
	char *path;

	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	path = inside(place, "records");
	assert_int_equal(file_remove_tree(path), ERR_OK);
	mem_free(path);
	assert_int_equal(target_put(place->target, "records/a", "a", 1), ERR_OK);
	assert_int_equal(listed(place->target, ""), 1);
}

/* Runs as a user who may not write, in a child: root may do everything. */
static void test_read_only(void **state)
{
	struct place *place = *state;
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
		if (target_put(place->target, "records/b", "b", 1) != ERR_DENIED || failure_last()->id != PL_TARGET_DENIED)
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

static void test_full(void **state)
{
	char *folder = temporary_folder(), *root = path_join(folder, "repository"), *records = path_join(root, "records");
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
	assert_int_equal(listed(target, ""), 1);
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
	char *folder = temporary_folder();
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
	assert_int_equal(target_list(target, "", see, &seen), ERR_IO);
	assert_int_equal(target_read(target, "records/missing", 0, &byte, 1), ERR_IO);
	target_free(target);
done:
	assert_int_equal(rmdir(folder), 0);
	mem_free(folder);
}

/* ---- the registry ---- */

static void test_urls(void **state)
{
	struct place *place = *state;
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
	struct place *place = *state;
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

#define SUITE(up)                                                                                                                \
	cmocka_unit_test_setup_teardown(test_refuses_names, up, place_down),                                                      \
	    cmocka_unit_test_setup_teardown(test_put_read, up, place_down),                                                       \
	    cmocka_unit_test_setup_teardown(test_empty_object, up, place_down),                                                   \
	    cmocka_unit_test_setup_teardown(test_never_overwrites, up, place_down),                                               \
	    cmocka_unit_test_setup_teardown(test_missing, up, place_down),                                                        \
	    cmocka_unit_test_setup_teardown(test_replace, up, place_down),                                                        \
	    cmocka_unit_test_setup_teardown(test_remove, up, place_down),                                                         \
	    cmocka_unit_test_setup_teardown(test_list, up, place_down),                                                           \
	    cmocka_unit_test_setup_teardown(test_concurrent_put, up, place_down),                                                 \
	    cmocka_unit_test_setup_teardown(test_many_files_open, up, place_down),                                                \
	    cmocka_unit_test_setup_teardown(test_no_memory, up, place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bad_names),
	    SUITE(memory_up),
	    SUITE(disk_up),
	    SUITE(disk_link_up),
	    SUITE(disk_check_up),
	    cmocka_unit_test_setup_teardown(test_faults, memory_up, place_down),
	    cmocka_unit_test_setup_teardown(test_strangers_and_temporaries, disk_up, place_down),
	    cmocka_unit_test_setup_teardown(test_no_regular_file, disk_up, place_down),
	    cmocka_unit_test_setup_teardown(test_root_gone, disk_up, place_down),
	    cmocka_unit_test_setup_teardown(test_folder_gone, disk_up, place_down),
	    cmocka_unit_test_setup_teardown(test_read_only, disk_up, place_down),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_unmounted),
	    cmocka_unit_test_setup_teardown(test_urls, disk_up, place_down),
	    cmocka_unit_test_setup_teardown(test_open_no_memory, disk_up, place_down),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
