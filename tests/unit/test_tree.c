/* Trees: written and read, found in, and changed little by little changes. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/tree.h"
#include "tests/unit/entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 10000

static const uint8_t chunker_key[KEY_SIZE] = "chunker key of the tests of tree";

/* Writes sample_plain(n) for each n below count, but those that `skip` names; `changed` gets another mtime. */
static void write_plain(
    struct chunk_store *store, uint64_t count, uint64_t skip, uint64_t changed, struct tree_root *root)
{
	struct tree_writer *writer = NULL;
	struct sample *sample = mem_calloc(1, sizeof(*sample));

	assert_int_equal(tree_writer_new(&writer, chunker_key, chunk_store_put, store, NULL), ERR_OK);
	for (uint64_t n = 0; n < count; n++) {
		if (n == skip)
			continue;
		sample_plain(sample, n);
		if (n == changed)
			sample->entry.mtime += CLOCK_SECOND;
		assert_int_equal(tree_writer_add(writer, &sample->entry), ERR_OK);
	}
	assert_int_equal(tree_writer_finish(writer, root), ERR_OK);
	tree_writer_free(writer);
	mem_free(sample);
}

static void write_samples(struct chunk_store *store, const struct sample *samples, size_t count, struct tree_root *root)
{
	struct tree_writer *writer = NULL;

	assert_int_equal(tree_writer_new(&writer, chunker_key, chunk_store_put, store, NULL), ERR_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(tree_writer_add(writer, &samples[i].entry), ERR_OK);
	assert_int_equal(tree_writer_finish(writer, root), ERR_OK);
	tree_writer_free(writer);
}

static void empty(void **state)
{
	struct chunk_store store = {0};
	struct tree_root root;
	struct tree_reader *reader = NULL;
	const struct entry *entry;

	(void)state;
	write_plain(&store, 0, 1, 1, &root);
	assert_true(root.levels == 1 && root.entries == 0 && root.length == 2 && store.count == 1);
	assert_memory_equal(store.chunks[0].bytes, "\x01\x00", 2);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_null(entry);
	assert_int_equal(tree_reader_seek(reader, bytes_of("a")), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_null(entry);
	tree_reader_free(reader);
	chunk_store_free(&store);
}

static void round_trip(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct chunk_store store = {0};
		struct tree_root root, again;
		struct tree_reader *reader = NULL;
		const struct entry *entry;
		size_t count;
		struct sample *samples = samples_sorted(seed, seed == 1 ? 20 : 1500, &count);

		write_samples(&store, samples, count, &root);
		assert_int_equal(root.entries, count);
		assert_int_equal(root.levels > 1, seed > 1);
		assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
			assert_non_null(entry);
			assert_entries_equal(entry, &samples[i].entry);
		}
		assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
		assert_null(entry);
		assert_int_equal(store.fetches, store.count);
		tree_reader_free(reader);
		write_samples(&store, samples, count, &again);
		assert_memory_equal(&again, &root, sizeof(root));
		mem_free(samples);
		chunk_store_free(&store);
	}
}

/* What is on disk never changes: the ids of nodes are what makes the next backup small. */
static void known_root(void **state)
{
	struct chunk_store store = {0};
	struct tree_root root;
	char hex[2 * CHUNK_ID_SIZE + 1];

	(void)state;
	write_plain(&store, MANY, MANY, MANY, &root);
	assert_string_equal(hex_encode(hex, root.id, CHUNK_ID_SIZE),
	    "1f0dd0c9fe10a69c3facf61813a1869add6b3ba801ed1f3429267620b28bbdc6");
	assert_int_equal(root.levels, 2);
	assert_int_equal(root.entries, MANY);
	for (size_t i = 0; i < store.count; i++)
		assert_true(store.chunks[i].size <= NODE_MAX);
	assert_in_range(store.count, 10, 60);
	chunk_store_free(&store);
}

/* New chunks that a variant of the plain tree needs. */
static size_t new_nodes(struct chunk_store *store, uint64_t skip, uint64_t changed)
{
	struct tree_root root;
	size_t before = store->count;

	write_plain(store, MANY, skip, changed, &root);
	return store->count - before;
}

static void locality(void **state)
{
	struct chunk_store store = {0};
	struct tree_root root;
	uint64_t seed = 5;

	(void)state;
	write_plain(&store, MANY, MANY, MANY, &root);
	assert_int_equal(new_nodes(&store, MANY, MANY), 0);
	for (int i = 0; i < 30; i++) {
		uint64_t n = random_below(&seed, MANY);

		/* A changed entry: its node and the one list above. One that is gone may also move a cut. */
		assert_int_equal(new_nodes(&store, MANY, n), root.levels);
		assert_in_range(new_nodes(&store, n, MANY), root.levels, root.levels + 2);
	}
	chunk_store_free(&store);
}

