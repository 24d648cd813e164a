/* What this machine knows against what a target holds: a target that was rolled back, pruned by somebody else or tampered with is noticed by the
 * very machine that made what is missing. */
#ifndef PULIH_RECORD_RECORD_COMPARE_H
#define PULIH_RECORD_RECORD_COMPARE_H

#include "core/record/record_chain.h"
#include "core/repo/repository.h"

struct record_compare_result {
	uint64_t records, snapshots; /* that the target must hold, and were looked for */
	uint64_t unsent;	     /* records that the target was never known to hold, and does not hold */
	uint64_t others;	     /* records of other machines on the target; only of record_compare_all, as */
	uint64_t elsewhere;	     /* snapshots that were made at another place of the repository, and are not here */
	uint64_t findings;
};

/* The cheap part, from two listings: what the target is known to have held is there, or a record explains why not. `remember`: snapshots of
 * this machine that the target holds now are known from now on. ERR_OK, whatever was found; anything else ended it. */
enum err record_compare_known(struct record_ledger *ledger, struct repository *repository, bool remember,
    record_on_finding on_finding, void *context, struct record_compare_result *result);

/* Besides: snapshots that records say this target holds; record objects on the target are read and compared with the ledger, the `newest`
 * by their names, or with 0 every one; every record of this repository was signed by one of its writers. Needs keys. */
enum err record_compare_all(struct record_ledger *ledger, struct repository *repository, size_t newest,
    record_on_finding on_finding, void *context, struct record_compare_result *result);

#endif
