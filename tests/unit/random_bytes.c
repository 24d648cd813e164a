#include "tests/unit/random_bytes.h"

void random_bytes(uint64_t seed, uint8_t *out, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++) {
		if (i % 8 == 0) {
			seed += UINT64_C(0x9E3779B97F4A7C15);
			number = (seed ^ (seed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
			number = (number ^ (number >> 27)) * UINT64_C(0x94D049BB133111EB);
			number ^= number >> 31;
		}
		out[i] = (uint8_t)(number >> (8 * (i % 8)));
	}
}
