/* Allocation: overflow-checked, and able to fail on demand.
 *
 * Every function returns NULL after recording PL_NO_MEMORY. Memory is released with mem_free(). The raw calls do not
 * compile outside core/base: this header poisons them. */
#ifndef PULIH_BASE_MEM_H
#define PULIH_BASE_MEM_H

#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <stddef.h>

/* Called once by main: few arenas, and large blocks straight from the system and back, so that what one phase has freed does not stay
 * resident in the next. */
void mem_setup(void);

/* `size` bytes, not cleared; never NULL for size 0. */
void *mem_alloc(size_t size);
/* count × size bytes, cleared. */
void *mem_calloc(size_t count, size_t size);
/* Grows or shrinks `old` (may be NULL) to count × size bytes. On failure `old` is untouched and still owned by the caller. */
void *mem_resize(void *old, size_t count, size_t size);
/* Room for one more item in an array of `count` items that grows: `items` itself while *capacity lasts, else it at twice the size. On failure
 * as mem_resize. */
void *mem_more(void *items, size_t count, size_t *capacity, size_t size);
void *mem_copy(const void *bytes, size_t size);
char *mem_string(const char *text);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* mem_free(NULL) does nothing. */
void mem_free(void *memory);

/* For tests: the n-th allocation from now (1 = the next) fails, and so does every later one until mem_fail_at(0).
 * Counted over all threads. mem_count() returns how many were made since the last mem_fail_at(). */
void mem_fail_at(unsigned long n);
unsigned long mem_count(void);

/* Gives memory that was freed back to the system, so that a phase with a high peak does not burden the next. */
void mem_trim(void);

#ifndef PULIH_BASE_INTERNAL
/* With clang, _FORTIFY_SOURCE makes macros of these. */
#undef sprintf
#undef vsprintf
#undef asprintf
#undef vasprintf
#pragma GCC poison malloc calloc realloc strdup strndup sprintf vsprintf strcpy strcat asprintf vasprintf
#endif

#endif
