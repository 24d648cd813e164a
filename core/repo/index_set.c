/* Small sets of the index: ids of packs, sorted; keys of the session's chunks, hashed. */
#include "core/repo/index_internal.h"

#define SET_FIRST 1024 /* places of a set's first allocation; a power of two, as all later ones */

enum err index_ids_append(struct id_list *list, const uint8_t id[OBJECT_ID_SIZE])
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		void *ids = mem_resize(list->ids, capacity, OBJECT_ID_SIZE);

		if (!ids)
			return ERR_NOMEM;
		list->ids = ids;
		list->capacity = capacity;
	}
	memcpy(list->ids[list->count++], id, OBJECT_ID_SIZE);
	return ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, OBJECT_ID_SIZE);
}

void index_ids_sort(struct id_list *list)
{
	if (list->count > 1)
		qsort(list->ids, list->count, OBJECT_ID_SIZE, compare_ids);
}

ptrdiff_t index_ids_find(const struct id_list *list, const uint8_t id[OBJECT_ID_SIZE])
{
	uint8_t(*found)[OBJECT_ID_SIZE] =
	    list->count ? bsearch(id, list->ids, list->count, OBJECT_ID_SIZE, compare_ids) : NULL;

	return found ? found - list->ids : -1;
}

void index_ids_free(struct id_list *list)
{
	mem_free(list->ids);
	*list = (struct id_list){0};
}

/* ---- keys ---- */

/* The place of a key, or the free one where it belongs. There is always a free one. Keys are even by nature: their first bytes are
 * the hash. */
static struct set_slot *place_of(const struct set *set, const uint8_t key[CHUNK_KEY_SIZE])
{
	size_t at = (size_t)load_u64(key) & (set->capacity - 1);

	while (set->slots[at].pack != 0 && memcmp(set->slots[at].key, key, CHUNK_KEY_SIZE) != 0)
		at = (at + 1) & (set->capacity - 1);
	return &set->slots[at];
}

struct set_slot *index_set_find(const struct set *set, const uint8_t key[CHUNK_KEY_SIZE])
{
	struct set_slot *slot = set->capacity ? place_of(set, key) : NULL;

	return slot && slot->pack != 0 ? slot : NULL;
}

/* Moves what stays into a table of `capacity` places: chunks of the first `packs` packs go, the others' numbers shrink. */
static enum err rebuild(struct set *set, size_t capacity, uint32_t packs)
{
	struct set fresh = {.slots = mem_calloc(capacity, sizeof(*fresh.slots)), .capacity = capacity};

	if (!fresh.slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < set->capacity; i++) {
		const struct set_slot *slot = &set->slots[i];

		if (slot->pack <= packs)
			continue; /* free, or of a pack that goes */
		*place_of(&fresh, slot->key) = *slot;
		if (slot->pack != SET_EXPECTED)
			place_of(&fresh, slot->key)->pack = slot->pack - packs;
		fresh.count++;
	}
	mem_free(set->slots);
	*set = fresh;
	return ERR_OK;
}

enum err index_set_put(struct set *set, const uint8_t key[CHUNK_KEY_SIZE], uint32_t pack, uint32_t chunk)
{
	struct set_slot *slot;

	if (4 * (set->count + 1) > 3 * set->capacity) {
		enum err err = rebuild(set, set->capacity ? 2 * set->capacity : SET_FIRST, 0);

		if (err != ERR_OK)
			return err;
	}
	slot = place_of(set, key);
	if (slot->pack == 0)
		set->count++;
	memcpy(slot->key, key, CHUNK_KEY_SIZE);
	slot->pack = pack;
	slot->chunk = chunk;
	return ERR_OK;
}

enum err index_set_forget(struct set *set, uint32_t packs)
{
	size_t left = 0, capacity = SET_FIRST;

	for (size_t i = 0; i < set->capacity; i++)
		left += set->slots[i].pack > packs;
	while (4 * (left + 1) > 3 * capacity)
		capacity *= 2;
	return rebuild(set, capacity, packs);
}

void index_set_free(struct set *set)
{
	mem_free(set->slots);
	*set = (struct set){0};
}
