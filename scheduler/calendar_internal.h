/* What the files of the calendar share. Slots: the local times at which something is due, as minutes from 1970-01-01 00:00 by the clock on the
 * wall, so that a day has 1440 of them whatever the clock does. */
#ifndef PULIH_SCHEDULER_CALENDAR_INTERNAL_H
#define PULIH_SCHEDULER_CALENDAR_INTERNAL_H

#include "scheduler/calendar.h"
#include "scheduler/local_time.h"

struct calendar {
	struct recurrence recurrence;
	bool has_window;
	unsigned from, to; /* of the window, minutes of the day */
	struct local_time *local;
	char *text; /* of a record */
};

/* Rounds down, below zero too. */
int64_t calendar_slots_divide(int64_t a, int64_t b);
/* The first slot > `after`. There is one: recurrence_of refuses what is never due. */
int64_t calendar_slots_next(const struct recurrence *recurrence, int64_t after);
/* The last slot ≤ `at`. */
int64_t calendar_slots_last(const struct recurrence *recurrence, int64_t at);
/* How many lie in (after, until]. */
uint64_t calendar_slots_count(const struct recurrence *recurrence, int64_t after, int64_t until);

#endif
