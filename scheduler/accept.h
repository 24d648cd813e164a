/* What a person answers for: findings of the comparison with a target that cannot be put right, because what is missing is gone. */
#ifndef PULIH_SCHEDULER_ACCEPT_H
#define PULIH_SCHEDULER_ACCEPT_H

#include "conf/configuration.h"
#include "core/record/record_compare.h"
#include "core/repo/repository.h"

struct accept_options {
	const struct configuration *configuration;
	const char *state_folder;
	struct repository *repository; /* open */
	const char *target;	       /* its name for people */
	const char *by;		       /* id of a person; NULL: whose Unix user calls */
	const char *note;
	record_on_finding on_finding; /* told of what cannot be answered for: records here or there that were changed */
	void *context;
};
struct accept_result {
	char id[RECORD_ID_SIZE];
	uint64_t snapshots; /* that are missing, and answered for */
	uint64_t records;   /* of this machine that the ledger lacks, and answered for */
	uint64_t restored;  /* that were missing, and are stored again */
	uint64_t remaining; /* findings that cannot be answered for */
	bool stored;	    /* the target has the record of this */
	char warning[256];  /* root acted as somebody else; "" for none */
};

/* Compares the target with the ledger, and adds a correction (record_correction.h) about all that is missing or unknown there; records that are
 * missing are stored again. PL_REVIEW_PERSON, PL_OPTION_VALUE (ERR_USAGE), PL_REVIEW_REFUSED (ERR_DENIED), PL_LEDGER_NOTHING (ERR_EXISTS) where there is
 * nothing to answer for. */
enum err accept_make(const struct accept_options *options, struct accept_result *result);

#endif
