/* Frames: there and back, what is stored as it is, hostile compressed bytes. */
#include "core/base/mem.h"
#include "core/chunk/frame.h"
#include "core/repo/limits.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

struct fixture {
	struct frame_compressor *compressor;
	struct frame_decompressor *decompressor;
	struct buffer stored;
	uint8_t *raw, *back; /* FRAME_RAW_MAX + 1 each */
};

static int setup(void **state)
{
	struct fixture *fixture = mem_calloc(1, sizeof(*fixture));

	*state = fixture;
	fixture->raw = mem_alloc(FRAME_RAW_MAX + 1);
	fixture->back = mem_alloc(FRAME_RAW_MAX + 1);
	if (frame_compressor_new(&fixture->compressor, FRAME_LEVEL_DEFAULT) != ERR_OK)
		return -1;
	return frame_decompressor_new(&fixture->decompressor) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	frame_compressor_free(fixture->compressor);
	frame_decompressor_free(fixture->decompressor);
	buffer_free(&fixture->stored);
	mem_free(fixture->raw);
	mem_free(fixture->back);
	mem_free(fixture);
	return 0;
}

static void fill_text(uint8_t *out, size_t size)
{
	static const char *const words[] = {
	    "chunk ", "frame ", "pack ", "index ", "snapshot ", "entry ", "target ", "job\n"};
	uint8_t choice[1024];
	size_t at = 0;

	for (uint64_t seed = 1; at < size; seed++) {
		random_bytes(seed, choice, sizeof(choice));
		for (size_t i = 0; i < sizeof(choice) && at < size; i++)
			for (const char *letter = words[choice[i] % 8]; *letter && at < size; letter++)
				out[at++] = (uint8_t)*letter;
	}
}

static uint8_t there_and_back(struct fixture *fixture, size_t size)
{
	uint8_t codec = 99;
	const void *stored;
	size_t stored_size;

	assert_int_equal(frame_compress(fixture->compressor, fixture->raw, size, &fixture->stored, &codec), ERR_OK);
	stored = codec == CODEC_STORED ? fixture->raw : fixture->stored.data;
	stored_size = codec == CODEC_STORED ? size : fixture->stored.length;
	if (codec == CODEC_STORED)
		assert_int_equal(fixture->stored.length, 0);
	else
		assert_true(stored_size < size);
	memset(fixture->back, 0xAA, FRAME_RAW_MAX + 1);
	assert_int_equal(
	    frame_decompress(fixture->decompressor, codec, stored, stored_size, fixture->back, size), ERR_OK);
	assert_memory_equal(fixture->back, fixture->raw, size);
	assert_int_equal(fixture->back[size], 0xAA);
	return codec;
}

static void test_text(void **state)
{
	struct fixture *fixture = *state;
	const size_t sizes[] = {100, 4096, (64u << 10) - 1, 64u << 10, 1u << 20, FRAME_RAW_MAX};

	fill_text(fixture->raw, FRAME_RAW_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(there_and_back(fixture, sizes[i]), CODEC_ZSTD);
		assert_true(sizes[i] < 4096 || fixture->stored.length < sizes[i] / 2);
	}
}

static void test_random_is_stored(void **state)
{
	struct fixture *fixture = *state;
	const size_t sizes[] = {1, 2, 3, 100, 4096, 64u << 10, 1u << 20, FRAME_RAW_MAX};

	random_bytes(1, fixture->raw, FRAME_RAW_MAX);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_int_equal(there_and_back(fixture, sizes[i]), CODEC_STORED);
	assert_int_equal(there_and_back(fixture, 0), CODEC_STORED);
}

static void test_constant(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture->raw, 0, FRAME_RAW_MAX);
	assert_int_equal(there_and_back(fixture, FRAME_RAW_MAX), CODEC_ZSTD);
	assert_true(fixture->stored.length < 1024);
}

