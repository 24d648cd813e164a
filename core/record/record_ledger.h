/* The ledger of this machine: the records of its runs, one behind the other, each with the hash of the one before.
 *
 *   <state>/records/<run id>.json  the signed originals; never changed, never removed
 *   <state>/records/last	    JSON: number, id and hash of the last one, and the id of one that is being written
 *   <state>/records/lock	    flock: one writer at a time, whatever the job
 *
 * Crash story: `last` first says which record is about to be written, then the record is written, then `last` names it. After a crash
 * between, the next writer finds the announced record, sees whether it continues the chain, and takes it for the last one. Where `last` is
 * damaged or gone, the sound record with the highest number is the last one; where the announced record is damaged, it is passed over. Both
 * are warned of. */
#ifndef PULIH_RECORD_RECORD_LEDGER_H
#define PULIH_RECORD_RECORD_LEDGER_H

#include "core/record/record.h"

/* Numbers, chains, signs (keys NULL: unsigned) and stores the record; the signed original is appended to `original`. A record of that id
 * that is there already is PL_RECORD_EXISTS (ERR_EXISTS). PL_RECORD_BROKEN (ERR_CORRUPT) where the announced record belongs to another chain. */
enum err record_ledger_append(
    const char *state_folder, const struct record *record, const struct keys *keys, struct buffer *original);

/* The original of a run; PL_RECORD_MISSING (ERR_MISSING). `run_id` "latest": the last one. */
enum err record_ledger_load(const char *state_folder, const char *run_id, struct buffer *original);
/* Whether there is a record of that run. */
bool record_ledger_has(const char *state_folder, const char *run_id);

/* All of them, ascending by number; a file that is no sound record is warned of by name and left out. Released with
 * record_ledger_list_free. No ledger at all is an empty list. */
struct record_list {
	struct record_original *items;
	size_t count;
	size_t damaged;
};
enum err record_ledger_list(struct record_list *out, const char *state_folder);
void record_ledger_list_free(struct record_list *list);

#endif
