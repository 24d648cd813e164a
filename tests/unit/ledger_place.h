/* A ledger and a target in memory, whose runs are runs of the repository there. Each function ends the test where something is wrong. */
#ifndef PULIH_TESTS_LEDGER_PLACE_H
#define PULIH_TESTS_LEDGER_PLACE_H

#include "core/record/record_compare.h"
#include "core/repo/object.h"
#include "tests/unit/ledger_samples.h"
#include "tests/unit/repo_fixture.h"

extern struct fixture ledger_place_fixture;
extern struct keys *ledger_place_own_keys; /* ledger_samples' own, put back at the end */
/* Set-up and teardown of cmocka. */
int ledger_place_enter(void **state);
int ledger_place_leave(void **state);

struct target *ledger_place_target(void);
struct record_ledger *ledger_place_open(void);
enum err ledger_place_send(uint64_t *sent);
/* An object of that name; snapshots are only looked for by their names here. */
struct object_name ledger_place_snapshot(uint8_t filled);
/* All of the ledger, or only what it knows of the target. */
struct ledger_findings ledger_place_compare(bool all, struct record_compare_result *result);
void assert_ledger_clean(bool all);
void assert_ledger_finds(bool all, size_t count, const char *words);

#endif
