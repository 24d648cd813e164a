/* What the files of a drill share. */
#ifndef PULIH_RESTORE_DRILL_INTERNAL_H
#define PULIH_RESTORE_DRILL_INTERNAL_H

#include "restore/drill.h"
#include "restore/load.h"
#include "restore/scratch.h"

struct drill {
	struct repository *repository;
	const struct snapshot *snapshot;
	const struct drill_options *options;
	struct drill_result *result;
	struct scratch *scratch;
	struct restore_view view;
	struct scratch_server *servers[2]; /* by kind; NULL: not needed yet */
	int64_t step_begun, step_time;
	const char *step;
	char *object;
};

/* A step of the record: begin, then end, which never changes the last failure. */
enum err drill_step_begin(struct drill *drill, const char *action, const char *object);
/* `counts`: it is part of the way back. */
void drill_step_end(struct drill *drill, bool good, bool counts);

/* Whether the failure is one of the data, and is to become a finding; another ends the drill. */
bool drill_is_finding(enum err err);
/* The last failure as a finding. */
enum err drill_find_failure(struct drill *drill, const char *code, const char *object);

/* drill_files.c */
enum err drill_files(struct drill *drill);
enum err drill_sqlite(struct drill *drill);
/* drill_databases.c */
enum err drill_databases(struct drill *drill);
/* "mariadb/…", "postgresql/…": the path of a dump among those of the snapshot. */
bool drill_is_dump(const char *path);
/* drill_assertions.c: those of a source whose answer `ask` gives. */
typedef enum err (*drill_ask)(void *context, const char *sql, struct buffer *out);
enum err drill_assertions_of(struct drill *drill, const char *source, drill_ask ask, void *context);
/* Those of sources that are not in the snapshot. */
enum err drill_assertions_rest(struct drill *drill);

/* What was counted of a database when it was stored; NULL where that is not known. */
json_t *drill_counted(const struct drill *drill, const char *kind, const char *path);
/* Compares a number with that. */
enum err drill_compare_counted(struct drill *drill, const char *kind, const char *path, uint64_t tables, uint64_t rows);

#endif
