/* The month that a paper is about, and what the configuration plans for it. */
#ifndef PULIH_CLI_PAPER_MONTH_H
#define PULIH_CLI_PAPER_MONTH_H

#include "scheduler/month_plan.h"

/* Loads the configuration, makes its time zone that of the process, and reads `text`, "2026-11"; NULL: `later` months after this one.
 * PL_OPTION_VALUE (ERR_USAGE). *plan is released with month_plan_free. */
enum err paper_month(struct report_month *month, struct month_plan *plan, const char *text, int later);

#endif
