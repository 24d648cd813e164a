/* Entries and chunks for the tests of entries, trees and streams. */
#ifndef PULIH_TESTS_ENTRIES_H
#define PULIH_TESTS_ENTRIES_H

#include "core/repo/tree.h"

/* SplitMix64: the same numbers everywhere. */
uint64_t random_next(uint64_t *seed);
uint64_t random_below(uint64_t *seed, uint64_t bound);

/* An entry with the memory that it borrows. Not to be moved once filled. */
struct sample {
	struct entry entry;
	uint8_t path[300], names[2][16], target[64], xattrs[400], segments[64], content[ENTRY_INLINE_CHUNKS * 36 + 64];
};

/* A path of 1 to 5 components over few letters, so that paths share much and meet every order of '/' and other bytes. */
struct entry_bytes random_path(uint64_t *seed, uint8_t out[300]);
/* Everything that an entry can have, at random; the path is copied. */
void sample_fill(struct sample *sample, uint64_t *seed, struct entry_bytes path);
/* A small file like most: folder<n/100>/file<n>, one chunk, owner and mode as its neighbours. n below 10^9. */
void sample_plain(struct sample *sample, uint64_t n);
/* `count` random samples in ascending order, without duplicates: fewer may come. To be released with mem_free. */
struct sample *samples_sorted(uint64_t seed, size_t count, size_t *made);
/* Fails the test where a field differs. */
void assert_entries_equal(const struct entry *a, const struct entry *b);
struct entry_bytes bytes_of(const char *text);

/* Chunks in memory. Starts as {0}. Ids are HMAC-SHA256 under a fixed key. */
struct chunk_store {
	struct stored {
		uint8_t id[CHUNK_ID_SIZE];
		uint8_t *bytes;
		size_t size;
	} * chunks;
	size_t count, capacity;
	size_t puts, fetches;
};
void chunk_store_free(struct chunk_store *store);
/* tree_store and tree_fetch. */
enum err chunk_store_put(
    void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE]);
enum err chunk_store_fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out);
/* Puts a chunk under an id of the test's choice. */
void chunk_store_plant(struct chunk_store *store, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size);
struct stored *chunk_store_find(struct chunk_store *store, const uint8_t id[CHUNK_ID_SIZE]);

#endif
