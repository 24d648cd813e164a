/* Who signed what no compared target can vouch for. */
#ifndef PULIH_RECORD_RECORD_STRANGERS_H
#define PULIH_RECORD_RECORD_STRANGERS_H

#include "core/base/buffer.h"
#include "core/record/record_chain.h"

struct record_strangers_result {
	uint64_t
	    unchecked; /* records of repositories that were not compared with: the list of their writers is there only */
	uint64_t findings;
};
/* `compared`: ids of the repositories that were compared with, REPOSITORY_ID_SIZE bytes each. `all`: no other one is in use. Then a review of
 * another repository about a record of a compared one is a finding: nobody reviews with a key that no target in use knows. */
enum err record_strangers(struct record_ledger *ledger, const struct buffer *compared, bool all,
    record_on_finding on_finding, void *context, struct record_strangers_result *result);

#endif
