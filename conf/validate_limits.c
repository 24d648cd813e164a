/* What no schema can say of limits, priorities and commands. */
#include "conf/configuration_internal.h"
#include "conf/limits.h"

#define PRIORITY_MAX 100

static enum err check_range(
    struct locate *locate, const char *path, const char *member, const int *value, int least, int most)
{
	if (!value || (*value >= least && *value <= most))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.%s", path, member).text,
	    "%d is out of range; allowed: %d to %d", *value, least, most);
}

static enum err check_span(struct locate *locate, const char *path, const char *member, const char *text)
{
	int64_t span;

	if (!text || limits_span(text, &span))
		return ERR_OK;
	return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.%s", path, member).text,
	    "\"%s\" is no span of time; allowed: a number and one of s m h d, from 1s to 30d, as 6h", text);
}

enum err validate_limits(
    struct locate *locate, const struct configuration_limits *limits, const char *path, bool of_job)
{
	uint64_t rate;
	enum err err;

	if (of_job && limits->parallel)
		return locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.parallel", path).text,
		    "this is for the whole office; allowed: under limits at the top of the file");
	err = check_range(locate, path, "parallel", limits->parallel, 1, LIMITS_PARALLEL_MAX);
	if (err == ERR_OK)
		err = check_range(locate, path, "nice", limits->nice, 0, 19);
	if (err == ERR_OK)
		err = check_range(locate, path, "retries", limits->retries, 0, LIMITS_RETRIES_MAX);
	if (err == ERR_OK)
		err = check_span(locate, path, "timeout", limits->timeout);
	if (err == ERR_OK)
		err = check_span(locate, path, "retry_pause", limits->retry_pause);
	if (err == ERR_OK && limits->ionice && strcmp(limits->ionice, "idle") != 0 &&
	    strcmp(limits->ionice, "best-effort") != 0)
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.ionice", path).text,
		    "\"%s\" is no class; allowed: idle or best-effort", limits->ionice);
	if (err == ERR_OK && limits->bandwidth && !limits_rate(limits->bandwidth, &rate))
		err = locate_fail(locate, PL_CONFIG_VALUE, locate_path("%s.bandwidth", path).text,
		    "\"%s\" is no number of bytes a second; allowed: a number and one of k M G, at least 1k, as 2M",
		    limits->bandwidth);
	return err;
}

enum err validate_running(struct locate *locate, const struct configuration_job *job, const char *path)
{
	enum err err = check_range(locate, path, "priority", &job->priority, -PRIORITY_MAX, PRIORITY_MAX);

	if (err == ERR_OK && job->limits)
		err = validate_limits(locate, job->limits, locate_path("%s.limits", path).text, true);
	return err;
}
