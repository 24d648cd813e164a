/* From stored chunks to a snapshot that counts. */
#include "core/backup/backup_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/generation.h"
#include "core/repo/object.h"
#include "core/repo/stream.h"

/* ---- structure: every pack that is relied on is there, with its size ---- */

struct listed_pack {
	uint8_t id[OBJECT_ID_SIZE];
	uint64_t size;
};

struct pack_listing {
	struct listed_pack *packs;
	size_t count, capacity;
	uint64_t used;
};

static int compare_packs(const void *a, const void *b)
{
	return memcmp(((const struct listed_pack *)a)->id, ((const struct listed_pack *)b)->id, OBJECT_ID_SIZE);
}

static enum err on_pack(void *context, const struct target_object *object)
{
	struct pack_listing *listing = context;

	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? 2 * listing->capacity : 1024;
		struct listed_pack *packs = mem_resize(listing->packs, capacity, sizeof(*packs));

		if (!packs)
			return ERR_NOMEM;
		listing->packs = packs;
		listing->capacity = capacity;
	}
	if (object_id_of(object->name, listing->packs[listing->count].id))
		listing->packs[listing->count++].size = object->size;
	return ERR_OK;
}

static enum err check_pack(void *context, const uint8_t id[OBJECT_ID_SIZE], uint64_t size, bool used)
{
	struct pack_listing *listing = context;
	struct listed_pack wanted;
	struct listed_pack *found;

	if (!used)
		return ERR_OK;
	memcpy(wanted.id, id, sizeof(wanted.id));
	listing->used++;
	found = listing->count ? bsearch(&wanted, listing->packs, listing->count, sizeof(wanted), compare_packs) : NULL;
	if (!found)
		return fail(PL_PACK_MISSING, "%s, which this backup relies on, is not there", object_pack(id).text);
	if (found->size != size)
		return fail(PL_PACK_BROKEN, "%s has %llu bytes, not %llu", object_pack(id).text,
		    (unsigned long long)found->size, (unsigned long long)size);
	return ERR_OK;
}

static enum err check_packs(struct backup *backup, uint64_t *used)
{
	struct pack_listing listing = {0};
	enum err err = target_list(backup->target, "packs", on_pack, &listing);

	if (err == ERR_OK && listing.count > 0)
		qsort(listing.packs, listing.count, sizeof(*listing.packs), compare_packs);
	if (err == ERR_OK)
		err = index_each_pack(backup->index, check_pack, &listing);
	*used = listing.used;
	mem_free(listing.packs);
	return err;
}

/* The snapshot as the target holds it: name, signature, boxes, counts. */
static enum err check_snapshot(struct backup *backup, const struct snapshot *written)
{
	struct snapshot read = {0};
	enum err err = snapshot_load(&read, backup->target, backup->repository->keys, written->id);

	if (err == ERR_OK && (read.totals.files != written->totals.files || read.totals.bytes != written->totals.bytes))
		err = fail(PL_READ_BACK, "%s does not read back as it was written", object_snapshot(written->id).text);
	snapshot_free(&read);
	return err;
}

static void note_check(
    struct backup_result *result, const char *name, uint64_t objects, uint64_t bytes, const char *detail)
{
	struct backup_check *check = &result->checks[result->checks_count++];

	*check = (struct backup_check){.name = name, .good = true, .objects = objects, .bytes = bytes};
	snprintf(check->detail, sizeof(check->detail), "%s", detail);
}

/* ---- the handshake ---- */

static enum err read_generations(struct backup *backup, size_t *dropped)
{
	struct generations *generations = NULL;
	enum err err = generations_read(&generations, backup->target, backup->repository->keys);

	if (err == ERR_OK)
		err = index_drop_condemned(backup->index, generations, dropped);
	if (err == ERR_OK) {
		generations_free(backup->generations);
		backup->generations = generations;
		generations = NULL;
	}
	generations_free(generations);
	return err;
}

enum err publish_fence(struct backup *backup, size_t *dropped)
{
	return read_generations(backup, dropped);
}

/* Crash story: packs and index objects are durable before this is called. The snapshot appears whole or not at all; before it, everything
 * that was stored is found again as duplicates; after it, only conveniences are missing (the local stream, the marker). */
enum err publish_snapshot(struct backup *backup, size_t *dropped)
{
	struct snapshot *snapshot = &backup->result->snapshot;
	struct store_totals stored = store_totals(backup->store);
	struct buffer bytes = {0};
	uint64_t packs_used = 0;
	bool put = false;
	enum err err;

	snapshot->totals.bytes_read = atomic_load(&backup->bytes_read);
	snapshot->totals.bytes_new = stored.bytes_new;
	snapshot->totals.bytes_stored = stored.bytes_stored;
	snapshot->totals.chunks = stored.chunks;
	snapshot->totals.chunks_new = stored.chunks_new;
	snapshot->totals.packs_new = stored.packs;
	snapshot->generation = generations_newest(backup->generations);
	snapshot->ended = clock_now();
	err = check_packs(backup, &packs_used);
	if (err == ERR_OK)
		err = snapshot_encode(snapshot, backup->repository->keys, &bytes);
	/* From here on it may be there, also when the target says otherwise: the reply of a put can be lost. */
	put = err == ERR_OK;
	if (err == ERR_OK)
		err = target_put_checked(
		    backup->target, object_snapshot(snapshot->id).text, bytes.data, bytes.length, snapshot->id);
	if (err == ERR_OK)
		err = check_snapshot(backup, snapshot);
	if (err == ERR_OK)
		err = read_generations(backup, dropped);
	if (err == ERR_OK && *dropped == 0) {
		note_check(
		    backup->result, "structure", packs_used + 1, 0, "snapshot, its signature, every pack relied on");
		note_check(backup->result, "stored", stored.packs, stored.bytes_stored,
		    "every pack written, read back from the target");
	}
	snapshot->totals.bytes_stored += bytes.length;
	/* What does not count must not look as if it did. A target that forbids removing keeps a snapshot that is whole, only unreported. */
	if ((err != ERR_OK || *dropped > 0) && put) {
		struct failure kept = *failure_last();

		target_remove(backup->target, object_snapshot(snapshot->id).text);
		failure_put(&kept);
	}
	if (err != ERR_OK)
		memset(snapshot->id, 0, sizeof(snapshot->id));
	buffer_free(&bytes);
	return err;
}
