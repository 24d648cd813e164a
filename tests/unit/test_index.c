/* The index in use: cache, merging, damage, sessions, journals, the handshake. */
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/generation.h"
#include "core/repo/index_internal.h"
#include "core/repo/object.h"
#include "index_samples.h"
#include "targets/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct keys *keys;
static struct target *target;
static char *folder;

static int up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	keys = sample_keys();
	folder = mem_printf("%s/pulih-index-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(folder));
	return memory_target_new(&target) == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
	(void)state;
	target_free(target);
	keys_free(keys);
	assert_int_equal(file_remove_tree(folder), ERR_OK);
	mem_free(folder);
	return 0;
}

/* ---- helpers ---- */

static struct object_name write_object(uint64_t first_pack, size_t packs, size_t chunks)
{
	struct index_pack all[16];
	struct buffer bytes = {0};
	struct object_name name;
	uint8_t id[OBJECT_ID_SIZE];

	assert_true(packs <= 16);
	for (size_t i = 0; i < packs; i++)
		all[i] = sample_pack(first_pack + i, chunks);
	assert_int_equal(index_object_encode(keys, all, packs, &bytes, id), ERR_OK);
	name = object_index(keys->domain.tag, id);
	assert_int_equal(target_put(target, name.text, bytes.data, bytes.length), ERR_OK);
	for (size_t i = 0; i < packs; i++)
		directory_free(&all[i].directory);
	buffer_free(&bytes);
	return name;
}

static struct index *open_with(const struct generations *generations, size_t budget)
{
	struct index *index = NULL;
	enum err err = index_open(&index, target, keys, &keys->domain, folder, generations, budget, NULL);

	if (err != ERR_OK)
		fail_msg("%s", failure_last()->text);
	return index;
}

static struct index *open_index(void)
{
	return open_with(NULL, 0);
}

static enum err find(struct index *index, uint64_t pack, uint64_t chunk, struct index_location *out)
{
	uint8_t id[CHUNK_ID_SIZE];

	sample_chunk_id(pack, chunk, id);
	return index_find(index, id, out);
}

static bool use(struct index *index, uint64_t pack, uint64_t chunk)
{
	uint8_t id[CHUNK_ID_SIZE];

	sample_chunk_id(pack, chunk, id);
	return index_use(index, id);
}

/* Every chunk of the packs is found, exactly where it is; one more is not. */
static void check_packs(struct index *index, uint64_t first_pack, size_t packs, size_t chunks)
{
	for (uint64_t p = first_pack; p < first_pack + packs; p++) {
		struct index_pack expected = sample_pack(p, chunks);
		struct index_location location;

		for (size_t c = 0; c < chunks; c++) {
			const struct directory_frame *frame = &expected.directory.frames[c / SAMPLE_PER_FRAME];

			if (find(index, p, c, &location) != ERR_OK)
				fail_msg("pack %llu chunk %zu: %s", (unsigned long long)p, c, failure_last()->text);
			assert_memory_equal(location.pack, expected.id, OBJECT_ID_SIZE);
			assert_int_equal(location.pack_size, expected.size);
			assert_int_equal(location.frame, c / SAMPLE_PER_FRAME);
			assert_int_equal(location.frame_offset, frame->offset);
			assert_int_equal(location.stored_size, frame->stored_size);
			assert_int_equal(location.raw_size, frame->raw_size);
			assert_int_equal(location.codec, frame->codec);
			assert_int_equal(location.offset, expected.directory.chunks[c].offset);
			assert_int_equal(location.length, expected.directory.chunks[c].length);
		}
		assert_int_equal(find(index, p, chunks, &location), ERR_MISSING);
		assert_int_equal(failure_last()->id, PL_CHUNK_MISSING);
		directory_free(&expected.directory);
	}
}

struct census {
	size_t packs, used;
	uint8_t last[OBJECT_ID_SIZE];
};

static enum err count_pack(void *context, const uint8_t id[OBJECT_ID_SIZE], uint64_t size, bool used)
{
	struct census *census = context;

