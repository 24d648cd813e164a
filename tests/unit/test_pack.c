/* Packs: there and back, every field of header, frames, directory and trailer broken once, the self-check. */
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "core/repo/object.h"
#include "core/repo/pack_internal.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 3u
#define CHUNKS 5u
#define RAW_MAX 3000u

/* Frame 0: two chunks, compressed. 1: one chunk, stored. 2: two chunks, stored, as long as frame 1. */
static const uint32_t frame_sizes[FRAMES] = {3000, 700, 700};
static const uint32_t frame_chunks[FRAMES] = {2, 1, 2};
static const uint32_t chunk_sizes[CHUNKS] = {1000, 2000, 700, 300, 400};

struct fixture {
	struct keys *keys, *backup, *stranger;
	struct pack_writer *writer;
	const struct pack *pack;
	struct buffer bytes; /* a copy of the pack, to be damaged */
	struct pack_chunk chunks[CHUNKS];
	uint8_t raw[FRAMES][RAW_MAX];
	struct buffer stored[FRAMES];
	struct pack_frame frames[FRAMES];
};

static struct keys *make_keys(uint8_t repository, uint8_t secret, int suite)
{
	struct keys *keys = keys_new();
	uint8_t id[REPOSITORY_ID_SIZE], root[KEY_SIZE];

	assert_non_null(keys);
	memset(id, repository, sizeof(id));
	memset(root, secret, sizeof(root));
	assert_int_equal(keys_from_root(keys, id, suite, root, "host"), ERR_OK);
	return keys;
}

static void make_frames(struct fixture *fixture, enum pack_type type)
{
	struct frame_compressor *compressor = NULL;
	struct hmac *hasher = NULL;
	size_t chunk = 0;

	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	assert_int_equal(hasher_new(&hasher, fixture->keys->domain.id_key), ERR_OK);
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct pack_frame *frame = &fixture->frames[i];
		uint32_t offset = 0;

		random_bytes(i, fixture->raw[i], frame_sizes[i]);
		if (i == 0)
			memset(fixture->raw[0] + 100, 'a', 1500);
		assert_int_equal(
		    frame_compress(compressor, fixture->raw[i], frame_sizes[i], &fixture->stored[i], &frame->codec),
		    ERR_OK);
		assert_int_equal(frame->codec, i == 0 ? CODEC_ZSTD : CODEC_STORED);
		if (i > 0)
			assert_int_equal(buffer_append(&fixture->stored[i], fixture->raw[i], frame_sizes[i]), ERR_OK);
		frame->stored = fixture->stored[i].data;
		frame->stored_size = (uint32_t)fixture->stored[i].length;
		frame->raw_size = frame_sizes[i];
		frame->chunks = &fixture->chunks[chunk];
		frame->chunks_count = frame_chunks[i];
		for (uint32_t j = 0; j < frame_chunks[i]; j++, chunk++) {
			struct pack_chunk *at = &fixture->chunks[chunk];

			at->length = chunk_sizes[chunk];
			at->type = (uint8_t)(type == PACK_DATA ? CHUNK_DATA : CHUNK_NODE + j);
			assert_int_equal(
			    hasher_id(hasher, at->type, fixture->raw[i] + offset, at->length, at->id), ERR_OK);
			at->sum = hasher_sum(at->type, at->id, fixture->raw[i] + offset, at->length);
			offset += at->length;
		}
	}
	hasher_free(hasher);
	frame_compressor_free(compressor);
}

static enum err write_pack(struct fixture *fixture, const struct keys *keys, enum pack_type type, bool padded)
{
	enum err err;

	pack_writer_free(fixture->writer, NULL);
	fixture->writer = NULL;
	buffer_clear(&fixture->bytes);
	err = pack_writer_new(&fixture->writer, keys, type, NULL);
	for (size_t i = 0; err == ERR_OK && i < FRAMES; i++)
		err = pack_writer_add(fixture->writer, &fixture->frames[i]);
	if (err == ERR_OK)
		err = pack_writer_finish(fixture->writer, padded, &fixture->pack);
	if (err == ERR_OK)
		err = pack_writer_check(fixture->writer);
	return err == ERR_OK ? buffer_append(&fixture->bytes, fixture->pack->bytes, fixture->pack->size) : err;
}

