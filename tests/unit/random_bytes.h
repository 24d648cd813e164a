/* Bytes that look random and are the same everywhere, for tests. */
#ifndef PULIH_TESTS_RANDOM_BYTES_H
#define PULIH_TESTS_RANDOM_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* SplitMix64 from `seed`, its numbers little-endian one behind the other. */
void random_bytes(uint64_t seed, uint8_t *out, size_t size);

#endif
