/* Bytes into chunks, and chunks into the content list of an entry. */
#include "core/backup/reader.h"

#include "core/base/mem.h"

/* A list chunk ends behind an id that hashes to zeros here (1 in 1024: 35 KB), or is that long. Ids are uniform, so their own
 * first bytes serve as the hash. */
#define LIST_MASK 1023u
#define LIST_PAIRS_MAX 8192u

void content_reset(struct reader *reader)
{
	buffer_clear(&reader->content);
	reader->content_chunks = 0;
}

/* One chunk of the part's data: id, record, list. */
static enum err add_chunk(struct reader *reader, size_t offset, size_t size)
{
	struct part *part = reader->part;
	struct record *record = part_record(part, RECORD_CHUNK);
	enum err err;

	if (!record)
		return ERR_NOMEM;
	record->type = CHUNK_DATA;
	record->bytes = part->data + offset;
	record->size = size;
	err = reader_name_chunk(reader, record);
	if (err == ERR_OK)
		err = buffer_append(&reader->content, record->id, CHUNK_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_varint(&reader->content, size);
	reader->content_chunks++;
	return err;
}

enum err content_small(struct reader *reader, const struct chunker_sizes *sizes, size_t size)
{
	size_t at = reader->part->used - size;
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		size_t length = size <= sizes->min
		    ? size
		    : chunker_cut(&reader->backup->chunker, sizes, reader->part->data + at, size, true);

		err = add_chunk(reader, at, length);
		at += length;
		size -= length;
	}
	return err;
}

/* Cuts off whole chunks from the `*pending` bytes at the end of the part's data. */
static enum err cut_pending(struct reader *reader, const struct chunker_sizes *sizes, size_t *pending, bool whole)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && *pending > 0) {
		size_t at = reader->part->used - *pending;
		size_t length = chunker_cut(&reader->backup->chunker, sizes, reader->part->data + at, *pending, whole);

		if (length == 0)
			break;
		err = add_chunk(reader, at, length);
		*pending -= length;
	}
	return err;
}

#define STREAM_STEP ((size_t)1 << 20) /* bytes of a read */

enum err content_stream(
    struct reader *reader, const struct chunker_sizes *sizes, content_read read, void *context, uint64_t *total)
{
	size_t pending = 0, got = 1;
	enum err err = ERR_OK;

	*total = 0;
	while (err == ERR_OK && got > 0) {
		/* Where everything is known already, nothing else would notice before the end of the file. */
		if (backup_stopped(reader->backup))
			return fail(PL_INTERRUPTED, "interrupted");
		err = reader_room(reader, STREAM_STEP, pending);
		if (err == ERR_OK)
			err = read(context, reader->part->data + reader->part->used, STREAM_STEP, &got);
		if (err != ERR_OK)
			break;
		reader->part->used += got;
		pending += got;
		*total += got;
		atomic_fetch_add_explicit(&reader->backup->bytes_read, got, memory_order_relaxed);
		err = cut_pending(reader, sizes, &pending, got == 0);
	}
	return err;
}

/* ---- the list ---- */

static enum err add_list_chunk(struct reader *reader, const uint8_t *bytes, size_t size, struct buffer *outer)
{
	struct record *record = part_record(reader->part, RECORD_CHUNK);
	enum err err;

	if (!record)
		return ERR_NOMEM;
	record->type = CHUNK_LIST;
	record->size = size;
	record->bytes = arena_copy(&reader->part->arena, bytes, size);
	if (!record->bytes)
		return ERR_NOMEM;
	err = reader_name_chunk(reader, record);
	if (err == ERR_OK)
		err = buffer_append(outer, record->id, CHUNK_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_varint(outer, size);
	return err;
}

/* Cuts the pairs into list chunks at ids that hash so, and gives the pairs of those. */
static enum err split_list(struct reader *reader, struct buffer *outer, uint64_t *count)
{
	struct entry_content pairs;
	struct entry_chunk chunk;
	const uint8_t *start = reader->content.data;
	uint32_t in_chunk = 0;
	enum err err = ERR_OK;

	*count = 0;
	entry_content_of_list(&pairs, reader->content.data, reader->content.length);
	while (err == ERR_OK && entry_content_next(&pairs, &chunk)) {
		bool last = cursor_left(&pairs.cursor) == 0;

		if (++in_chunk < LIST_PAIRS_MAX && (load_u32(chunk.id) & LIST_MASK) != 0 && !last)
			continue;
		err = add_list_chunk(reader, start, (size_t)(pairs.cursor.at - start), outer);
		start = pairs.cursor.at;
		in_chunk = 0;
		(*count)++;
	}
	return err;
}

enum err content_list(struct reader *reader, struct entry *entry)
{
	struct buffer list = {0}, outer = {0};
	uint64_t count = 0;
	enum err err;

	entry->content_outside = reader->content_chunks > ENTRY_INLINE_CHUNKS;
	if (!entry->content_outside) {
		err = buffer_append_varint(&list, reader->content_chunks);
		if (err == ERR_OK)
			err = buffer_append(&list, reader->content.data, reader->content.length);
	} else {
		err = split_list(reader, &outer, &count);
		if (err == ERR_OK)
			err = buffer_append_varint(&list, 0);
		if (err == ERR_OK)
			err = buffer_append_varint(&list, reader->content_chunks);
		if (err == ERR_OK)
			err = buffer_append_varint(&list, count);
		if (err == ERR_OK)
			err = buffer_append(&list, outer.data, outer.length);
	}
	if (err == ERR_OK) {
		entry->content.size = list.length;
		entry->content.data = arena_copy(&reader->part->arena, list.data, list.length);
		if (!entry->content.data)
			err = ERR_NOMEM;
	}
	buffer_free(&outer);
	buffer_free(&list);
	return err;
}
