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

/* Where the bytes of a file go: its segments say where data ends and a hole begins. */
struct outlet {
	selection_content use;
	void *context;
	struct entry_segments segments;
	bool sparse;
	uint64_t position; /* in the file */
	uint64_t data_end; /* of the segment that is being filled */
};

static enum err write_zeros(struct outlet *outlet, uint64_t until)
{
	static const uint8_t zeros[65536];
	enum err err = ERR_OK;

	while (err == ERR_OK && outlet->position < until) {
		uint64_t left = until - outlet->position;
		size_t size = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		err = outlet->use(outlet->context, zeros, size);
		outlet->position += size;
	}
	return err;
}

/* Data bytes, put behind the holes that come before them. */
static enum err write_data(struct outlet *outlet, const uint8_t *bytes, size_t size)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		size_t part = size;

		if (outlet->sparse && outlet->position == outlet->data_end) {
			uint64_t offset, length;

			if (!entry_segments_next(&outlet->segments, &offset, &length))
				return fail(PL_ENTRY_BROKEN, "a sparse file has more data than its map says");
			err = write_zeros(outlet, offset);
			outlet->data_end = offset + length;
			continue;
		}
		if (outlet->sparse && part > outlet->data_end - outlet->position)
			part = (size_t)(outlet->data_end - outlet->position);
		err = outlet->use(outlet->context, bytes, part);
		outlet->position += part;
		bytes += part;
		size -= part;
	}
	return err;
}

static enum err write_chunks(struct selection_reader *reader, struct entry_content *content, struct outlet *outlet)
{
	struct entry_chunk chunk;
	enum err err = ERR_OK;

	while (err == ERR_OK && entry_content_next(content, &chunk)) {
		struct chunk_view view;

		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted");
		err = chunk_reader_get(reader->view.reader, CHUNK_DATA, chunk.id, &view);
		if (err != ERR_OK)
			break;
		err = write_data(outlet, view.bytes, view.length);
		chunk_release(reader->view.reader, &view);
	}
	if (err == ERR_OK && content->cursor.bad)
		err = fail(PL_ENTRY_BROKEN, "the list of a file's chunks is not what it must be");
	return err;
}

enum err selection_reader_content(
    struct selection_reader *reader, const struct entry *entry, selection_content use, void *context)
{
	struct outlet outlet = {.use = use, .context = context, .sparse = entry->sparse};
	struct entry_content content, inner;
	struct entry_chunk list;
	struct buffer bytes = {0};
	enum err err = ERR_OK;

	if (entry->sparse)
		entry_segments_open(&outlet.segments, entry);
	entry_content_open(&content, entry);
	if (!content.outside)
		err = write_chunks(reader, &content, &outlet);
	while (content.outside && err == ERR_OK && entry_content_next(&content, &list)) {
		err = chunk_reader_fetch(reader->view.reader, CHUNK_LIST, list.id, &bytes);
		if (err != ERR_OK)
			break;
		entry_content_of_list(&inner, bytes.data, bytes.length);
		err = write_chunks(reader, &inner, &outlet);
	}
	if (err == ERR_OK && entry->sparse)
		err = write_zeros(&outlet, entry->size);
	buffer_free(&bytes);
	return err;
}
