/* Shared by the files of the store. */
#ifndef PULIH_BACKUP_STORE_INTERNAL_H
#define PULIH_BACKUP_STORE_INTERNAL_H

#include "core/backup/store.h"
#include "core/base/pool.h"
#include "core/chunk/frame.h"
#include "core/chunk/hasher.h"
#include "core/repo/pack.h"

/* A frame on its way through the compressors. */
struct frame_unit {
	struct pool_job job; /* first: the pool hands it back */
	struct store *store;
	struct frame_unit *next;
	uint8_t *raw; /* FRAME_RAW_MAX bytes */
	size_t raw_size;
	struct pack_chunk *chunks;
	size_t chunks_count, chunks_capacity;
	struct buffer stored;
	uint8_t codec;
	struct failure failure;
};

/* A pack on its way to the target. */
struct pack_unit {
	struct pool_job job; /* first */
	struct pack_unit *next;
	struct pack_writer *writer;
	const struct pack *pack;
	bool padded;
	struct failure failure; /* of finishing or writing */
	bool stored;		/* written and read back; under the writer's lock */
};

/* Data and metadata are packed apart. */
struct lane {
	enum pack_type type;
	struct frame_unit *filling;	 /* takes chunks; NULL: none yet */
	struct frame_unit *first, *last; /* being compressed, in order */
	size_t compressing;
	struct pack_writer *writer; /* takes frames; NULL: none yet */
};

/* The threads that write packs, read them back and check them. */
struct pack_sender;
enum err pack_sender_new(
    struct pack_sender **out, struct target *target, struct pool *pool, bool threaded, uint64_t rate);
/* Drops what was not begun, waits for what was. */
void pack_sender_free(struct pack_sender *sender);
/* Takes the unit, which stays the caller's. Units are begun in order, and may end in another. */
void pack_sender_submit(struct pack_sender *sender, struct pack_unit *unit);
/* Waits until the unit is stored or has failed. */
enum err pack_sender_wait(struct pack_sender *sender, struct pack_unit *unit);
bool pack_sender_done(struct pack_sender *sender, struct pack_unit *unit);

#endif
