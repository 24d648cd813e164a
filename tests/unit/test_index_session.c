/* A write session: what it adds, what it takes over from dead ones, the handshake with the collector. */
#include "index_place.h"
#include "core/base/mem.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- sessions ---- */

static void test_session(void **state)
{
	struct index *index;
	uint64_t written = 0;
	size_t adopted = 99;
	unsigned long reads;

	(void)state;
	index_place_write(1, 2, 10);
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 0);
	assert_true(index_place_use(index, 1, 3));
	assert_false(index_place_use(index, 5, 3));
	index_place_add(index, 5, 10, true);
	index_place_add(index, 6, 10, true);
	index_place_check(index, 5, 2, 10);
	assert_int_equal(index_publish(index, false, &written), ERR_OK);
	assert_int_equal(written, 0);
	assert_int_equal(index_place_census(index).packs, 4);
	assert_int_equal(index_place_census(index).used, 3);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_true(written > 0);
	assert_int_equal(memory_target_count(index_place_target, "index/"), 2);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(written, 0);
	assert_int_equal(memory_target_count(index_place_target, "index/"), 2);
	index_place_check(index, 5, 2, 10);
	assert_true(index_place_use(index, 6, 9));
	assert_int_equal(index_place_census(index).packs, 4);
	assert_int_equal(index_place_census(index).used, 3);
	assert_int_equal(index_chunks(index), 40);
	assert_int_equal(index_end(index), ERR_OK);
	assert_int_equal(index_place_files(".journal", NULL), 0);
	index_free(index);
	/* What was published is in the cache already. */
	reads = memory_target_calls(index_place_target, MEMORY_READ);
	index = index_place_open();
	assert_int_equal(memory_target_calls(index_place_target, MEMORY_READ), reads);
	index_place_check(index, 5, 2, 10);
	index_free(index);
}

