/* What forget records and corrections explain about a place: reading them once, then asking. */
#ifndef PULIH_RECORD_RECORD_EXPLAINED_H
#define PULIH_RECORD_RECORD_EXPLAINED_H

#include "core/base/buffer.h"
#include "core/record/record_ledger.h"

/* Starts as {0}; released with record_explained_free. */
struct record_explained {
	struct buffer snapshots, records; /* ids and hashes of 32 bytes, sorted */
};
/* Only what a writer of the repository signed explains anything. */
enum err record_explained_load(
    struct record_explained *out, struct record_ledger *ledger, const struct keys *keys, const char *place);
void record_explained_free(struct record_explained *explained);
bool record_explained_snapshot(const struct record_explained *explained, const uint8_t id[OBJECT_ID_SIZE]);
bool record_explained_record(const struct record_explained *explained, const uint8_t hash[HASH_SIZE]);

#endif
