/* The chunk reader: damage is named, an index that lies takes nothing away, and of two copies one is enough. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "targets/memory.h"
#include "tests/unit/chunk_place.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refuse_type(
    struct chunk_place *place, size_t chunk, enum chunk_type type, enum message id, enum err kind, const char *named)
{
	struct chunk_view view;
	char text[17];

	failure_clear();
	assert_int_equal(chunk_reader_get(place->reader, type, place->chunks[chunk].id, &view), kind);
	assert_int_equal(failure_last()->id, id);
	assert_non_null(strstr(failure_last()->text, hex_encode(text, place->chunks[chunk].id, 8)));
	assert_non_null(strstr(failure_last()->text, named));
	assert_null(view.bytes);
	chunk_release(place->reader, &view);
}

static void refuse(struct chunk_place *place, size_t chunk, enum message id, enum err kind, const char *named)
{
	refuse_type(place, chunk, chunk_place_type(chunk), id, kind, named);
}

static void test_no_index_knows_it(void **state)
{
	struct chunk_place *place = *state;

	place->chunks[0].id[0] ^= 1;
	refuse(place, 0, PL_CHUNK_LOST, ERR_CORRUPT, "chunk");
}

/* The index knows the first 16 bytes; all 32 are checked. */
static void test_whole_id(void **state)
{
	struct chunk_place *place = *state;

	chunk_place_check(place, 0);
	place->chunks[0].id[CHUNK_ID_SIZE - 1] ^= 1;
	refuse(place, 0, PL_CHUNK_BROKEN, ERR_CORRUPT, place->names[0].text);
	place->chunks[0].id[CHUNK_ID_SIZE - 1] ^= 1;
	chunk_place_check(place, 0);
}

static void test_type(void **state)
{
	struct chunk_place *place = *state;

	refuse_type(place, 0, CHUNK_NODE, PL_CHUNK_BROKEN, ERR_CORRUPT, "frame 0");
	refuse_type(place, ALL - 1, CHUNK_LIST, PL_CHUNK_BROKEN, ERR_CORRUPT, place->names[PACKS - 1].text);
}

static void test_pack_missing(void **state)
{
	struct chunk_place *place = *state;

	chunk_place_check(place, 0);
	assert_true(memory_target_delete(place->target, place->names[0].text));
	assert_true(memory_target_delete(place->target, place->names[1].text));
	chunk_place_check(place, 0); /* cached */
	refuse(place, CHUNKS, PL_PACK_MISSING, ERR_CORRUPT, place->names[0].text);
	refuse(place, FRAMES * CHUNKS, PL_PACK_MISSING, ERR_CORRUPT, place->names[1].text);
	chunk_place_check(place, ALL - 1);
}

static void test_frame_damaged(void **state)
{
	struct chunk_place *place = *state;
	size_t frame = 4, chunk = frame * CHUNKS + 1, pack = frame / FRAMES;

	assert_true(memory_target_corrupt(place->target, place->names[pack].text, place->offsets[frame] + 20, 1));
	refuse(place, chunk, PL_SEAL_BROKEN, ERR_CORRUPT, place->names[pack].text);
	refuse(place, chunk, PL_SEAL_BROKEN, ERR_CORRUPT, "frame 1");
	chunk_place_check(place, (frame + 1) * CHUNKS);
	/* What failed is not remembered: once healed, it reads. */
	assert_true(memory_target_corrupt(place->target, place->names[pack].text, place->offsets[frame] + 20, 1));
	chunk_place_check(place, chunk);
}

static void test_header_damaged(void **state)
{
	struct chunk_place *place = *state;

	assert_true(memory_target_corrupt(place->target, place->names[0].text, 85, 1));
	refuse(place, 0, PL_SEAL_BROKEN, ERR_CORRUPT, place->names[0].text);
	assert_true(memory_target_corrupt(place->target, place->names[0].text, 85, 1));
	chunk_place_check(place, 0);
}

static void test_pack_short(void **state)
{
	struct chunk_place *place = *state;

	assert_true(memory_target_resize(place->target, place->names[0].text, (size_t)place->offsets[1] + 10));
	chunk_place_check(place, 0);
	refuse(place, CHUNKS, PL_OBJECT_SHORT, ERR_CORRUPT, place->names[0].text);
}

static void test_target_fails(void **state)
{
	struct chunk_place *place = *state;

	for (unsigned long n = 1; n <= 2; n++) {
		chunk_place_reader(place, 4);
		memory_target_fail(place->target, MEMORY_READ, n, PL_TARGET_READ, false);
		refuse(place, 0, PL_TARGET_READ, ERR_IO, "packs/");
		chunk_place_check(place, 0);
	}
}

/* ---- an index that lies: whoever has a backup key of the domain can write index objects, and must not take older backups away ---- */

/* One chunk of each key, all in one frame of a pack that says to be `size` bytes long. */
static void write_lie(struct chunk_place *place, const uint8_t pack[OBJECT_ID_SIZE], uint32_t length)
{
	struct directory_frame frame = {.offset = PACK_HEADER_SIZE,
	    .stored_size = ALL * length,
	    .raw_size = ALL * length,
	    .chunks_count = ALL,
	    .codec = CODEC_STORED};
	struct directory_chunk chunks[ALL];
	struct index_pack lie = {.size = PACK_HEADER_SIZE + ALL * length + 200,
	    .directory = {
		.type = PACK_METADATA, .frames = &frame, .frames_count = 1, .chunks = chunks, .chunks_count = ALL}};

	for (size_t i = 0; i < ALL; i++) {
		chunks[i] =
		    (struct directory_chunk){.length = length, .offset = (uint32_t)i * length, .type = CHUNK_NODE};
		memcpy(chunks[i].key, place->chunks[i].id, CHUNK_KEY_SIZE);
	}
	memcpy(lie.id, pack, OBJECT_ID_SIZE);
	chunk_place_index(place, &lie, 1);
}

