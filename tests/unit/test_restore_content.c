/* The content of a file, piece by piece: all of it, or an error. */
#include "core/base/mem.h"
#include "core/repo/chunk_reader.h"
#include "core/repo/tree.h"
#include "restore/restore.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/repo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CHUNK 300
#define LISTED (CHUNK * (ENTRY_INLINE_CHUNKS + 5) + 7) /* bytes whose list of chunks is outside the entry */

struct reading {
	struct fixture fixture;
	struct restore_view view;
	struct tree_reader *tree;
	const struct entry *entry; /* of the one file */
	struct buffer bytes;	   /* what was given */
	uint8_t *content;
	size_t size;
};

static enum err take(void *context, const void *bytes, size_t size)
{
	struct reading *reading = context;

	assert_true(size > 0);
	return buffer_append(&reading->bytes, bytes, size);
}

/* A snapshot with one file of `size` data bytes; with a hole before and behind each third where it is sparse. */
static void reading_open(struct reading *reading, size_t size, bool sparse)
{
	struct entry entry = fixture_entry_of("file", ENTRY_FILE);
	struct buffer segments = {0};

	*reading = (struct reading){.size = size, .content = mem_alloc(size + 1)};
	assert_non_null(reading->content);
	random_bytes(size, reading->content, size);
	fixture_open(&reading->fixture);
	if (sparse) {
		buffer_append_varint(&segments, 3);
		for (int i = 0; i < 3; i++) {
			buffer_append_varint(&segments, 100000);
			buffer_append_varint(&segments, size / 3);
		}
		entry.sparse = true;
		entry.segments = (struct entry_bytes){segments.data, segments.length};
		entry.size = 400000 + size;
	}
	fixture_add(&reading->fixture, &entry, reading->content, size, CHUNK);
	fixture_store(&reading->fixture);
	assert_int_equal(
	    restore_view_open(&reading->view, &reading->fixture.repository, reading->fixture.snapshot.domain), ERR_OK);
	assert_int_equal(
	    tree_reader_new(&reading->tree, &reading->fixture.snapshot.root, chunk_reader_fetch, reading->view.reader),
	    ERR_OK);
	assert_int_equal(tree_reader_next(reading->tree, &reading->entry), ERR_OK);
	assert_non_null(reading->entry);
	buffer_free(&segments);
}

static void reading_close(struct reading *reading)
{
	buffer_free(&reading->bytes);
	mem_free(reading->content);
	tree_reader_free(reading->tree);
	restore_view_close(&reading->view);
	fixture_close(&reading->fixture);
}

static void gives_every_byte(void **state)
{
	static const size_t sizes[] = {0, 1, CHUNK, CHUNK + 1, LISTED};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct reading reading;

		reading_open(&reading, sizes[i], false);
		assert_int_equal(reading.entry->content_outside, sizes[i] == LISTED);
		assert_int_equal(restore_content_read(reading.view.reader, reading.entry, take, &reading), ERR_OK);
		assert_int_equal(reading.bytes.length, sizes[i]);
		if (sizes[i])
			assert_memory_equal(reading.bytes.data, reading.content, sizes[i]);
		reading_close(&reading);
	}
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void gives_holes_as_zeros(void **state)
{
	static const size_t sizes[] = {3, LISTED / 3 * 3};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct reading reading;
		const uint8_t *at;
		size_t part = sizes[i] / 3;

		reading_open(&reading, sizes[i], true);
		assert_int_equal(restore_content_read(reading.view.reader, reading.entry, take, &reading), ERR_OK);
		assert_int_equal(reading.bytes.length, 400000 + sizes[i]);
		at = reading.bytes.data;
		for (size_t j = 0; j < 3; j++, at += 100000 + part) {
			assert_true(all_zero(at, 100000));
			assert_memory_equal(at + 100000, reading.content + j * part, part);
		}
		assert_true(all_zero(at, 100000));
		reading_close(&reading);
	}
}

static void assert_refused(struct reading *reading, const struct entry *entry)
{
	buffer_clear(&reading->bytes);
	assert_int_equal(restore_content_read(reading->view.reader, entry, take, reading), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_RESTORE_CONTENT);
	assert_true(reading->bytes.length <= reading->size);
}

/* A list of chunks outside the entry is not known to fit it before it is read. */
static void refuses_lengths_that_do_not_add_up(void **state)
{
	static const size_t sizes[] = {CHUNK * 3, LISTED};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct reading reading;
		struct entry changed;

		reading_open(&reading, sizes[i], false);
		for (int by = -1; by <= 1; by += 2) {
			changed = *reading.entry;
			changed.size = (uint64_t)((int64_t)sizes[i] + by);
			assert_refused(&reading, &changed);
			changed.size = (uint64_t)((int64_t)sizes[i] + by * CHUNK);
			assert_refused(&reading, &changed);
		}
		changed = *reading.entry;
		changed.size = UINT64_MAX;
		assert_refused(&reading, &changed);
		changed.size = 0;
		assert_refused(&reading, &changed);
		assert_int_equal(reading.bytes.length, 0);
		reading_close(&reading);
	}
}

/* The pairs of an entry say how long each chunk is: "varint 3, 3 × (32 bytes of id, varint 300)". */
static void refuses_a_chunk_of_another_length(void **state)
{
	struct reading reading;
	struct buffer content = {0};
	struct entry changed;

	(void)state;
	reading_open(&reading, 3 * CHUNK, false);
	assert_int_equal(reading.entry->content.size, 1 + 3 * (CHUNK_ID_SIZE + 2));
	assert_int_equal(buffer_append(&content, reading.entry->content.data, reading.entry->content.size), ERR_OK);
	content.data[1 + CHUNK_ID_SIZE] += 1;	      /* 301 */
	content.data[1 + 2 * CHUNK_ID_SIZE + 2] -= 1; /* 299: the sum is the same */
	changed = *reading.entry;
	changed.content.data = content.data;
	assert_refused(&reading, &changed);
	buffer_free(&content);
	reading_close(&reading);
}

static void survives_without_memory(void **state)
{
	struct reading reading;
	enum err err = ERR_NOMEM;

	(void)state;
	reading_open(&reading, LISTED, false);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		buffer_clear(&reading.bytes);
		mem_fail_at(n);
		err = restore_content_read(reading.view.reader, reading.entry, take, &reading);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	assert_memory_equal(reading.bytes.data, reading.content, LISTED);
	reading_close(&reading);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_every_byte),
	    cmocka_unit_test(gives_holes_as_zeros),
	    cmocka_unit_test(refuses_lengths_that_do_not_add_up),
	    cmocka_unit_test(refuses_a_chunk_of_another_length),
	    cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
