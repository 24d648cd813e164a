/* pulih key add */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/passphrase.h"
#include "core/base/output.h"
#include "core/repo/key_slot.h"
#include "core/repo/object.h"

#include <stdio.h>

static struct {
	const char *label, *file;
	bool recovery;
} given;

static const struct option_spec options[] = {
    {OPTION("recovery", 0, OPTION_FLAG, NULL, "make a recovery code and print it, once", &given.recovery)},
    {OPTION("new-password-file", 0, OPTION_TEXT, "FILE", "read the new passphrase from FILE", &given.file)},
    {OPTION("label", 0, OPTION_TEXT, "TEXT", "whose it is, or where it is kept", &given.label)},
    {0},
};

static void report(const uint8_t slot[KEY_SLOT_ID_SIZE], const char *type)
{
	char id[DESCRIBE_ID];

	output_print("%s slot %s added\n", type, describe_id(id, slot));
	output_object("summary", json_pack("{s:o, s:s}", "id", describe_hex(slot, KEY_SLOT_ID_SIZE), "type", type));
}

/* A code that nobody has seen opens nothing: its slot goes again. */
static enum err arrived(struct repository *repository, const uint8_t slot[KEY_SLOT_ID_SIZE])
{
	struct failure failure;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return ERR_OK;
	fail_errno(
	    PL_STANDARD_OUTPUT, "cannot write the recovery code to standard output; its slot is taken away again");
	failure_take(&failure);
	if (target_remove(repository->target, object_key_slot(slot).text) != ERR_OK)
		output_failure_warning(failure_last());
	return failure_put(&failure);
}

/* The code leaves this process here and is not kept anywhere. */
static enum err add_recovery(struct repository *repository)
{
	uint8_t *code = secret_new(RECOVERY_BYTES);
	char *text = secret_new(RECOVERY_TEXT);
	uint8_t slot[KEY_SLOT_ID_SIZE];
	struct kdf_cost cost = KDF_DEFAULT;
	enum err err = code && text ? crypto_random(code, RECOVERY_BYTES) : ERR_NOMEM;

	if (err == ERR_OK)
		err = key_slot_add(repository->target, repository->keys, "recovery", given.label ? given.label : "",
		    &cost, code, RECOVERY_BYTES, slot);
	if (err == ERR_OK) {
		recovery_format(code, text);
		output_print("\n    %s\n\nWrite it down or print it, and lock it away: it opens the repository without "
			     "any passphrase\n"
			     "and is not shown again.\n\n",
		    text);
		output_object("recovery_code", json_pack("{s:s}", "code", text));
		err = arrived(repository, slot);
	}
	if (err == ERR_OK)
		report(slot, "recovery");
	secret_free(text, RECOVERY_TEXT);
	secret_free(code, RECOVERY_BYTES);
	return err;
}

static enum err add_passphrase(struct repository *repository)
{
	uint8_t slot[KEY_SLOT_ID_SIZE];
	struct kdf_cost cost = KDF_DEFAULT;
	char *passphrase = NULL;
	size_t size = 0;
	enum err err = passphrase_new(given.file, &passphrase, &size);

	if (err == ERR_OK)
		err = key_slot_add(repository->target, repository->keys, "passphrase", given.label ? given.label : "",
		    &cost, passphrase, size, slot);
	if (err == ERR_OK)
		report(slot, "passphrase");
	secret_free(passphrase, size);
	return err;
}

static enum err key_add_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	enum err err;

	(void)arguments;
	if (given.recovery && given.file)
		return fail(PL_OPTION_CONFLICT, "give --recovery or --new-password-file, not both");
	err = access_open_full(&repository, "adding a key");
	if (err != ERR_OK)
		return err;
	err = given.recovery ? add_recovery(&repository) : add_passphrase(&repository);
	repository_close(&repository);
	return err;
}

const struct command key_add_command = {
    .name = "key add",
    .purpose = "add a passphrase or a recovery code",
    .arguments = "",
    .options = options,
    .examples = "pulih key add --label 'Kasub Bag TI'\npulih key add --recovery --label safe",
    .run = key_add_run,
};
