/* Forgetting: snapshots that a policy does not keep are taken out of a repository. What they alone needed stays until it is pruned.
 *
 * Crash story: the record that names what is forgotten is in the ledger before the first snapshot goes, so that none is ever missed without
 * an explanation. One that is named and still there is forgotten by the next one. */
#ifndef PULIH_SCHEDULER_FORGET_H
#define PULIH_SCHEDULER_FORGET_H

#include "core/record/record.h"
#include "core/repo/repository.h"
#include "scheduler/retention.h"

struct forget_options {
	struct retention retention;
	struct snapshot_filter filter;
	const char *state_folder;
	const char *target_name;		   /* for the record; "" where it has none */
	const struct configuration *configuration; /* for the record; NULL: there is none */
	const uint8_t *made; /* id of a snapshot that is kept whatever the clock says of its age; may be NULL */
	bool dry_run;
	/* Called for each snapshot, group by group, newest first. May be NULL. */
	void (*on_choice)(void *context, const struct retention_choice *choice);
	void *context;
};
struct forget_result {
	uint64_t kept, forgotten;
	char record[RECORD_ID_SIZE]; /* "" where nothing was forgotten */
};

/* Needs a full key: PL_KEY_FULL (ERR_KEY). PL_KEEP_NOTHING (ERR_USAGE) for a policy without rules. */
enum err forget_run(struct repository *repository, const struct forget_options *options, struct forget_result *result);

#endif
