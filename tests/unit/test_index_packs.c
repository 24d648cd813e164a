/* The packs of the index beside those of the target: what is lost, what stands elsewhere as well. */
#include "index_place.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CHUNKS 10

static void put_packs(uint64_t first, size_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		struct index_pack sample = sample_pack(i, CHUNKS);
		uint8_t *bytes = mem_calloc(1, (size_t)sample.size);

		assert_int_equal(
		    target_put(index_place_target, object_pack(sample.id).text, bytes, (size_t)sample.size), ERR_OK);
		mem_free(bytes);
		directory_free(&sample.directory);
	}
}

static struct object_name name_of(uint64_t pack)
{
	uint8_t id[OBJECT_ID_SIZE];

	sample_pack_id(pack, id);
	return object_pack(id);
}

static void lose(uint64_t pack)
{
	assert_true(memory_target_delete(index_place_target, name_of(pack).text));
}

/* An index object that says that chunks 0 … count - 1 of `pack` stand in pack `twin` as well. */
static void write_twin(uint64_t pack, uint64_t twin, size_t count)
{
	struct index_pack sample = sample_pack(pack, count);
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	sample_pack_id(twin, sample.id);
	assert_int_equal(index_object_encode(index_place_keys, &sample, 1, &bytes, id), ERR_OK);
	assert_int_equal(target_put(index_place_target, object_index(index_place_keys->domain.tag, id).text, bytes.data,
			     bytes.length),
	    ERR_OK);
	directory_free(&sample.directory);
	buffer_free(&bytes);
}

static enum err drop(void *context, const struct index_pack_state *pack)
{
	if (pack->presence != INDEX_PACK_THERE)
		index_drop_pack(context, pack);
	return ERR_OK;
}

static struct index *open_and_drop(const struct generations *generations, size_t budget)
{
	struct index *index = index_place_open_with(generations, budget);

	assert_int_equal(index_each_pack(index, drop, index), ERR_OK);
	return index;
}

static struct census census_of_lost(struct index *index)
{
	struct census census = {0};

	assert_int_equal(index_each_lost(index, index_place_count, &census), ERR_OK);
	return census;
}

static void test_presence(void **state)
{
	struct index *index;
	struct census census;
	unsigned long lists;

	(void)state;
	index_place_write(1, 5, CHUNKS);
	put_packs(1, 5);
	put_packs(100, 3); /* in no index: nobody's business */
	lose(2);
	assert_true(memory_target_resize(index_place_target, name_of(3).text, 7));
	index = index_place_open();
	lists = memory_target_calls(index_place_target, MEMORY_LIST);
	census = index_place_census(index);
	assert_int_equal(memory_target_calls(index_place_target, MEMORY_LIST), lists + 1);
	assert_int_equal(census.packs, 5);
	assert_int_equal(census.there, 3);
	assert_int_equal(census.missing, 1);
	assert_int_equal(census.resized, 1);
	assert_int_equal(census.used, 0);
	/* What a listing said is forgotten with it. */
	put_packs(2, 1);
	lose(4);
	census = index_place_census(index);
	assert_int_equal(census.there, 3);
	assert_int_equal(census.missing, 1);
	index_free(index);
}

/* Of 3000 packs, in several tables and with a budget that none fits in, each one is told rightly. */
static void test_many_packs(void **state)
{
	struct index *index;
	struct census census;

	(void)state;
	for (uint64_t i = 0; i < 3000; i += 15)
		index_place_write(1 + i, 15, 1);
	for (uint64_t i = 1; i <= 3000; i++) {
		struct index_pack sample = sample_pack(i, 1);
		static const uint8_t zeros[4096];

		assert_true(memory_target_plant(
		    index_place_target, object_pack(sample.id).text, zeros, (size_t)sample.size - (i % 100 == 0)));
		directory_free(&sample.directory);
	}
	for (uint64_t i = 7; i <= 3000; i += 50)
		lose(i);
	index = index_place_open_with(NULL, 1);
	assert_non_null(index->blocks);
	census = index_place_census(index);
	assert_int_equal(census.packs, 3000);
	assert_int_equal(census.missing, 60);
	assert_int_equal(census.resized, 30);
	index_free(index);
}

