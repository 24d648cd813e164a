/* Packs: header · sealed frames · sealed directory (with padding) · sealed trailer.
 *
 *   header, 128 bytes:
 *     0  8  "PULIHPAK"         8 2  version 1         10 1  suite         11 1  type (1 data, 2 metadata)
 *    12  4  flags, 0          16 16 repository id     32 16 domain tag    48 32 X25519 public key made for this pack
 *    80 32  key commitment   112 16 zero, reserved: refused when set
 *   frame i: AEAD(pack key, nonce i) of the stored bytes ‖ tag 16
 *   directory: AEAD(nonce 2^64-2) of directory.h's bytes, zeros behind them as padding ‖ tag
 *   trailer: AEAD(nonce 2^64-1) of { u64 offset of the directory, u32 its sealed length, u32 frames } ‖ tag, 32 bytes
 *   and "PULIHEND", 8 bytes
 * Integers are little-endian. Associated data of all three: header ‖ u8 kind (1 frame, 2 directory, 3 trailer) ‖ u64 number, the nonce's.
 * pack key (32) ‖ commit key (32) = HKDF-SHA256(X25519(pack's private half, read key) ‖ pre-shared secret,
 *   salt = header[0..80), "pulih pack"); commitment = HMAC(commit key, 0x01 ‖ "pulih commit").
 * One pack, one key, the nonce is the frame's position: no nonce can repeat, no state has to survive a crash. The private
 * half is wiped as soon as the pack key is derived, the pack key when the pack is finished. The last pack of a session is
 * padded to a Padmé length. */
#ifndef PULIH_REPO_PACK_H
#define PULIH_REPO_PACK_H

#include "core/base/buffer.h"
#include "core/chunk/frame.h"
#include "core/repo/directory.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

#define PACK_HEADER_SIZE 128
#define PACK_TRAILER_SIZE 40

/* ---- writing ---- */

struct pack_chunk {
	uint8_t id[CHUNK_ID_SIZE];
	uint64_t sum; /* hasher_sum(), made when the id was */
	uint32_t length;
	uint8_t type;
};

/* A frame on its way into a pack; everything is borrowed. The chunks are what the raw bytes hold, in order. */
struct pack_frame {
	const void *stored; /* what frame_compress gave, or the raw bytes with CODEC_STORED */
	uint32_t stored_size;
	uint32_t raw_size;
	uint8_t codec;
	const struct pack_chunk *chunks;
	uint32_t chunks_count;
};

/* A pack in memory. Adding is cheap and in order; finishing (seal, hash) and checking are the work and may run on any thread. */
struct pack_writer;
/* `spare` (may be NULL) is memory of an earlier pack, taken over and left {0}: 16 MiB that need not be mapped and cleared again. */
enum err pack_writer_new(struct pack_writer **out, const struct keys *keys, enum pack_type type, struct buffer *spare);
/* With `spare` not NULL the pack's memory goes there (what it held is freed) for the next pack. */
void pack_writer_free(struct pack_writer *writer, struct buffer *spare);
/* True when the frame should start another pack: this one has frames, and would pass PACK_TARGET. */
bool pack_writer_full(const struct pack_writer *writer, uint32_t stored_size);
/* PL_PACK_LIMIT (ERR_LIMIT) where the pack would pass PACK_MAX: never after pack_writer_full() said no. */
enum err pack_writer_add(struct pack_writer *writer, const struct pack_frame *frame);
size_t pack_writer_frames(const struct pack_writer *writer);

/* The finished pack. Owned by the writer, valid until it is freed. */
struct pack {
	uint8_t id[OBJECT_ID_SIZE];
	const uint8_t *bytes;
	size_t size;
	struct directory directory; /* empty until it is checked */
};
/* Seals and hashes. `padded` for the last pack. Once for each writer, whatever the result. */
enum err pack_writer_finish(struct pack_writer *writer, bool padded, const struct pack **out);
/* Opens, decompresses and sums every frame of the finished bytes, and gives pack->directory as it was opened again. Whoever writes the
 * pack does so first, and compares what the target holds with `bytes`: then a bit that flipped anywhere between the naming of a chunk
 * and the medium is found, either there or here, as PL_SELF_CHECK (ERR_FAILED). Once for each writer, whatever the result. */
enum err pack_writer_check(struct pack_writer *writer);

/* ---- reading ---- */

/* Opens one pack for reading. Needs a full key (PL_KEY_FULL). Not to be shared between threads, but pack_key is. */
struct pack_key {
	uint8_t header[PACK_HEADER_SIZE];
	uint8_t key[KEY_SIZE];
	int suite;
	uint8_t type;
	uint8_t domain[DOMAIN_TAG_SIZE];
};
/* Checks a header (magic, version, suite, type, flags, repository, commitment) and derives the pack's key, which the caller wipes.
 * PL_KEY_FULL; PL_PACK_BROKEN: no pack, or another repository's; PL_FORMAT_VERSION, PL_SUITE (ERR_UNSUPPORTED); PL_SEAL_BROKEN:
 * the commitment does not match. Messages do not name the pack: callers add it. */
enum err pack_key_from_header(struct pack_key *out, const struct keys *keys, const uint8_t header[PACK_HEADER_SIZE]);
/* Opens and decompresses frame `number`: `sealed` is stored_size + TAG_SIZE bytes and is overwritten. Writes raw_size bytes. */
enum err pack_open_frame(const struct pack_key *key, struct frame_decompressor *decompressor, uint32_t number,
    uint8_t codec, void *sealed, uint32_t stored_size, void *raw, uint32_t raw_size);

/* Reads header, trailer and directory of a pack in a target (three small reads). The caller frees *directory and wipes *key. A pack
 * that is not there is ERR_MISSING (PL_OBJECT_MISSING); damage is ERR_CORRUPT and named. */
enum err pack_read_directory(struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    struct pack_key *key, struct directory *directory);

/* Checks a whole pack in memory, content tier: its SHA-256 is `id`, header, trailer, directory, every frame, every chunk
 * key against the domain's id key. The bytes are left as they are. The directory is given out if wanted (may be NULL). */
enum err pack_check(const uint8_t *bytes, size_t size, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    struct directory *directory);

/* Padmé: the smallest allowed length ≥ length (leaks O(log log length) bits, costs at most 12 %). */
uint64_t pack_padded_size(uint64_t length);

#endif
