/* Packs: every field of header, frames, directory and trailer broken once. */
#include "core/repo/object.h"
#include "core/repo/pack_internal.h"
#include "tests/unit/pack_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The damaged bytes, under the name that they then have: only what is inside can be wrong. */
static void refuse(struct pack_sample *sample, enum message id)
{
	struct directory directory = {0};
	uint8_t hash[HASH_SIZE];
	enum err err;

	failure_clear();
	assert_int_equal(sha256(sample->bytes.data, sample->bytes.length, hash), ERR_OK);
	err = pack_check(sample->bytes.data, sample->bytes.length, sample->keys, hash, &directory);
	assert_int_equal(failure_last()->id, id);
	assert_int_equal(err, message_find((int)id)->kind);
	assert_non_null(strstr(failure_last()->text, object_pack(hash).text));
	assert_null(directory.frames);
}

static void refuse_flip(struct pack_sample *sample, size_t offset, uint8_t mask, enum message id)
{
	sample->bytes.data[offset] ^= mask;
	refuse(sample, id);
	sample->bytes.data[offset] ^= mask;
}

static void test_name(void **state)
{
	struct pack_sample *sample = *state;

	for (size_t at = 0; at < sample->bytes.length; at += 97) {
		sample->bytes.data[at] ^= 1;
		failure_clear();
		assert_int_equal(
		    pack_check(sample->bytes.data, sample->bytes.length, sample->keys, sample->pack->id, NULL),
		    ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_PACK_BROKEN);
		sample->bytes.data[at] ^= 1;
	}
	assert_int_equal(
	    pack_check(sample->bytes.data, sample->bytes.length, sample->keys, sample->pack->id, NULL), ERR_OK);
}

