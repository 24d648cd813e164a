/* Entries that nobody of good will wrote: each field wrong once, and every byte of good ones. */
#include "core/base/mem.h"
#include "core/repo/entry.h"
#include "tests/unit/entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The fields of an encoded entry as they stand, written by the bits of `head` without any check. */
struct raw {
	uint64_t head, shared, rest_size;
	const char *rest;
	uint64_t uid, gid;
	struct entry_bytes user, group;
	uint64_t mode;
	int64_t mtime;
	uint64_t mtime_ns;
	int64_t ctime;
	uint64_t ctime_ns, device;
	uint64_t links, rdev, flags;
	struct entry_bytes target, xattrs;
	uint64_t xattrs_length;
	struct entry_bytes segments; /* as they stand */
	uint64_t size;
	struct entry_bytes content; /* as it stands */
	size_t left_over;
};

static uint8_t *put(uint8_t *at, struct entry_bytes bytes, bool sized)
{
	if (sized)
		at = varint_put(at, bytes.size);
	if (bytes.size > 0)
		memcpy(at, bytes.data, bytes.size);
	return at + bytes.size;
}

static size_t raw_put(const struct raw *raw, uint8_t out[2048])
{
	static const uint8_t id[CHUNK_ID_SIZE] = {7};
	uint8_t body[2048], *at = body;
	size_t size;

	at = varint_put(varint_put(varint_put(at, raw->head), raw->shared), raw->rest_size);
	at = put(at, (struct entry_bytes){(const uint8_t *)raw->rest, raw->rest_size}, false);
	if (!(raw->head & ENTRY_HAS_SAME_OWNER))
		at = put(put(varint_put(varint_put(at, raw->uid), raw->gid), raw->user, true), raw->group, true);
	if (!(raw->head & ENTRY_HAS_SAME_MODE))
		at = varint_put(at, raw->mode);
	at = varint_put(zigzag_put(at, raw->mtime), raw->mtime_ns);
	at = varint_put(zigzag_put(at, raw->ctime), raw->ctime_ns);
	if (!(raw->head & ENTRY_HAS_SAME_DEVICE))
		at = varint_put(at, raw->device);
	at = zigzag_put(at, 0);
	if (raw->head & ENTRY_HAS_LINKED)
		at = varint_put(at, raw->links);
	if (raw->head & ENTRY_HAS_DEVICE)
		at = varint_put(at, raw->rdev);
	if (raw->head & ENTRY_HAS_FLAGS)
		at = varint_put(at, raw->flags);
	if (raw->head & ENTRY_HAS_TARGET)
		at = put(at, raw->target, true);
	if (raw->head & ENTRY_HAS_XATTRS)
		at = put(at, raw->xattrs, true);
	if (raw->head & ENTRY_HAS_XATTRS_OUTSIDE)
		at = varint_put(put(at, (struct entry_bytes){id, sizeof(id)}, false), raw->xattrs_length);
	if (raw->head & ENTRY_HAS_SPARSE)
		at = put(at, raw->segments, false);
	if (raw->head & ENTRY_HAS_CONTENT)
		at = put(varint_put(at, raw->size), raw->content, false);
	for (size_t i = 0; i < raw->left_over; i++)
		*at++ = 0;
	size = (size_t)(at - body);
	at = varint_put(out, size);
	memcpy(at, body, size);
	return (size_t)(at - out) + size;
}

static struct entry_bytes literal(const char *bytes, size_t size)
{
	return (struct entry_bytes){(const uint8_t *)bytes, size};
}
#define BYTES(text) literal(text, sizeof(text) - 1)
#define ID "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"

static struct raw raw_of(uint64_t head, const char *path)
{
	return (struct raw){.head = head,
	    .rest = path,
	    .rest_size = strlen(path),
	    .links = 2,
	    .flags = 0x10,
	    .target = BYTES("t"),
	    .xattrs = BYTES("\x01"
			    "a"
			    "\x00"),
	    .xattrs_length = 1,
	    .segments = BYTES("\x00"),
	    .content = BYTES("\x00")};
}

