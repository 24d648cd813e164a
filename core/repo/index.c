#include "core/repo/index.h"
#include "core/base/file.h"
#include "core/repo/index_internal.h"

#define BUDGET_DEFAULT ((size_t)64 << 20)
#define BLOCKS_PART(budget) ((budget) / 4 * 3) /* the rest is for pages of a merge or a walk, marks and bitmaps */
#define FIND_TRIES 3

enum err index_cache_failed(const struct table *table)
{
	return fail(PL_INDEX_CACHE, "the table %s of the index cache is damaged", table->path);
}

bool index_pack_is_dead(const struct index *index, const uint8_t id[OBJECT_ID_SIZE])
{
	return index_ids_find(&index->dead, id) >= 0 ||
	    (index->generations && generations_condemned(index->generations, id));
}

void index_drop_pages(struct index *index)
{
	for (size_t i = 0; i < index->tables_count && index->blocks; i++)
		index_table_drop_pages(index->tables[i]);
}

/* Tables that fit are read where they are mapped. */
static enum err keep_budget(struct index *index)
{
	size_t mapped = 0;

	for (size_t i = 0; i < index->tables_count; i++)
		mapped += index->tables[i]->size;
	if (mapped > index->budget && !index->blocks) {
		enum err err = index_blocks_new(&index->blocks, BLOCKS_PART(index->budget));

		if (err != ERR_OK)
			return err;
	}
	for (size_t i = 0; i < index->tables_count; i++)
		index->tables[i]->blocks = index->blocks;
	index_drop_pages(index);
	return ERR_OK;
}

static enum err mark_dead(struct index *index, struct table *table)
{
	struct id_list fresh = {0};
	enum err err = ERR_OK;

	if (index->dead.count == 0 && (!index->generations || generations_newest(index->generations) == 0))
		return ERR_OK;
	for (uint64_t i = 0; i < table->count[TABLE_PACKS] && err == ERR_OK; i++) {
		const uint8_t *id = index_table_record(table, TABLE_PACKS, i);

		if (!id)
			break; /* the table is marked as damaged, and its packs as dead below */
		if (!index_pack_is_dead(index, id))
			continue;
		table->flags[i] |= PACK_DEAD;
		if (index_ids_find(&index->dead, id) < 0)
			err = index_ids_append(&fresh, id);
	}
	for (size_t i = 0; i < fresh.count && err == ERR_OK; i++)
		err = index_ids_append(&index->dead, fresh.ids[i]);
	index_ids_sort(&index->dead);
	index_ids_free(&fresh);
	index_table_drop_pages(table);
	if (err == ERR_OK && atomic_load(&table->damaged)) {
		if (index->session.open)
			return index_cache_failed(table);
		memset(table->flags, PACK_DEAD, (size_t)table->count[TABLE_PACKS]);
	}
	return err;
}

enum err index_attach(struct index *index, struct table *table)
{
	enum err err;

	if (index->tables_count == index->tables_capacity) {
		size_t capacity = index->tables_capacity ? 2 * index->tables_capacity : 16;
		struct table **tables = mem_resize(index->tables, capacity, sizeof(struct table *));

		if (!tables) {
			index_table_close(table);
			return ERR_NOMEM;
		}
		index->tables = tables;
		index->tables_capacity = capacity;
	}
	err = mark_dead(index, table);
	if (err != ERR_OK) {
		index_table_close(table);
		return err;
	}
	table->number = ++index->numbers;
	index->tables[index->tables_count++] = table;
	return keep_budget(index);
}

/* ---- merging ---- */

static int smaller_first(const void *a, const void *b)
{
	const struct table *x = *(struct table *const *)a, *y = *(struct table *const *)b;

	return (x->size > y->size) - (x->size < y->size);
}

/* What a session relies on stays marked in the merged table. */
static void carry_flags(struct table *merged, struct table *const *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (uint64_t j = 0; j < inputs[i]->count[TABLE_PACKS]; j++) {
			const uint8_t *id = inputs[i]->flags[j] ? index_table_record(inputs[i], TABLE_PACKS, j) : NULL;
			uint64_t size;
			uint32_t at;

			if (id && index_table_pack(merged, id, &at, &size) == INDEX_FOUND)
				merged->flags[at] |= inputs[i]->flags[j];
		}
}

static bool any_damaged(struct table *const *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (atomic_load(&inputs[i]->damaged))
			return true;
	return false;
}

