/* What the job's rules no longer keep is forgotten behind a good run. It says so, and never makes a good run a bad one. */
#include "core/base/output.h"
#include "scheduler/forget.h"
#include "scheduler/run_internal.h"

#include <unistd.h>

#define HOST_SIZE 256

void run_retention(struct run *run)
{
	const struct configuration_job *job = run->options->job;
	char host[HOST_SIZE] = "";
	struct forget_result result;
	enum err err;

	if (!job->keep || !run->open)
		return;
	if (!run->repository.keys->full) {
		output_note(
		    "what the rules of job %s no longer keep is left to an administrator (pulih forget): this key "
		    "can only add backups",
		    job->name);
		return;
	}
	gethostname(host, sizeof(host) - 1);
	err = forget_run(&run->repository,
	    &(struct forget_options){
		.retention = retention_of(job->keep),
		.filter = {.host = host, .job = job->name},
		.made = run->result->backup.snapshot.id,
		.state_folder = run->state_folder,
		.target_name = job->target,
		.configuration = run->options->configuration,
	    },
	    &result);
	if (err != ERR_OK) {
		fail_context(err, "what job %s no longer keeps could not be forgotten", job->name);
		output_failure_warning(failure_last());
	} else if (result.forgotten > 0) {
		output_note("%llu backups that no rule of job %s keeps were forgotten (record %s)",
		    (unsigned long long)result.forgotten, job->name, result.record);
	}
}
