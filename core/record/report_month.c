#include "core/record/report_month.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Midnight of the first day of a month, which may be 13. */
static int64_t first_of(int year, int month)
{
	struct tm parts = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 1, .tm_isdst = -1};

	return (int64_t)mktime(&parts) * CLOCK_SECOND;
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool report_month_of(struct report_month *out, const char *text)
{
	static const char form[] = "dddd-dd";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	out->year = atoi(text);
	out->month = atoi(text + strlen("2026-"));
	if (out->year < 1970 || out->year > 2261 || out->month < 1 || out->month > 12)
		return false;
	snprintf(out->text, sizeof(out->text), "%s", text);
	out->days = days_of(out->year, out->month);
	out->from = first_of(out->year, out->month);
	out->until = first_of(out->year, out->month + 1);
	return true;
}
