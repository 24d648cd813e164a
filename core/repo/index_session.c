/* A write session: what it relies on, what it adds. */
#include "core/base/output.h"
#include "core/repo/index_internal.h"

/* ---- begin and end ---- */

static enum err reserve_pack(struct index_session *session)
{
	size_t capacity = session->capacity ? 2 * session->capacity : 16;
	struct session_pack *packs;

	if (session->count < session->capacity)
		return ERR_OK;
	packs = mem_resize(session->packs, capacity, sizeof(*packs));
	if (!packs)
		return ERR_NOMEM;
	session->packs = packs;
	session->capacity = capacity;
	return ERR_OK;
}

/* Takes the directory over on success. */
static enum err add_pack(struct index_session *session, struct index_pack *pack)
{
	enum err err = reserve_pack(session);
	uint32_t place = (uint32_t)session->count + 1;

	for (size_t i = 0; i < pack->directory.chunks_count && err == ERR_OK; i++)
		err = index_set_put(&session->set, pack->directory.chunks[i].key, place, (uint32_t)i);
	if (err != ERR_OK)
		return err;
	session->packs[session->count++] = (struct session_pack){.pack = *pack};
	session->chunks += pack->directory.chunks_count;
	pack->directory = (struct directory){0};
	return ERR_OK;
}

static bool is_known(struct index *index, const uint8_t id[OBJECT_ID_SIZE])
{
	uint64_t size;
	uint32_t at;

	for (size_t i = 0; i < index->tables_count; i++)
		if (index_table_pack(index->tables[i], id, &at, &size) == INDEX_FOUND)
			return true;
	for (size_t i = 0; i < index->session.count; i++)
		if (memcmp(index->session.packs[i].pack.id, id, OBJECT_ID_SIZE) == 0)
			return true;
	return false;
}

/* A pack of a journal: counts when it is still there, whole as far as its size tells, wanted by no collector, and not indexed. */
static enum err adopt_pack(void *context, struct index_pack *pack)
{
	struct index *index = context;
	uint64_t size = 0;
	int64_t changed;
	enum err err;

	if (is_known(index, pack->id) || index_pack_is_dead(index, pack->id))
		return ERR_OK;
	err = target_stat(index->target, object_pack(pack->id).text, &size, &changed);
	if (err == ERR_MISSING || (err == ERR_OK && size != pack->size)) {
		failure_clear();
		return ERR_OK;
	}
	return err == ERR_OK ? add_pack(&index->session, pack) : err;
}

enum err index_begin(struct index *index, size_t *adopted)
{
	struct index_session *session = &index->session;
	enum err err;

	*adopted = 0;
	if (memcmp(index->keys->domain.tag, index->domain->tag, DOMAIN_TAG_SIZE) != 0)
		return fail(PL_KEY_DOMAIN, "this index is of another domain than the one that is written to");
	session->open = true;
	err = index_journal_new(&session->journal, index->folder, &index->scope);
	if (err == ERR_OK)
		err = index_journal_adopt(&session->adopted, index->folder, &index->scope, adopt_pack, index);
	if (err != ERR_OK) {
		index_session_close(index, false);
		return err;
	}
	/* From now on index_drop_condemned() says what is condemned. */
	index->generations = NULL;
	*adopted = session->count;
	return ERR_OK;
}

static void free_packs(struct index_session *session, size_t count)
{
	for (size_t i = 0; i < count; i++)
		directory_free(&session->packs[i].pack.directory);
	session->count -= count;
	memmove(session->packs, session->packs + count, session->count * sizeof(*session->packs));
}

void index_session_close(struct index *index, bool ended)
{
	struct index_session *session = &index->session;

	if (session->packs)
		free_packs(session, session->count);
	mem_free(session->packs);
	index_set_free(&session->set);
	index_journal_close(session->journal, ended);
	index_journal_close(session->adopted, ended);
	*session = (struct index_session){0};
}

enum err index_end(struct index *index)
{
	index_session_close(index, true);
	return ERR_OK;
}

