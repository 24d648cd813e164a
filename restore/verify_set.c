#include "restore/verify_internal.h"

#include <xxhash.h>

#define SET_FIRST 1024 /* slots; a power of two */

static size_t place(const struct verify_set *set, const uint8_t key[VERIFY_KEY])
{
	size_t at = (size_t)XXH3_64bits(key, VERIFY_KEY) & (set->size - 1);

	while (set->slots[at].used && memcmp(set->slots[at].key, key, VERIFY_KEY) != 0)
		at = (at + 1) & (set->size - 1);
	return at;
}

struct verify_slot *verify_set_find(const struct verify_set *set, const uint8_t key[VERIFY_KEY])
{
	struct verify_slot *slot = set->size ? &set->slots[place(set, key)] : NULL;

	return slot && slot->used ? slot : NULL;
}

static enum err grow(struct verify_set *set)
{
	struct verify_set larger = {.size = set->size ? set->size * 2 : SET_FIRST, .count = set->count};

	larger.slots = mem_calloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < set->size; i++)
		if (set->slots[i].used)
			larger.slots[place(&larger, set->slots[i].key)] = set->slots[i];
	mem_free(set->slots);
	*set = larger;
	return ERR_OK;
}

struct verify_slot *verify_set_add(struct verify_set *set, const uint8_t key[VERIFY_KEY], uint32_t value, bool *added)
{
	struct verify_slot *slot;

	if (set->count >= set->size / 2 && grow(set) != ERR_OK)
		return NULL;
	slot = &set->slots[place(set, key)];
	*added = !slot->used;
	if (*added) {
		memcpy(slot->key, key, VERIFY_KEY);
		slot->value = value;
		slot->used = true;
		set->count++;
	}
	return slot;
}

void verify_set_free(struct verify_set *set)
{
	mem_free(set->slots);
	*set = (struct verify_set){0};
}

/* ---- packs ---- */

struct verify_pack *verify_packs_find(const struct verify_packs *packs, const uint8_t id[OBJECT_ID_SIZE])
{
	struct verify_slot *slot = verify_set_find(&packs->set, id);

	/* The whole id counts: 16 bytes of a hash could be made to agree. */
	return slot && memcmp(packs->items[slot->value].id, id, OBJECT_ID_SIZE) == 0 ? &packs->items[slot->value]
										     : NULL;
}

struct verify_pack *verify_packs_add(struct verify_packs *packs, const uint8_t id[OBJECT_ID_SIZE])
{
	struct verify_pack *items, *pack = verify_packs_find(packs, id);
	struct verify_slot *slot;
	bool added;

	if (pack)
		return pack;
	items = mem_more(packs->items, packs->count, &packs->capacity, sizeof(*items));
	if (!items)
		return NULL;
	packs->items = items;
	slot = verify_set_add(&packs->set, id, (uint32_t)packs->count, &added);
	if (!slot)
		return NULL;
	slot->value = (uint32_t)packs->count;
	pack = &packs->items[packs->count++];
	*pack = (struct verify_pack){0};
	memcpy(pack->id, id, OBJECT_ID_SIZE);
	return pack;
}

enum err verify_packs_listed(void *context, const struct target_object *object)
{
	uint8_t id[OBJECT_ID_SIZE];
	struct verify_pack *pack;

	if (!object_id_of(object->name, id))
		return ERR_OK;
	pack = verify_packs_add(context, id);
	if (!pack)
		return ERR_NOMEM;
	pack->present = true;
	pack->size = object->size;
	pack->arrived = object->changed;
	return ERR_OK;
}

void verify_packs_free(struct verify_packs *packs)
{
	mem_free(packs->items);
	verify_set_free(&packs->set);
	*packs = (struct verify_packs){0};
}

enum err verify_directory_hash(const struct directory *directory, uint64_t *out)
{
	struct buffer bytes = {0};
	enum err err = directory_encode(directory, &bytes);

	if (err == ERR_OK)
		*out = XXH3_64bits_withSeed(bytes.data, bytes.length, directory->type);
	buffer_free(&bytes);
	return err;
}
