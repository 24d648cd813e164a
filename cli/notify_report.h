/* Shows what became of notifications. */
#ifndef PULIH_CLI_NOTIFY_REPORT_H
#define PULIH_CLI_NOTIFY_REPORT_H

#include "scheduler/notify.h"

/* A line for each, or a "notification" object; what was not taken is a warning. Those that were taken only with `all`, or -v. */
void notify_report_show(const struct notify_results *results, bool all);

#endif
