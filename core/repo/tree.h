/* The entry stream of a snapshot: entries in path order, cut into metadata chunks (CHUNK_NODE), above them levels of lists of
 * (first path, chunk id), cut the same way, up to a single root chunk.
 *
 *   node: u8 version 1, u8 level; level 0: encoded entries (entry.h); level > 0: repeated
 *     varint+bytes first path, chunk id (32), varint chunk length, varint entries below it
 * Versions that are not 1 are refused. No node is over NODE_MAX but one that holds a single entry; a list that is not the root holds at least
 * two records, unless it is the last of its level. An empty tree is one node of level 0 without entries.
 * A node ends behind an entry whose path (level 0; level > 0: whose child id) hashes to zeros under NODE_MASK, once NODE_MIN bytes are
 * in it, or before it would pass NODE_MAX. hash = XXH3-64 of the bytes with seed = first 8 bytes of HKDF(chunker key, "pulih node"). A
 * changed entry therefore disturbs its own node and the path above it only. */
#ifndef PULIH_REPO_TREE_H
#define PULIH_REPO_TREE_H

#include "core/repo/entry.h"
#include "core/repo/keys.h"

/* Where nodes go: computes the id of the chunk, stores it if it is new. `bytes` are borrowed. */
typedef enum err (*tree_store)(
    void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE]);
/* Where nodes come from: fills `out` (cleared first) with the chunk, checked against its id. */
typedef enum err (*tree_fetch)(
    void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out);

struct tree_root {
	uint8_t id[CHUNK_ID_SIZE];
	uint32_t length; /* bytes of the root node */
	uint8_t levels;	 /* 1: the root holds entries */
	uint64_t entries;
};

/* ---- writing ---- */

struct tree_writer;
/* Level 0 nodes are also appended to `stream` where it is not NULL (stream.h); what goes wrong there does not stop the tree, and is told
 * by stream_writer_commit. Everything is borrowed. */
struct stream_writer;
enum err tree_writer_new(struct tree_writer **out, const uint8_t chunker_key[KEY_SIZE], tree_store store, void *context,
    struct stream_writer *stream);
void tree_writer_free(struct tree_writer *writer);
/* Entries in strictly ascending order. An entry that is refused with PL_ENTRY (ERR_LIMIT) leaves the writer as it was: the next can be added. */
enum err tree_writer_add(struct tree_writer *writer, const struct entry *entry);
/* Stores what is left up to the root; nothing can be added afterwards. */
enum err tree_writer_finish(struct tree_writer *writer, struct tree_root *root);

/* ---- reading ---- */

/* Reads entries in order, holds one node per level. What the format forbids is PL_TREE_BROKEN, PL_ENTRY_BROKEN (ERR_CORRUPT) or
 * PL_FORMAT_VERSION (ERR_UNSUPPORTED); after any error next() keeps returning it until a seek succeeds. */
struct tree_reader;
enum err tree_reader_new(struct tree_reader **out, const struct tree_root *root, tree_fetch fetch, void *context);
void tree_reader_free(struct tree_reader *reader);
/* The next tree_reader_next() gives the first entry at or behind `path`: reads only the nodes on the way. */
enum err tree_reader_seek(struct tree_reader *reader, struct entry_bytes path);
/* *entry is NULL at the end; otherwise valid until the next call. Order is checked across nodes, the number of entries at the end. */
enum err tree_reader_next(struct tree_reader *reader, const struct entry **entry);
/* After tree_reader_next() found damage (ERR_CORRUPT): passes over the damaged node, so that the next call gives the first entry behind it. False
 * where there is nothing behind it. For those who want what is left. */
bool tree_reader_skip(struct tree_reader *reader);

/* Visits every node of the tree once: for structure checks and marking. `known` may say that a node (by id) was visited before, and is then
 * not fetched; each of the three may be NULL. `node` is told of a node before what is below it. The context is that of `fetch` too. */
typedef bool (*tree_known)(void *context, const uint8_t id[CHUNK_ID_SIZE]);
typedef enum err (*tree_visit_entry)(void *context, const struct entry *entry);
typedef enum err (*tree_visit_node)(void *context, const uint8_t id[CHUNK_ID_SIZE], uint32_t length);
enum err tree_walk(const struct tree_root *root, tree_fetch fetch, tree_known known, tree_visit_node node,
    tree_visit_entry entry, void *context);

#endif
