/* Packs of one place that verify read and found damaged: <state>/<repository id>/bad-<16 hex digits of the place>. Their size is right, so
 * that no listing shows it: without this memory the next backup would rely on what nobody can restore.
 *
 *   "PULIHBAD" (8), u64 version 1, repository id (16), per pack, ascending: id (32), u8 enum pack_damage; u64 XXH3-64 of all that precedes
 *
 * A pack goes from the list when verify reads it again and finds it good; one that is gone stays: it may come back as it was. Without a state folder nothing is remembered. */
#ifndef PULIH_REPO_BAD_PACKS_H
#define PULIH_REPO_BAD_PACKS_H

#include "core/base/buffer.h"
#include "core/repo/repository.h"

enum pack_damage {
	PACK_WHOLE,
	PACK_BYTES_DAMAGED,   /* not what its name says: good again once its SHA-256 is */
	PACK_CONTENT_DAMAGED, /* stored as it was written, and still not to be opened: good again once that works */
};
/* Starts as {0}; released with bad_packs_free. */
struct bad_packs {
	struct buffer items; /* as in the file */
};
/* None where nothing is remembered. PL_BAD_PACKS (ERR_CORRUPT) where the file is not what it must be; errors of file_read_all. */
enum err bad_packs_load(struct bad_packs *out, const struct repository *repository);
/* PACK_WHOLE where nothing is remembered of it. */
enum pack_damage bad_packs_find(const struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE]);
/* The id of one, counted from 0, ascending; NULL behind the last. Valid until one is added. */
const uint8_t *bad_packs_at(const struct bad_packs *packs, size_t number);
/* At the end: sorted by bad_packs_save. Each id once. */
enum err bad_packs_add(struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE], enum pack_damage damage);
/* Replaces what was remembered; durable. */
enum err bad_packs_save(struct bad_packs *packs, const struct repository *repository);
void bad_packs_free(struct bad_packs *packs);

#endif