static void test_header_fields(void **state)
{
	struct pack_sample *sample = *state;
	static const struct {
		size_t from, to;
		enum message id;
	} fields[] = {{0, 8, PL_PACK_BROKEN}, {8, 10, PL_FORMAT_VERSION}, {10, 11, PL_SUITE},
	    {11, 12, PL_FORMAT_VERSION}, {12, 16, PL_FORMAT_VERSION}, {16, 32, PL_PACK_BROKEN},
	    {32, 48, PL_SEAL_BROKEN}, {48, 80, PL_SEAL_BROKEN}, {80, 112, PL_SEAL_BROKEN},
	    {112, 128, PL_FORMAT_VERSION}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		for (size_t at = fields[i].from; at < fields[i].to; at++)
			refuse_flip(sample, at, 0x40, fields[i].id);
	/* The other suite and the other type are known, and not what the commitment was made for. */
	refuse_flip(sample, 10, SUITE_AES_256_GCM ^ SUITE_CHACHA20_POLY1305, PL_SEAL_BROKEN);
	refuse_flip(sample, 11, PACK_DATA ^ PACK_METADATA, PL_SEAL_BROKEN);
	/* A public key of small order gives a secret that everybody knows. */
	memset(sample->bytes.data + 48, 0, 32);
	refuse(sample, PL_SEAL_BROKEN);
}

static void test_sealed_bytes(void **state)
{
	struct pack_sample *sample = *state;
	size_t end = sample->bytes.length - PACK_MAGIC_SIZE;

	for (size_t at = PACK_HEADER_SIZE; at < end; at += at + 700 < end ? 13 : 1)
		refuse_flip(sample, at, 0x01, PL_SEAL_BROKEN);
	for (size_t at = end; at < sample->bytes.length; at++)
		refuse_flip(sample, at, 0x01, PL_PACK_BROKEN);
}

static void test_moved_frames(void **state)
{
	struct pack_sample *sample = *state;
	size_t first = (size_t)sample->pack->directory.frames[1].offset,
	       second = (size_t)sample->pack->directory.frames[2].offset;
	size_t size = second - first;
	uint8_t kept[1024];

	/* Frames 1 and 2 have the same length and change places. */
	memcpy(kept, sample->bytes.data + first, size);
	memcpy(sample->bytes.data + first, sample->bytes.data + second, size);
	memcpy(sample->bytes.data + second, kept, size);
	refuse(sample, PL_SEAL_BROKEN);
	/* One of them twice. */
	memcpy(sample->bytes.data + first, kept, size);
	memcpy(sample->bytes.data + second, kept, size);
	refuse(sample, PL_SEAL_BROKEN);
	/* One from another pack of the same content. */
	assert_int_equal(pack_sample_write(sample, sample->keys, PACK_DATA, true), ERR_OK);
	memcpy(sample->bytes.data + first, kept, size);
	refuse(sample, PL_SEAL_BROKEN);
}

static void test_lengths(void **state)
{
	struct pack_sample *sample = *state;
	size_t size = sample->bytes.length;
	const size_t shorter[] = {0, 1, PACK_HEADER_SIZE, PACK_HEADER_SIZE + PACK_TRAILER_SIZE - 1, size / 2, size - 1};

	for (size_t i = 0; i < sizeof(shorter) / sizeof(*shorter); i++) {
		sample->bytes.length = shorter[i];
		refuse(sample, PL_PACK_BROKEN);
	}
	sample->bytes.length = size;
	assert_int_equal(buffer_append(&sample->bytes, "", 1), ERR_OK);
	refuse(sample, PL_PACK_BROKEN);
	/* A frame taken out, the rest in place. */
	sample->bytes.length = size - 716;
	memmove(sample->bytes.data + PACK_HEADER_SIZE, sample->bytes.data + PACK_HEADER_SIZE + 716,
	    size - PACK_HEADER_SIZE - 716);
	refuse(sample, PL_PACK_BROKEN);
}

/* ---- what authenticates, and is wrong: only the holder of the keys could make it ---- */

struct forgery {
	struct pack_key key;
	struct aead *aead;
	uint8_t trailer[PACK_TRAILER_PLAIN_SIZE];
	size_t directory_offset, directory_size; /* plain */
	uint8_t *directory;			 /* plain, in place */
};

static void forgery_open(struct pack_sample *sample, struct forgery *forgery)
{
	uint8_t *bytes = sample->bytes.data;
	struct pack_associated associated;

	assert_int_equal(pack_key_from_header(&forgery->key, sample->keys, bytes), ERR_OK);
	assert_int_equal(aead_new(&forgery->aead, forgery->key.suite, forgery->key.key), ERR_OK);
	associated = pack_associated(bytes, PACK_TRAILER, UINT64_MAX);
	assert_int_equal(aead_open(forgery->aead, UINT64_MAX, associated.bytes, sizeof(associated.bytes),
			     bytes + sample->bytes.length - PACK_TRAILER_SIZE, 32, forgery->trailer),
	    ERR_OK);
	forgery->directory_offset = load_u64(forgery->trailer);
	forgery->directory_size = load_u32(forgery->trailer + 8) - TAG_SIZE;
	assert_int_equal(load_u32(forgery->trailer + 12), PACK_SAMPLE_FRAMES);
	forgery->directory = bytes + forgery->directory_offset;
	associated = pack_associated(bytes, PACK_DIRECTORY, UINT64_MAX - 1);
	assert_int_equal(aead_open(forgery->aead, UINT64_MAX - 1, associated.bytes, sizeof(associated.bytes),
			     forgery->directory, forgery->directory_size + TAG_SIZE, forgery->directory),
	    ERR_OK);
}

static void forgery_seal(struct pack_sample *sample, struct forgery *forgery)
{
	uint8_t *bytes = sample->bytes.data;
	struct pack_associated associated = pack_associated(bytes, PACK_DIRECTORY, UINT64_MAX - 1);

	assert_int_equal(aead_seal(forgery->aead, UINT64_MAX - 1, associated.bytes, sizeof(associated.bytes),
			     forgery->directory, forgery->directory_size, forgery->directory),
	    ERR_OK);
	associated = pack_associated(bytes, PACK_TRAILER, UINT64_MAX);
	assert_int_equal(
	    aead_seal(forgery->aead, UINT64_MAX, associated.bytes, sizeof(associated.bytes), forgery->trailer,
		sizeof(forgery->trailer), bytes + sample->bytes.length - PACK_TRAILER_SIZE),
	    ERR_OK);
	aead_free(forgery->aead);
}

static void refuse_trailer(struct pack_sample *sample, size_t at, uint8_t mask, enum message id)
{
	struct forgery forgery;

	forgery_open(sample, &forgery);
	forgery.trailer[at] ^= mask;
	forgery_seal(sample, &forgery);
	refuse(sample, id);
	/* Back to the pack as it was. */
	memcpy(sample->bytes.data, sample->pack->bytes, sample->pack->size);
}

static void test_trailer_fields(void **state)
{
	struct pack_sample *sample = *state;

	refuse_trailer(sample, 0, 1, PL_PACK_BROKEN);
	refuse_trailer(sample, 7, 0x80, PL_PACK_BROKEN);
	refuse_trailer(sample, 8, 1, PL_PACK_BROKEN);
	refuse_trailer(sample, 11, 0x80, PL_PACK_BROKEN);
	refuse_trailer(sample, 12, 1, PL_DIRECTORY_BROKEN);
	refuse_trailer(sample, 15, 0x80, PL_DIRECTORY_BROKEN);
}

static void refuse_directory(struct pack_sample *sample, size_t at, uint8_t value, enum message id)
{
	struct forgery forgery;

	forgery_open(sample, &forgery);
	assert_true(at < forgery.directory_size);
	assert_int_not_equal(forgery.directory[at], value);
	forgery.directory[at] = value;
	forgery_seal(sample, &forgery);
	refuse(sample, id);
	memcpy(sample->bytes.data, sample->pack->bytes, sample->pack->size);
}

static void test_directory_fields(void **state)
{
	struct pack_sample *sample = *state;
	struct buffer directory = {0};
	struct forgery forgery;
	size_t keys, lengths, size;

	assert_int_equal(directory_encode(&sample->pack->directory, &directory), ERR_OK);
	size = directory.length;
	buffer_free(&directory);
	lengths = size - 10; /* five varints of two bytes */
	keys = lengths - PACK_SAMPLE_CHUNKS * CHUNK_KEY_SIZE;

	forgery_open(sample, &forgery);
	assert_int_equal(forgery.directory[0], PACK_SAMPLE_FRAMES);
	assert_int_equal(forgery.directory[lengths], 1000 % 128 | 128);
	assert_true(forgery.directory_size > size);
	aead_free(forgery.aead);
	memcpy(sample->bytes.data, sample->pack->bytes, sample->pack->size);

	refuse_directory(sample, 0, PACK_SAMPLE_FRAMES - 1, PL_DIRECTORY_BROKEN);
	refuse_directory(sample, 5, 7, PL_CODEC);
	refuse_directory(sample, keys, (uint8_t)(sample->chunks[0].id[0] ^ 1), PL_CHUNK_BROKEN);
	refuse_directory(sample, keys + PACK_SAMPLE_CHUNKS * CHUNK_KEY_SIZE - 1,
	    (uint8_t)(sample->chunks[4].id[15] ^ 1), PL_CHUNK_BROKEN);
	refuse_directory(sample, lengths, 999 % 128 | 128, PL_DIRECTORY_BROKEN);
	refuse_directory(sample, size, 1, PL_DIRECTORY_BROKEN);
	refuse_directory(sample, forgery.directory_size - 1, 1, PL_DIRECTORY_BROKEN);

	/* One byte of chunk 0 goes to chunk 1: every sum is right. */
	forgery_open(sample, &forgery);
	forgery.directory[lengths] = 999 % 128 | 128;
	forgery.directory[lengths + 2] = 2001 % 128 | 128;
	forgery_seal(sample, &forgery);
	refuse(sample, PL_CHUNK_BROKEN);
}

/* A frame one byte shorter than it is: the frames no longer fill the space up to the directory. */
static void test_directory_offsets(void **state)
{
	struct pack_sample *sample = *state;
	struct directory *directory = (struct directory *)(uintptr_t)&sample->pack->directory;
	struct buffer encoded = {0};
	struct forgery forgery;

	directory->frames[0].stored_size--;
	assert_int_equal(directory_encode(directory, &encoded), ERR_OK);
	directory->frames[0].stored_size++;
	forgery_open(sample, &forgery);
	memcpy(forgery.directory, encoded.data, encoded.length);
	forgery_seal(sample, &forgery);
	refuse(sample, PL_DIRECTORY_BROKEN);
	buffer_free(&encoded);
}

#define test(name) cmocka_unit_test_setup_teardown(name, pack_sample_up, pack_sample_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_name),
	    test(test_header_fields),
	    test(test_sealed_bytes),
	    test(test_moved_frames),
	    test(test_lengths),
	    test(test_trailer_fields),
	    test(test_directory_fields),
	    test(test_directory_offsets),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
