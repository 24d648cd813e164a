/* Packs: there and back, with the right keys and with others. */
#include "core/repo/object.h"
#include "core/repo/pack_internal.h"
#include "targets/memory.h"
#include "tests/unit/pack_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_directory(const struct pack_sample *sample, const struct directory *directory, enum pack_type type)
{
	uint64_t offset = PACK_HEADER_SIZE;

	assert_int_equal(directory->type, type);
	assert_int_equal(directory->frames_count, PACK_SAMPLE_FRAMES);
	assert_int_equal(directory->chunks_count, PACK_SAMPLE_CHUNKS);
	for (size_t i = 0; i < PACK_SAMPLE_FRAMES; i++) {
		assert_int_equal(directory->frames[i].offset, offset);
		assert_int_equal(directory->frames[i].stored_size, sample->frames[i].stored_size);
		assert_int_equal(directory->frames[i].raw_size, pack_sample_frame_sizes[i]);
		assert_int_equal(directory->frames[i].codec, sample->frames[i].codec);
		offset += sample->frames[i].stored_size + TAG_SIZE;
	}
	for (size_t i = 0; i < PACK_SAMPLE_CHUNKS; i++) {
		assert_memory_equal(directory->chunks[i].key, sample->chunks[i].id, CHUNK_KEY_SIZE);
		assert_int_equal(directory->chunks[i].length, pack_sample_chunk_sizes[i]);
		assert_int_equal(directory->chunks[i].type, sample->chunks[i].type);
	}
}

