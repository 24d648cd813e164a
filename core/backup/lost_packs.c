/* Packs that the index names and the target no longer has. What only they held is stored again, where this backup needs it. */
#include "core/backup/backup_internal.h"

#include "core/repo/object.h"

#define NAMED_MAX \
	10u /* packs that are named one by one; a disk that lost thousands of them is no better known by their names */

static enum err drop_lost(void *context, const struct index_pack_state *pack)
{
	struct backup *backup = context;

	if (pack->presence == INDEX_PACK_THERE)
		return ERR_OK;
	index_drop_pack(backup->index, pack->id);
	if (backup->result->packs_lost++ >= NAMED_MAX)
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
	const uint64_t *lost = &backup->result->packs_lost;
	enum err err = index_each_pack(backup->index, drop_lost, backup);

	if (err == ERR_OK && *lost > 0)
		output_warning(PL_PACKS_LOST,
		    "%llu pack%s of earlier backups %s lost; what this backup needs of %s is stored again. Put %s back "
		    "from "
		    "another copy of the repository: pulih verify says which snapshots need %s",
		    (unsigned long long)*lost, *lost == 1 ? "" : "s", *lost == 1 ? "is" : "are",
		    *lost == 1 ? "it" : "them", *lost == 1 ? "it" : "them", *lost == 1 ? "it" : "them");
	return err;
}
