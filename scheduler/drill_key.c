#include "scheduler/drill_key.h"

#include <stdio.h>
#include <string.h>

#define ID_TIME 16 /* bytes of "20261122t010000-", with which an id begins */

bool drill_key_is(const char *key)
{
	size_t length = strlen(key), suffix = strlen(DRILL_KEY_SUFFIX);

	return length > suffix && strcmp(key + length - suffix, DRILL_KEY_SUFFIX) == 0;
}

const char *drill_key_job(char out[CONFIGURATION_NAME_MAX + 1], const char *key)
{
	size_t length = strlen(key) - (drill_key_is(key) ? strlen(DRILL_KEY_SUFFIX) : 0);

	snprintf(out, CONFIGURATION_NAME_MAX + 1, "%.*s", (int)length, key);
	return out;
}

bool drill_key_of_run(const char *job, const char *run_id)
{
	static const char kind[] = "-drill-";
	size_t length = strlen(job);

	return strlen(run_id) > ID_TIME + length && strncmp(run_id + ID_TIME, job, length) == 0 &&
	    strncmp(run_id + ID_TIME + length, kind, sizeof(kind) - 1) == 0;
}
