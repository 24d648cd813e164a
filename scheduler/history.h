/* What the ledger tells of a job without being read as a whole: its last run, and its last good backup. */
#ifndef PULIH_SCHEDULER_HISTORY_H
#define PULIH_SCHEDULER_HISTORY_H

#include "core/record/record_ledger.h"

#define HISTORY_UNKNOWN INT64_MIN /* of any number here */

/* Times in ns since 1970. */
struct history {
	/* the last run; "" where there is none */
	char id[RECORD_ID_SIZE], trigger[16], failure[FAILURE_TEXT];
	char bad_check[FAILURE_TEXT]; /* what the first of its checks that is not good found; "" where all are good */
	char result[24];	      /* "success", "success_with_notes", "failed" */
	int64_t started, ended, duration;
	int64_t source_bytes, stored_bytes; /* the source, and what was written for it */
	/* the last run that made a backup, with notes or without */
	int64_t good_started, good_ended;
	/* when the pack of its repository was read, or written, that was read longest ago, as the last run saw it, else the last good one */
	int64_t unread_since;
	size_t damaged; /* records that were met and are none; each was warned of */
};

enum err history_of_job(struct record_ledger *ledger, const char *job, struct history *out);

#endif
