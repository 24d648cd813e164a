/* A target in memory, for tests. Everything that a place can do wrong can be asked of it. */
#ifndef PULIH_TARGETS_MEMORY_H
#define PULIH_TARGETS_MEMORY_H

#include "core/repo/target.h"

/* An empty place named "memory:". PL_NO_MEMORY. */
enum err memory_target_new(struct target **out);

/* ---- for tests; `target` is always one of memory_target_new ---- */

enum memory_operation {
	MEMORY_PUT,
	MEMORY_REPLACE,
	MEMORY_READ,
	MEMORY_STAT,
	MEMORY_LIST,
	MEMORY_REMOVE,
	MEMORY_HASH,
	MEMORY_SPACE,
	MEMORY_NOW,
	MEMORY_OPERATIONS,
};

/* The n-th call of that operation from now (1 = the next; 0 = none any more) fails with that message, having done nothing; with
 * `lasting` every later one too. */
void memory_target_fail(
    struct target *target, enum memory_operation operation, unsigned long n, enum message id, bool lasting);
/* As above, but the operation is done and *then* reported as failed: a reply that was lost. */
void memory_target_fail_late(struct target *target, enum memory_operation operation, unsigned long n, enum message id);
/* Calls of that operation since the target was made. */
unsigned long memory_target_calls(struct target *target, enum memory_operation operation);

/* Flips the bits of `mask` in one byte. False where there is no such object or byte. */
bool memory_target_corrupt(struct target *target, const char *name, uint64_t offset, uint8_t mask);
/* Cuts an object, or gives it zeros at its end. False where it is not there, or memory ran out. */
bool memory_target_resize(struct target *target, const char *name, size_t size);
/* Puts an object there whatever was there; also names that are not valid. False when memory ran out. */
bool memory_target_plant(struct target *target, const char *name, const void *bytes, size_t size);
/* Deletes it behind everybody's back. False where it is not there. */
bool memory_target_delete(struct target *target, const char *name);
/* A lying list: the object is not listed, and all else works. False where it is not there. */
bool memory_target_hide(struct target *target, const char *name, bool hidden);
/* The bytes of an object, valid until it changes; NULL where it is not there. */
const uint8_t *memory_target_bytes(struct target *target, const char *name, size_t *size);
/* Number of objects whose name starts with the text. */
size_t memory_target_count(struct target *target, const char *start);
/* The place's clock; 0 for the machine's. */
void memory_target_set_now(struct target *target, int64_t now);
/* Room for that many bytes in all; 0: no bound. */
void memory_target_set_space(struct target *target, uint64_t total);
/* Every put, replace and remove is PL_TARGET_DENIED. */
void memory_target_set_read_only(struct target *target, bool read_only);

#endif