/* ---- chunks ---- */

bool index_use(struct index *index, const uint8_t id[CHUNK_ID_SIZE])
{
	const struct set_slot *slot = index_set_find(&index->session.set, id);
	struct index_hit hit;
	size_t skip = 0;

	if (slot && (slot->pack == SET_EXPECTED || !index->session.packs[slot->pack - 1].dropped))
		return true;
	/* A damaged table counts as one that has nothing: the chunk is stored again. */
	if (index_lookup(index, id, &skip, &hit) != INDEX_FOUND)
		return false;
	hit.table->flags[hit.frame.pack] |= PACK_USED;
	return true;
}

enum err index_expect(struct index *index, const uint8_t id[CHUNK_ID_SIZE])
{
	return index_set_put(&index->session.set, id, SET_EXPECTED, 0);
}

bool index_session_find(const struct index *index, const uint8_t key[CHUNK_KEY_SIZE], struct index_location *out)
{
	const struct set_slot *slot = index_set_find(&index->session.set, key);
	const struct directory_chunk *chunk;
	const struct session_pack *added;
	const struct directory *directory;
	size_t low = 0, high;

	if (!slot || slot->pack == SET_EXPECTED || index->session.packs[slot->pack - 1].dropped)
		return false;
	added = &index->session.packs[slot->pack - 1];
	directory = &added->pack.directory;
	chunk = &directory->chunks[slot->chunk];
	/* The last frame that does not start behind the chunk. */
	for (high = directory->frames_count; high - low > 1;) {
		size_t middle = low + (high - low) / 2;

		if (directory->frames[middle].first_chunk <= slot->chunk)
			low = middle;
		else
			high = middle;
	}
	*out = (struct index_location){.pack_size = added->pack.size,
	    .frame_offset = directory->frames[low].offset,
	    .frame = (uint32_t)low,
	    .stored_size = directory->frames[low].stored_size,
	    .raw_size = directory->frames[low].raw_size,
	    .codec = directory->frames[low].codec,
	    .offset = chunk->offset,
	    .length = chunk->length};
	memcpy(out->pack, added->pack.id, OBJECT_ID_SIZE);
	return true;
}

enum err index_add_pack(
    struct index *index, const uint8_t id[OBJECT_ID_SIZE], uint64_t size, struct directory *directory)
{
	struct index_pack pack = {.size = size, .directory = *directory};
	enum err err = ERR_OK;

	memcpy(pack.id, id, OBJECT_ID_SIZE);
	if (index->session.journal)
		err = index_journal_append(index->session.journal, &pack);
	if (err == ERR_OK)
		err = add_pack(&index->session, &pack);
	if (err == ERR_OK)
		*directory = (struct directory){0};
	return err;
}

/* ---- publishing ---- */

/* As many packs from the first on as one object holds; at least one. */
static size_t batch_of(const struct index_session *session)
{
	size_t count = 0, chunks = 0;

	while (
	    count < session->count && (chunks += session->packs[count].pack.directory.chunks_count) <= INDEX_CHUNKS_MAX)
		count++;
	return count ? count : 1;
}

/* Writes the packs of a batch that were not dropped; the builder becomes the table of this object. */
static enum err write_object(struct index *index, size_t batch, struct table_builder *builder, uint64_t *written)
{
	struct index_pack *packs = mem_calloc(batch, sizeof(*packs));
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	size_t count = 0;
	enum err err = packs ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; i < batch && err == ERR_OK; i++)
		if (!index->session.packs[i].dropped)
			packs[count++] = index->session.packs[i].pack;
	if (err != ERR_OK || count == 0)
		goto done;
	err = index_object_encode(index->keys, packs, count, &bytes, id);
	if (err == ERR_OK)
		err = index_builder_object(builder, id, bytes.length);
	for (size_t i = 0; i < count && err == ERR_OK; i++)
		err = index_builder_pack(builder, &packs[i]);
	if (err == ERR_OK)
		err = target_put_checked(
		    index->target, object_index(index->domain->tag, id).text, bytes.data, bytes.length, id);
	if (err == ERR_OK)
		*written += bytes.length;
