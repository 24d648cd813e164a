/* The ledger of a machine that was lost, made anew from the record objects of a target. */
#ifndef PULIH_RECORD_RECORD_REBUILD_H
#define PULIH_RECORD_RECORD_REBUILD_H

#include "core/record/record_ledger.h"
#include "core/repo/repository.h"

struct record_rebuild_result {
	uint64_t records; /* in the ledger now */
	uint64_t others;  /* sound records on the target that belong to other machines */
	uint64_t damaged; /* objects that are no sound record; each was warned of */
	uint64_t foreign; /* of other domains: this key does not read them */
	char last[RECORD_ID_SIZE];
};

/* Reads every record of the target, checks signatures and the chain from the first record to the last, and puts them into the ledger of the
 * state folder. `chain`: the id of a record of the machine that is meant, or NULL where the target holds records of one only.
 * PL_LEDGER_EXISTS where there is a ledger already; PL_LEDGER_NONE where the target holds no records, or of several machines;
 * PL_LEDGER_CHAIN (ERR_CORRUPT) where one is missing: nothing is made then.
 *
 * Crash story: what is read is kept in <state>/rebuild.sqlite, which the next attempt throws away; the ledger gets all in one transaction. */
enum err record_rebuild(
    const char *state_folder, struct repository *repository, const char *chain, struct record_rebuild_result *result);

#endif
