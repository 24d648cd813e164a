/* SNAPSHOT[:PATH] and the filters that go with it. */
#ifndef PULIH_CLI_SELECTION_H
#define PULIH_CLI_SELECTION_H

#include "cli/options.h"
#include "core/repo/repository.h"
#include "core/repo/snapshot.h"
#include "restore/restore.h"

/* The options --host, --job, --tag, --path for a command's table, and where they put what was given. */
extern struct snapshot_filter selection_filter;
#define SELECTION_OPTIONS                                                                                       \
	{OPTION("host", 'H', OPTION_TEXT, "NAME", "only snapshots of this host", &selection_filter.host)},      \
	    {OPTION("job", 0, OPTION_TEXT, "JOB", "only snapshots of this job", &selection_filter.job)},        \
	    {OPTION("tag", 0, OPTION_TEXT, "TAG", "only snapshots with this tag", &selection_filter.tag)},      \
	{                                                                                                       \
		OPTION("path", 0, OPTION_TEXT, "PATH", "only snapshots of this source", &selection_filter.path) \
	}

/* A path of a snapshot, in the form of entry.h: no leading or trailing '/', no empty component. Starts as {0}; `text` is
 * released with mem_free; NULL: no path was given. */
struct selection_path {
	char *text;
};
struct entry_bytes selection_path_bytes(const struct selection_path *path);
/* Cleans what a person typed; components "." go, ".." is PL_OPTION_VALUE (ERR_USAGE). */
enum err selection_path_parse(struct selection_path *out, const char *text);

/* One snapshot of a repository that is open. Starts as {0}; released with selection_free, before the repository. */
struct selection {
	struct snapshot_list list;
	const struct snapshot *snapshot; /* in list, with content */
	struct selection_path path;
};
/* `spec` is SNAPSHOT or SNAPSHOT:PATH. PL_KEY_FULL where the key does not show contents. */
enum err selection_open(struct selection *out, struct repository *repository, const char *spec);
void selection_free(struct selection *selection);

/* A snapshot that is being read. Starts as {0}. */
struct selection_reader {
	struct restore_view view;
	struct tree_reader *tree;
};
enum err selection_reader_open(
    struct selection_reader *reader, struct repository *repository, const struct snapshot *snapshot);
void selection_reader_close(struct selection_reader *reader);
/* The entry at exactly `path`; PL_SNAPSHOT_PATH (ERR_MISSING). Valid until the tree is read again. The empty path gives NULL where the
 * snapshot's root has no entry of its own. */
enum err selection_reader_find(struct selection_reader *reader, struct entry_bytes path, const struct entry **out);
/* The next entry, NULL at the end; PL_INTERRUPTED, and PL_STANDARD_OUTPUT when nobody reads the output any more. */
enum err selection_reader_next(struct selection_reader *reader, const struct entry **out);

#endif
