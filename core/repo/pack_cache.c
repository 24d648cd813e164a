#include "core/repo/pack_cache.h"
#include "core/base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

#define PACKS_MAX 128u /* packs that are remembered: 32 KiB of secret memory, 2 GiB of packs */

struct cached_pack {
	uint8_t pack[OBJECT_ID_SIZE];
	uint64_t used; /* when last; 0: the place is free */
	bool has_key, doubted;
	struct pack_key key;
};

struct pack_cache {
	pthread_mutex_t lock;
	struct cached_pack *packs; /* secret memory */
	uint64_t clock;
	atomic_bool any_doubted; /* spares every chunk of a sound repository the search */
};

enum err pack_cache_new(struct pack_cache **out)
{
	struct pack_cache *cache = mem_calloc(1, sizeof(*cache));

	*out = NULL;
	if (!cache)
		return ERR_NOMEM;
	pthread_mutex_init(&cache->lock, NULL);
	cache->packs = secret_new(PACKS_MAX * sizeof(*cache->packs));
	if (!cache->packs) {
		pack_cache_free(cache);
		return ERR_NOMEM;
	}
	*out = cache;
	return ERR_OK;
}

void pack_cache_free(struct pack_cache *cache)
{
	if (!cache)
		return;
	secret_free(cache->packs, PACKS_MAX * sizeof(*cache->packs));
	pthread_mutex_destroy(&cache->lock);
	mem_free(cache);
}

/* Under the lock, as the next; NULL where it is not remembered. */
static struct cached_pack *find(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE])
{
	for (size_t i = 0; i < PACKS_MAX; i++) {
		struct cached_pack *entry = &cache->packs[i];

		if (entry->used == 0 || memcmp(entry->pack, pack, OBJECT_ID_SIZE) != 0)
			continue;
		entry->used = ++cache->clock;
		return entry;
	}
	return NULL;
}

static struct cached_pack *find_or_add(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE])
{
	struct cached_pack *entry = find(cache, pack);

	if (entry)
		return entry;
	entry = &cache->packs[0];
	for (size_t i = 1; i < PACKS_MAX; i++)
		if (cache->packs[i].used < entry->used)
			entry = &cache->packs[i];
	*entry = (struct cached_pack){.used = ++cache->clock};
	memcpy(entry->pack, pack, OBJECT_ID_SIZE);
	return entry;
}

bool pack_cache_key(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE], struct pack_key *out)
{
	const struct cached_pack *entry;
	bool known;

	pthread_mutex_lock(&cache->lock);
	entry = find(cache, pack);
	known = entry && entry->has_key;
	if (known)
		*out = entry->key;
	pthread_mutex_unlock(&cache->lock);
	return known;
}

void pack_cache_keep_key(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE], const struct pack_key *key)
{
	struct cached_pack *entry;

	pthread_mutex_lock(&cache->lock);
	entry = find_or_add(cache, pack);
	entry->key = *key;
	entry->has_key = true;
	pthread_mutex_unlock(&cache->lock);
}

void pack_cache_doubt(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE])
{
	pthread_mutex_lock(&cache->lock);
	find_or_add(cache, pack)->doubted = true;
	pthread_mutex_unlock(&cache->lock);
	atomic_store(&cache->any_doubted, true);
}

bool pack_cache_doubted(struct pack_cache *cache, const uint8_t pack[OBJECT_ID_SIZE])
{
	const struct cached_pack *entry;
	bool doubted;

	if (!atomic_load(&cache->any_doubted))
		return false;
	pthread_mutex_lock(&cache->lock);
	entry = find(cache, pack);
	doubted = entry && entry->doubted;
	pthread_mutex_unlock(&cache->lock);
	return doubted;
}
