/* Packs that the index names and the target no longer has. What only they held is stored again, where this backup needs it; once all of it
 * stands elsewhere there is nothing left to say. */
#include "core/backup/backup_internal.h"

#include "core/repo/object.h"

#define NAMED_MAX \
	10u /* packs that are named one by one; a disk that lost thousands is no better known by all their names */

struct lost_packs {
	struct index *index;
	uint64_t dropped, named;
};

static enum err drop_lost(void *context, const struct index_pack_state *pack)
{
	struct lost_packs *lost = context;

	if (pack->presence == INDEX_PACK_THERE)
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
	if (pack->presence == INDEX_PACK_MISSING)
		output_warning(PL_PACKS_LOST, "%s is not there", object_pack(pack->id).text);
	else
		output_warning(PL_PACKS_LOST, "%s does not have the %llu bytes that were stored",
		    object_pack(pack->id).text, (unsigned long long)pack->size);
	return ERR_OK;
}

enum err lost_packs_drop(struct backup *backup)
{
	struct lost_packs lost = {.index = backup->index};
	enum err err = index_each_pack(backup->index, drop_lost, &lost);

	if (err == ERR_OK && lost.dropped > 0)
		err = index_each_lost(backup->index, name_lost, &lost);
	if (err == ERR_OK && lost.named > 0)
		output_warning(PL_PACKS_LOST,
		    "lost packs: %llu; this backup stores again what it needs of them. Put them back from another copy "
		    "of the "
		    "repository: pulih verify says which older snapshots need them",
		    (unsigned long long)lost.named);
	backup->result->packs_lost = lost.named;
	return err;
}
