/* The index in use: the cache, merging, damage, several at once. */
#include "index_place.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- reading ---- */

static void test_empty(void **state)
{
	struct index *index = index_place_open();
	struct index_location location;

	(void)state;
	assert_int_equal(index_chunks(index), 0);
	assert_int_equal(index_place_find(index, 1, 1, &location), ERR_MISSING);
	assert_int_equal(index_place_census(index).packs, 0);
	index_free(index);
	index_free(NULL);
}

static void test_many_objects(void **state)
{
	struct index *index;
	unsigned long reads;

	(void)state;
	for (uint64_t i = 0; i < 30; i++)
		index_place_write(1 + 3 * i, 3, 20);
	index = index_place_open();
	assert_int_equal(index_chunks(index), 1800);
	index_place_check(index, 1, 90, 20);
	assert_int_equal(index_place_census(index).packs, 90);
	assert_int_equal(index_place_census(index).used, 0);
	index_free(index);
	/* The second time nothing is read. */
	reads = memory_target_calls(index_place_target, MEMORY_READ);
	index = index_place_open();
	index_place_check(index, 1, 90, 20);
	assert_int_equal(memory_target_calls(index_place_target, MEMORY_READ), reads);
	index_free(index);
}

static void test_merges(void **state)
{
	struct index *index;

	(void)state;
	/* One new object at a time: a table each, until they are merged. */
	for (uint64_t i = 0; i < 60; i++) {
		index_place_write(1 + i, 1, 5 + i % 7);
		index = index_place_open();
		assert_true(index_place_files(".table", NULL) <= INDEX_TABLES_MAX);
		assert_int_equal(index->tables_count, index_place_files(".table", NULL));
		index_free(index);
	}
	assert_int_equal(index_place_files_starting(TABLE_TEMPORARY), 0);
	index = index_place_open();
	for (uint64_t i = 0; i < 60; i++)
		index_place_check(index, 1 + i, 1, 5 + i % 7);
	assert_int_equal(index_place_census(index).packs, 60);
	index_free(index);
}

/* The same pack in several objects, the same chunk in several packs. */
static void test_duplicates(void **state)
{
	struct index_pack twin = sample_pack(1, 9);
	struct buffer bytes = {0};
	struct index_location location;
	struct index *index;
	uint8_t id[OBJECT_ID_SIZE];

	(void)state;
	for (int i = 0; i < 12; i++) {
		index_place_write(1, 2, 9); /* the same packs; the objects differ by their salt */
		index = index_place_open();
		index_free(index);
	}
	sample_pack_id(77, twin.id);
	assert_int_equal(index_object_encode(index_place_keys, &twin, 1, &bytes, id), ERR_OK);
	assert_int_equal(target_put(index_place_target, object_index(index_place_keys->domain.tag, id).text, bytes.data,
			     bytes.length),
	    ERR_OK);
	index = index_place_open();
	assert_int_equal(index_place_census(index).packs, 3);
	assert_int_equal(index_place_find(index, 1, 3, &location), ERR_OK);
	assert_int_equal(location.length, 103);
	index_place_check(index, 2, 1, 9);
	index_free(index);
	directory_free(&twin.directory);
	buffer_free(&bytes);
}

static void test_objects_vanish(void **state)
{
	struct object_name gone = index_place_write(1, 1, 10);
	struct index_location location;
	struct index *index;

	(void)state;
	index_place_write(2, 1, 10);
	index = index_place_open();
	index_free(index);
	assert_true(memory_target_delete(index_place_target, gone.text));
	index = index_place_open();
	assert_int_equal(index_place_find(index, 1, 1, &location), ERR_MISSING);
	index_place_check(index, 2, 1, 10);
	index_free(index);
	/* Gone between listing and reading: the listing is read again. */
	index_place_write(3, 1, 10);
	memory_target_fail(index_place_target, MEMORY_STAT, 1, PL_OBJECT_MISSING, false);
	index = index_place_open();
	index_place_check(index, 3, 1, 10);
	index_free(index);
}

