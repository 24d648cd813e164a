#include "cli/ledger_targets.h"
#include "cli/access.h"
#include "cli/configured.h"
#include "cli/settings.h"
#include "core/base/mem.h"

enum err ledger_targets_choose(const struct option_list *list, const char ***out)
{
	const struct configuration *configuration = NULL;
	enum err err = ERR_OK;

	*out = NULL;
	if (list->count > 0) {
		*out = option_list_values(list);
		return *out ? ERR_OK : ERR_NOMEM;
	}
	if (!settings.repository)
		err = configured_if_any(&configuration);
	if (err != ERR_OK)
		return err;
	*out = mem_calloc((configuration ? configuration->targets_count : 0) + 2, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	(*out)[0] = settings.repository;
	for (uint32_t i = 0; configuration && i < configuration->targets_count; i++)
		(*out)[i] = configuration->targets[i].name;
	return ERR_OK;
}

/* Each target of the configuration brings its own secret: the one before it must not be taken for this one's. */
enum err ledger_targets_open(const char *name, struct repository *out)
{
	static struct settings first;
	static bool kept;

	if (!kept)
		first = settings;
	kept = true;
	settings = first;
	settings.repository = name;
	return access_open(out);
}
