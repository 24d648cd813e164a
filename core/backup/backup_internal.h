/* The stages of a backup and what they hand to each other.
 *
 *   walk (one thread)  ->  batches of items  ->  read (pool: stat, open, read, chunk, hash)  ->  parts of a batch
 *   ->  collect (the caller's thread, in batch order: deduplicate, frame, entry stream)  ->  store (compress, seal, write)
 *
 * Batches are numbered in path order and collected in that order, so the objects do not depend on the number of threads. A batch gives its
 * output in parts; a worker waits before handing over a part when BACKUP_BUFFERED bytes wait already, except the worker of the
 * batch that is being collected: so nobody waits for somebody who waits for him. */
#ifndef PULIH_BACKUP_BACKUP_INTERNAL_H
#define PULIH_BACKUP_BACKUP_INTERNAL_H

#include "core/backup/backup.h"
#include "core/backup/store.h"
#include "core/base/arena.h"
#include "core/base/output.h"
#include "core/base/pool.h"
#include "core/chunk/chunker.h"
#include "core/chunk/hasher.h"
#include "core/repo/entry.h"
#include "core/source/meta.h"
#include "core/source/walk.h"

#include <stdatomic.h>

#define BATCH_ITEMS 256u		  /* items of a batch: a lock is taken once for this many files */
#define BATCH_BYTES ((size_t)256 << 10)	  /* … or this many bytes of paths and previous entries */
#define PART_BYTES ((size_t)4 << 20)	  /* data of a part: two chunks of the largest size */
#define PART_FULL ((size_t)1 << 20)	  /* a part with this much data is handed over */
#define BACKUP_BUFFERED ((size_t)4 << 20) /* data bytes that may wait for the collector */
#define BACKUP_FOLDERS \
	1024u	      /* folder descriptors held by waiting items, and at most half of what the process may open */
#define READ_TRIES 3u /* of a file that changes while it is read */

/* Extras are read before anything of the file system is: what a database names, an uploaded document for instance, was a file before, and so is
 * in the same backup. Their chunks are stored then; the entry waits for its place in the order of paths. */
struct extra {		    /* one of them */
	const char *sqlite; /* path of the database */
	const struct stream_source *stream;
	struct entry *entry; /* of this pass, in backup->extra_entries; NULL: it could not be read, which was told */
};

struct item {
	struct entry_bytes path;
	const char *name;
	struct walk_folder *folder; /* kept until the batch is recycled */
	struct extra *extra;
	bool is_folder;
	struct entry *previous; /* of the last run; NULL: none */
	bool first;		/* an extra before its place in the order */
	bool racy;		/* it changed while or just before the last run read it: its times prove nothing */
};

/* One thing for the collector, in order. */
enum record_kind {
	RECORD_CHUNK,	  /* store it */
	RECORD_ENTRY,	  /* a complete entry */
	RECORD_UNCHANGED, /* an entry with the content of last time, if its chunks are still there */
};
struct record {
	enum record_kind kind;
	enum chunk_type type;
	uint8_t id[CHUNK_ID_SIZE];
	uint64_t sum;
	const uint8_t *bytes;
	size_t size;
	struct entry *entry;
	struct item *item;
};

struct part {
	struct part *next;
	uint8_t *data; /* PART_BYTES */
	size_t used;
	struct record *records;
	size_t count, capacity;
	struct arena arena; /* entries and what they point to */
};

struct batch {
	struct pool_job job; /* first */
	struct backup *backup;
	struct batch *next;
	struct item items[BATCH_ITEMS];
	size_t count;
	struct arena arena; /* paths, names, previous entries */
	size_t arena_bytes;
	/* under backup->lock */
	struct part *first, *last;
	size_t waiting; /* data bytes of its parts */
	bool finished;
};

/* Everything of one backup. */
struct backup {
	struct repository *repository;
	const struct backup_options *options;
	struct backup_result *result;
	struct target *target; /* the repository's, or the dry run's */
	struct index *index;
	struct generations *generations;
	struct store *store;
	struct tree_writer *tree;
	struct stream_writer *stream;
	struct stream_reader *last_stream;
	struct lists *lists;
	unsigned folders_max;
	struct names *names;
	struct chunker chunker;
	struct pool *readers;
	struct reader **reader; /* one per worker of the pool, and one for the collector */
	struct queue *batches;	/* in order, to the collector */
	char *stream_path;
	int stream_lock; /* held by the one backup that replaces the last stream; -1: another one does */
	char *temporary_folder;
	struct extra *extras;
	struct walk_extra *walk_extras;
	size_t extras_count;
	struct arena extra_entries; /* the collector's until the walk begins, then the readers' to read */
	char **hidden;		    /* journals of databases; NULL-terminated */
	struct file_identity own[REPOSITORY_FOLDERS];

