#include "cli/setup_passphrase.h"
#include "cli/access.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "cli/setup_checks.h"
#include "core/base/output.h"

#include <string.h>

enum err setup_passphrase_give(void *context, char **out, size_t *size)
{
	const struct setup_passphrase *passphrase = context;

	*out = secret_new(passphrase->size);
	if (!*out)
		return ERR_NOMEM;
	memcpy(*out, passphrase->text, passphrase->size);
	*size = passphrase->size;
	return ERR_OK;
}

void setup_passphrase_free(struct setup_passphrase *passphrase)
{
	secret_free(passphrase->text, passphrase->size);
	passphrase->text = NULL;
	passphrase->size = 0;
}

static bool is_typed(const struct setup_passphrase *passphrase)
{
	return passphrase->ask->tty >= 0 && !passphrase->file && !settings.password_file && !settings.password_command;
}

/* A typing error is no reason to begin again. */
static bool is_asked_again(const struct setup_passphrase *passphrase, enum err err)
{
	if (!is_typed(passphrase) || err != ERR_KEY || failure_last()->id == PL_PASSPHRASE_NONE)
		return false;
	setup_ask_say(passphrase->ask, "  ! %s\n", failure_last()->text);
	failure_clear();
	return true;
}

static enum err get_once(struct setup_passphrase *passphrase, bool is_new)
{
	setup_passphrase_free(passphrase);
	if (passphrase->file)
		return passphrase_new(passphrase->file, &passphrase->text, &passphrase->size);
	return is_new ? passphrase_first(NULL, &passphrase->text, &passphrase->size)
		      : passphrase_current(NULL, &passphrase->text, &passphrase->size);
}

/* Whether a person who is told that it is weak takes it. */
static enum err accept(const struct setup_passphrase *passphrase, bool *accepted)
{
	const char *weakness = setup_checks_passphrase(passphrase->text, passphrase->size);

	*accepted = true;
	if (!weakness)
		return ERR_OK;
	if (is_typed(passphrase)) {
		setup_ask_say(passphrase->ask, "  ! This passphrase is weak: %s.\n", weakness);
		return setup_ask_yes(passphrase->ask, "  Use it all the same", false, accepted);
	}
	output_warning(PL_SETUP_PASSPHRASE, "the passphrase is weak: %s", weakness);
	return ERR_OK;
}

static enum err get_new(struct setup_passphrase *passphrase)
{
	bool accepted = false;
	enum err err;

	if (is_typed(passphrase))
		setup_ask_say(passphrase->ask,
		    "\nThe passphrase opens all backups. Take five words or more that nobody guesses, write\n"
		    "them down, and keep them where this machine is not.\n");
	do {
		err = get_once(passphrase, true);
		if (err == ERR_OK)
			err = accept(passphrase, &accepted);
	} while (is_asked_again(passphrase, err) || (err == ERR_OK && !accepted));
	return err;
}

static enum err get_known(struct setup_passphrase *passphrase, const char *target)
{
	struct repository repository = {0};
	enum err err;

	if (is_typed(passphrase))
		setup_ask_say(
		    passphrase->ask, "\nThere is a repository at %s already. Its passphrase opens it.\n", target);
	settings.repository = target;
	settings.key_file = NULL;
	do {
		err = get_once(passphrase, false);
		if (err == ERR_OK)
			err = access_open_asking(&repository, setup_passphrase_give, passphrase);
	} while (is_asked_again(passphrase, err));
	if (err == ERR_OK)
		repository_close(&repository);
	return err;
}

enum err setup_passphrase_get(struct setup_passphrase *passphrase, const char *target)
{
	enum err err =
	    setup_checks_place(target) == PLACE_REPOSITORY ? get_known(passphrase, target) : get_new(passphrase);

	if (err == ERR_KEY && failure_last()->id == PL_PASSPHRASE_NONE)
		fail_context(err, "give --new-password-file FILE");
	return err;
}
