/* Paths to back up: arguments, and lists of them in files. */
#ifndef PULIH_CLI_SOURCES_H
#define PULIH_CLI_SOURCES_H

#include "cli/options.h"

/* Starts as {0}; released with sources_free. */
struct sources {
	char **paths; /* NULL-terminated */
	size_t count;
};
void sources_free(struct sources *sources);
enum err sources_add(struct sources *sources, const char *path);
/* One path a line, or with `raw` NUL-terminated; "-" is standard input. Empty ones are skipped. */
enum err sources_add_file(struct sources *sources, const char *file, bool raw);

#endif
