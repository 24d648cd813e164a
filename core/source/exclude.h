/* Exclude patterns, as gitignore and restic have them: `*` and `?` never cross '/', `**` as a whole component does,
 * `[…]` is a set, a leading '/' anchors at the folder the pattern belongs to, a pattern with a '/' inside is
 * anchored too unless it starts with "**" + '/', a trailing '/' matches folders only, a leading '!' takes back, '#'
 * starts a comment, '\' escapes. The last pattern that matches decides; what lies below an excluded folder cannot be
 * taken back. Bytes, not characters, except that `?` and sets take one UTF-8 character. */
#ifndef PULIH_SOURCE_EXCLUDE_H
#define PULIH_SOURCE_EXCLUDE_H

#include "core/base/error.h"
#include "core/repo/entry.h"

struct exclude;
enum err exclude_new(struct exclude **out);
void exclude_free(struct exclude *exclude);
/* One pattern; `origin` ("--exclude", "FILE:12", "pulih.yaml:40") is kept for exclude_explain. PL_PATTERN
 * (ERR_USAGE) names it. `base` is the folder that '/' anchors to, in the same form as paths are asked for (no
 * leading '/'; "" = the root); the pattern concerns only what lies below it. `ignore_case` concerns the letters A to
 * Z. Empty and comment patterns are accepted and do nothing. */
enum err exclude_add(
    struct exclude *exclude, const char *pattern, const char *base, const char *origin, bool ignore_case);
/* A file of patterns, one a line; spaces, tabs and a CR at the end of a line do not count unless escaped.
 * PL_PATTERN, or as file_read_all. */
enum err exclude_add_file(struct exclude *exclude, const char *path, const char *base, bool ignore_case);
size_t exclude_count(const struct exclude *exclude);

struct exclude_verdict {
	bool excluded;
	const char *pattern, *origin; /* of the pattern that decided; NULL where none matched */
};
/* Whether this very path is excluded, its parents being included. `folder`: it is a folder. Thread-safe. */
struct exclude_verdict exclude_match(const struct exclude *exclude, struct entry_bytes path, bool folder);
/* As above, asking for every parent first: for `excludes explain` and for lists of files. */
struct exclude_verdict exclude_match_deep(const struct exclude *exclude, struct entry_bytes path, bool folder);

#endif