done:
	mem_free(packs);
	buffer_free(&bytes);
	return err;
}

static enum err publish_batch(struct index *index, uint64_t *written)
{
	struct index_session *session = &index->session;
	struct table_builder builder = {0};
	struct table *table = NULL;
	size_t batch = batch_of(session);
	enum err err = write_object(index, batch, &builder, written);

	/* The object is durable. Its table takes over from the session's own lists, and spares the next run the reading. */
	if (err == ERR_OK && builder.objects.length > 0) {
		err = index_builder_write(&builder, index->folder, &index->scope, &table);
		if (err == ERR_OK) {
			memset(table->flags, PACK_USED, (size_t)table->count[TABLE_PACKS]);
			err = index_attach(index, table);
		}
	}
	index_builder_free(&builder);
	if (err != ERR_OK)
		return err;
	err = index_set_forget(&session->set, (uint32_t)batch);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < batch; i++)
		session->chunks -= session->packs[i].pack.directory.chunks_count;
	free_packs(session, batch);
	return ERR_OK;
}

enum err index_publish(struct index *index, bool all, uint64_t *written)
{
	enum err err = ERR_OK;
	bool any = false;

	*written = 0;
	while (err == ERR_OK && index->session.count > 0 && (all || index->session.chunks >= INDEX_CHUNKS_MAX)) {
		err = publish_batch(index, written);
		any = true;
	}
	if (err == ERR_OK && any) {
		err = index_merge_small(index);
		mem_trim();
	}
	return err;
}

/* ---- the handshake with the collector ---- */

static enum err drop_in_table(
    struct index *index, struct table *table, const struct generations *generations, struct id_list *dropped)
{
	struct id_list fresh = {0};
	enum err err = ERR_OK;

	for (uint64_t i = 0; i < table->count[TABLE_PACKS] && err == ERR_OK; i++) {
		const uint8_t *id;

		if (table->flags[i] & PACK_DEAD)
			continue;
		id = index_table_record(table, TABLE_PACKS, i);
		/* Whether it is condemned cannot be told: what relies on it is lost, and nothing may rely on it any more. */
		if (!id && (table->flags[i] & PACK_USED))
			err = index_cache_failed(table);
		if (id && !generations_condemned(generations, id))
			continue;
		if (id && index_ids_find(&index->dead, id) < 0)
			err = index_ids_append(&fresh, id);
		if (id && err == ERR_OK && (table->flags[i] & PACK_USED))
			err = index_ids_append(dropped, id);
		table->flags[i] = PACK_DEAD;
	}
	for (size_t i = 0; i < fresh.count && err == ERR_OK; i++)
		err = index_ids_append(&index->dead, fresh.ids[i]);
	index_ids_sort(&index->dead);
	index_ids_free(&fresh);
	return err;
}

enum err index_drop_condemned(struct index *index, const struct generations *generations, size_t *dropped)
{
	struct id_list ids = {0};
	enum err err = ERR_OK;

	*dropped = 0;
	if (generations_newest(generations) == 0)
		return ERR_OK;
	for (size_t i = 0; i < index->tables_count && err == ERR_OK; i++)
		err = drop_in_table(index, index->tables[i], generations, &ids);
	index_drop_pages(index);
	index_ids_sort(&ids);
	/* One pack may stand in several tables. */
	for (size_t i = 0; i < ids.count; i++)
		*dropped += i == 0 || memcmp(ids.ids[i], ids.ids[i - 1], OBJECT_ID_SIZE) != 0;
	for (size_t i = 0; i < index->session.count && err == ERR_OK; i++) {
		struct session_pack *added = &index->session.packs[i];

		if (added->dropped || !generations_condemned(generations, added->pack.id))
			continue;
		added->dropped = true;
		(*dropped)++;
	}
	index_ids_free(&ids);
	return err;
}
