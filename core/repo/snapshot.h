/* Snapshots: one object per backup.
 *
 *   header: "PULIHSNP" (8), u16 version 1, u8 suite, u8 0, u32 flags 0, repository id (16), domain tag (16), writer id (16), u32 length of
 *     the summary box, u32 length of the content box
 *   summary: box (purpose "summary", secret = the domain's summary key, associated = header): JSON that a backup key of the domain can read
 *   content: public box (purpose "content", associated = header): JSON with root, sources, tags: only a full key can read it
 *   Ed25519 signature of the writer (64) over SHA-256 of all that precedes
 * The id (and name) is the SHA-256 of the whole object.
 *
 * summary: {"host":text, "job":text, "tool":text, "started":n, "ended":n, "previous":hex, "generation":n, "partial":bool,
 *   "totals":{each member of struct snapshot_totals:n}}
 * content: {"root":{"id":hex, "length":n, "levels":n, "entries":n}, "paths":[text, …], "tags":[text, …]}
 * n is an integer below 2^63; times are ns since 1970 and may be negative. A text is a string, or where its bytes are not UTF-8 the object
 * {"hex":"…"} of its bytes; it never holds NUL. No member stands twice. A reader passes over members that it does not know, but refuses
 * (PL_FORMAT_VERSION) those whose name starts with '!': they mean that the rest cannot be understood without them. */
#ifndef PULIH_REPO_SNAPSHOT_H
#define PULIH_REPO_SNAPSHOT_H

#include "core/repo/keys.h"
#include "core/repo/target.h"
#include "core/repo/tree.h"

/* Counters and totals of a run. */
struct snapshot_totals {
	uint64_t files, folders, others; /* entries; others: links, devices, … */
	uint64_t bytes;			 /* of all files, holes not counted */
	uint64_t new_files, changed_files, unchanged_files;
	uint64_t unreadable, changed_while_read, vanished;
	uint64_t bytes_read;   /* from the source */
	uint64_t bytes_new;    /* raw bytes of chunks that were not there before */
	uint64_t bytes_stored; /* bytes written to the target: packs, index, snapshot */
	uint64_t chunks, chunks_new;
	uint64_t packs_new;
};

/* Starts as {0}; released with snapshot_free (strings and arrays are owned). */
struct snapshot {
	uint8_t id[OBJECT_ID_SIZE]; /* set by encode and decode */
	uint8_t domain[DOMAIN_TAG_SIZE];
	uint8_t writer[WRITER_ID_SIZE];
	/* summary */
	char *host, *job;		  /* job "" for an ad-hoc backup */
	char *tool;			  /* "pulih 0.1.0" */
	int64_t started, ended;		  /* ns since 1970, by the writer's clock */
	uint8_t previous[OBJECT_ID_SIZE]; /* the snapshot that it continues, zero for none */
	uint64_t generation;		  /* newest generation seen */
	bool partial;			  /* something could not be read, or changed while it was read */
	struct snapshot_totals totals;
	/* content: only with a full key, has_content says so */
	bool has_content;
	struct tree_root root;
	char **paths; /* sources as given */
	size_t paths_count;
	char **tags;
	size_t tags_count;
	int64_t arrived; /* by the target's clock; set by snapshot_load and _list */
};

/* Leaves {0}. */
void snapshot_free(struct snapshot *snapshot);
/* The bytes are copied, whatever they are. ERR_NOMEM. */
enum err snapshot_add_path(struct snapshot *snapshot, const char *path);
enum err snapshot_add_tag(struct snapshot *snapshot, const char *tag);

/* Seals and signs with the domain and the signer of the keys; `bytes` is replaced, snapshot->id, domain and writer set. Strings that are NULL
 * are written as "". PL_SNAPSHOT_LIMIT (ERR_LIMIT) for what exceeds limits.h or is not below 2^63. */
enum err snapshot_encode(struct snapshot *snapshot, const struct keys *keys, struct buffer *bytes);
/* Checks name, header, signature, boxes; fills *out, {0} on failure. With a backup key the content stays shut (has_content false), and a
 * snapshot of another domain is PL_KEY_DOMAIN (ERR_KEY). Snapshots of writers that were revoked later stay readable. PL_SNAPSHOT_BROKEN,
 * PL_SIGNATURE, PL_WRITER_UNKNOWN, PL_SEAL_BROKEN (all ERR_CORRUPT), PL_FORMAT_VERSION, PL_SUITE (ERR_UNSUPPORTED). */
enum err snapshot_decode(
    struct snapshot *out, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE], const void *bytes, size_t size);

enum err snapshot_load(
    struct snapshot *out, struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE]);

/* An object that could not be read: nobody knows what it holds. */
struct snapshot_damaged {
	uint8_t id[OBJECT_ID_SIZE];
	int64_t arrived;
	bool
	    foreign; /* its bytes are those of its name: forged, or of another repository, and no snapshot that was damaged */
};
struct snapshot_list {
	struct snapshot *items; /* ascending by start time, then id */
	size_t count;
	struct snapshot_damaged *damaged_items; /* each was warned of by name */
	size_t damaged;
};
/* All snapshots of the target that these keys may read: those of other domains, and those that go while they are listed, are left out
 * without a word. Released with snapshot_list_free, {0} on failure. */
enum err snapshot_list_load(struct snapshot_list *out, struct target *target, const struct keys *keys);
void snapshot_list_free(struct snapshot_list *list);

/* Filters: NULL members match everything. Tags and paths match as a whole, and nothing where the content is shut. */
struct snapshot_filter {
	const char *host, *job, *tag, *path;
};
bool snapshot_matches(const struct snapshot *snapshot, const struct snapshot_filter *filter);
#define SNAPSHOT_LATEST "latest"
/* `spec` is "latest" or a prefix of an id (at least 4 digits), among those that match `filter` (may be NULL); *out is borrowed from the list.
 * PL_SNAPSHOT_MISSING (ERR_MISSING), PL_SNAPSHOT_AMBIGUOUS (ERR_USAGE), PL_SNAPSHOT_BROKEN (ERR_CORRUPT): a damaged one is what was asked
 * for, or may be: one that arrived after what else is the latest. Where other snapshots of the latest one's host come from another domain,
 * PL_SNAPSHOT_DOMAINS is warned of: one of the two is not what it calls itself. The latest is the one with the last start time among those
 * that no other one of their domain continues, over any number of steps and also over such as do not match; PL_SNAPSHOT_FUTURE is warned of
 * where that time is more than an hour ahead. ERR_NOMEM. */
enum err snapshot_resolve(const struct snapshot_list *list, const char *spec, const struct snapshot_filter *filter,
    const struct snapshot **out);

#endif
