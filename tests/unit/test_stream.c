/* Streams: the local copy of the last tree, whole or not used. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/stream.h"
#include "core/repo/tree.h"
#include "tests/unit/entries.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t chunker_key[KEY_SIZE] = "chunker key of the tests of tree";
static const uint8_t snapshot[OBJECT_ID_SIZE] = "a snapshot";
static struct keys keys = {.repository = "the repository", .domain = {.tag = "the domain"}};

struct place {
	char *folder, *path, *new_path;
};

static int up(void **state)
{
	const char *base = getenv("TMPDIR");
	struct place *place = mem_calloc(1, sizeof(*place));

	place->folder = mem_printf("%s/pulih-stream-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(place->folder))
		return -1;
	place->path = mem_printf("%s/stream", place->folder);
	place->new_path = mem_printf("%s.new", place->path);
	*state = place;
	return 0;
}

static int down(void **state)
{
	struct place *place = *state;

	assert_int_equal(file_remove_tree(place->folder), ERR_OK);
	mem_free(place->folder);
	mem_free(place->path);
	mem_free(place->new_path);
	mem_free(place);
	return 0;
}

#define STARTED INT64_C(1795305600123456789)

/* Writes the samples through a tree, commits. */
static enum err write_stream(const char *path, const struct sample *samples, size_t count)
{
	struct chunk_store store = {0};
	struct stream_writer *stream = NULL;
	struct tree_writer *writer = NULL;
	struct tree_root root;
	enum err err = stream_writer_new(&stream, path, &keys, STARTED);

	if (err == ERR_OK)
		err = tree_writer_new(&writer, chunker_key, chunk_store_put, &store, stream);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = tree_writer_add(writer, &samples[i].entry);
	if (err == ERR_OK)
		err = tree_writer_finish(writer, &root);
	if (err == ERR_OK)
		err = stream_writer_commit(stream, snapshot);
	tree_writer_free(writer);
	stream_writer_free(stream);
	chunk_store_free(&store);
	return err;
}

/* Reads until the end or the damage; *usable says whether there was a stream at all. The entries read are the first ones of the samples. */
static enum err read_stream(const char *path, const struct sample *samples, size_t *count, bool *usable, bool *damaged)
{
	struct stream_reader *reader = NULL;
	const struct entry *entry = NULL;
	enum err err = stream_reader_new(&reader, path, &keys);

	*count = 0;
	*damaged = false;
	*usable = reader != NULL;
	while (err == ERR_OK && reader) {
		err = stream_reader_next(reader, &entry, damaged);
		if (err != ERR_OK || !entry)
			break;
		if (samples)
			assert_entries_equal(entry, &samples[*count].entry);
		(*count)++;
	}
	if (err == ERR_OK && reader) {
		bool again;

		assert_memory_equal(stream_reader_snapshot(reader), snapshot, OBJECT_ID_SIZE);
		assert_int_equal(stream_reader_next(reader, &entry, &again), ERR_OK);
		assert_null(entry);
		assert_int_equal(again, *damaged);
	}
	stream_reader_free(reader);
	return err;
}

static void round_trip(void **state)
{
	struct place *place = *state;
	bool usable, damaged;
	size_t sizes[] = {0, 1, 30, 3000};
	struct stat status;

	assert_int_equal(read_stream(place->path, NULL, &sizes[0], &usable, &damaged), ERR_OK);
	assert_false(usable);
	for (size_t i = 0; i < 4; i++) {
		size_t count, got;
		struct sample *samples = samples_sorted(i, sizes[i], &count);

		assert_int_equal(write_stream(place->path, samples, count), ERR_OK);
		assert_int_equal(read_stream(place->path, samples, &got, &usable, &damaged), ERR_OK);
		assert_true(usable && !damaged && got == count);
		mem_free(samples);
	}
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(access(place->new_path, F_OK), -1);
}

/* A stream that was not committed is gone, and the old one stays. */
static void not_committed(void **state)
{
	struct place *place = *state;
	struct stream_writer *stream = NULL;
	size_t count, got;
	struct sample *samples = samples_sorted(2, 20, &count);
	bool usable, damaged;

	assert_int_equal(write_stream(place->path, samples, count), ERR_OK);
	/* What an interrupted run left, even a link to somewhere else, is replaced and not followed. */
	assert_int_equal(symlink("stream", place->new_path), 0);
	assert_int_equal(stream_writer_new(&stream, place->path, &keys, STARTED), ERR_OK);
	assert_int_equal(stream_writer_node(stream, snapshot, "\x01\x00", 2), ERR_OK);
	assert_int_equal(access(place->new_path, F_OK), 0);
	stream_writer_free(stream);
	assert_int_equal(access(place->new_path, F_OK), -1);
	assert_int_equal(read_stream(place->path, samples, &got, &usable, &damaged), ERR_OK);
	assert_true(usable && !damaged && got == count);
	mem_free(samples);
}

