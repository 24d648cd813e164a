/* A temporary folder of a test, and small files. */
#ifndef PULIH_TESTS_SCRATCH_H
#define PULIH_TESTS_SCRATCH_H

#include <stdbool.h>

/* Set-up and teardown of cmocka: makes a folder, and makes it the working folder; takes it away with all that is in it. */
int scratch_enter(void **state);
int scratch_leave(void **state);
/* Its path, from one to the other. */
extern char scratch_folder[64];

/* NULL-terminated; each in one that is there. */
void make_each_folder(const char *const *paths);
/* A file of mode 0600 with that text, whatever it held before. These functions end the test where something is wrong. */
void write_text(const char *path, const char *text);
void assert_text(const char *path, const char *text);
/* Links count, wherever they lead. */
bool exists(const char *path);

#endif