/* The cache does not stand for an object that was cut off or has grown since: another machine could not read it. */
static void test_resized_object(void **state)
{
	struct object_name damaged = index_place_write(1, 1, 10);
	uint64_t size;
	int64_t changed;

	(void)state;
	index_place_write(2, 1, 10);
	assert_int_equal(target_stat(index_place_target, damaged.text, &size, &changed), ERR_OK);
	for (int i = 0; i < 2; i++) {
		struct index *index = index_place_open();
		size_t count = 99;

		index_place_check(index, 1, 2, 10);
		index_free(index);
		assert_true(memory_target_resize(index_place_target, damaged.text, (size_t)size + 20));
		assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
				     &(struct index_options){.cache_folder = index_place_folder, .damaged = &count}),
		    ERR_OK);
		assert_int_equal(count, 1);
		assert_false(index_place_use(index, 1, 3));
		assert_true(index_place_use(index, 2, 3));
		index_free(index);
		/* Put right, it counts again. */
		assert_true(memory_target_resize(index_place_target, damaged.text, (size_t)size));
	}
	assert_true(memory_target_resize(index_place_target, damaged.text, 0));
	assert_int_equal(index_open(&(struct index *){0}, index_place_target, index_place_keys,
			     &index_place_keys->domain, &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_CORRUPT);
}

static void test_damaged_object(void **state)
{
	struct object_name damaged = index_place_write(1, 1, 10);
	struct index *index = NULL;
	struct index_location location;
	size_t count = 99;

	(void)state;
	index_place_write(2, 1, 10);
	assert_true(memory_target_corrupt(index_place_target, damaged.text, 100, 1));
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_CORRUPT);
	assert_null(index);
	assert_non_null(strstr(failure_last()->text, damaged.text));
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder, .damaged = &count}),
	    ERR_OK);
	assert_int_equal(count, 1);
	index_place_check(index, 2, 1, 10);
	assert_int_equal(index_place_find(index, 1, 1, &location), ERR_MISSING);
	index_free(index);
	/* What was left is cached; what is damaged is still not good. */
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_CORRUPT);
	/* Healed from another place. */
	assert_true(memory_target_corrupt(index_place_target, damaged.text, 100, 1));
	index = index_place_open();
	index_place_check(index, 1, 2, 10);
	index_free(index);
	/* Listed, and not there. */
	memory_target_fail(index_place_target, MEMORY_STAT, 1, PL_OBJECT_MISSING, true);
	index_place_write(3, 1, 10);
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_MISSING);
	memory_target_fail(index_place_target, MEMORY_STAT, 0, PL_NONE, false);
	memory_target_fail(index_place_target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_IO);
	memory_target_fail_late(index_place_target, MEMORY_LIST, 1, PL_TARGET_LIST);
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_IO);
}

/* Any byte of a cached table may be wrong: answers stay right, for the table is found out and built anew. */
static void test_damaged_cache(void **state)
{
	char *path = NULL;
	struct stat status;
	struct index *index;

	(void)state;
	index_place_write(1, 4, 300);
	index = index_place_open();
	index_free(index);
	assert_int_equal(index_place_files(".table", &path), 1);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 10 * TABLE_BLOCK);
	for (off_t offset = 11; offset < status.st_size; offset += TABLE_BLOCK / 2 + 100) {
		assert_int_equal(index_place_files(".table", &path), 1);
		index_place_flip(path, offset);
		index = index_place_open();
		index_place_check(index, 1, 4, 300);
		assert_int_equal(index_place_census(index).packs, 4);
		index_free(index);
	}
	/* Cut, emptied, a stranger. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(index_place_files(".table", &path), 1);
		assert_int_equal(truncate(path, i == 0 ? 5 * TABLE_BLOCK : i == 1 ? 0 : 100), 0);
		index = index_place_open();
		index_place_check(index, 1, 4, 300);
		index_free(index);
	}
	mem_free(path);
}

/* Two blocks changed places: each is good, and neither belongs there. */
static void test_swapped_blocks(void **state)
{
	char *path = NULL;
	uint8_t blocks[2][TABLE_BLOCK];
	struct index *index;
	off_t first;
	int fd;

	(void)state;
	index_place_write(1, 4, 300);
	index = index_place_open();
	first = (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK;
	index_free(index);
	assert_int_equal(index_place_files(".table", &path), 1);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, blocks, sizeof(blocks), first), sizeof(blocks));
	assert_int_equal(pwrite(fd, blocks[1], TABLE_BLOCK, first), TABLE_BLOCK);
	assert_int_equal(pwrite(fd, blocks[0], TABLE_BLOCK, first + TABLE_BLOCK), TABLE_BLOCK);
	close(fd);
	index = index_place_open();
	index_place_check(index, 1, 4, 300);
	index_free(index);
	mem_free(path);
}

