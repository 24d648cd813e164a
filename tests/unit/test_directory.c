/* Pack directories: frozen bytes, and every field broken once. */
#include "core/base/mem.h"
#include "core/chunk/frame.h"
#include "core/repo/directory.h"
#include "core/repo/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Two frames: 300 bytes compressed to 100, of two chunks; 5 bytes stored, of one. */
static struct directory sample(uint8_t type)
{
	struct directory directory = {.type = type, .frames_count = 2, .chunks_count = 3};
	const uint8_t types[] = {CHUNK_NODE, CHUNK_XATTR, CHUNK_LIST};
	const uint32_t lengths[] = {299, 1, 5}, offsets[] = {0, 299, 0};

	directory.frames = mem_calloc(2, sizeof(*directory.frames));
	directory.chunks = mem_calloc(3, sizeof(*directory.chunks));
	directory.frames[0] = (struct directory_frame){
	    .offset = PACK_HEADER_SIZE, .stored_size = 100, .raw_size = 300, .codec = CODEC_ZSTD, .chunks_count = 2};
	directory.frames[1] = (struct directory_frame){.offset = PACK_HEADER_SIZE + 100 + TAG_SIZE,
	    .stored_size = 5,
	    .raw_size = 5,
	    .codec = CODEC_STORED,
	    .first_chunk = 2,
	    .chunks_count = 1};
	for (size_t i = 0; i < 3; i++) {
		memset(directory.chunks[i].key, (int)(0x11 * (i + 1)), CHUNK_KEY_SIZE);
		directory.chunks[i].length = lengths[i];
		directory.chunks[i].offset = offsets[i];
		directory.chunks[i].type = type == PACK_DATA ? CHUNK_DATA : types[i];
	}
	return directory;
}

static void assert_same(const struct directory *a, const struct directory *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->frames_count, b->frames_count);
	assert_int_equal(a->chunks_count, b->chunks_count);
	for (size_t i = 0; i < a->frames_count; i++) {
		assert_int_equal(a->frames[i].offset, b->frames[i].offset);
		assert_int_equal(a->frames[i].stored_size, b->frames[i].stored_size);
		assert_int_equal(a->frames[i].raw_size, b->frames[i].raw_size);
		assert_int_equal(a->frames[i].first_chunk, b->frames[i].first_chunk);
		assert_int_equal(a->frames[i].chunks_count, b->frames[i].chunks_count);
		assert_int_equal(a->frames[i].codec, b->frames[i].codec);
	}
	for (size_t i = 0; i < a->chunks_count; i++) {
		assert_memory_equal(a->chunks[i].key, b->chunks[i].key, CHUNK_KEY_SIZE);
		assert_int_equal(a->chunks[i].length, b->chunks[i].length);
		assert_int_equal(a->chunks[i].offset, b->chunks[i].offset);
		assert_int_equal(a->chunks[i].type, b->chunks[i].type);
	}
}

/* The frames' part of the sample, then 3 keys, then the lengths. */
#define SAMPLE_HEAD "\x02\x64\xAC\x02\x01\x02\x05\x05\x00\x01"
#define SAMPLE_HEAD_SIZE 10u
#define SAMPLE_KEYS_SIZE (3u * CHUNK_KEY_SIZE)

static void check_known(uint8_t type, const char *lengths, size_t lengths_size)
{
	struct directory directory = sample(type), back = {0};
	struct buffer bytes = {0};
	struct cursor cursor;

	assert_int_equal(buffer_append_u8(&bytes, 0xEE), ERR_OK);
	assert_int_equal(directory_encode(&directory, &bytes), ERR_OK);
	assert_int_equal(bytes.length, 1 + SAMPLE_HEAD_SIZE + SAMPLE_KEYS_SIZE + lengths_size);
	assert_memory_equal(bytes.data + 1, SAMPLE_HEAD, SAMPLE_HEAD_SIZE);
	for (size_t i = 0; i < SAMPLE_KEYS_SIZE; i++)
		assert_int_equal(bytes.data[1 + SAMPLE_HEAD_SIZE + i], 0x11 * (i / CHUNK_KEY_SIZE + 1));
	assert_memory_equal(bytes.data + 1 + SAMPLE_HEAD_SIZE + SAMPLE_KEYS_SIZE, lengths, lengths_size);

	assert_int_equal(buffer_append_u8(&bytes, 0xEE), ERR_OK);
	cursor = cursor_of(bytes.data + 1, bytes.length - 1);
	assert_int_equal(directory_decode(&cursor, type, &back), ERR_OK);
	assert_int_equal(cursor_left(&cursor), 1);
	assert_same(&directory, &back);
	directory_free(&directory);
	directory_free(&back);
	buffer_free(&bytes);
}

