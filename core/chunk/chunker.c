#include "core/chunk/chunker.h"

#include <string.h>

#include "core/base/buffer.h"

const struct chunker_sizes chunker_standard = {.min = 128u << 10, .average = 512u << 10, .max = 2u << 20};
const struct chunker_sizes chunker_fine = {.min = 8u << 10, .average = 32u << 10, .max = 128u << 10};

/* The hash is shifted by one bit a byte, so after 64 bytes a byte has left it: it is a function of the last 64 bytes only,
 * and cut points do not depend on where the chunk began. */
#define WINDOW 64

/* Two bits more before the average and two bits less behind it: FastCDC's "normalisation level 2", which narrows the spread
 * of sizes most (Xia et al., USENIX ATC 2016, section 3.4). */
#define NORMALISATION 2

enum err chunker_setup(struct chunker *chunker, const uint8_t key[KEY_SIZE])
{
	static const char label[] = "pulih gear";
	uint8_t bytes[sizeof(chunker->gear)];
	enum err err = hkdf(key, KEY_SIZE, NULL, 0, label, strlen(label), bytes, sizeof(bytes));

	for (size_t i = 0; err == ERR_OK && i < 256; i++)
		chunker->gear[i] = load_u64(bytes + 8 * i);
	crypto_wipe(bytes, sizeof(bytes));
	return err;
}

#define LANES 4
#define LANE_SIZE 1024u /* bytes: many against the window that each lane reads first, few against the shortest chunk */

static uint64_t window_hash(const uint64_t gear[256], const uint8_t *end, size_t size)
{
	uint64_t hash = 0;

	for (const uint8_t *at = end - size; at < end; at++)
		hash = (hash << 1) + gear[*at];
	return hash;
}

/* scan() of LANES × LANE_SIZE bytes. One hash waits for itself: a byte takes two cycles, while the processor could do a byte in
 * less than one. Since a hash depends on 64 bytes only, four stretches are hashed side by side, and the first cut counts. */
static const uint8_t *scan_lanes(const uint64_t gear[256], const uint8_t *at, uint64_t limit, uint64_t *state)
{
	const uint8_t *at1 = at + LANE_SIZE, *at2 = at1 + LANE_SIZE, *at3 = at2 + LANE_SIZE, *found = NULL;
	uint64_t hash = *state, hash1 = window_hash(gear, at1, WINDOW), hash2 = window_hash(gear, at2, WINDOW),
		 hash3 = window_hash(gear, at3, WINDOW);

#define STEP(hash, at)                                                                     \
	do {                                                                               \
		hash = (hash << 1) + gear[(at)[i]];                                        \
		if (__builtin_expect(hash < limit, 0) && (!found || found > (at) + i + 1)) \
			found = (at) + i + 1;                                              \
	} while (0)
	for (size_t i = 0; i < LANE_SIZE; i++) {
		hash = (hash << 1) + gear[at[i]];
		if (__builtin_expect(hash < limit, 0))
			return at + i + 1;
		STEP(hash1, at1);
		STEP(hash2, at2);
		STEP(hash3, at3);
	}
#undef STEP
	*state = hash3;
	return found;
}

/* Takes the bytes [at, end) into *state, which is the hash of those before, and returns the first position behind one of them at
 * which the hash is below `limit`: its highest bits, those that most bytes reach, are zero. NULL where there is none. */
static const uint8_t *scan(
    const uint64_t gear[256], const uint8_t *at, const uint8_t *end, uint64_t limit, uint64_t *state)
{
	uint64_t hash;

	for (; end - at >= (ptrdiff_t)(LANES * LANE_SIZE); at += LANES * LANE_SIZE) {
		const uint8_t *found = scan_lanes(gear, at, limit, state);

		if (found)
			return found;
	}
	hash = *state;
	for (; at < end; at++) {
		hash = (hash << 1) + gear[*at];
		if (hash < limit)
			return at + 1;
	}
	*state = hash;
	return NULL;
}

static uint64_t limit_of(unsigned bits)
{
	return UINT64_C(1) << (64 - bits);
}

size_t chunker_cut(
    const struct chunker *chunker, const struct chunker_sizes *sizes, const uint8_t *bytes, size_t size, bool whole)
{
	unsigned bits = (unsigned)__builtin_ctz(sizes->average);
	size_t end = size < sizes->max ? size : sizes->max;
	size_t first = sizes->min - 1; /* the byte that ends the shortest chunk */
	size_t middle = sizes->average - 1;
	const uint8_t *cut;
	uint64_t hash;

	if (size < sizes->min)
		return whole ? size : 0;
	hash = window_hash(chunker->gear, bytes + first, WINDOW - 1);
	cut = scan(
	    chunker->gear, bytes + first, bytes + (end < middle ? end : middle), limit_of(bits + NORMALISATION), &hash);
	if (!cut && end > middle)
		cut = scan(chunker->gear, bytes + middle, bytes + end, limit_of(bits - NORMALISATION), &hash);
	if (cut)
		return (size_t)(cut - bytes);
	return whole || end == sizes->max ? end : 0;
}
