/* What the files of the comparison share. */
#ifndef PULIH_RECORD_RECORD_COMPARE_INTERNAL_H
#define PULIH_RECORD_RECORD_COMPARE_INTERNAL_H

#include "core/record/record_compare.h"
#include "core/record/record_explained.h"
#include "core/repo/object.h"

struct record_compare {
	struct record_ledger *ledger;
	struct repository *repository;
	record_on_finding on_finding;
	void *context;
	struct record_compare_result *result;
	int64_t place;		 /* 0: this target is new to the ledger */
	struct buffer records;	 /* ids on the target, each RECORD_ID_SIZE bytes, sorted */
	struct buffer snapshots; /* ids on the target, each OBJECT_ID_SIZE bytes, sorted */
	struct record_explained explained;
	bool explained_loaded;
};

/* Lists the target, finds the place. */
enum err record_compare_open(struct record_compare *compare, bool create);
void record_compare_close(struct record_compare *compare);

bool record_compare_has_record(const struct record_compare *compare, const char *id);
bool record_compare_has_snapshot(const struct record_compare *compare, const uint8_t id[OBJECT_ID_SIZE]);
/* Whether forget records and corrections explain it. */
enum err record_compare_explained_snapshot(
    struct record_compare *compare, const uint8_t id[OBJECT_ID_SIZE], bool *explained);
enum err record_compare_explained_record(
    struct record_compare *compare, const uint8_t hash[HASH_SIZE], bool *explained);
/* Tells a finding; failure_last() says what. */
void record_compare_found(struct record_compare *compare, enum record_finding_kind kind, const char *object,
    const char *id, const uint8_t *hash);
/* What the target held, and lacks now: looked for once more, by its name, before it is told. */
enum err record_compare_missing_snapshot(
    struct record_compare *compare, const char *record, const uint8_t id[OBJECT_ID_SIZE]);

/* The cheap part. */
enum err record_compare_held(struct record_compare *compare, bool remember);

#endif