/* Decodes "dir/a" and then the raw entry. */
static enum err decode(const struct raw *raw, struct entry *out, struct entry_state *state)
{
	struct raw before = raw_of(ENTRY_FOLDER, "dir/a");
	static uint8_t bytes[4096]; /* outlives the entry */
	size_t size = raw_put(&before, bytes);
	struct cursor cursor;

	size += raw_put(raw, bytes + size);
	cursor = cursor_of(bytes, size);
	if (entry_decode(state, &cursor, out) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	failure_clear();
	return entry_decode(state, &cursor, out);
}

static void expect(const struct raw *raw, enum err expected, const char *what)
{
	struct entry_state state = {0};
	struct entry out;
	enum err err = decode(raw, &out, &state);

	if (err != expected || (err != ERR_OK && failure_last()->id != PL_ENTRY_BROKEN))
		fail_msg("%s: %s, %s", what, error_name(err), err ? failure_last()->text : "accepted");
	entry_state_free(&state);
}

#define SAME (ENTRY_HAS_SAME_MODE | ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_DEVICE)
#define FIELD(good_or_broken, head, ...)                                   \
	do {                                                               \
		struct raw raw = raw_of((head), "e");                      \
		__VA_ARGS__;                                               \
		expect(&raw, good_or_broken, #head " with " #__VA_ARGS__); \
	} while (0)
#define GOOD(...) FIELD(ERR_OK, __VA_ARGS__)
#define BROKEN(...) FIELD(ERR_CORRUPT, __VA_ARGS__)

static void heads(void **state)
{
	const uint64_t file = ENTRY_FILE | ENTRY_HAS_CONTENT | SAME;

	(void)state;
	GOOD(file, (void)0);
	GOOD(ENTRY_SOCKET | SAME, (void)0);
	BROKEN(0 | SAME, (void)0);
	BROKEN(8 | SAME, (void)0);
	BROKEN(file | 1u << 16, (void)0);
	BROKEN(file | UINT64_C(1) << 40, (void)0);
	BROKEN(ENTRY_FILE | SAME, (void)0);
	BROKEN(ENTRY_FOLDER | SAME | ENTRY_HAS_CONTENT, (void)0);
	BROKEN(ENTRY_FOLDER | SAME | ENTRY_HAS_LINKED, (void)0);
	BROKEN(ENTRY_FOLDER | SAME | ENTRY_HAS_SPARSE, (void)0);
	BROKEN(ENTRY_FOLDER | SAME | ENTRY_HAS_OUTSIDE, (void)0);
	BROKEN(ENTRY_SYMLINK | SAME, (void)0);
	BROKEN(ENTRY_FIFO | SAME | ENTRY_HAS_TARGET, (void)0);
	BROKEN(ENTRY_BLOCK | SAME, (void)0);
	BROKEN(ENTRY_FIFO | SAME | ENTRY_HAS_DEVICE, (void)0);
	GOOD(ENTRY_CHARACTER | SAME | ENTRY_HAS_DEVICE, raw.rdev = UINT64_MAX);
	BROKEN(ENTRY_FIFO | SAME | ENTRY_HAS_XATTRS | ENTRY_HAS_XATTRS_OUTSIDE, (void)0);
	GOOD(ENTRY_FIFO | ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_DEVICE, raw.mode = 07777);
	BROKEN(ENTRY_FIFO | ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_DEVICE, raw.mode = 010000);
	BROKEN(ENTRY_FIFO | ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_DEVICE, raw.mode = 0); /* repeats */
	BROKEN(ENTRY_FIFO | ENTRY_HAS_SAME_OWNER | ENTRY_HAS_SAME_MODE, raw.device = 0); /* repeats */
	BROKEN(ENTRY_FIFO | SAME, raw.left_over = 1);
}

/* The first entry of a node has nothing that it could be the same as. */
static void first_of_a_node(void **state)
{
	static const uint64_t same[] = {ENTRY_HAS_SAME_OWNER, ENTRY_HAS_SAME_MODE, ENTRY_HAS_SAME_DEVICE};
	struct entry_state coder = {0};
	struct entry out;
	uint8_t bytes[2048];
	struct cursor cursor;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct raw raw = raw_of(i < 3 ? ENTRY_FIFO | same[i] : ENTRY_FIFO, "p");

		raw.shared = i == 3;
		cursor = cursor_of(bytes, raw_put(&raw, bytes));
		entry_state_reset(&coder);
		assert_int_equal(entry_decode(&coder, &cursor, &out), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_ENTRY_BROKEN);
	}
	entry_state_free(&coder);
}

static void paths(void **state)
{
	const uint64_t fifo = ENTRY_FIFO | SAME;

	(void)state;
	GOOD(fifo, raw.shared = 5); /* dir/ae */
	GOOD(fifo, raw.shared = 4);
	GOOD(fifo, raw.shared = 5; raw.rest = "/b"; raw.rest_size = 2);
	BROKEN(fifo, raw.shared = 6);
	BROKEN(fifo, raw.shared = UINT64_MAX);
	BROKEN(fifo, raw.shared = 5; raw.rest_size = 0);
	BROKEN(fifo, raw.shared = 3; raw.rest_size = 0);
	BROKEN(fifo, raw.rest_size = 0);
	BROKEN(fifo, raw.shared = 4; raw.rest = "A");			  /* not ascending */
	BROKEN(fifo, raw.shared = 3; raw.rest = "/b"; raw.rest_size = 2); /* could share more */
	BROKEN(fifo, raw.shared = 2; raw.rest = "/x"; raw.rest_size = 2); /* di/x sorts before dir */
	BROKEN(fifo, raw.shared = 5; raw.rest = "/"; raw.rest_size = 1);
	BROKEN(fifo, raw.shared = 5; raw.rest = "//b"; raw.rest_size = 3);
	BROKEN(fifo, raw.shared = 5; raw.rest = "/.."; raw.rest_size = 3);
	BROKEN(fifo, raw.shared = 5; raw.rest = "/./b"; raw.rest_size = 4);
	BROKEN(fifo, raw.shared = 5; raw.rest = "\0b"; raw.rest_size = 2);
	BROKEN(fifo, raw.rest = "f/"; raw.rest_size = 2);
	{
		/* The shared bytes are checked where the component that they end in goes on: "d/.x" and then "d/." + ".". */
		struct raw raw = raw_of(ENTRY_FIFO, "d/.-");
		uint8_t bytes[4096];
		size_t size = raw_put(&raw, bytes);
		struct entry_state coder = {0};
		struct cursor cursor;
		struct entry out;

		raw = raw_of(fifo, ".");
		raw.shared = 3;
		size += raw_put(&raw, bytes + size);
		cursor = cursor_of(bytes, size);
		assert_int_equal(entry_decode(&coder, &cursor, &out), ERR_OK);
		assert_int_equal(entry_decode(&coder, &cursor, &out), ERR_CORRUPT);
		entry_state_free(&coder);
	}
}

static void owners_and_times(void **state)
{
	const uint64_t owner = ENTRY_FIFO | ENTRY_HAS_SAME_MODE | ENTRY_HAS_SAME_DEVICE, fifo = ENTRY_FIFO | SAME;

	(void)state;
	GOOD(owner, raw.uid = UINT32_MAX);
	GOOD(owner, raw.user = BYTES("u"));
	BROKEN(owner, raw.uid = 0); /* repeats */
	BROKEN(owner, raw.uid = UINT64_C(1) << 32);
	BROKEN(owner, raw.gid = UINT64_C(1) << 32);
	BROKEN(owner, raw.user = BYTES("a\0"));
	BROKEN(owner, raw.group = BYTES("\0"));
	GOOD(fifo, raw.mtime = 9223372036; raw.mtime_ns = 854775807);
	BROKEN(fifo, raw.mtime = 9223372036; raw.mtime_ns = 854775808);
	GOOD(fifo, raw.ctime = -9223372037; raw.ctime_ns = 145224192);
	BROKEN(fifo, raw.ctime = -9223372037; raw.ctime_ns = 145224191);
	BROKEN(fifo, raw.mtime = INT64_MAX);
	BROKEN(fifo, raw.ctime = INT64_MIN);
	BROKEN(fifo, raw.mtime_ns = 1000000000);
	BROKEN(fifo, raw.ctime_ns = 1000000000);
}

static void options(void **state)
{
	const uint64_t fifo = ENTRY_FIFO | SAME, link = ENTRY_SYMLINK | SAME | ENTRY_HAS_TARGET;

	(void)state;
	GOOD(fifo | ENTRY_HAS_LINKED, raw.links = UINT32_MAX);
	BROKEN(fifo | ENTRY_HAS_LINKED, raw.links = 1);
	BROKEN(fifo | ENTRY_HAS_LINKED, raw.links = UINT64_C(1) << 32);
	GOOD(fifo | ENTRY_HAS_FLAGS, raw.flags = ENTRY_FLAGS_KEPT);
	BROKEN(fifo | ENTRY_HAS_FLAGS, raw.flags = 0);
	BROKEN(fifo | ENTRY_HAS_FLAGS, raw.flags = 0x10 | 1);
	BROKEN(fifo | ENTRY_HAS_FLAGS, raw.flags = UINT64_C(0x1000000000));
	GOOD(link, (void)0);
	BROKEN(link, raw.target = BYTES(""));
	BROKEN(link, raw.target = BYTES("a\0b"));
	GOOD(fifo | ENTRY_HAS_XATTRS, (void)0);
	GOOD(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "a"
			       "\x01"
			       "v"
			       "\x02"
			       "ab"
			       "\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS, raw.xattrs = BYTES(""));
	BROKEN(fifo | ENTRY_HAS_XATTRS, raw.xattrs = BYTES("\x00\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "\0"
			       "\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "a"
			       "\x00"
			       "\x01"
			       "a"
			       "\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "b"
			       "\x00"
			       "\x01"
			       "a"
			       "\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x02"
			       "ab"
			       "\x00"
			       "\x01"
			       "a"
			       "\x00"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "a"
			       "\x05"
			       "v"));
	BROKEN(fifo | ENTRY_HAS_XATTRS,
	    raw.xattrs = BYTES("\x01"
			       "a"));
	GOOD(fifo | ENTRY_HAS_XATTRS_OUTSIDE, raw.xattrs_length = CHUNK_MAX);
	BROKEN(fifo | ENTRY_HAS_XATTRS_OUTSIDE, raw.xattrs_length = 0);
	BROKEN(fifo | ENTRY_HAS_XATTRS_OUTSIDE, raw.xattrs_length = CHUNK_MAX + 1);
}

static void contents(void **state)
{
	const uint64_t file = ENTRY_FILE | SAME | ENTRY_HAS_CONTENT, outside = file | ENTRY_HAS_OUTSIDE,
		       sparse = file | ENTRY_HAS_SPARSE;

	(void)state;
	BROKEN(file, raw.size = 1);
	BROKEN(file, raw.size = UINT64_MAX);
	GOOD(file, raw.size = 5; raw.content = BYTES("\x01" ID "\x05"));
	BROKEN(file, raw.size = 5; raw.content = BYTES("\x01" ID "\x04"));
	BROKEN(file, raw.size = 0; raw.content = BYTES("\x01" ID "\x00"));
	GOOD(file, raw.size = 9; raw.content = BYTES("\x02" ID "\x05" ID "\x04"));
	BROKEN(file, raw.size = 9; raw.content = BYTES("\x03" ID "\x05" ID "\x04"));
	BROKEN(file, raw.size = 2097153; raw.content = BYTES("\x01" ID "\x81\x80\x80\x01"));
	BROKEN(file, raw.content = BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	BROKEN(file, raw.content = BYTES(""));
	GOOD(outside, raw.size = 1000; raw.content = BYTES("\x00\x02\x01" ID "\x42"));
	BROKEN(outside, raw.size = 1000; raw.content = BYTES("\x01\x02\x01" ID "\x42")); /* n and OUTSIDE */
	BROKEN(outside, raw.size = 1000; raw.content = BYTES("\x00\x00\x01" ID "\x42"));
	BROKEN(outside, raw.size = 1000;
	       raw.content = BYTES("\x00\x01\x01" ID "\x42")); /* 66 bytes are no list of one */
	BROKEN(outside, raw.size = 1000; raw.content = BYTES("\x00\x03\x01" ID "\x42"));
	BROKEN(outside, raw.size = 1000; raw.content = BYTES("\x00\x02\x00"));
	BROKEN(outside, raw.size = 1000; raw.content = BYTES("\x00\x02\x02" ID "\x42"));
	BROKEN(outside, raw.size = 1; raw.content = BYTES("\x00\x02\x01" ID "\x42"));
	GOOD(outside, raw.size = 2 * CHUNK_MAX; raw.content = BYTES("\x00\x02\x01" ID "\x42"));
	BROKEN(outside, raw.size = 2 * CHUNK_MAX + 1; raw.content = BYTES("\x00\x02\x01" ID "\x42"));
	GOOD(sparse, raw.size = 1000);
	GOOD(sparse, raw.size = 15; raw.segments = BYTES("\x01\x0a\x05"); raw.content = BYTES("\x01" ID "\x05"));
	BROKEN(sparse, raw.size = 14; raw.segments = BYTES("\x01\x0a\x05"); raw.content = BYTES("\x01" ID "\x05"));
	BROKEN(sparse, raw.size = 15; raw.segments = BYTES("\x01\x0a\x05"); raw.content = BYTES("\x01" ID "\x06"));
	BROKEN(sparse, raw.size = 15; raw.segments = BYTES("\x01\x0a\x00"));
	BROKEN(sparse, raw.size = 15; raw.segments = BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	BROKEN(sparse, raw.size = 3; raw.segments = BYTES("\x02\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01");
	       raw.content = BYTES("\x01" ID "\x02"));
}

/* ---- every byte ---- */

/* Whatever is accepted must be in order, and its one spelling the bytes that were read. */
static void check_accepted(const uint8_t *bytes, size_t size)
{
	struct entry_state decoder = {0}, coder = {0};
	struct cursor cursor = cursor_of(bytes, size);
	struct buffer again = {0};
	struct entry entry;
	enum err err = ERR_OK;
	size_t good = 0;

	while (err == ERR_OK && cursor_left(&cursor) > 0) {
		err = entry_decode(&decoder, &cursor, &entry);
		if (err == ERR_OK) {
			assert_true(entry_path_valid(entry.path));
			assert_int_equal(entry_encode(&coder, &entry, &again), ERR_OK);
			good = (size_t)(cursor.at - bytes);
		}
	}
	assert_true(err == ERR_OK || err == ERR_CORRUPT);
	assert_int_equal(again.length, good);
	if (good > 0)
		assert_memory_equal(again.data, bytes, good);
	entry_state_free(&decoder);
	entry_state_free(&coder);
	buffer_free(&again);
}

static void every_byte(void **state)
{
	size_t count;
	struct sample *samples = samples_sorted(3, 25, &count);
	struct entry_state coder = {0};
	struct buffer good = {0};

	(void)state;
	for (size_t i = 0; i < count; i++)
		if (samples[i].entry.content.size < 200)
			assert_int_equal(entry_encode(&coder, &samples[i].entry, &good), ERR_OK);
	for (size_t at = 0; at < good.length; at++) {
		for (unsigned mask = 1; mask < 256; mask = at < 250 ? mask + 1 : mask << 1) {
			good.data[at] ^= (uint8_t)mask;
			check_accepted(good.data, good.length);
			good.data[at] ^= (uint8_t)mask;
		}
		/* A copy of its own, so that a read behind the end is seen. */
		uint8_t *cut = mem_copy(good.data, at);

		check_accepted(cut, at);
		mem_free(cut);
	}
	entry_state_free(&coder);
	buffer_free(&good);
	mem_free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(heads),
	    cmocka_unit_test(first_of_a_node),
	    cmocka_unit_test(paths),
	    cmocka_unit_test(owners_and_times),
	    cmocka_unit_test(options),
	    cmocka_unit_test(contents),
	    cmocka_unit_test(every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
