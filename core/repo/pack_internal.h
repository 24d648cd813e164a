/* Shared by the files that write, read and check packs. */
#ifndef PULIH_REPO_PACK_INTERNAL_H
#define PULIH_REPO_PACK_INTERNAL_H

#include "core/repo/pack.h"

/* Where the fields of the header are. */
enum pack_header_field {
	PACK_AT_MAGIC = 0,
	PACK_AT_VERSION = 8,
	PACK_AT_SUITE = 10,
	PACK_AT_TYPE = 11,
	PACK_AT_FLAGS = 12,
	PACK_AT_REPOSITORY = 16,
	PACK_AT_DOMAIN = 32,
	PACK_AT_PUBLIC_KEY = 48,
	PACK_AT_COMMITMENT = 80, /* what is before it is the salt of the pack key */
	PACK_AT_RESERVED = 112,
};

#define PACK_MAGIC "PULIHPAK"
#define PACK_END_MAGIC "PULIHEND"
#define PACK_MAGIC_SIZE 8u
#define PACK_VERSION 1u
#define PACK_TRAILER_PLAIN_SIZE (PACK_TRAILER_SIZE - PACK_MAGIC_SIZE - TAG_SIZE)

/* What is sealed; numbers are in files. Frames are numbered from 0, far below the other two. */
enum pack_part { PACK_FRAME = 1, PACK_DIRECTORY = 2, PACK_TRAILER = 3 };
#define PACK_DIRECTORY_NUMBER (UINT64_MAX - 1)
#define PACK_TRAILER_NUMBER UINT64_MAX

struct pack_associated {
	uint8_t bytes[PACK_HEADER_SIZE + 1 + 8];
};
struct pack_associated pack_associated(const uint8_t header[PACK_HEADER_SIZE], enum pack_part part, uint64_t number);

/* The pack key and the commitment of a header whose first 80 bytes are set. `own` and `peer` are the private half and the
 * public key of the two ends: of the pack and of the read key, or the other way round. `key` should be secret memory. */
enum err pack_derive(const uint8_t header[PACK_HEADER_SIZE], const uint8_t own[KEY_SIZE], const uint8_t peer[KEY_SIZE],
    const uint8_t shared[KEY_SIZE], uint8_t key[KEY_SIZE], uint8_t commitment[HASH_SIZE]);

struct pack_trailer {
	uint64_t directory_offset;
	uint32_t directory_size; /* sealed */
	uint32_t frames;
};
/* Opens the last PACK_TRAILER_SIZE bytes of a pack of `size` bytes, and checks that the parts fill the pack exactly. */
enum err pack_trailer_open(struct aead *aead, const struct pack_key *key, const uint8_t sealed[PACK_TRAILER_SIZE],
    uint64_t size, struct pack_trailer *out);
/* Opens the directory and checks it against the trailer; `sealed` (directory_size bytes) may be overwritten where it is the
 * same memory as `scratch`, which has as many bytes. */
enum err pack_directory_open(struct aead *aead, const struct pack_key *key, const struct pack_trailer *trailer,
    const uint8_t *sealed, uint8_t *scratch, struct directory *out);
/* Opens and decompresses a frame; `scratch` has room for the sealed frame and may be the same memory. */
enum err pack_frame_open(struct aead *aead, const struct pack_key *key, struct frame_decompressor *decompressor,
    uint32_t number, const struct directory_frame *frame, const void *sealed, void *scratch, void *raw);

/* How the chunks of a pack are checked. */
struct pack_proof {
	const uint8_t
	    *id_key; /* KEY_SIZE bytes: every id is computed again, and must begin as the directory says; or NULL: */
	const uint64_t *sums; /* hasher_sum() of every chunk, over the name that the directory gives it */
	size_t sums_count;
};
/* Opens everything in a pack in memory and checks every chunk. The bytes are left alone. The caller owns *out. */
enum err pack_check_contents(const struct pack_key *key, const uint8_t *bytes, size_t size,
    const struct pack_proof *proof, struct directory *out);

#endif
