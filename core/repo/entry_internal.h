/* What the encoder and the decoder of entries share. */
#ifndef PULIH_REPO_ENTRY_INTERNAL_H
#define PULIH_REPO_ENTRY_INTERNAL_H

#include "core/repo/entry.h"

#define ENTRY_TYPE_MASK 0xFu
#define ENTRY_MODE_MASK 07777u
#define ENTRY_NAME_TEXT 160 /* bytes of a path that a message shows */

/* Bytes that two paths share from the start on. */
size_t entry_shared(struct entry_bytes a, struct entry_bytes b);
/* entry_compare where the shared bytes are known. */
int entry_compare_behind(struct entry_bytes a, struct entry_bytes b, size_t shared);
/* entry_path_valid of a path whose components that end before `from` are known to be. */
bool entry_path_valid_from(struct entry_bytes path, size_t from);

/* PL_ENTRY, naming the path. */
enum err entry_refuse(const struct entry *entry, const char *why);

/* An attribute list by its own rules: names 1 … 255 bytes, no NUL, strictly ascending. */
bool entry_xattrs_valid(struct entry_bytes list);
/* Moves the cursor behind a sparse map: *end receives its last position, *data the data bytes. */
bool entry_segments_measure(struct cursor *cursor, uint64_t *end, uint64_t *data);
/* Moves the cursor behind a content list from "varint n" on, which must add up to `data` bytes. */
bool entry_content_skip(struct cursor *cursor, bool outside, uint64_t data);

static inline bool entry_is_device(uint8_t type)
{
	return type == ENTRY_CHARACTER || type == ENTRY_BLOCK;
}

/* Most numbers of an entry fit one byte: decoding is mostly this. */
static inline bool entry_varint(struct cursor *cursor, uint64_t *out)
{
	if (!cursor->bad && cursor->at < cursor->end && *cursor->at < 0x80) {
		*out = *cursor->at++;
		return true;
	}
	return cursor_varint(cursor, out);
}

#endif
