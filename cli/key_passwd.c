/* pulih key passwd */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/passphrase.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"

#include <string.h>

static struct {
	const char *file;
} given;

static const struct option_spec options[] = {
    {OPTION("new-password-file", 0, OPTION_TEXT, "FILE", "read the new passphrase from FILE", &given.file)},
    {0},
};

/* The label of the passphrase's slot, to be released with mem_free; "" where the slot has gone. Refuses the slot of a recovery
 * code: the code on the sheet would be worth nothing, and nobody would notice before the day it is needed. */
static enum err label_of(struct repository *repository, const uint8_t slot[KEY_SLOT_ID_SIZE], char **out)
{
	struct key_slot *slots = NULL;
	size_t count = 0;
	const char *label = "";
	char id[DESCRIBE_ID];
	enum err err = key_slot_list(repository->target, &slots, &count);

	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		if (memcmp(slots[i].id, slot, KEY_SLOT_ID_SIZE) != 0)
			continue;
		label = slots[i].label;
		if (strcmp(slots[i].type, "recovery") == 0)
			err = fail(PL_PASSWD_RECOVERY,
			    "slot %s was opened with its recovery code; changing it would make the recovery sheet "
			    "worthless",
			    describe_id(id, slot));
	}
	if (err == ERR_OK && !(*out = mem_string(label)))
		err = ERR_NOMEM;
	mem_free(slots);
	return err;
}

/* Who changes a passphrase wants the old one to open nothing any more: where it does, that is said. */
static void warn_of_old(struct repository *repository, const struct access_slot *old, const uint8_t *new_slot)
{
	uint8_t *root = secret_new(KEY_SIZE);
	uint8_t slot[KEY_SLOT_ID_SIZE];
	char id[DESCRIBE_ID];
	enum err err = root
	    ? key_slot_open(repository->target, repository->config, old->passphrase, old->size, root, slot)
	    : ERR_NOMEM;

	secret_free(root, KEY_SIZE);
	if (err == ERR_OK && memcmp(slot, new_slot, sizeof(slot)) == 0)
		output_warning(PL_PASSPHRASE_STAYS, "the new passphrase is the old one");
	else if (err == ERR_OK)
		output_warning(PL_PASSPHRASE_STAYS, "the old passphrase opens slot %s too", describe_id(id, slot));
	else if (err == ERR_KEY)
		failure_clear(); /* as it should be */
	else
		output_failure_warning(failure_last());
}

/* Crash story: the new slot is there before the old one goes; a crash between leaves both, and each opens. */
static enum err replace_slot(struct repository *repository, const struct access_slot *old)
{
	uint8_t slot[KEY_SLOT_ID_SIZE];
	char text[2 * KEY_SLOT_ID_SIZE + 1], id[DESCRIBE_ID];
	struct kdf_cost cost = KDF_DEFAULT;
	char *passphrase = NULL, *label = NULL;
	size_t size = 0;
	enum err err = label_of(repository, old->id, &label);

	if (err == ERR_OK)
		err = passphrase_new(given.file, &passphrase, &size);
	if (err == ERR_OK)
		err = key_slot_add(
		    repository->target, repository->keys, "passphrase", label, &cost, passphrase, size, slot);
	if (err == ERR_OK)
		err = key_slot_remove(repository->target, hex_encode(text, old->id, KEY_SLOT_ID_SIZE));
	if (err == ERR_OK) {
		warn_of_old(repository, old, slot);
		if (output_level() >= OUTPUT_NORMAL)
			output_print(
			    "passphrase changed: slot %s takes the place of the old one\n", describe_id(id, slot));
		output_object("summary",
		    json_pack("{s:o, s:o}", "id", describe_hex(slot, sizeof(slot)), "removed",
			describe_hex(old->id, KEY_SLOT_ID_SIZE)));
	}
	secret_free(passphrase, size);
	mem_free(label);
	return err;
}

static enum err key_passwd_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct access_slot old;
	enum err err = access_open_slot(&repository, "changing the passphrase", &old);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	err = replace_slot(&repository, &old);
	secret_free(old.passphrase, old.size);
	repository_close(&repository);
	return err;
}

const struct command key_passwd_command = {
    .name = "key passwd",
    .purpose = "change the passphrase",
    .arguments = "",
    .options = options,
    .details =
	"The slot that the current passphrase opens is replaced; other slots stay as they are, and where the old\n"
	"passphrase opens one of them, that is said. A recovery code is refused: with it, add a passphrase\n"
	"(pulih key add), then remove the slot of the forgotten one (pulih key list, pulih key remove SLOT).",
    .examples = "pulih key passwd -r /srv/pulih",
    .run = key_passwd_run,
};
