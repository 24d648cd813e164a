/* Trees of which a part is lost: what is left comes, all of it and nothing else. */
#include "core/base/mem.h"
#include "core/repo/tree.h"
#include "tests/unit/entries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES 70u
#define NODES_MAX 64

/* Entries `from` to `from + count - 1` stand below the node. */
struct node {
	struct stored *stored;
	unsigned level;
	size_t from, count;
};

struct torn {
	struct chunk_store store;
	struct tree_root root;
	struct node nodes[NODES_MAX]; /* a node before what is below it; the root is the first */
	size_t nodes_count;
	/* of the last reading */
	bool seen[ENTRIES];
	size_t skips;
};

/* Paths so long that nodes hold few entries, and lists few nodes. */
static void write_tree(struct torn *torn)
{
	static const uint8_t chunker_key[KEY_SIZE] = "chunker key of the tests of skip";
	uint8_t *path = mem_alloc(ENTRY_PATH_MAX);
	struct entry entry = {.path = {path, ENTRY_PATH_MAX}, .type = ENTRY_FIFO, .links = 1};
	struct tree_writer *writer = NULL;

	memset(path, 'p', ENTRY_PATH_MAX);
	assert_int_equal(tree_writer_new(&writer, chunker_key, chunk_store_put, &torn->store, NULL), ERR_OK);
	for (unsigned i = 0; i < ENTRIES; i++) {
		path[0] = (uint8_t)('0' + i);
		assert_int_equal(tree_writer_add(writer, &entry), ERR_OK);
	}
	assert_int_equal(tree_writer_finish(writer, &torn->root), ERR_OK);
	tree_writer_free(writer);
	mem_free(path);
}

/* Adds a node and what is below it: its records are as tree.h says. */
static void add_nodes(struct torn *torn, const uint8_t id[CHUNK_ID_SIZE], unsigned level, size_t from, size_t count)
{
	struct stored *stored = chunk_store_find(&torn->store, id);
	struct cursor cursor;

	assert_non_null(stored);
	assert_int_equal(stored->bytes[1], level);
	assert_true(torn->nodes_count < NODES_MAX);
	torn->nodes[torn->nodes_count++] =
	    (struct node){.stored = stored, .level = level, .from = from, .count = count};
	if (level == 0)
		return;
	cursor = cursor_of(stored->bytes + 2, stored->size - 2);
	while (cursor_left(&cursor) > 0) {
		const uint8_t *path, *child;
		uint64_t size, length, entries;

		cursor_varint(&cursor, &size);
		cursor_bytes(&cursor, &path, size);
		cursor_bytes(&cursor, &child, CHUNK_ID_SIZE);
		cursor_varint(&cursor, &length);
		cursor_varint(&cursor, &entries);
		assert_false(cursor.bad);
		add_nodes(torn, child, level - 1, from, entries);
		from += entries;
		count -= entries;
	}
	assert_int_equal(count, 0);
}

static int up(void **state)
{
	struct torn *torn = mem_calloc(1, sizeof(*torn));

	*state = torn;
	write_tree(torn);
	assert_in_range(torn->root.levels, 3, TREE_LEVELS_MAX);
	add_nodes(torn, torn->root.id, torn->root.levels - 1u, 0, ENTRIES);
	assert_int_equal(torn->nodes_count, torn->store.count);
	return 0;
}

static int down(void **state)
{
	struct torn *torn = *state;

	chunk_store_free(&torn->store);
	mem_free(torn);
	return 0;
}

/* Reads to the end, passing over all that can be passed over. Entries come in order, each once. */
static enum err read_on(struct torn *torn)
{
	struct tree_reader *reader = NULL;
	const struct entry *entry = NULL;
	size_t next = 0;
	enum err err;

	memset(torn->seen, 0, sizeof(torn->seen));
	torn->skips = 0;
	assert_int_equal(tree_reader_new(&reader, &torn->root, chunk_store_fetch, &torn->store), ERR_OK);
	for (;;) {
		err = tree_reader_next(reader, &entry);
		if (err != ERR_OK) {
			assert_null(entry);
			if (!tree_reader_skip(reader))
				break;
			assert_true(++torn->skips < torn->nodes_count);
			continue;
		}
		if (!entry)
			break;
		assert_int_equal(entry->path.size, ENTRY_PATH_MAX);
		assert_in_range(entry->path.data[0] - '0', next, ENTRIES - 1);
		next = entry->path.data[0] - '0' + 1u;
		torn->seen[next - 1] = true;
	}
	assert_false(tree_reader_skip(reader));
	tree_reader_free(reader);
	return err;
}

static void lose(struct node *node)
{
	node->stored->id[0] ^= 1;
}

static bool below(const struct node *node, size_t entry)
{
	return entry >= node->from && entry < node->from + node->count;
}

static void a_whole_tree_needs_no_skip(void **state)
{
	struct torn *torn = *state;

	assert_int_equal(read_on(torn), ERR_OK);
	assert_int_equal(torn->skips, 0);
	for (size_t i = 0; i < ENTRIES; i++)
		assert_true(torn->seen[i]);
}

static void a_lost_node_costs_what_is_below_it(void **state)
{
	struct torn *torn = *state;

	for (size_t n = 1; n < torn->nodes_count; n++) {
		struct node *node = &torn->nodes[n];

		lose(node);
		assert_int_equal(read_on(torn), ERR_OK);
		assert_int_equal(torn->skips, 1);
		for (size_t i = 0; i < ENTRIES; i++)
			assert_int_equal(torn->seen[i], !below(node, i));
		lose(node); /* it is back */
	}
}

