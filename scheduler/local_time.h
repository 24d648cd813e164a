/* Local time of a zone of the tz database, without touching the process's own. Instants are seconds since 1970 UTC; local times are seconds
 * from 1970-01-01 00:00 by the clock on the wall, as if there were no offset. Neither skips a leap second.
 *
 * A clock on the wall is put back and forth. What a schedule needs of it is how far it has come by an instant, the latest time that it has ever
 * shown (local_time_reached), and the reverse: when it came that far for the first time (local_time_first). Both only ever grow: a time that is
 * skipped is reached at the first instant behind the gap, one that is shown twice when it is shown first.
 *
 * Behind it is glib, which no other file includes. It says of each zone what the C library says, from 2000 to 2100, but for Europe/Dublin from
 * 2038 on: an hour off in half of the year. Rules are read once, a new tz database needs a new struct local_time. */
#ifndef PULIH_SCHEDULER_LOCAL_TIME_H
#define PULIH_SCHEDULER_LOCAL_TIME_H

#include "conf/recurrence.h"

struct local_time;

/* A zone by its name, as Asia/Jayapura. PL_CONFIG_VALUE (ERR_CONFIG) where this machine knows no such zone. */
enum err local_time_new(struct local_time **out, const char *zone);
/* local_time_free(NULL) does nothing. */
void local_time_free(struct local_time *local);

/* The latest local time that was shown at or before an instant. */
int64_t local_time_reached(const struct local_time *local, int64_t instant);
/* The first instant at which that local time, or a later one, is shown. */
int64_t local_time_first(const struct local_time *local, int64_t time);
/* The first instant in (after, until] at which the clock is set to another offset; false where it is not. */
bool local_time_change(const struct local_time *local, int64_t after, int64_t until, int64_t *change);

/* The date of a day counted from 1970-01-01, which is 0; from 1 January 1 on. */
struct recurrence_date local_time_date(int64_t day);

#endif
