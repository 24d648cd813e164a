#include "conf/cron.h"

#include <string.h>

#define ALL_HOURS UINT32_C(0x00ffffff)
#define ALL_DAYS UINT32_C(0xfffffffe)
#define ALL_MONTHS UINT32_C(0x1ffe)
#define ALL_WEEKDAYS UINT32_C(0xfe)

bool recurrence_time(const char *text, unsigned *minute)
{
	unsigned hours, minutes;

	if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 ||
	    strspn(text + 3, "0123456789") != 2)
		return false;
	hours = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
	minutes = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
	*minute = hours * 60 + minutes;
	return hours < 24 && minutes < 60;
}

bool recurrence_within(unsigned minute, unsigned from, unsigned to)
{
	return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

static bool is_within(int value, int low, int high)
{
	return value >= low && value <= high;
}

static bool set_hours(struct recurrence *out, const struct configuration_schedule *schedule)
{
	int hours = schedule->hours > 0 ? schedule->hours : 1;

	if (!is_within(hours, 1, 23) || !is_within(schedule->minute, 0, 59))
		return false;
	out->hours = 0;
	for (int hour = 0; hour < 24; hour += hours)
		out->hours |= UINT32_C(1) << hour;
	out->minutes = UINT64_C(1) << schedule->minute;
	return true;
}

static bool set_weekdays(struct recurrence *out, const struct configuration_schedule *schedule)
{
	const int *weekdays = schedule->weekdays_count > 0 ? schedule->weekdays : &schedule->weekday;
	uint32_t count = schedule->weekdays_count > 0 ? schedule->weekdays_count : 1;

	out->weekdays = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (!is_within(weekdays[i], 1, 7))
			return false;
		out->weekdays |= UINT32_C(1) << weekdays[i];
	}
	return true;
}

static bool set_every(struct recurrence *out, const struct configuration_schedule *schedule)
{
	unsigned at;

	*out =
	    (struct recurrence){.hours = ALL_HOURS, .days = ALL_DAYS, .months = ALL_MONTHS, .weekdays = ALL_WEEKDAYS};
	if (schedule->every == EVERY_HOUR)
		return set_hours(out, schedule);
	if (!schedule->at || !recurrence_time(schedule->at, &at))
		return false;
	out->hours = UINT32_C(1) << (at / 60);
	out->minutes = UINT64_C(1) << (at % 60);
	switch (schedule->every) {
	case EVERY_DAY:
		return true;
	case EVERY_WEEK:
		return set_weekdays(out, schedule);
	case EVERY_MONTH:
		if (!is_within(schedule->day, 1, 31))
			return false;
		out->days = UINT32_C(1) << schedule->day;
		out->last_day = true;
		return true;
	default:
		return false;
	}
}

enum err recurrence_of(struct recurrence *out, const struct configuration_schedule *schedule)
{
	struct cron_error error;

	if (schedule->every == EVERY_CRON) {
		if (!schedule->cron)
			return fail(PL_CONFIG_VALUE, "the schedule names neither an interval nor a cron expression");
		if (!cron_parse(schedule->cron, out, &error))
			return fail(
			    PL_CONFIG_VALUE, "the cron expression \"%s\" is wrong: %s", schedule->cron, error.text);
	} else if (!set_every(out, schedule)) {
		return fail(PL_CONFIG_VALUE, "a time, an hour or a day of the schedule is not one that there is");
	}
	if (!recurrence_possible(out))
		return fail(PL_CONFIG_VALUE, "the schedule is never due: no such month has such a day");
	return ERR_OK;
}

bool recurrence_on(const struct recurrence *recurrence, const struct recurrence_date *date)
{
	bool by_day = recurrence->days >> date->day & 1, by_weekday = recurrence->weekdays >> date->weekday & 1;

	if (recurrence->last_day && date->day == date->month_days)
		by_day = recurrence->days >> date->day != 0;
	if (!(recurrence->months >> date->month & 1))
		return false;
	return recurrence->either ? by_day || by_weekday : by_day && by_weekday;
}

bool recurrence_possible(const struct recurrence *recurrence)
{
	static const unsigned longest[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (unsigned month = 1; month <= 12; month++)
		for (unsigned day = 1; day <= longest[month]; day++)
			for (unsigned weekday = 1; weekday <= 7; weekday++)
				if (recurrence_on(
					recurrence, &(struct recurrence_date){day, month, longest[month], weekday}))
					return true;
	return false;
}

int recurrence_first(const struct recurrence *recurrence, int from)
{
	for (int hour = from / 60; hour < 24; hour++) {
		uint64_t minutes = recurrence->minutes;

		if (hour == from / 60)
			minutes &= ~UINT64_C(0) << (from % 60);
		if ((recurrence->hours >> hour & 1) && minutes)
			return hour * 60 + __builtin_ctzll(minutes);
	}
	return -1;
}

int recurrence_last(const struct recurrence *recurrence, int until)
{
	for (int hour = until / 60; until >= 0 && hour >= 0; hour--) {
		uint64_t minutes = recurrence->minutes;

		if (hour == until / 60)
			minutes &= ~(~UINT64_C(1) << (until % 60));
		if ((recurrence->hours >> hour & 1) && minutes)
			return hour * 60 + 63 - __builtin_clzll(minutes);
	}
	return -1;
}

unsigned recurrence_count(const struct recurrence *recurrence, int until)
{
	int hour = until / 60, before;
	unsigned count;

	if (until < 0)
		return 0;
	before = __builtin_popcount(recurrence->hours & ~(~UINT32_C(0) << hour));
	count = (unsigned)(before * __builtin_popcountll(recurrence->minutes));
	if (recurrence->hours >> hour & 1)
		count += (unsigned)__builtin_popcountll(recurrence->minutes & ~(~UINT64_C(1) << (until % 60)));
	return count;
}
