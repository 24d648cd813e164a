#include "core/chunk/hasher.h"

#include <string.h>
#include <xxhash.h>

#include "core/repo/limits.h"

uint64_t hasher_sum(uint8_t type, const uint8_t *key, const void *bytes, size_t size)
{
	uint8_t name[CHUNK_KEY_SIZE + 1];

	memcpy(name, key, CHUNK_KEY_SIZE);
	name[CHUNK_KEY_SIZE] = type;
	return XXH3_64bits_withSeed(bytes, size, XXH3_64bits(name, sizeof(name)));
}
