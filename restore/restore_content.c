#include "core/base/clock.h"
#include "restore/restore_internal.h"

uint64_t restore_content_size(const struct entry *entry)
{
	struct entry_segments segments;
	uint64_t offset, size, sum = 0;

	if (!entry->sparse)
		return entry->size;
	entry_segments_open(&segments, entry);
	while (entry_segments_next(&segments, &offset, &size))
		sum += size;
	return sum;
}

enum err restore_content_get(struct chunk_reader *reader, const struct entry_chunk *chunk, struct chunk_view *out)
{
	enum err err = chunk_reader_get(reader, CHUNK_DATA, chunk->id, out);

	if (err == ERR_OK && out->length != chunk->length) {
		chunk_release(reader, out);
		err = fail(PL_RESTORE_CONTENT, "a chunk has another length than the file's description says");
	}
	return err;
}

struct sum {
	uint64_t left, chunks;
	restore_chunk_visit visit;
	void *context;
};

static enum err visit_chunk(struct sum *sum, const struct entry_chunk *chunk)
{
	if (chunk->length == 0 || chunk->length > CHUNK_MAX || chunk->length > sum->left || sum->chunks == 0)
		return fail(PL_RESTORE_CONTENT, "the chunks do not add up to the file's size");
	sum->left -= chunk->length;
	sum->chunks--;
	return sum->visit(sum->context, chunk);
}

static enum err visit_list(struct chunk_reader *reader, struct sum *sum, const struct entry_chunk *list)
{
	struct entry_content content;
	struct entry_chunk chunk;
	struct chunk_view view;
	enum err err = chunk_reader_get(reader, CHUNK_LIST, list->id, &view);

	if (err != ERR_OK)
		return err;
	entry_content_of_list(&content, view.bytes, view.length);
	while (err == ERR_OK && entry_content_next(&content, &chunk))
		err = visit_chunk(sum, &chunk);
	if (err == ERR_OK && content.cursor.bad)
		err = fail(PL_RESTORE_CONTENT, "a list of chunks does not parse");
	chunk_release(reader, &view);
	return err;
}

enum err restore_content_each(
    struct chunk_reader *reader, const struct entry *entry, restore_chunk_visit visit, void *context)
{
	struct sum sum = {.left = restore_content_size(entry), .visit = visit, .context = context};
	struct entry_content content;
	struct entry_chunk chunk;
	enum err err = ERR_OK;

	entry_content_open(&content, entry);
	sum.chunks = content.chunks;
	while (err == ERR_OK && entry_content_next(&content, &chunk))
		err = content.outside ? visit_list(reader, &sum, &chunk) : visit_chunk(&sum, &chunk);
	if (err == ERR_OK && (content.cursor.bad || sum.left != 0 || sum.chunks != 0))
		err = fail(PL_RESTORE_CONTENT, "the chunks do not add up to the file's size");
	return err;
}

static void next_segment(struct restore_output *output)
{
	/* What lies behind the last segment cannot be reached: the chunks add up to the segments (restore_content_each). */
	if (!entry_segments_next(&output->segments, &output->offset, &output->left))
		output->left = UINT64_MAX;
}

void restore_output_open(struct restore_output *output, int fd, const struct entry *entry)
{
	*output = (struct restore_output){.fd = fd, .sparse = entry->sparse, .left = UINT64_MAX};
	if (entry->sparse) {
		entry_segments_open(&output->segments, entry);
		output->left = 0;
	}
}

void restore_output_skip(struct restore_output *output, uint64_t size)
{
	while (size) {
		uint64_t part;

		if (output->left == 0)
			next_segment(output);
		part = size < output->left ? size : output->left;
		output->offset += part;
		output->left -= part;
		size -= part;
	}
}

int restore_output_write(struct restore_output *output, const uint8_t *bytes, size_t size)
{
	while (size) {
		size_t part;

		if (output->left == 0)
			next_segment(output);
		part = size < output->left ? size : (size_t)output->left;
		if (file_pwrite_all(output->fd, bytes, part, (off_t)output->offset) != 0)
			return -1;
		output->offset += part;
		output->left -= part;
		bytes += part;
		size -= part;
	}
	return 0;
}

/* ---- piece by piece ---- */

struct outlet {
	struct chunk_reader *reader;
	restore_content_use use;
	void *context;
	struct restore_output map; /* where the next data byte lies; nothing is written through it */
	uint64_t position;	   /* in the file */
};

static enum err give_zeros(struct outlet *outlet, uint64_t until)
{
	static const uint8_t zeros[64 << 10];
	enum err err = ERR_OK;

	while (err == ERR_OK && outlet->position < until) {
		uint64_t left = until - outlet->position;
		size_t size = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

		err = outlet->use(outlet->context, zeros, size);
		outlet->position += size;
	}
	return err;
}

/* Data bytes, behind the holes that come before them. */
static enum err give_data(struct outlet *outlet, const uint8_t *bytes, size_t size)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		size_t part;

		if (outlet->map.left == 0)
			next_segment(&outlet->map);
		part = size < outlet->map.left ? size : (size_t)outlet->map.left;
		err = give_zeros(outlet, outlet->map.offset);
		if (err == ERR_OK)
			err = outlet->use(outlet->context, bytes, part);
		restore_output_skip(&outlet->map, part);
		outlet->position += part;
		bytes += part;
		size -= part;
	}
	return err;
}

static enum err give_chunk(void *context, const struct entry_chunk *chunk)
{
	struct outlet *outlet = context;
	struct chunk_view view;
	enum err err;

	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted");
	err = restore_content_get(outlet->reader, chunk, &view);
	if (err != ERR_OK)
		return err;
	err = give_data(outlet, view.bytes, view.length);
	chunk_release(outlet->reader, &view);
	return err;
}

enum err restore_content_read(
    struct chunk_reader *reader, const struct entry *entry, restore_content_use use, void *context)
{
	struct outlet outlet = {.reader = reader, .use = use, .context = context};
	enum err err;

	restore_output_open(&outlet.map, -1, entry);
	err = restore_content_each(reader, entry, give_chunk, &outlet);
	return err == ERR_OK ? give_zeros(&outlet, entry->size) : err;
}
