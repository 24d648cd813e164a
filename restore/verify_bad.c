/* What the next backup must not rely on: packs found damaged, now or by an earlier run, and not found good since. */
#include "restore/verify_internal.h"

#include "core/base/output.h"
#include "core/repo/object.h"

/* A disk that was pulled out, or a network that went away, is no damage of the packs: a backup would store everything again. */
static bool place_answers(struct target *target)
{
	uint8_t hash[HASH_SIZE];
	uint64_t size;

	return target_hash(target, OBJECT_CONFIG, hash, &size) == ERR_OK;
}

/* Whether its bytes are at fault decides which later reading makes it good again. */
enum pack_damage verify_bad_look(struct verify *verify, const struct verify_pack *pack)
{
	struct target *target = verify->repository->target;
	uint8_t hash[HASH_SIZE];
	uint64_t size;
	enum pack_damage damage = PACK_BYTES_DAMAGED;
	enum err err = ERR_OK;

	if (pack->size <= PACK_MAX)
		err = target_hash(target, object_pack(pack->id).text, hash, &size);
	if (err != ERR_OK && !place_answers(target))
		damage = PACK_WHOLE;
	else if (err == ERR_OK && pack->size <= PACK_MAX && memcmp(hash, pack->id, HASH_SIZE) == 0)
		damage = PACK_CONTENT_DAMAGED;
	failure_clear();
	return damage;
}

bool verify_bad_cleared(const struct verify_pack *pack, enum pack_damage damage)
{
	return pack->opened || (pack->hashed && damage == PACK_BYTES_DAMAGED);
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

static bool is_bad(const struct verify_pack *pack)
{
	return pack->present && pack->damage != PACK_WHOLE;
}

/* What this run did not look at: what another one found meanwhile, and what is gone and may come back as it was. */
static enum err keep_others(const struct verify *verify, const struct bad_packs *before, struct bad_packs *bad)
{
	const uint8_t *id;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && (id = bad_packs_at(before, i)) != NULL; i++) {
		const struct verify_pack *pack = verify_packs_find(&verify->packs, id);
		enum pack_damage damage = bad_packs_find(before, id);

		if (!pack || (!is_bad(pack) && !verify_bad_cleared(pack, damage)))
			err = bad_packs_add(bad, id, damage);
	}
	return err;
}

static bool all_read(const struct verify *verify)
{
	for (size_t i = 0; i < verify->packs.count; i++) {
		const struct verify_pack *pack = &verify->packs.items[i];

		if (pack->present && !pack->hashed && pack->damage == PACK_WHOLE)
			return false;
	}
	return true;
}

enum err verify_bad_save(const struct verify *verify)
{
	struct bad_packs before, bad = {0};
	enum err err = bad_packs_load(&before, verify->repository);
	bool damaged = err == ERR_CORRUPT;

	if (damaged) {
		failure_clear();
		err = ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < verify->packs.count; i++)
		if (is_bad(&verify->packs.items[i]))
			err = bad_packs_add(&bad, verify->packs.items[i].id, verify->packs.items[i].damage);
	if (err == ERR_OK)
		err = keep_others(verify, &before, &bad);
	/* A list that is damaged goes on being warned of until every pack was read again. */
	if (err == ERR_OK && (!damaged || bad.items.length > 0 || all_read(verify)))
		err = bad_packs_save(&bad, verify->repository);
	bad_packs_free(&before);
	bad_packs_free(&bad);
	return err;
}
