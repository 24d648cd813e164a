/* The lists inside an entry: content, sparse map, attributes. */
#include "core/repo/entry_internal.h"

#define PAIR_MIN (CHUNK_ID_SIZE + 1u) /* bytes of an (id, varint length) pair: lengths are 1 … CHUNK_MAX, */
#define PAIR_MAX (CHUNK_ID_SIZE + 4u) /* and CHUNK_MAX takes a varint of 4 bytes */
#define XATTR_NAME_MAX_SIZE 255	      /* Linux: XATTR_NAME_MAX */
#define PAIRS_TO_THE_END UINT64_MAX   /* a list chunk does not say how many pairs it holds */

static bool read_pair(struct cursor *cursor, struct entry_chunk *out)
{
	uint64_t length;

	if (!cursor_bytes(cursor, &out->id, CHUNK_ID_SIZE) || !cursor_varint(cursor, &length))
		return false;
	if (length == 0 || length > CHUNK_MAX) {
		cursor->bad = true;
		return false;
	}
	out->length = (uint32_t)length;
	return true;
}

static bool skip_pairs(struct cursor *cursor, uint64_t count, uint64_t *sum)
{
	struct entry_chunk chunk;

	*sum = 0;
	if (count > cursor_left(cursor) / PAIR_MIN)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!read_pair(cursor, &chunk))
			return false;
		*sum += chunk.length;
	}
	return true;
}

bool entry_content_skip(struct cursor *cursor, bool outside, uint64_t data)
{
	uint64_t count, chunks, sum;

	if (!entry_varint(cursor, &count))
		return false;
	if (!outside)
		return count <= ENTRY_INLINE_CHUNKS && skip_pairs(cursor, count, &sum) && sum == data;
	if (count != 0 || !cursor_varint(cursor, &chunks) || !cursor_varint(cursor, &count) || count == 0 ||
	    !skip_pairs(cursor, count, &sum))
		return false;
	/* The list chunks are not here: their lengths bound how many pairs they can hold, and those bound the data. */
	return chunks >= (sum + PAIR_MAX - 1) / PAIR_MAX && chunks <= sum / PAIR_MIN && data >= chunks &&
	    chunks >= data / CHUNK_MAX + (data % CHUNK_MAX != 0);
}

void entry_content_open(struct entry_content *content, const struct entry *entry)
{
	uint64_t count = 0;

	*content = (struct entry_content){
	    .cursor = cursor_of(entry->content.data, entry->content.size), .outside = entry->content_outside};
	if (entry->content.size == 0 || !cursor_varint(&content->cursor, &count))
		return;
	if (entry->content_outside) {
		cursor_varint(&content->cursor, &content->chunks);
		cursor_varint(&content->cursor, &count);
	} else {
		content->chunks = count;
	}
	content->left = content->cursor.bad ? 0 : count;
}

void entry_content_of_list(struct entry_content *content, const void *bytes, size_t size)
{
	*content = (struct entry_content){.cursor = cursor_of(bytes, size), .left = PAIRS_TO_THE_END};
}

bool entry_content_next(struct entry_content *content, struct entry_chunk *out)
{
	if (content->left == 0 || (content->left == PAIRS_TO_THE_END && cursor_left(&content->cursor) == 0))
		return false;
	if (!read_pair(&content->cursor, out)) {
		content->left = 0;
		return false;
	}
	if (content->left != PAIRS_TO_THE_END)
		content->left--;
	return true;
}

static bool read_segment(struct cursor *cursor, uint64_t *position, uint64_t *offset, uint64_t *size)
{
	uint64_t gap, end;

	if (!entry_varint(cursor, &gap) || !entry_varint(cursor, size))
		return false;
	if (*size == 0 || __builtin_add_overflow(*position, gap, offset) ||
	    __builtin_add_overflow(*offset, *size, &end)) {
		cursor->bad = true;
		return false;
	}
	*position = end;
	return true;
}

bool entry_segments_measure(struct cursor *cursor, uint64_t *end, uint64_t *data)
{
	uint64_t count, offset, size;

	*end = 0;
	*data = 0;
	if (!entry_varint(cursor, &count) || count > cursor_left(cursor) / 2)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!read_segment(cursor, end, &offset, &size))
			return false;
		*data += size; /* at most *end, which did not overflow */
	}
	return true;
}

void entry_segments_open(struct entry_segments *segments, const struct entry *entry)
{
	*segments = (struct entry_segments){.cursor = cursor_of(entry->segments.data, entry->segments.size)};
	if (entry->segments.size > 0)
		cursor_varint(&segments->cursor, &segments->left);
}

bool entry_segments_next(struct entry_segments *segments, uint64_t *offset, uint64_t *size)
{
	if (segments->left == 0)
		return false;
	if (!read_segment(&segments->cursor, &segments->position, offset, size)) {
		segments->left = 0;
		return false;
	}
	segments->left--;
	return true;
}

bool entry_xattr_next(struct cursor *cursor, struct entry_bytes *name, struct entry_bytes *value)
{
	uint64_t size;

	if (cursor_left(cursor) == 0)
		return false;
	if (!cursor_varint(cursor, &size) || !cursor_bytes(cursor, &name->data, size))
		return false;
	name->size = size;
	if (!cursor_varint(cursor, &size) || !cursor_bytes(cursor, &value->data, size))
		return false;
	value->size = size;
	return true;
}

bool entry_xattrs_valid(struct entry_bytes list)
{
	struct cursor cursor = cursor_of(list.data, list.size);
	struct entry_bytes name, value, before = {0};

	while (entry_xattr_next(&cursor, &name, &value)) {
		size_t common = name.size < before.size ? name.size : before.size;
		int order = common > 0 ? memcmp(before.data, name.data, common) : 0;

		if (name.size == 0 || name.size > XATTR_NAME_MAX_SIZE || memchr(name.data, '\0', name.size))
			return false;
		if (order > 0 || (order == 0 && name.size <= before.size))
			return false;
		before = name;
	}
	return !cursor.bad;
}
