/* pulih init */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/passphrase.h"
#include "cli/settings.h"
#include "core/base/output.h"
#include "core/repo/config.h"

#include <string.h>
#include <unistd.h>

static const char *const suites[] = {"auto", "aes-256-gcm", "chacha20-poly1305", NULL};

static struct {
	int suite;
} given;

static const struct option_spec options[] = {
    {OPTION("suite", 0, OPTION_CHOICE, "NAME",
	 "aes-256-gcm or chacha20-poly1305 (default: what this processor does fast)", &given.suite),
	.choices = suites},
    {0},
};

/* A word that is neither a target of the configuration nor a folder is a mistyped name rather than a place. */
static enum err check_place(void)
{
	const struct configuration *configuration;
	const char *place = settings.repository;
	enum err err = configured_if_any(&configuration);

	if (err != ERR_OK || !configuration || !place || strpbrk(place, "/:") || access(place, F_OK) == 0 ||
	    configuration_target(configuration, place))
		return err;
	return fail(PL_OPTION_VALUE, "-r %s: %s has no target of that name; a new folder here is written as ./%s",
	    place, configured_file(), place);
}

static enum err init_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	char id[2 * REPOSITORY_ID_SIZE + 1];
	json_t *object;
	int suite = given.suite == 1 ? SUITE_AES_256_GCM
	    : given.suite == 2	     ? SUITE_CHACHA20_POLY1305
				     : (int)suite_for_this_machine();
	enum err err = check_place();

	if (err == ERR_OK)
		err = access_init(&repository, suite, passphrase_first, NULL);

	(void)arguments;
	if (err != ERR_OK)
		return err;
	hex_encode(id, repository.config->id, REPOSITORY_ID_SIZE);
	if (output_level() >= OUTPUT_NORMAL)
		output_print("repository %s made at %s (%s)\n", id, settings.repository, suite_name(suite));
	output_note("without the passphrase nobody can ever read it: keep that somewhere else too, or lock a recovery "
		    "code away "
		    "(pulih key add --recovery)");
	object = json_pack("{s:s, s:s}", "id", id, "suite", suite_name(suite));
	if (object &&
	    output_set_bytes(object, "repository", settings.repository, strlen(settings.repository)) != ERR_OK)
		failure_clear(); /* the person who typed it knows it */
	output_object("summary", object);
	repository_close(&repository);
	return ERR_OK;
}

const struct command init_command = {
    .name = "init",
    .purpose = "make a repository",
    .arguments = "-r TARGET",
    .options = options,
    .details = "The place must be empty. The passphrase is asked for twice, or read from --password-file.",
    .examples = "pulih init -r /srv/pulih\npulih init -r /media/hdd/pulih --password-file /root/pulih.pass",
    .run = init_run,
};
