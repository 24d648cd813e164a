/* pulih excludes explain */
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/patterns.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/walk.h"

#include <string.h>
#include <sys/stat.h>

static struct {
	struct option_list excludes;
} given;

static const struct option_spec options[] = {PATTERNS_EXCLUDE(&given.excludes), {0}};

static enum err explain(const struct exclude *exclude, const char *path)
{
	struct stat status;
	bool folder =
	    path[0] && (path[strlen(path) - 1] == '/' || (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)));
	char *stored = walk_stored_path(path);
	struct exclude_verdict verdict = {0};
	struct entry_bytes bytes;
	char *shown = NULL;
	json_t *object = NULL;
	enum err err = stored ? ERR_OK : ERR_NOMEM;

	if (err != ERR_OK)
		goto done;
	bytes = (struct entry_bytes){(const uint8_t *)stored, strlen(stored)};
	if (exclude)
		verdict = exclude_match_deep(exclude, bytes, folder);
	shown = describe_path(bytes);
	object = json_pack("{s:b, s:o?, s:o?}", "excluded", verdict.excluded, "pattern",
	    verdict.pattern ? output_text(verdict.pattern) : NULL, "origin",
	    verdict.origin ? output_text(verdict.origin) : NULL);
	if (!shown || !object || !describe_set_path(object, bytes)) {
		err = ERR_NOMEM;
		goto done;
	}
	if (verdict.pattern)
		output_print("%s  %s: %s decides, from %s\n", verdict.excluded ? "left out" : "kept    ", shown,
		    verdict.pattern, verdict.origin);
	else
		output_print("kept      %s: no pattern matches\n", shown);
	output_object("verdict", object);
	object = NULL;
done:
	json_decref(object);
	mem_free(shown);
	mem_free(stored);
	return err;
}

static enum err excludes_explain_run(const struct arguments *arguments)
{
	struct exclude *exclude = NULL;
	enum err err = patterns_build(&exclude, &given.excludes);

	for (size_t i = 0; err == ERR_OK && i < arguments->count; i++)
		err = explain(exclude, arguments->items[i]);
	exclude_free(exclude);
	return err;
}

const struct command excludes_explain_command = {
    .name = "excludes explain",
    .purpose = "say which pattern decides about a path",
    .arguments = "PATH...",
    .least = 1,
    .most = ARGUMENTS_ANY,
    .options = options,
    .details = "A PATH with a / behind it is taken for a folder, whether or not it is there.",
    .examples = "pulih excludes explain /var/www/html/cache/ --exclude 'cache/'",
    .run = excludes_explain_run,
};
