#include "cli/access.h"
#include "cli/configured.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "core/base/file.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"
#include "targets/registry.h"

#include <string.h>

struct repository_access access_of(passphrase_ask ask)
{
	return (struct repository_access){
	    .ask = ask,
	    .key_file = settings.key_file,
	    .domain = settings.domain,
	    .state_folder = settings.state_folder,
	};
}

static enum err open_target(struct target **out, bool create)
{
	enum err err = configured_repository();

	if (err != ERR_OK)
		return err;
	if (!settings.repository)
		return fail(PL_REPOSITORY_UNSET, "no repository was named");
	return target_open(out, settings.repository, create);
}

enum err access_target(struct target **out)
{
	return open_target(out, false);
}

enum err access_init(struct repository *out, int suite, passphrase_ask ask, void *context)
{
	struct repository_access access;
	struct target *target = NULL;
	enum err err = open_target(&target, true);

	access = access_of(ask); /* only now: the target may have brought its secret from the configuration */
	access.context = context;
	/* A backup key says who may write to a repository that exists; it makes none. */
	access.key_file = NULL;
	if (err == ERR_OK)
		err = repository_init(out, target, &access, suite);
	if (err != ERR_OK)
		target_free(target);
	return err;
}

enum err access_open_asking(struct repository *out, passphrase_ask ask, void *context)
{
	struct repository_access access;
	struct target *target = NULL;
	enum err err = access_target(&target);

	access = access_of(ask); /* only now: see access_init */
	access.context = context;
	if (err == ERR_OK)
		err = repository_open(out, target, &access);
	if (err != ERR_OK)
		target_free(target);
	return err;
}

enum err access_open(struct repository *out)
{
	return access_open_asking(out, passphrase_current, NULL);
}

static enum err require_full(struct repository *repository, const char *what)
{
	if (repository->keys->full)
		return ERR_OK;
	repository_close(repository);
	return fail(PL_KEY_FULL, "%s needs the full key", what);
}

enum err access_open_full(struct repository *out, const char *what)
{
	enum err err = access_open(out);

	return err == ERR_OK ? require_full(out, what) : err;
}

/* The passphrase that opens the repository is kept to see afterwards which slot it opens. */
static enum err ask_and_remember(void *context, char **out, size_t *size)
{
	struct access_slot *remembered = context;
	enum err err = passphrase_current(NULL, &remembered->passphrase, &remembered->size);

	if (err != ERR_OK)
		return err;
	*out = secret_new(remembered->size);
	if (!*out)
		return ERR_NOMEM;
	memcpy(*out, remembered->passphrase, remembered->size);
	*size = remembered->size;
	return ERR_OK;
}

enum err access_open_slot(struct repository *out, const char *what, struct access_slot *slot)
{
	uint8_t *root = secret_new(KEY_SIZE);
	enum err err;

	*slot = (struct access_slot){.size = 0};
	err = root ? access_open_asking(out, ask_and_remember, slot) : ERR_NOMEM;
	if (err == ERR_OK)
		err = require_full(out, what);
	if (err == ERR_OK) {
		err = key_slot_open(out->target, out->config, slot->passphrase, slot->size, root, slot->id);
		if (err != ERR_OK)
			repository_close(out);
	}
	secret_free(root, KEY_SIZE);
	if (err != ERR_OK) {
		secret_free(slot->passphrase, slot->size);
		slot->passphrase = NULL;
	}
	return err;
}

enum err access_open_or_keyless(struct repository *out)
{
	char id[2 * REPOSITORY_ID_SIZE + 1];
	struct target *target = NULL;
	enum err err = access_open(out);

	if (err != ERR_KEY || failure_last()->id != PL_PASSPHRASE_NONE)
		return err;
	failure_clear();
	err = access_target(&target);
	if (err == ERR_OK)
		err = repository_open_keyless(out, target);
	if (err != ERR_OK) {
		target_free(target);
		return err;
	}
	/* What was read when is remembered without keys too: a budget must not read the same packs for ever. */
	out->state_folder = path_join(settings.state_folder, hex_encode(id, out->config->id, REPOSITORY_ID_SIZE));
	if (!out->state_folder) {
		repository_close(out);
		return ERR_NOMEM;
	}
	return ERR_OK;
}
