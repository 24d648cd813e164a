/* Chunk ids: HMAC-SHA256(id key, type ‖ plaintext). One hasher per thread. */
#ifndef PULIH_CHUNK_HASHER_H
#define PULIH_CHUNK_HASHER_H

#include "core/crypto/crypto.h"
#include "core/repo/keys.h"

struct hmac;
/* The hasher is an hmac over the id key. */
#define hasher_new(out, id_key) hmac_new(out, id_key)
#define hasher_free(hasher) hmac_free(hasher)
#define hasher_id(hasher, type, bytes, size, id) hmac_prefixed(hasher, (uint8_t)(type), bytes, size, id)

#endif
