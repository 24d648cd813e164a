/* From stored chunks to a snapshot that counts. */
#include "core/backup/backup_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/generation.h"
#include "core/repo/object.h"
#include "core/repo/stream.h"

/* ---- structure: every pack that is relied on is there, with its size ---- */

static enum err check_pack(void *context, const struct index_pack_state *pack)
{
	uint64_t *used = context;

	if (!pack->used)
		return ERR_OK;
	++*used;
	if (pack->presence == INDEX_PACK_MISSING)
		return fail(
		    PL_PACK_MISSING, "%s, which this backup relies on, is not there", object_pack(pack->id).text);
	if (pack->presence == INDEX_PACK_RESIZED)
		return fail(PL_PACK_BROKEN, "%s does not have the %llu bytes that were stored",
		    object_pack(pack->id).text, (unsigned long long)pack->size);
	return ERR_OK;
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
    struct backup_result *result, const char *name, bool good, uint64_t objects, uint64_t bytes, const char *detail)
{
	struct backup_check *check = &result->checks[result->checks_count++];

	*check = (struct backup_check){.name = name, .good = good, .objects = objects, .bytes = bytes};
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
	/* Packs that were lost before were dropped at the start; one that is lost while the backup runs is found here. */
	err = index_each_pack(backup->index, check_pack, &packs_used);
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
		note_check(backup->result, "structure", true, packs_used + 1, 0,
		    "snapshot, its signature, every pack relied on");
		note_check(backup->result, "stored", true, stored.packs, stored.bytes_stored,
		    "every pack written, read back from the target");
		if (backup->result->packs_lost > 0)
			note_check(backup->result, "earlier", false, backup->result->packs_lost, 0,
			    "packs of earlier backups that are lost or damaged");
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
