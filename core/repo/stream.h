/* The last entry stream of a job, kept locally, so that unchanged files are found by merging two sorted streams, without a read key
 * and without opening them. Disposable: whatever is wrong with it, the next backup reads the files again.
 *
 *   "PULIHSTR" (8), u16 version 2, 6 zero bytes, repository id (16), domain tag (16), i64 start of the backup in ns, snapshot id (32), u64 XXH3-64 of all that precedes;
 *     both zero until committed
 *   per node: u32 size, u64 XXH3-64 of the bytes, chunk id (32), bytes (a level 0 node of tree.h)
 *   u32 0, u64 XXH3-64 over all nodes' hashes
 * The file is written as <path>.new and renamed by stream_writer_commit once the snapshot is durable. */
#ifndef PULIH_REPO_STREAM_H
#define PULIH_REPO_STREAM_H

#include "core/repo/entry.h"
#include "core/repo/keys.h"

struct stream_writer;
/* PL_STREAM (ERR_IO), PL_NO_SPACE. */
/* `started`: when the backup began to look at its source, ns since 1970. */
enum err stream_writer_new(struct stream_writer **out, const char *path, const struct keys *keys, int64_t started);
/* After an error nothing more is written, and commit returns it again. */
enum err stream_writer_node(
    struct stream_writer *writer, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size);
/* Ends the file, names its snapshot, puts it in place of the old one. */
enum err stream_writer_commit(struct stream_writer *writer, const uint8_t snapshot[OBJECT_ID_SIZE]);
/* Removes what was not committed. */
void stream_writer_free(struct stream_writer *writer);

struct stream_reader;
/* *out is NULL, with ERR_OK, where there is no usable stream (none, other repository or domain, unknown version). */
enum err stream_reader_new(struct stream_reader **out, const char *path, const struct keys *keys);
void stream_reader_free(struct stream_reader *reader);
/* The snapshot it belongs to. */
const uint8_t *stream_reader_snapshot(const struct stream_reader *reader);
/* When its backup began. What changed at that time or later may have been read before it changed. */
int64_t stream_reader_started(const struct stream_reader *reader);
/* Next entry, NULL at the end, and NULL from the first damaged or unreadable node on: *damaged says so (then files are simply read again).
 * The entry is valid until the next call. ERR_NOMEM. */
enum err stream_reader_next(struct stream_reader *reader, const struct entry **entry, bool *damaged);

#endif
