/* The JSON inside a snapshot: snapshot_json.c writes and reads it, snapshot_object.c seals and opens it. */
#ifndef PULIH_REPO_SNAPSHOT_INTERNAL_H
#define PULIH_REPO_SNAPSHOT_INTERNAL_H

#include "core/base/buffer.h"
#include "core/repo/snapshot.h"

/* PL_SNAPSHOT_BROKEN; snapshot_decode says which one. */
enum err snapshot_broken(const char *what);

/* Appended to `out`. */
enum err snapshot_write_summary(const struct snapshot *snapshot, struct buffer *out);
enum err snapshot_write_content(const struct snapshot *snapshot, struct buffer *out);
/* What was read before a failure stays for snapshot_free. */
enum err snapshot_read_summary(struct snapshot *snapshot, const struct buffer *json);
enum err snapshot_read_content(struct snapshot *snapshot, const struct buffer *json);

#endif