	assert_true(size > 0);
	assert_true(census->packs == 0 || memcmp(census->last, id, OBJECT_ID_SIZE) != 0);
	census->packs++;
	census->used += used;
	memcpy(census->last, id, OBJECT_ID_SIZE);
	return ERR_OK;
}

static struct census census_of(struct index *index)
{
	struct census census = {0};

	assert_int_equal(index_each_pack(index, count_pack, &census), ERR_OK);
	return census;
}

/* Names in the cache folder that end so; the path of one of them if wanted. */
static size_t files_ending(const char *end, char **path)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL) {
		size_t length = strlen(entry->d_name);

		if (length < strlen(end) || strcmp(entry->d_name + length - strlen(end), end) != 0)
			continue;
		count++;
		if (path) {
			mem_free(*path);
			*path = path_join(folder, entry->d_name);
		}
	}
	closedir(entries);
	return count;
}

static size_t files_starting(const char *start)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL)
		count += strncmp(entry->d_name, start, strlen(start)) == 0;
	closedir(entries);
	return count;
}

static void flip(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void add(struct index *index, uint64_t pack, size_t chunks, bool in_target)
{
	struct index_pack sample = sample_pack(pack, chunks);

	if (in_target) {
		uint8_t *bytes = mem_calloc(1, (size_t)sample.size);

		assert_int_equal(target_put(target, object_pack(sample.id).text, bytes, (size_t)sample.size), ERR_OK);
		mem_free(bytes);
	}
	for (size_t i = 0; i < chunks; i++) {
		uint8_t id[CHUNK_ID_SIZE];

		sample_chunk_id(pack, i, id);
		assert_false(index_use(index, id));
		assert_int_equal(index_expect(index, id), ERR_OK);
		assert_true(index_use(index, id));
	}
	assert_int_equal(index_add_pack(index, sample.id, sample.size, &sample.directory), ERR_OK);
	assert_null(sample.directory.chunks);
}

/* ---- reading ---- */

static void test_empty(void **state)
{
	struct index *index = open_index();
	struct index_location location;

	(void)state;
	assert_int_equal(index_chunks(index), 0);
	assert_int_equal(find(index, 1, 1, &location), ERR_MISSING);
	assert_int_equal(census_of(index).packs, 0);
	index_free(index);
	index_free(NULL);
}

static void test_many_objects(void **state)
{
	struct index *index;
	unsigned long reads;

	(void)state;
	for (uint64_t i = 0; i < 30; i++)
		write_object(1 + 3 * i, 3, 20);
	index = open_index();
	assert_int_equal(index_chunks(index), 1800);
	check_packs(index, 1, 90, 20);
	assert_int_equal(census_of(index).packs, 90);
	assert_int_equal(census_of(index).used, 0);
	index_free(index);
	/* The second time nothing is read. */
	reads = memory_target_calls(target, MEMORY_READ);
	index = open_index();
	check_packs(index, 1, 90, 20);
	assert_int_equal(memory_target_calls(target, MEMORY_READ), reads);
	index_free(index);
}

static void test_merges(void **state)
{
	struct index *index;

	(void)state;
	/* One new object at a time: a table each, until they are merged. */
	for (uint64_t i = 0; i < 60; i++) {
		write_object(1 + i, 1, 5 + i % 7);
		index = open_index();
		assert_true(files_ending(".table", NULL) <= INDEX_TABLES_MAX);
		assert_int_equal(index->tables_count, files_ending(".table", NULL));
		index_free(index);
	}
	assert_int_equal(files_starting(TABLE_TEMPORARY), 0);
	index = open_index();
	for (uint64_t i = 0; i < 60; i++)
		check_packs(index, 1 + i, 1, 5 + i % 7);
	assert_int_equal(census_of(index).packs, 60);
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
		write_object(1, 2, 9); /* the same packs; the objects differ by their salt */
		index = open_index();
		index_free(index);
	}
	sample_pack_id(77, twin.id);
	assert_int_equal(index_object_encode(keys, &twin, 1, &bytes, id), ERR_OK);
	assert_int_equal(target_put(target, object_index(keys->domain.tag, id).text, bytes.data, bytes.length), ERR_OK);
	index = open_index();
	assert_int_equal(census_of(index).packs, 3);
	assert_int_equal(find(index, 1, 3, &location), ERR_OK);
	assert_int_equal(location.length, 103);
	check_packs(index, 2, 1, 9);
	index_free(index);
	directory_free(&twin.directory);
	buffer_free(&bytes);
}

