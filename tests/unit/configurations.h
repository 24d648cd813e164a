/* A configuration file, one line of which a test replaces. Each function ends the test where something is wrong. */
#ifndef PULIH_TESTS_CONFIGURATIONS_H
#define PULIH_TESTS_CONFIGURATIONS_H

#include "conf/configuration.h"

/* Paths, in a folder that is made and taken away by: */
extern char configurations_folder[64], configurations_file[80], configurations_secret[80];
int configurations_up(void **state);
int configurations_down(void **state);

/* The file with line `at` replaced, and perhaps more behind it; `at` 0: as it is. */
enum err load_with(size_t at, const char *line, struct configuration **out);
/* The file with that text in place of line 22, and an address for the reviewer, who stands at line 9. */
enum err load_channel(const char *text, struct configuration **out);
/* The last failure is that message, at "line:column", with those words. */
void refused_with(enum message id, const char *place, const char *words);

#endif
