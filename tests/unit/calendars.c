#include "tests/unit/calendars.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

char at_0000[] = "00:00", at_0030[] = "00:30", at_0100[] = "01:00", at_0200[] = "02:00", at_0215[] = "02:15",
     at_0230[] = "02:30", at_0300[] = "03:00", at_0500[] = "05:00", at_0501[] = "05:01", at_2000[] = "20:00",
     at_2330[] = "23:30", at_2359[] = "23:59";
char cron_weekdays[] = "15 1 * * 1-5", cron_either[] = "*/20 0-3 13 * fri", cron_both[] = "5 2 */2 jan,apr,jul,oct mon",
     cron_leap[] = "0 12 29 2 *", cron_minutes[] = "7-59/10 * * * *", cron_feb_sunday[] = "0 0 29 2 */7";
int sunday_monday_thursday[] = {4, 7, 1};
struct configuration_window night = {at_2000, at_0500}, small_hours = {at_0200, at_0300},
			    short_window = {at_0230, at_0300}, around_midnight = {at_2359, at_0030},
			    nearly_all_day = {at_0501, at_0500};

struct calendar *calendar_of(const struct configuration_schedule *schedule, const char *zone)
{
	struct calendar *calendar = NULL;

	if (calendar_new(&calendar, schedule, zone) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	return calendar;
}

int64_t instant(const char *text)
{
	int64_t out = 0;

	assert_true(clock_parse(text, &out));
	return out;
}