static void test_objects_vanish(void **state)
{
	struct object_name gone = write_object(1, 1, 10);
	struct index_location location;
	struct index *index;

	(void)state;
	write_object(2, 1, 10);
	index = open_index();
	index_free(index);
	assert_true(memory_target_delete(target, gone.text));
	index = open_index();
	assert_int_equal(find(index, 1, 1, &location), ERR_MISSING);
	check_packs(index, 2, 1, 10);
	index_free(index);
	/* Gone between listing and reading: the listing is read again. */
	write_object(3, 1, 10);
	memory_target_fail(target, MEMORY_STAT, 1, PL_OBJECT_MISSING, false);
	index = open_index();
	check_packs(index, 3, 1, 10);
	index_free(index);
}

static void test_damaged_object(void **state)
{
	struct object_name damaged = write_object(1, 1, 10);
	struct index *index = NULL;
	struct index_location location;
	size_t count = 99;

	(void)state;
	write_object(2, 1, 10);
	assert_true(memory_target_corrupt(target, damaged.text, 100, 1));
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL), ERR_CORRUPT);
	assert_null(index);
	assert_non_null(strstr(failure_last()->text, damaged.text));
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, &count), ERR_OK);
	assert_int_equal(count, 1);
	check_packs(index, 2, 1, 10);
	assert_int_equal(find(index, 1, 1, &location), ERR_MISSING);
	index_free(index);
	/* What was left is cached; what is damaged is still not good. */
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL), ERR_CORRUPT);
	/* Healed from another place. */
	assert_true(memory_target_corrupt(target, damaged.text, 100, 1));
	index = open_index();
	check_packs(index, 1, 2, 10);
	index_free(index);
	/* Listed, and not there. */
	memory_target_fail(target, MEMORY_STAT, 1, PL_OBJECT_MISSING, true);
	write_object(3, 1, 10);
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL), ERR_MISSING);
	memory_target_fail(target, MEMORY_STAT, 0, PL_NONE, false);
	memory_target_fail(target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL), ERR_IO);
	memory_target_fail_late(target, MEMORY_LIST, 1, PL_TARGET_LIST);
	assert_int_equal(index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL), ERR_IO);
}

