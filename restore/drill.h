/* A restore drill: all of a snapshot into a place that is thrown away, compared with what was stored and with what was counted when it was
 * stored. Files into a folder, dumps of databases into servers of their own (scratch.h), SQLite databases through their own check.
 *
 * What does not come back as it was is a finding, and the drill goes on: whoever looks at it wants to know all. What keeps a drill from being
 * one (no room, no program of a server, an interruption) is an error. */
#ifndef PULIH_RESTORE_DRILL_H
#define PULIH_RESTORE_DRILL_H

#include "core/base/buffer.h"
#include "restore/restore.h"

#include <jansson.h>

#define DRILL_FINDINGS_MAX 1000u /* named; more are counted */

/* What a person knows of the data. */
struct drill_assertion {
	const char *source; /* "mariadb/local/joomla", "postgresql/local/sipp", or "sqlite" and the path of a file */
	const char *sql, *expect; /* the answer as text: values between '|', lines between ';' */
};

struct drill_options {
	const char *folder;	   /* in which its own is made */
	uint64_t reserve;	   /* bytes that stay free there */
	const char *const *sqlite; /* SQLite databases among what was stored: absolute paths */
	size_t sqlite_count;
	const struct drill_assertion *assertions;
	size_t assertions_count;
	json_t *counted; /* "databases" of the record of the run that stored the snapshot; NULL: that is not known */
	unsigned threads;
	void (*on_step)(void *context, const char *action, const char *object); /* as it begins; may be NULL */
	void *context;
};

/* As records have it: docs/json.md. Starts as {0}; released with drill_result_free. */
struct drill_result {
	json_t *files;	   /* object */
	json_t *databases; /* arrays */
	json_t *assertions;
	json_t *steps;
	json_t *findings;
	uint64_t findings_count; /* in all: severe ones and notes */
	uint64_t notes_count;	 /* of them such as change nothing about the data: owners that only root can set */
	int64_t recovery;	 /* ns that the way back took: files, servers, loading; comparing does not count */
};
void drill_result_free(struct drill_result *result);

/* ERR_OK where the drill was carried out, whatever it found. The result holds what was done in any case. */
enum err drill_run(struct repository *repository, const struct snapshot *snapshot, const struct drill_options *options,
    struct drill_result *result);

/* A finding of the caller's own: `code` as in docs/json.md. */
enum err drill_find(struct drill_result *result, bool note, const char *code, const char *object, const char *text,
    const char *expected, const char *found);

#endif
