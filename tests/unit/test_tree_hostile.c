/* Trees that nobody of good will wrote. The chunks here are not checked against their ids: what a key holder forged looks like this. */
#include "core/base/mem.h"
#include "core/repo/tree.h"
#include "tests/unit/entries.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Two nodes, "a" "b" and "c" "d/e" "f", under one list. Every part can be replaced before build(). */
struct forged {
	const char *paths[5];
	const char *first[2]; /* as the list says */
	uint64_t entries[2];
	int64_t longer[2];	/* added to the length that the list says */
	uint8_t version, level; /* of the list */
	uint8_t leaf_version, leaf_level;
	uint8_t child[2]; /* first byte of the ids: 1 and 2 are the leaves, 3 is the list */
	struct tree_root root;
	size_t stuffed; /* bytes of the target of a symlink in place of "f" */
};

static struct forged good(void)
{
	return (struct forged){.paths = {"a", "b", "c", "d/e", "f"},
	    .first = {"a", "c"},
	    .entries = {2, 3},
	    .version = 1,
	    .level = 1,
	    .leaf_version = 1,
	    .child = {1, 2},
	    .root = {.id = {3}, .levels = 2, .entries = 5}};
}

static void put_leaf(struct chunk_store *store, const struct forged *forged, uint8_t id, unsigned from, unsigned to)
{
	uint8_t full_id[CHUNK_ID_SIZE] = {id}, *target = mem_calloc(1, forged->stuffed + 1);
	struct entry_state coder = {0};
	struct buffer node = {0};

	memset(target, 't', forged->stuffed + 1);
	assert_int_equal(buffer_append_u8(&node, forged->leaf_version), ERR_OK);
	assert_int_equal(buffer_append_u8(&node, forged->leaf_level), ERR_OK);
	for (unsigned i = from; i < to; i++) {
		struct entry entry = {.path = bytes_of(forged->paths[i]), .type = ENTRY_FIFO, .links = 1};

		if (i == 4 && forged->stuffed > 0) {
			entry.type = ENTRY_SYMLINK;
			entry.target = (struct entry_bytes){target, forged->stuffed};
		}
		assert_int_equal(entry_encode(&coder, &entry, &node), ERR_OK);
	}
	chunk_store_plant(store, full_id, node.data, node.length);
	entry_state_free(&coder);
	buffer_free(&node);
	mem_free(target);
}

static void build(struct chunk_store *store, struct forged *forged)
{
	static const uint8_t list_id[CHUNK_ID_SIZE] = {3};
	struct buffer list = {0};

	put_leaf(store, forged, 1, 0, 2);
	put_leaf(store, forged, 2, 2, 5);
	assert_int_equal(buffer_append_u8(&list, forged->version), ERR_OK);
	assert_int_equal(buffer_append_u8(&list, forged->level), ERR_OK);
	for (unsigned i = 0; i < 2 && forged->first[i]; i++) {
		uint8_t id[CHUNK_ID_SIZE] = {forged->child[i]};
		int64_t length = (int64_t)store->chunks[i].size + forged->longer[i];

		assert_int_equal(buffer_append_varint(&list, strlen(forged->first[i])), ERR_OK);
		assert_int_equal(buffer_append(&list, forged->first[i], strlen(forged->first[i])), ERR_OK);
		assert_int_equal(buffer_append(&list, id, sizeof(id)), ERR_OK);
		assert_int_equal(buffer_append_varint(&list, (uint64_t)length), ERR_OK);
		assert_int_equal(buffer_append_varint(&list, forged->entries[i]), ERR_OK);
	}
	chunk_store_plant(store, list_id, list.data, list.length);
	if (forged->root.length == 0)
		forged->root.length = (uint32_t)list.length;
	buffer_free(&list);
}

/* Reads the whole tree; on success there were as many entries as promised, in order. */
static enum err read_all(struct chunk_store *store, const struct tree_root *root)
{
	struct tree_reader *reader = NULL;
	const struct entry *entry = NULL;
	uint8_t last[64];
	size_t last_size = 0;
	uint64_t count = 0;
	enum err err;

	failure_clear();
	err = tree_reader_new(&reader, root, chunk_store_fetch, store);
	while (err == ERR_OK) {
		err = tree_reader_next(reader, &entry);
		if (err != ERR_OK || !entry)
			break;
		assert_true(count == 0 || entry_compare((struct entry_bytes){last, last_size}, entry->path) < 0);
		assert_true(entry->path.size <= sizeof(last));
		memcpy(last, entry->path.data, entry->path.size);
		last_size = entry->path.size;
		count++;
	}
	if (err == ERR_OK)
		assert_true(count == root->entries);
	else if (reader)
		assert_int_equal(tree_reader_next(reader, &entry), err); /* and stays so */
	tree_reader_free(reader);
	return err;
}

static void expect(struct forged *forged, enum err expected, enum message id, const char *what)
{
	struct chunk_store store = {0};
	enum err err;

	build(&store, forged);
	err = read_all(&store, &forged->root);
	if (err != expected || failure_last()->id != id)
		fail_msg("%s: %s %s", what, error_name(err), failure_last()->text);
	/* The walk reads the same way. */
	assert_int_equal(tree_walk(&forged->root, chunk_store_fetch, NULL, NULL, NULL, &store), expected);
	chunk_store_free(&store);
}