/* Any byte of a cached table may be wrong: answers stay right, for the table is found out and built anew. */
static void test_damaged_cache(void **state)
{
	char *path = NULL;
	struct stat status;
	struct index *index;

	(void)state;
	write_object(1, 4, 300);
	index = open_index();
	index_free(index);
	assert_int_equal(files_ending(".table", &path), 1);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 10 * TABLE_BLOCK);
	for (off_t offset = 11; offset < status.st_size; offset += TABLE_BLOCK / 2 + 100) {
		assert_int_equal(files_ending(".table", &path), 1);
		flip(path, offset);
		index = open_index();
		check_packs(index, 1, 4, 300);
		assert_int_equal(census_of(index).packs, 4);
		index_free(index);
	}
	/* Cut, emptied, a stranger. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(files_ending(".table", &path), 1);
		assert_int_equal(truncate(path, i == 0 ? 5 * TABLE_BLOCK : i == 1 ? 0 : 100), 0);
		index = open_index();
		check_packs(index, 1, 4, 300);
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
	write_object(1, 4, 300);
	index = open_index();
	first = (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK;
	index_free(index);
	assert_int_equal(files_ending(".table", &path), 1);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, blocks, sizeof(blocks), first), sizeof(blocks));
	assert_int_equal(pwrite(fd, blocks[1], TABLE_BLOCK, first), TABLE_BLOCK);
	assert_int_equal(pwrite(fd, blocks[0], TABLE_BLOCK, first + TABLE_BLOCK), TABLE_BLOCK);
	close(fd);
	index = open_index();
	check_packs(index, 1, 4, 300);
	index_free(index);
	mem_free(path);
}

/* Another process removes the tables, or has built the same. */
static void test_shared_folder(void **state)
{
	struct index *first, *second;
	char *path = NULL, *copy = path_join(folder, "0123456789abcdef.table"), *command;

	(void)state;
	write_object(1, 4, 50);
	first = open_index();
	assert_int_equal(files_ending(".table", &path), 1);
	assert_int_equal(unlink(path), 0);
	check_packs(first, 1, 4, 50);
	second = open_index();
	check_packs(second, 1, 4, 50);
	assert_int_equal(files_ending(".table", &path), 1);
	command = mem_printf("cp '%s' '%s'", path, copy);
	assert_int_equal(system(command), 0);
	index_free(first);
	index_free(second);
	first = open_index();
	assert_int_equal(first->tables_count, 1);
	assert_int_equal(files_ending(".table", NULL), 1);
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
	write_object(1, 1, 10);
	index = open_index();
	index_free(index);
	assert_int_equal(keys_domain_tag(keys->root, "elsewhere", tag), ERR_OK);
	assert_int_equal(keys_domain(keys, tag, &other), ERR_OK);
	assert_int_equal(index_open(&index, target, keys, &other, folder, NULL, 0, NULL), ERR_OK);
	assert_int_equal(find(index, 1, 1, &location), ERR_MISSING);
	assert_int_equal(index_begin(index, &adopted), ERR_KEY);
	index_free(index);
	assert_int_equal(files_ending(".table", NULL), 1);
	index = open_index();
	check_packs(index, 1, 1, 10);
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
		enum err err = find(reader->index, 1 + number / 500, number % 500, &location);

		if (err != ERR_OK || location.length != 100 + number % 500 % 50)
			reader->wrong++;
		if (find(reader->index, 99, i, &location) != ERR_MISSING)
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
	write_object(1, 8, 500);
	index = open_index();
	read_from_threads(index);
	index_free(index);
	/* With so small a budget blocks go all the time. */
	index = open_with(NULL, 1);
	assert_non_null(index->blocks);
	read_from_threads(index);
	/* Damage under their hands. */
	assert_int_equal(files_ending(".table", &path), 1);
	flip(path, (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK + 3 * TABLE_BLOCK + 5);
	read_from_threads(index);
	index_free(index);
	mem_free(path);
}

/* ---- sessions ---- */

static void test_session(void **state)
{
	struct index *index;
	uint64_t written = 0;
	size_t adopted = 99;
	unsigned long reads;

	(void)state;
	write_object(1, 2, 10);
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 0);
	assert_true(use(index, 1, 3));
	assert_false(use(index, 5, 3));
	add(index, 5, 10, true);
	add(index, 6, 10, true);
	check_packs(index, 5, 2, 10);
	assert_int_equal(index_publish(index, false, &written), ERR_OK);
	assert_int_equal(written, 0);
	assert_int_equal(census_of(index).packs, 4);
	assert_int_equal(census_of(index).used, 3);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_true(written > 0);
	assert_int_equal(memory_target_count(target, "index/"), 2);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(written, 0);
	assert_int_equal(memory_target_count(target, "index/"), 2);
	check_packs(index, 5, 2, 10);
	assert_true(use(index, 6, 9));
	assert_int_equal(census_of(index).packs, 4);
	assert_int_equal(census_of(index).used, 3);
	assert_int_equal(index_chunks(index), 40);
	assert_int_equal(index_end(index), ERR_OK);
	assert_int_equal(files_ending(".journal", NULL), 0);
	index_free(index);
	/* What was published is in the cache already. */
	reads = memory_target_calls(target, MEMORY_READ);
	index = open_index();
	assert_int_equal(memory_target_calls(target, MEMORY_READ), reads);
	check_packs(index, 5, 2, 10);
	index_free(index);
}