/* More chunks than one object holds. */
static void test_long_session(void **state)
{
	struct index *index = index_place_open();
	size_t adopted;
	uint64_t written = 0;
	const size_t chunks = INDEX_CHUNKS_MAX / 4 + 1000;

	(void)state;
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	for (uint64_t i = 1; i <= 3; i++) {
		struct index_pack pack = sample_pack(i, chunks);

		assert_int_equal(index_add_pack(index, pack.id, pack.size, &pack.directory), ERR_OK);
		assert_int_equal(index_publish(index, false, &written), ERR_OK);
		assert_int_equal(written, 0);
	}
	struct index_pack pack = sample_pack(4, chunks);
	assert_int_equal(index_add_pack(index, pack.id, pack.size, &pack.directory), ERR_OK);
	assert_int_equal(index_publish(index, false, &written), ERR_OK);
	assert_true(written > 0);
	assert_int_equal(memory_target_count(index_place_target, "index/"), 1);
	/* The fourth did not fit and still waits; all are found. */
	for (uint64_t i = 1; i <= 4; i++)
		for (uint64_t c = 0; c < chunks; c += 1777)
			assert_true(index_place_use(index, i, c));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(memory_target_count(index_place_target, "index/"), 2);
	for (uint64_t i = 1; i <= 4; i++)
		for (uint64_t c = 0; c < chunks; c += 1777)
			assert_true(index_place_use(index, i, c));
	assert_int_equal(index_place_census(index).used, 4);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

/* Many small publications: marks survive merging. */
static void test_marks_survive_merging(void **state)
{
	struct index *index;
	size_t adopted;
	uint64_t written;

	(void)state;
	index_place_write(100, 2, 10);
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(index_place_use(index, 101, 0));
	for (uint64_t i = 1; i <= 25; i++) {
		index_place_add(index, i, 10, false);
		assert_int_equal(index_publish(index, true, &written), ERR_OK);
		assert_true(index->tables_count <= INDEX_TABLES_MAX);
	}
	assert_int_equal(index_place_census(index).packs, 27);
	assert_int_equal(index_place_census(index).used, 26);
	index_place_check(index, 1, 25, 10);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

static void test_publish_fails(void **state)
{
	struct index *index = index_place_open();
	size_t adopted;
	uint64_t written;

	(void)state;
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	index_place_add(index, 1, 10, true);
	memory_target_fail(index_place_target, MEMORY_PUT, 1, PL_TARGET_WRITE, false);
	assert_int_equal(index_publish(index, true, &written), ERR_IO);
	assert_true(index_place_use(index, 1, 1));
	/* Not read back is not published. */
	memory_target_fail(index_place_target, MEMORY_HASH, 1, PL_TARGET_READ, false);
	assert_int_equal(index_publish(index, true, &written), ERR_IO);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	index_place_check(index, 1, 1, 10);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

/* ---- journals ---- */

/* A session that stores packs first … first + count - 1 and dies. */
static void die_after(uint64_t first, size_t count)
{
	struct index *index = index_place_open();
	size_t adopted;

	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	for (uint64_t i = first; i < first + count; i++)
		index_place_add(index, i, 10, true);
	index_free(index);
	assert_true(index_place_files(".journal", NULL) > 0);
}

static void test_adopts(void **state)
{
	struct index *index;
	size_t adopted = 0;
	uint64_t written;

	(void)state;
	die_after(1, 3);
	die_after(10, 2); /* this one adopted the first three and died as well */
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 5);
	assert_true(index_place_use(index, 1, 0) && index_place_use(index, 3, 9) && index_place_use(index, 11, 5));
	assert_int_equal(index_place_census(index).used, 5);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(index_end(index), ERR_OK);
	assert_int_equal(index_place_files(".journal", NULL), 0);
	index_free(index);
	index = index_place_open();
	index_place_check(index, 1, 3, 10);
	index_place_check(index, 10, 2, 10);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 0);
	index_free(index);
}

static void test_adopts_what_is_there(void **state)
{
	struct index_pack gone = sample_pack(1, 10), cut = sample_pack(2, 10);
	struct index *index;
	size_t adopted = 0;

	(void)state;
	die_after(1, 4);
	assert_true(memory_target_delete(index_place_target, object_pack(gone.id).text));
	assert_true(memory_target_resize(index_place_target, object_pack(cut.id).text, (size_t)cut.size - 1));
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 2);
	assert_false(index_place_use(index, 1, 0));
	assert_false(index_place_use(index, 2, 0));
	assert_true(index_place_use(index, 3, 0) && index_place_use(index, 4, 0));
	index_free(index);
	/* A target that cannot be asked is no target that says no. */
	index = index_place_open();
	memory_target_fail(index_place_target, MEMORY_STAT, 1, PL_TARGET_READ, false);
	assert_int_equal(index_begin(index, &adopted), ERR_IO);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 2);
	index_free(index);
	directory_free(&gone.directory);
	directory_free(&cut.directory);
}

/* What verify found damaged has its size, and is not taken over all the same. */
static void test_adopts_nothing_refused(void **state)
{
	struct index *index;
	size_t adopted = 0;

	(void)state;
	die_after(1, 4);
	index = index_place_open();
	for (uint64_t i = 4; i > 2; i--) { /* twice each, in falling order */
		struct index_pack refused = sample_pack(i, 10);

		assert_int_equal(index_refuse_pack(index, refused.id), ERR_OK);
		assert_int_equal(index_refuse_pack(index, refused.id), ERR_OK);
		directory_free(&refused.directory);
	}
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 2);
	assert_true(index_place_use(index, 1, 0) && index_place_use(index, 2, 0));
	assert_false(index_place_use(index, 3, 0) || index_place_use(index, 4, 0));
	index_free(index);
}

