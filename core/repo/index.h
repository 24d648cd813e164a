/* The index of one domain: where each chunk is.
 *
 * In the repository: immutable objects, one per write session or more, in storage order:
 *   header: "PULIHIDX" (8), u16 version, u8 suite, u8 0, u32 flags 0, repository id (16), domain tag (16), writer id (16)
 *   box (seal.h, purpose "index", secret = index key, associated = header) of zstd( varint packs; per pack: id (32), u8 type, varint
 *     size of the pack, directory.h's bytes )
 *   Ed25519 signature (64) over SHA-256 of all that precedes
 * Locally: a disposable cache of sorted, memory-mapped tables, checked against the object list when it is opened. */
#ifndef PULIH_REPO_INDEX_H
#define PULIH_REPO_INDEX_H

#include "core/base/error.h"
#include "core/repo/directory.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

/* ---- index objects ---- */

struct index_pack {
	uint8_t id[OBJECT_ID_SIZE];
	uint64_t size;
	struct directory directory;
};

/* Builds one object of the packs; `bytes` is replaced, `id` is its name. */
enum err index_object_encode(const struct keys *keys, const struct index_pack *packs, size_t count,
    struct buffer *bytes, uint8_t id[OBJECT_ID_SIZE]);
typedef enum err (*index_pack_visit)(void *context, const struct index_pack *pack);
/* Checks name, header, signature, box and contents of an object and visits its packs. `domain` are the keys of the domain. */
enum err index_object_decode(const struct keys *keys, const struct domain_keys *domain,
    const uint8_t id[OBJECT_ID_SIZE], const void *bytes, size_t size, index_pack_visit visit, void *context);

/* ---- the index in use ---- */

struct index;

struct index_location {
	uint8_t pack[OBJECT_ID_SIZE];
	uint64_t pack_size;
	uint64_t frame_offset;
	uint32_t frame; /* its number in the pack */
	uint32_t stored_size, raw_size;
	uint8_t codec;
	uint32_t offset, length; /* of the chunk in the raw frame */
};

struct generations; /* generation.h; may be NULL: nothing is condemned */

struct index_options {
	const char *cache_folder;
	const struct generations *generations; /* borrowed until index_begin() has returned, or the index is freed */
	size_t budget;			       /* bytes of resident memory whatever the number of chunks; 0: 64 MiB */
	size_t *damaged;		       /* not NULL: objects that are damaged are skipped, and counted here */
	/* Who stores relies on what is found, so that what a revoked writer signed counts as absent: nobody can tell when it was signed. */
	bool to_store;
};

/* Loads the domain's index: lists the objects, uses what the cache holds, reads the rest, merges small tables. Condemned packs count as
 * absent. An object that is damaged or unreadable is ERR_CORRUPT / ERR_MISSING, and named; see `damaged`. Target and keys are borrowed.
 * PL_INDEX_CACHE (ERR_IO) where the cache cannot be used. */
enum err index_open(struct index **out, struct target *target, const struct keys *keys,
    const struct domain_keys *domain, const struct index_options *options);
void index_free(struct index *index);

/* Where a chunk is. PL_CHUNK_MISSING (ERR_MISSING). Safe from several threads while nothing is added. */
enum err index_find(struct index *index, const uint8_t id[CHUNK_ID_SIZE], struct index_location *out);
/* The same for a chunk that stands in several packs: `copy` counts them from 0, in no order that means anything. ERR_MISSING where there are
 * not so many. One pack may come twice. */
enum err index_find_copy(struct index *index, const uint8_t id[CHUNK_ID_SIZE], size_t copy, struct index_location *out);
/* Number of chunks; one that stands in several packs may count more than once. */
uint64_t index_chunks(const struct index *index);

/* ---- beside what the target has ---- */

enum index_presence { INDEX_PACK_THERE, INDEX_PACK_MISSING, INDEX_PACK_RESIZED };
struct index_pack_state {
	const uint8_t *id;
	uint64_t size; /* as the index says */
	bool used; /* this session relies on it: index_use() found a chunk there, or the session stored or adopted it */
	enum index_presence presence;
};
typedef enum err (*index_pack_state_visit)(void *context, const struct index_pack_state *pack);
/* Lists the packs of the target, once, and visits every pack of the index that does not count as absent, each once; those that this session
 * has not published yet count as there. Not while other threads look up. Memory does not grow with the number of packs. PL_TARGET_LIST,
 * PL_INTERRUPTED, PL_INDEX_CACHE. */
enum err index_each_pack(struct index *index, index_pack_state_visit visit, void *context);
/* A pack that is lost: it counts as absent from now on, so that its chunks are stored again. Before index_begin(), also by a visitor of
 * index_each_pack(). */
void index_drop_pack(struct index *index, const struct index_pack_state *pack);
/* A pack that an interrupted session may have left: it is not taken over, though it is there with its size. Before index_begin(). */
enum err index_refuse_pack(struct index *index, const uint8_t id[OBJECT_ID_SIZE]);
/* Visits those of the dropped packs that hold a chunk which no other pack has: what they held has not all been stored again. Reads the whole
 * index; memory is one bit for each frame. Before index_begin(). PL_INTERRUPTED, PL_INDEX_CACHE. */
enum err index_each_lost(struct index *index, index_pack_state_visit visit, void *context);

/* ---- a write session (one thread) ---- */

/* The index must be that of the domain that is written to (PL_KEY_DOMAIN, ERR_KEY). Opens a journal in the cache folder and adopts those of
 * interrupted sessions: their finished packs, if still in the target with the right size, not condemned and not refused, count as this session's, so
 * that interrupted work is not done twice. Gives the number of packs adopted. */
enum err index_begin(struct index *index, size_t *adopted);
/* True when the chunk is stored, or on its way in this session; marks its pack as relied upon. */
bool index_use(struct index *index, const uint8_t id[CHUNK_ID_SIZE]);
/* A chunk that this session is about to store: later index_use() finds it. */
enum err index_expect(struct index *index, const uint8_t id[CHUNK_ID_SIZE]);
/* A pack that is durable in the target: journalled, and part of the next index object. Takes over `directory` (left {0}). */
enum err index_add_pack(
    struct index *index, const uint8_t id[OBJECT_ID_SIZE], uint64_t size, struct directory *directory);
/* Writes an index object of the packs added since the last call, when there are INDEX_CHUNKS_MAX chunks or `all` is set; nothing
 * to write is fine. Gives the bytes written (may be 0). */
enum err index_publish(struct index *index, bool all, uint64_t *written);
/* Packs that this session relies on and that `generations` condemns: forgets them, so that their chunks count as absent, and gives
 * their number. */
enum err index_drop_condemned(struct index *index, const struct generations *generations, size_t *dropped);
/* The session is over, everything is published: removes the journal. */
enum err index_end(struct index *index);

#endif