static void test_known_answers(void **state)
{
	(void)state;
	check_known(PACK_DATA, "\xAB\x02\x01\x05", 4);
	check_known(PACK_METADATA, "\xAD\x09\x07\x16", 4);
}

static void test_empty(void **state)
{
	struct directory directory = {.type = PACK_DATA}, back = {0};
	struct buffer bytes = {0};
	struct cursor cursor;

	(void)state;
	assert_int_equal(directory_encode(&directory, &bytes), ERR_OK);
	assert_int_equal(bytes.length, 1);
	cursor = cursor_of(bytes.data, bytes.length);
	assert_int_equal(directory_decode(&cursor, PACK_DATA, &back), ERR_OK);
	assert_int_equal(back.frames_count, 0);
	assert_int_equal(back.chunks_count, 0);
	directory_free(&back);
	buffer_free(&bytes);
}

static void refuse(const void *bytes, size_t size, uint8_t type, enum message id, enum err kind)
{
	struct directory back = {0};
	struct cursor cursor = cursor_of(bytes, size);

	failure_clear();
	assert_int_equal(directory_decode(&cursor, type, &back), kind);
	assert_int_equal(failure_last()->id, id);
	assert_null(back.frames);
	assert_null(back.chunks);
}

/* The sample with other frames, decoded as a data pack. */
static void refuse_frames(const char *frames, size_t size, enum message id, enum err kind)
{
	struct buffer bytes = {0};

	assert_int_equal(buffer_append(&bytes, frames, size), ERR_OK);
	for (size_t i = 0; i < SAMPLE_KEYS_SIZE; i++)
		assert_int_equal(buffer_append_u8(&bytes, 1), ERR_OK);
	assert_int_equal(buffer_append(&bytes, "\xAB\x02\x01\x05", 4), ERR_OK);
	refuse(bytes.data, bytes.length, PACK_DATA, id, kind);
	buffer_free(&bytes);
}

#define REFUSE_FRAMES(text) refuse_frames(text, sizeof(text) - 1, PL_DIRECTORY_BROKEN, ERR_CORRUPT)

