/* Restoring into a folder: whatever a snapshot can hold. */
#include "core/base/mem.h"
#include "tests/unit/entries.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/restoring.h"

#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- everything at random ---- */

static struct entry_bytes attributes(struct buffer *out, uint64_t *seed)
{
	uint64_t count = random_below(seed, 3);

	buffer_clear(out);
	for (uint64_t i = 0; i < count; i++) {
		uint8_t value[40];
		size_t size = random_below(seed, sizeof(value)) + 1;

		random_bytes(random_next(seed), value, size);
		buffer_append_varint(out, 6);
		buffer_append_text(out, "user.%c", (char)('a' + (int)i));
		buffer_append_varint(out, size);
		buffer_append(out, value, size);
	}
	return (struct entry_bytes){out->data, out->length};
}

static void random_metadata(struct entry *entry, uint64_t *seed)
{
	static const uint16_t modes[] = {0644, 0600, 0755, 0444, 04755, 02711, 01777, 0000, 06711};

	entry->mode = modes[random_below(seed, sizeof(modes) / sizeof(modes[0]))];
	entry->mtime = (int64_t)random_below(seed, UINT64_C(4000000000) * 1000000000);
	if (random_below(seed, 8) == 0)
		entry->mtime = -entry->mtime / 2;
	if (geteuid() == 0 && random_below(seed, 2)) {
		entry->uid = (uint32_t)random_below(seed, 70000);
		entry->gid = (uint32_t)random_below(seed, 70000);
	}
}

static void add_random_file(struct fixture *fixture, struct entry *entry, uint64_t *seed)
{
	size_t size = random_below(seed, 5) == 0 ? 0 : random_below(seed, random_below(seed, 10) == 0 ? 3000000 : 5000);
	size_t chunk = random_below(seed, 3) == 0 ? 997 : 65536;
	uint8_t *bytes;

	if (size > 100000)
		chunk = 65536;
	bytes = mem_alloc(size);
	random_bytes(random_next(seed), bytes, size);
	if (random_below(seed, 6) == 0 && size > 10) {
		struct buffer segments = {0};

		buffer_append_varint(&segments, 2);
		buffer_append_varint(&segments, random_below(seed, 2) * 8192);
		buffer_append_varint(&segments, size / 2);
		buffer_append_varint(&segments, 1 << 20);
		buffer_append_varint(&segments, size - size / 2);
		entry->sparse = true;
		entry->size = 8192 + (2 << 20) + size + random_below(seed, 100000);
		entry->segments = (struct entry_bytes){segments.data, segments.length};
		fixture_add(fixture, entry, bytes, size, chunk);
		buffer_free(&segments);
	} else {
		fixture_add(fixture, entry, bytes, size, chunk);
	}
	mem_free(bytes);
}

/* Folders of up to three levels, in them everything there is. */
static void fill(struct fixture *fixture, uint64_t seed, size_t count)
{
	struct buffer list = {0};
	char folders[12][64] = {""};
	size_t folders_count = 1;

	for (size_t i = 0; i < count; i++) {
		const char *parent = folders[random_below(&seed, folders_count)];
		char path[128];
		uint64_t kind = random_below(&seed, 20);
		struct entry entry;

		snprintf(path, sizeof(path), "%s%s%c\xC3\xA9 %zu.", parent, *parent ? "/" : "",
		    (char)('a' + (int)random_below(&seed, 26)), i);
		if (kind < 3 && folders_count < 12 && strlen(path) < 60) {
			snprintf(folders[folders_count++], 64, "%.60s", path);
			entry = fixture_entry_of(path, ENTRY_FOLDER);
		} else {
			entry = fixture_entry_of(path,
			    kind == 4			      ? ENTRY_SYMLINK
				: kind == 5		      ? ENTRY_FIFO
				: kind == 6 && geteuid() == 0 ? ENTRY_CHARACTER
				: kind == 7		      ? ENTRY_SOCKET
							      : ENTRY_FILE);
		}
		random_metadata(&entry, &seed);
		if (entry.type == ENTRY_FOLDER)
			entry.mode |= 0700;
		if (entry.type == ENTRY_SYMLINK)
			entry.target = bytes_of("../nowhere \x01\xFF");
		if (entry.type == ENTRY_CHARACTER)
			entry.rdev = (uint64_t)5 << 32 | 300;
		if (entry.type == ENTRY_FILE || entry.type == ENTRY_FOLDER)
			entry.xattrs = attributes(&list, &seed);
		if (entry.type == ENTRY_FILE && random_below(&seed, 10) == 0)
			entry.flags = FS_NODUMP_FL;
		if (entry.type == ENTRY_FILE)
			add_random_file(fixture, &entry, &seed);
		else
			fixture_add(fixture, &entry, NULL, 0, 0);
	}
	buffer_free(&list);
}

static void restores_whatever_there_is(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct restoring *at;

		restoring_up(state);
		at = *state;
		at->options.verify = seed % 2 == 0;
		at->options.threads = (unsigned)(seed % 3) + 1;
		fill(&at->fixture, seed, 300);
		fixture_store(&at->fixture);
		if (restoring_run(at) != ERR_OK)
			fail_msg("seed %llu: %s", (unsigned long long)seed, failure_last()->text);
		assert_int_equal(at->problems + at->metadata_problems, 0);
		assert_int_equal(at->result.files + at->result.folders + at->result.others, 300);
		if (at->options.verify)
			assert_int_equal(at->result.verified_files, at->result.files);
		restoring_assert_whole(at);
		restoring_down(state);
	}
}

static void restores_large_files_in_parts(void **state)
{
	struct restoring *at = *state;
	struct entry entry = fixture_entry_of("large", ENTRY_FILE);
	size_t size = (20u << 20) + 12345;
	uint8_t *bytes = mem_alloc(size);
	struct buffer segments = {0};

	at->options.threads = 3;
	at->options.verify = true;
	random_bytes(7, bytes, size);
	entry.mode = 04711;
	fixture_add(&at->fixture, &entry, bytes, size, 300000);
	entry = fixture_entry_of("sparse", ENTRY_FILE);
	buffer_append_varint(&segments, 3);
	for (int i = 0; i < 3; i++) {
		buffer_append_varint(&segments, 1 << 20);
		buffer_append_varint(&segments, size / 3);
	}
	entry.sparse = true;
	entry.segments = (struct entry_bytes){segments.data, segments.length};
	entry.size = (4 << 20) + size / 3 * 3;
	fixture_add(&at->fixture, &entry, bytes, size / 3 * 3, 300000);
	fixture_store(&at->fixture);
	assert_int_equal(restoring_run(at), ERR_OK);
	assert_int_equal(at->result.bytes, size + size / 3 * 3);
	restoring_assert_whole(at);
	buffer_free(&segments);
	mem_free(bytes);
}

#define test(name) cmocka_unit_test_setup_teardown(name, restoring_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(restores_whatever_there_is),
	    test(restores_large_files_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
