/* core/base: errors, memory, buffers, files, threads, time, output. */
#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/base/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* cmocka has a macro of that name */

static char *scratch; /* a folder of this run */

static int make_scratch(void **state)
{
	char name[] = "/tmp/pulih-base-XXXXXX";

	(void)state;
	scratch = mkdtemp(name) ? mem_string(name) : NULL;
	return scratch ? 0 : -1;
}

static int drop_scratch(void **state)
{
	(void)state;
	assert_int_equal(file_remove_tree(scratch), ERR_OK);
	mem_free(scratch);
	return 0;
}

/* ---- errors ---- */

static void failures_name_their_object(void **state)
{
	struct failure taken;
	char code[16];

	(void)state;
	assert_int_equal(fail(PL_FILE_READ, "cannot read %s", "x"), ERR_IO);
	assert_int_equal(fail_context(ERR_IO, "opening %s", "repo"), ERR_IO);
	assert_string_equal(failure_last()->text, "opening repo: cannot read x");
	assert_string_equal(message_code(PL_FILE_READ, code), "PL-1003");
	assert_int_equal(fail(PL_FILE_READ, "again: %s", failure_last()->text), ERR_IO);
	assert_string_equal(failure_last()->text, "again: opening repo: cannot read x");
	failure_take(&taken);
	assert_int_equal(failure_last()->kind, ERR_OK);
	assert_int_equal(failure_put(&taken), ERR_IO);
	assert_int_equal(failure_last()->id, PL_FILE_READ);
}

static void errno_decides_the_kind(void **state)
{
	(void)state;
	errno = ENOSPC;
	assert_int_equal(fail_errno(PL_FILE_WRITE, "x"), ERR_NOSPACE);
	errno = ENOMEM;
	assert_int_equal(fail_errno(PL_FILE_WRITE, "x"), ERR_NOMEM);
	errno = EIO;
	assert_int_equal(fail_errno(PL_FILE_WRITE, "x"), ERR_IO);
	assert_int_equal(errno, EIO);
}

static void long_messages_are_cut_at_a_character(void **state)
{
	char text[2 * FAILURE_TEXT + 1];
	const char *kept;

	(void)state;
	for (size_t i = 0; i < FAILURE_TEXT; i++)
		memcpy(text + 2 * i, "\xC3\xA9", 2);
	text[2 * FAILURE_TEXT] = '\0';
	fail(PL_FILE_READ, "%s", text);
	kept = failure_last()->text;
	assert_true(strlen(kept) < FAILURE_TEXT);
	assert_string_equal(kept + strlen(kept) - 3, "...");
	/* Whole characters only: an odd number of bytes before the dots would be half a character. */
	assert_int_equal((strlen(kept) - 3) % 2, 0);
}

static void messages_are_ascending_and_complete(void **state)
{
	size_t count;
	const struct message_info *all = message_catalogue(&count);

	(void)state;
	assert_true(count > 50);
	for (size_t i = 0; i < count; i++) {
		assert_true(all[i].cause[0] && all[i].remedy[0]);
		assert_int_not_equal(all[i].kind, ERR_OK);
		assert_ptr_equal(message_find((int)all[i].id), &all[i]);
		if (i > 0)
			assert_true(all[i].id > all[i - 1].id);
	}
	assert_null(message_find(9999));
}

static void exit_codes_are_those_of_the_manual(void **state)
{
	static const int codes[] = {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 130};

	(void)state;
	assert_int_equal(error_exit_code(ERR_OK), 0);
	assert_int_equal(error_exit_code(ERR_USAGE), 2);
	assert_int_equal(error_exit_code(ERR_PARTIAL), 3);
	assert_int_equal(error_exit_code(ERR_CORRUPT), 4);
	assert_int_equal(error_exit_code(ERR_DRILL), 5);
	assert_int_equal(error_exit_code(ERR_NO_REPOSITORY), 10);
	assert_int_equal(error_exit_code(ERR_BUSY), 11);
	assert_int_equal(error_exit_code(ERR_KEY), 12);
	assert_int_equal(error_exit_code(ERR_DENIED), 13);
	assert_int_equal(error_exit_code(ERR_INTERRUPTED), 130);
	for (int kind = ERR_OK; kind <= ERR_DRILL; kind++) {
		bool known = false;

		for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
			known = known || codes[i] == error_exit_code((enum err)kind);
		assert_true(known);
		assert_non_null(error_name((enum err)kind));
	}
}