static void each_field(void **state)
{
	(void)state;
#define EXPECT(err, id, ...)                            \
	do {                                            \
		struct forged forged = good();          \
		__VA_ARGS__;                            \
		expect(&forged, err, id, #__VA_ARGS__); \
	} while (0)
#define BROKEN(...) EXPECT(ERR_CORRUPT, PL_TREE_BROKEN, __VA_ARGS__)
	EXPECT(ERR_OK, PL_NONE, (void)forged);
	EXPECT(ERR_UNSUPPORTED, PL_FORMAT_VERSION, forged.version = 2);
	EXPECT(ERR_UNSUPPORTED, PL_FORMAT_VERSION, forged.leaf_version = 0);
	EXPECT(ERR_CORRUPT, PL_CHUNK_LOST, forged.child[1] = 9);
	BROKEN(forged.root.levels = 0);
	BROKEN(forged.root.levels = TREE_LEVELS_MAX + 1);
	BROKEN(forged.root.levels = 1);
	BROKEN(forged.root.levels = 3);
	BROKEN(forged.root.entries = 4);
	BROKEN(forged.root.entries = UINT64_MAX);
	BROKEN(forged.root.length = 77);
	BROKEN(forged.level = 0);
	BROKEN(forged.level = 2);
	BROKEN(forged.leaf_level = 1);
	BROKEN(forged.child[0] = 3); /* the list is its own child */
	BROKEN(forged.child[1] = 1);
	BROKEN(forged.child[0] = 2);
	BROKEN(forged.longer[0] = 1);
	BROKEN(forged.longer[1] = -1);
	BROKEN(forged.longer[0] = CHUNK_MAX);
	BROKEN(forged.first[0] = NULL);
	BROKEN(forged.first[1] = NULL);
	BROKEN(forged.first[0] = "aa");
	BROKEN(forged.first[1] = "b/x");
	BROKEN(forged.first[1] = "a");
	BROKEN(forged.first[1] = "c/..");
	BROKEN(forged.entries[0] = 3; forged.entries[1] = 2); /* the sum is right, both parts wrong */
	BROKEN(forged.entries[0] = 3; forged.root.entries = 6);
	BROKEN(forged.entries[0] = 1; forged.root.entries = 4);
	BROKEN(forged.entries[1] = 0; forged.root.entries = 2);
	BROKEN(forged.entries[0] = UINT64_MAX; forged.entries[1] = 6); /* wraps to 5 */
	BROKEN(forged.paths[1] = "c/x");			       /* the next node starts before it */
	BROKEN(forged.stuffed = NODE_MAX);
#undef BROKEN
#undef EXPECT
}

/* Every byte of every node with each bit flipped: refused, or a tree that is still in order and complete. */
static void every_bit(void **state)
{
	struct forged forged = good();
	struct chunk_store store = {0};
	size_t accepted = 0, refused = 0;

	(void)state;
	build(&store, &forged);
	for (size_t chunk = 0; chunk < store.count; chunk++) {
		for (size_t at = 0; at < store.chunks[chunk].size; at++) {
			for (unsigned mask = 1; mask < 256; mask++) {
				enum err err;

				store.chunks[chunk].bytes[at] ^= (uint8_t)mask;
				err = read_all(&store, &forged.root);
				assert_true(err == ERR_OK || err == ERR_CORRUPT || err == ERR_UNSUPPORTED);
				err == ERR_OK ? accepted++ : refused++;
				store.chunks[chunk].bytes[at] ^= (uint8_t)mask;
			}
		}
	}
	assert_true(refused > accepted);
	chunk_store_free(&store);
}

static void cut_nodes(void **state)
{
	struct forged forged = good();
	struct chunk_store store = {0};

	(void)state;
	build(&store, &forged);
	for (size_t chunk = 0; chunk < store.count; chunk++) {
		size_t size = store.chunks[chunk].size;

		for (size_t cut = 0; cut < size; cut++) {
			store.chunks[chunk].size = cut;
			assert_int_equal(read_all(&store, &forged.root), ERR_CORRUPT);
		}
		store.chunks[chunk].size = size;
	}
	assert_int_equal(read_all(&store, &forged.root), ERR_OK);
	chunk_store_free(&store);
}

/* A seek into a broken node fails, and a seek elsewhere works again. */
static void seek_after_failure(void **state)
{
	struct forged forged = good();
	struct chunk_store store = {0};
	struct tree_reader *reader = NULL;
	const struct entry *entry;

	(void)state;
	build(&store, &forged);
	store.chunks[1].bytes[2] ^= 0xFF;
	assert_int_equal(tree_reader_new(&reader, &forged.root, chunk_store_fetch, &store), ERR_OK);
	assert_int_equal(tree_reader_seek(reader, bytes_of("d")), ERR_CORRUPT);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	assert_null(entry);
	assert_int_equal(tree_reader_seek(reader, bytes_of("b")), ERR_OK);
	assert_int_equal(tree_reader_next(reader, &entry), ERR_OK);
	assert_int_equal(entry->path.data[0], 'b');
	assert_int_equal(tree_reader_next(reader, &entry), ERR_CORRUPT);
	tree_reader_free(reader);
	chunk_store_free(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_field),
	    cmocka_unit_test(every_bit),
	    cmocka_unit_test(cut_nodes),
	    cmocka_unit_test(seek_after_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
