/* Generations: what collectors have condemned (repository.md section 7). This program's writer reads them; collecting itself
 * comes with prune.
 *
 *   gc/<16 hex>: "PULIHGEN" (8), u16 version 1, u8 suite, u8 state (1 condemned, 2 done), u32 0, repository id (16), u64 generation,
 *   box (purpose "generation", secret = pre-shared secret, associated = header) of varint count, count × pack id (32),
 *   Ed25519 signature of the owner (64) over SHA-256 of all that precedes. */
#ifndef PULIH_REPO_GENERATION_H
#define PULIH_REPO_GENERATION_H

#include "core/base/error.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

struct generations;

/* Reads all generations of the target. */
enum err generations_read(struct generations **out, struct target *target, const struct keys *keys);
void generations_free(struct generations *generations);
/* The highest, 0 where there is none. */
uint64_t generations_newest(const struct generations *generations);
bool generations_condemned(const struct generations *generations, const uint8_t pack[OBJECT_ID_SIZE]);
/* Whether the object `name` is a generation as it must be. PL_GENERATION_BROKEN, PL_SIGNATURE (ERR_CORRUPT) and others. */
enum err generation_check(struct target *target, const struct keys *keys, const char *name);
/* Publishes a generation; needs a full key. */
enum err generation_write(struct target *target, const struct keys *keys, uint64_t generation, bool done,
    const uint8_t (*packs)[OBJECT_ID_SIZE], size_t count);

#endif