/* More chunks than one object holds. */
static void test_long_session(void **state)
{
	struct index *index = open_index();
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
	assert_int_equal(memory_target_count(target, "index/"), 1);
	/* The fourth did not fit and still waits; all are found. */
	for (uint64_t i = 1; i <= 4; i++)
		for (uint64_t c = 0; c < chunks; c += 1777)
			assert_true(use(index, i, c));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(memory_target_count(target, "index/"), 2);
	for (uint64_t i = 1; i <= 4; i++)
		for (uint64_t c = 0; c < chunks; c += 1777)
			assert_true(use(index, i, c));
	assert_int_equal(census_of(index).used, 4);
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
	write_object(100, 2, 10);
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(use(index, 101, 0));
	for (uint64_t i = 1; i <= 25; i++) {
		add(index, i, 10, false);
		assert_int_equal(index_publish(index, true, &written), ERR_OK);
		assert_true(index->tables_count <= INDEX_TABLES_MAX);
	}
	assert_int_equal(census_of(index).packs, 27);
	assert_int_equal(census_of(index).used, 26);
	check_packs(index, 1, 25, 10);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

static void test_publish_fails(void **state)
{
	struct index *index = open_index();
	size_t adopted;
	uint64_t written;

	(void)state;
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	add(index, 1, 10, true);
	memory_target_fail(target, MEMORY_PUT, 1, PL_TARGET_WRITE, false);
	assert_int_equal(index_publish(index, true, &written), ERR_IO);
	assert_true(use(index, 1, 1));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	check_packs(index, 1, 1, 10);
	assert_int_equal(index_end(index), ERR_OK);
	index_free(index);
}

/* ---- journals ---- */

/* A session that stores packs first … first + count - 1 and dies. */
static void die_after(uint64_t first, size_t count)
{
	struct index *index = open_index();
	size_t adopted;

	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	for (uint64_t i = first; i < first + count; i++)
		add(index, i, 10, true);
	index_free(index);
	assert_true(files_ending(".journal", NULL) > 0);
}

static void test_adopts(void **state)
{
	struct index *index;
	size_t adopted = 0;
	uint64_t written;

	(void)state;
	die_after(1, 3);
	die_after(10, 2); /* this one adopted the first three and died as well */
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 5);
	assert_true(use(index, 1, 0) && use(index, 3, 9) && use(index, 11, 5));
	assert_int_equal(census_of(index).used, 5);
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_int_equal(index_end(index), ERR_OK);
	assert_int_equal(files_ending(".journal", NULL), 0);
	index_free(index);
	index = open_index();
	check_packs(index, 1, 3, 10);
	check_packs(index, 10, 2, 10);
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
	assert_true(memory_target_delete(target, object_pack(gone.id).text));
	assert_true(memory_target_resize(target, object_pack(cut.id).text, (size_t)cut.size - 1));
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 2);
	assert_false(use(index, 1, 0));
	assert_false(use(index, 2, 0));
	assert_true(use(index, 3, 0) && use(index, 4, 0));
	index_free(index);
	/* A target that cannot be asked is no target that says no. */
	index = open_index();
	memory_target_fail(target, MEMORY_STAT, 1, PL_TARGET_READ, false);
	assert_int_equal(index_begin(index, &adopted), ERR_IO);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 2);
	index_free(index);
	directory_free(&gone.directory);
	directory_free(&cut.directory);
}

