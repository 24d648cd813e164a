/* Reads chunks by id from the packs of a target: the one way in which restore, verify, ls and cat come to bytes. Needs a full key. Safe from
 * several threads. Opened frames are kept in a cache; a chunk is checked against its full id on every read. */
#ifndef PULIH_REPO_CHUNK_READER_H
#define PULIH_REPO_CHUNK_READER_H

#include "core/repo/index.h"

struct chunk_reader;
/* `frames`: opened frames kept (FRAME_RAW_MAX bytes each), at least 4. The domain's id key is taken from `domain`. Everything is borrowed. */
enum err chunk_reader_new(struct chunk_reader **out, struct target *target, const struct keys *keys,
    const struct domain_keys *domain, struct index *index, size_t frames);
void chunk_reader_free(struct chunk_reader *reader);

/* A chunk in place: `bytes` stay valid until chunk_release. */
struct chunk_view {
	const uint8_t *bytes;
	uint32_t length;
	void *frame; /* of the reader */
};
/* Of a chunk that stands in several packs any copy that is whole. ERR_CORRUPT: PL_CHUNK_LOST (no index knows it), PL_PACK_MISSING, PL_CHUNK_BROKEN, PL_SEAL_BROKEN, …; ERR_IO where the target could not be
 * asked. The message names pack, frame and chunk. A thread may hold several views; those beyond `frames` frames cost memory of their own. */
enum err chunk_reader_get(
    struct chunk_reader *reader, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct chunk_view *out);
/* Leaves the view {0}; releasing {0} does nothing. */
void chunk_release(struct chunk_reader *reader, struct chunk_view *view);
/* tree_fetch of tree.h over a chunk_reader (context). */
enum err chunk_reader_fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out);

#endif