/* Cut at every length: never more than what was whole, never a failure. */
static void test_truncated_journal(void **state)
{
	char *path = NULL, *copy, *command;
	struct stat status;
	size_t last = 0;

	(void)state;
	die_after(1, 3);
	assert_int_equal(index_place_files(".journal", &path), 1);
	copy = mem_printf("%s.kept", path);
	command = mem_printf("cp '%s' '%s'", path, copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(stat(path, &status), 0);
	for (off_t size = 0; size <= status.st_size; size += size < status.st_size - 13 ? 13 : 1) {
		struct index *index;
		size_t adopted = 99;

		mem_free(command);
		command = mem_printf("rm -f '%s'/*.journal; cp '%s' '%s'", index_place_folder, copy, path);
		assert_int_equal(system(command), 0);
		assert_int_equal(truncate(path, size), 0);
		index = index_place_open();
		assert_int_equal(index_begin(index, &adopted), ERR_OK);
		assert_true(adopted >= last && adopted <= 3);
		last = adopted;
		for (uint64_t i = 1; i <= 3; i++)
			assert_int_equal(index_place_use(index, i, 4), i <= adopted);
		index_free(index);
	}
	assert_int_equal(last, 3);
	mem_free(path);
	mem_free(copy);
	mem_free(command);
}

static void test_damaged_journal(void **state)
{
	char *path = NULL;
	struct index *index;
	struct stat status;
	size_t adopted = 99;

	(void)state;
	die_after(1, 3);
	assert_int_equal(index_place_files(".journal", &path), 1);
	assert_int_equal(stat(path, &status), 0);
	index_place_flip(path, 48 + (status.st_size - 48) / 3 + 100); /* inside the second record */
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 1);
	index_free(index);
	mem_free(path);
}

/* A living session keeps its journal. */
static void test_living_session(void **state)
{
	struct index *living = index_place_open(), *second = index_place_open();
	size_t adopted = 99;

	(void)state;
	assert_int_equal(index_begin(living, &adopted), ERR_OK);
	index_place_add(living, 1, 10, true);
	assert_int_equal(index_begin(second, &adopted), ERR_OK);
	assert_int_equal(adopted, 0);
	assert_false(index_place_use(second, 1, 0));
	assert_int_equal(index_place_files(".journal", NULL), 2);
	assert_int_equal(index_end(second), ERR_OK);
	assert_int_equal(index_place_files(".journal", NULL), 1);
	index_free(second);
	assert_true(index_place_use(living, 1, 0));
	index_free(living);
}

/* ---- the collector ---- */

static struct generations *condemn(uint64_t generation, uint64_t first, size_t count)
{
	struct generations *generations = NULL;
	uint8_t packs[8][OBJECT_ID_SIZE];

	for (size_t i = 0; i < count; i++)
		sample_pack_id(first + i, packs[i]);
	assert_int_equal(generation_write(index_place_target, index_place_keys, generation, false,
			     (const uint8_t(*)[OBJECT_ID_SIZE])packs, count),
	    ERR_OK);
	assert_int_equal(generations_read(&generations, index_place_target, index_place_keys), ERR_OK);
	return generations;
}

static void test_condemned(void **state)
{
	struct index_pack twin = sample_pack(1, 9);
	struct buffer bytes = {0};
	struct index_location location;
	struct generations *generations;
	struct index *index;
	uint8_t id[OBJECT_ID_SIZE];

	(void)state;
	index_place_write(1, 3, 10);
	/* Chunks 0 to 8 of pack 1 stand in pack 77 as well. */
	sample_pack_id(77, twin.id);
	assert_int_equal(index_object_encode(index_place_keys, &twin, 1, &bytes, id), ERR_OK);
	assert_int_equal(target_put(index_place_target, object_index(index_place_keys->domain.tag, id).text, bytes.data,
			     bytes.length),
	    ERR_OK);
	generations = condemn(1, 1, 2);
	index = index_place_open_with(generations, 0);
	assert_int_equal(index_place_find(index, 2, 0, &location), ERR_MISSING);
	assert_false(index_place_use(index, 2, 0));
	assert_int_equal(index_place_find(index, 1, 9, &location), ERR_MISSING);
	for (uint64_t c = 0; c < 9; c++) {
		assert_int_equal(index_place_find(index, 1, c, &location), ERR_OK);
		assert_memory_equal(location.pack, twin.id, OBJECT_ID_SIZE);
	}
	index_place_check(index, 3, 1, 10);
	assert_int_equal(index_place_census(index).packs, 2);
	index_free(index);
	generations_free(generations);
	directory_free(&twin.directory);
	buffer_free(&bytes);
}

