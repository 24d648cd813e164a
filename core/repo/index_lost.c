/* Packs that the target lost, and whether what they held has been stored again since. */
#include "core/base/clock.h"
#include "core/repo/index_internal.h"

#include <sys/mman.h>

#define LOOK_EVERY (1u << 16) /* records read between looks for an interrupt */

void index_drop_pack(struct index *index, const struct index_pack_state *pack)
{
	uint8_t marks = PACK_DEAD | PACK_LOST | (pack->presence == INDEX_PACK_RESIZED ? PACK_RESIZED : 0);

	for (size_t i = 0; i < index->tables_count; i++) {
		uint64_t size;
		uint32_t at;

		if (index_table_pack(index->tables[i], pack->id, &at, &size) == INDEX_FOUND)
			index->tables[i]->flags[at] = marks;
	}
}

enum err index_refuse_pack(struct index *index, const uint8_t id[OBJECT_ID_SIZE])
{
	struct id_list *dead = &index->dead;
	enum err err = index_ids_find(dead, id) < 0 ? index_ids_append(dead, id) : ERR_OK;

	/* Mostly they come in order. */
	if (err == ERR_OK && dead->count > 1 &&
	    memcmp(dead->ids[dead->count - 2], dead->ids[dead->count - 1], OBJECT_ID_SIZE) > 0)
		index_ids_sort(dead);
	return err;
}

/* One bit for each frame: entries name frames in no order, and a look at each frame would be a random read. */
static enum err find_lost_frames(struct table *table, uint8_t *frames)
{
	for (uint64_t at = 0; at < table->count[TABLE_FRAMES]; at++) {
		const uint8_t *frame = index_table_record(table, TABLE_FRAMES, at);

		if (!frame || load_u32(frame) >= table->count[TABLE_PACKS])
			return index_cache_failed(table);
		if (table->flags[load_u32(frame)] & PACK_LOST)
			frames[at / 8] |= (uint8_t)(1u << at % 8);
	}
	return ERR_OK;
}

static enum err check_entry(struct index *index, struct table *table, const uint8_t *entry)
{
	struct table_frame frame;
	struct index_hit hit = {.table = table};
	size_t skip = 0;

	if (!index_table_frame(table, load_u32(entry + 16), &frame))
		return index_cache_failed(table);
	if (table->flags[frame.pack] & PACK_ALONE)
		return ERR_OK;
	switch (index_lookup(index, entry, &skip, &hit)) {
	case INDEX_FOUND:
		return ERR_OK;
	case INDEX_ABSENT:
		table->flags[frame.pack] |= PACK_ALONE;
		return ERR_OK;
	default:
		return index_cache_failed(hit.table);
	}
}

/* Marks the lost packs of a table that hold a chunk which stands in no living pack. */
static enum err find_alone(struct index *index, struct table *table)
{
	uint8_t *frames = mem_calloc((size_t)table->count[TABLE_FRAMES] / 8 + 1, 1);
	enum err err = frames ? find_lost_frames(table, frames) : ERR_NOMEM;

	for (uint64_t at = 0; at < table->count[TABLE_ENTRIES] && err == ERR_OK; at++) {
		const uint8_t *entry = index_table_record(table, TABLE_ENTRIES, at);
		uint32_t frame = entry ? load_u32(entry + 16) : UINT32_MAX;

		if (frame >= table->count[TABLE_FRAMES])
			err = index_cache_failed(table);
		else if (frames[frame / 8] >> frame % 8 & 1)
			err = check_entry(index, table, entry);
		if (at % LOOK_EVERY != 0)
			continue;
		index_drop_pages(index);
		if (err == ERR_OK && interrupt_requested())
			err = fail(PL_INTERRUPTED, "stopped while lost packs were looked for in the index");
	}
	mem_free(frames);
	return err;
}

enum err index_each_lost(struct index *index, index_pack_state_visit visit, void *context)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < index->tables_count && err == ERR_OK; i++) {
		struct table *table = index->tables[i];

		madvise((void *)(uintptr_t)table->map, table->size, MADV_SEQUENTIAL);
		err = find_alone(index, table);
		madvise((void *)(uintptr_t)table->map, table->size, MADV_RANDOM);
	}
	if (err == ERR_OK)
		err = index_visit_packs(index, PACK_ALONE, PACK_ALONE, visit, context);
	index_drop_pages(index);
	return err;
}