/* Another process removes the tables, or has built the same. */
static void test_shared_folder(void **state)
{
	struct index *first, *second;
	char *path = NULL, *copy = path_join(index_place_folder, "0123456789abcdef.table"), *command;

	(void)state;
	index_place_write(1, 4, 50);
	first = index_place_open();
	assert_int_equal(index_place_files(".table", &path), 1);
	assert_int_equal(unlink(path), 0);
	index_place_check(first, 1, 4, 50);
	second = index_place_open();
	index_place_check(second, 1, 4, 50);
	assert_int_equal(index_place_files(".table", &path), 1);
	command = mem_printf("cp '%s' '%s'", path, copy);
	assert_int_equal(system(command), 0);
	index_free(first);
	index_free(second);
	first = index_place_open();
	assert_int_equal(first->tables_count, 1);
	assert_int_equal(index_place_files(".table", NULL), 1);
	index_free(first);
	mem_free(path);
	mem_free(copy);
	mem_free(command);
}

/* Tables and journals of another domain in the same folder are left alone. */
static void test_other_domain(void **state)
{
	struct domain_keys other;
	uint8_t tag[DOMAIN_TAG_SIZE];
	struct index *index = NULL;
	struct index_location location;
	size_t adopted;

	(void)state;
	index_place_write(1, 1, 10);
	index = index_place_open();
	index_free(index);
	assert_int_equal(keys_domain_tag(index_place_keys->root, "elsewhere", tag), ERR_OK);
	assert_int_equal(keys_domain(index_place_keys, tag, &other), ERR_OK);
	assert_int_equal(index_open(&index, index_place_target, index_place_keys, &other,
			     &(struct index_options){.cache_folder = index_place_folder}),
	    ERR_OK);
	assert_int_equal(index_place_find(index, 1, 1, &location), ERR_MISSING);
	assert_int_equal(index_begin(index, &adopted), ERR_KEY);
	index_free(index);
	assert_int_equal(index_place_files(".table", NULL), 1);
	index = index_place_open();
	index_place_check(index, 1, 1, 10);
	index_free(index);
}

struct reader {
	pthread_t thread;
	struct index *index;
	unsigned wrong;
	uint64_t start;
};

static void *read_all(void *argument)
{
	struct reader *reader = argument;

	for (uint64_t i = 0; i < 4000; i++) {
		uint64_t number = (reader->start + i * 7919) % 4000;
		struct index_location location;
		enum err err = index_place_find(reader->index, 1 + number / 500, number % 500, &location);

		if (err != ERR_OK || location.length != 100 + number % 500 % 50)
			reader->wrong++;
		if (index_place_find(reader->index, 99, i, &location) != ERR_MISSING)
			reader->wrong++;
	}
	return NULL;
}

static void read_from_threads(struct index *index)
{
	struct reader readers[4];

	for (uint64_t i = 0; i < 4; i++) {
		readers[i] = (struct reader){.index = index, .start = i * 1000};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].wrong, 0);
	}
}