/* ---- memory ---- */

static void allocation_fails_on_demand(void **state)
{
	void *memory;

	(void)state;
	mem_fail_at(2);
	memory = mem_alloc(8);
	assert_non_null(memory);
	assert_null(mem_alloc(8));
	assert_int_equal(failure_last()->kind, ERR_NOMEM);
	assert_null(mem_resize(memory, 2, 8));
	mem_fail_at(0);
	mem_free(memory);
	mem_free(NULL);
	assert_null(mem_calloc(SIZE_MAX, 2));
	assert_null(mem_resize(NULL, SIZE_MAX / 2, 3));
}

static void arrays_grow_when_they_are_full(void **state)
{
	size_t capacity = 0, moves = 0;
	uint32_t *items = NULL;

	(void)state;
	for (uint32_t count = 0; count < 1000; count++) {
		size_t before = capacity;
		uint32_t *more = mem_more(items, count, &capacity, sizeof(*items));

		assert_non_null(more);
		assert_true(count < capacity);
		if (capacity == before)
			assert_ptr_equal(more, items);
		else
			moves++;
		items = more;
		items[count] = count;
	}
	assert_in_range(moves, 5, 10);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	mem_fail_at(1);
	assert_ptr_equal(mem_more(items, 1000, &capacity, sizeof(*items)), items);
	moves = capacity;
	assert_null(mem_more(items, capacity, &capacity, sizeof(*items)));
	mem_fail_at(0);
	assert_int_equal(capacity, moves);
	assert_int_equal(items[999], 999);
	mem_free(items);
}

static void arenas_give_aligned_memory(void **state)
{
	struct arena arena = {0};

	(void)state;
	for (size_t size = 0; size < 300000; size = size * 2 + 1) {
		uint8_t *memory = arena_alloc(&arena, size);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % 16, 0);
		memset(memory, 0xAB, size);
	}
	arena_reset(&arena);
	assert_memory_equal(arena_copy(&arena, "abc", 4), "abc", 4);
	assert_null(arena_alloc(&arena, SIZE_MAX - 64));
	arena_free(&arena);
}

/* ---- buffers ---- */

static void varints_round_trip(void **state)
{
	static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct buffer buffer = {0};
	struct cursor cursor;
	uint64_t value;
	int64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_int_equal(buffer_append_varint(&buffer, values[i]), ERR_OK);
		assert_int_equal(buffer_append_zigzag(&buffer, (int64_t)values[i]), ERR_OK);
	}
	cursor = cursor_of(buffer.data, buffer.length);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_true(cursor_varint(&cursor, &value));
		assert_true(value == values[i]);
		assert_true(cursor_zigzag(&cursor, &number));
		assert_true(number == (int64_t)values[i]);
	}
	assert_int_equal(cursor_left(&cursor), 0);
	assert_false(cursor_varint(&cursor, &value));
	assert_true(cursor.bad);
	buffer_free(&buffer);
}

static void varints_have_one_spelling(void **state)
{
	static const struct {
		uint8_t bytes[11];
		size_t size;
	} bad[] = {
	    {{0x80, 0x00}, 2},							      /* 0, written long */
	    {{0xFF}, 1},							      /* cut */
	    {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}, 10},	      /* 65 bits */
	    {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 11}, /* 11 groups */
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cursor cursor = cursor_of(bad[i].bytes, bad[i].size);

		assert_false(cursor_varint(&cursor, &value));
		assert_true(cursor.bad);
	}
}

static void cursors_never_leave_their_bytes(void **state)
{
	const uint8_t bytes[] = {1, 2, 3};
	struct cursor cursor = cursor_of(bytes, sizeof(bytes));
	const uint8_t *at;
	uint16_t two;
	uint32_t four;

	(void)state;
	assert_true(cursor_u16(&cursor, &two));
	assert_int_equal(two, 0x0201);
	assert_false(cursor_u32(&cursor, &four));
	assert_false(cursor_bytes(&cursor, &at, 1)); /* bad stays bad */
	cursor = cursor_of(bytes, sizeof(bytes));
	assert_false(cursor_bytes(&cursor, &at, SIZE_MAX));
}

