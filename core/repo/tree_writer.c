#include "core/repo/tree_internal.h"
#include "core/base/mem.h"
#include "core/repo/entry_internal.h"
#include "core/repo/stream.h"

#include <xxhash.h>

#define SEED_LABEL "pulih node"
#define LIST_RECORDS_MIN 2 /* a list of one would add a level and bring nothing nearer to the root */

struct level {
	struct buffer node;	      /* header and what is in it so far */
	struct buffer first;	      /* path of its first entry */
	uint64_t entries;	      /* below it */
	uint64_t records;	      /* in it */
	uint64_t nodes;		      /* closed at this level */
	uint8_t child[CHUNK_ID_SIZE]; /* of the last record: it is the root if it stays the only one */
	uint32_t child_length;
};

struct tree_writer {
	tree_store store;
	void *context;
	struct stream_writer *stream;
	XXH64_hash_t seed;
	uint64_t entries;
	struct entry_state state;
	struct buffer last; /* path of the last entry of the node before */
	struct level levels[TREE_LEVELS_MAX];
};

enum err tree_writer_new(struct tree_writer **out, const uint8_t chunker_key[KEY_SIZE], tree_store store, void *context,
    struct stream_writer *stream)
{
	struct tree_writer *writer = NULL;
	uint8_t seed[8];
	enum err err;

	*out = NULL;
	err = hkdf(chunker_key, KEY_SIZE, NULL, 0, SEED_LABEL, strlen(SEED_LABEL), seed, sizeof(seed));
	if (err != ERR_OK)
		return err;
	writer = mem_calloc(1, sizeof(*writer));
	if (!writer)
		return ERR_NOMEM;
	writer->store = store;
	writer->context = context;
	writer->stream = stream;
	writer->seed = load_u64(seed);
	*out = writer;
	return ERR_OK;
}

void tree_writer_free(struct tree_writer *writer)
{
	if (!writer)
		return;
	for (unsigned i = 0; i < TREE_LEVELS_MAX; i++) {
		buffer_free(&writer->levels[i].node);
		buffer_free(&writer->levels[i].first);
	}
	entry_state_free(&writer->state);
	buffer_free(&writer->last);
	mem_free(writer);
}

static bool hash_cuts(const struct tree_writer *writer, const void *bytes, size_t size)
{
	return (XXH3_64bits_withSeed(bytes, size, writer->seed) & NODE_MASK) == 0;
}

/* Readies a level for its first record or entry, which starts with `path`. */
static enum err start_node(struct tree_writer *writer, unsigned level, struct entry_bytes path)
{
	struct level *at = &writer->levels[level];
	uint8_t header[TREE_NODE_HEADER] = {TREE_VERSION, (uint8_t)level};
	enum err err;

	buffer_clear(&at->node);
	buffer_clear(&at->first);
	at->entries = 0;
	err = buffer_append(&at->node, header, sizeof(header));
	return err == ERR_OK ? buffer_append(&at->first, path.data, path.size) : err;
}

static enum err store_node(struct tree_writer *writer, unsigned level, uint8_t id[CHUNK_ID_SIZE])
{
	struct level *at = &writer->levels[level];
	enum err err = writer->store(writer->context, CHUNK_NODE, at->node.data, at->node.length, id);

	/* The stream only saves work for the next backup: what befalls it is told by stream_writer_commit and does not stop this one. */
	if (err == ERR_OK && level == 0 && writer->stream)
		(void)stream_writer_node(writer->stream, id, at->node.data, at->node.length);
	return err;
}

static enum err add_record(struct tree_writer *writer, unsigned level, const struct tree_record *record);

static enum err close_node(struct tree_writer *writer, unsigned level)
{
	struct level *at = &writer->levels[level];
	uint8_t id[CHUNK_ID_SIZE];
	struct tree_record record = {.first = {at->first.data, at->first.length},
	    .id = id,
	    .length = (uint32_t)at->node.length,
	    .entries = at->entries};
	enum err err = store_node(writer, level, id);

	if (err != ERR_OK)
		return err;
	at->nodes++;
	at->records = 0;
	if (level == 0) {
		buffer_swap(&writer->last, &writer->state.path);
		entry_state_reset(&writer->state);
	}
	return add_record(writer, level + 1, &record);
}

