/* What a reader remembers of packs: their keys, and which of them failed it. A fixed number, those that were used last. Safe from several
 * threads. */
#ifndef PULIH_REPO_PACK_CACHE_H
#define PULIH_REPO_PACK_CACHE_H

#include "core/repo/pack.h"

struct pack_cache;
/* Keeps the keys in secret memory. */
enum err pack_cache_new(struct pack_cache **out);
void pack_cache_free(struct pack_cache *cache);
/* True with a copy of the key, where it is known. */
bool pack_cache_key(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE], struct pack_key *out);
void pack_cache_keep_key(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE], const struct pack_key *key);
/* Something of this pack could not be read: where there is a choice, another is better asked first. Forgotten in time; never a reason not to
 * ask it at all. */
void pack_cache_doubt(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE]);
bool pack_cache_doubted(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE]);

#endif
