/* What setup says: at its beginning, before it writes, where it was stopped, and at its end. */
#ifndef PULIH_CLI_SETUP_SUMMARY_H
#define PULIH_CLI_SETUP_SUMMARY_H

#include "cli/setup_ask.h"
#include "cli/setup_make.h"

struct setup_summary {
	const struct setup_request *request;
	struct setup_made made;
	bool enabled, ran; /* the scheduler, the first backup */
};

void setup_summary_welcome(const struct setup_request *request, const struct setup_ask *ask);
/* What will be made, for a person to agree to. */
void setup_summary_plan(const struct setup_request *request, const struct setup_ask *ask);
/* After a failure: what is there already, and how to go on. The failure of this thread stays what it is. */
void setup_summary_incomplete(const struct setup_summary *summary);
/* What was made, and what a person must do now. The same. */
void setup_summary_show(const struct setup_summary *summary);

#endif
