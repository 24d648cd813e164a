/* Packs that the index names and the target no longer has, or has damaged, as verify found. What only they held is stored again, where this
 * backup needs it; once all of it stands elsewhere there is nothing left to say. */
#include "core/backup/backup_internal.h"

#include "core/repo/bad_packs.h"
#include "core/repo/object.h"

#define NAMED_MAX \
	10u /* packs that are named one by one; a disk that lost thousands is no better known by all their names */

struct lost_packs {
	struct index *index;
	struct bad_packs bad;
	uint64_t dropped, named;
};

static enum err drop_lost(void *context, const struct index_pack_state *pack)
{
	struct lost_packs *lost = context;

	if (pack->presence == INDEX_PACK_THERE && bad_packs_find(&lost->bad, pack->id) == PACK_WHOLE)
		return ERR_OK;
	index_drop_pack(lost->index, pack);
	lost->dropped++;
	return ERR_OK;
}

static enum err name_lost(void *context, const struct index_pack_state *pack)
{
	struct lost_packs *lost = context;

	if (lost->named++ >= NAMED_MAX)
		return ERR_OK;
	if (bad_packs_find(&lost->bad, pack->id) != PACK_WHOLE)
		output_warning(PL_PACKS_BAD, "%s was found damaged by verify", object_pack(pack->id).text);
	else if (pack->presence == INDEX_PACK_MISSING)
		output_warning(PL_PACKS_LOST, "%s is not there", object_pack(pack->id).text);
	else
		output_warning(PL_PACKS_LOST, "%s does not have the %llu bytes that were stored",
		    object_pack(pack->id).text, (unsigned long long)pack->size);
	return ERR_OK;
}

/* A damaged one may also be in the journal of a run that was interrupted, and in no index. */
static enum err refuse_bad(struct lost_packs *lost)
{
	const uint8_t *id;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && (id = bad_packs_at(&lost->bad, i)) != NULL; i++)
		err = index_refuse_pack(lost->index, id);
	return err;
}

enum err lost_packs_drop(struct backup *backup)
{
	struct lost_packs lost = {.index = backup->index};
	enum err err = bad_packs_load(&lost.bad, backup->repository);

	if (err == ERR_CORRUPT) { /* the backup is made all the same */
		output_failure_warning(failure_last());
		failure_clear();
		err = ERR_OK;
	}
	if (err == ERR_OK)
		err = index_each_pack(backup->index, drop_lost, &lost);
	if (err == ERR_OK)
		err = refuse_bad(&lost);
	if (err == ERR_OK && lost.dropped > 0)
		err = index_each_lost(backup->index, name_lost, &lost);
	if (err == ERR_OK && lost.named > 0)
		output_warning(PL_PACKS_LOST,
		    "lost or damaged packs: %llu; this backup stores again what it needs of them. Put them back from "
		    "another copy of the repository: pulih verify says which older snapshots need them",
		    (unsigned long long)lost.named);
	backup->result->packs_lost = lost.named;
	bad_packs_free(&lost.bad);
	return err;
}
