/* Writing packs: the self-check, the limits, lack of memory. */
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "core/repo/pack_internal.h"
#include "targets/memory.h"
#include "tests/unit/pack_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refuse_finish(struct pack_sample *sample)
{
	failure_clear();
	assert_int_equal(pack_sample_write(sample, sample->backup, PACK_DATA, false), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_SELF_CHECK);
}

static void test_self_check(void **state)
{
	struct pack_sample *sample = *state;

	/* A bit of an id, anywhere in the half that directories keep. */
	for (size_t at = 0; at < CHUNK_KEY_SIZE; at += 5) {
		sample->chunks[3].id[at] ^= 4;
		refuse_finish(sample);
		sample->chunks[3].id[at] ^= 4;
	}
	/* A bit of the bytes, after they were hashed: stored, and compressed. */
	sample->stored[1].data[333] ^= 1;
	refuse_finish(sample);
	sample->stored[1].data[333] ^= 1;
	for (size_t at = 0; at < sample->stored[0].length; at += 50) {
		sample->stored[0].data[at] ^= 16;
		refuse_finish(sample);
		sample->stored[0].data[at] ^= 16;
	}
	sample->chunks[1].sum ^= 1;
	refuse_finish(sample);
	sample->chunks[1].sum ^= 1;
	sample->chunks[1].length--;
	refuse_finish(sample);
	sample->chunks[1].length++;
	sample->frames[0].raw_size--;
	refuse_finish(sample);
	sample->frames[0].raw_size++;
	sample->frames[1].codec = CODEC_ZSTD;
	refuse_finish(sample);
	sample->frames[1].codec = 9;
	refuse_finish(sample);
	sample->frames[1].codec = CODEC_STORED;
	assert_int_equal(pack_sample_write(sample, sample->backup, PACK_DATA, false), ERR_OK);
}

/* A bit that flips in the finished pack, before it is checked. */
static void test_self_check_finished(void **state)
{
	struct pack_sample *sample = *state;
	struct pack_writer *writer;
	const struct pack *pack;
	size_t size;

	assert_int_equal(pack_sample_write(sample, sample->backup, PACK_DATA, false), ERR_OK);
	size = sample->pack->size;
	for (size_t at = PACK_HEADER_SIZE; at < size; at += 37) {
		assert_int_equal(pack_writer_new(&writer, sample->backup, PACK_DATA, NULL), ERR_OK);
		for (size_t i = 0; i < PACK_SAMPLE_FRAMES; i++)
			assert_int_equal(pack_writer_add(writer, &sample->frames[i]), ERR_OK);
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
	struct pack_sample *sample = *state;

	sample->chunks[1].type = CHUNK_LIST ^ CHUNK_NODE ^ sample->chunks[1].type;
	failure_clear();
	assert_int_equal(pack_sample_write(sample, sample->backup, PACK_METADATA, false), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_SELF_CHECK);
}

/* ---- limits ---- */

static void test_full(void **state)
{
	struct pack_sample *sample = *state;
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
	assert_int_equal(pack_writer_new(&writer, sample->keys, PACK_DATA, NULL), ERR_OK);
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
	struct pack_sample *sample = *state;
	struct target *target = NULL;
	struct object_name name = object_pack(sample->pack->id);
	uint8_t id[OBJECT_ID_SIZE];
	enum err err = ERR_NOMEM;
	unsigned long n;

	memcpy(id, sample->pack->id, sizeof(id));
	assert_int_equal(memory_target_new(&target), ERR_OK);
	assert_int_equal(target_put(target, name.text, sample->pack->bytes, sample->pack->size), ERR_OK);
	for (n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = pack_sample_write(sample, sample->backup, PACK_DATA, true);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_true(n > 15);
	err = ERR_NOMEM;
	for (n = 1; err != ERR_OK; n++) {
		struct directory directory = {0};
		struct pack_key key;

		mem_fail_at(n);
		err = pack_check(sample->bytes.data, sample->bytes.length, sample->keys, sample->pack->id, NULL);
		if (err == ERR_OK)
			err = pack_read_directory(target, sample->keys, id, &key, &directory);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		directory_free(&directory);
	}
	assert_true(n > 15);
	target_free(target);
}

#define test(name) cmocka_unit_test_setup_teardown(name, pack_sample_up, pack_sample_down)
#define test_metadata(name) cmocka_unit_test_setup_teardown(name, pack_sample_metadata_up, pack_sample_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_self_check),
	    test(test_self_check_finished),
	    test_metadata(test_self_check_types),
	    test(test_full),
	    test(test_no_memory),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
