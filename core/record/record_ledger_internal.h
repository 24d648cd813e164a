/* What the files of the ledger share. */
#ifndef PULIH_RECORD_RECORD_LEDGER_INTERNAL_H
#define PULIH_RECORD_RECORD_LEDGER_INTERNAL_H

#include "core/base/database.h"
#include "core/base/mem.h"
#include "core/record/record_ledger.h"

#define RECORD_LEDGER_FILE "ledger.sqlite"

struct record_ledger {
	char *state_folder;
	struct database *database; /* NULL: there is no ledger, and none was to be made */
};

/* The record of a row, checked against all that stands beside it in the row. `query` gives the columns of RECORD_LEDGER_COLUMNS. What
 * *original, *heading and bytes hold lasts until the query goes on; *original is released by the caller, also on failure. */
#define RECORD_LEDGER_COLUMNS \
	"number, id, kind, job, about, status, time, repository, snapshot, previous, hash, original"
struct record_ledger_row {
	struct record_original original;
	struct record_heading heading;
	const void *bytes;
	size_t size;
};
enum err record_ledger_read_row(struct database_query *query, struct record_ledger_row *out);

#endif