static void test_frames_refused(void **state)
{
	(void)state;
	REFUSE_FRAMES("\x01\x64\xAC\x02\x01\x02\x05\x05\x00\x01"); /* fewer frames: other bytes are keys */
	REFUSE_FRAMES("\x03\x64\xAC\x02\x01\x02\x05\x05\x00\x01"); /* more frames */
	REFUSE_FRAMES("\xFF\xFF\xFF\xFF\x0F\x64\xAC\x02\x01\x02\x05\x05\x00\x01"); /* … than there are bytes */
	REFUSE_FRAMES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x64\xAC\x02\x01\x02");
	REFUSE_FRAMES("\x82\x00\x64\xAC\x02\x01\x02\x05\x05\x00\x01"); /* not canonical */
	REFUSE_FRAMES("\x02\x00\xAC\x02\x01\x02\x05\x05\x00\x01");     /* nothing stored */
	REFUSE_FRAMES("\x02\xAD\x02\xAC\x02\x01\x02\x05\x05\x00\x01"); /* stored > raw */
	REFUSE_FRAMES("\x02\x64\xAB\x02\x01\x02\x05\x05\x00\x01");     /* raw one less, one more than the chunks */
	REFUSE_FRAMES("\x02\x64\xAD\x02\x01\x02\x05\x05\x00\x01");
	REFUSE_FRAMES("\x02\x64\x00\x01\x02\x05\x05\x00\x01");		   /* raw 0 */
	REFUSE_FRAMES("\x02\x64\x81\x80\x80\x01\x01\x02\x05\x05\x00\x01"); /* raw > FRAME_RAW_MAX */
	REFUSE_FRAMES("\x02\x64\xAC\x02\x00\x02\x05\x05\x00\x01");	   /* stored, and shorter than raw */
	REFUSE_FRAMES("\x02\x64\xAC\x02\x01\x00\x05\x05\x00\x01");	   /* no chunks */
	REFUSE_FRAMES("\x02\x64\xAC\x02\x01\x01\x05\x05\x00\x01");	   /* one chunk less, one more */
	REFUSE_FRAMES("\x02\x64\xAC\x02\x01\x03\x05\x05\x00\x01");
	REFUSE_FRAMES("\x02\x64\xAC\x02\x01\xAD\x02\x05\x05\x00\x01"); /* more chunks than bytes */
	refuse_frames("\x02\x64\xAC\x02\x02\x02\x05\x05\x00\x01", SAMPLE_HEAD_SIZE, PL_CODEC, ERR_UNSUPPORTED);
}

