/* pulih key remove */
#include "cli/access.h"
#include "cli/commands.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

#include <string.h>

/* Whoever removes the slot in use is about to lock himself out. The last slot has a refusal of its own. */
static enum err refuse_in_use(struct repository *repository, const uint8_t used[KEY_SLOT_ID_SIZE], const char *prefix)
{
	struct key_slot *slots = NULL;
	char text[2 * KEY_SLOT_ID_SIZE + 1];
	size_t count = 0;
	enum err err = key_slot_list(repository->target, &slots, &count);

	hex_encode(text, used, KEY_SLOT_ID_SIZE);
	if (err == ERR_OK && count > 1 && strncmp(text, prefix, strlen(prefix)) == 0)
		err = fail(PL_SLOT_IN_USE, "slot %s opened the repository just now", prefix);
	mem_free(slots);
	return err;
}

static enum err key_remove_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	uint8_t used[KEY_SLOT_ID_SIZE];
	enum err err = access_open_slot(&repository, "removing a key", used);

	if (err != ERR_OK)
		return err;
	err = refuse_in_use(&repository, used, arguments->items[0]);
	if (err == ERR_OK)
		err = key_slot_remove(repository.target, arguments->items[0]);
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("slot %s removed\n", arguments->items[0]);
		output_object("summary", json_pack("{s:s}", "removed", arguments->items[0]));
	}
	repository_close(&repository);
	return err;
}

const struct command key_remove_command = {
    .name = "key remove",
    .purpose = "take a passphrase or a recovery code away",
    .arguments = "SLOT",
    .least = 1,
    .most = 1,
    .details = "SLOT is the beginning of an id of pulih key list. Neither the last one nor the one in use can be "
	       "removed. Who copied the slot\n"
	       "before and knows its passphrase can still open copies of the repository made until today.",
    .examples = "pulih key remove 1a2b3c4d",
    .run = key_remove_run,
};