static void check_round_trip(struct pack_sample *sample, enum pack_type type)
{
	struct target *target = NULL;
	struct pack_key key;
	struct directory directory = {0};
	struct frame_decompressor *decompressor = NULL;
	uint8_t raw[PACK_SAMPLE_RAW], hash[HASH_SIZE];
	struct object_name name = object_pack(sample->pack->id);

	assert_int_equal(sha256(sample->pack->bytes, sample->pack->size, hash), ERR_OK);
	assert_memory_equal(hash, sample->pack->id, HASH_SIZE);
	assert_directory(sample, &sample->pack->directory, type);
	assert_int_equal(
	    pack_check(sample->pack->bytes, sample->pack->size, sample->keys, sample->pack->id, &directory), ERR_OK);
	assert_directory(sample, &directory, type);
	directory_free(&directory);
	assert_int_equal(
	    pack_check(sample->pack->bytes, sample->pack->size, sample->keys, sample->pack->id, NULL), ERR_OK);

	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(target_put(target, name.text, sample->pack->bytes, sample->pack->size), ERR_OK);
	assert_int_equal(pack_read_directory(target, sample->keys, sample->pack->id, &key, &directory), ERR_OK);
	assert_int_equal(memory_target_calls(target, MEMORY_READ), 3);
	assert_directory(sample, &directory, type);
	assert_int_equal(key.suite, sample->keys->suite);
	assert_int_equal(key.type, type);
	assert_memory_equal(key.domain, sample->keys->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(frame_decompressor_new(&decompressor), ERR_OK);
	for (uint32_t i = 0; i < PACK_SAMPLE_FRAMES; i++) {
		const struct directory_frame *frame = &directory.frames[i];

		assert_int_equal(pack_open_frame(&key, decompressor, i, frame->codec,
				     sample->bytes.data + frame->offset, frame->stored_size, raw, frame->raw_size),
		    ERR_OK);
		assert_memory_equal(raw, sample->raw[i], pack_sample_frame_sizes[i]);
	}
	frame_decompressor_free(decompressor);
	directory_free(&directory);
	target_free(target);
}

static void test_round_trip(void **state)
{
	struct pack_sample *sample = *state;

	check_round_trip(sample, PACK_DATA);
}

static void test_round_trip_metadata(void **state)
{
	check_round_trip(*state, PACK_METADATA);
}

static void test_header_bytes(void **state)
{
	struct pack_sample *sample = *state;
	const uint8_t *header = sample->pack->bytes;
	static const uint8_t none[16];

	assert_memory_equal(header, "PULIHPAK\x01\x00\x01\x01\x00\x00\x00\x00", 16);
	assert_memory_equal(header + 16, sample->keys->repository, 16);
	assert_memory_equal(header + 32, sample->keys->domain.tag, 16);
	assert_memory_equal(header + 112, none, 16);
	assert_memory_equal(header + sample->pack->size - 8, "PULIHEND", 8);
}

/* A pack that another program made, from the description in the header: the format is frozen. */
static void test_frozen(void **state)
{
	static const char hex[] =
	    "50554c494850414b010001010000000001010101010101010101010101010101020202020202020202020202020202025dfe"
	    "dd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22ce7ae3a2c04cc51657fb43b5d324ace8e322bbeb"
	    "fc002020a621bf7dafd5121c000000000000000000000000000000002dbf478dc5989ed1d2cf0cc55b78532651b53923bc53"
	    "77ac507c8288045df4f32514eeaa728f105855e6ecd2394f9adfaa51a03278f2f721efd3e78fee5a1fd189b7990ee277c116"
	    "156a444b9cddb6b808294ef51a251b86320574b3929a650dae2a2a150884eca583c34903386797d731f13191b0ef774f4a8c"
	    "ee8e10d2f9562615e20960862174130427111f27e1f0e95c3ed14db1c4c3b8d450554c4948454e44";
	struct keys *keys = keys_new();
	struct frame_decompressor *decompressor = NULL;
	struct directory directory = {0};
	struct pack_key key;
	struct pack_proof proof = {.id_key = keys->domain.id_key};
	uint8_t bytes[sizeof(hex) / 2], raw[5];

	(void)state;
	memset(keys->repository, 1, sizeof(keys->repository));
	memset(keys->read_private, 4, KEY_SIZE);
	memset(keys->shared, 5, KEY_SIZE);
	memset(keys->domain.id_key, 6, KEY_SIZE);
	keys->full = true;
	assert_true(hex_decode(bytes, sizeof(bytes), hex));
	assert_int_equal(pack_key_from_header(&key, keys, bytes), ERR_OK);
	assert_int_equal(key.domain[0], 2);
	assert_int_equal(pack_check_contents(&key, bytes, sizeof(bytes), &proof, &directory), ERR_OK);
	assert_int_equal(directory.frames_count, 2);
	assert_int_equal(directory.chunks_count, 3);
	assert_int_equal(frame_decompressor_new(&decompressor), ERR_OK);
	assert_int_equal(
	    pack_open_frame(&key, decompressor, 0, CODEC_STORED, bytes + PACK_HEADER_SIZE, 5, raw, 5), ERR_OK);
	assert_memory_equal(raw, "Pulih", 5);
	frame_decompressor_free(decompressor);
	directory_free(&directory);
	keys_free(keys);
}

static void test_padding(void **state)
{
	/* From the paper's algorithm, by hand: 9 = 1001b keeps 2 bits + 1, so it becomes 10; 2^20 + 1 keeps 5 bits. */
	static const uint64_t known[][2] = {{0, 0}, {1, 1}, {2, 2}, {8, 8}, {9, 10}, {10, 10}, {11, 12}, {100, 104},
	    {1000, 1024}, {1 << 20, 1 << 20}, {(1 << 20) + 1, (1 << 20) + (1 << 15)}, {33554432, 33554432},
	    {33554433, 34603008}, {PACK_MAX, PACK_MAX}, {PACK_MAX - 1, PACK_MAX}};
	struct pack_sample *sample = *state;
	size_t padded = sample->pack->size, plain;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_int_equal(pack_padded_size(known[i][0]), known[i][1]);
	assert_int_equal(pack_sample_write(sample, sample->keys, PACK_DATA, false), ERR_OK);
	plain = sample->pack->size;
	assert_true(padded > plain);
	assert_int_equal(padded, pack_padded_size(plain));
	check_round_trip(sample, PACK_DATA);
}

static void test_equal_content_differs(void **state)
{
	struct pack_sample *sample = *state;
	struct buffer first = {0};
	size_t same = 0;

	buffer_swap(&first, &sample->bytes);
	assert_int_equal(pack_sample_write(sample, sample->keys, PACK_DATA, true), ERR_OK);
	assert_int_equal(first.length, sample->bytes.length);
	assert_memory_not_equal(first.data + 48, sample->bytes.data + 48, 32);
	assert_memory_not_equal(first.data + 80, sample->bytes.data + 80, 32);
	for (size_t i = PACK_HEADER_SIZE; i < first.length; i++)
		same += first.data[i] == sample->bytes.data[i];
	assert_true(same < first.length / 50);
	buffer_free(&first);
}

/* ---- keys ---- */

static void test_wrong_keys(void **state)
{
	struct pack_sample *sample = *state;
	struct keys *other = pack_sample_keys(1, 9, SUITE_AES_256_GCM);
	struct pack_key key;

	failure_clear();
	assert_int_equal(pack_key_from_header(&key, sample->backup, sample->bytes.data), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_int_equal(pack_key_from_header(&key, sample->stranger, sample->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_PACK_BROKEN);
	assert_int_equal(pack_key_from_header(&key, other, sample->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	/* The read key alone does not open it: the pre-shared secret is needed too. */
	memset(sample->keys->shared, 7, KEY_SIZE);
	assert_int_equal(pack_key_from_header(&key, sample->keys, sample->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	keys_free(other);
}

/* Two results of pack_open_frame that the index may provoke: lengths that no frame has. */
static void test_frame_lengths(void **state)
{
	struct pack_sample *sample = *state;
	struct frame_decompressor *decompressor = NULL;
	struct pack_key key;
	uint8_t raw[PACK_SAMPLE_RAW];

	assert_int_equal(frame_decompressor_new(&decompressor), ERR_OK);
	assert_int_equal(pack_key_from_header(&key, sample->keys, sample->bytes.data), ERR_OK);
	assert_int_equal(pack_open_frame(&key, decompressor, 0, CODEC_STORED, sample->bytes.data, FRAME_RAW_MAX + 1,
			     raw, PACK_SAMPLE_RAW),
	    ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_FRAME_BROKEN);
	assert_int_equal(
	    pack_open_frame(&key, decompressor, 0, CODEC_STORED, sample->bytes.data, 10, raw, FRAME_RAW_MAX + 1),
	    ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_FRAME_BROKEN);
	assert_int_equal(pack_open_frame(&key, decompressor, 1, CODEC_ZSTD,
			     sample->bytes.data + sample->pack->directory.frames[1].offset, 700, raw, 700),
	    ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_FRAME_BROKEN);
	frame_decompressor_free(decompressor);
}

static void refuse_read(struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    enum message message, enum err kind)
{
	struct directory directory = {0};
	struct pack_key key;

	failure_clear();
	assert_int_equal(pack_read_directory(target, keys, id, &key, &directory), kind);
	assert_int_equal(failure_last()->id, message);
	if (message != PL_KEY_FULL || kind != ERR_KEY)
		assert_non_null(strstr(failure_last()->text, object_pack(id).text));
	assert_null(directory.frames);
}

static void test_read_directory(void **state)
{
	struct pack_sample *sample = *state;
	struct object_name name = object_pack(sample->pack->id);
	const uint8_t *id = sample->pack->id;
	size_t size = sample->pack->size, directory = (size_t)sample->pack->directory.frames[2].offset + 716;
	struct target *target = NULL;

	assert_int_equal(memory_target_new(&target), ERR_OK);
	refuse_read(target, sample->keys, id, PL_OBJECT_MISSING, ERR_MISSING);
	assert_int_equal(target_put(target, name.text, sample->pack->bytes, size), ERR_OK);
	refuse_read(target, sample->backup, id, PL_KEY_FULL, ERR_KEY);
	refuse_read(target, sample->stranger, id, PL_PACK_BROKEN, ERR_CORRUPT);
	for (unsigned long n = 1; n <= 3; n++) {
		memory_target_fail(target, MEMORY_READ, n, PL_TARGET_READ, false);
		refuse_read(target, sample->keys, id, PL_TARGET_READ, ERR_IO);
	}
	memory_target_fail(target, MEMORY_READ, 0, PL_TARGET_READ, false);
	assert_true(memory_target_corrupt(target, name.text, 90, 1));
	refuse_read(target, sample->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, 90, 1));
	assert_true(memory_target_corrupt(target, name.text, directory, 1));
	refuse_read(target, sample->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, directory, 1));
	assert_true(memory_target_corrupt(target, name.text, size - 10, 1));
	refuse_read(target, sample->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, size - 10, 1));
	assert_true(memory_target_resize(target, name.text, size - 1));
	refuse_read(target, sample->keys, id, PL_PACK_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_resize(target, name.text, PACK_HEADER_SIZE + PACK_TRAILER_SIZE - 1));
	refuse_read(target, sample->keys, id, PL_OBJECT_SHORT, ERR_CORRUPT);
	assert_true(memory_target_resize(target, name.text, PACK_MAX + 1));
	refuse_read(target, sample->keys, id, PL_OBJECT_SIZE, ERR_CORRUPT);
	target_free(target);
}

#define test(name) cmocka_unit_test_setup_teardown(name, pack_sample_up, pack_sample_down)
#define test_metadata(name) cmocka_unit_test_setup_teardown(name, pack_sample_metadata_up, pack_sample_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_round_trip),
	    test_metadata(test_round_trip_metadata),
	    test(test_header_bytes),
	    cmocka_unit_test(test_frozen),
	    test(test_padding),
	    test(test_equal_content_differs),
	    test(test_wrong_keys),
	    test(test_frame_lengths),
	    test(test_read_directory),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