/* Ids that only somebody hostile would make: the search for one ends, and finds it. */
static void test_uneven_ids(void **state)
{
	struct index_pack packs[16];
	struct buffer bytes = {0};
	struct census census;
	struct index *index;
	uint8_t id[OBJECT_ID_SIZE];

	(void)state;
	for (uint8_t i = 0; i < 16; i++) {
		packs[i] = sample_pack(i, 1);
		memset(packs[i].id, i < 14 ? 0 : 0xFF, OBJECT_ID_SIZE);
		packs[i].id[OBJECT_ID_SIZE - 1] = i;
		assert_true(memory_target_plant(
		    index_place_target, object_pack(packs[i].id).text, (uint8_t[4096]){0}, (size_t)packs[i].size));
	}
	assert_int_equal(index_object_encode(index_place_keys, packs, 16, &bytes, id), ERR_OK);
	assert_int_equal(target_put(index_place_target, object_index(index_place_keys->domain.tag, id).text, bytes.data,
			     bytes.length),
	    ERR_OK);
	index = index_place_open();
	census = index_place_census(index);
	assert_int_equal(census.there, 16);
	index_free(index);
	for (size_t i = 0; i < 16; i++)
		directory_free(&packs[i].directory);
	buffer_free(&bytes);
}

static void test_dropped_is_absent(void **state)
{
	struct index_location location;
	struct index *index;
	struct census census;
	uint64_t written;
	size_t adopted;

	(void)state;
	index_place_write(1, 4, CHUNKS);
	put_packs(1, 4);
	lose(2);
	assert_true(memory_target_resize(index_place_target, name_of(3).text, 7));
	index = open_and_drop(NULL, 0);
	assert_int_equal(index_place_find(index, 2, 0, &location), ERR_MISSING);
	index_place_check(index, 1, 1, CHUNKS);
	index_place_check(index, 4, 1, CHUNKS);
	census = census_of_lost(index);
	assert_int_equal(census.packs, 2);
	assert_int_equal(census.missing, 1);
	assert_int_equal(census.resized, 1);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_false(index_place_use(index, 2, 3));
	assert_false(index_place_use(index, 3, 3));
	assert_true(index_place_use(index, 4, 3));
	/* Stored again, in another pack; many publications, so that tables are merged: what is lost stays lost. */
	for (uint64_t i = 0; i < 25; i++) {
		index_place_add(index, 50 + i, CHUNKS, true);
		assert_int_equal(index_publish(index, true, &written), ERR_OK);
		assert_false(index_place_use(index, 2, 3));
	}
	struct index_pack again = sample_pack(2, CHUNKS);
	sample_pack_id(99, again.id);
	assert_true(memory_target_plant(
	    index_place_target, object_pack(again.id).text, (uint8_t[4096]){0}, (size_t)again.size));
	assert_int_equal(index_add_pack(index, again.id, again.size, &again.directory), ERR_OK);
	assert_true(index_place_use(index, 2, 3));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_true(index_place_use(index, 2, 3));
	census = index_place_census(index);
	assert_int_equal(census.packs, 28);
	assert_int_equal(census.there, 28);
	assert_int_equal(census.used, 27);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
	/* The next run: the content of pack 2 stands elsewhere, that of pack 3 does not. */
	index = open_and_drop(NULL, 0);
	assert_int_equal(index_place_find(index, 2, 0, &location), ERR_OK);
	assert_memory_equal(location.pack, (sample_pack_id(99, again.id), again.id), OBJECT_ID_SIZE);
	census = census_of_lost(index);
	assert_int_equal(census.packs, 1);
	assert_int_equal(census.resized, 1);
	index_free(index);
	/* It is put back: nothing is lost any more. */
	put_packs(2, 1);
	assert_true(memory_target_delete(index_place_target, name_of(3).text));
	put_packs(3, 1);
	index = open_and_drop(NULL, 0);
	assert_int_equal(census_of_lost(index).packs, 0);
	index_place_check(index, 3, 1, CHUNKS);
	index_free(index);
}

