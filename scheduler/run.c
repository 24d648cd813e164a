#include "scheduler/run_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/office.h"
#include "targets/registry.h"

static void on_problem(void *context, const struct backup_problem *problem)
{
	struct run *run = context;
	json_t *object = NULL;

	if (json_array_size(run->problems) < RECORD_PROBLEMS_MAX)
		object = record_problem_json(problem);
	/* Without memory for it, it is at least counted. */
	if (!object || json_array_append_new(run->problems, object) != 0)
		run->problems_omitted++;
	if (run->options->on_problem)
		run->options->on_problem(run->options->context, problem);
}

static enum err open_repository(struct run *run)
{
	struct target *target = NULL;
	enum err err = target_open(&target, run->options->target_url, false);

	if (err == ERR_OK)
		err = repository_open(&run->repository, target, run->options->access);
	if (err != ERR_OK) {
		target_free(target);
		return err;
	}
	run->open = true;
	return ERR_OK;
}

static const struct configuration_files *files_of(const struct configuration_job *job)
{
	for (uint32_t i = 0; i < job->sources_count; i++)
		if (job->sources[i].files)
			return job->sources[i].files;
	return NULL;
}

static enum err back_up(struct run *run)
{
	const struct configuration_files *files = files_of(run->options->job);
	const struct backup_options options = {
	    .paths = run->paths,
	    .paths_count = run->paths_count,
	    .sqlite = run->databases,
	    .sqlite_count = run->databases_count,
	    .job = run->options->job->name,
	    .exclude = run->exclude,
	    .one_file_system = files && files->one_file_system,
	    .exclude_caches = files && files->exclude_caches,
	    .exclude_if_present = run->if_present,
	    .threads = run->options->threads,
	    .on_problem = on_problem,
	    .context = run,
	};

	return backup_run(&run->repository, &options, &run->result->backup);
}

/* The work, after the lock: whatever comes of it, a record follows. */
static enum err work(struct run *run)
{
	char cut_off[RECORD_ID_SIZE];
	int64_t cut_off_started;
	struct failure failure = {0};
	enum err recorded, err = run_marker_read(run, cut_off, &cut_off_started);

	if (err != ERR_OK)
		return err;
	err = run_sources(run);
	if (err == ERR_OK)
		err = open_repository(run);
	if (err != ERR_OK)
		failure = *failure_last();
	/* Its record comes before ours, signed where the keys are there. A ledger that takes none keeps no backup from being made. */
	if (cut_off[0] && run_record_cut_off(run, cut_off, cut_off_started) != ERR_OK)
		output_warning(failure_last()->id, "the run %s was cut off, and gets no record: %s", cut_off,
		    failure_last()->text);
	recorded = run_marker_write(run);
	if (recorded != ERR_OK)
		return recorded;
	err = err == ERR_OK ? back_up(run) : failure_put(&failure);
	if (err == ERR_OK || err == ERR_PARTIAL) {
		failure = *failure_last();
		recorded = run_compare(run);
		err = recorded != ERR_OK ? recorded : err == ERR_OK ? ERR_OK : failure_put(&failure);
	}
	run->ended = clock_now();
	failure = *failure_last();
	if (run->open)
		run_facts(run);
	failure_put(&failure);
	recorded = run_record(run, err);
	if (recorded == ERR_OK)
		recorded = run_marker_remove(run);
	if (recorded != ERR_OK && (err == ERR_OK || err == ERR_PARTIAL))
		return fail_context(recorded, "the backup is done, but its record could not be written");
	if (recorded != ERR_OK)
		output_failure_warning(failure_last());
	run_send(run);
	return err == ERR_OK ? ERR_OK : failure_put(&failure);
}

enum err run_job(const struct run_options *options, struct run_result *result)
{
	struct run run = {
	    .options = options, .result = result, .state_folder = options->access->state_folder, .lock = -1};
	enum err err;

	*result = (struct run_result){0};
	err = office_enter_zone(options->configuration);
	if (err != ERR_OK)
		return err;
	run.started = clock_now();
	run.problems = json_array();
	err = run.problems ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK)
		err = record_new_id(result->id, options->job->name, run.started);
	if (err == ERR_OK)
		err = run_lock(&run);
	if (err == ERR_OK) {
		run_notify_start(&run);
		err = work(&run);
	}
	repository_close(&run.repository);
	run_sources_free(&run);
	run_unlock(&run);
	/* Without the lock: a server that is slow holds up nobody. A job that is running already speaks for itself. */
	if (err != ERR_BUSY || run.result->original.length > 0)
		run_notify_end(&run, err);
	json_decref(run.problems);
	return err;
}

void run_result_free(struct run_result *result)
{
	backup_result_free(&result->backup);
	buffer_free(&result->original);
	notify_results_free(&result->notifications);
	*result = (struct run_result){0};
}