/* Every two nodes: side by side, the one below the other, the last two. */
static void two_lost_nodes_cost_what_is_below_both(void **state)
{
	struct torn *torn = *state;

	for (size_t a = 1; a < torn->nodes_count; a++)
		for (size_t b = a + 1; b < torn->nodes_count; b++) {
			struct node *first = &torn->nodes[a], *second = &torn->nodes[b];

			lose(first);
			lose(second);
			assert_int_equal(read_on(torn), ERR_OK);
			assert_int_equal(torn->skips, below(first, second->from) ? 1 : 2);
			for (size_t i = 0; i < ENTRIES; i++)
				assert_int_equal(torn->seen[i], !below(first, i) && !below(second, i));
			lose(first);
			lose(second);
		}
}

/* A node half of which is garbage: a list is of no use any more, of a leaf the entries before the damage are good. */
static void of_a_damaged_leaf_the_beginning_is_left(void **state)
{
	struct torn *torn = *state;

	for (size_t n = 1; n < torn->nodes_count; n++) {
		struct node *node = &torn->nodes[n];
		size_t kept = 0;

		/* The length still fits, what follows the middle does not: a byte that no field can have there. */
		memset(node->stored->bytes + node->stored->size / 2, 0xFF, node->stored->size - node->stored->size / 2);
		assert_int_equal(read_on(torn), ERR_OK);
		assert_int_equal(torn->skips, 1);
		for (size_t i = 0; i < ENTRIES; i++) {
			if (!below(node, i))
				assert_true(torn->seen[i]);
			else if (torn->seen[i])
				assert_int_equal(kept++, i - node->from);
		}
		assert_true(kept < node->count);
		if (node->level > 0)
			assert_int_equal(kept, 0);
		down(state);
		up(state);
		torn = *state;
	}
}

static void nothing_is_left_without_the_root(void **state)
{
	struct torn *torn = *state;
	struct tree_reader *reader = NULL;
	const struct entry *entry;

	lose(&torn->nodes[0]);
	assert_int_equal(tree_reader_new(&reader, &torn->root, chunk_store_fetch, &torn->store), ERR_OK);
	assert_false(tree_reader_skip(reader)); /* nothing was read, nothing has failed */
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	assert_false(tree_reader_skip(reader));
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	tree_reader_free(reader);
}

/* The damage is met by a seek, while another part of the tree is open. */
static void behind_a_seek_it_goes_on_too(void **state)
{
	struct torn *torn = *state;

	for (size_t n = 1; n < torn->nodes_count; n++) {
		struct node *node = &torn->nodes[n];
		struct tree_reader *reader = NULL;
		const struct entry *entry;
		uint8_t first[] = {'0'}, path[] = {(uint8_t)('0' + node->from), 'q'};

		if (below(node, 0))
			continue;
		assert_int_equal(tree_reader_new(&reader, &torn->root, chunk_store_fetch, &torn->store), ERR_OK);
		assert_int_equal(tree_reader_seek(reader, (struct entry_bytes){first, sizeof(first)}), ERR_OK);
		assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
		lose(node);
		assert_int_equal(tree_reader_seek(reader, (struct entry_bytes){path, sizeof(path)}), ERR_CORRUPT);
		assert_true(tree_reader_skip(reader));
		assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
		assert_int_equal(entry == NULL, node->from + node->count == ENTRIES);
		if (entry)
			assert_int_equal(entry->path.data[0], '0' + node->from + node->count);
		tree_reader_free(reader);
		lose(node);
	}
}

static void a_root_of_entries_is_all_there_is(void **state)
{
	static const uint8_t id[CHUNK_ID_SIZE] = {1};
	const struct tree_root root = {.id = {1}, .length = 10, .levels = 1, .entries = 1};
	struct chunk_store store = {0};
	struct tree_reader *reader = NULL;
	const struct entry *entry;

	(void)state;
	chunk_store_plant(&store, id, "\x01\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10);
	assert_int_equal(tree_reader_new(&reader, &root, chunk_store_fetch, &store), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	assert_false(tree_reader_skip(reader));
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	tree_reader_free(reader);
	chunk_store_free(&store);
}

struct failing {
	struct chunk_store *store;
	size_t fetches, at;
};

static enum err fail_once(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	struct failing *failing = context;

	if (failing->fetches++ == failing->at)
		return (fail)(PL_TARGET_READ, "the place is away");
	return chunk_store_fetch(failing->store, type, id, out);
}

/* What could not be read now may be whole: it is not passed over. */
static void what_is_no_damage_is_not_passed_over(void **state)
{
	struct torn *torn = *state;

	for (size_t at = 0; at < torn->nodes_count; at++) {
		struct failing failing = {.store = &torn->store, .at = at};
		struct tree_reader *reader = NULL;
		const struct entry *entry = NULL;
		enum err err;

		assert_int_equal(tree_reader_new(&reader, &torn->root, fail_once, &failing), ERR_OK);
		do
			err = tree_reader_next(reader, &entry);
		while (err == ERR_OK && entry);
		assert_int_equal(err, ERR_IO);
		assert_false(tree_reader_skip(reader));
		assert_int_equal(tree_reader_next(reader, &entry), ERR_IO);
		tree_reader_free(reader);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_whole_tree_needs_no_skip),
	    test(a_lost_node_costs_what_is_below_it),
	    test(two_lost_nodes_cost_what_is_below_both),
	    test(of_a_damaged_leaf_the_beginning_is_left),
	    test(nothing_is_left_without_the_root),
	    test(behind_a_seek_it_goes_on_too),
	    cmocka_unit_test(a_root_of_entries_is_all_there_is),
	    test(what_is_no_damage_is_not_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
