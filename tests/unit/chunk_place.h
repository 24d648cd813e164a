/* A repository of three packs, and a reader of its chunks, for the tests of the chunk reader. */
#ifndef PULIH_TESTS_CHUNK_PLACE_H
#define PULIH_TESTS_CHUNK_PLACE_H

#include "core/repo/chunk_reader.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"

#define PACKS 3u /* the last one holds metadata */
#define FRAMES 3u
#define CHUNKS 2u /* of a frame */
#define CHUNK_SIZE 1500u
#define ALL (PACKS * FRAMES * CHUNKS)

struct chunk_place {
	struct keys *keys;
	struct target *target;
	char *folder; /* of the index cache */
	struct index *index;
	struct chunk_reader *reader;
	struct pack_chunk chunks[ALL];
	uint8_t raw[ALL][CHUNK_SIZE];
	uint8_t packs[PACKS][OBJECT_ID_SIZE];
	struct object_name names[PACKS];
	uint64_t offsets[PACKS * FRAMES];
};

/* Set-up and teardown of cmocka: *state is a struct chunk_place, whose reader keeps 64 frames. */
int chunk_place_up(void **state);
int chunk_place_down(void **state);

enum chunk_type chunk_place_type(size_t chunk);
/* Instead of the reader that is there, one that keeps that many frames. */
void chunk_place_reader(struct chunk_place *place, size_t frames);
/* The chunk comes, and is what was stored. */
struct chunk_view chunk_place_get(struct chunk_place *place, size_t chunk);
void chunk_place_check(struct chunk_place *place, size_t chunk);
/* How often the target was read. */
unsigned long chunk_place_reads(struct chunk_place *place);
/* Puts an index object of these packs there. */
void chunk_place_index(struct chunk_place *place, const struct index_pack *packs, size_t count);
/* Reads what index objects there are, and starts anew. */
void chunk_place_open(struct chunk_place *place);
/* Stores pack 0 once more, under another id, with an index object of its own, and starts anew. */
struct object_name chunk_place_twin(struct chunk_place *place);

#endif