static void test_threads(void **state)
{
	struct index *index;
	char *path = NULL;

	(void)state;
	index_place_write(1, 8, 500);
	index = index_place_open();
	read_from_threads(index);
	index_free(index);
	/* With so small a budget blocks go all the time. */
	index = index_place_open_with(NULL, 1);
	assert_non_null(index->blocks);
	read_from_threads(index);
	/* Damage under their hands. */
	assert_int_equal(index_place_files(".table", &path), 1);
	index_place_flip(path, (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK + 3 * TABLE_BLOCK + 5);
	read_from_threads(index);
	index_free(index);
	mem_free(path);
}

/* Uneven keys, as only somebody hostile to himself would make them. */
static void test_uneven_keys(void **state)
{
	struct index_pack pack = sample_pack(1, 5000);
	struct buffer bytes = {0};
	struct index_location location;
	struct index *index;
	uint8_t object[OBJECT_ID_SIZE], id[CHUNK_ID_SIZE] = {0};

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		memset(pack.directory.chunks[i].key, 0, CHUNK_KEY_SIZE);
		store_u32(pack.directory.chunks[i].key + 12, i * 2654435761u);
	}
	assert_int_equal(index_object_encode(index_place_keys, &pack, 1, &bytes, object), ERR_OK);
	assert_int_equal(target_put(index_place_target, object_index(index_place_keys->domain.tag, object).text,
			     bytes.data, bytes.length),
	    ERR_OK);
	index = index_place_open();
	for (uint32_t i = 0; i < 5000; i++) {
		store_u32(id + 12, i * 2654435761u);
		assert_int_equal(index_find(index, id, &location), ERR_OK);
		assert_int_equal(location.frame, i / SAMPLE_PER_FRAME);
	}
	memset(id, 0xFF, sizeof(id));
	assert_int_equal(index_find(index, id, &location), ERR_MISSING);
	index_free(index);
	directory_free(&pack.directory);
	buffer_free(&bytes);
}

/* ---- memory ---- */

static enum err whole_life(void)
{
	struct index *index = NULL;
	struct index_pack pack = sample_pack(50, 6);
	size_t adopted;
	uint64_t written;
	enum err err = index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
	    &(struct index_options){.cache_folder = index_place_folder});

	if (err == ERR_OK)
		err = index_begin(index, &adopted);
	if (err == ERR_OK)
		err = index_add_pack(index, pack.id, pack.size, &pack.directory);
	if (err == ERR_OK)
		err = index_publish(index, true, &written);
	if (err == ERR_OK)
		err = index_end(index);
	index_free(index);
	directory_free(&pack.directory);
	return err;
}

static void test_no_memory(void **state)
{
	char *command = mem_printf("rm -rf '%s'/*", index_place_folder);
	unsigned failures = 0;

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		struct index *index;

		index_place_write(1 + i, 1, 10);
		if (i < 8) {
			index = index_place_open();
			index_free(index);
		}
	}
	for (unsigned long n = 1;; n++) {
		enum err err;
		struct index_pack sample = sample_pack(50, 6);

		directory_free(&sample.directory);
		mem_fail_at(0);
		mem_fail_at(n + 2); /* the sample's own two allocations */
		err = whole_life();
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		failures++;
		/* From time to time without a cache. */
		if (n % 5 == 0)
			assert_int_equal(system(command), 0);
	}
	assert_true(failures > 30);
	mem_free(command);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_place_up, index_place_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_empty),
	    TEST(test_many_objects),
	    TEST(test_merges),
	    TEST(test_duplicates),
	    TEST(test_objects_vanish),
	    TEST(test_resized_object),
	    TEST(test_damaged_object),
	    TEST(test_damaged_cache),
	    TEST(test_swapped_blocks),
	    TEST(test_shared_folder),
	    TEST(test_other_domain),
	    TEST(test_threads),
	    TEST(test_uneven_keys),
	    TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
