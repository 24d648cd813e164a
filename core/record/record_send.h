/* Records on their way to targets. Every record of this machine goes to every target that it opens, whatever repository the record is about:
 * each target alone can give the whole chain back. */
#ifndef PULIH_RECORD_RECORD_SEND_H
#define PULIH_RECORD_RECORD_SEND_H

#include "core/record/record_ledger.h"
#include "core/repo/repository.h"

/* Stores what the target is not known to hold, oldest first, so that it holds the chain without gaps; *sent (may be NULL) counts them. What
 * cannot be stored ends it, and is tried again at the next occasion. An object of that name that is there already must be the same record:
 * otherwise it is warned of and passed over (PL_LEDGER_DIFFERS), and the rest is sent.
 *
 * Crash story: a record counts as held only after the target has it. One that was stored and not yet counted is found to be there. */
enum err record_send(struct record_ledger *ledger, struct repository *repository, uint64_t *sent);

#endif