static void seeks(void **state)
{
	struct chunk_store store = {0};
	struct tree_root root;
	struct tree_reader *reader = NULL;
	const struct entry *entry;
	size_t count;
	struct sample *samples = samples_sorted(9, 1200, &count);
	uint8_t behind[320];

	(void)state;
	write_samples(&store, samples, count, &root);
	assert_true(store.count > 4);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	for (size_t k = 0; k < 2 * count; k++) {
		size_t i = k < count ? k : 2 * count - 1 - k; /* forwards, then backwards */
		struct entry_bytes path = samples[i].entry.path;

		assert_int_equal(tree_reader_seek(reader, path), ERR_OK);
		assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
		assert_non_null(entry);
		assert_entries_equal(entry, &samples[i].entry);
		/* The path directly behind this one: the next entry, unless it is below. */
		memcpy(behind, path.data, path.size);
		memcpy(behind + path.size, "/\x01", 2);
		assert_int_equal(tree_reader_seek(reader, (struct entry_bytes){behind, path.size + 2}), ERR_OK);
		for (size_t next = i + 1; next < i + 4 && next <= count; next++) {
			assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
			if (next < count)
				assert_entries_equal(entry, &samples[next].entry);
			else
				assert_null(entry);
		}
	}
	assert_int_equal(tree_reader_seek(reader, bytes_of("")), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_entries_equal(entry, &samples[0].entry);
	assert_int_equal(tree_reader_seek(reader, bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff")), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_null(entry);
	tree_reader_free(reader);
	mem_free(samples);
	chunk_store_free(&store);
}

static void seek_reads_little(void **state)
{
	struct chunk_store store = {0};
	struct tree_root root;
	struct tree_reader *reader = NULL;
	const struct entry *entry;
	struct sample sample;

	(void)state;
	write_plain(&store, MANY, MANY, MANY, &root);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	sample_plain(&sample, MANY / 2);
	assert_int_equal(tree_reader_seek(reader, sample.entry.path), ERR_OK);
	assert_int_equal(store.fetches, root.levels);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_entries_equal(entry, &sample.entry);
	/* What is loaded is not fetched again. */
	assert_int_equal(tree_reader_seek(reader, sample.entry.path), ERR_OK);
	assert_int_equal(store.fetches, root.levels);
	tree_reader_free(reader);
	chunk_store_free(&store);
}

/* ---- large entries and many levels ---- */

static void large_entries(void **state)
{
	uint8_t *target = mem_calloc(1, ENTRY_MAX);
	struct entry small = {.path = bytes_of("a"), .type = ENTRY_FIFO, .links = 1};
	struct entry large = {
	    .path = bytes_of("b"), .type = ENTRY_SYMLINK, .links = 1, .target = {target, ENTRY_MAX - 100}};
	struct entry last = {.path = bytes_of("c"), .type = ENTRY_FIFO, .links = 1};
	struct entry too_large = {
	    .path = bytes_of("bb"), .type = ENTRY_SYMLINK, .links = 1, .target = {target, ENTRY_MAX}};
	const struct entry *expected[] = {&small, &large, &last, NULL}, *entry;
	struct chunk_store store = {0};
	struct tree_writer *writer = NULL;
	struct tree_reader *reader = NULL;
	struct tree_root root;

	(void)state;
	memset(target, 't', ENTRY_MAX);
	assert_int_equal(tree_writer_new(&writer, chunker_key, chunk_store_put, &store, NULL), ERR_OK);
	assert_int_equal(tree_writer_add(writer, &small), ERR_OK);
	assert_int_equal(tree_writer_add(writer, &large), ERR_OK);
	/* A refused entry changes nothing. */
	assert_int_equal(tree_writer_add(writer, &too_large), ERR_LIMIT);
	assert_int_equal(tree_writer_add(writer, &small), ERR_LIMIT);
	assert_int_equal(tree_writer_add(writer, &last), ERR_OK);
	assert_int_equal(tree_writer_add(writer, &last), ERR_LIMIT);
	assert_int_equal(tree_writer_finish(writer, &root), ERR_OK);
	assert_true(root.entries == 3 && root.levels == 2 && store.count == 4);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
		if (expected[i])
			assert_entries_equal(entry, expected[i]);
		else
			assert_null(entry);
	}
	tree_reader_free(reader);
	tree_writer_free(writer);
	chunk_store_free(&store);
	mem_free(target);
}

/* Paths so long that lists hold four records: levels grow fast, and end at the bound. */
static void levels_are_bounded(void **state)
{
	uint8_t *path = mem_alloc(ENTRY_PATH_MAX);
	struct entry entry = {.path = {path, ENTRY_PATH_MAX}, .type = ENTRY_FIFO, .links = 1};
	struct chunk_store store = {0};
	struct tree_writer *writer = NULL;
	struct tree_reader *reader = NULL;
	struct tree_root root;
	const struct entry *at;
	uint64_t count = 0;

	(void)state;
	memset(path, 'p', ENTRY_PATH_MAX);
	assert_int_equal(tree_writer_new(&writer, chunker_key, chunk_store_put, &store, NULL), ERR_OK);
	for (unsigned i = 0; i < 500; i++) {
		path[0] = (uint8_t)('a' + i / 25);
		path[1] = (uint8_t)('a' + i % 25);
		assert_int_equal(tree_writer_add(writer, &entry), ERR_OK);
	}
	assert_int_equal(tree_writer_finish(writer, &root), ERR_OK);
	assert_in_range(root.levels, 4, TREE_LEVELS_MAX);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	while (tree_reader_next(reader, &at) == ERR_OK && at)
		count++;
	assert_int_equal(count, 500);
	tree_reader_free(reader);
	tree_writer_free(writer);
	chunk_store_free(&store);
	mem_free(path);
}

/* ---- walking ---- */

struct walked {
	struct chunk_store store; /* first: the context is the store's too */
	struct chunk_store seen;
	uint64_t entries, nodes;
};

static bool known(void *context, const uint8_t id[CHUNK_ID_SIZE])
{
	return chunk_store_find(&((struct walked *)context)->seen, id) != NULL;
}

static enum err visit_node(void *context, const uint8_t id[CHUNK_ID_SIZE], uint32_t length)
{
	struct walked *walked = context;
	struct stored *stored = chunk_store_find(&walked->store, id);

	assert_non_null(stored);
	assert_int_equal(stored->size, length);
	walked->nodes++;
	chunk_store_plant(&walked->seen, id, "", 0);
	return ERR_OK;
}

static enum err visit_entry(void *context, const struct entry *entry)
{
	((struct walked *)context)->entries += entry->path.size > 0;
	return ERR_OK;
}

static enum err stop(void *context, const struct entry *entry)
{
	(void)context;
	(void)entry;
	return ERR_DENIED;
}

static void walking(void **state)
{
	struct walked walked = {0};
	struct tree_root root, changed;
	size_t nodes;

	(void)state;
	write_plain(&walked.store, MANY, MANY, MANY, &root);
	nodes = walked.store.count;
	assert_int_equal(tree_walk(&root, chunk_store_fetch, NULL, visit_node, visit_entry, &walked), ERR_OK);
	assert_int_equal(walked.nodes, nodes);
	assert_int_equal(walked.entries, MANY);
	/* Known nodes are not even fetched. */
	walked.store.fetches = walked.entries = walked.nodes = 0;
	assert_int_equal(tree_walk(&root, chunk_store_fetch, known, visit_node, visit_entry, &walked), ERR_OK);
	assert_true(walked.store.fetches == 0 && walked.nodes == 0 && walked.entries == 0);
	write_plain(&walked.store, MANY, MANY, 4321, &changed);
	assert_int_equal(tree_walk(&changed, chunk_store_fetch, known, visit_node, visit_entry, &walked), ERR_OK);
	assert_true(walked.store.fetches == 2 && walked.nodes == 2 && walked.entries > 0 && walked.entries < MANY / 4);
	assert_int_equal(tree_walk(&root, chunk_store_fetch, NULL, NULL, NULL, &walked), ERR_OK);
	assert_int_equal(tree_walk(&root, chunk_store_fetch, NULL, NULL, stop, &walked), ERR_DENIED);
	chunk_store_free(&walked.store);
	chunk_store_free(&walked.seen);
}

/* ---- memory ---- */

static enum err write_and_read(struct chunk_store *store, const struct sample *samples, size_t count)
{
	struct tree_writer *writer = NULL;
	struct tree_reader *reader = NULL;
	const struct entry *entry = NULL;
	struct tree_root root;
	enum err err = tree_writer_new(&writer, chunker_key, chunk_store_put, store, NULL);

	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = tree_writer_add(writer, &samples[i].entry);
	if (err == ERR_OK)
		err = tree_writer_finish(writer, &root);
	if (err == ERR_OK)
		err = tree_reader_new(&reader, &root, chunk_store_fetch, store);
	for (size_t i = 0; err == ERR_OK && i <= count; i++) {
		err = tree_reader_next(reader, &entry);
		assert_true(err != ERR_OK || (entry != NULL) == (i < count));
	}
	tree_reader_free(reader);
	tree_writer_free(writer);
	return err;
}

static void memory_runs_out(void **state)
{
	size_t count;
	struct sample *samples = samples_sorted(11, 400, &count);
	enum err err = ERR_NOMEM;

	(void)state;
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct chunk_store store = {0};

		mem_fail_at(n);
		err = write_and_read(&store, samples, count);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(err != ERR_OK || n > 10);
		chunk_store_free(&store);
	}
	mem_free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(known_root),
	    cmocka_unit_test(locality),
	    cmocka_unit_test(seeks),
	    cmocka_unit_test(seek_reads_little),
	    cmocka_unit_test(large_entries),
	    cmocka_unit_test(levels_are_bounded),
	    cmocka_unit_test(walking),
	    cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
