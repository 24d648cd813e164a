/* The chunk reader: every chunk comes back, what is cached is not read again, threads share frames. */
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "targets/memory.h"
#include "tests/unit/chunk_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_all(void **state)
{
	struct chunk_place *place = *state;

	for (size_t i = ALL; i-- > 0;)
		chunk_place_check(place, i);
}

static void test_reads_once(void **state)
{
	struct chunk_place *place = *state;
	unsigned long before = chunk_place_reads(place);

	chunk_place_check(place, 0); /* header and frame */
	assert_int_equal(chunk_place_reads(place) - before, 2);
	chunk_place_check(place, 1); /* the same frame */
	assert_int_equal(chunk_place_reads(place) - before, 2);
	chunk_place_check(place, 2); /* another frame of the pack */
	assert_int_equal(chunk_place_reads(place) - before, 3);
	for (size_t i = 0; i < ALL; i++)
		chunk_place_check(place, i);
	assert_int_equal(chunk_place_reads(place) - before, PACKS + PACKS * FRAMES);
	for (size_t i = 0; i < ALL; i++)
		chunk_place_check(place, i);
	assert_int_equal(chunk_place_reads(place) - before, PACKS + PACKS * FRAMES);
}

/* Four frames are kept: a fifth drives out the one that was not used for longest. */
static void test_eviction(void **state)
{
	struct chunk_place *place = *state;
	unsigned long before;

	chunk_place_reader(place, 0); /* at least 4 */
	for (size_t i = 0; i < 4; i++)
		chunk_place_check(place, i * CHUNKS);
	chunk_place_check(place, 0);
	before = chunk_place_reads(place);
	chunk_place_check(place, 4 * CHUNKS); /* instead of frame 1 */
	assert_int_equal(chunk_place_reads(place) - before, 1);
	chunk_place_check(place, 0);
	chunk_place_check(place, 2 * CHUNKS);
	chunk_place_check(place, 3 * CHUNKS);
	assert_int_equal(chunk_place_reads(place) - before, 1);
	chunk_place_check(place, 1 * CHUNKS); /* the key of its pack is still known */
	assert_int_equal(chunk_place_reads(place) - before, 2);
}

/* Views stay valid, however many there are. */
static void test_pins(void **state)
{
	struct chunk_place *place = *state;
	struct chunk_view views[ALL], again;
	unsigned long before;

	chunk_place_reader(place, 4);
	for (size_t i = 0; i < ALL; i++)
		views[i] = chunk_place_get(place, i);
	again = chunk_place_get(place, 0);
	for (size_t i = 0; i < ALL; i++) {
		assert_memory_equal(views[i].bytes, place->raw[i], views[i].length);
		chunk_release(place->reader, &views[i]);
	}
	assert_memory_equal(again.bytes, place->raw[0], again.length);
	chunk_release(place->reader, &again);
	/* Once released, no more than four frames are kept. */
	before = chunk_place_reads(place);
	for (size_t i = 0; i < ALL; i++)
		chunk_place_check(place, i);
	assert_true(chunk_place_reads(place) - before >= PACKS * FRAMES - 4);
}

static void test_fetch(void **state)
{
	struct chunk_place *place = *state;
	struct buffer out = {0};
	size_t chunk = ALL - 1;

	assert_int_equal(buffer_append(&out, "before", 6), ERR_OK);
	assert_int_equal(
	    chunk_reader_fetch(place->reader, chunk_place_type(chunk), place->chunks[chunk].id, &out), ERR_OK);
	assert_int_equal(out.length, place->chunks[chunk].length);
	assert_memory_equal(out.data, place->raw[chunk], out.length);
	buffer_free(&out);
}

