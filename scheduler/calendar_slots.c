#include "scheduler/calendar_internal.h"

int64_t calendar_slots_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_on(const struct recurrence *recurrence, int64_t day)
{
	const struct recurrence_date date = local_time_date(day);

	return recurrence_on(recurrence, &date);
}

static int minute_of(int64_t slot, int64_t day)
{
	return (int)(slot - day * RECURRENCE_DAY_MINUTES);
}

int64_t calendar_slots_next(const struct recurrence *recurrence, int64_t after)
{
	int64_t day = calendar_slots_divide(after + 1, RECURRENCE_DAY_MINUTES);
	int minute = minute_of(after + 1, day);

	for (;; day++, minute = 0)
		if (is_on(recurrence, day) && (minute = recurrence_first(recurrence, minute)) >= 0)
			return day * RECURRENCE_DAY_MINUTES + minute;
}

int64_t calendar_slots_last(const struct recurrence *recurrence, int64_t at)
{
	int64_t day = calendar_slots_divide(at, RECURRENCE_DAY_MINUTES);
	int minute = minute_of(at, day);

	for (;; day--, minute = RECURRENCE_DAY_MINUTES - 1)
		if (is_on(recurrence, day) && (minute = recurrence_last(recurrence, minute)) >= 0)
			return day * RECURRENCE_DAY_MINUTES + minute;
}

uint64_t calendar_slots_count(const struct recurrence *recurrence, int64_t after, int64_t until)
{
	int64_t first = calendar_slots_divide(after, RECURRENCE_DAY_MINUTES);
	int64_t last = calendar_slots_divide(until, RECURRENCE_DAY_MINUTES);
	uint64_t count = 0;

	for (int64_t day = first; day <= last; day++)
		if (is_on(recurrence, day))
			count += recurrence_count(
			    recurrence, day == last ? minute_of(until, day) : RECURRENCE_DAY_MINUTES - 1);
	if (is_on(recurrence, first))
		count -= recurrence_count(recurrence, minute_of(after, first));
	return count;
}
