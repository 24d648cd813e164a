/* What the configuration plans for a month, for papers about it. */
#ifndef PULIH_SCHEDULER_MONTH_PLAN_H
#define PULIH_SCHEDULER_MONTH_PLAN_H

#include "conf/configuration.h"
#include "core/base/buffer.h"
#include "core/record/record_ledger.h"
#include "core/record/report_month.h"
#include "core/record/report_plan.h"

struct month_plan_times {
	struct buffer instants, text;
};

/* Starts as {0}; released with month_plan_free. Borrows the configuration. */
struct month_plan {
	struct report_plan *items; /* one for each job, in the order of the configuration */
	size_t count;
	struct month_plan_times *own; /* 2 × count: what the items point at */
	struct report_filer filer;    /* the people of the first job sign; blanks where there is no job */
};

/* The month is one of the office's time zone. Errors are those of calendar_new. */
enum err month_plan_make(
    struct month_plan *out, const struct configuration *configuration, const struct report_month *month);
/* What ledger and scheduler know of the jobs: when each ran first, and what is at work or waits. A state that cannot be read tells nothing. */
enum err month_plan_look(struct month_plan *plan, struct record_ledger *ledger, const char *state_folder);
void month_plan_free(struct month_plan *plan);

#endif
