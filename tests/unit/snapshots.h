/* Keys and snapshots for the tests of snapshots. */
#ifndef PULIH_TESTS_SNAPSHOTS_H
#define PULIH_TESTS_SNAPSHOTS_H

#include "core/repo/snapshot.h"

extern const uint8_t snapshots_repository[REPOSITORY_ID_SIZE];
extern struct keys *snapshots_full;   /* domain "host" */
extern struct keys *snapshots_backup; /* a writer of domain "host" */
extern struct keys *snapshots_other;  /* the full key, writing to domain "other" */
extern struct writer snapshots_writer;

/* Group fixtures of cmocka: make and free the keys. */
int snapshots_up(void **state);
int snapshots_down(void **state);

/* A snapshot in which every member has another value. */
struct snapshot snapshots_sample(int64_t started);
void assert_summary_equal(const struct snapshot *a, const struct snapshot *b);
void assert_content_equal(const struct snapshot *a, const struct snapshot *b);

#endif