static enum err append_record(struct buffer *node, const struct tree_record *record)
{
	enum err err = buffer_append_varint(node, record->first.size);

	if (err == ERR_OK)
		err = buffer_append(node, record->first.data, record->first.size);
	if (err == ERR_OK)
		err = buffer_append(node, record->id, CHUNK_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_varint(node, record->length);
	return err == ERR_OK ? buffer_append_varint(node, record->entries) : err;
}

/* add_record and close_node call each other once per level: at most TREE_LEVELS_MAX deep. */
static enum err add_record(struct tree_writer *writer, unsigned level, const struct tree_record *record)
{
	struct level *at = &writer->levels[level];
	enum err err = ERR_OK;
	size_t kept;

	if (level == TREE_LEVELS_MAX)
		return fail(PL_ENTRY, "the tree of files needs more than %u levels", TREE_LEVELS_MAX);
	if (at->records == 0)
		err = start_node(writer, level, record->first);
	kept = at->node.length;
	if (err == ERR_OK)
		err = append_record(&at->node, record);
	if (err == ERR_OK && at->records > 0 && at->node.length > NODE_MAX) {
		at->node.length = kept;
		err = close_node(writer, level);
		if (err == ERR_OK)
			err = start_node(writer, level, record->first);
		if (err == ERR_OK)
			err = append_record(&at->node, record);
	}
	if (err != ERR_OK)
		return err;
	at->records++;
	at->entries += record->entries;
	memcpy(at->child, record->id, CHUNK_ID_SIZE);
	at->child_length = record->length;
	if (at->records >= LIST_RECORDS_MIN && at->node.length >= NODE_MIN &&
	    hash_cuts(writer, record->id, CHUNK_ID_SIZE))
		return close_node(writer, level);
	return ERR_OK;
}

enum err tree_writer_add(struct tree_writer *writer, const struct entry *entry)
{
	struct level *at = &writer->levels[0];
	enum err err = ERR_OK;
	size_t kept;

	if (at->records == 0) {
		struct entry_bytes last = {writer->last.data, writer->last.length};

		if (at->nodes > 0 && entry_compare(last, entry->path) >= 0)
			return entry_refuse(entry, "it is not behind the entry before it");
		err = start_node(writer, 0, entry->path);
	}
	kept = at->node.length;
	if (err == ERR_OK)
		err = entry_encode(&writer->state, entry, &at->node);
	if (err == ERR_OK && at->records > 0 && at->node.length > NODE_MAX) {
		/* It belongs to the next node, where it is coded against nothing. */
		at->node.length = kept;
		err = close_node(writer, 0);
		if (err == ERR_OK)
			err = start_node(writer, 0, entry->path);
		if (err == ERR_OK)
			err = entry_encode(&writer->state, entry, &at->node);
	}
	if (err != ERR_OK)
		return err;
	at->records++;
	at->entries++;
	writer->entries++;
	if (at->node.length >= NODE_MIN && hash_cuts(writer, entry->path.data, entry->path.size))
		return close_node(writer, 0);
	return ERR_OK;
}

enum err tree_writer_finish(struct tree_writer *writer, struct tree_root *root)
{
	struct level *at = &writer->levels[0];
	uint8_t levels = 1;
	enum err err = ERR_OK;

	*root = (struct tree_root){.entries = writer->entries};
	if (writer->entries == 0)
		err = start_node(writer, 0, (struct entry_bytes){0});
	/* Upwards until a level has one node only, closed or not. */
	while (err == ERR_OK && at->nodes > 0) {
		if (at->records > 0)
			err = close_node(writer, levels - 1u);
		if (err != ERR_OK)
			break;
		if (levels == TREE_LEVELS_MAX)
			return fail(PL_ENTRY, "the tree of files needs more than %u levels", TREE_LEVELS_MAX);
		at = &writer->levels[levels];
		if (at->nodes == 0 && at->records == 1) {
			memcpy(root->id, at->child, CHUNK_ID_SIZE);
			root->length = at->child_length;
			root->levels = levels;
			return ERR_OK;
		}
		levels++;
	}
	if (err != ERR_OK)
		return err;
	root->length = (uint32_t)at->node.length;
	root->levels = levels;
	return store_node(writer, levels - 1u, root->id);
}
