/* Time: nanoseconds since 1970 UTC as int64_t, and its written form. */
#ifndef PULIH_BASE_CLOCK_H
#define PULIH_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000000)
#define CLOCK_TEXT 40 /* bytes of a written time, NUL included */

/* The wall clock. */
int64_t clock_now(void);
/* Nanoseconds that only ever grow: for durations. */
int64_t clock_monotonic(void);

/* Returns when the clock that file systems stamp changes with has gone beyond `time`, a stamp of one: at once, or within its tick of at most
 * 10 ms. A change from then on has another stamp. */
void clock_outlive_tick(int64_t time);

/* RFC 3339 with offset and whole seconds, in the process's time zone: 2026-11-22T01:00:00+09:00. Returns out. */
char *clock_format(char out[CLOCK_TEXT], int64_t time);
/* The same in UTC, ending in Z. */
char *clock_format_utc(char out[CLOCK_TEXT], int64_t time);
/* Reads RFC 3339 with an offset or Z, optional fraction. False where the text is anything else. */
bool clock_parse(const char *text, int64_t *out);

/* Set by SIGINT, SIGTERM and SIGHUP once interrupt_install() was called; long loops look at it and return PL_INTERRUPTED. A
 * second signal ends the process at once. */
void interrupt_install(void);
bool interrupt_requested(void);
/* For tests, and for a stage that wants its siblings to stop. */
void interrupt_set(bool requested);

#endif
