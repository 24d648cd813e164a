#include "cli/selection.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/chunk_reader.h"

#include <stdio.h>
#include <string.h>

enum err selection_reader_open(
    struct selection_reader *reader, struct repository *repository, const struct snapshot *snapshot)
{
	enum err err = restore_view_open(&reader->view, repository, snapshot->domain);

	if (err == ERR_OK)
		err = tree_reader_new(&reader->tree, &snapshot->root, chunk_reader_fetch, reader->view.reader);
	if (err != ERR_OK)
		selection_reader_close(reader);
	return err;
}

void selection_reader_close(struct selection_reader *reader)
{
	tree_reader_free(reader->tree);
	restore_view_close(&reader->view);
	*reader = (struct selection_reader){0};
}

enum err selection_reader_next(struct selection_reader *reader, const struct entry **out)
{
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted");
	if (ferror(stdout))
		return fail(PL_STANDARD_OUTPUT, "cannot write standard output");
	return tree_reader_next(reader->tree, out);
}

enum err selection_reader_find(struct selection_reader *reader, struct entry_bytes path, const struct entry **out)
{
	enum err err = tree_reader_seek(reader->tree, path);
	char *text;

	if (err == ERR_OK)
		err = tree_reader_next(reader->tree, out);
	if (err != ERR_OK)
		return err;
	if (*out && entry_compare((*out)->path, path) == 0)
		return ERR_OK;
	*out = NULL;
	if (path.size == 0)
		return ERR_OK;
	text = output_printable(path.data, path.size);
	err = text ? fail(PL_SNAPSHOT_PATH, "the snapshot has no /%s", text) : ERR_NOMEM;
	mem_free(text);
	return err;
}
