/* pulih cat: the content of a file, or what an object of the repository says. */
#include "cli/access.h"
#include "cli/cat_objects.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/selection.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct option_spec options[] = {SELECTION_OPTIONS, {0}};

static enum err write_piece(void *context, const void *bytes, size_t size)
{
	(void)context;
	if (fwrite(bytes, 1, size, stdout) != size)
		return fail_errno(PL_STANDARD_OUTPUT, "cannot write standard output");
	return ERR_OK;
}

static enum err print_file(struct repository *repository, const struct selection *selection)
{
	struct selection_reader reader = {0};
	const struct entry *entry = NULL;
	enum err err = selection_reader_open(&reader, repository, selection->snapshot);

	if (err == ERR_OK)
		err = selection_reader_find(&reader, selection_path_bytes(&selection->path), &entry);
	if (err == ERR_OK && (!entry || entry->type != ENTRY_FILE))
		err = fail(PL_NOT_A_FILE, "/%s is no regular file", selection->path.text);
	if (err == ERR_OK)
		err = restore_content_read(reader.view.reader, entry, write_piece, NULL);
	selection_reader_close(&reader);
	return err;
}

static enum err cat_file(const char *spec)
{
	struct repository repository = {0};
	struct selection selection = {0};
	enum err err;

	if (output_is_json())
		return fail(PL_OPTION_CONFLICT, "the content of a file is bytes, not JSON: leave --json out");
	if (!strchr(spec, ':'))
		return fail(PL_ARGUMENTS, "\"%s\" names no file: write SNAPSHOT:PATH", spec);
	err = access_open_full(&repository, "reading a file");
	if (err != ERR_OK)
		return err;
	err = selection_open(&selection, &repository, spec);
	if (err == ERR_OK)
		err = print_file(&repository, &selection);
	selection_free(&selection);
	repository_close(&repository);
	return err;
}

static const struct {
	const char *name;
	bool has_id;
	enum err (*read)(struct repository *repository, const char *id, json_t **out);
	bool keyless;
} kinds[] = {
    {"config", false, cat_objects_config, true},
    {"key", true, cat_objects_key, true},
    {"snapshot", true, cat_objects_snapshot, false},
    {"index", true, cat_objects_index, false},
    {"pack", true, cat_objects_pack, false},
};

static enum err open_for(struct repository *repository, bool keyless)
{
	struct target *target = NULL;
	enum err err;

	if (!keyless)
		return access_open(repository);
	err = access_target(&target);
	if (err == ERR_OK)
		err = repository_open_keyless(repository, target);
	if (err != ERR_OK)
		target_free(target);
	return err;
}

static enum err cat_object(size_t kind, const char *id)
{
	struct repository repository = {0};
	json_t *object = NULL;
	enum err err = open_for(&repository, kinds[kind].keyless);

	if (err != ERR_OK)
		return err;
	err = kinds[kind].read(&repository, id, &object);
	if (err == ERR_OK && output_is_json()) {
		output_object(kinds[kind].name, json_incref(object));
	} else if (err == ERR_OK) {
		char *text = json_dumps(object, JSON_INDENT(2));

		if (text)
			output_print("%s\n", text);
		else
			err = fail(PL_NO_MEMORY, "no memory for JSON");
		free(text); /* jansson's own allocation */
	}
	json_decref(object);
	repository_close(&repository);
	return err;
}

static enum err cat_run(const struct arguments *arguments)
{
	const char *word = arguments->items[0];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(word, kinds[i].name) != 0)
			continue;
		if (arguments->count != (kinds[i].has_id ? 2 : 1))
			return fail(PL_ARGUMENTS, "usage: pulih cat %s%s", word, kinds[i].has_id ? " ID" : "");
		return cat_object(i, arguments->items[1]);
	}
	if (strcmp(word, "file") == 0 && arguments->count == 2)
		return cat_file(arguments->items[1]);
	if (arguments->count == 2)
		return fail(PL_ARGUMENTS,
		    "there is no kind of object \"%s\": config, snapshot, index, pack, key or file", word);
	return cat_file(word);
}

const struct command cat_command = {
    .name = "cat",
    .purpose = "print a file of a snapshot, or an object of the repository",
    .arguments = "SNAPSHOT:PATH | config | snapshot ID | index ID | pack ID | key ID",
    .least = 1,
    .most = 2,
    .options = options,
    .details = "The beginning of an id is enough. Objects are shown as JSON; config and key need no passphrase.",
    .examples = "pulih cat latest:/etc/fstab\npulih cat snapshot 1a2b3c4d\npulih cat config",
    .run = cat_run,
};
