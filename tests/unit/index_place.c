#include "index_place.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

struct keys *index_place_keys;
struct target *index_place_target;
char *index_place_folder;

int index_place_up(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	index_place_keys = sample_keys();
	index_place_folder = mem_printf("%s/pulih-index-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(index_place_folder));
	return memory_target_new(&index_place_target) == ERR_OK ? 0 : -1;
}

int index_place_down(void **state)
{
	(void)state;
	target_free(index_place_target);
	keys_free(index_place_keys);
	assert_int_equal(file_remove_tree(index_place_folder), ERR_OK);
	mem_free(index_place_folder);
	return 0;
}

struct object_name index_place_write(uint64_t first_pack, size_t packs, size_t chunks)
{
	struct index_pack all[16];
	struct buffer bytes = {0};
	struct object_name name;
	uint8_t id[OBJECT_ID_SIZE];

	assert_true(packs <= 16);
	for (size_t i = 0; i < packs; i++)
		all[i] = sample_pack(first_pack + i, chunks);
	assert_int_equal(index_object_encode(index_place_keys, all, packs, &bytes, id), ERR_OK);
	name = object_index(index_place_keys->domain.tag, id);
	assert_int_equal(target_put(index_place_target, name.text, bytes.data, bytes.length), ERR_OK);
	for (size_t i = 0; i < packs; i++)
		directory_free(&all[i].directory);
	buffer_free(&bytes);
	return name;
}

struct index *index_place_open_with(const struct generations *generations, size_t budget)
{
	struct index *index = NULL;
	enum err err = index_open(&index, index_place_target, index_place_keys, &index_place_keys->domain,
	    &(struct index_options){.cache_folder = index_place_folder, .generations = generations, .budget = budget});

	if (err != ERR_OK)
		fail_msg("%s", failure_last()->text);
	return index;
}

struct index *index_place_open(void)
{
	return index_place_open_with(NULL, 0);
}

enum err index_place_find(struct index *index, uint64_t pack, uint64_t chunk, struct index_location *out)
{
	uint8_t id[CHUNK_ID_SIZE];

	sample_chunk_id(pack, chunk, id);
	return index_find(index, id, out);
}

bool index_place_use(struct index *index, uint64_t pack, uint64_t chunk)
{
	uint8_t id[CHUNK_ID_SIZE];

	sample_chunk_id(pack, chunk, id);
	return index_use(index, id);
}

void index_place_check(struct index *index, uint64_t first_pack, size_t packs, size_t chunks)
{
	for (uint64_t p = first_pack; p < first_pack + packs; p++) {
		struct index_pack expected = sample_pack(p, chunks);
		struct index_location location;

		for (size_t c = 0; c < chunks; c++) {
			const struct directory_frame *frame = &expected.directory.frames[c / SAMPLE_PER_FRAME];

			if (index_place_find(index, p, c, &location) != ERR_OK)
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
		assert_int_equal(index_place_find(index, p, chunks, &location), ERR_MISSING);
		assert_int_equal(failure_last()->id, PL_CHUNK_MISSING);
		directory_free(&expected.directory);
	}
}

enum err index_place_count(void *context, const struct index_pack_state *pack)
{
	struct census *census = context;

	assert_true(pack->size > 0);
	assert_true(census->packs == 0 || memcmp(census->last, pack->id, OBJECT_ID_SIZE) != 0);
	census->packs++;
	census->used += pack->used;
	census->there += pack->presence == INDEX_PACK_THERE;
	census->missing += pack->presence == INDEX_PACK_MISSING;
	census->resized += pack->presence == INDEX_PACK_RESIZED;
	memcpy(census->last, pack->id, OBJECT_ID_SIZE);
	return ERR_OK;
}

struct census index_place_census(struct index *index)
{
	struct census census = {0};

	assert_int_equal(index_each_pack(index, index_place_count, &census), ERR_OK);
	return census;
}

size_t index_place_files(const char *end, char **path)
{
	DIR *entries = opendir(index_place_folder);
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
			*path = path_join(index_place_folder, entry->d_name);
		}
	}
	closedir(entries);
	return count;
}

size_t index_place_files_starting(const char *start)
{
	DIR *entries = opendir(index_place_folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL)
		count += strncmp(entry->d_name, start, strlen(start)) == 0;
	closedir(entries);
	return count;
}

void index_place_flip(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

void index_place_add(struct index *index, uint64_t pack, size_t chunks, bool in_target)
{
	struct index_pack sample = sample_pack(pack, chunks);

	if (in_target) {
		uint8_t *bytes = mem_calloc(1, (size_t)sample.size);

		assert_int_equal(
		    target_put(index_place_target, object_pack(sample.id).text, bytes, (size_t)sample.size), ERR_OK);
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
