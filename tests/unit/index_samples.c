#include "index_samples.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/chunk/frame.h"
#include "core/repo/pack.h"

#include <xxhash.h>

struct keys *sample_keys(void)
{
	struct keys *keys = NULL;
	uint8_t root[KEY_SIZE], repository[REPOSITORY_ID_SIZE];

	memset(root, 0x11, sizeof(root));
	memset(repository, 0x22, sizeof(repository));
	if (crypto_setup() != ERR_OK)
		abort();
	keys = keys_new();
	if (!keys || keys_from_root(keys, repository, SUITE_CHACHA20_POLY1305, root, "host") != ERR_OK)
		abort();
	return keys;
}

static void fill(uint8_t *out, size_t size, uint64_t a, uint64_t b)
{
	uint8_t seed[16];

	store_u64(seed, a);
	store_u64(seed + 8, b);
	for (size_t at = 0; at < size; at += 8)
		store_u64(out + at, XXH3_64bits_withSeed(seed, sizeof(seed), at));
}

void sample_pack_id(uint64_t pack, uint8_t id[OBJECT_ID_SIZE])
{
	fill(id, OBJECT_ID_SIZE, pack, UINT64_MAX);
}

void sample_chunk_id(uint64_t pack, uint64_t chunk, uint8_t id[CHUNK_ID_SIZE])
{
	fill(id, CHUNK_ID_SIZE, pack, chunk);
}

uint64_t sample_pack_size(const struct directory *directory)
{
	const struct directory_frame *last = &directory->frames[directory->frames_count - 1];

	return last->offset + last->stored_size + TAG_SIZE + 500;
}

struct index_pack sample_pack(uint64_t number, size_t chunks)
{
	struct index_pack pack = {.directory.type = PACK_DATA, .directory.chunks_count = chunks};
	struct directory *directory = &pack.directory;
	uint64_t offset = PACK_HEADER_SIZE;

	sample_pack_id(number, pack.id);
	directory->frames_count = (chunks + SAMPLE_PER_FRAME - 1) / SAMPLE_PER_FRAME;
	directory->frames = mem_calloc(directory->frames_count, sizeof(*directory->frames));
	directory->chunks = mem_calloc(chunks, sizeof(*directory->chunks));
	if (!directory->frames || !directory->chunks)
		abort();
	for (size_t i = 0; i < chunks; i++) {
		struct directory_frame *frame = &directory->frames[i / SAMPLE_PER_FRAME];
		struct directory_chunk *chunk = &directory->chunks[i];
		uint8_t id[CHUNK_ID_SIZE];

		sample_chunk_id(number, i, id);
		memcpy(chunk->key, id, CHUNK_KEY_SIZE);
		chunk->length = (uint32_t)(100 + i % 50);
		chunk->offset = frame->raw_size;
		chunk->type = CHUNK_DATA;
		if (frame->chunks_count == 0)
			frame->first_chunk = (uint32_t)i;
		frame->chunks_count++;
		frame->raw_size += chunk->length;
	}
	for (size_t i = 0; i < directory->frames_count; i++) {
		struct directory_frame *frame = &directory->frames[i];

		frame->codec = CODEC_ZSTD;
		frame->stored_size = frame->raw_size / 2;
		frame->offset = offset;
		offset += frame->stored_size + TAG_SIZE;
	}
	pack.size = sample_pack_size(directory);
	return pack;
}
