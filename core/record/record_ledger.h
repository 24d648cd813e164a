/* The ledger of this machine: every record that it made, one behind the other, each with the hash of the one before.
 *
 *   <state>/ledger.sqlite   table record: a row for each record, with its signed original as it is; beside it what lists are looked up by.
 *                           Rows are added behind the last one, never changed, never removed: triggers refuse it.
 *                           Tables place, held: what targets are known to hold, see record_ledger_hold.
 *
 * Crash story: number, hash of the one before, signature and row come into being in one transaction, so that a record is there, whole and in
 * its place in the chain, or not at all; and no two processes can give the same number. */
#ifndef PULIH_RECORD_RECORD_LEDGER_H
#define PULIH_RECORD_RECORD_LEDGER_H

#include "core/record/record_heading.h"
#include "core/repo/target.h"

struct record_ledger; /* used by one thread at a time */

/* `create`: makes the ledger where there is none; otherwise one that is not there is empty. Errors of database.h. */
enum err record_ledger_open(struct record_ledger **out, const char *state_folder, bool create);
/* record_ledger_close(NULL) does nothing. */
void record_ledger_close(struct record_ledger *ledger);
/* The same behind one run: numbers, chains, signs (keys NULL: unsigned) and stores the record; the signed original is appended to
 * `original`. A record of that id that is there already is PL_RECORD_EXISTS (ERR_EXISTS). */
enum err record_ledger_append(
    const char *state_folder, const struct record *record, const struct keys *keys, struct buffer *original);

/* The same for a record of any kind; "number" and "previous" of the object are set here. */
enum err record_ledger_add(
    struct record_ledger *ledger, json_t *record, const struct keys *keys, struct buffer *original);

/* Several steps as one: what is read between the two stays so until the commit, and nothing of what is added remains without it. The
 * rollback keeps this thread's last failure. */
enum err record_ledger_begin(struct record_ledger *ledger);
enum err record_ledger_commit(struct record_ledger *ledger);
void record_ledger_rollback(struct record_ledger *ledger);
/* record_ledger_add in between. */
enum err record_ledger_add_within(
    struct record_ledger *ledger, json_t *record, const struct keys *keys, struct buffer *original);
/* Originals that were made earlier, ascending. PL_RECORD_BROKEN where one does not continue the chain. */
enum err record_ledger_add_original(struct record_ledger *ledger, const void *bytes, size_t size);

/* The original of a record, appended; PL_RECORD_MISSING (ERR_MISSING). "latest": that of the last run. */
enum err record_ledger_load(const char *state_folder, const char *id, struct buffer *original);
enum err record_ledger_get(struct record_ledger *ledger, const char *id, struct buffer *original);
/* Whether there is a record of that id; false also where the ledger cannot be read. */
bool record_ledger_has(const char *state_folder, const char *id);
/* How many records there are: the number of the last one. */
enum err record_ledger_count(struct record_ledger *ledger, uint64_t *count);
/* The number of the record of that id; 0: there is none. */
enum err record_ledger_find(struct record_ledger *ledger, const char *id, uint64_t *number);
/* *found: a record with that hash is there. */
enum err record_ledger_find_hash(struct record_ledger *ledger, const uint8_t hash[HASH_SIZE], bool *found);

/* Borrowed during the visit. */
struct record_row {
	const struct record_heading *heading;
	const struct record_original *original;
	const void *bytes; /* the signed original */
	size_t size;
};
/* Returns ERR_OK to go on; anything else ends the walk with that result. May look things up in the same ledger, and may not add. */
typedef enum err (*record_visit)(void *context, const struct record_row *row);
struct record_filter { /* {0}: all */
	const char *kind, *job, *about, *status;
	uint64_t above, below; /* above < number < below; below 0: without end */
	int64_t from, to;      /* from ≤ time < to, ns since 1970; to 0: without end */
	bool reports;	       /* runs and restore drills: what people review */
	bool waiting;	       /* those without a review, or with a last one that sent them back */
	uint64_t first, last;  /* only the first or the last so many; 0: all */
	bool quiet;	       /* does not warn of damaged records: somebody else does */
	size_t *damaged;       /* adds those that are damaged; the walk does not fail for them then */
};
/* Records by number. Only those that the filter lets through are read; each is checked (signature, hash, and that what it was looked up
 * by is what it says). One that fails is warned of by name and left out, and the walk ends with PL_RECORD_BROKEN (ERR_CORRUPT). */
enum err record_ledger_each(
    struct record_ledger *ledger, const struct record_filter *filter, record_visit visit, void *context);

/* ---- what targets hold: this machine's own memory ---- */

enum record_held { RECORD_HELD_OBJECT, RECORD_HELD_SNAPSHOT };
/* The number of a place (target_place) of a repository; one that is new gets a number with `create`, else 0. */
enum err record_ledger_place(struct record_ledger *ledger, const uint8_t repository[REPOSITORY_ID_SIZE],
    const char *place, bool create, int64_t *out);
/* Remembers that the place held the object of record `number`, or the snapshot that it names. To be asked again is fine. */
enum err record_ledger_hold(struct record_ledger *ledger, int64_t place, uint64_t number, enum record_held what);
/* The same of the record of that id; false where there is none. */
enum err record_ledger_is_held(
    struct record_ledger *ledger, int64_t place, const char *id, enum record_held what, bool *held);
/* The first record above `after` that the place is not known to hold, 0 for none; the original replaces `original`. */
enum err record_ledger_next_unsent(struct record_ledger *ledger, int64_t place, uint64_t after, uint64_t *number,
    char id[RECORD_ID_SIZE], struct buffer *original);
struct record_held_row {
	uint64_t number;
	const char *id;		 /* of the record */
	const uint8_t *snapshot; /* only with snapshots */
	bool held;
};
typedef enum err (*record_visit_held)(void *context, const struct record_held_row *row);
/* Every record, or every record with a snapshot in that repository, and whether the place is known to have held it; by number. A visit may
 * look things up in the same ledger, and may not add. */
enum err record_ledger_each_held(struct record_ledger *ledger, const uint8_t repository[REPOSITORY_ID_SIZE],
    int64_t place, enum record_held what, record_visit_held visit, void *context);

#endif