/* Cut at every length: never more than what was whole, never a failure. */
static void test_truncated_journal(void **state)
{
	char *path = NULL, *copy, *command;
	struct stat status;
	size_t last = 0;

	(void)state;
	die_after(1, 3);
	assert_int_equal(files_ending(".journal", &path), 1);
	copy = mem_printf("%s.kept", path);
	command = mem_printf("cp '%s' '%s'", path, copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(stat(path, &status), 0);
	for (off_t size = 0; size <= status.st_size; size += size < status.st_size - 13 ? 13 : 1) {
		struct index *index;
		size_t adopted = 99;

		mem_free(command);
		command = mem_printf("rm -f '%s'/*.journal; cp '%s' '%s'", folder, copy, path);
		assert_int_equal(system(command), 0);
		assert_int_equal(truncate(path, size), 0);
		index = open_index();
		assert_int_equal(index_begin(index, &adopted), ERR_OK);
		assert_true(adopted >= last && adopted <= 3);
		last = adopted;
		for (uint64_t i = 1; i <= 3; i++)
			assert_int_equal(use(index, i, 4), i <= adopted);
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
	assert_int_equal(files_ending(".journal", &path), 1);
	assert_int_equal(stat(path, &status), 0);
	flip(path, 48 + (status.st_size - 48) / 3 + 100); /* inside the second record */
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_int_equal(adopted, 1);
	index_free(index);
	mem_free(path);
}

/* A living session keeps its journal. */
static void test_living_session(void **state)
{
	struct index *living = open_index(), *second = open_index();
	size_t adopted = 99;

	(void)state;
	assert_int_equal(index_begin(living, &adopted), ERR_OK);
	add(living, 1, 10, true);
	assert_int_equal(index_begin(second, &adopted), ERR_OK);
	assert_int_equal(adopted, 0);
	assert_false(use(second, 1, 0));
	assert_int_equal(files_ending(".journal", NULL), 2);
	assert_int_equal(index_end(second), ERR_OK);
	assert_int_equal(files_ending(".journal", NULL), 1);
	index_free(second);
	assert_true(use(living, 1, 0));
	index_free(living);
}

/* ---- the collector ---- */

static struct generations *condemn(uint64_t generation, uint64_t first, size_t count)
{
	struct generations *generations = NULL;
	uint8_t packs[8][OBJECT_ID_SIZE];

	for (size_t i = 0; i < count; i++)
		sample_pack_id(first + i, packs[i]);
	assert_int_equal(
	    generation_write(target, keys, generation, false, (const uint8_t (*)[OBJECT_ID_SIZE])packs, count), ERR_OK);
	assert_int_equal(generations_read(&generations, target, keys), ERR_OK);
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
	write_object(1, 3, 10);
	/* Chunks 0 to 8 of pack 1 stand in pack 77 as well. */
	sample_pack_id(77, twin.id);
	assert_int_equal(index_object_encode(keys, &twin, 1, &bytes, id), ERR_OK);
	assert_int_equal(target_put(target, object_index(keys->domain.tag, id).text, bytes.data, bytes.length), ERR_OK);
	generations = condemn(1, 1, 2);
	index = open_with(generations, 0);
	assert_int_equal(find(index, 2, 0, &location), ERR_MISSING);
	assert_false(use(index, 2, 0));
	assert_int_equal(find(index, 1, 9, &location), ERR_MISSING);
	for (uint64_t c = 0; c < 9; c++) {
		assert_int_equal(find(index, 1, c, &location), ERR_OK);
		assert_memory_equal(location.pack, twin.id, OBJECT_ID_SIZE);
	}
	check_packs(index, 3, 1, 10);
	assert_int_equal(census_of(index).packs, 2);
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
	write_object(1, 4, 10);
	index = open_index();
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(use(index, 1, 0) && use(index, 2, 0));
	add(index, 10, 10, true); /* published */
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	add(index, 11, 10, true); /* on its way */
	generations = condemn(1, 20, 2);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 0);
	generations_free(generations);
	/* 2 is relied on, 3 and 4 are not. */
	generations = condemn(2, 2, 3);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 1);
	assert_true(use(index, 1, 0));
	for (uint64_t i = 2; i <= 4; i++)
		assert_false(use(index, i, 0));
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 0);
	generations_free(generations);
	/* Packs of this very session. */
	generations = condemn(3, 10, 2);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_OK);
	assert_int_equal(dropped, 2);
	assert_false(use(index, 10, 0));
	assert_false(use(index, 11, 0));
	generations_free(generations);
	/* Stored again, in another pack; the dropped one is in no index object. */
	struct index_pack again = sample_pack(11, 10);
	sample_pack_id(50, again.id);
	assert_int_equal(index_add_pack(index, again.id, again.size, &again.directory), ERR_OK);
	assert_true(use(index, 11, 0));
	assert_int_equal(index_publish(index, true, &written), ERR_OK);
	assert_true(use(index, 11, 0));
	assert_false(use(index, 10, 0));
	assert_int_equal(census_of(index).packs, 2);
	assert_int_equal(census_of(index).used, 2);
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
	index = open_with(generations, 0);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	generations_free(generations);
	assert_int_equal(adopted, 2);
	assert_true(use(index, 1, 0) && use(index, 3, 0));
	assert_false(use(index, 2, 0));
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
	write_object(1, 4, 300);
	index = open_with(NULL, 1);
	assert_int_equal(index_begin(index, &adopted), ERR_OK);
	assert_true(use(index, 1, 7));
	entries = (off_t)index->tables[0]->first[TABLE_ENTRIES] * TABLE_BLOCK;
	packs = (off_t)index->tables[0]->first[TABLE_PACKS] * TABLE_BLOCK;
	assert_int_equal(files_ending(".table", &path), 1);
	for (int i = 0; i < 9; i++)
		flip(path, entries + i * (off_t)TABLE_BLOCK + 9);
	/* One of the nine blocks had been read before. */
	for (uint64_t c = 0; c < 300; c++)
		found += use(index, 1, c);
	assert_true(found > 0 && found < 100);
	assert_int_equal(census_of(index).used, 1);
	flip(path, packs + 5);
	assert_int_equal(index_each_pack(index, count_pack, &census), ERR_IO);
	assert_int_equal(failure_last()->id, PL_INDEX_CACHE);
	generations = condemn(1, 3, 1);
	assert_int_equal(index_drop_condemned(index, generations, &dropped), ERR_IO);
	generations_free(generations);
	index_free(index);
	index = open_index();
	check_packs(index, 1, 4, 300);
	index_free(index);
	mem_free(path);
}

