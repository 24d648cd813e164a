/* A dump of databases in a snapshot: reading it through, comparing it with another. */
#ifndef PULIH_RESTORE_DUMP_H
#define PULIH_RESTORE_DUMP_H

#include "restore/dump_digest.h"
#include "restore/restore.h"

/* A file of a snapshot; outlives the reader that it was found with. Starts as {0}; released with dump_free. */
struct dump {
	struct restore_entry *entry;
	char *path; /* in the snapshot */
	uint64_t size;
};
/* PL_SNAPSHOT_PATH (ERR_MISSING), PL_NOT_A_FILE. */
enum err dump_find(struct dump *out, struct restore_view *view, const struct snapshot *snapshot, const char *path);
void dump_free(struct dump *dump);
/* All of it, piece by piece: as restore_content_read. */
enum err dump_read(const struct dump *dump, struct restore_view *view, restore_content_use use, void *context);
/* What kind of dump it is, by its beginning. */
enum err dump_kind_of(const struct dump *dump, struct restore_view *view, enum dump_kind *out);
/* Reads it to its end, so that what is damaged, or broke off, is known before anything is done with it. PL_DUMP_UNKNOWN where it is no dump
 * that is known here, PL_DUMP_INCOMPLETE where its end mark is missing. */
enum err dump_examine(const struct dump *dump, struct restore_view *view, struct dump_digest **out);

#endif
