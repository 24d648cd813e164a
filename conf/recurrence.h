/* When something recurs, as sets of local dates and times of day: the one form into which every kind of schedule is brought. It knows no time
 * zone and no clock. */
#ifndef PULIH_CONF_RECURRENCE_H
#define PULIH_CONF_RECURRENCE_H

#include "conf/configuration.h"

#define RECURRENCE_DAY_MINUTES 1440 /* of a day by the clock on the wall */

struct recurrence {
	uint64_t minutes;  /* bit n: minute n of the hour, 0 … 59; each of them in each of the hours */
	uint32_t hours;	   /* bit n: hour n of the day, 0 … 23 */
	uint32_t days;	   /* bit n: day n of the month, 1 … 31 */
	uint32_t months;   /* bit n: month n, 1 … 12 */
	uint32_t weekdays; /* bit n: 1 Monday … 7 Sunday */
	bool either;	   /* a date is in days or in weekdays; else it must be in both */
	bool last_day;	   /* a day of `days` that a month lacks is its last one */
};

/* A date of the proleptic Gregorian calendar, as far as a recurrence asks for it. */
struct recurrence_date {
	unsigned day, month; /* from 1 */
	unsigned month_days; /* 28 … 31 */
	unsigned weekday;    /* 1 Monday … 7 Sunday */
};

/* "HH:MM" as a minute of the day. False where the text is anything else. */
bool recurrence_time(const char *text, unsigned *minute);

/* Whether a minute of the day is in a window that begins with `from` and ends before `to`, across midnight where that is not later. */
bool recurrence_within(unsigned minute, unsigned from, unsigned to);

/* PL_CONFIG_VALUE (ERR_CONFIG) where a value of the schedule is out of its range, or there is no date on which it could ever be due. */
enum err recurrence_of(struct recurrence *out, const struct configuration_schedule *schedule);

/* Whether something is due on that date. */
bool recurrence_on(const struct recurrence *recurrence, const struct recurrence_date *date);
/* Whether there is any such date. Then no 41 years are without one: 29 February falls on each day of the week at least once in 40. */
bool recurrence_possible(const struct recurrence *recurrence);

/* The first minute of the day ≥ `from` (0 …) at which something is due, and the last one ≤ `until`; -1 where there is none. */
int recurrence_first(const struct recurrence *recurrence, int from);
int recurrence_last(const struct recurrence *recurrence, int until);
/* How many there are from the start of the day up to and with `until`, which may be -1. */
unsigned recurrence_count(const struct recurrence *recurrence, int until);

#endif
