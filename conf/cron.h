/* A cron expression of five fields, with the meaning of Vixie's cron: minute, hour, day of the month, month, day of the week.
 *
 * A field is a list of items with ',' between them: '*', a value, a range a-b, each of the first and the last perhaps with a step /n. Months and
 * days of the week may be the first three letters of their English names, in any case; 0 and 7 are Sunday. Where neither the day of the month
 * nor the day of the week begins with '*', a date that fits either is meant; else it must fit both. */
#ifndef PULIH_CONF_CRON_H
#define PULIH_CONF_CRON_H

#include "conf/recurrence.h"

#define CRON_MAX 200 /* bytes of an expression: whatever is longer can be said with ranges and steps */

struct cron_error {
	size_t offset;	/* bytes from the start of the expression to what is wrong */
	char text[240]; /* names the field and what is allowed */
};

/* False where the text is no such expression, and *error (whole) says why. */
bool cron_parse(const char *text, struct recurrence *out, struct cron_error *error);

#endif
