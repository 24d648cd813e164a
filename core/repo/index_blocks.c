/* Blocks of tables that do not fit in the budget, kept in a fixed amount of memory. Mapped pages would have to be given back all the
 * time, which costs more than reading the one block that a lookup needs: 15 µs against 2 µs, measured with 5 million chunks. */
#include "core/base/file.h"
#include "core/repo/index_internal.h"

#include <xxhash.h>

#define WAYS 4	     /* places that a block can be in */
#define LOCKS 64     /* threads seldom meet */
#define SETS_MIN 16u /* of even the smallest budget */

struct ways {
	uint64_t tags[WAYS]; /* 0: free */
	uint32_t used[WAYS]; /* when, by the set's own clock */
	uint32_t clock;
};

struct blocks {
	pthread_mutex_t locks[LOCKS];
	size_t sets; /* a power of two */
	struct ways *ways;
	uint8_t *data;
};

enum err index_blocks_new(struct blocks **out, size_t budget)
{
	struct blocks *blocks = mem_calloc(1, sizeof(*blocks));

	*out = NULL;
	if (!blocks)
		return ERR_NOMEM;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&blocks->locks[i], NULL);
	blocks->sets = SETS_MIN;
	while (2 * blocks->sets * WAYS * TABLE_BLOCK <= budget)
		blocks->sets *= 2;
	blocks->ways = mem_calloc(blocks->sets, sizeof(*blocks->ways));
	blocks->data = mem_alloc(blocks->sets * WAYS * TABLE_BLOCK);
	if (!blocks->ways || !blocks->data) {
		index_blocks_free(blocks);
		return ERR_NOMEM;
	}
	*out = blocks;
	return ERR_OK;
}

void index_blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&blocks->locks[i]);
	mem_free(blocks->ways);
	mem_free(blocks->data);
	mem_free(blocks);
}

/* The way that has the block, or the one that was not used for longest. */
static int choose_way(const struct ways *ways, uint64_t tag)
{
	int oldest = 0;

	for (int i = 0; i < WAYS; i++) {
		if (ways->tags[i] == tag)
			return i;
		if (ways->clock - ways->used[i] > ways->clock - ways->used[oldest])
			oldest = i;
	}
	return oldest;
}

static bool read_block(struct table *table, uint64_t block, uint8_t *out)
{
	if (file_pread_full(table->fd, out, TABLE_BLOCK, (off_t)(block * TABLE_BLOCK)) == (ssize_t)TABLE_BLOCK &&
	    XXH3_64bits_withSeed(out, TABLE_BLOCK_DATA, table->seed + block) == load_u64(out + TABLE_BLOCK_DATA))
		return true;
	atomic_store(&table->damaged, true);
	return false;
}

bool index_blocks_copy(
    struct blocks *blocks, struct table *table, uint64_t block, uint32_t offset, void *out, uint32_t size)
{
	/* Tables are numbered for the life of the index, so a tag of a closed one means nothing any more. */
	uint64_t tag = (uint64_t)table->number << 32 | (block + 1);
	uint64_t hash = (tag ^ tag >> 29) * UINT64_C(0x9E3779B97F4A7C15);
	size_t set = (size_t)(hash >> 32) & (blocks->sets - 1);
	struct ways *ways = &blocks->ways[set];
	uint8_t *data;
	bool good = true;
	int way;

	pthread_mutex_lock(&blocks->locks[set % LOCKS]);
	way = choose_way(ways, tag);
	data = blocks->data + (set * WAYS + (size_t)way) * TABLE_BLOCK;
	if (ways->tags[way] != tag) {
		good = read_block(table, block, data);
		ways->tags[way] = good ? tag : 0;
	}
	ways->used[way] = ++ways->clock;
	if (good)
		memcpy(out, data + offset, size);
	pthread_mutex_unlock(&blocks->locks[set % LOCKS]);
	return good;
}
