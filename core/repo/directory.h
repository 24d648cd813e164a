/* The directory of a pack: which frames it has, which chunks they hold. The same bytes stand sealed inside the pack and,
 * for those who hold the index key only, inside an index object.
 *
 *   varint frames; per frame: varint stored length (without tag), varint raw length, u8 codec, varint chunks (≥ 1)
 *   per chunk, in order: key (16)
 *   per chunk, in order: varint length in data packs, varint (length << 2 | type - 1) in metadata packs; lengths ≥ 1
 * Offsets are sums. The chunk lengths of a frame add up to its raw length; anything else is refused. */
#ifndef PULIH_REPO_DIRECTORY_H
#define PULIH_REPO_DIRECTORY_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"
#include "core/repo/limits.h"

/* Numbers are in files. */
enum pack_type { PACK_DATA = 1, PACK_METADATA = 2 };

struct directory_frame {
	uint64_t offset;      /* of the sealed frame in the pack */
	uint32_t stored_size; /* compressed bytes, without the tag */
	uint32_t raw_size;
	uint32_t first_chunk; /* position in chunks[] */
	uint32_t chunks_count;
	uint8_t codec;
};

struct directory_chunk {
	uint8_t key[CHUNK_KEY_SIZE];
	uint32_t length;
	uint32_t offset; /* in the raw frame */
	uint8_t type;	 /* enum chunk_type */
};

/* Starts as {0}; released with directory_free. */
struct directory {
	uint8_t type; /* enum pack_type */
	struct directory_frame *frames;
	size_t frames_count;
	struct directory_chunk *chunks;
	size_t chunks_count;
};

void directory_free(struct directory *directory);
/* `directory->type`, frames[].stored_size/raw_size/codec/chunks_count and chunks[].key/length/type are written. */
enum err directory_encode(const struct directory *directory, struct buffer *out);
/* Reads one directory from the cursor and leaves it behind its last byte. Everything is checked against limits.h before it
 * is allocated. PL_DIRECTORY_BROKEN (ERR_CORRUPT). The first frame is taken to start at PACK_HEADER_SIZE. */
enum err directory_decode(struct cursor *cursor, uint8_t type, struct directory *out);

#endif
