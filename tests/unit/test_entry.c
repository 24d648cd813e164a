/* Entries: every field there and back, one spelling, and nothing else accepted. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/entry.h"
#include "tests/unit/entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- order and paths ---- */

static int sign_of(int value)
{
	return (value > 0) - (value < 0);
}

static void order(void **state)
{
	static const char *const ascending[] = {
	    "", "a", "a/b", "a/b/c", "a/b.c", "a/c", "a\x01", "a.b", "a.b/c", "ab", "ab/a", "b", "\xff"};
	const size_t count = sizeof(ascending) / sizeof(ascending[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			assert_int_equal(
			    sign_of(entry_compare(bytes_of(ascending[i]), bytes_of(ascending[k]))), (i > k) - (i < k));
	assert_true(entry_compare(bytes_of("12345678/0"), bytes_of("12345678.")) < 0);
}

static void within(void **state)
{
	(void)state;
	assert_true(entry_within(bytes_of("a/b"), bytes_of("")));
	assert_true(entry_within(bytes_of(""), bytes_of("")));
	assert_true(entry_within(bytes_of("a"), bytes_of("a")));
	assert_true(entry_within(bytes_of("a/b"), bytes_of("a")));
	assert_false(entry_within(bytes_of("ab"), bytes_of("a")));
	assert_false(entry_within(bytes_of("a"), bytes_of("a/b")));
	assert_false(entry_within(bytes_of("b/a"), bytes_of("a")));
}

static void valid_paths(void **state)
{
	static const char *const good[] = {"", "a", "...", "..a", ".a", "a/.b/..c", "a b\n", "\xff\xfe"};
	static const char *const bad[] = {
	    "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "./a", "a/../b", "a/./b"};
	uint8_t *longest = mem_alloc(ENTRY_PATH_MAX + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(entry_path_valid(bytes_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(entry_path_valid(bytes_of(bad[i])));
	assert_false(entry_path_valid((struct entry_bytes){(const uint8_t *)"a\0b", 3}));
	assert_false(entry_path_valid((struct entry_bytes){(const uint8_t *)"a\0", 2}));
	memset(longest, 'p', ENTRY_PATH_MAX + 1);
	assert_true(entry_path_valid((struct entry_bytes){longest, ENTRY_PATH_MAX}));
	assert_false(entry_path_valid((struct entry_bytes){longest, ENTRY_PATH_MAX + 1}));
	mem_free(longest);
}

/* ---- bytes that never change ---- */

static void known_bytes(void **state)
{
	static const char expected[] = "3e"
				       "818001"
				       "00"
				       "03"
				       "612f62"
				       "e807"
				       "64"
				       "02"
				       "6d65"
				       "00"
				       "a403"
				       "01"
				       "ff93ebdc03"
				       "00"
				       "05"
				       "03"
				       "14"
				       "0c"
				       "01"
				       "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
				       "0c"
				       /* symlink a/b/l -> x/y: everything else as before it, inode 9 */
				       "0f"
				       "f308"
				       "03"
				       "02"
				       "2f6c"
				       "02"
				       "00"
				       "00"
				       "05"
				       "01"
				       "03"
				       "782f79";
	uint8_t content[34] = {1};
	struct entry file = {.path = bytes_of("a/b"),
	    .type = ENTRY_FILE,
	    .mode = 0644,
	    .uid = 1000,
	    .gid = 100,
	    .user = bytes_of("me"),
	    .mtime = -1,
	    .ctime = 5,
	    .device = 3,
	    .inode = 10,
	    .links = 1,
	    .size = 12,
	    .content = {content, sizeof(content)}};
	struct entry link = {.path = bytes_of("a/b/l"),
	    .type = ENTRY_SYMLINK,
	    .mode = 0644,
	    .uid = 1000,
	    .gid = 100,
	    .user = bytes_of("me"),
	    .ctime = 5,
	    .device = 3,
	    .inode = 9,
	    .links = 1,
	    .target = bytes_of("x/y")};
	struct entry_state coder = {0};
	struct buffer out = {0};
	char hex[400];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		content[1 + i] = i;
	content[33] = 12;
	assert_int_equal(entry_encode(&coder, &file, &out), ERR_OK);
	assert_int_equal(entry_encode(&coder, &link, &out), ERR_OK);
	assert_true(out.length < sizeof(hex) / 2);
	assert_string_equal(hex_encode(hex, out.data, out.length), expected);
	entry_state_free(&coder);
	buffer_free(&out);
}

/* ---- there and back ---- */

static void encode_all(const struct sample *samples, size_t count, struct buffer *out)
{
	struct entry_state coder = {0};

	for (size_t i = 0; i < count; i++)
		if (entry_encode(&coder, &samples[i].entry, out) != ERR_OK)
			fail_msg("%s", failure_last()->text);
	entry_state_free(&coder);
}

static void round_trip(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct entry_state decoder = {0}, coder = {0};
		struct buffer once = {0}, again = {0};
		struct entry entry;
		struct cursor cursor;
		size_t count;
		struct sample *samples = samples_sorted(seed, 300, &count);

		assert_true(count > 200);
		encode_all(samples, count, &once);
		cursor = cursor_of(once.data, once.length);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(entry_decode(&decoder, &cursor, &entry), ERR_OK);
			assert_entries_equal(&entry, &samples[i].entry);
			/* What the next backup takes over unchanged gives the same bytes. */
			assert_int_equal(entry_encode(&coder, &entry, &again), ERR_OK);
		}
		assert_int_equal(cursor_left(&cursor), 0);
		assert_int_equal(again.length, once.length);
		assert_memory_equal(again.data, once.data, once.length);
		entry_state_free(&decoder);
		entry_state_free(&coder);
		buffer_free(&once);
		buffer_free(&again);
		mem_free(samples);
	}
}

static void extreme_times(void **state)
{
	static const int64_t times[] = {
	    INT64_MIN, INT64_MAX, INT64_MIN + 1, -CLOCK_SECOND, -CLOCK_SECOND - 1, -1, 0, 1, CLOCK_SECOND - 1};
	const size_t count = sizeof(times) / sizeof(times[0]);
	struct entry_state coder = {0}, decoder = {0};
	struct buffer out = {0};
	struct entry entry = {.type = ENTRY_FIFO, .links = 1}, back;
	struct cursor cursor;
	char path[16];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "p%02zu", i);
		entry.path = bytes_of(path);
		entry.mtime = times[i];
		entry.ctime = times[count - 1 - i];
		assert_int_equal(entry_encode(&coder, &entry, &out), ERR_OK);
	}
	cursor = cursor_of(out.data, out.length);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(entry_decode(&decoder, &cursor, &back), ERR_OK);
		assert_true(back.mtime == times[i]);
		assert_true(back.ctime == times[count - 1 - i]);
	}
	entry_state_free(&coder);
	entry_state_free(&decoder);
	buffer_free(&out);
}

/* What does not fit a type is left out, not refused: the source hands over what statx says. */
static void left_out(void **state)
{
	struct entry folder = {
	    .path = bytes_of("f"), .type = ENTRY_FOLDER, .links = 5, .size = 4096, .rdev = 7, .sparse = true};
	struct entry empty = {.path = bytes_of("g"), .type = ENTRY_FILE, .links = 0};
	struct entry_state coder = {0}, decoder = {0};
	struct buffer out = {0};
	struct entry back;
	struct cursor cursor;

	(void)state;
	assert_int_equal(entry_encode(&coder, &folder, &out), ERR_OK);
	assert_int_equal(entry_encode(&coder, &empty, &out), ERR_OK);
	cursor = cursor_of(out.data, out.length);
	assert_int_equal(entry_decode(&decoder, &cursor, &back), ERR_OK);
	assert_true(back.links == 1 && back.size == 0 && back.rdev == 0 && !back.sparse);
	assert_int_equal(entry_decode(&decoder, &cursor, &back), ERR_OK);
	assert_true(back.links == 1 && back.size == 0 && back.content.size == 1 && back.content.data[0] == 0);
	entry_state_free(&coder);
	entry_state_free(&decoder);
	buffer_free(&out);
}

/* ---- refused by the encoder ---- */

static void refused(struct entry_state *coder, struct buffer *out, const struct entry *entry)
{
	size_t before = out->length;

	failure_clear();
	assert_int_equal(entry_encode(coder, entry, out), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_ENTRY);
	assert_int_equal(out->length, before);
}

static void encoder_refuses(void **state)
{
	uint8_t big[ENTRY_XATTR_INLINE + 1] = {1, 'a', 0x80, 0x80, 4};
	struct entry good = {.path = bytes_of("b"), .type = ENTRY_FILE, .links = 1}, bad;
	struct entry_state coder = {0};
	struct buffer out = {0};

	(void)state;
	assert_int_equal(entry_encode(&coder, &good, &out), ERR_OK);
#define REFUSED(...)                                                                         \
	do {                                                                                 \
		bad = (struct entry){.path = bytes_of("c"), .type = ENTRY_FILE, .links = 1}; \
		__VA_ARGS__;                                                                 \
		refused(&coder, &out, &bad);                                                 \
	} while (0)
	REFUSED(bad.path = bytes_of("b"));
	REFUSED(bad.path = bytes_of("a"));
	REFUSED(bad.path = bytes_of(""));
	REFUSED(bad.path = bytes_of("c/.."));
	REFUSED(bad.type = 0);
	REFUSED(bad.type = 8);
	REFUSED(bad.mode = 010000);
	REFUSED(bad.flags = 1);
	REFUSED(bad.user = ((struct entry_bytes){(const uint8_t *)"a\0", 2}));
	REFUSED(bad.size = 1);
	REFUSED(bad.size = UINT64_C(1) << 63);
	REFUSED(bad.content_outside = true);
	REFUSED(bad.sparse = true);
	REFUSED(bad.type = ENTRY_SYMLINK);
	REFUSED(bad.type = ENTRY_SYMLINK; bad.target = ((struct entry_bytes){(const uint8_t *)"a\0b", 3}));
	REFUSED(bad.xattrs = ((struct entry_bytes){(const uint8_t *)"\x01"
								    "b\0\x01"
								    "a\0",
		    6}));
	REFUSED(bad.xattrs = ((struct entry_bytes){(const uint8_t *)"\x01"
								    "a\x02",
		    3}));
	REFUSED(bad.xattrs = ((struct entry_bytes){big, sizeof(big)}));
	REFUSED(bad.xattrs_chunk_size = CHUNK_MAX + 1);
	REFUSED(bad.xattrs = bytes_of("\x01"
				      "a\x01"
				      "b");
		bad.xattrs_chunk_size = 1);
#undef REFUSED
	good.path = bytes_of("c");
	assert_int_equal(entry_encode(&coder, &good, &out), ERR_OK);
	entry_state_free(&coder);
	buffer_free(&out);
}

static void largest(void **state)
{
	uint8_t *target = mem_alloc(ENTRY_MAX);
	struct entry entry = {.path = bytes_of("l"),
			 .type = ENTRY_SYMLINK,
			 .links = 1,
			 .target = {target, ENTRY_MAX - 100}},
		     back;
	struct entry_state coder = {0}, decoder = {0};
	struct buffer out = {0};
	struct cursor cursor;

	(void)state;
	memset(target, 't', ENTRY_MAX);
	while (entry_encode(&coder, &entry, &out) == ERR_OK) {
		assert_true(out.length <= ENTRY_MAX);
		cursor = cursor_of(out.data, out.length);
		entry_state_reset(&decoder);
		assert_int_equal(entry_decode(&decoder, &cursor, &back), ERR_OK);
		assert_entries_equal(&back, &entry);
		entry.target.size++;
		entry_state_reset(&coder);
		buffer_clear(&out);
	}
	assert_int_equal(failure_last()->id, PL_ENTRY);
	assert_true(entry.target.size > ENTRY_MAX - 60);
	entry_state_free(&coder);
	entry_state_free(&decoder);
	buffer_free(&out);
	mem_free(target);
}

/* ---- the lists inside ---- */

static void content_lists(void **state)
{
	uint8_t outside[80] = {0, 70, 2}, list[70], inside[80] = {2};
	struct entry entry = {.type = ENTRY_FILE, .content = {inside, 67}};
	struct entry_content content;
	struct entry_chunk chunk;

	(void)state;
	memset(inside + 1, 'i', 66);
	inside[33] = 5;
	inside[66] = 6;
	entry_content_open(&content, &entry);
	assert_true(!content.outside && content.chunks == 2 && content.left == 2);
	assert_true(entry_content_next(&content, &chunk) && chunk.length == 5 && chunk.id == inside + 1);
	assert_true(entry_content_next(&content, &chunk) && chunk.length == 6 && chunk.id == inside + 34);
	assert_false(entry_content_next(&content, &chunk));
	assert_false(content.cursor.bad);

	entry.content = (struct entry_bytes){outside, 3 + 66};
	entry.content_outside = true;
	memset(outside + 3, 'o', 66);
	entry_content_open(&content, &entry);
	assert_true(content.outside && content.chunks == 70 && content.left == 2);

	memset(list, 'l', sizeof(list));
	list[32] = 9;
	list[65] = 8;
	entry_content_of_list(&content, list, 66);
	assert_true(entry_content_next(&content, &chunk) && chunk.length == 9);
	assert_true(entry_content_next(&content, &chunk) && chunk.length == 8);
	assert_false(entry_content_next(&content, &chunk));
	assert_false(content.cursor.bad);
	entry_content_of_list(&content, list, 60);
	assert_true(entry_content_next(&content, &chunk));
	assert_false(entry_content_next(&content, &chunk));
	assert_true(content.cursor.bad);
	list[32] = 0;
	entry_content_of_list(&content, list, 66);
	assert_false(entry_content_next(&content, &chunk));
	assert_true(content.cursor.bad);
}

static void segments_and_xattrs(void **state)
{
	static const uint8_t map[] = {2, 10, 5, 0x80, 1, 7}, list[] = "\x06user.a\x02v1\x06user.b\x00";
	struct entry entry = {.sparse = true, .segments = {map, sizeof(map)}};
	struct cursor cursor = cursor_of(list, sizeof(list) - 1);
	struct entry_segments segments;
	struct entry_bytes name, value;
	uint64_t offset, size;

	(void)state;
	entry_segments_open(&segments, &entry);
	assert_true(entry_segments_next(&segments, &offset, &size) && offset == 10 && size == 5);
	assert_true(entry_segments_next(&segments, &offset, &size) && offset == 143 && size == 7);
	assert_false(entry_segments_next(&segments, &offset, &size));
	assert_true(
	    entry_xattr_next(&cursor, &name, &value) && name.size == 6 && value.size == 2 && value.data[1] == '1');
	assert_true(entry_xattr_next(&cursor, &name, &value) && name.data[5] == 'b' && value.size == 0);
	assert_false(entry_xattr_next(&cursor, &name, &value));
	assert_string_equal(entry_type_name(ENTRY_SYMLINK), "symlink");
	assert_string_equal(entry_type_name(9), "unknown");
}

/* ---- memory ---- */

static void memory_runs_out(void **state)
{
	size_t count;
	struct sample *samples = samples_sorted(7, 20, &count);
	struct buffer whole = {0};

	(void)state;
	encode_all(samples, count, &whole);
	for (unsigned long n = 1;; n++) {
		struct entry_state coder = {0}, decoder = {0};
		struct buffer out = {0};
		struct cursor cursor = cursor_of(whole.data, whole.length);
		struct entry entry;
		enum err err = ERR_OK;

		mem_fail_at(n);
		for (size_t i = 0; err == ERR_OK && i < count; i++)
			err = entry_encode(&coder, &samples[i].entry, &out);
		for (size_t i = 0; err == ERR_OK && i < count; i++)
			err = entry_decode(&decoder, &cursor, &entry);
		mem_fail_at(0);
		entry_state_free(&coder);
		entry_state_free(&decoder);
		buffer_free(&out);
		if (err == ERR_OK) {
			assert_true(n > 3);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
	buffer_free(&whole);
	mem_free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order),
	    cmocka_unit_test(within),
	    cmocka_unit_test(valid_paths),
	    cmocka_unit_test(known_bytes),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(extreme_times),
	    cmocka_unit_test(left_out),
	    cmocka_unit_test(encoder_refuses),
	    cmocka_unit_test(largest),
	    cmocka_unit_test(content_lists),
	    cmocka_unit_test(segments_and_xattrs),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
