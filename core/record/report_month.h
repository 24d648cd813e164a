/* Months, in the time zone of the process. */
#ifndef PULIH_RECORD_REPORT_MONTH_H
#define PULIH_RECORD_REPORT_MONTH_H

#include <stdbool.h>
#include <stdint.h>

struct report_month {
	char text[8];	       /* "2026-11" */
	int year, month, days; /* month 1 … 12 */
	int64_t from, until;   /* nanoseconds since 1970: from ≤ t < until */
};
/* False where the text is no month of 1970 to 2261. */
bool report_month_of(struct report_month *out, const char *text);

#endif
