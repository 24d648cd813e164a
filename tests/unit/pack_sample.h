/* A pack of three frames and what it was made of, for the tests of packs. */
#ifndef PULIH_TESTS_PACK_SAMPLE_H
#define PULIH_TESTS_PACK_SAMPLE_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"
#include "core/repo/pack.h"

#define PACK_SAMPLE_FRAMES 3u
#define PACK_SAMPLE_CHUNKS 5u
#define PACK_SAMPLE_RAW 3000u

/* Frame 0: two chunks, compressed. 1: one chunk, stored. 2: two chunks, stored, as long as frame 1. */
extern const uint32_t pack_sample_frame_sizes[PACK_SAMPLE_FRAMES], pack_sample_chunk_sizes[PACK_SAMPLE_CHUNKS];

struct pack_sample {
	struct keys *keys, *backup, *stranger;
	struct pack_writer *writer;
	const struct pack *pack;
	struct buffer bytes; /* a copy of the pack, to be damaged */
	struct pack_chunk chunks[PACK_SAMPLE_CHUNKS];
	uint8_t raw[PACK_SAMPLE_FRAMES][PACK_SAMPLE_RAW];
	struct buffer stored[PACK_SAMPLE_FRAMES];
	struct pack_frame frames[PACK_SAMPLE_FRAMES];
};

/* Set-ups of cmocka: *state is a struct pack_sample, whose pack was made with the backup key. Data under AES, metadata under ChaCha20. */
int pack_sample_up(void **state);
int pack_sample_metadata_up(void **state);
int pack_sample_down(void **state);

/* Full keys of domain "host", of a repository and from a root secret of such bytes. */
struct keys *pack_sample_keys(uint8_t repository, uint8_t secret, int suite);
/* Makes the pack anew from the frames, checks it, and copies it. */
enum err pack_sample_write(struct pack_sample *sample, const struct keys *keys, enum pack_type type, bool padded);

#endif
