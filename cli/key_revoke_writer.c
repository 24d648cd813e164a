/* pulih key revoke-writer */
#include "cli/access.h"
#include "cli/commands.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

static enum err key_revoke_writer_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	enum err err = access_open_full(&repository, "revoking a backup key");

	if (err != ERR_OK)
		return err;
	err = key_revoke_writer(&repository, arguments->items[0]);
	if (err == ERR_OK) {
		if (output_level() >= OUTPUT_NORMAL)
			output_print("backup key %s revoked\n", arguments->items[0]);
		output_object("summary", json_pack("{s:s}", "revoked", arguments->items[0]));
	}
	repository_close(&repository);
	return err;
}

const struct command key_revoke_writer_command = {
    .name = "key revoke-writer",
    .purpose = "take a backup key away",
    .arguments = "WRITER",
    .least = 1,
    .most = 1,
    .details = "WRITER is the beginning of an id of pulih key list. What it stored until now stays "
	       "readable; nothing new relies on it, so the next backup stores everything again.",
    .examples = "pulih key revoke-writer 5e6f7a8b",
    .run = key_revoke_writer_run,
};
