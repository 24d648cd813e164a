/* When a report that nobody reviewed is overdue: what the configuration says for the office and for a job, and what counts where it says
 * nothing. */
#ifndef PULIH_CONF_REVIEW_RULES_H
#define PULIH_CONF_REVIEW_RULES_H

#include "conf/configuration.h"

#define REVIEW_REMIND_DEFAULT "3d"
#define REVIEW_ESCALATE_DEFAULT "7d"

struct review_rules {
	int64_t remind_after, escalate_after;		/* nanoseconds after the end of the run */
	const struct configuration_person *escalate_to; /* NULL: nobody; borrowed */
};
/* `job` NULL: one that the configuration no longer describes. Without escalate_to it is the first person with the role head. */
struct review_rules review_rules_of(const struct configuration *configuration, const struct configuration_job *job);

/* "12h", "3d", "2w": 1 to 9999 of them; false for anything else. */
bool review_rules_span(const char *text, int64_t *out);

#endif