static void hexadecimal_is_strict(void **state)
{
	uint8_t bytes[2] = {0xAB, 0x01};
	char text[5];

	(void)state;
	assert_string_equal(hex_encode(text, bytes, 2), "ab01");
	assert_true(hex_decode(bytes, 2, "00ff"));
	assert_int_equal(bytes[1], 0xFF);
	assert_false(hex_decode(bytes, 2, "00FF"));
	assert_false(hex_decode(bytes, 2, "00f"));
	assert_false(hex_decode(bytes, 2, "00ff0"));
}

/* ---- files ---- */

static void replacing_is_whole_or_nothing(void **state)
{
	char *path = path_join(scratch, "a/b/file");
	char *folder = path_folder(path);
	struct buffer read = {0};
	struct stat status;

	(void)state;
	assert_int_equal(file_read_all(path, 100, &read), ERR_MISSING);
	assert_int_equal(file_make_folders(folder, 0700), ERR_OK);
	assert_int_equal(file_make_folders(folder, 0700), ERR_OK);
	assert_int_equal(file_replace(path, "one", 3, 0600), ERR_OK);
	assert_int_equal(file_replace(path, "second", 6, 0600), ERR_OK);
	assert_int_equal(file_read_all(path, 100, &read), ERR_OK);
	assert_int_equal(read.length, 6);
	assert_memory_equal(read.data, "second", 6);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(file_read_all(path, 5, &read), ERR_LIMIT);
	/* A folder in the place of the file: an error, and no temporary is left. */
	assert_int_equal(file_replace(folder, "x", 1, 0600), ERR_IO);
	assert_int_equal(file_make_folders(path, 0700), ERR_IO);
	buffer_free(&read);
	mem_free(folder);
	mem_free(path);
}

static void path_parts(void **state)
{
	static const char *const cases[][2] = {{"/a/b", "/a"}, {"/a", "/"}, {"a", "."}, {"a/b/c", "a/b"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *folder = path_folder(cases[i][0]);

		assert_string_equal(folder, cases[i][1]);
		mem_free(folder);
	}
}

/* ---- threads ---- */

struct square {
	struct pool_job job;
	unsigned long in, out;
};

static void square_run(struct pool_job *job, unsigned worker)
{
	struct square *square = (struct square *)job;

	(void)worker;
	square->out = square->in * square->in;
}

static void pools_run_every_job(void **state)
{
	static struct square squares[1000];

	(void)state;
	for (unsigned threads = 0; threads <= 4; threads++) {
		struct pool *pool;

		memset(squares, 0, sizeof(squares));
		assert_int_equal(pool_new(&pool, "test", threads, 3), ERR_OK);
		for (unsigned long i = 0; i < 1000; i++) {
			squares[i].job.run = square_run;
			squares[i].in = i;
			pool_submit(pool, &squares[i].job);
		}
		for (unsigned long i = 0; i < 1000; i++) {
			pool_wait(pool, &squares[i].job);
			assert_true(pool_done(pool, &squares[i].job));
			assert_int_equal(squares[i].out, i * i);
		}
		pool_free(pool);
	}
}

static void *push_all(void *argument)
{
	struct queue *queue = argument;

	for (uintptr_t i = 1; i <= 10000; i++)
		queue_push(queue, (void *)i);
	queue_close(queue);
	return NULL;
}

static void queues_keep_the_order(void **state)
{
	struct queue *queue;
	pthread_t thread;
	uintptr_t expected = 1;
	void *item;

	(void)state;
	assert_int_equal(queue_new(&queue, 7), ERR_OK);
	assert_int_equal(thread_start(&thread, "test", push_all, queue), ERR_OK);
	while ((item = queue_pop(queue)) != NULL)
		assert_int_equal((uintptr_t)item, expected++);
	assert_int_equal(expected, 10001);
	pthread_join(thread, NULL);
	assert_false(queue_push(queue, queue));
	queue_free(queue);
}

static void base_survives_failing_allocations(void **state)
{
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct pool *pool = NULL;
		struct queue *queue = NULL;
		struct buffer buffer = {0};

		assert_true(n < 100);
		mem_fail_at(n);
		err = pool_new(&pool, "test", 2, 3);
		if (err == ERR_OK)
			err = queue_new(&queue, 3);
		if (err == ERR_OK)
			err = buffer_append_text(&buffer, "%s", "x");
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		buffer_free(&buffer);
		queue_free(queue);
		pool_free(pool);
	}
}

