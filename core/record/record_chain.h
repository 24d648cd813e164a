/* Whether the ledger of this machine is what it was: every record signed, whole, and in its place. */
#ifndef PULIH_RECORD_RECORD_CHAIN_H
#define PULIH_RECORD_RECORD_CHAIN_H

#include "core/record/record_ledger.h"

/* What is wrong, in the order in which it is found; failure_last() says what. Texts are borrowed during the call. */
enum record_finding_kind {
	RECORD_FINDING_LEDGER,	   /* the ledger here: its file, or a record */
	RECORD_FINDING_MISSING,	   /* a record that the target held, and lacks now */
	RECORD_FINDING_FORGOTTEN,  /* the same of a snapshot, and no record says why */
	RECORD_FINDING_DIFFERENT,  /* a record on the target that is another one than here */
	RECORD_FINDING_UNKNOWN,	   /* a record of this machine on the target that the ledger here lacks */
	RECORD_FINDING_UNREADABLE, /* an object on the target that is no sound record */
};
struct record_finding {
	enum record_finding_kind kind;
	const char *object;  /* as in the repository: "records/<id>"; of the ledger: "record 7", "ledger" */
	const char *id;	     /* of the record; "" where it has none */
	const uint8_t *hash; /* UNKNOWN: of the record; FORGOTTEN: id of the snapshot; else NULL */
};
typedef void (*record_on_finding)(void *context, const struct record_finding *finding);

struct record_chain_result {
	uint64_t records, signed_records, findings;
	int64_t first, last; /* times of the oldest and the newest record; 0 for none */
};
/* Reads all of it. ERR_OK, whatever was found: see `findings`; anything else ended the walk. */
enum err record_chain_check(
    struct record_ledger *ledger, record_on_finding on_finding, void *context, struct record_chain_result *result);

#endif
