/* The packs of the index beside those of the target: what a backup may rely on, and what it did rely on. */
#include "core/base/clock.h"
#include "core/repo/index_internal.h"

#define LOOK_EVERY 256u /* packs listed between looks for an interrupt */

/* ---- what the target has ---- */

struct listing {
	struct index *index;
	unsigned count;
};

static enum err note_listed(void *context, const struct target_object *object)
{
	struct listing *listing = context;
	struct index *index = listing->index;
	uint8_t id[OBJECT_ID_SIZE];

	if (++listing->count % LOOK_EVERY == 0 && interrupt_requested())
		return fail(PL_INTERRUPTED, "stopped while packs were listed");
	if (!object_id_of(object->name, id))
		return ERR_OK;
	for (size_t i = 0; i < index->tables_count; i++) {
		struct table *table = index->tables[i];
		uint64_t size = 0;
		uint32_t at = 0;
		enum index_answer answer = index_table_pack(table, id, &at, &size);

		if (answer == INDEX_DAMAGED)
			return index_cache_failed(table);
		if (answer == INDEX_FOUND)
			table->flags[at] |= object->size == size ? PACK_LISTED : PACK_RESIZED;
	}
	return ERR_OK;
}

static enum err list_packs(struct index *index)
{
	struct listing listing = {.index = index};

	return target_list(index->target, "packs", note_listed, &listing);
}

static void forget_listing(struct index *index)
{
	for (size_t i = 0; i < index->tables_count; i++)
		for (uint64_t j = 0; j < index->tables[i]->count[TABLE_PACKS]; j++)
			if (!(index->tables[i]->flags[j] & PACK_LOST))
				index->tables[i]->flags[j] &= PACK_DEAD | PACK_USED;
}

/* ---- every pack of the tables, ascending, each once ---- */

/* Looks at every pack once, so that damage is found before anything is visited. */
static bool packs_good(struct index *index)
{
	for (size_t i = 0; i < index->tables_count; i++)
		for (uint64_t j = 0; j < index->tables[i]->count[TABLE_PACKS]; j++)
			if (!index_table_record(index->tables[i], TABLE_PACKS, j))
				return false;
	return true;
}

/* The smallest id at the cursors, NULL at the end of all. */
static enum err smallest_pack(struct index *index, const uint64_t *cursors, const uint8_t **out)
{
	*out = NULL;
	for (size_t i = 0; i < index->tables_count; i++) {
		const uint8_t *id;

		if (cursors[i] == index->tables[i]->count[TABLE_PACKS])
			continue;
		id = index_table_record(index->tables[i], TABLE_PACKS, cursors[i]);
		if (!id)
			return index_cache_failed(index->tables[i]);
		if (!*out || memcmp(id, *out, OBJECT_ID_SIZE) < 0)
			*out = id;
	}
	return ERR_OK;
}

/* Moves the cursors that stand on `id` behind it, and gathers the marks. */
static uint8_t pass_pack(struct index *index, uint64_t *cursors, const uint8_t *id)
{
	uint8_t flags = 0;

	for (size_t i = 0; i < index->tables_count; i++) {
		const uint8_t *here = cursors[i] < index->tables[i]->count[TABLE_PACKS]
		    ? index_table_record(index->tables[i], TABLE_PACKS, cursors[i])
		    : NULL;

		if (here && memcmp(here, id, OBJECT_ID_SIZE) == 0)
			flags |= index->tables[i]->flags[cursors[i]++];
	}
	return flags;
}

enum err index_visit_packs(
    struct index *index, uint8_t mask, uint8_t marks, index_pack_state_visit visit, void *context)
{
	uint64_t *cursors = mem_calloc(index->tables_count + 1, sizeof(*cursors));
	const uint8_t *pack;
	enum err err = cursors ? ERR_OK : ERR_NOMEM;

	while (err == ERR_OK && (err = smallest_pack(index, cursors, &pack)) == ERR_OK && pack) {
		uint8_t flags = pass_pack(index, cursors, pack);
		struct index_pack_state state = {
		    .id = pack, .size = load_u64(pack + OBJECT_ID_SIZE), .used = (flags & PACK_USED) != 0};

		/* Index objects that disagree about the size of a pack: one of them is wrong about all of it. */
		if (flags & PACK_RESIZED)
			state.presence = INDEX_PACK_RESIZED;
		else if (!(flags & PACK_LISTED))
			state.presence = INDEX_PACK_MISSING;
		if ((flags & mask) == marks)
			err = visit(context, &state);
	}
	mem_free(cursors);
	return err;
}

enum err index_each_pack(struct index *index, index_pack_state_visit visit, void *context)
{
	enum err err = packs_good(index) ? ERR_OK : index_heal(index);

	if (err == ERR_OK)
		err = list_packs(index);
	if (err == ERR_OK)
		err = index_visit_packs(index, PACK_DEAD, 0, visit, context);
	for (size_t i = 0; i < index->session.count && err == ERR_OK; i++) {
		const struct session_pack *added = &index->session.packs[i];
		const struct index_pack_state state = {.id = added->pack.id, .size = added->pack.size, .used = true};

		if (!added->dropped)
			err = visit(context, &state);
	}
	forget_listing(index);
	index_drop_pages(index);
	return err;
}
