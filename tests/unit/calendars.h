/* What the tests of calendars share. Each ends the test where something is wrong. */
#ifndef PULIH_TESTS_CALENDARS_H
#define PULIH_TESTS_CALENDARS_H

#include "scheduler/calendar.h"

/* Texts and windows of schedules, which are not constant there. */
extern char at_0000[6], at_0030[6], at_0100[6], at_0200[6], at_0215[6], at_0230[6], at_0300[6], at_0500[6], at_0501[6],
    at_2000[6], at_2330[6], at_2359[6];
extern char cron_weekdays[13], cron_either[18], cron_both[28], cron_leap[12], cron_minutes[16], cron_feb_sunday[13];
extern int sunday_monday_thursday[3];
extern struct configuration_window night, small_hours, short_window, around_midnight, nearly_all_day;

struct calendar *calendar_of(const struct configuration_schedule *schedule, const char *zone);
/* RFC 3339 → ns since 1970. */
int64_t instant(const char *text);

#endif
