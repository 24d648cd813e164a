/* Where the chunks of a backup go: deduplicated, laid into frames, compressed, packed, sealed, written, read back.
 *
 * Called from one thread (the one that owns the index), in the order of the entry stream; the work is done on a pool's threads and on
 * two writer threads. Frames and packs are filled in call order, so they hold the same chunks whatever the number of threads.
 * Memory: frames in flight × 4 MiB + packs in flight × 16 MiB, see STORE_* in store.c. */
#ifndef PULIH_BACKUP_STORE_H
#define PULIH_BACKUP_STORE_H

#include "core/repo/index.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

struct store;

struct store_options {
	struct target *target;
	const struct keys *keys;
	struct index *index; /* of the session; the store calls index_use, _expect, _add_pack, _publish */
	unsigned threads;    /* 0: everything on the caller's thread */
	int level;
	uint64_t rate; /* bytes a second to the target, 0: no limit */
};

/* What went through; read after store_flush. */
struct store_totals {
	uint64_t chunks, chunks_new, bytes_new; /* raw bytes of new chunks */
	uint64_t packs, bytes_stored;		/* packs written and their bytes, index objects included */
};

enum err store_new(struct store **out, const struct store_options *options);
/* Stops the threads; what is unfinished is dropped. */
void store_free(struct store *store);
/* Stores the chunk unless it is there; `sum` is hasher_sum(), made when the id was. The bytes are copied before the call returns. The
 * first failure of any thread is returned from every later call. */
enum err store_chunk(struct store *store, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], uint64_t sum,
    const void *bytes, size_t size);
/* As tree_store of repo/tree.h, `context` is the store: computes id and sum first. */
enum err store_tree_chunk(
    void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE]);
/* Everything that was given is durable, was read back, and is in a published index object when this returns ERR_OK. */
enum err store_flush(struct store *store);
struct store_totals store_totals(const struct store *store);

#endif
