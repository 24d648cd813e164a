/* Packs of one place that verify read and found damaged: <state>/<repository id>/bad-<16 hex digits of the place>. Their size is right, so that
 * no listing shows it: without this memory the next backup would rely on what nobody can restore.
 *
 *   "PULIHBAD" (8), u64 version 1, repository id (16), per pack: id (32), u64 XXH3-64 of all that precedes
 *
 * A pack that is put right goes from the list when verify reads it again. Without a state folder nothing is remembered. */
#ifndef PULIH_REPO_BAD_PACKS_H
#define PULIH_REPO_BAD_PACKS_H

#include "core/base/buffer.h"
#include "core/repo/repository.h"

/* Starts as {0}; released with bad_packs_free. */
struct bad_packs {
	struct buffer ids; /* OBJECT_ID_SIZE bytes each, in any order */
};
/* None where nothing is remembered. PL_BAD_PACKS (ERR_CORRUPT) where the file is not what it must be; errors of file_read_all. */
enum err bad_packs_load(struct bad_packs *out, const struct repository *repository);
bool bad_packs_has(const struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE]);
enum err bad_packs_add(struct bad_packs *packs, const uint8_t id[OBJECT_ID_SIZE]);
/* Replaces what was remembered; durable. */
enum err bad_packs_save(const struct bad_packs *packs, const struct repository *repository);
void bad_packs_free(struct bad_packs *packs);

#endif
