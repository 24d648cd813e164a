/* What the tests of metadata share: a scratch folder and remembered names. */
#ifndef PULIH_TESTS_META_PLACE_H
#define PULIH_TESTS_META_PLACE_H

#include "core/source/meta.h"

/* From meta_place_up() to meta_place_down(): the scratch folder, and a set of names. */
extern int meta_place_folder;
extern struct names *meta_place_names;

int meta_place_up(void **state);
int meta_place_down(void **state);

/* Ends the test as skipped, and says why. */
void skip_with(const char *why);

#endif
