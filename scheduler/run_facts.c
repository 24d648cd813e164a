/* What a record says beyond the backup itself. */
#include "scheduler/run_internal.h"

#include <unistd.h>

#define HOST_SIZE 256

/* The start of the last backup of this job on this host that was there when this run began. */
static enum err find_previous(struct run *run)
{
	struct snapshot_list list = {0};
	char host[HOST_SIZE] = "";
	const struct snapshot_filter filter = {.host = host, .job = run->options->job->name};
	enum err err;

	gethostname(host, sizeof(host) - 1);
	err = snapshot_list_load(&list, run->repository.target, run->repository.keys);
	for (size_t i = 0; err == ERR_OK && i < list.count; i++)
		if (snapshot_matches(&list.items[i], &filter) && list.items[i].started < run->started &&
		    list.items[i].started > run->previous_started)
			run->previous_started = list.items[i].started;
	snapshot_list_free(&list);
	return err;
}

void run_facts(struct run *run)
{
	if (target_space(run->repository.target, &run->space) != ERR_OK)
		run->space = (struct target_space){0};
	if (target_medium(run->repository.target, &run->medium) != ERR_OK)
		run->medium = (struct target_medium){0};
	if (run->options->drill)
		return; /* what it found of the backup's age is in its own part */
	if (find_previous(run) != ERR_OK)
		run->previous_started = 0;
	if (verify_age_of(&run->repository, &run->age) != ERR_OK)
		run->age = (struct verify_age){0};
}