/* How many of the smallest tables to merge: up to the last one that is no larger than all before it together. Each entry then moves into
 * a table at least twice as large, so it is written a logarithmic number of times while an index grows, and as many tables stay. */
static size_t count_small(const struct index *index)
{
	size_t count = 0;
	uint64_t before = 0;

	for (size_t i = 0; i < index->tables_count; i++) {
		if (i > 0 && (index->tables[i]->size <= before || index->tables_count - i >= INDEX_TABLES_MAX))
			count = i + 1;
		before += index->tables[i]->size;
	}
	return count;
}

enum err index_merge_small(struct index *index)
{
	struct table *merged = NULL;
	size_t count;
	enum err err;

	if (index->tables_count > 1)
		qsort(index->tables, index->tables_count, sizeof(struct table *), smaller_first);
	count = count_small(index);
	if (count == 0)
		return ERR_OK;
	err = index_merge(&merged, index->tables, count, index->folder, &index->scope);
	if (err == ERR_CORRUPT) {
		/* A damaged input: index_load() builds it anew, and a session goes on without merging. */
		failure_clear();
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	carry_flags(merged, index->tables, count);
	if (any_damaged(index->tables, count) || atomic_load(&merged->damaged)) {
		index_table_discard(merged);
		return ERR_OK;
	}
	for (size_t i = 0; i < count; i++)
		index_table_discard(index->tables[i]);
	index->tables_count -= count;
	memmove(index->tables, index->tables + count, index->tables_count * sizeof(struct table *));
	return index_attach(index, merged);
}

/* ---- looking up ---- */

/* Passes over *skip places, and counts them down. */
static enum index_answer look_in_table(
    struct table *table, const uint8_t key[CHUNK_KEY_SIZE], size_t *skip, struct index_hit *out)
{
	uint64_t at, end;

	if (!index_table_search(table, key, &at, &end))
		return INDEX_DAMAGED;
	for (; at < end; at++) {
		uint8_t entry[TABLE_ENTRY_SIZE];

		if (!index_table_get(table, TABLE_ENTRIES, at, entry))
			return INDEX_DAMAGED;
		if (memcmp(entry, key, CHUNK_KEY_SIZE) != 0)
			break;
		*out =
		    (struct index_hit){.table = table, .offset = load_u32(entry + 20), .length = load_u32(entry + 24)};
		if (!index_table_frame(table, load_u32(entry + 16), &out->frame))
			return INDEX_DAMAGED;
		if (table->flags[out->frame.pack] & PACK_DEAD)
			continue;
		if (*skip == 0)
			return INDEX_FOUND;
		(*skip)--;
	}
	return INDEX_ABSENT;
}

enum index_answer index_lookup(
    struct index *index, const uint8_t key[CHUNK_KEY_SIZE], size_t *skip, struct index_hit *out)
{
	enum index_answer answer = INDEX_ABSENT;

	for (size_t i = 0; i < index->tables_count && answer != INDEX_FOUND; i++) {
		enum index_answer here = look_in_table(index->tables[i], key, skip, out);

		if (here != INDEX_ABSENT)
			answer = here;
	}
	return answer;
}

static enum index_answer locate(
    struct index *index, const uint8_t key[CHUNK_KEY_SIZE], size_t skip, struct index_location *out)
{
	struct index_hit hit = {0};
	enum index_answer answer = index_lookup(index, key, &skip, &hit);
	uint8_t pack[TABLE_PACK_SIZE];

	if (answer == INDEX_ABSENT && skip == 0 && index_session_find(index, key, out))
		return INDEX_FOUND;
	if (answer != INDEX_FOUND)
		return answer;
	if (!index_table_get(hit.table, TABLE_PACKS, hit.frame.pack, pack))
		return INDEX_DAMAGED;
	*out = (struct index_location){.pack_size = load_u64(pack + OBJECT_ID_SIZE),
	    .frame_offset = hit.frame.offset,
	    .frame = hit.frame.number,
	    .stored_size = hit.frame.stored_size,
	    .raw_size = hit.frame.raw_size,
	    .codec = hit.frame.codec,
	    .offset = hit.offset,
	    .length = hit.length};
	memcpy(out->pack, pack, OBJECT_ID_SIZE);
	return INDEX_FOUND;
}

static const struct table *first_damaged(const struct index *index)
{
	for (size_t i = 0; i < index->tables_count; i++)
		if (atomic_load(&index->tables[i]->damaged))
			return index->tables[i];
	return NULL;
}

enum err index_heal(struct index *index)
{
	const struct table *table;
	enum err err = ERR_OK;