/* One chunk that stands nowhere else is enough; with blocks as with mapped tables. */
static void test_lost_until_all_stands_elsewhere(void **state)
{
	(void)state;
	index_place_write(1, 2, CHUNKS);
	put_packs(1, 2);
	write_twin(1, 70, CHUNKS - 1);
	write_twin(2, 71, CHUNKS);
	put_packs(70, 2);
	/* The sample of a twin is shorter than its number says. */
	for (uint64_t i = 70; i < 72; i++) {
		struct index_pack sample = sample_pack(1, i == 70 ? CHUNKS - 1 : CHUNKS);

		assert_true(
		    memory_target_plant(index_place_target, name_of(i).text, (uint8_t[4096]){0}, (size_t)sample.size));
		directory_free(&sample.directory);
	}
	lose(1);
	lose(2);
	for (size_t budget = 0; budget < 2; budget++) {
		struct index *index = open_and_drop(NULL, budget);
		struct census census = census_of_lost(index);
		uint8_t id[OBJECT_ID_SIZE];

		assert_int_equal(census.packs, 1);
		sample_pack_id(1, id);
		assert_memory_equal(census.last, id, OBJECT_ID_SIZE);
		index_free(index);
	}
	/* Two lost packs with the same chunks do not vouch for each other. */
	lose(71);
	struct index *index = open_and_drop(NULL, 0);
	assert_int_equal(census_of_lost(index).packs, 3);
	index_free(index);
}

/* One pack in several index objects, read at once or one after the other, is one pack. */
static void test_pack_in_several_objects(void **state)
{
	(void)state;
	put_packs(1, 3);
	index_place_write(1, 2, CHUNKS);
	index_place_write(1, 3, CHUNKS);
	for (int round = 0; round < 2; round++) {
		struct index *index = index_place_open();
		struct census census = index_place_census(index);

		assert_int_equal(census.packs, 3);
		assert_int_equal(census.there, 3);
		index_place_check(index, 1, 3, CHUNKS);
		index_free(index);
		index_place_write(2, 2, CHUNKS);
	}
	lose(2);
	struct index *index = open_and_drop(NULL, 0);
	struct index_location location;

	assert_int_equal(index_place_find(index, 2, 0, &location), ERR_MISSING);
	assert_int_equal(census_of_lost(index).packs, 1);
	index_place_check(index, 3, 1, CHUNKS);
	index_free(index);
}

/* Two index objects that disagree about the size of a pack: it is told once, and where it is dropped, it is dropped for both. */
static void test_two_sizes(void **state)
{
	struct index_location location;
	struct index *index;

	(void)state;
	put_packs(1, 1);
	index_place_write(1, 1, CHUNKS);
	index_free(index_place_open());
	write_twin(1, 1, CHUNKS - 3);
	index = index_place_open();
	assert_int_equal(index_place_census(index).packs, 1);
	index_free(index);
	assert_true(memory_target_resize(index_place_target, name_of(1).text, 5));
	index = open_and_drop(NULL, 0);
	assert_int_equal(index_place_find(index, 1, 0, &location), ERR_MISSING);
	assert_int_equal(census_of_lost(index).packs, 1);
	index_free(index);
}

/* What a collector condemned is gone because it was to go. */
static void test_condemned_is_not_lost(void **state)
{
	struct generations *generations = NULL;
	uint8_t packs[1][OBJECT_ID_SIZE];
	struct index *index;

	(void)state;
	index_place_write(1, 3, CHUNKS);
	put_packs(1, 3);
	sample_pack_id(2, packs[0]);
	assert_int_equal(
	    generation_write(index_place_target, index_place_keys, 1, true, (const uint8_t(*)[OBJECT_ID_SIZE])packs, 1),
	    ERR_OK);
	assert_int_equal(generations_read(&generations, index_place_target, index_place_keys), ERR_OK);
	lose(2);
	index = open_and_drop(generations, 0);
	assert_int_equal(index_place_census(index).packs, 2);
	assert_int_equal(census_of_lost(index).packs, 0);
	index_free(index);
	generations_free(generations);
}

