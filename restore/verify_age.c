#include "restore/verify_internal.h"

/* What was written was read back at once: a pack counts as read when the target received it. */
enum err verify_age_of(struct repository *repository, struct verify_age *out)
{
	struct verify verify = {.repository = repository};
	enum err err = target_list(repository->target, "packs", verify_packs_listed, &verify.packs);

	*out = (struct verify_age){0};
	if (err == ERR_OK)
		err = verify_ledger_load(&verify);
	if (err == ERR_OK)
		verify_bad_load(&verify);
	for (size_t i = 0; err == ERR_OK && i < verify.packs.count; i++) {
		const struct verify_pack *pack = &verify.packs.items[i];
		int64_t again = pack->content > pack->stored ? pack->content : pack->stored;
		int64_t read = again > pack->arrived ? again : pack->arrived;

		if (out->packs++ == 0 || read < out->since)
			out->since = read;
		out->never += again == 0;
		out->damaged += pack->damage != PACK_WHOLE;
	}
	verify_packs_free(&verify.packs);
	return err;
}
