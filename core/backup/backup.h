/* Backup: sources in, one snapshot out.
 *
 * What exits with ERR_OK or ERR_PARTIAL is durable in the target and was read back: order and handshake of repository.md section 7. */
#ifndef PULIH_BACKUP_BACKUP_H
#define PULIH_BACKUP_BACKUP_H

#include "core/repo/repository.h"
#include "core/repo/snapshot.h"
#include "core/source/exclude.h"
#include "core/source/stream_source.h"

enum backup_problem_kind {
	BACKUP_UNREADABLE,	   /* could not be read: not, or not all, in the snapshot */
	BACKUP_CHANGED_WHILE_READ, /* three readings differed; the last is in the snapshot */
	BACKUP_VANISHED,	   /* was listed, and gone when it was to be read */
};
struct backup_problem {
	enum backup_problem_kind kind;
	struct entry_bytes path; /* stored path */
	enum message message;	 /* what names the cause */
	const char *reason;
};
/* Called from one thread at a time. */
typedef void (*backup_on_problem)(void *context, const struct backup_problem *problem);

struct backup_sqlite {
	const char *path; /* of the database file; stored under the same path as a file would be */
};

struct backup_options {
	const char *const *paths; /* as typed */
	size_t paths_count;
	const struct backup_sqlite *sqlite;
	size_t sqlite_count;
	const struct stream_source *streams;
	size_t streams_count;
	const char *host, *job;	 /* NULL: this host; "" */
	const char *const *tags; /* NULL-terminated, may be NULL */
	const struct exclude *exclude;
	bool one_file_system, exclude_caches;
	const char *const *exclude_if_present; /* NULL-terminated */
	uint64_t exclude_larger;
	bool force;	  /* read everything, whatever the last stream says */
	bool dry_run;	  /* a memory target takes what is written */
	unsigned threads; /* 0: as many as processors; BACKUP_SERIAL: all on one */
	int level;	  /* zstd, 0: FRAME_LEVEL_DEFAULT */
	uint64_t rate;	  /* bytes a second to the target; 0: no limit */
	backup_on_problem on_problem;
	void *context;
};
#define BACKUP_SERIAL 0xFFFFFFFFu

struct backup_database {
	const char *kind; /* "sqlite", or that of the stream */
	char *path;	  /* or name */
	uint64_t size, tables, rows;
	char version[32], client[32], consistency[16], position[128]; /* as in struct stream_database */
};

/* One line of the verification after the run. */
struct backup_check {
	const char *name; /* "structure", "stored", "earlier" */
	bool good;
	uint64_t objects, bytes; /* compared */
	char detail[160];
};

/* Starts as {0}; released with backup_result_free. */
struct backup_result {
	struct snapshot snapshot; /* id zero where none was published */
	struct backup_check checks[4];
	size_t checks_count;
	struct backup_database *databases;
	size_t databases_count;
	uint64_t databases_missing; /* sources of databases that could not be stored; the first of them says why: */
	struct failure database_failure;
	uint64_t packs_resumed; /* finished packs of an interrupted run that were found again */
	uint64_t
	    packs_lost; /* that the target lacks, or has with another size, and not all of which is stored elsewhere */
	_Atomic bool stream_empty; /* a stream ended well and held nothing */
	int64_t started, ended;	   /* by the clock on the wall, which may jump */
	int64_t duration;	   /* ns, whatever that clock did */
};
void backup_result_free(struct backup_result *result);

/* ERR_OK: done and whole. ERR_PARTIAL: done, but problems were named. Anything else: no snapshot was published. */
enum err backup_run(struct repository *repository, const struct backup_options *options, struct backup_result *result);

#endif
