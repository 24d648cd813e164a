/* Verification: three tiers (repository.md section 9), with a budget, resumable.
 *
 * The state folder remembers when each pack was last read and found good; a budgeted run takes the oldest first. */
#ifndef PULIH_RESTORE_VERIFY_H
#define PULIH_RESTORE_VERIFY_H

#include "core/repo/repository.h"

enum verify_tier { VERIFY_STRUCTURE, VERIFY_STORED, VERIFY_CONTENT };

/* One finding: which object, what is wrong, what it touches. */
struct verify_finding {
	const char *object; /* name in the repository */
	const struct failure *failure;
	const char
	    *touches; /* "3 snapshots, 17 files"; "no snapshot" of a pack that none needs; "" where that is not known */
};
typedef void (*verify_on_finding)(void *context, const struct verify_finding *finding);

struct verify_options {
	enum verify_tier tier;
	uint64_t budget; /* bytes to read; 0: everything */
	unsigned threads;
	const char *
	    state_folder; /* of this machine, with its ledger: what that knows of the target must be there. NULL: not asked */
	verify_on_finding on_finding;
	void *context;
};

struct verify_result {
	uint64_t snapshots, packs, packs_read, bytes_read, chunks, entries;
	uint64_t findings;
	int64_t oldest_unread;	/* when the pack that was read longest ago was read (ns), 0: one was never read */
	int64_t started, ended; /* by the clock on the wall, which may jump */
	int64_t duration;	/* ns, whatever that clock did */
};

/* ERR_OK: clean. ERR_CORRUPT: findings. structure also runs, first, for the tiers above it (with what the key allows). */
enum err verify_run(struct repository *repository, const struct verify_options *options, struct verify_result *result);

/* How long nobody has read what the target holds. */
struct verify_age {
	uint64_t packs;
	uint64_t never;	  /* of them: read when they were written, and not again since */
	uint64_t damaged; /* of them: verify read them and found them damaged, and not good since */
	int64_t since; /* when the pack was last read that was read longest ago (ns since 1970); 0: there is no pack */
};
/* From a listing and the list in the state folder: reads no pack, needs no key. */
enum err verify_age_of(struct repository *repository, struct verify_age *out);

#endif