/* What looks random byte by byte, and is not. */
static void test_hidden_redundancy(void **state)
{
	struct fixture *fixture = *state;

	/* The same random 100 KB again and again. */
	random_bytes(1, fixture->raw, 100000);
	for (size_t i = 100000; i < FRAME_RAW_MAX; i++)
		fixture->raw[i] = fixture->raw[i - 100000];
	assert_int_equal(there_and_back(fixture, FRAME_RAW_MAX), CODEC_ZSTD);
	assert_true(fixture->stored.length < 200000);

	/* One part in sixteen is text. */
	random_bytes(1, fixture->raw, FRAME_RAW_MAX);
	fill_text(fixture->raw + 700001, FRAME_RAW_MAX / 16);
	assert_int_equal(there_and_back(fixture, FRAME_RAW_MAX), CODEC_ZSTD);
	assert_true(fixture->stored.length < FRAME_RAW_MAX - FRAME_RAW_MAX / 32);

	/* Random numbers of 32 bits below 2^24. */
	random_bytes(1, fixture->raw, FRAME_RAW_MAX);
	for (size_t i = 3; i < FRAME_RAW_MAX; i += 4)
		fixture->raw[i] = 0;
	assert_int_equal(there_and_back(fixture, FRAME_RAW_MAX), CODEC_ZSTD);
	assert_true(fixture->stored.length < FRAME_RAW_MAX / 10 * 9);
}

static void test_one_use_does_not_disturb_the_next(void **state)
{
	struct fixture *fixture = *state;
	struct buffer first = {0};
	uint8_t codec;

	fill_text(fixture->raw, 300000);
	assert_int_equal(frame_compress(fixture->compressor, fixture->raw, 300000, &first, &codec), ERR_OK);
	random_bytes(7, fixture->raw, 300000);
	assert_int_equal(there_and_back(fixture, 300000), CODEC_STORED);
	fill_text(fixture->raw, 300000);
	assert_int_equal(there_and_back(fixture, 300000), CODEC_ZSTD);
	assert_int_equal(fixture->stored.length, first.length);
	assert_memory_equal(fixture->stored.data, first.data, first.length);
	buffer_free(&first);
}

/* ---- damage ---- */

static void expect(struct fixture *fixture, uint8_t codec, const void *stored, size_t stored_size, size_t raw_size,
    enum message id, enum err kind)
{
	failure_clear();
	assert_int_equal(
	    frame_decompress(fixture->decompressor, codec, stored, stored_size, fixture->back, raw_size), kind);
	assert_int_equal(failure_last()->id, id);
}

static void compress_text(struct fixture *fixture, size_t size)
{
	uint8_t codec;

	fill_text(fixture->raw, size);
	assert_int_equal(frame_compress(fixture->compressor, fixture->raw, size, &fixture->stored, &codec), ERR_OK);
	assert_int_equal(codec, CODEC_ZSTD);
}

static void test_lengths(void **state)
{
	struct fixture *fixture = *state;
	struct buffer *stored = &fixture->stored;

	compress_text(fixture, 10000);
	expect(fixture, CODEC_ZSTD, stored->data, stored->length, 9999, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, CODEC_ZSTD, stored->data, stored->length, 10001, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, CODEC_ZSTD, stored->data, stored->length, FRAME_RAW_MAX + 1, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, CODEC_STORED, fixture->raw, 10000, 10001, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, CODEC_STORED, fixture->raw, 10000, 9999, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, CODEC_STORED, fixture->raw, FRAME_RAW_MAX + 1, FRAME_RAW_MAX + 1, PL_FRAME_BROKEN, ERR_CORRUPT);
	expect(fixture, 2, fixture->raw, 10000, 10000, PL_CODEC, ERR_UNSUPPORTED);
	expect(fixture, 255, fixture->raw, 10000, 10000, PL_CODEC, ERR_UNSUPPORTED);
	for (size_t size = 0; size < stored->length; size++)
		expect(fixture, CODEC_ZSTD, stored->data, size, 10000, PL_FRAME_BROKEN, ERR_CORRUPT);
}

