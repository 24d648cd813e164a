/* What the files of verify share. */
#ifndef PULIH_RESTORE_VERIFY_INTERNAL_H
#define PULIH_RESTORE_VERIFY_INTERNAL_H

#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/bad_packs.h"
#include "core/repo/limits.h"
#include "core/repo/object.h"
#include "core/repo/snapshot.h"
#include "restore/restore_internal.h"
#include "restore/verify.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- a set of 16-byte keys with a number each ---- */

#define VERIFY_KEY 16
struct verify_slot {
	uint8_t key[VERIFY_KEY];
	uint32_t value;
	bool used;
};
/* Starts as {0}. */
struct verify_set {
	struct verify_slot *slots;
	size_t size, count;
};
/* NULL where it is not there. */
struct verify_slot *verify_set_find(const struct verify_set *set, const uint8_t key[VERIFY_KEY]);
/* *added says that it was not there; then its value is `value`. NULL after PL_NO_MEMORY. */
struct verify_slot *verify_set_add(struct verify_set *set, const uint8_t key[VERIFY_KEY], uint32_t value, bool *added);
void verify_set_free(struct verify_set *set);

/* ---- packs ---- */

struct verify_pack {
	uint8_t id[OBJECT_ID_SIZE];
	uint64_t size;		 /* in the target */
	uint64_t index_size;	 /* as the index says */
	uint64_t directory;	 /* hash of the directory that the index has */
	int64_t arrived;	 /* when the target received it */
	int64_t stored, content; /* when it was last read and found good; 0: never */
	uint32_t finding;	 /* number + 1 of its finding, 0: none */
	bool present, indexed;
	bool hashed, opened;	 /* by this run, and found good */
	enum pack_damage damage; /* found now, or remembered and not found good since */
};
struct verify_packs {
	struct verify_pack *items;
	size_t count, capacity;
	struct verify_set set; /* first bytes of the id → position */
};
/* The pack of that id, added where it is new. NULL after PL_NO_MEMORY. Pointers last until the next call. */
struct verify_pack *verify_packs_add(struct verify_packs *packs, const uint8_t id[OBJECT_ID_SIZE]);
struct verify_pack *verify_packs_find(const struct verify_packs *packs, const uint8_t id[OBJECT_ID_SIZE]);
/* Visit of target_list(): takes a pack that is there; context: struct verify_packs. */
enum err verify_packs_listed(void *context, const struct target_object *object);
void verify_packs_free(struct verify_packs *packs);
/* What of a directory its pack and the index must agree on. */
enum err verify_directory_hash(const struct directory *directory, uint64_t *out);

/* ---- findings ---- */

/* Kept until the end of the run, when it is known what they touch. */
struct verify_note {
	char *object;
	enum err kind;
	enum message id;
	char *text;
	uint64_t snapshots, files;
	uint64_t last_snapshot; /* number + 1 of the last snapshot counted */
	struct buffer names;	/* a few of the files */
};

struct verify {
	struct repository *repository;
	const struct verify_options *options;
	struct verify_result *result;
	int64_t begun; /* clock_monotonic() */
	struct verify_packs packs;
	struct snapshot *snapshots; /* those that could be read */
	size_t snapshots_count, snapshots_capacity;
	struct verify_set broken; /* nodes and lists that cannot be read; value: number + 1 of the finding */
	pthread_mutex_t lock;	  /* of what follows */
	struct verify_note *notes;
	size_t notes_count, notes_capacity;
	bool lost;    /* a snapshot needs chunks that no index knows */
	bool counted; /* what the findings touch is known */
	_Atomic bool stop;
	_Atomic uint64_t packs_read, bytes_read;
};
/* Keeps this thread's last failure as a finding about `object`; pack may be NULL. Safe from several threads. */
enum err verify_found(struct verify *verify, const char *object, struct verify_pack *pack);
/* True for what is a finding, false for what ends the run (no memory, an interrupt). */
bool verify_is_finding(enum err err);

/* config, slots, snapshots, index objects, generations, records, packs: all there, all of the right size, signed by who may. */
enum err verify_structure(struct verify *verify);
/* What the ledger of this machine knows that the target held is there, or a record says why not. */
enum err verify_known(struct verify *verify);
/* Trees of all snapshots: every node readable, every chunk in the index, its pack there. */
enum err verify_trees(struct verify *verify);
/* Finds out which snapshots and files the findings touch. */
enum err verify_touches(struct verify *verify);
/* Reads packs, those first that were read longest ago, until the budget is used. */
enum err verify_read_packs(struct verify *verify);

/* ---- when each pack was read ---- */

/* Fills in the times of the packs. A list that is damaged or not there means that none was ever read. */
enum err verify_ledger_load(struct verify *verify);
enum err verify_ledger_save(struct verify *verify);

/* ---- which packs the next backup must not rely on ---- */

/* Of a pack that could not be opened, which damage it is; PACK_WHOLE where that is not known, because nothing of the place can be read. Reads
 * it. Forgets the last failure. */
enum pack_damage verify_bad_look(struct verify *verify, const struct verify_pack *pack);
/* Whether what was found good by this run is all that the damage is about. */
bool verify_bad_cleared(const struct verify_pack *pack, enum pack_damage damage);
/* Fills in the damage of the packs. Of a list that is damaged only a warning says so. */
void verify_bad_load(struct verify *verify);
/* What another run remembered meanwhile stays. */
enum err verify_bad_save(const struct verify *verify);

#endif
