#include "cli/paper_month.h"

#include "cli/configured.h"
#include "cli/paper.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <time.h>

static void month_from_now(char out[16], int later)
{
	time_t now = (time_t)(clock_now() / CLOCK_SECOND);
	struct tm parts;

	localtime_r(&now, &parts);
	parts.tm_mday = 1;
	parts.tm_mon += later;
	parts.tm_isdst = -1;
	mktime(&parts);
	strftime(out, 16, "%Y-%m", &parts);
}

enum err paper_month(struct report_month *month, struct month_plan *plan, const char *text, int later)
{
	const struct configuration *configuration;
	char from_now[16];
	enum err err = configured_load(&configuration);

	if (err == ERR_OK)
		err = paper_timezone(configuration->office.timezone);
	if (err != ERR_OK)
		return err;
	if (!text)
		month_from_now(from_now, later);
	if (!report_month_of(month, text ? text : from_now))
		return fail(
		    PL_OPTION_VALUE, "--month: \"%s\" is no month; write it as 2026-11", text ? text : from_now);
	return month_plan_make(plan, configuration, month);
}