static void test_header(void **state)
{
	struct fixture *fixture = *state;
	struct buffer *stored = &fixture->stored;

	compress_text(fixture, 10000);
	for (size_t i = 0; i < 5; i++) {
		stored->data[i] ^= 1;
		expect(fixture, CODEC_ZSTD, stored->data, stored->length, 10000, PL_FRAME_BROKEN, ERR_CORRUPT);
		stored->data[i] ^= 1;
	}
	/* A window of 2 MiB is allowed, the next larger one is not. */
	stored->data[5] = (21 - 10) << 3;
	assert_int_equal(
	    frame_decompress(fixture->decompressor, CODEC_ZSTD, stored->data, stored->length, fixture->back, 10000),
	    ERR_OK);
	stored->data[5] = (21 - 10) << 3 | 1;
	expect(fixture, CODEC_ZSTD, stored->data, stored->length, 10000, PL_FRAME_BROKEN, ERR_CORRUPT);
	stored->data[5] = 0xFF;
	expect(fixture, CODEC_ZSTD, stored->data, stored->length, 10000, PL_FRAME_BROKEN, ERR_CORRUPT);
}

/* Frames that zstd itself would take: with a content size, and two in a row. */
static void test_other_zstd_frames(void **state)
{
	struct fixture *fixture = *state;
	struct buffer *stored = &fixture->stored;
	size_t size;

	fill_text(fixture->raw, 20000);
	assert_int_equal(buffer_reserve(stored, 40000), ERR_OK);
	size = ZSTD_compress(stored->data, 40000, fixture->raw, 20000, 3);
	expect(fixture, CODEC_ZSTD, stored->data, size, 20000, PL_FRAME_BROKEN, ERR_CORRUPT);

	compress_text(fixture, 10000);
	size = stored->length;
	assert_int_equal(buffer_reserve(stored, size), ERR_OK);
	memcpy(stored->data + size, stored->data, size);
	expect(fixture, CODEC_ZSTD, stored->data, 2 * size, 20000, PL_FRAME_BROKEN, ERR_CORRUPT);
}

/* Any flipped bit is an error or other bytes of the right number; the memory around stays untouched (sanitizers look). */
static void test_flipped_bits(void **state)
{
	struct fixture *fixture = *state;
	struct buffer *stored = &fixture->stored;

	compress_text(fixture, 3000);
	for (size_t bit = 0; bit < 8 * stored->length; bit++) {
		enum err err;

		stored->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		err = frame_decompress(
		    fixture->decompressor, CODEC_ZSTD, stored->data, stored->length, fixture->back, 3000);
		assert_true(err == ERR_OK || err == ERR_CORRUPT);
		stored->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(there_and_back(fixture, 3000), CODEC_ZSTD);
}

static void test_no_memory(void **state)
{
	struct frame_compressor *compressor = NULL;
	struct frame_decompressor *decompressor = NULL;
	struct buffer out = {0};
	uint8_t *raw = mem_alloc(100000), codec;
	enum err err = ERR_NOMEM;

	(void)state;
	random_bytes(1, raw, 50000);
	memcpy(raw + 50000, raw, 50000);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT);
		if (err == ERR_OK)
			err = frame_compress(compressor, raw, 100000, &out, &codec);
		if (err == ERR_OK)
			err = frame_decompressor_new(&decompressor);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(err == ERR_OK ? n == 5 : n < 5);
		frame_compressor_free(compressor);
		frame_decompressor_free(decompressor);
		buffer_free(&out);
		compressor = NULL;
		decompressor = NULL;
	}
	mem_free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_text, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_random_is_stored, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_constant, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hidden_redundancy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_use_does_not_disturb_the_next, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_header, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_zstd_frames, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flipped_bits, setup, teardown),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