static int setup_type(void **state, enum pack_type type, int suite)
{
	struct fixture *fixture = mem_calloc(1, sizeof(*fixture));

	*state = fixture;
	fixture->keys = make_keys(1, 2, suite);
	fixture->stranger = make_keys(3, 2, suite);
	fixture->backup = make_keys(1, 2, suite);
	fixture->backup->full = false;
	memset(fixture->backup->root, 0, KEY_SIZE);
	memset(fixture->backup->read_private, 0, KEY_SIZE);
	make_frames(fixture, type);
	assert_int_equal(write_pack(fixture, fixture->backup, type, true), ERR_OK);
	return 0;
}

static int setup(void **state)
{
	return setup_type(state, PACK_DATA, SUITE_AES_256_GCM);
}

static int setup_metadata(void **state)
{
	return setup_type(state, PACK_METADATA, SUITE_CHACHA20_POLY1305);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	pack_writer_free(fixture->writer, NULL);
	buffer_free(&fixture->bytes);
	for (size_t i = 0; i < FRAMES; i++)
		buffer_free(&fixture->stored[i]);
	keys_free(fixture->keys);
	keys_free(fixture->backup);
	keys_free(fixture->stranger);
	mem_free(fixture);
	return 0;
}

/* ---- there and back ---- */

static void assert_directory(const struct fixture *fixture, const struct directory *directory, enum pack_type type)
{
	uint64_t offset = PACK_HEADER_SIZE;

	assert_int_equal(directory->type, type);
	assert_int_equal(directory->frames_count, FRAMES);
	assert_int_equal(directory->chunks_count, CHUNKS);
	for (size_t i = 0; i < FRAMES; i++) {
		assert_int_equal(directory->frames[i].offset, offset);
		assert_int_equal(directory->frames[i].stored_size, fixture->frames[i].stored_size);
		assert_int_equal(directory->frames[i].raw_size, frame_sizes[i]);
		assert_int_equal(directory->frames[i].codec, fixture->frames[i].codec);
		offset += fixture->frames[i].stored_size + TAG_SIZE;
	}
	for (size_t i = 0; i < CHUNKS; i++) {
		assert_memory_equal(directory->chunks[i].key, fixture->chunks[i].id, CHUNK_KEY_SIZE);
		assert_int_equal(directory->chunks[i].length, chunk_sizes[i]);
		assert_int_equal(directory->chunks[i].type, fixture->chunks[i].type);
	}
}

