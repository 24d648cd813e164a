#include "cli/settings.h"
#include "core/base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 256

struct settings settings;

const struct option_spec settings_options[] = {
    {OPTION("repo", 'r', OPTION_TEXT, "TARGET", "the repository: a path, a URL or a name of the configuration",
	&settings.repository)},
    {OPTION("repository", 0, OPTION_TEXT, "TARGET", NULL, &settings.repository)},
    {OPTION("config", 'c', OPTION_TEXT, "FILE", "the configuration file", &settings.config)},
    {OPTION("password-file", 'p', OPTION_TEXT, "FILE", "read the passphrase from FILE", &settings.password_file)},
    {OPTION("password-command", 0, OPTION_TEXT, "COMMAND", "read the passphrase from what COMMAND prints",
	&settings.password_command)},
    {OPTION("key-file", 0, OPTION_TEXT, "FILE", "use this backup key instead of a passphrase", &settings.key_file)},
    {OPTION(
	"state-dir", 0, OPTION_TEXT, "DIR", "where caches and notes about earlier runs live", &settings.state_folder)},
    {OPTION("domain", 0, OPTION_TEXT, "NAME", "share chunks with this domain (default: the host's name)",
	&settings.domain)},
    {OPTION("threads", 0, OPTION_NUMBER, "N", "worker threads (default 0: one for each processor)", &settings.threads),
	.most = THREADS_MAX},
    {OPTION("json", 0, OPTION_FLAG, NULL, "write one JSON object a line", &settings.json)},
    {OPTION("quiet", 'q', OPTION_FLAG, NULL, "say only what went wrong", &settings.quiet)},
    {OPTION("verbose", 'v', OPTION_COUNT, NULL, "say more; twice: more still", &settings.verbose)},
    {OPTION("help", 'h', OPTION_FLAG, NULL, "show this help", &settings.help)},
    {OPTION("version", 'V', OPTION_FLAG, NULL, "show the version", &settings.version)},
    {0},
};

/* One way to the key, and only one: an option beats the environment, a backup key in the environment beats a passphrase
 * there (a machine that backs itself up has both while it is being set up). */
static enum err choose_secret(void)
{
	int given =
	    (settings.password_file != NULL) + (settings.password_command != NULL) + (settings.key_file != NULL);

	if (given > 1)
		return fail(
		    PL_OPTION_CONFLICT, "give one of --password-file, --password-command and --key-file, not two");
	if (given == 1)
		return ERR_OK;
	settings.key_file = options_environment("PULIH_KEY_FILE");
	if (settings.key_file)
		return ERR_OK;
	settings.password_file = options_environment("PULIH_PASSWORD_FILE");
	settings.password_command = options_environment("PULIH_PASSWORD_COMMAND");
	if (settings.password_file && settings.password_command)
		return fail(
		    PL_OPTION_CONFLICT, "both PULIH_PASSWORD_FILE and PULIH_PASSWORD_COMMAND are set: unset one");
	return ERR_OK;
}

/* The folder's name lives as long as the process. */
static enum err choose_state_folder(void)
{
	const char *base;
	char *folder;

	if (!settings.state_folder)
		settings.state_folder = options_environment("PULIH_STATE_DIR");
	if (settings.state_folder)
		return ERR_OK;
	if (geteuid() == 0) {
		settings.state_folder = "/var/lib/pulih";
		return ERR_OK;
	}
	base = options_environment("XDG_STATE_HOME");
	if (base && base[0] == '/') {
		folder = mem_printf("%s/pulih", base);
	} else {
		base = options_environment("HOME");
		if (!base)
			return fail(PL_STATE_FOLDER, "there is no HOME, so there is no place for the state folder");
		folder = mem_printf("%s/.local/state/pulih", base);
	}
	settings.state_folder = folder;
	return folder ? ERR_OK : ERR_NOMEM;
}

enum err settings_complete(bool makes_configuration)
{
	enum err err;

	if (settings.quiet && settings.verbose)
		return fail(PL_OPTION_CONFLICT, "give --quiet or --verbose, not both");
	if (!settings.repository)
		settings.repository = options_environment("PULIH_REPOSITORY");
	if (!settings.config)
		settings.config = options_environment("PULIH_CONFIG");
	/* Named, and not there: an error also for commands that need nothing of it. */
	if (!makes_configuration && settings.config && access(settings.config, R_OK) != 0)
		return fail(
		    PL_OPTION_VALUE, "cannot read the configuration file %s: %s", settings.config, strerror(errno));
	err = choose_secret();
	return err != ERR_OK ? err : choose_state_folder();
}