static void check_all(struct chunk_place *place)
{
	for (size_t i = 0; i < ALL; i++)
		chunk_place_check(place, i);
}

/* Some lies are found before the truth and some behind it, whatever the order: a chunk is read where it really is. */
static void test_other_places(void **state)
{
	struct chunk_place *place = *state;
	uint8_t nowhere[OBJECT_ID_SIZE];

	for (uint32_t i = 0; i < 12; i++) {
		random_bytes(1000 + i, nowhere, sizeof(nowhere));
		write_lie(place, nowhere, 100 + i);
		write_lie(place, place->packs[i % PACKS], 50 + i);
		if (i % 3 == 0)
			chunk_place_open(place); /* tables are merged on the way */
	}
	chunk_place_open(place);
	check_all(place);
	/* The same from one table that is made at once. */
	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	chunk_place_open(place);
	check_all(place);
	/* Where no place is good, the failure names one of them, and others are not touched. */
	assert_true(memory_target_delete(place->target, place->names[0].text));
	chunk_place_open(place);
	for (size_t i = 0; i < ALL; i++) {
		struct chunk_view view = {0};

		assert_int_equal(
		    chunk_reader_get(place->reader, chunk_place_type(i), place->chunks[i].id, &view) == ERR_CORRUPT,
		    i < FRAMES * CHUNKS);
		chunk_release(place->reader, &view);
	}
}

/* ---- chunks that stand in two packs ---- */

/* Whichever of the two is lost, the other is read. */
static void test_lost_copy(void **state)
{
	struct chunk_place *place = *state;
	struct object_name names[2] = {{{0}}, chunk_place_twin(place)};

	names[0] = place->names[0];
	for (size_t lost = 0; lost < 2; lost++) {
		size_t size;
		const uint8_t *bytes = memory_target_bytes(place->target, names[lost].text, &size);
		uint8_t *kept = mem_copy(bytes, size);

		assert_true(memory_target_delete(place->target, names[lost].text));
		chunk_place_reader(place, 4);
		for (size_t i = 0; i < ALL; i++)
			chunk_place_check(place, i);
		assert_true(memory_target_plant(place->target, names[lost].text, kept, size));
		mem_free(kept);
	}
}

/* Each in turn has a damaged header, a damaged frame, or is cut. */
static void test_damaged_copy(void **state)
{
	struct chunk_place *place = *state;
	struct object_name names[2] = {{{0}}, chunk_place_twin(place)};

	names[0] = place->names[0];
	for (size_t i = 0; i < 2; i++) {
		const uint64_t places[] = {3, 8, 11, 20, 85, place->offsets[0] + 9};

		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
			assert_true(memory_target_corrupt(place->target, names[i].text, places[j], 4));
			chunk_place_reader(place, 4);
			chunk_place_check(place, 0);
			chunk_place_check(place, CHUNKS);
			assert_true(memory_target_corrupt(place->target, names[i].text, places[j], 4));
		}
	}
	for (size_t i = 0; i < 2; i++)
		assert_true(memory_target_corrupt(place->target, names[i].text, place->offsets[0] + 9, 4));
	chunk_place_reader(place, 4);
	refuse(place, 0, PL_SEAL_BROKEN, ERR_CORRUPT, "packs/");
	chunk_place_check(place, CHUNKS);
	assert_true(memory_target_resize(place->target, names[0].text, 200));
	assert_true(memory_target_resize(place->target, names[1].text, 0));
	chunk_place_reader(place, 4);
	refuse(place, CHUNKS, PL_OBJECT_SHORT, ERR_CORRUPT, "packs/");
}

/* A pack that failed once is not asked again for each of its chunks where there is another; where there is none, it is. */
static void test_doubted_copy(void **state)
{
	struct chunk_place *place = *state;
	struct object_name twin = chunk_place_twin(place);
	struct index_location location;
	unsigned long before;
	bool twin_first;

	assert_int_equal(index_find(place->index, place->chunks[0].id, &location), ERR_OK);
	twin_first = strcmp(object_pack(location.pack).text, twin.text) == 0;
	assert_true(memory_target_delete(place->target, twin_first ? twin.text : place->names[0].text));
	before = chunk_place_reads(place);
	chunk_place_check(place, 0); /* the lost one, the header and the frame of the other */
	assert_int_equal(chunk_place_reads(place) - before, 3);
	for (size_t frame = 1; frame < FRAMES; frame++)
		chunk_place_check(place, frame * CHUNKS);
	assert_int_equal(chunk_place_reads(place) - before, 3 + FRAMES - 1);
	/* The other goes as well, and comes back. */
	chunk_place_reader(place, 4);
	memory_target_fail(place->target, MEMORY_READ, 1, PL_TARGET_READ, true);
	refuse(place, 0, PL_TARGET_READ, ERR_IO, "packs/");
	memory_target_fail(place->target, MEMORY_READ, 0, PL_NONE, false);
	chunk_place_check(place, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, chunk_place_up, chunk_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_no_index_knows_it),
	    test(test_whole_id),
	    test(test_type),
	    test(test_pack_missing),
	    test(test_frame_damaged),
	    test(test_header_damaged),
	    test(test_pack_short),
	    test(test_target_fails),
	    test(test_other_places),
	    test(test_lost_copy),
	    test(test_damaged_copy),
	    test(test_doubted_copy),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
