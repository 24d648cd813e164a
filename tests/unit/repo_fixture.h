/* A repository with one snapshot, for the tests of restore and verify: entries and contents of the test's choice, stored through the real
 * packs, tree, index and snapshot. */
#ifndef PULIH_TESTS_REPO_FIXTURE_H
#define PULIH_TESTS_REPO_FIXTURE_H

#include "core/repo/index.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"
#include "core/repo/repository.h"
#include "core/repo/snapshot.h"

struct fixture_entry;
struct fixture_pack;

struct fixture {
	struct repository repository;
	char folder[64]; /* a temporary folder of the test; state is below it */
	struct fixture_entry *entries;
	size_t count, capacity;
	struct snapshot snapshot; /* after fixture_store */
	uint64_t next_inode;
	/* while storing */
	struct fixture_pack *open[3]; /* by pack type */
	struct index_pack *packs;
	size_t packs_count;
};

/* A repository in memory. Fails the test where anything goes wrong, as do all of these. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* An entry with the usual values: owner of this process, mode 0644 or 0755, a fixed time, an inode of its own. */
struct entry fixture_entry_of(const char *path, uint8_t type);
/* Copies the entry and its content, which is cut into chunks of `chunk` bytes. size, content and segments of the entry are set from it
 * (where the entry is sparse, its segments are the caller's). */
void fixture_add(struct fixture *fixture, const struct entry *entry, const void *content, size_t size, size_t chunk);
void fixture_file(struct fixture *fixture, const char *path, const char *content);
void fixture_folder(struct fixture *fixture, const char *path);
void fixture_symlink(struct fixture *fixture, const char *path, const char *target);
/* Sorts, stores, publishes. The entries stay for comparisons and for the next snapshot; chunks are stored once. */
void fixture_store(struct fixture *fixture);
/* What was stored so far is stored again by the next fixture_store(). */
void fixture_forget_packs(struct fixture *fixture);
/* The names of all packs (of that type; 0: any), newest last, at most `max`. */
size_t fixture_packs(const struct fixture *fixture, uint8_t type, struct object_name *out, size_t max);

/* Compares everything below `folder` with the entries: nothing missing, nothing else, content and metadata the same. */
void fixture_assert_restored(const struct fixture *fixture, const char *folder);

#endif
