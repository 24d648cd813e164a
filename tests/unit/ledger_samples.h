/* Keys, records and ledgers for tests; everything lies in a temporary folder. */
#ifndef PULIH_TESTS_LEDGER_SAMPLES_H
#define PULIH_TESTS_LEDGER_SAMPLES_H

#include "core/record/record_chain.h"

extern char ledger_folder[64]; /* the state folder */
extern struct keys *ledger_keys;
/* Set-up and teardown of cmocka. */
int ledger_enter(void **state);
int ledger_leave(void **state);

/* The record of a run: `day` of November 2026, snapshot id all `snapshot` (0: none). */
struct record ledger_sample(const char *id, const char *job, int day, uint8_t snapshot);
/* Appends it; fails the test where that does not work. */
void ledger_run(const char *id, const char *job, int day, uint8_t snapshot);
/* Runs r-1 … r-<count> of the job "website", one a day. */
void ledger_runs(int count);
void ledger_review(const char *id, const char *about, const char *decision);
/* SQL on the ledger's file, by another program, with all triggers removed first unless `guarded`. Returns SQLite's code. */
int ledger_edit(bool guarded, const char *sql);
/* The signed original of a record; released with buffer_free. */
struct buffer ledger_original(const char *id);

/* Everything that a check finds, as lines "kind object text". */
struct ledger_findings {
	char text[4096];
	size_t count;
};
void ledger_on_finding(void *context, const struct record_finding *finding);
/* The chain as it is now. */
struct ledger_findings ledger_chain(void);

#endif
