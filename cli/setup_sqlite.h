/* SQLite databases below folders: files that begin as one. */
#ifndef PULIH_CLI_SETUP_SQLITE_H
#define PULIH_CLI_SETUP_SQLITE_H

#include "cli/setup_list.h"
#include "core/base/file.h"

#define SETUP_SQLITE_ENTRIES_MAX 300000 /* looked at: some seconds on an old disk */
#define SETUP_SQLITE_DEPTH_MAX 64	/* folders below one another */
#define SETUP_SQLITE_MAX 200		/* found */

struct setup_sqlite {
	struct setup_list paths; /* absolute, sorted; released with setup_list_free */
	uint64_t entries;	 /* that were looked at */
	bool cut;		 /* a bound was reached: there may be more */
};

/* Whether the file begins as an SQLite database; links are not followed. */
bool setup_sqlite_is(const char *path);

/* Searches below `roots`; neither links nor what is mounted below are followed, `own` folders are left out. Names that no configuration
 * can hold are passed over. ERR_NOMEM, PL_INTERRUPTED. *out starts as {0}. */
enum err setup_sqlite_find(struct setup_sqlite *out, const char *const *roots, size_t count,
    const struct file_identity *own, size_t own_count);

#endif
