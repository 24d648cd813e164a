/* Content-defined chunking: FastCDC with normalised chunking over a 64-bit gear hash. Pure functions, no I/O.
 *
 * The gear table derives from the domain's chunker key, so that cut points tell nothing to who does not have it. Frozen:
 * tests/unit holds known answers; another algorithm is another format version. */
#ifndef PULIH_CHUNK_CHUNKER_H
#define PULIH_CHUNK_CHUNKER_H

#include "core/base/error.h"
#include "core/crypto/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes in bytes. Cut points are looked for from `min` on; before `average` with a mask of two bits more than
 * log2(average), behind it with two bits less; at `max` a chunk ends whatever it holds. average is a power of two. */
struct chunker_sizes {
	uint32_t min, average, max;
};

/* For files: 128 KiB, 512 KiB, 2 MiB (CHUNK_MAX). */
extern const struct chunker_sizes chunker_standard;
/* For database dumps, SQL and database pages: 8 KiB, 32 KiB, 128 KiB. */
extern const struct chunker_sizes chunker_fine;

struct chunker {
	uint64_t gear[256];
};

/* gear[i] = little-endian 64-bit words of HKDF-SHA256(key, "", "pulih gear"), 2048 bytes. */
enum err chunker_setup(struct chunker *chunker, const uint8_t key[KEY_SIZE]);

/* Length of the first chunk of `bytes`: 1 … max. `whole` says that nothing follows: then the rest is a chunk whatever its
 * length. Without it, 0 means that no cut was found and more bytes (up to max in all) are needed. */
size_t chunker_cut(
    const struct chunker *chunker, const struct chunker_sizes *sizes, const uint8_t *bytes, size_t size, bool whole);

#endif