static void test_backup_key(void **state)
{
	struct chunk_place *place = *state;
	struct chunk_reader *reader = NULL;

	place->keys->full = false;
	assert_int_equal(
	    chunk_reader_new(&reader, place->target, place->keys, &place->keys->domain, place->index, 4), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_null(reader);
	place->keys->full = true;
}

/* ---- threads ---- */

#define THREADS 4u

struct visitor {
	struct chunk_place *place;
	pthread_barrier_t *start;
	size_t number, first, count; /* chunks first … first + count - 1, in another order for each */
	bool good;
};

static void *visit(void *argument)
{
	struct visitor *visitor = argument;
	struct chunk_place *place = visitor->place;
	bool good = true;

	pthread_barrier_wait(visitor->start);
	for (size_t round = 0; round < 20; round++)
		for (size_t i = 0; i < visitor->count; i++) {
			size_t chunk = visitor->first + (i * (visitor->number * 2 + 1) + round) % visitor->count;
			struct chunk_view view;

			if (chunk_reader_get(place->reader, chunk_place_type(chunk), place->chunks[chunk].id, &view) !=
			    ERR_OK) {
				good = false;
				continue;
			}
			good = good && view.length == place->chunks[chunk].length &&
			    memcmp(view.bytes, place->raw[chunk], view.length) == 0;
			chunk_release(place->reader, &view);
		}
	visitor->good = good;
	return NULL;
}

/* True when every thread got what it wanted every time. */
static bool visit_together(struct chunk_place *place, size_t first, size_t count)
{
	struct visitor visitors[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	bool good = true;

	pthread_barrier_init(&start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		visitors[i] =
		    (struct visitor){.place = place, .start = &start, .number = i, .first = first, .count = count};
		assert_int_equal(thread_start(&threads[i], "visitor", visit, &visitors[i]), ERR_OK);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		good = good && visitors[i].good;
	}
	pthread_barrier_destroy(&start);
	return good;
}

static void test_threads_share_a_frame(void **state)
{
	struct chunk_place *place = *state;
	unsigned long before = chunk_place_reads(place);

	assert_true(visit_together(place, 0, CHUNKS));
	assert_int_equal(chunk_place_reads(place) - before, 2);
}

static void test_threads_evict(void **state)
{
	struct chunk_place *place = *state;

	chunk_place_reader(place, 4);
	assert_true(visit_together(place, 0, ALL));
}

static void test_threads_fail_together(void **state)
{
	struct chunk_place *place = *state;

	assert_true(memory_target_corrupt(place->target, place->names[0].text, place->offsets[0] + 20, 1));
	assert_false(visit_together(place, 0, CHUNKS));
	assert_true(memory_target_corrupt(place->target, place->names[0].text, place->offsets[0] + 20, 1));
	assert_true(visit_together(place, 0, CHUNKS));
}

static void test_no_memory(void **state)
{
	struct chunk_place *place = *state;
	struct buffer out = {0};
	enum err err = ERR_NOMEM;
	unsigned long n;

	chunk_reader_free(place->reader);
	place->reader = NULL;
	for (n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err =
		    chunk_reader_new(&place->reader, place->target, place->keys, &place->keys->domain, place->index, 4);
		for (size_t i = 0; err == ERR_OK && i < ALL; i++)
			err = chunk_reader_fetch(place->reader, chunk_place_type(i), place->chunks[i].id, &out);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		/* The reader that ran out of memory still works. */
		for (size_t i = 0; place->reader && i < ALL; i += 5)
			chunk_place_check(place, i);
		buffer_free(&out);
		chunk_reader_free(place->reader);
		place->reader = NULL;
	}
	assert_true(n > 10);
}

#define test(name) cmocka_unit_test_setup_teardown(name, chunk_place_up, chunk_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(test_all),
	    test(test_reads_once),
	    test(test_eviction),
	    test(test_pins),
	    test(test_fetch),
	    test(test_backup_key),
	    test(test_threads_share_a_frame),
	    test(test_threads_evict),
	    test(test_threads_fail_together),
	    test(test_no_memory),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
