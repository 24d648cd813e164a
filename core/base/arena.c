#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/mem.h"

#include <stdalign.h>

#define ARENA_BLOCK ((size_t)64 << 10) /* bytes of a block; larger allocations get one of their own */

struct arena_block {
	struct arena_block *next;
	size_t capacity;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(size_t capacity)
{
	struct arena_block *block;

	if (capacity > (size_t)-1 - sizeof(*block)) {
		fail(PL_NO_MEMORY, "an allocation of more than the address space");
		return NULL;
	}
	block = mem_alloc(sizeof(*block) + capacity);
	if (block)
		block->capacity = capacity;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *result;

	if (!arena->blocks || arena->blocks->capacity - arena->used < rounded) {
		struct arena_block *block = block_new(rounded > ARENA_BLOCK ? rounded : ARENA_BLOCK);

		if (!block)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	result = arena->blocks->bytes + arena->used;
	arena->used += rounded;
	return result;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (copy && size)
		memcpy(copy, bytes, size);
	return copy;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *keep = NULL;

	while (arena->blocks) {
		struct arena_block *next = arena->blocks->next;

		if (!keep && arena->blocks->capacity == ARENA_BLOCK)
			keep = arena->blocks;
		else
			mem_free(arena->blocks);
		arena->blocks = next;
	}
	if (keep)
		keep->next = NULL;
	arena->blocks = keep;
	arena->used = 0;
}

void arena_free(struct arena *arena)
{
	arena_reset(arena);
	mem_free(arena->blocks);
	*arena = (struct arena){0};
}