/* A state folder that cannot be written does not stop the tree; commit tells. */
static void cannot_be_written(void **state)
{
	struct place *place = *state;
	struct stream_writer *stream = NULL;
	char *nowhere = mem_printf("%s/none/stream", place->folder);
	uint8_t *node = mem_calloc(1, NODE_MAX);
	enum err err = ERR_OK;

	assert_int_equal(stream_writer_new(&stream, nowhere, &keys, STARTED), ERR_IO);
	assert_int_equal(failure_last()->id, PL_STREAM);
	assert_null(stream);
	assert_int_equal(stream_writer_new(&stream, place->path, &keys, STARTED), ERR_OK);
	/* The disk fills up while nodes are written: /dev/full under the writer's descriptor. */
	for (int fd = 3; fd < 256; fd++) {
		struct stat a, b;

		if (fstat(fd, &a) == 0 && stat(place->new_path, &b) == 0 && a.st_ino == b.st_ino &&
		    a.st_dev == b.st_dev) {
			int full = open("/dev/full", O_WRONLY);

			assert_int_equal(dup2(full, fd), fd);
			close(full);
		}
	}
	for (int i = 0; i < 8 && err == ERR_OK; i++)
		err = stream_writer_node(stream, snapshot, node, NODE_MAX);
	assert_int_equal(err, ERR_NOSPACE);
	failure_clear();
	assert_int_equal(stream_writer_commit(stream, snapshot), ERR_NOSPACE);
	assert_int_equal(failure_last()->id, PL_NO_SPACE);
	stream_writer_free(stream);
	mem_free(nowhere);
	mem_free(node);
}

static void flip(const char *path, off_t at, uint8_t mask)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= mask;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

#define HEADER 96
#define NODE_ID (HEADER + 12)

/* Every byte of the file: a header that does not fit makes it unusable, anything behind it damaged; only the chunk ids of nodes
 * are beyond the hash, and nothing here reads them. */
static void every_byte(void **state)
{
	struct place *place = *state;
	size_t count, got;
	struct sample *samples = samples_sorted(4, 12, &count);
	bool usable, damaged;
	struct stat status;

	assert_int_equal(write_stream(place->path, samples, count), ERR_OK);
	assert_int_equal(stat(place->path, &status), 0);
	for (off_t at = 0; at < status.st_size; at++) {
		if (at >= NODE_ID && at < NODE_ID + CHUNK_ID_SIZE)
			continue;
		flip(place->path, at, 0x10);
		assert_int_equal(read_stream(place->path, samples, &got, &usable, &damaged), ERR_OK);
		assert_int_equal(usable, at >= HEADER);
		assert_int_equal(damaged, at >= HEADER);
		/* Nothing of a damaged node is believed; where only the trailer is, all came before. */
		assert_int_equal(got, at >= status.st_size - 12 ? count : 0);
		flip(place->path, at, 0x10);
	}
	mem_free(samples);
}

static void cut_anywhere(void **state)
{
	struct place *place = *state;
	size_t count, got;
	struct sample *samples = samples_sorted(6, 3000, &count);
	bool usable, damaged;
	struct stat status;

	assert_int_equal(write_stream(place->path, samples, count), ERR_OK);
	assert_int_equal(stat(place->path, &status), 0);
	for (off_t size = status.st_size - 1; size > HEADER; size -= 1 + size / 9) {
		assert_int_equal(truncate(place->path, size), 0);
		assert_int_equal(read_stream(place->path, samples, &got, &usable, &damaged), ERR_OK);
		assert_true(usable && damaged && got <= count);
	}
	assert_int_equal(truncate(place->path, 79), 0);
	assert_int_equal(read_stream(place->path, samples, &got, &usable, &damaged), ERR_OK);
	assert_false(usable);
	mem_free(samples);
}

static void other_owner(void **state)
{
	struct place *place = *state;
	struct keys kept = keys;
	size_t got;
	bool usable, damaged;
	static const uint8_t none[OBJECT_ID_SIZE];
	struct stream_writer *stream = NULL;

	assert_int_equal(write_stream(place->path, NULL, 0), ERR_OK);
	keys.repository[0] ^= 1;
	assert_int_equal(read_stream(place->path, NULL, &got, &usable, &damaged), ERR_OK);
	assert_false(usable);
	keys = kept;
	keys.domain.tag[15] ^= 1;
	assert_int_equal(read_stream(place->path, NULL, &got, &usable, &damaged), ERR_OK);
	assert_false(usable);
	keys = kept;
	assert_int_equal(read_stream(place->path, NULL, &got, &usable, &damaged), ERR_OK);
	assert_true(usable);
	/* Not committed to any snapshot. */
	assert_int_equal(stream_writer_new(&stream, place->path, &keys, STARTED), ERR_OK);
	assert_int_equal(stream_writer_commit(stream, none), ERR_OK);
	stream_writer_free(stream);
	assert_int_equal(read_stream(place->path, NULL, &got, &usable, &damaged), ERR_OK);
	assert_false(usable);
}

static void memory_runs_out(void **state)
{
	struct place *place = *state;
	size_t count, got;
	struct sample *samples = samples_sorted(8, 50, &count);
	bool usable, damaged;
	enum err err = ERR_NOMEM;

	for (unsigned long n = 1; err != ERR_OK; n++) {
		assert_int_equal(file_remove_tree(place->path), ERR_OK);
		mem_fail_at(n);
		err = write_stream(place->path, samples, count);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	}
	err = ERR_NOMEM;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = read_stream(place->path, samples, &got, &usable, &damaged);
		mem_fail_at(0);
		assert_true(err == ERR_NOMEM || (usable && !damaged && got == count));
		assert_true(err != ERR_OK || n > 3);
	}
	mem_free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(round_trip, up, down),
	    cmocka_unit_test_setup_teardown(not_committed, up, down),
	    cmocka_unit_test_setup_teardown(cannot_be_written, up, down),
	    cmocka_unit_test_setup_teardown(every_byte, up, down),
	    cmocka_unit_test_setup_teardown(cut_anywhere, up, down),
	    cmocka_unit_test_setup_teardown(other_owner, up, down),
	    cmocka_unit_test_setup_teardown(memory_runs_out, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
