/* When a job is due, in the office's time zone. Pure: no clock, no files, no state; one calendar may be asked by several threads.
 *
 * Instants are nanoseconds since 1970 UTC. What is planned is always after 1970, at a whole second, mostly at a whole minute.
 *
 * A schedule names local times. Each of them is planned exactly once: one that the clock skips at the first instant behind the gap, one that it
 * shows twice when it shows it first. Several that fall into one gap are planned at one instant, hence are one run.
 *
 * A clock that jumps back: ask for what comes after max(last planned instant, now). Then nothing is planned a second time. A clock that jumped
 * ahead, or a machine that was off: calendar_missed counts what was passed over, and one run makes up for all of it. */
#ifndef PULIH_SCHEDULER_CALENDAR_H
#define PULIH_SCHEDULER_CALENDAR_H

#include "conf/configuration.h"
#include "core/base/buffer.h"
#include "core/record/record_words.h"

#define CALENDAR_NEVER INT64_MAX

struct calendar;

/* Borrows nothing. `zone` as in local_time_new. PL_CONFIG_VALUE (ERR_CONFIG) for what `pulih config check` refuses too. */
enum err calendar_new(struct calendar **out, const struct configuration_schedule *schedule, const char *zone);
/* calendar_free(NULL) does nothing. */
void calendar_free(struct calendar *calendar);

/* The first planned instant strictly after `after`; CALENDAR_NEVER where the next one is beyond what int64_t can name (2262). */
void calendar_next(const struct calendar *calendar, int64_t after, int64_t *planned);
/* The last planned instant ≤ `at`; 0 where there is none. */
void calendar_last(const struct calendar *calendar, int64_t at, int64_t *planned);
/* How many planned instants lie in (done_up_to, now], and the latest of them; 0 and 0 where there is none, as when the clock jumped back. The
 * work grows with the days in between, some ten milliseconds for centuries, not with what was planned. */
void calendar_missed(
    const struct calendar *calendar, int64_t done_up_to, int64_t now, uint64_t *count, int64_t *latest);

/* Whether a run may begin now: always, where the schedule has no window. It is open from the instant at which the local time `from` is reached
 * until `to` is. Where the clock skips the end of a window, it stays open for as long as was skipped: a planned instant is always inside. */
bool calendar_window_open(const struct calendar *calendar, int64_t at);
/* `at` where the window is open, else when it opens next. */
int64_t calendar_window_next(const struct calendar *calendar, int64_t at);

#define CALENDAR_TEXT RECORD_SCHEDULE
/* "setiap hari pukul 01.00", "setiap tanggal 30 (atau hari terakhir bulan) pukul 03.00". Returns out. */
char *calendar_text(const struct calendar *calendar, bool english, char out[CALENDAR_TEXT]);
/* Appends the same for a record's "schedule", from which record_schedule makes words: "day 01:00". No NUL. ERR_NOMEM. */
enum err calendar_text_record(const struct configuration_schedule *schedule, struct buffer *out);

#endif