static void refuse_lengths(const char *lengths, size_t size, uint8_t type)
{
	struct buffer bytes = {0};

	assert_int_equal(buffer_append(&bytes, SAMPLE_HEAD, SAMPLE_HEAD_SIZE), ERR_OK);
	for (size_t i = 0; i < SAMPLE_KEYS_SIZE; i++)
		assert_int_equal(buffer_append_u8(&bytes, 1), ERR_OK);
	assert_int_equal(buffer_append(&bytes, lengths, size), ERR_OK);
	refuse(bytes.data, bytes.length, type, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	buffer_free(&bytes);
}

static void test_lengths_refused(void **state)
{
	(void)state;
	refuse_lengths("\xAC\x02\x00\x05", 4, PACK_DATA); /* a chunk of nothing, though the sum is right */
	refuse_lengths("\xAB\x02\x02\x05", 4, PACK_DATA); /* sums that are not the frame's */
	refuse_lengths("\xAA\x02\x01\x05", 4, PACK_DATA);
	refuse_lengths("\xAB\x02\x01\x06", 4, PACK_DATA);
	refuse_lengths("\xAB\x02\x01\x04", 4, PACK_DATA);
	refuse_lengths("\xAA\x02\x02\x85\x00", 5, PACK_DATA);	  /* not canonical */
	refuse_lengths("\xAB\x02\x01", 3, PACK_DATA);		  /* cut off */
	refuse_lengths("\x81\x80\x80\x01\x01\x05", 6, PACK_DATA); /* a chunk over CHUNK_MAX */
	refuse_lengths("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01\x05", 12, PACK_DATA);
	refuse_lengths("\xAD\x09\x03\x16", 4, PACK_METADATA); /* a chunk of nothing with a type */
	refuse_lengths("\xAB\x02\x01\x05", 4, PACK_METADATA); /* a data pack's lengths */
}

static void test_types_refused(void **state)
{
	struct directory directory = sample(PACK_DATA);
	struct buffer bytes = {0};

	(void)state;
	assert_int_equal(directory_encode(&directory, &bytes), ERR_OK);
	refuse(bytes.data, bytes.length, 0, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	refuse(bytes.data, bytes.length, 3, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	refuse(bytes.data, bytes.length, PACK_METADATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	for (size_t size = 0; size < bytes.length; size++)
		refuse(bytes.data, size, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	directory_free(&directory);
	buffer_free(&bytes);
}

/* `count` frames of 2 MiB each, with one chunk. */
static void encode_large(struct buffer *bytes, size_t count)
{
	struct directory directory = {.type = PACK_DATA, .frames_count = count, .chunks_count = count};

	directory.frames = mem_calloc(count, sizeof(*directory.frames));
	directory.chunks = mem_calloc(count, sizeof(*directory.chunks));
	for (size_t i = 0; i < count; i++) {
		directory.frames[i] = (struct directory_frame){
		    .stored_size = FRAME_RAW_MAX, .raw_size = FRAME_RAW_MAX, .codec = CODEC_STORED, .chunks_count = 1};
		directory.chunks[i].length = CHUNK_MAX;
		directory.chunks[i].type = CHUNK_DATA;
	}
	assert_int_equal(directory_encode(&directory, bytes), ERR_OK);
	directory_free(&directory);
}

static void test_limits(void **state)
{
	struct buffer bytes = {0};
	struct directory back = {0};
	struct cursor cursor;

	(void)state;
	/* 31 frames and their tags fit in PACK_MAX, 32 do not. */
	encode_large(&bytes, 31);
	cursor = cursor_of(bytes.data, bytes.length);
	assert_int_equal(directory_decode(&cursor, PACK_DATA, &back), ERR_OK);
	assert_int_equal(back.frames[30].offset, PACK_HEADER_SIZE + 30 * (FRAME_RAW_MAX + TAG_SIZE));
	directory_free(&back);
	buffer_clear(&bytes);
	encode_large(&bytes, 32);
	refuse(bytes.data, bytes.length, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	buffer_free(&bytes);

	/* More frames and more chunks than any pack has, with the bytes to back them: refused before anything is allocated for them. */
	assert_int_equal(buffer_append_varint(&bytes, PACK_FRAMES_MAX + 1), ERR_OK);
	for (size_t i = 0; i <= PACK_FRAMES_MAX; i++)
		assert_int_equal(buffer_append(&bytes, "\x01\x01\x00\x01", 4), ERR_OK);
	for (size_t i = 0; i <= PACK_FRAMES_MAX; i++)
		assert_int_equal(buffer_append(&bytes, "0123456789ABCDEF\x01", 17), ERR_OK);
	mem_fail_at(1);
	refuse(bytes.data, bytes.length, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	mem_fail_at(0);
	buffer_clear(&bytes);
	assert_int_equal(buffer_append_varint(&bytes, 3), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(buffer_append_varint(&bytes, 1), ERR_OK);
		assert_int_equal(buffer_append_varint(&bytes, FRAME_RAW_MAX), ERR_OK);
		assert_int_equal(buffer_append_u8(&bytes, CODEC_ZSTD), ERR_OK);
		assert_int_equal(buffer_append_varint(&bytes, FRAME_RAW_MAX), ERR_OK);
	}
	mem_fail_at(2);
	refuse(bytes.data, bytes.length, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	mem_fail_at(0);
	/* Numbers that are allowed, without the bytes to back them: 1000 frames, and a frame of 1000 chunks. */
	mem_fail_at(1);
	refuse("\xE8\x07\x01\x01\x00\x01", 6, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	mem_fail_at(2);
	refuse("\x01\x01\xE8\x07\x01\xE8\x07", 7, PACK_DATA, PL_DIRECTORY_BROKEN, ERR_CORRUPT);
	mem_fail_at(0);
	buffer_free(&bytes);
}

static void test_no_memory(void **state)
{
	struct directory directory = sample(PACK_METADATA), back = {0};
	struct buffer bytes = {0};
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct cursor cursor;

		mem_fail_at(n);
		err = directory_encode(&directory, &bytes);
		cursor = cursor_of(bytes.data, bytes.length);
		if (err == ERR_OK)
			err = directory_decode(&cursor, PACK_METADATA, &back);
		mem_fail_at(0);
		assert_true(err == (n < 4 ? ERR_NOMEM : ERR_OK));
		buffer_free(&bytes);
	}
	assert_same(&directory, &back);
	directory_free(&directory);
	directory_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_answers),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_frames_refused),
	    cmocka_unit_test(test_lengths_refused),
	    cmocka_unit_test(test_types_refused),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
