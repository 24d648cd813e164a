#include "conf/review_rules.h"

#include "core/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * CLOCK_SECOND)

bool review_rules_span(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	long count = digits >= 1 && digits <= 4 ? strtol(text, NULL, 10) : 0;
	int64_t unit = 0;

	if (strcmp(text + digits, "h") == 0)
		unit = HOUR;
	else if (strcmp(text + digits, "d") == 0)
		unit = 24 * HOUR;
	else if (strcmp(text + digits, "w") == 0)
		unit = 7 * 24 * HOUR;
	*out = count * unit;
	return *out > 0;
}

static const char *chosen(const char *of_job, const char *of_office, const char *otherwise)
{
	return of_job ? of_job : of_office ? of_office : otherwise;
}

static const char *head_of(const struct configuration *configuration)
{
	for (uint32_t i = 0; i < configuration->people_count; i++)
		if (configuration->people[i].role == ROLE_HEAD)
			return configuration->people[i].id;
	return NULL;
}

struct review_rules review_rules_of(const struct configuration *configuration, const struct configuration_job *job)
{
	static const struct configuration_review none;
	const struct configuration_review *office = configuration->review ? configuration->review : &none;
	const struct configuration_review *own = job && job->review ? job->review : &none;
	const char *escalate_to = chosen(own->escalate_to, office->escalate_to, head_of(configuration));
	struct review_rules rules;

	/* They were checked when the configuration was read. */
	(void)review_rules_span(
	    chosen(own->remind_after, office->remind_after, REVIEW_REMIND_DEFAULT), &rules.remind_after);
	(void)review_rules_span(
	    chosen(own->escalate_after, office->escalate_after, REVIEW_ESCALATE_DEFAULT), &rules.escalate_after);
	rules.escalate_to = escalate_to ? configuration_person(configuration, escalate_to) : NULL;
	return rules;
}
