/* The chunker: frozen cut points, bounds, independence of how the data come in. */
#include "core/base/mem.h"
#include "core/chunk/chunker.h"
#include "core/repo/limits.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DATA_SIZE (6u << 20)

struct fixture {
	struct chunker chunker;
	uint8_t *data;
};

static int setup(void **state)
{
	struct fixture *fixture = mem_calloc(1, sizeof(*fixture));
	uint8_t key[KEY_SIZE];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	fixture->data = mem_alloc(DATA_SIZE);
	random_bytes(1, fixture->data, DATA_SIZE);
	*state = fixture;
	return chunker_setup(&fixture->chunker, key) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	mem_free(fixture->data);
	mem_free(fixture);
	return 0;
}

/* Computed by another program, from the description in the header. */
static void test_gear(void **state)
{
	struct fixture *fixture = *state;

	assert_true(fixture->chunker.gear[0] == UINT64_C(0xe147182f7aef0540));
	assert_true(fixture->chunker.gear[1] == UINT64_C(0x3e9d514f206e4abe));
	assert_true(fixture->chunker.gear[255] == UINT64_C(0xfb55b35b00b8335c));
}

static void check_cuts(
    struct fixture *fixture, const struct chunker_sizes *sizes, size_t size, const uint32_t *cuts, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t cut = chunker_cut(&fixture->chunker, sizes, fixture->data + at, size - at, true);

		assert_int_equal(cut, cuts[i]);
		at += cut;
	}
	assert_int_equal(at, size);
}

/* Frozen, and computed by another program: whoever changes them makes every repository store everything again. */
static void test_known_answers(void **state)
{
	static const uint32_t standard[] = {
	    543182, 589646, 788183, 816082, 552961, 580700, 584133, 572479, 568636, 580151, 115303};
	static const uint32_t fine[] = {37228, 43982, 59647, 18199, 15161, 32915, 34400, 37744, 33383, 33592, 42564,
	    61300, 51360, 34007, 37126, 34321, 40806, 33961, 54257, 38551, 51372, 33212, 25592, 28175, 30611, 32824,
	    36938, 8355, 26993};

	check_cuts(*state, &chunker_standard, DATA_SIZE, standard, sizeof(standard) / sizeof(*standard));
	check_cuts(*state, &chunker_fine, 1u << 20, fine, sizeof(fine) / sizeof(*fine));
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(chunker_standard.min, 128u << 10);
	assert_int_equal(chunker_standard.average, 512u << 10);
	assert_int_equal(chunker_standard.max, CHUNK_MAX);
	assert_int_equal(chunker_fine.min, 8u << 10);
	assert_int_equal(chunker_fine.average, 32u << 10);
	assert_int_equal(chunker_fine.max, 128u << 10);
}

static void test_bounds(void **state)
{
	struct fixture *fixture = *state;
	const struct chunker_sizes *sizes = &chunker_fine;

	/* Constant bytes never make the hash zero: the longest chunk, as soon as there is enough and not before. */
	memset(fixture->data, 0, 2 * sizes->max);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, 2 * sizes->max, true), sizes->max);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->max, false), sizes->max);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->max - 1, false), 0);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->max - 1, true), sizes->max - 1);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->average, true), sizes->average);
	assert_int_equal(
	    chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->average - 1, true), sizes->average - 1);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->min, true), sizes->min);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->min, false), 0);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->min - 1, true), sizes->min - 1);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, sizes->min - 1, false), 0);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, 1, true), 1);
	assert_int_equal(chunker_cut(&fixture->chunker, sizes, fixture->data, 0, true), 0);
}

/* A gear of one value makes the hash of any 64 bytes −value: cut points then fall on the bounds themselves. */
static void test_masks(void **state)
{
	struct fixture *fixture = *state;
	struct chunker chunker;
	unsigned bits = 15; /* of chunker_fine.average */

	for (size_t i = 0; i < 256; i++)
		chunker.gear[i] = -((UINT64_C(1) << (64 - bits - 2)) - 1);
	assert_int_equal(chunker_cut(&chunker, &chunker_fine, fixture->data, 1u << 20, true), chunker_fine.min);
	for (size_t i = 0; i < 256; i++)
		chunker.gear[i] = -(UINT64_C(1) << (64 - bits - 2));
	assert_int_equal(chunker_cut(&chunker, &chunker_fine, fixture->data, 1u << 20, true), chunker_fine.average);
	for (size_t i = 0; i < 256; i++)
		chunker.gear[i] = -((UINT64_C(1) << (64 - bits + 2)) - 1);
	assert_int_equal(chunker_cut(&chunker, &chunker_fine, fixture->data, 1u << 20, true), chunker_fine.average);
	for (size_t i = 0; i < 256; i++)
		chunker.gear[i] = -(UINT64_C(1) << (64 - bits + 2));
	assert_int_equal(chunker_cut(&chunker, &chunker_fine, fixture->data, 1u << 20, true), chunker_fine.max);
}

