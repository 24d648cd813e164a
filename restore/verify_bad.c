/* What the next backup must not rely on: packs found damaged, now or by an earlier run, and not found good since. */
#include "restore/verify_internal.h"

#include "core/base/output.h"
#include "core/repo/object.h"

/* Whether its bytes are at fault decides which later reading makes it good again. */
enum pack_damage verify_bad_look(struct verify *verify, const struct verify_pack *pack)
{
	struct object_name name = object_pack(pack->id);
	uint8_t hash[HASH_SIZE];
	uint64_t size;
	enum pack_damage damage = PACK_BYTES_DAMAGED;

	if (pack->size <= PACK_MAX && target_hash(verify->repository->target, name.text, hash, &size) == ERR_OK &&
	    memcmp(hash, pack->id, HASH_SIZE) == 0)
		damage = PACK_CONTENT_DAMAGED;
	failure_clear();
	return damage;
}

void verify_bad_load(struct verify *verify)
{
	struct bad_packs bad;
	enum err err = bad_packs_load(&bad, verify->repository);

	if (err != ERR_OK) {
		output_failure_warning(failure_last());
		failure_clear();
	}
	for (size_t i = 0; i < verify->packs.count; i++)
		verify->packs.items[i].damage = bad_packs_find(&bad, verify->packs.items[i].id);
	bad_packs_free(&bad);
}

enum err verify_bad_save(const struct verify *verify)
{
	struct bad_packs bad = {0};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < verify->packs.count; i++) {
		const struct verify_pack *pack = &verify->packs.items[i];

		if (pack->present && pack->damage != PACK_WHOLE)
			err = bad_packs_add(&bad, pack->id, pack->damage);
	}
	if (err == ERR_OK)
		err = bad_packs_save(&bad, verify->repository);
	bad_packs_free(&bad);
	return err;
}
