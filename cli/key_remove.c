/* pulih key remove */
#include "cli/access.h"
#include "cli/commands.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

static enum err key_remove_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	enum err err = access_open_full(&repository, "removing a key");

	if (err != ERR_OK)
		return err;
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
    .details = "SLOT is the beginning of an id of pulih key list. The last one cannot be removed. Who copied the slot\n"
	       "before and knows its passphrase can still open copies of the repository made until today.",
    .examples = "pulih key remove 1a2b3c4d",
    .run = key_remove_run,
};
