/* How a run may use the machine, from the configuration: the job's word before the office's, before these. */
#ifndef PULIH_CONF_LIMITS_H
#define PULIH_CONF_LIMITS_H

#include "conf/configuration.h"

#define LIMITS_PARALLEL_MAX 16
#define LIMITS_RETRIES_MAX 20

struct limits {
	unsigned parallel;   /* 1: runs share one disk, more at a time are no faster */
	int64_t timeout;     /* ns; 12 h: longer than a night, shorter than a day */
	int nice;	     /* 10 */
	bool idle;	     /* true: the disk is for others first; false: best effort */
	uint64_t bandwidth;  /* bytes a second, 0: no limit */
	unsigned retries;    /* 3 */
	int64_t retry_pause; /* ns; 5 min */
};

/* `job` NULL: those of the office. The configuration was checked. */
struct limits limits_of(const struct configuration *configuration, const struct configuration_job *job);

/* "90s", "5m", "6h", "2d", at most 30 days, as ns; false where the text is anything else or 0. */
bool limits_span(const char *text, int64_t *out);
/* "500k", "2M", "1G", in powers of 1024; at least 1 KiB a second, else a run would never end. */
bool limits_rate(const char *text, uint64_t *out);

#endif
