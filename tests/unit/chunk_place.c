#include "tests/unit/chunk_place.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum chunk_type chunk_place_type(size_t chunk)
{
	return chunk < (PACKS - 1) * FRAMES * CHUNKS ? CHUNK_DATA : CHUNK_NODE;
}

static void make_chunks(struct chunk_place *place)
{
	struct hmac *hasher = NULL;

	assert_int_equal(hasher_new(&hasher, place->keys->domain.id_key), ERR_OK);
	for (size_t i = 0; i < ALL; i++) {
		random_bytes(i, place->raw[i], CHUNK_SIZE);
		memset(place->raw[i] + 100, 'x', i % 3 * 400);
		place->chunks[i].length = CHUNK_SIZE - (uint32_t)i;
		place->chunks[i].type = (uint8_t)chunk_place_type(i);
		assert_int_equal(
		    hasher_id(hasher, chunk_place_type(i), place->raw[i], CHUNK_SIZE - i, place->chunks[i].id), ERR_OK);
		place->chunks[i].sum =
		    hasher_sum(place->chunks[i].type, place->chunks[i].id, place->raw[i], CHUNK_SIZE - i);
	}
	hasher_free(hasher);
}

static void write_pack(
    struct chunk_place *place, size_t number, struct frame_compressor *compressor, struct index_pack *out)
{
	struct pack_writer *writer = NULL;
	const struct pack *pack = NULL;
	struct buffer raw = {0}, stored = {0};

	assert_int_equal(
	    pack_writer_new(&writer, place->keys, number == PACKS - 1 ? PACK_METADATA : PACK_DATA, NULL), ERR_OK);
	for (size_t i = 0; i < FRAMES; i++) {
		size_t first = (number * FRAMES + i) * CHUNKS;
		struct pack_frame frame = {.chunks = &place->chunks[first], .chunks_count = CHUNKS};

		buffer_clear(&raw);
		for (size_t j = first; j < first + CHUNKS; j++)
			assert_int_equal(buffer_append(&raw, place->raw[j], place->chunks[j].length), ERR_OK);
		assert_int_equal(frame_compress(compressor, raw.data, raw.length, &stored, &frame.codec), ERR_OK);
		frame.raw_size = (uint32_t)raw.length;
		frame.stored = frame.codec == CODEC_STORED ? raw.data : stored.data;
		frame.stored_size = (uint32_t)(frame.codec == CODEC_STORED ? raw.length : stored.length);
		assert_int_equal(pack_writer_add(writer, &frame), ERR_OK);
	}
	assert_int_equal(pack_writer_finish(writer, true, &pack), ERR_OK);
	assert_int_equal(pack_writer_check(writer), ERR_OK);
	memcpy(place->packs[number], pack->id, OBJECT_ID_SIZE);
	place->names[number] = object_pack(pack->id);
	assert_int_equal(target_put(place->target, place->names[number].text, pack->bytes, pack->size), ERR_OK);
	for (size_t i = 0; i < FRAMES; i++)
		place->offsets[number * FRAMES + i] = pack->directory.frames[i].offset;
	memcpy(out->id, pack->id, OBJECT_ID_SIZE);
	out->size = pack->size;
	out->directory = pack->directory;
	((struct pack *)(uintptr_t)pack)->directory = (struct directory){0};
	pack_writer_free(writer, NULL);
	buffer_free(&raw);
	buffer_free(&stored);
}

void chunk_place_index(struct chunk_place *place, const struct index_pack *packs, size_t count)
{
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(index_object_encode(place->keys, packs, count, &bytes, id), ERR_OK);
	assert_int_equal(
	    target_put(place->target, object_index(place->keys->domain.tag, id).text, bytes.data, bytes.length),
	    ERR_OK);
	buffer_free(&bytes);
}

static void write_repository(struct chunk_place *place)
{
	struct frame_compressor *compressor = NULL;
	struct index_pack packs[PACKS];

	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	for (size_t i = 0; i < PACKS; i++)
		write_pack(place, i, compressor, &packs[i]);
	chunk_place_index(place, packs, PACKS);
	for (size_t i = 0; i < PACKS; i++)
		directory_free(&packs[i].directory);
	frame_compressor_free(compressor);
}

void chunk_place_reader(struct chunk_place *place, size_t frames)
{
	chunk_reader_free(place->reader);
	assert_int_equal(
	    chunk_reader_new(&place->reader, place->target, place->keys, &place->keys->domain, place->index, frames),
	    ERR_OK);
}

void chunk_place_open(struct chunk_place *place)
{
	chunk_reader_free(place->reader);
	place->reader = NULL;
	index_free(place->index);
	assert_int_equal(index_open(&place->index, place->target, place->keys, &place->keys->domain,
			     &(struct index_options){.cache_folder = place->folder}),
	    ERR_OK);
	chunk_place_reader(place, 64);
}

struct object_name chunk_place_twin(struct chunk_place *place)
{
	struct frame_compressor *compressor = NULL;
	struct object_name first = place->names[0], twin;
	uint8_t first_id[OBJECT_ID_SIZE];
	struct index_pack pack;

	memcpy(first_id, place->packs[0], OBJECT_ID_SIZE);
	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	write_pack(place, 0, compressor, &pack);
	chunk_place_index(place, &pack, 1);
	directory_free(&pack.directory);
	frame_compressor_free(compressor);
	twin = place->names[0];
	place->names[0] = first;
	memcpy(place->packs[0], first_id, OBJECT_ID_SIZE);
	chunk_place_open(place);
	return twin;
}

int chunk_place_up(void **state)
{
	struct chunk_place *place = mem_calloc(1, sizeof(*place));
	const uint8_t repository[REPOSITORY_ID_SIZE] = {1}, root[KEY_SIZE] = {2};
	const char *base = getenv("TMPDIR");

	*state = place;
	place->keys = keys_new();
	assert_int_equal(keys_from_root(place->keys, repository, SUITE_AES_256_GCM, root, "host"), ERR_OK);
	assert_int_equal(memory_target_new(&place->target), ERR_OK);
	make_chunks(place);
	write_repository(place);
	place->folder = mem_printf("%s/pulih-reader-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(place->folder));
	chunk_place_open(place);
	return 0;
}

int chunk_place_down(void **state)
{
	struct chunk_place *place = *state;

	chunk_reader_free(place->reader);
	index_free(place->index);
	target_free(place->target);
	keys_free(place->keys);
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	mem_free(place->folder);
	mem_free(place);
	return 0;
}

struct chunk_view chunk_place_get(struct chunk_place *place, size_t chunk)
{
	struct chunk_view view;

	assert_int_equal(
	    chunk_reader_get(place->reader, chunk_place_type(chunk), place->chunks[chunk].id, &view), ERR_OK);
	assert_int_equal(view.length, place->chunks[chunk].length);
	assert_memory_equal(view.bytes, place->raw[chunk], view.length);
	return view;
}

void chunk_place_check(struct chunk_place *place, size_t chunk)
{
	struct chunk_view view = chunk_place_get(place, chunk);

	chunk_release(place->reader, &view);
	assert_null(view.bytes);
	chunk_release(place->reader, &view);
}

unsigned long chunk_place_reads(struct chunk_place *place)
{
	return memory_target_calls(place->target, MEMORY_READ);
}