/* ---- time and text ---- */

static void times_round_trip(void **state)
{
	char text[CLOCK_TEXT];
	int64_t time;

	(void)state;
	setenv("TZ", "Asia/Jayapura", 1);
	assert_true(clock_parse("2026-11-22T01:00:00+09:00", &time));
	assert_string_equal(clock_format(text, time), "2026-11-22T01:00:00+09:00");
	assert_string_equal(clock_format_utc(text, time), "2026-11-21T16:00:00Z");
	assert_true(clock_parse("1969-12-31T23:59:59.5Z", &time));
	assert_true(time == -CLOCK_SECOND / 2);
	assert_string_equal(clock_format_utc(text, time), "1969-12-31T23:59:59Z");
	assert_false(clock_parse("2026-11-22T01:00:00", &time));
	assert_false(clock_parse("2026-11-22T01:00:00+9", &time));
	assert_false(clock_parse("2026-11-22T01:00:00Zx", &time));
	assert_true(clock_parse("2262-04-11T23:47:15Z", &time));
	assert_false(clock_parse("2262-04-11T23:47:17Z", &time));
	assert_false(clock_parse("9999-01-01T00:00:00Z", &time));
	assert_false(clock_parse("1600-01-01T00:00:00Z", &time));
}

static void sizes_and_durations_read_well(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(output_size(text, 0), "0 B");
	assert_string_equal(output_size(text, 1023), "1023 B");
	assert_string_equal(output_size(text, 1536), "1.50 KiB");
	assert_string_equal(output_size(text, UINT64_MAX), "16.00 EiB");
	assert_string_equal(output_duration(text, 12300 * (CLOCK_SECOND / 1000)), "12.3 s");
	assert_string_equal(output_duration(text, 3723 * CLOCK_SECOND), "1:02:03");
}

static void odd_names_stay_on_the_screen(void **state)
{
	char *text = output_printable("a\n\x1b[31m\xFF\xC3\xA9", 10);
	json_t *object = json_object();

	(void)state;
	assert_string_equal(text, "a\\x0a\\x1b[31m\\xff\xC3\xA9");
	mem_free(text);
	assert_int_equal(output_set_bytes(object, "path", "\xFFz", 2), ERR_OK);
	assert_string_equal(json_string_value(json_object_get(object, "path")), "\\xffz");
	assert_string_equal(json_string_value(json_object_get(object, "path_b64")), "/3o=");
	assert_int_equal(output_set_bytes(object, "plain", "z", 1), ERR_OK);
	assert_null(json_object_get(object, "plain_b64"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(failures_name_their_object),
	    cmocka_unit_test(errno_decides_the_kind),
	    cmocka_unit_test(long_messages_are_cut_at_a_character),
	    cmocka_unit_test(messages_are_ascending_and_complete),
	    cmocka_unit_test(exit_codes_are_those_of_the_manual),
	    cmocka_unit_test(allocation_fails_on_demand),
	    cmocka_unit_test(arrays_grow_when_they_are_full),
	    cmocka_unit_test(arenas_give_aligned_memory),
	    cmocka_unit_test(varints_round_trip),
	    cmocka_unit_test(varints_have_one_spelling),
	    cmocka_unit_test(cursors_never_leave_their_bytes),
	    cmocka_unit_test(hexadecimal_is_strict),
	    cmocka_unit_test(replacing_is_whole_or_nothing),
	    cmocka_unit_test(path_parts),
	    cmocka_unit_test(pools_run_every_job),
	    cmocka_unit_test(queues_keep_the_order),
	    cmocka_unit_test(base_survives_failing_allocations),
	    cmocka_unit_test(times_round_trip),
	    cmocka_unit_test(sizes_and_durations_read_well),
	    cmocka_unit_test(odd_names_stay_on_the_screen),
	};

	return cmocka_run_group_tests_name("base", tests, make_scratch, drop_scratch);
}
