/* How the scheduler calls the drill of a job beside the job itself: no job's name has a dot. */
#ifndef PULIH_SCHEDULER_DRILL_KEY_H
#define PULIH_SCHEDULER_DRILL_KEY_H

#include "conf/configuration.h"

#define DRILL_KEY_SUFFIX ".drill"
#define DRILL_KEY_SIZE (CONFIGURATION_NAME_MAX + sizeof(DRILL_KEY_SUFFIX)) /* of a key with its NUL */

/* Whether the key is that of a drill. */
bool drill_key_is(const char *key);
/* The job of a key, of a drill or not. Returns out. */
const char *drill_key_job(char out[CONFIGURATION_NAME_MAX + 1], const char *key);

/* Whether a run of the job is a drill, by its id. */
bool drill_key_of_run(const char *job, const char *run_id);

#endif
