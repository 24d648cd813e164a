#include "conf/limits.h"

#include <string.h>

#define SECOND INT64_C(1000000000)
#define SPAN_MAX (30 * 86400 * SECOND)
#define RATE_MIN 1024u

/* A number of at most `digits` digits; *rest is what follows it. */
static bool read_number(const char *text, size_t digits, uint64_t *out, const char **rest)
{
	size_t length = strspn(text, "0123456789");

	*out = 0;
	*rest = text + length;
	if (length < 1 || length > digits)
		return false;
	for (size_t i = 0; i < length; i++)
		*out = *out * 10 + (uint64_t)(text[i] - '0');
	return true;
}

bool limits_span(const char *text, int64_t *out)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	const char *unit;
	uint64_t number;

	if (!read_number(text, 7, &number, &unit) || strlen(unit) != 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == *unit) {
			*out = (int64_t)number * units[i].seconds * SECOND;
			return *out > 0 && *out <= SPAN_MAX;
		}
	return false;
}

bool limits_rate(const char *text, uint64_t *out)
{
	static const char letters[] = "kMG";
	const char *unit, *letter;

	if (!read_number(text, 9, out, &unit) || strlen(unit) > 1)
		return false;
	letter = strchr(letters, *unit);
	if (!letter)
		return false;
	if (*unit)
		*out <<= 10 * (letter - letters + 1);
	return *out >= RATE_MIN;
}

static void apply(struct limits *limits, const struct configuration_limits *words)
{
	if (!words)
		return;
	if (words->parallel)
		limits->parallel = (unsigned)*words->parallel;
	if (words->timeout)
		limits_span(words->timeout, &limits->timeout);
	if (words->nice)
		limits->nice = *words->nice;
	if (words->ionice)
		limits->idle = strcmp(words->ionice, "idle") == 0;
	if (words->bandwidth)
		limits_rate(words->bandwidth, &limits->bandwidth);
	if (words->retries)
		limits->retries = (unsigned)*words->retries;
	if (words->retry_pause)
		limits_span(words->retry_pause, &limits->retry_pause);
}

struct limits limits_of(const struct configuration *configuration, const struct configuration_job *job)
{
	struct limits limits = {.parallel = 1,
	    .timeout = 12 * 3600 * SECOND,
	    .nice = 10,
	    .idle = true,
	    .retries = 3,
	    .retry_pause = 5 * 60 * SECOND};

	apply(&limits, configuration->limits);
	if (job)
		apply(&limits, job->limits);
	return limits;
}