/* ---- memory ---- */

static enum err whole_life(void)
{
	struct index *index = NULL;
	struct index_pack pack = sample_pack(50, 6);
	size_t adopted;
	uint64_t written;
	enum err err = index_open(&index, target, keys, &keys->domain, folder, NULL, 0, NULL);

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
	char *command = mem_printf("rm -rf '%s'/*", folder);
	unsigned failures = 0;

	(void)state;
	for (uint64_t i = 0; i < 9; i++) {
		struct index *index;

		write_object(1 + i, 1, 10);
		if (i < 8) {
			index = open_index();
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
	assert_int_equal(index_object_encode(keys, &pack, 1, &bytes, object), ERR_OK);
	assert_int_equal(target_put(target, object_index(keys->domain.tag, object).text, bytes.data, bytes.length), ERR_OK);
	index = open_index();
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(test_empty),
	    TEST(test_many_objects),
	    TEST(test_merges),
	    TEST(test_duplicates),
	    TEST(test_objects_vanish),
	    TEST(test_damaged_object),
	    TEST(test_damaged_cache),
	    TEST(test_swapped_blocks),
	    TEST(test_shared_folder),
	    TEST(test_other_domain),
	    TEST(test_threads),
	    TEST(test_session),
	    TEST(test_long_session),
	    TEST(test_marks_survive_merging),
	    TEST(test_publish_fails),
	    TEST(test_adopts),
	    TEST(test_adopts_what_is_there),
	    TEST(test_truncated_journal),
	    TEST(test_damaged_journal),
	    TEST(test_living_session),
	    TEST(test_condemned),
	    TEST(test_handshake),
	    TEST(test_condemned_is_not_adopted),
	    TEST(test_damage_in_session),
	    TEST(test_no_memory),
	    TEST(test_uneven_keys),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