static void check_round_trip(struct fixture *fixture, enum pack_type type)
{
	struct target *target = NULL;
	struct pack_key key;
	struct directory directory = {0};
	struct frame_decompressor *decompressor = NULL;
	uint8_t raw[RAW_MAX], hash[HASH_SIZE];
	struct object_name name = object_pack(fixture->pack->id);

	assert_int_equal(sha256(fixture->pack->bytes, fixture->pack->size, hash), ERR_OK);
	assert_memory_equal(hash, fixture->pack->id, HASH_SIZE);
	assert_directory(fixture, &fixture->pack->directory, type);
	assert_int_equal(
	    pack_check(fixture->pack->bytes, fixture->pack->size, fixture->keys, fixture->pack->id, &directory),
	    ERR_OK);
	assert_directory(fixture, &directory, type);
	directory_free(&directory);
	assert_int_equal(
	    pack_check(fixture->pack->bytes, fixture->pack->size, fixture->keys, fixture->pack->id, NULL), ERR_OK);

	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(target_put(target, name.text, fixture->pack->bytes, fixture->pack->size), ERR_OK);
	assert_int_equal(pack_read_directory(target, fixture->keys, fixture->pack->id, &key, &directory), ERR_OK);
	assert_int_equal(memory_target_calls(target, MEMORY_READ), 3);
	assert_directory(fixture, &directory, type);
	assert_int_equal(key.suite, fixture->keys->suite);
	assert_int_equal(key.type, type);
	assert_memory_equal(key.domain, fixture->keys->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(frame_decompressor_new(&decompressor), ERR_OK);
	for (uint32_t i = 0; i < FRAMES; i++) {
		const struct directory_frame *frame = &directory.frames[i];

		assert_int_equal(pack_open_frame(&key, decompressor, i, frame->codec,
				     fixture->bytes.data + frame->offset, frame->stored_size, raw, frame->raw_size),
		    ERR_OK);
		assert_memory_equal(raw, fixture->raw[i], frame_sizes[i]);
	}
	frame_decompressor_free(decompressor);
	directory_free(&directory);
	target_free(target);
}

static void test_round_trip(void **state)
{
	struct fixture *fixture = *state;

	check_round_trip(fixture, PACK_DATA);
}

static void test_round_trip_metadata(void **state)
{
	check_round_trip(*state, PACK_METADATA);
}

static void test_header_bytes(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *header = fixture->pack->bytes;
	static const uint8_t none[16];

	assert_memory_equal(header, "PULIHPAK\x01\x00\x01\x01\x00\x00\x00\x00", 16);
	assert_memory_equal(header + 16, fixture->keys->repository, 16);
	assert_memory_equal(header + 32, fixture->keys->domain.tag, 16);
	assert_memory_equal(header + 112, none, 16);
	assert_memory_equal(header + fixture->pack->size - 8, "PULIHEND", 8);
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
	struct fixture *fixture = *state;
	size_t padded = fixture->pack->size, plain;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_int_equal(pack_padded_size(known[i][0]), known[i][1]);
	assert_int_equal(write_pack(fixture, fixture->keys, PACK_DATA, false), ERR_OK);
	plain = fixture->pack->size;
	assert_true(padded > plain);
	assert_int_equal(padded, pack_padded_size(plain));
	check_round_trip(fixture, PACK_DATA);
}

static void test_equal_content_differs(void **state)
{
	struct fixture *fixture = *state;
	struct buffer first = {0};
	size_t same = 0;

	buffer_swap(&first, &fixture->bytes);
	assert_int_equal(write_pack(fixture, fixture->keys, PACK_DATA, true), ERR_OK);
	assert_int_equal(first.length, fixture->bytes.length);
	assert_memory_not_equal(first.data + 48, fixture->bytes.data + 48, 32);
	assert_memory_not_equal(first.data + 80, fixture->bytes.data + 80, 32);
	for (size_t i = PACK_HEADER_SIZE; i < first.length; i++)
		same += first.data[i] == fixture->bytes.data[i];
	assert_true(same < first.length / 50);
	buffer_free(&first);
}

/* ---- damage ---- */

/* The damaged bytes, under the name that they then have: only what is inside can be wrong. */
static void refuse(struct fixture *fixture, enum message id)
{
	struct directory directory = {0};
	uint8_t hash[HASH_SIZE];
	enum err err;

	failure_clear();
	assert_int_equal(sha256(fixture->bytes.data, fixture->bytes.length, hash), ERR_OK);
	err = pack_check(fixture->bytes.data, fixture->bytes.length, fixture->keys, hash, &directory);
	assert_int_equal(failure_last()->id, id);
	assert_int_equal(err, message_find((int)id)->kind);
	assert_non_null(strstr(failure_last()->text, object_pack(hash).text));
	assert_null(directory.frames);
}

static void refuse_flip(struct fixture *fixture, size_t offset, uint8_t mask, enum message id)
{
	fixture->bytes.data[offset] ^= mask;
	refuse(fixture, id);
	fixture->bytes.data[offset] ^= mask;
}

static void test_name(void **state)
{
	struct fixture *fixture = *state;

	for (size_t at = 0; at < fixture->bytes.length; at += 97) {
		fixture->bytes.data[at] ^= 1;
		failure_clear();
		assert_int_equal(
		    pack_check(fixture->bytes.data, fixture->bytes.length, fixture->keys, fixture->pack->id, NULL),
		    ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_PACK_BROKEN);
		fixture->bytes.data[at] ^= 1;
	}
	assert_int_equal(
	    pack_check(fixture->bytes.data, fixture->bytes.length, fixture->keys, fixture->pack->id, NULL), ERR_OK);
}

static void test_header_fields(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		size_t from, to;
		enum message id;
	} fields[] = {{0, 8, PL_PACK_BROKEN}, {8, 10, PL_FORMAT_VERSION}, {10, 11, PL_SUITE},
	    {11, 12, PL_FORMAT_VERSION}, {12, 16, PL_FORMAT_VERSION}, {16, 32, PL_PACK_BROKEN},
	    {32, 48, PL_SEAL_BROKEN}, {48, 80, PL_SEAL_BROKEN}, {80, 112, PL_SEAL_BROKEN},
	    {112, 128, PL_FORMAT_VERSION}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		for (size_t at = fields[i].from; at < fields[i].to; at++)
			refuse_flip(fixture, at, 0x40, fields[i].id);
	/* The other suite and the other type are known, and not what the commitment was made for. */
	refuse_flip(fixture, 10, SUITE_AES_256_GCM ^ SUITE_CHACHA20_POLY1305, PL_SEAL_BROKEN);
	refuse_flip(fixture, 11, PACK_DATA ^ PACK_METADATA, PL_SEAL_BROKEN);
	/* A public key of small order gives a secret that everybody knows. */
	memset(fixture->bytes.data + 48, 0, 32);
	refuse(fixture, PL_SEAL_BROKEN);
}

static void test_sealed_bytes(void **state)
{
	struct fixture *fixture = *state;
	size_t end = fixture->bytes.length - PACK_MAGIC_SIZE;

	for (size_t at = PACK_HEADER_SIZE; at < end; at += at + 700 < end ? 13 : 1)
		refuse_flip(fixture, at, 0x01, PL_SEAL_BROKEN);
	for (size_t at = end; at < fixture->bytes.length; at++)
		refuse_flip(fixture, at, 0x01, PL_PACK_BROKEN);
}

static void test_moved_frames(void **state)
{
	struct fixture *fixture = *state;
	size_t first = (size_t)fixture->pack->directory.frames[1].offset,
	       second = (size_t)fixture->pack->directory.frames[2].offset;
	size_t size = second - first;
	uint8_t kept[1024];

	/* Frames 1 and 2 have the same length and change places. */
	memcpy(kept, fixture->bytes.data + first, size);
	memcpy(fixture->bytes.data + first, fixture->bytes.data + second, size);
	memcpy(fixture->bytes.data + second, kept, size);
	refuse(fixture, PL_SEAL_BROKEN);
	/* One of them twice. */
	memcpy(fixture->bytes.data + first, kept, size);
	memcpy(fixture->bytes.data + second, kept, size);
	refuse(fixture, PL_SEAL_BROKEN);
	/* One from another pack of the same content. */
	assert_int_equal(write_pack(fixture, fixture->keys, PACK_DATA, true), ERR_OK);
	memcpy(fixture->bytes.data + first, kept, size);
	refuse(fixture, PL_SEAL_BROKEN);
}

static void test_lengths(void **state)
{
	struct fixture *fixture = *state;
	size_t size = fixture->bytes.length;
	const size_t shorter[] = {0, 1, PACK_HEADER_SIZE, PACK_HEADER_SIZE + PACK_TRAILER_SIZE - 1, size / 2, size - 1};

	for (size_t i = 0; i < sizeof(shorter) / sizeof(*shorter); i++) {
		fixture->bytes.length = shorter[i];
		refuse(fixture, PL_PACK_BROKEN);
	}
	fixture->bytes.length = size;
	assert_int_equal(buffer_append(&fixture->bytes, "", 1), ERR_OK);
	refuse(fixture, PL_PACK_BROKEN);
	/* A frame taken out, the rest in place. */
	fixture->bytes.length = size - 716;
	memmove(fixture->bytes.data + PACK_HEADER_SIZE, fixture->bytes.data + PACK_HEADER_SIZE + 716,
	    size - PACK_HEADER_SIZE - 716);
	refuse(fixture, PL_PACK_BROKEN);
}

/* ---- what authenticates, and is wrong: only the holder of the keys could make it ---- */

struct forgery {
	struct pack_key key;
	struct aead *aead;
	uint8_t trailer[PACK_TRAILER_PLAIN_SIZE];
	size_t directory_offset, directory_size; /* plain */
	uint8_t *directory;			 /* plain, in place */
};

static void forgery_open(struct fixture *fixture, struct forgery *forgery)
{
	uint8_t *bytes = fixture->bytes.data;
	struct pack_associated associated;

	assert_int_equal(pack_key_from_header(&forgery->key, fixture->keys, bytes), ERR_OK);
	assert_int_equal(aead_new(&forgery->aead, forgery->key.suite, forgery->key.key), ERR_OK);
	associated = pack_associated(bytes, PACK_TRAILER, UINT64_MAX);
	assert_int_equal(aead_open(forgery->aead, UINT64_MAX, associated.bytes, sizeof(associated.bytes),
			     bytes + fixture->bytes.length - PACK_TRAILER_SIZE, 32, forgery->trailer),
	    ERR_OK);
	forgery->directory_offset = load_u64(forgery->trailer);
	forgery->directory_size = load_u32(forgery->trailer + 8) - TAG_SIZE;
	assert_int_equal(load_u32(forgery->trailer + 12), FRAMES);
	forgery->directory = bytes + forgery->directory_offset;
	associated = pack_associated(bytes, PACK_DIRECTORY, UINT64_MAX - 1);
	assert_int_equal(aead_open(forgery->aead, UINT64_MAX - 1, associated.bytes, sizeof(associated.bytes),
			     forgery->directory, forgery->directory_size + TAG_SIZE, forgery->directory),
	    ERR_OK);
}

static void forgery_seal(struct fixture *fixture, struct forgery *forgery)
{
	uint8_t *bytes = fixture->bytes.data;
	struct pack_associated associated = pack_associated(bytes, PACK_DIRECTORY, UINT64_MAX - 1);

	assert_int_equal(aead_seal(forgery->aead, UINT64_MAX - 1, associated.bytes, sizeof(associated.bytes),
			     forgery->directory, forgery->directory_size, forgery->directory),
	    ERR_OK);
	associated = pack_associated(bytes, PACK_TRAILER, UINT64_MAX);
	assert_int_equal(
	    aead_seal(forgery->aead, UINT64_MAX, associated.bytes, sizeof(associated.bytes), forgery->trailer,
		sizeof(forgery->trailer), bytes + fixture->bytes.length - PACK_TRAILER_SIZE),
	    ERR_OK);
	aead_free(forgery->aead);
}

static void refuse_trailer(struct fixture *fixture, size_t at, uint8_t mask, enum message id)
{
	struct forgery forgery;

	forgery_open(fixture, &forgery);
	forgery.trailer[at] ^= mask;
	forgery_seal(fixture, &forgery);
	refuse(fixture, id);
	/* Back to the pack as it was. */
	memcpy(fixture->bytes.data, fixture->pack->bytes, fixture->pack->size);
}

static void test_trailer_fields(void **state)
{
	struct fixture *fixture = *state;

	refuse_trailer(fixture, 0, 1, PL_PACK_BROKEN);
	refuse_trailer(fixture, 7, 0x80, PL_PACK_BROKEN);
	refuse_trailer(fixture, 8, 1, PL_PACK_BROKEN);
	refuse_trailer(fixture, 11, 0x80, PL_PACK_BROKEN);
	refuse_trailer(fixture, 12, 1, PL_DIRECTORY_BROKEN);
	refuse_trailer(fixture, 15, 0x80, PL_DIRECTORY_BROKEN);
}

static void refuse_directory(struct fixture *fixture, size_t at, uint8_t value, enum message id)
{
	struct forgery forgery;

	forgery_open(fixture, &forgery);
	assert_true(at < forgery.directory_size);
	assert_int_not_equal(forgery.directory[at], value);
	forgery.directory[at] = value;
	forgery_seal(fixture, &forgery);
	refuse(fixture, id);
	memcpy(fixture->bytes.data, fixture->pack->bytes, fixture->pack->size);
}

static void test_directory_fields(void **state)
{
	struct fixture *fixture = *state;
	struct buffer directory = {0};
	struct forgery forgery;
	size_t keys, lengths, size;

	assert_int_equal(directory_encode(&fixture->pack->directory, &directory), ERR_OK);
	size = directory.length;
	buffer_free(&directory);
	lengths = size - 10; /* five varints of two bytes */
	keys = lengths - CHUNKS * CHUNK_KEY_SIZE;

	forgery_open(fixture, &forgery);
	assert_int_equal(forgery.directory[0], FRAMES);
	assert_int_equal(forgery.directory[lengths], 1000 % 128 | 128);
	assert_true(forgery.directory_size > size);
	aead_free(forgery.aead);
	memcpy(fixture->bytes.data, fixture->pack->bytes, fixture->pack->size);

	refuse_directory(fixture, 0, FRAMES - 1, PL_DIRECTORY_BROKEN);
	refuse_directory(fixture, 5, 7, PL_CODEC);
	refuse_directory(fixture, keys, (uint8_t)(fixture->chunks[0].id[0] ^ 1), PL_CHUNK_BROKEN);
	refuse_directory(
	    fixture, keys + CHUNKS * CHUNK_KEY_SIZE - 1, (uint8_t)(fixture->chunks[4].id[15] ^ 1), PL_CHUNK_BROKEN);
	refuse_directory(fixture, lengths, 999 % 128 | 128, PL_DIRECTORY_BROKEN);
	refuse_directory(fixture, size, 1, PL_DIRECTORY_BROKEN);
	refuse_directory(fixture, forgery.directory_size - 1, 1, PL_DIRECTORY_BROKEN);

	/* One byte of chunk 0 goes to chunk 1: every sum is right. */
	forgery_open(fixture, &forgery);
	forgery.directory[lengths] = 999 % 128 | 128;
	forgery.directory[lengths + 2] = 2001 % 128 | 128;
	forgery_seal(fixture, &forgery);
	refuse(fixture, PL_CHUNK_BROKEN);
}

/* A frame one byte shorter than it is: the frames no longer fill the space up to the directory. */
static void test_directory_offsets(void **state)
{
	struct fixture *fixture = *state;
	struct directory *directory = (struct directory *)(uintptr_t)&fixture->pack->directory;
	struct buffer encoded = {0};
	struct forgery forgery;

	directory->frames[0].stored_size--;
	assert_int_equal(directory_encode(directory, &encoded), ERR_OK);
	directory->frames[0].stored_size++;
	forgery_open(fixture, &forgery);
	memcpy(forgery.directory, encoded.data, encoded.length);
	forgery_seal(fixture, &forgery);
	refuse(fixture, PL_DIRECTORY_BROKEN);
	buffer_free(&encoded);
}

/* ---- keys ---- */

static void test_wrong_keys(void **state)
{
	struct fixture *fixture = *state;
	struct keys *other = make_keys(1, 9, SUITE_AES_256_GCM);
	struct pack_key key;

	failure_clear();
	assert_int_equal(pack_key_from_header(&key, fixture->backup, fixture->bytes.data), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_int_equal(pack_key_from_header(&key, fixture->stranger, fixture->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_PACK_BROKEN);
	assert_int_equal(pack_key_from_header(&key, other, fixture->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	/* The read key alone does not open it: the pre-shared secret is needed too. */
	memset(fixture->keys->shared, 7, KEY_SIZE);
	assert_int_equal(pack_key_from_header(&key, fixture->keys, fixture->bytes.data), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	keys_free(other);
}

/* Two results of pack_open_frame that the index may provoke: lengths that no frame has. */
static void test_frame_lengths(void **state)
{
	struct fixture *fixture = *state;
	struct frame_decompressor *decompressor = NULL;
	struct pack_key key;
	uint8_t raw[RAW_MAX];

	assert_int_equal(frame_decompressor_new(&decompressor), ERR_OK);
	assert_int_equal(pack_key_from_header(&key, fixture->keys, fixture->bytes.data), ERR_OK);
	assert_int_equal(
	    pack_open_frame(&key, decompressor, 0, CODEC_STORED, fixture->bytes.data, FRAME_RAW_MAX + 1, raw, RAW_MAX),
	    ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_FRAME_BROKEN);
	assert_int_equal(
	    pack_open_frame(&key, decompressor, 0, CODEC_STORED, fixture->bytes.data, 10, raw, FRAME_RAW_MAX + 1),
	    ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_FRAME_BROKEN);
	assert_int_equal(pack_open_frame(&key, decompressor, 1, CODEC_ZSTD,
			     fixture->bytes.data + fixture->pack->directory.frames[1].offset, 700, raw, 700),
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
	struct fixture *fixture = *state;
	struct object_name name = object_pack(fixture->pack->id);
	const uint8_t *id = fixture->pack->id;
	size_t size = fixture->pack->size, directory = (size_t)fixture->pack->directory.frames[2].offset + 716;
	struct target *target = NULL;

	assert_int_equal(memory_target_new(&target), ERR_OK);
	refuse_read(target, fixture->keys, id, PL_OBJECT_MISSING, ERR_MISSING);
	assert_int_equal(target_put(target, name.text, fixture->pack->bytes, size), ERR_OK);
	refuse_read(target, fixture->backup, id, PL_KEY_FULL, ERR_KEY);
	refuse_read(target, fixture->stranger, id, PL_PACK_BROKEN, ERR_CORRUPT);
	for (unsigned long n = 1; n <= 3; n++) {
		memory_target_fail(target, MEMORY_READ, n, PL_TARGET_READ, false);
		refuse_read(target, fixture->keys, id, PL_TARGET_READ, ERR_IO);
	}
	memory_target_fail(target, MEMORY_READ, 0, PL_TARGET_READ, false);
	assert_true(memory_target_corrupt(target, name.text, 90, 1));
	refuse_read(target, fixture->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, 90, 1));
	assert_true(memory_target_corrupt(target, name.text, directory, 1));
	refuse_read(target, fixture->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, directory, 1));
	assert_true(memory_target_corrupt(target, name.text, size - 10, 1));
	refuse_read(target, fixture->keys, id, PL_SEAL_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_corrupt(target, name.text, size - 10, 1));
	assert_true(memory_target_resize(target, name.text, size - 1));
	refuse_read(target, fixture->keys, id, PL_PACK_BROKEN, ERR_CORRUPT);
	assert_true(memory_target_resize(target, name.text, PACK_HEADER_SIZE + PACK_TRAILER_SIZE - 1));
	refuse_read(target, fixture->keys, id, PL_OBJECT_SHORT, ERR_CORRUPT);
	assert_true(memory_target_resize(target, name.text, PACK_MAX + 1));
	refuse_read(target, fixture->keys, id, PL_OBJECT_SIZE, ERR_CORRUPT);
	target_free(target);
}

/* ---- the self-check ---- */

static void refuse_finish(struct fixture *fixture)
{
	failure_clear();
	assert_int_equal(write_pack(fixture, fixture->backup, PACK_DATA, false), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_SELF_CHECK);
}

static void test_self_check(void **state)
{
	struct fixture *fixture = *state;

	/* A bit of an id, anywhere in the half that directories keep. */
	for (size_t at = 0; at < CHUNK_KEY_SIZE; at += 5) {
		fixture->chunks[3].id[at] ^= 4;
		refuse_finish(fixture);
		fixture->chunks[3].id[at] ^= 4;
	}
	/* A bit of the bytes, after they were hashed: stored, and compressed. */
	fixture->stored[1].data[333] ^= 1;
	refuse_finish(fixture);
	fixture->stored[1].data[333] ^= 1;
	for (size_t at = 0; at < fixture->stored[0].length; at += 50) {
		fixture->stored[0].data[at] ^= 16;
		refuse_finish(fixture);
		fixture->stored[0].data[at] ^= 16;
	}
	fixture->chunks[1].sum ^= 1;
	refuse_finish(fixture);
	fixture->chunks[1].sum ^= 1;
	fixture->chunks[1].length--;
	refuse_finish(fixture);
	fixture->chunks[1].length++;
	fixture->frames[0].raw_size--;
	refuse_finish(fixture);
	fixture->frames[0].raw_size++;
	fixture->frames[1].codec = CODEC_ZSTD;
	refuse_finish(fixture);
	fixture->frames[1].codec = 9;
	refuse_finish(fixture);
	fixture->frames[1].codec = CODEC_STORED;
	assert_int_equal(write_pack(fixture, fixture->backup, PACK_DATA, false), ERR_OK);
}

/* A bit that flips in the finished pack, before it is checked. */
static void test_self_check_finished(void **state)
{
	struct fixture *fixture = *state;
	struct pack_writer *writer;
	const struct pack *pack;
	size_t size;

	assert_int_equal(write_pack(fixture, fixture->backup, PACK_DATA, false), ERR_OK);
	size = fixture->pack->size;
	for (size_t at = PACK_HEADER_SIZE; at < size; at += 37) {
		assert_int_equal(pack_writer_new(&writer, fixture->backup, PACK_DATA, NULL), ERR_OK);
		for (size_t i = 0; i < FRAMES; i++)
			assert_int_equal(pack_writer_add(writer, &fixture->frames[i]), ERR_OK);
		assert_int_equal(pack_writer_finish(writer, false, &pack), ERR_OK);
		assert_int_equal(pack->size, size);
		((uint8_t *)(uintptr_t)pack->bytes)[at] ^= 1;
		failure_clear();
		assert_int_equal(pack_writer_check(writer), ERR_FAILED);
		assert_int_equal(failure_last()->id, PL_SELF_CHECK);
		pack_writer_free(writer, NULL);
	}
}

static void test_self_check_types(void **state)
{
	struct fixture *fixture = *state;

	fixture->chunks[1].type = CHUNK_LIST ^ CHUNK_NODE ^ fixture->chunks[1].type;
	failure_clear();
	assert_int_equal(write_pack(fixture, fixture->backup, PACK_METADATA, false), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_SELF_CHECK);
}

/* ---- limits ---- */

static void test_full(void **state)
{
	struct fixture *fixture = *state;
	struct pack_chunk chunk = {.length = FRAME_RAW_MAX, .type = CHUNK_DATA};
	struct pack_frame frame = {.stored_size = FRAME_RAW_MAX,
	    .raw_size = FRAME_RAW_MAX,
	    .codec = CODEC_STORED,
	    .chunks = &chunk,
	    .chunks_count = 1};
	struct pack_writer *writer = NULL;
	const size_t fit = PACK_TARGET / FRAME_RAW_MAX - 1; /* header, tags and directory take the room of the last */
	uint8_t *raw = mem_calloc(1, FRAME_RAW_MAX);
	enum err err;

	frame.stored = raw;
	assert_int_equal(pack_writer_new(&writer, fixture->keys, PACK_DATA, NULL), ERR_OK);
	assert_false(pack_writer_full(writer, FRAME_RAW_MAX)); /* an empty pack takes any frame */
	for (size_t i = 0; i < fit; i++) {
		assert_false(pack_writer_full(writer, FRAME_RAW_MAX));
		assert_int_equal(pack_writer_add(writer, &frame), ERR_OK);
	}
	assert_int_equal(pack_writer_frames(writer), fit);
	assert_true(pack_writer_full(writer, FRAME_RAW_MAX));
	assert_false(pack_writer_full(writer, FRAME_RAW_MAX / 2));
	while ((err = pack_writer_add(writer, &frame)) == ERR_OK)
		assert_true(pack_writer_frames(writer) < 32);
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_PACK_LIMIT);
	assert_int_equal(pack_writer_frames(writer), 31);
	pack_writer_free(writer, NULL);
	mem_free(raw);
}

static void test_no_memory(void **state)
{
	struct fixture *fixture = *state;
	struct target *target = NULL;
	struct object_name name = object_pack(fixture->pack->id);
	uint8_t id[OBJECT_ID_SIZE];
	enum err err = ERR_NOMEM;
	unsigned long n;

	memcpy(id, fixture->pack->id, sizeof(id));
	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(target_put(target, name.text, fixture->pack->bytes, fixture->pack->size), ERR_OK);
	for (n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = write_pack(fixture, fixture->backup, PACK_DATA, true);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_true(n > 15);
	err = ERR_NOMEM;
	for (n = 1; err != ERR_OK; n++) {
		struct directory directory = {0};
		struct pack_key key;

		mem_fail_at(n);
		err = pack_check(fixture->bytes.data, fixture->bytes.length, fixture->keys, fixture->pack->id, NULL);
		if (err == ERR_OK)
			err = pack_read_directory(target, fixture->keys, id, &key, &directory);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		directory_free(&directory);
	}
	assert_true(n > 15);
	target_free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_round_trip_metadata, setup_metadata, teardown),
	    cmocka_unit_test_setup_teardown(test_header_bytes, setup, teardown),
	    cmocka_unit_test(test_frozen),
	    cmocka_unit_test_setup_teardown(test_padding, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_equal_content_differs, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_header_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sealed_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_moved_frames, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_trailer_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_directory_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_directory_offsets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_keys, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_frame_lengths, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_read_directory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_self_check, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_self_check_finished, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_self_check_types, setup_metadata, teardown),
	    cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
