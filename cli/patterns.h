/* Options that give patterns: in the order in which they stand on the command line, because the last match decides. */
#ifndef PULIH_CLI_PATTERNS_H
#define PULIH_CLI_PATTERNS_H

#include "cli/options.h"
#include "core/source/exclude.h"

/* For a command's table: `list` is a struct option_list *. */
#define PATTERNS_EXCLUDE(list)                                                                                  \
	{OPTION("exclude", 'e', OPTION_LIST, "PATTERN", "leave out what matches (pulih help excludes)", list)}, \
	    {OPTION("iexclude", 0, OPTION_LIST, "PATTERN", "the same, upper and lower case alike", list)},      \
	    {OPTION("exclude-file", 0, OPTION_LIST, "FILE", "patterns from a file, one a line", list)},         \
	{                                                                                                       \
		OPTION("iexclude-file", 0, OPTION_LIST, "FILE", "the same, upper and lower case alike", list)   \
	}
#define PATTERNS_INCLUDE(list)                                                                                \
	{OPTION("include", 'i', OPTION_LIST, "PATTERN", "only what matches", list)},                          \
	    {OPTION("iinclude", 0, OPTION_LIST, "PATTERN", "the same, upper and lower case alike", list)},    \
	    {OPTION("include-file", 0, OPTION_LIST, "FILE", "patterns from a file, one a line", list)},       \
	{                                                                                                     \
		OPTION("iinclude-file", 0, OPTION_LIST, "FILE", "the same, upper and lower case alike", list) \
	}

/* *out is NULL where the list is empty; released with exclude_free. */
enum err patterns_build(struct exclude **out, const struct option_list *list);

#endif
