/* Nodes of a tree that are not what they should be. The input is a place full of chunks:
 *   u8 levels, u8 entries, then chunks: u16 length, bytes; the first is the root, and an id's first byte picks a chunk */
#include "core/repo/tree.h"
#include "tests/fuzz/seeds.h"

#define CHUNKS 16

struct place {
	struct entry_bytes chunks[CHUNKS];
	size_t count;
};

static enum err fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	struct place *place = context;
	struct entry_bytes chunk = place->chunks[id[0] % CHUNKS];

	(void)type;
	if (id[0] % CHUNKS >= place->count)
		return fail(PL_CHUNK_LOST, "no such chunk");
	buffer_clear(out);
	return buffer_append(out, chunk.data, chunk.size);
}

static void append_chunk(struct buffer *input, const void *bytes, size_t size)
{
	MUST(buffer_append_u16(input, (uint16_t)size) == ERR_OK);
	MUST(buffer_append(input, bytes, size) == ERR_OK);
}

/* A list of two nodes of two entries each. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const paths[] = {"a", "a/b", "c", "d"};
	struct buffer leaves[2] = {{0}, {0}}, list = {0}, input = {0};

	(void)argc;
	(void)argv;
	MUST(buffer_append(&list, "\x01\x01", 2) == ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		uint8_t id[CHUNK_ID_SIZE] = {(uint8_t)(i + 1)};
		struct entry_state coder = {0};

		MUST(buffer_append(&leaves[i], "\x01\x00", 2) == ERR_OK);
		for (size_t k = 2 * i; k < 2 * i + 2; k++) {
			struct entry entry = {
			    .path = {(const uint8_t *)paths[k], strlen(paths[k])}, .type = ENTRY_FIFO, .links = 1};

			MUST(entry_encode(&coder, &entry, &leaves[i]) == ERR_OK);
		}
		entry_state_free(&coder);
		MUST(buffer_append_varint(&list, 1) == ERR_OK);
		MUST(buffer_append(&list, paths[2 * i], 1) == ERR_OK);
		MUST(buffer_append(&list, id, sizeof(id)) == ERR_OK);
		MUST(buffer_append_varint(&list, leaves[i].length) == ERR_OK);
		MUST(buffer_append_varint(&list, 2) == ERR_OK);
	}
	MUST(buffer_append(&input, "\x02\x04", 2) == ERR_OK);
	append_chunk(&input, list.data, list.length);
	append_chunk(&input, leaves[0].data, leaves[0].length);
	append_chunk(&input, leaves[1].data, leaves[1].length);
	seed_write("two levels", input.data, input.length);
	buffer_clear(&input);
	MUST(buffer_append(&input, "\x01\x02", 2) == ERR_OK);
	append_chunk(&input, leaves[0].data, leaves[0].length);
	seed_write("one level", input.data, input.length);
	buffer_free(&leaves[0]);
	buffer_free(&leaves[1]);
	buffer_free(&list);
	buffer_free(&input);
	return 0;
}

/* Reads to the end; what comes is in order, behind `from`, and whole where nothing failed. */
static void read_tree(struct tree_reader *reader, const struct tree_root *root, const struct entry_bytes *from)
{
	struct buffer last = {0};
	const struct entry *entry = NULL;
	uint64_t count = 0;
	enum err err = from ? tree_reader_seek(reader, *from) : ERR_OK;

	while (err == ERR_OK) {
		err = tree_reader_next(reader, &entry);
		if (err != ERR_OK || !entry)
			break;
		MUST(entry_path_valid(entry->path));
		MUST(!from || entry_compare(entry->path, *from) >= 0);
		MUST(count == 0 || entry_compare((struct entry_bytes){last.data, last.length}, entry->path) < 0);
		buffer_clear(&last);
		MUST(buffer_append(&last, entry->path.data, entry->path.size) == ERR_OK);
		count++;
	}
	MUST(err != ERR_OK || from || count == root->entries);
	buffer_free(&last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor cursor = cursor_of(data, size);
	struct place place = {0};
	struct tree_root root = {0};
	struct tree_reader *reader = NULL;
	struct entry_bytes from = {(const uint8_t *)"c", 1};
	uint8_t entries = 0;
	uint16_t length;

	cursor_u8(&cursor, &root.levels);
	cursor_u8(&cursor, &entries);
	root.entries = entries;
	while (place.count < CHUNKS && cursor_u16(&cursor, &length) &&
	    cursor_bytes(&cursor, &place.chunks[place.count].data, length))
		place.chunks[place.count++].size = length;
	root.length = (uint32_t)place.chunks[0].size;
	if (tree_reader_new(&reader, &root, fetch, &place) != ERR_OK)
		return 0;
	read_tree(reader, &root, NULL);
	read_tree(reader, &root, &from);
	tree_reader_free(reader);
	(void)tree_walk(&root, fetch, NULL, NULL, NULL, &place);
	return 0;
}