/* The description in the header, word by word. */
static size_t plain_cut(
    const struct chunker *chunker, const struct chunker_sizes *sizes, const uint8_t *bytes, size_t size)
{
	unsigned bits = (unsigned)__builtin_ctz(sizes->average);

	for (size_t length = sizes->min; length <= size; length++) {
		uint64_t hash = 0;

		if (length == sizes->max)
			return length;
		for (size_t i = length - 64; i < length; i++)
			hash = (hash << 1) + chunker->gear[bytes[i]];
		if (hash >> (64 - (length < sizes->average ? bits + 2 : bits - 2)) == 0)
			return length;
	}
	return size;
}

/* With small chunks, several cuts are near each other: the first one counts. */
static void test_same_as_plain(void **state)
{
	struct fixture *fixture = *state;
	const struct chunker_sizes sizes = {.min = 256, .average = 1024, .max = 2000};
	const size_t size = 1u << 20;
	size_t longest = 0;

	for (size_t at = 0; at < size;) {
		size_t cut = chunker_cut(&fixture->chunker, &sizes, fixture->data + at, size - at, true);

		assert_int_equal(cut, plain_cut(&fixture->chunker, &sizes, fixture->data + at, size - at));
		longest = cut > longest ? cut : longest;
		at += cut;
	}
	assert_int_equal(longest, sizes.max);
	for (size_t at = 0; at < size / 4; at += 1000) {
		const struct chunker_sizes wide = {.min = 64, .average = 1024, .max = 100000};

		assert_int_equal(chunker_cut(&fixture->chunker, &wide, fixture->data + at, size - at, true),
		    plain_cut(&fixture->chunker, &wide, fixture->data + at, size - at));
	}
}

/* Data that come in pieces are cut as data that come at once. */
static void test_pieces(void **state)
{
	struct fixture *fixture = *state;
	const struct chunker_sizes *sizes = &chunker_fine;
	const size_t size = 1u << 20;

	for (size_t piece = 1021; piece < 70000; piece = piece * 3 + 7) {
		size_t at = 0, have = 0;

		while (at < size) {
			bool whole = have == size;
			size_t expected = chunker_cut(&fixture->chunker, sizes, fixture->data + at, size - at, true);
			size_t cut = chunker_cut(&fixture->chunker, sizes, fixture->data + at, have - at, whole);

			if (cut == 0) {
				assert_true(have - at < sizes->max);
				assert_false(whole);
				have = have + piece < size ? have + piece : size;
				continue;
			}
			assert_int_equal(cut, expected);
			at += cut;
		}
	}
}

/* After an insertion at the front, cut points fall where they fell before. */
static void test_resynchronises(void **state)
{
	struct fixture *fixture = *state;
	const size_t size = 1u << 20, shift = 1000;
	uint8_t *was_cut = mem_calloc(size + shift, 1);
	size_t same = 0, cuts = 0;

	for (size_t at = shift; at < size;) {
		at += chunker_cut(&fixture->chunker, &chunker_fine, fixture->data + at, size - at, true);
		was_cut[at] = 1;
	}
	for (size_t at = 0; at < size; cuts++) {
		at += chunker_cut(&fixture->chunker, &chunker_fine, fixture->data + at, size - at, true);
		same += was_cut[at];
	}
	mem_free(was_cut);
	assert_true(cuts > 20);
	assert_true(same + 3 >= cuts);
}

static void test_keys_differ(void **state)
{
	struct fixture *fixture = *state;
	uint8_t key[KEY_SIZE] = {1};
	struct chunker other;

	assert_int_equal(chunker_setup(&other, key), ERR_OK);
	assert_int_not_equal(chunker_cut(&other, &chunker_standard, fixture->data, DATA_SIZE, true), 543182);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_gear, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_known_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_masks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_same_as_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_resynchronises, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_keys_differ, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
