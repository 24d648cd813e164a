#include "tests/unit/pack_sample.h"
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

const uint32_t pack_sample_frame_sizes[PACK_SAMPLE_FRAMES] = {3000, 700, 700},
	       pack_sample_chunk_sizes[PACK_SAMPLE_CHUNKS] = {1000, 2000, 700, 300, 400};
static const uint32_t frame_chunks[PACK_SAMPLE_FRAMES] = {2, 1, 2};

struct keys *pack_sample_keys(uint8_t repository, uint8_t secret, int suite)
{
	struct keys *keys = keys_new();
	uint8_t id[REPOSITORY_ID_SIZE], root[KEY_SIZE];

	assert_non_null(keys);
	memset(id, repository, sizeof(id));
	memset(root, secret, sizeof(root));
	assert_int_equal(keys_from_root(keys, id, suite, root, "host"), ERR_OK);
	return keys;
}

static void make_frames(struct pack_sample *sample, enum pack_type type)
{
	struct frame_compressor *compressor = NULL;
	struct hmac *hasher = NULL;
	size_t chunk = 0;

	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	assert_int_equal(hasher_new(&hasher, sample->keys->domain.id_key), ERR_OK);
	for (uint32_t i = 0; i < PACK_SAMPLE_FRAMES; i++) {
		struct pack_frame *frame = &sample->frames[i];
		uint32_t offset = 0;

		random_bytes(i, sample->raw[i], pack_sample_frame_sizes[i]);
		if (i == 0)
			memset(sample->raw[0] + 100, 'a', 1500);
		assert_int_equal(frame_compress(compressor, sample->raw[i], pack_sample_frame_sizes[i],
				     &sample->stored[i], &frame->codec),
		    ERR_OK);
		assert_int_equal(frame->codec, i == 0 ? CODEC_ZSTD : CODEC_STORED);
		if (i > 0)
			assert_int_equal(
			    buffer_append(&sample->stored[i], sample->raw[i], pack_sample_frame_sizes[i]), ERR_OK);
		frame->stored = sample->stored[i].data;
		frame->stored_size = (uint32_t)sample->stored[i].length;
		frame->raw_size = pack_sample_frame_sizes[i];
		frame->chunks = &sample->chunks[chunk];
		frame->chunks_count = frame_chunks[i];
		for (uint32_t j = 0; j < frame_chunks[i]; j++, chunk++) {
			struct pack_chunk *at = &sample->chunks[chunk];

			at->length = pack_sample_chunk_sizes[chunk];
			at->type = (uint8_t)(type == PACK_DATA ? CHUNK_DATA : CHUNK_NODE + j);
			assert_int_equal(
			    hasher_id(hasher, at->type, sample->raw[i] + offset, at->length, at->id), ERR_OK);
			at->sum = hasher_sum(at->type, at->id, sample->raw[i] + offset, at->length);
			offset += at->length;
		}
	}
	hasher_free(hasher);
	frame_compressor_free(compressor);
}

enum err pack_sample_write(struct pack_sample *sample, const struct keys *keys, enum pack_type type, bool padded)
{
	enum err err;

	pack_writer_free(sample->writer, NULL);
	sample->writer = NULL;
	buffer_clear(&sample->bytes);
	err = pack_writer_new(&sample->writer, keys, type, NULL);
	for (size_t i = 0; err == ERR_OK && i < PACK_SAMPLE_FRAMES; i++)
		err = pack_writer_add(sample->writer, &sample->frames[i]);
	if (err == ERR_OK)
		err = pack_writer_finish(sample->writer, padded, &sample->pack);
	if (err == ERR_OK)
		err = pack_writer_check(sample->writer);
	return err == ERR_OK ? buffer_append(&sample->bytes, sample->pack->bytes, sample->pack->size) : err;
}

static int up(void **state, enum pack_type type, int suite)
{
	struct pack_sample *sample = mem_calloc(1, sizeof(*sample));

	*state = sample;
	sample->keys = pack_sample_keys(1, 2, suite);
	sample->stranger = pack_sample_keys(3, 2, suite);
	sample->backup = pack_sample_keys(1, 2, suite);
	sample->backup->full = false;
	memset(sample->backup->root, 0, KEY_SIZE);
	memset(sample->backup->read_private, 0, KEY_SIZE);
	make_frames(sample, type);
	assert_int_equal(pack_sample_write(sample, sample->backup, type, true), ERR_OK);
	return 0;
}

int pack_sample_up(void **state)
{
	return up(state, PACK_DATA, SUITE_AES_256_GCM);
}

int pack_sample_metadata_up(void **state)
{
	return up(state, PACK_METADATA, SUITE_CHACHA20_POLY1305);
}

int pack_sample_down(void **state)
{
	struct pack_sample *sample = *state;

	pack_writer_free(sample->writer, NULL);
	buffer_free(&sample->bytes);
	for (size_t i = 0; i < PACK_SAMPLE_FRAMES; i++)
		buffer_free(&sample->stored[i]);
	keys_free(sample->keys);
	keys_free(sample->backup);
	keys_free(sample->stranger);
	mem_free(sample);
	return 0;
}