	pthread_mutex_t lock;
	pthread_cond_t room;  /* buffered data or folders became fewer */
	pthread_cond_t ready; /* a part or the end of a batch */
	struct batch *head;   /* the batch that is being collected */
	size_t buffered;
	size_t batches_out; /* sent and not yet recycled */
	struct batch *spare_batches;
	struct part *spare_parts;
	struct failure failure; /* the first of any thread */
	atomic_bool stop;
	atomic_uint_fast64_t bytes_read;
	struct progress progress;
};

/* ---- backup.c ---- */
/* Records the failure of this thread as the backup's, unless there is one, and stops every stage. Returns its kind. */
enum err backup_stop(struct backup *backup);
/* True when the stages should end: a failure, or an interrupt (which it records). */
bool backup_stopped(struct backup *backup);
void backup_problem(struct backup *backup, enum backup_problem_kind kind, struct entry_bytes path, enum message message,
    const char *reason);

enum err backup_database_add(struct backup *backup, const char *kind, const struct stream_database *database);
/* A source of databases is not stored: the last failure says why. */
void backup_database_missing(struct backup *backup);

/* ---- lost_packs.c ---- */
/* Compares the index with the target, before index_begin(): packs that are lost count as absent, so that files whose chunks only they held are
 * read again. Those that hold what is stored nowhere else are warned of and counted in the result. */
enum err lost_packs_drop(struct backup *backup);

/* ---- plan.c ---- */
/* Databases and commands as extras of the walk, their journals hidden. */
enum err plan_extras(struct backup *backup);
/* Before each pass. */
void plan_extras_unread(struct backup *backup);
void plan_free(struct backup *backup);
/* Host, job, paths, tags of the snapshot. */
enum err plan_snapshot(struct backup *backup);

/* ---- last_run.c ---- */
/* Finds and opens the last stream and lists of this job, and the new ones beside them; takes the lock. */
enum err last_run_open(struct backup *backup);
void last_run_close(struct backup *backup);
/* After the snapshot counts: what makes the next run fast. Failing here harms nothing but that, and is warned of. */
void last_run_commit(struct backup *backup);
void last_run_unlock(struct backup *backup);

/* ---- batch.c ---- */
struct batch *batch_take(struct backup *backup);
/* Lets its folders go, keeps its memory for the next. Its job has run. */
void batch_recycle(struct backup *backup, struct batch *batch);
void batch_free(struct batch *batch);
struct part *part_take(struct backup *backup);
void part_recycle(struct backup *backup, struct part *part);
void part_free(struct part *part);
struct record *part_record(struct part *part, enum record_kind kind);
/* Hands a part to the collector; waits while too much is buffered. False when the backup is stopping: the part is recycled. */
bool batch_hand_over(struct batch *batch, struct part *part);
void batch_finish(struct batch *batch);
/* Next part of the head batch; NULL when it is finished and empty. */
struct part *batch_next_part(struct batch *batch);

/* ---- walk stage (feed.c) ---- */
/* Thread: walks, merges with the last stream, sends batches. Ends the queue. */
void *feed_main(void *backup);

/* ---- read stage ---- */
struct reader;
enum err reader_new(struct reader **out, struct backup *backup);
void reader_free(struct reader *reader);
/* pool_job of a batch. */
void read_batch(struct pool_job *job, unsigned worker);
/* Reads one item again although it seemed unchanged, and hands the parts to `take` (the collector's own thread). */
enum err reader_read_again(
    struct reader *reader, struct item *item, enum err (*take)(struct backup *backup, struct part *part));

/* ---- collect.c ---- */
/* Takes batches until the queue ends. */
enum err collect_all(struct backup *backup);

/* ---- lists.c: the list chunks of very long files, kept beside the last stream ---- */
/* A backup key cannot read list chunks back; to know which chunks an unchanged file relies on, they are kept locally. */
struct lists;
enum err lists_new(struct lists **out, const char *path);
void lists_free(struct lists *lists);
/* The bytes of a list chunk of the last run; false where it is not known. */
bool lists_find(struct lists *lists, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out);
/* Keeps a list chunk for the next run. */
void lists_keep(struct lists *lists, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size);
enum err lists_commit(struct lists *lists);

/* ---- publish.c: the two steps of the handshake with collectors ---- */
/* Packs and index are durable: reads the generations; *dropped packs that were relied on are condemned, and their chunks must be stored again. */
enum err publish_fence(struct backup *backup, size_t *dropped);
/* Checks the structure, publishes the snapshot, reads the generations once more: with *dropped > 0 it does not count yet. */
enum err publish_snapshot(struct backup *backup, size_t *dropped);

#endif
