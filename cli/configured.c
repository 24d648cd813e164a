#include "cli/configured.h"
#include "cli/settings.h"

#include <string.h>
#include <unistd.h>

static struct configuration *loaded;

const char *configured_file(void)
{
	return settings.config ? settings.config : CONFIGURATION_DEFAULT;
}

static enum err finish(enum err err, const struct configuration **out)
{
	if (err == ERR_MISSING)
		err = fail(PL_CONFIG_NONE, "there is no %s", configured_file());
	*out = loaded;
	return err;
}

enum err configured_load(const struct configuration **out)
{
	return finish(loaded ? ERR_OK : configuration_load_for_work(&loaded, configured_file(), NULL), out);
}

enum err configured_check(const struct configuration **out)
{
	return finish(loaded ? ERR_OK : configuration_load(&loaded, configured_file()), out);
}

enum err configured_if_any(const struct configuration **out)
{
	*out = NULL;
	if (!settings.config && access(CONFIGURATION_DEFAULT, R_OK) != 0)
		return ERR_OK;
	return configured_load(out);
}

void configured_use(const struct configuration_target *target)
{
	static bool asked, given;

	if (!asked)
		given = settings.password_file || settings.password_command || settings.key_file;
	asked = true;
	settings.repository = target->url;
	if (given)
		return;
	settings.password_file = target->password_file;
	settings.password_command = target->password_command;
	settings.key_file = target->key;
	settings.secret_configured = true;
}

enum err configured_repository(void)
{
	const struct configuration *configuration;
	const struct configuration_target *target = NULL;
	enum err err;

	if (settings.repository && strpbrk(settings.repository, "/:"))
		return ERR_OK;
	err = configured_if_any(&configuration);
	if (err != ERR_OK || !configuration)
		return err;
	if (settings.repository)
		target = configuration_target(configuration, settings.repository);
	else if (configuration->targets_count == 1)
		target = &configuration->targets[0];
	if (target)
		configured_use(target);
	return ERR_OK;
}
