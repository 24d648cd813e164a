/* Names and sums of chunks. One hasher per thread.
 *
 *   id  = HMAC-SHA256(id key, type ‖ plaintext), 32 bytes: what deduplication and every reader rely on
 *   sum = XXH3-64(plaintext) seeded with XXH3-64(first 16 bytes of the id ‖ type): made beside the id, it goes with the bytes through
 *         the memory of one backup and shows that neither they nor their name changed on the way into a pack. It proves nothing
 *         against a person, is in no file, and costs a tenth of the id. */
#ifndef PULIH_CHUNK_HASHER_H
#define PULIH_CHUNK_HASHER_H

#include "core/crypto/crypto.h"
#include "core/repo/keys.h"

struct hmac;
/* The hasher is an hmac over the id key. */
#define hasher_new(out, id_key) hmac_new(out, id_key)
#define hasher_free(hasher) hmac_free(hasher)
#define hasher_id(hasher, type, bytes, size, id) hmac_prefixed(hasher, (uint8_t)(type), bytes, size, id)

/* `key`: the first CHUNK_KEY_SIZE bytes of the id. */
uint64_t hasher_sum(uint8_t type, const uint8_t *key, const void *bytes, size_t size);

#endif