	pthread_rwlock_wrlock(&index->lock);
	table = first_damaged(index);
	if (table)
		err = index->session.open ? index_cache_failed(table) : index_load(index);
	pthread_rwlock_unlock(&index->lock);
	return err;
}

enum err index_find_copy(struct index *index, const uint8_t id[CHUNK_ID_SIZE], size_t copy, struct index_location *out)
{
	char text[2 * CHUNK_ID_SIZE + 1];
	enum index_answer answer = INDEX_DAMAGED;

	for (int tries = 0; tries < FIND_TRIES && answer == INDEX_DAMAGED; tries++) {
		enum err err = tries ? index_heal(index) : ERR_OK;

		if (err != ERR_OK)
			return err;
		pthread_rwlock_rdlock(&index->lock);
		answer = locate(index, id, copy, out);
		pthread_rwlock_unlock(&index->lock);
	}
	if (answer == INDEX_FOUND)
		return ERR_OK;
	if (answer == INDEX_DAMAGED)
		return fail(PL_INDEX_CACHE, "tables in %s are damaged again and again", index->folder);
	return fail(PL_CHUNK_MISSING, "the index does not know the chunk %s", hex_encode(text, id, CHUNK_ID_SIZE));
}

enum err index_find(struct index *index, const uint8_t id[CHUNK_ID_SIZE], struct index_location *out)
{
	return index_find_copy(index, id, 0, out);
}

uint64_t index_chunks(const struct index *index)
{
	uint64_t chunks = index->session.chunks;

	for (size_t i = 0; i < index->tables_count; i++)
		chunks += index->tables[i]->count[TABLE_ENTRIES];
	return chunks;
}

/* ---- opening ---- */

static int compare_writers(const void *a, const void *b)
{
	return memcmp(a, b, WRITER_ID_SIZE);
}

/* Tables without what these writers signed are no tables of all objects, and the other way round. */
static enum err scope_without_revoked(struct index_scope *scope, const struct keys *keys)
{
	struct buffer ids = {0};
	uint8_t hash[HASH_SIZE];
	enum err err = ERR_OK;

	for (size_t i = 0; i < keys->writers_count && err == ERR_OK; i++)
		if (keys->writers[i].revoked && memcmp(keys->writers[i].domain, scope->domain, DOMAIN_TAG_SIZE) == 0)
			err = buffer_append(&ids, keys->writers[i].id, WRITER_ID_SIZE);
	if (err == ERR_OK && ids.length > 0) {
		qsort(ids.data, ids.length / WRITER_ID_SIZE, WRITER_ID_SIZE, compare_writers);
		err = sha256(ids.data, ids.length, hash);
		memcpy(scope->without, hash, sizeof(scope->without));
	}
	buffer_free(&ids);
	return err;
}

enum err index_open(struct index **out, struct target *target, const struct keys *keys,
    const struct domain_keys *domain, const struct index_options *options)
{
	struct index *index = mem_calloc(1, sizeof(*index));
	enum err err;

	*out = NULL;
	if (!index)
		return ERR_NOMEM;
	pthread_rwlock_init(&index->lock, NULL);
	index->target = target;
	index->keys = keys;
	index->domain = domain;
	index->generations = options->generations;
	index->budget = options->budget ? options->budget : BUDGET_DEFAULT;
	index->skip_damaged = options->damaged != NULL;
	index->to_store = options->to_store;
	memcpy(index->scope.repository, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(index->scope.domain, domain->tag, DOMAIN_TAG_SIZE);
	index->folder = mem_string(options->cache_folder);
	err = index->folder ? file_make_folders(index->folder, 0700) : ERR_NOMEM;
	if (err == ERR_OK && options->to_store)
		err = scope_without_revoked(&index->scope, keys);
	if (err == ERR_OK)
		err = index_load(index);
	if (err != ERR_OK) {
		index_free(index);
		return err;
	}
	if (options->damaged)
		*options->damaged = index->damaged;
	*out = index;
	return ERR_OK;
}

void index_free(struct index *index)
{
	if (!index)
		return;
	index_session_close(index, false);
	index_close_tables(index);
	mem_free(index->tables);
	index_blocks_free(index->blocks);
	index_ids_free(&index->dead);
	mem_free(index->folder);
	pthread_rwlock_destroy(&index->lock);
	mem_free(index);
}