static void test_copies(void **state)
{
	struct index_location location;
	struct index *index;
	uint8_t id[CHUNK_ID_SIZE], packs[3][OBJECT_ID_SIZE];
	bool met[3] = {false};

	(void)state;
	index_place_write(1, 2, CHUNKS);
	write_twin(1, 70, CHUNKS);
	write_twin(1, 71, CHUNKS - 1);
	sample_pack_id(1, packs[0]);
	sample_pack_id(70, packs[1]);
	sample_pack_id(71, packs[2]);
	index = index_place_open();
	sample_chunk_id(1, 4, id);
	for (size_t copy = 0; copy < 3; copy++) {
		assert_int_equal(index_find_copy(index, id, copy, &location), ERR_OK);
		assert_int_equal(location.length, 104);
		for (size_t i = 0; i < 3; i++)
			met[i] |= memcmp(location.pack, packs[i], OBJECT_ID_SIZE) == 0;
	}
	assert_true(met[0] && met[1] && met[2]);
	assert_int_equal(index_find_copy(index, id, 3, &location), ERR_MISSING);
	assert_int_equal(index_find_copy(index, id, SIZE_MAX, &location), ERR_MISSING);
	sample_chunk_id(1, CHUNKS - 1, id);
	assert_int_equal(index_find_copy(index, id, 1, &location), ERR_OK);
	assert_int_equal(index_find_copy(index, id, 2, &location), ERR_MISSING);
	sample_chunk_id(2, 0, id);
	assert_int_equal(index_find_copy(index, id, 0, &location), ERR_OK);
	assert_int_equal(index_find_copy(index, id, 1, &location), ERR_MISSING);
	index_free(index);
}

/* A place that cannot be listed, or not to its end, has not lost anything. */
static void test_list_fails(void **state)
{
	struct index *index;

	(void)state;
	index_place_write(1, 4, CHUNKS);
	put_packs(1, 4);
	index = index_place_open();
	memory_target_fail(index_place_target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(index_each_pack(index, drop, index), ERR_IO);
	memory_target_fail_late(index_place_target, MEMORY_LIST, 1, PL_TARGET_LIST);
	assert_int_equal(index_each_pack(index, drop, index), ERR_IO);
	index_place_check(index, 1, 4, CHUNKS);
	assert_int_equal(index_place_census(index).there, 4);
	index_free(index);
}

static void test_interrupt(void **state)
{
	struct index *index;

	(void)state;
	for (uint64_t i = 0; i < 300; i += 15)
		index_place_write(1 + i, 15, CHUNKS);
	put_packs(1, 300);
	index = index_place_open();
	interrupt_set(true);
	assert_int_equal(index_each_pack(index, drop, index), ERR_INTERRUPTED);
	assert_int_equal(index_each_lost(index, index_place_count, NULL), ERR_INTERRUPTED);
	interrupt_set(false);
	assert_int_equal(index_place_census(index).there, 300);
	index_free(index);
}

/* A damaged cache is built anew before anything is compared with it. */
static void test_damaged_cache(void **state)
{
	struct index *index;
	char *path = NULL;
	off_t packs;

	(void)state;
	index_place_write(1, 4, 300);
	index = index_place_open();
	packs = (off_t)index->tables[0]->first[TABLE_PACKS] * TABLE_BLOCK;
	index_free(index);
	assert_int_equal(index_place_files(".table", &path), 1);
	index_place_flip(path, packs + 5);
	index = index_place_open();
	assert_int_equal(index_place_census(index).packs, 4);
	index_free(index);
	mem_free(path);
}

static enum err compare_all(void)
{
	struct index *index = NULL;
	struct census census = {0};
	enum err err = index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
	    &(struct index_options){.cache_folder = index_place_folder});

	if (err == ERR_OK)
		err = index_each_pack(index, drop, index);
	if (err == ERR_OK)
		err = index_each_lost(index, index_place_count, &census);
	if (err == ERR_OK)
		assert_int_equal(census.packs, 2);
	index_free(index);
	return err;
}

static void test_no_memory(void **state)
{
	unsigned long n;
	enum err err = ERR_NOMEM;

	(void)state;
	index_place_write(1, 4, CHUNKS);
	put_packs(1, 2);
	for (n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = compare_all();
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_true(n > 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_place_up, index_place_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_presence),
	    TEST(test_many_packs),
	    TEST(test_uneven_ids),
	    TEST(test_dropped_is_absent),
	    TEST(test_lost_until_all_stands_elsewhere),
	    TEST(test_pack_in_several_objects),
	    TEST(test_two_sizes),
	    TEST(test_condemned_is_not_lost),
	    TEST(test_copies),
	    TEST(test_list_fails),
	    TEST(test_interrupt),
	    TEST(test_damaged_cache),
	    TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("index_packs", tests, NULL, NULL);
}
