/* The Jadwal: what is due in a month, day by day, to be hung up and initialled. */
#ifndef PULIH_RECORD_REPORT_SCHEDULE_H
#define PULIH_RECORD_REPORT_SCHEDULE_H

#include "core/record/report_model.h"
#include "core/record/report_month.h"
#include "core/record/report_plan.h"

/* In the language of the filer's office and the time zone of the process. Times outside the month are left out. */
enum err report_schedule(struct report_model *model, const struct report_month *month, const struct report_plan *plans,
    size_t plans_count, const struct report_filer *filer);

#endif
