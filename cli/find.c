/* pulih find */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/source/exclude.h"

static struct {
	bool ignore_case, full;
	const char *snapshot;
} given;

static const struct option_spec options[] = {
    {OPTION("snapshot", 's', OPTION_TEXT, "SNAPSHOT", "look in this snapshot only (default: in all)", &given.snapshot)},
    {OPTION("ignore-case", 'i', OPTION_FLAG, NULL, "upper and lower case are the same", &given.ignore_case)},
    {OPTION("long", 'l', OPTION_FLAG, NULL, "with mode, owner, size and time", &given.full)},
    SELECTION_OPTIONS,
    {0},
};

struct search {
	struct repository *repository;
	struct exclude *patterns; /* the rules of excludes are those of find: what they leave out, it finds */
	uint64_t snapshots, found;
};

static enum err show(struct search *search, const struct snapshot *snapshot, const struct entry *entry)
{
	char id[DESCRIBE_ID], time[DESCRIBE_TIME];
	char *line;

	search->found++;
	describe_id(id, snapshot->id);
	if (output_is_json()) {
		json_t *object = describe_entry_json(entry);

		if (!object)
			return ERR_NOMEM;
		json_object_set_new(object, "snapshot", describe_hex(snapshot->id, OBJECT_ID_SIZE));
		json_object_set_new(object, "snapshot_time", describe_time_json(snapshot->started));
		output_object("match", object);
		return ERR_OK;
	}
	line = given.full ? describe_entry_long(entry) : describe_path(entry->path);
	if (!line)
		return ERR_NOMEM;
	output_print("%s  %s  %s\n", id, describe_time(time, snapshot->started), line);
	mem_free(line);
	return ERR_OK;
}

static enum err search_snapshot(struct search *search, const struct snapshot *snapshot)
{
	struct selection_reader reader = {0};
	const struct entry *entry;
	enum err err = selection_reader_open(&reader, search->repository, snapshot);

	search->snapshots++;
	while (err == ERR_OK) {
		err = selection_reader_next(&reader, &entry);
		if (err != ERR_OK || !entry)
			break;
		if (entry->path.size &&
		    exclude_match(search->patterns, entry->path, entry->type == ENTRY_FOLDER).excluded)
			err = show(search, snapshot, entry);
	}
	selection_reader_close(&reader);
	return err;
}

static enum err search_all(struct search *search)
{
	struct snapshot_list list = {0};
	const struct snapshot *only = NULL;
	enum err err = snapshot_list_load(&list, search->repository->target, search->repository->keys);

	if (err == ERR_OK && given.snapshot)
		err = snapshot_resolve(&list, given.snapshot, &selection_filter, &only);
	if (err == ERR_OK && only)
		err = search_snapshot(search, only);
	for (size_t i = 0; !only && err == ERR_OK && i < list.count; i++)
		if (snapshot_matches(&list.items[i], &selection_filter))
			err = search_snapshot(search, &list.items[i]);
	if (err == ERR_OK && list.damaged > 0)
		err = fail(
		    PL_SNAPSHOT_BROKEN, "%s cannot be read, see above", describe_count(list.damaged, "snapshot").text);
	snapshot_list_free(&list);
	return err;
}

static enum err find_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct search search = {.repository = &repository};
	enum err err = exclude_new(&search.patterns);

	for (size_t i = 0; err == ERR_OK && i < arguments->count; i++)
		err = exclude_add(search.patterns, arguments->items[i], "", "argument", given.ignore_case);
	if (err == ERR_OK)
		err = access_open_full(&repository, "finding files");
	if (err == ERR_OK)
		err = search_all(&search);
	if (err == ERR_OK) {
		output_object("summary",
		    json_pack(
			"{s:I, s:I}", "snapshots", (json_int_t)search.snapshots, "matches", (json_int_t)search.found));
		if (search.found == 0)
			output_note("nothing found in %s", describe_count(search.snapshots, "snapshot").text);
	}
	exclude_free(search.patterns);
	repository_close(&repository);
	return err;
}

const struct command find_command = {
    .name = "find",
    .purpose = "find files in all snapshots",
    .arguments = "PATTERN...",
    .least = 1,
    .most = ARGUMENTS_ANY,
    .options = options,
    .details = "A pattern without / is looked for among names, one with / among whole paths;\nthe rules are those of "
	       "pulih help excludes.",
    .examples = "pulih find '*.sql.gz'\npulih find -i -s latest 'putusan*.pdf' '/var/www/**/*.php'",
    .run = find_run,
};
