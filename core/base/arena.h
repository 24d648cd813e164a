/* An arena: many small allocations that end together. Starts as {0}. */
#ifndef PULIH_BASE_ARENA_H
#define PULIH_BASE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;		    /* bytes given out of the newest */
};

/* Aligned for any type, not cleared. NULL after PL_NO_MEMORY. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
/* Ends all allocations; keeps one block for the next use. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
