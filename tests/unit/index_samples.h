/* Keys and packs that the tests of the index share: nothing random, so that answers can be frozen. */
#ifndef PULIH_TESTS_INDEX_SAMPLES_H
#define PULIH_TESTS_INDEX_SAMPLES_H

#include "core/repo/index.h"

/* Full keys of a repository with a fixed root, domain "host". Freed with keys_free. */
struct keys *sample_keys(void);

/* The id of a pack, and of a chunk in it: different for every pair of numbers, even like a hash. */
void sample_pack_id(uint64_t pack, uint8_t id[OBJECT_ID_SIZE]);
void sample_chunk_id(uint64_t pack, uint64_t chunk, uint8_t id[CHUNK_ID_SIZE]);

/* A pack of `chunks` chunks, four in a frame; chunk i has 100 + i % 50 bytes. Freed with directory_free. */
#define SAMPLE_PER_FRAME 4
struct index_pack sample_pack(uint64_t pack, size_t chunks);
/* Bytes of such a pack, as its directory needs them. */
uint64_t sample_pack_size(const struct directory *directory);

#endif
