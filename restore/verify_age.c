#include "restore/verify_internal.h"

/* What was written was read back at once: a pack counts as read when the target received it. */
static enum err take_pack(void *context, const struct target_object *object)
{
	struct verify *verify = context;
	uint8_t id[OBJECT_ID_SIZE];
	struct verify_pack *pack;

	if (!object_id_of(object->name, id))
		return ERR_OK;
	pack = verify_packs_add(&verify->packs, id);
	if (!pack)
		return ERR_NOMEM;
	pack->present = true;
	pack->arrived = object->changed;
	return ERR_OK;
}

enum err verify_age_of(struct repository *repository, struct verify_age *out)
{
	struct verify verify = {.repository = repository};
	enum err err = target_list(repository->target, "packs", take_pack, &verify);

	*out = (struct verify_age){0};
	if (err == ERR_OK)
		err = verify_ledger_load(&verify);
	for (size_t i = 0; err == ERR_OK && i < verify.packs.count; i++) {
		const struct verify_pack *pack = &verify.packs.items[i];
		int64_t again = pack->content > pack->stored ? pack->content : pack->stored;
		int64_t read = again > pack->arrived ? again : pack->arrived;

		if (out->packs++ == 0 || read < out->since)
			out->since = read;
		out->never += again == 0;
	}
	verify_packs_free(&verify.packs);
	return err;
}
