/* pulih ls */
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

static struct {
	bool full, recursive;
} given;

static const struct option_spec options[] = {
    {OPTION("long", 'l', OPTION_FLAG, NULL, "with mode, owner, size and time", &given.full)},
    {OPTION("recursive", 'R', OPTION_FLAG, NULL, "with PATH: everything below it, not only what is directly in it",
	&given.recursive)},
    SELECTION_OPTIONS,
    {0},
};

static enum err show(const struct entry *entry)
{
	char *line;

	if (output_is_json()) {
		json_t *object = describe_entry_json(entry);

		if (!object)
			return ERR_NOMEM;
		output_object("entry", object);
		return ERR_OK;
	}
	line = given.full ? describe_entry_long(entry) : describe_path(entry->path);
	if (!line)
		return ERR_NOMEM;
	output_print("%s\n", line);
	mem_free(line);
	return ERR_OK;
}

static bool is_direct_child(struct entry_bytes path, struct entry_bytes folder)
{
	size_t start = folder.size ? folder.size + 1 : 0;

	return path.size > start && memchr(path.data + start, '/', path.size - start) == NULL;
}

/* Everything below `folder` (its direct children only, unless `deep`). The reader stands on the folder or before it. */
static enum err list_below(struct selection_reader *reader, struct entry_bytes folder, bool deep)
{
	const struct entry *entry;
	enum err err = tree_reader_seek(reader->tree, folder);

	while (err == ERR_OK) {
		err = selection_reader_next(reader, &entry);
		if (err != ERR_OK || !entry || !entry_within(entry->path, folder))
			break;
		if (entry->path.size > folder.size && (deep || is_direct_child(entry->path, folder)))
			err = show(entry);
	}
	return err;
}

static enum err list_snapshot(struct repository *repository, const struct selection *selection)
{
	struct selection_reader reader = {0};
	struct entry_bytes path = selection_path_bytes(&selection->path);
	const struct entry *entry = NULL;
	enum err err = selection_reader_open(&reader, repository, selection->snapshot);

	if (err == ERR_OK)
		err = selection_reader_find(&reader, path, &entry);
	if (err == ERR_OK && entry && entry->type != ENTRY_FOLDER)
		err = show(entry);
	else if (err == ERR_OK)
		err = list_below(&reader, path, given.recursive || !selection->path.text);
	selection_reader_close(&reader);
	return err;
}

static enum err ls_run(const struct arguments *arguments)
{
	struct repository repository = {0};
	struct selection selection = {0};
	enum err err = access_open_full(&repository, "listing files");

	if (err != ERR_OK)
		return err;
	err = selection_open(&selection, &repository, arguments->items[0]);
	if (err == ERR_OK)
		err = list_snapshot(&repository, &selection);
	selection_free(&selection);
	repository_close(&repository);
	return err;
}

const struct command ls_command = {
    .name = "ls",
    .purpose = "list the files of a snapshot",
    .arguments = "SNAPSHOT[:PATH]",
    .least = 1,
    .most = 1,
    .options = options,
    .details = "SNAPSHOT is latest, or the beginning of an id. Without PATH everything is listed.",
    .examples = "pulih ls latest\npulih ls -l latest:/etc/ssh\npulih ls -R 1a2b3c4d:/var/www",
    .run = ls_run,
};