static void test_handshake(void **state)
{
	struct generations *generations;
	struct index *index;
	size_t adopted, dropped = 99;
	uint64_t written;

	(void)state;
	index_place_write(1, 4, 10);
	index = index_place_open();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(index_place_use(index, 1, 0) && index_place_use(index, 2, 0));
	index_place_add(index, 10, 10, true); /* published */
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	index_place_add(index, 11, 10, true); /* on its way */
	generations = condemn(1, 20, 2);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 0);
	generations_free(generations);
	/* 2 is relied on, 3 and 4 are not. */
	generations = condemn(2, 2, 3);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 1);
	assert_true(index_place_use(index, 1, 0));
	for (uint64_t i = 2; i <= 4; i++)
		assert_false(index_place_use(index, i, 0));
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 0);
	generations_free(generations);
	/* Packs of this very session. */
	generations = condemn(3, 10, 2);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 2);
	assert_false(index_place_use(index, 10, 0));
	assert_false(index_place_use(index, 11, 0));
	generations_free(generations);
	/* Stored again, in another pack; the dropped one is in no index object. */
	struct index_pack again = sample_pack(11, 10);
	sample_pack_id(50, again.id);
	assert_int_equal(index_add_pack(index, again.id, again.size, &again.directory), ERR_OK);
	assert_true(index_place_use(index, 11, 0));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_true(index_place_use(index, 11, 0));
	assert_false(index_place_use(index, 10, 0));
	assert_int_equal(index_place_census(index).packs, 2);
	assert_int_equal(index_place_census(index).used, 2);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

static void test_condemned_is_not_adopted(void **state)
{
	struct generations *generations;
	struct index *index;
	size_t adopted = 99;

	(void)state;
	die_after(1, 3);
	generations = condemn(1, 2, 1);
	index = index_place_open_with(generations, 0);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	generations_free(generations);
	assert_int_equal(adopted, 2);
	assert_true(index_place_use(index, 1, 0) && index_place_use(index, 3, 0));
	assert_false(index_place_use(index, 2, 0));
	index_free(index);
}

/* A damaged table in a session: what it holds counts as absent, and the pack list is never shortened silently. */
static void test_damage_in_session(void **state)
{
	struct generations *generations;
	struct index *index;
	char *path = NULL;
	size_t adopted, dropped;
	off_t entries, packs;
	struct census census = {0};
	unsigned found = 0;

	(void)state;
	index_place_write(1, 4, 300);
	index = index_place_open_with(NULL, 1);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(index_place_use(index, 1, 7));
	entries = (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK;
	packs = (off_t)index->tables[0]->first[TABLE_PACKS] * TABLE_BLOCK;
	assert_int_equal(index_place_files(".table", &path), 1);
	for (int i = 0; i < 9; i++)
		index_place_flip(path, entries + i * (off_t)TABLE_BLOCK + 9);
	/* One of the nine blocks had been read before. */
	for (uint64_t c = 0; c < 300; c++)
		found += index_place_use(index, 1, c);
	assert_true(found > 0 && found < 100);
	assert_int_equal(index_place_census(index).used, 1);
	index_place_flip(path, packs + 5);
	assert_int_equal(index_each_pack(index, index_place_count, &census), ERR_IO);
	assert_int_equal(failure_last()->id, PL_INDEX_CACHE);
	generations = condemn(1, 3, 1);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_IO);
	generations_free(generations);
	index_free(index);
	index = index_place_open();
	index_place_check(index, 1, 4, 300);
	index_free(index);
	mem_free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, index_place_up, index_place_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_session),
	    TEST(test_long_session),
	    TEST(test_marks_survive_merging),
	    TEST(test_publish_fails),
	    TEST(test_adopts),
	    TEST(test_adopts_what_is_there),
	    TEST(test_adopts_nothing_refused),
	    TEST(test_truncated_journal),
	    TEST(test_damaged_journal),
	    TEST(test_living_session),
	    TEST(test_condemned),
	    TEST(test_handshake),
	    TEST(test_condemned_is_not_adopted),
	    TEST(test_damage_in_session),
	};

	return cmocka_run_group_tests_name("index_session", tests, NULL, NULL);
}
