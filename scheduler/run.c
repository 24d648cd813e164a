#include "scheduler/run_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "conf/limits.h"
#include "core/record/record_ledger.h"
#include "scheduler/office.h"
#include "targets/registry.h"

#include <signal.h>
#include <unistd.h>

/* Names may be long, and every byte of one an escape: whoever may make files must not be able to make a record too long to be one. */
static bool fits(struct run *run, json_t *problem)
{
	size_t size = problem ? json_dumpb(problem, NULL, 0, JSON_COMPACT) : 0;

	if (size == 0 || size > RECORD_PROBLEMS_SIZE_MAX - run->problems_size)
		return false;
	run->problems_size += size;
	return true;
}

static void on_problem(void *context, const struct backup_problem *problem)
{
	struct run *run = context;
	json_t *object = NULL;

	if (json_array_size(run->problems) < RECORD_PROBLEMS_MAX)
		object = record_problem_json(problem);
	/* Without memory for it, or room, it is at least counted. */
	if (!fits(run, object)) {
		json_decref(object);
		object = NULL;
	}
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
	return keys_dump_text(run->repository.keys, run->restrict_key);
}

static const struct configuration_files *files_of(const struct configuration_job *job)
{
	for (uint32_t i = 0; i < job->sources_count; i++)
		if (job->sources[i].files)
			return job->sources[i].files;
	return NULL;
}

/* A backup that lacks a database has failed, though what else there was is stored: nobody who looks at the status only may think otherwise. */
static enum err without_databases(const struct run *run, enum err err)
{
	const struct backup_result *backup = &run->result->backup;

	if (backup->databases_missing == 0 || (err != ERR_PARTIAL && failure_last()->id != PL_NOTHING_READ))
		return err;
	run->result->incomplete = err == ERR_PARTIAL;
	return fail(PL_DATABASE_MISSING, "%llu %s not in the backup: %s", (unsigned long long)backup->databases_missing,
	    backup->databases_missing == 1 ? "source of databases is" : "sources of databases are",
	    backup->database_failure.text);
}

static enum err back_up(struct run *run)
{
	const struct configuration_files *files = files_of(run->options->job);
	const struct backup_options options = {
	    .paths = run->paths,
	    .paths_count = run->paths_count,
	    .sqlite = run->databases,
	    .sqlite_count = run->databases_count,
	    .streams = run->streams,
	    .streams_count = run->streams_count,
	    .job = run->options->job->name,
	    .exclude = run->exclude,
	    .one_file_system = files && files->one_file_system,
	    .exclude_caches = files && files->exclude_caches,
	    .exclude_if_present = run->if_present,
	    .threads = run->options->threads,
	    .rate = limits_of(run->options->configuration, run->options->job).bandwidth,
	    .on_problem = on_problem,
	    .context = run,
	};

	return without_databases(run, backup_run(&run->repository, &options, &run->result->backup));
}

/* ---- the limit of time ---- */

static volatile sig_atomic_t timed_out;

static void on_alarm(int number)
{
	(void)number;
	timed_out = 1;
	interrupt_set(true);
}

static void limit_time(const struct run *run)
{
	const struct limits limits = limits_of(run->options->configuration, run->options->job);
	struct sigaction action = {.sa_handler = on_alarm};

	if (!run->options->limited)
		return;
	timed_out = 0;
	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned)(limits.timeout / CLOCK_SECOND));
}

/* What was stopped for its time says so. */
static enum err unlimit_time(const struct run *run, enum err err)
{
	char limit[32];

	if (!run->options->limited)
		return err;
	alarm(0);
	if (err != ERR_INTERRUPTED || !timed_out)
		return err;
	interrupt_set(false);
	return fail(PL_RUN_TIMEOUT, "the run took longer than its limit of %s and was stopped",
	    output_duration(limit, limits_of(run->options->configuration, run->options->job).timeout));
}

/* ---- the work ---- */

/* The backup between the commands before and after it. */
static enum err work_between(struct run *run)
{
	struct failure kept;
	enum err after, err = run_command_before(run);

	if (err == ERR_OK)
		err = back_up(run);
	err = unlimit_time(run, err);
	kept = *failure_last();
	after = run_command_after(run);
	if (after != ERR_OK && err == ERR_OK)
		return after;
	if (after != ERR_OK)
		output_failure_warning(failure_last());
	return err == ERR_OK ? ERR_OK : failure_put(&kept);
}

/* What the backup found of earlier ones, and made good for itself alone: its record must not say that there is nothing to do. */
static void note_lost(struct run *run)
{
	struct failure kept = *failure_last();
	unsigned long long lost = run->result->backup.packs_lost;

	if (lost == 0)
		return;
	fail(PL_PACKS_LOST, "the backup is done, but %s lacks what earlier ones stored: %llu pack%s lost or damaged",
	    run->repository.target->url, lost, lost == 1 ? "" : "s");
	failure_take(&run->lost);
	failure_put(&kept);
}

/* After the lock: whatever comes of it, a record follows. */
static enum err work(struct run *run)
{
	struct run_begun cut_off;
	struct failure failure = {0};
	enum err recorded, err = run_marker_read(run, &cut_off);

	if (err != ERR_OK)
		return err;
	err = run_sources(run);
	if (err == ERR_OK)
		err = open_repository(run);
	if (err != ERR_OK)
		failure = *failure_last();
	/* Its record comes before ours, signed where the keys are there. A ledger that takes none keeps no backup from being made. */
	if (cut_off.id[0] && run_record_cut_off(run, &cut_off, NULL) != ERR_OK)
		output_warning(failure_last()->id, "the run %s was cut off, and gets no record: %s", cut_off.id,
		    failure_last()->text);
	recorded = run_marker_write(run);
	if (recorded != ERR_OK)
		return recorded;
	if (err == ERR_OK)
		err = run->options->drill ? unlimit_time(run, run_drill(run)) : work_between(run);
	else
		failure_put(&failure);
	if (!run->options->drill && (err == ERR_OK || err == ERR_PARTIAL)) {
		note_lost(run);
		failure = *failure_last();
		recorded = run_compare(run);
		err = recorded != ERR_OK ? recorded : err == ERR_OK ? ERR_OK : failure_put(&failure);
	}
	run->ended = clock_now();
	run->duration = clock_monotonic() - run->begun;
	failure = *failure_last();
	if (run->open)
		run_facts(run);
	failure_put(&failure);
	recorded = run_record(run, err);
	if (recorded == ERR_OK)
		recorded = run_marker_remove(run);
	if (recorded != ERR_OK && (err == ERR_OK || err == ERR_PARTIAL))
		return fail_context(recorded, "the %s is done, but its record could not be written",
		    run->options->drill ? "drill" : "backup");
	if (recorded != ERR_OK)
		output_failure_warning(failure_last());
	run_send(run);
	if (err != ERR_OK)
		return failure_put(&failure);
	if (recorded == ERR_OK && !run->options->drill)
		run_retention(run);
	return ERR_OK;
}

static enum err name_run(const struct run *run)
{
	const char *id = run->options->run_id;

	if (!id)
		return run->options->drill
		    ? record_new_id_of(run->result->id, RECORD_DRILL, run->options->job->name, run->started)
		    : record_new_id(run->result->id, run->options->job->name, run->started);
	snprintf(run->result->id, sizeof(run->result->id), "%s", id);
	return ERR_OK;
}

/* Asked under the lock: whoever closed the run as cut off had it too. */
static enum err check_open(const struct run *run)
{
	if (run->options->run_id && record_ledger_has(run->state_folder, run->options->run_id))
		return fail(PL_RECORD_EXISTS, "the run %s has its record already", run->options->run_id);
	return ERR_OK;
}

enum err run_job(const struct run_options *options, struct run_result *result)
{
	struct run run = {
	    .options = options, .result = result, .state_folder = options->access->state_folder, .lock = -1};
	bool begun = false;
	enum err err = office_enter_zone(options->configuration);

	*result = (struct run_result){0};
	if (err != ERR_OK)
		return err;
	run.started = clock_now();
	run.begun = clock_monotonic();
	run.problems = json_array();
	if (options->drill)
		result->drill = json_object();
	err = run.problems && (!options->drill || result->drill) ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK)
		err = name_run(&run);
	if (err == ERR_OK)
		err = run_lock(&run);
	if (err == ERR_OK)
		err = check_open(&run);
	if (err == ERR_OK) {
		begun = true;
		run_notify_start(&run);
		limit_time(&run);
		err = work(&run);
	}
	snapshot_list_free(&run.snapshots);
	repository_close(&run.repository);
	run_sources_free(&run);
	run_unlock(&run);
	/* Without the lock: a server that is slow holds up nobody. A job that is running already speaks for itself. */
	if (begun || (err != ERR_BUSY && err != ERR_EXISTS))
		run_notify_end(&run, err);
	json_decref(run.problems);
	return err;
}

void run_result_free(struct run_result *result)
{
	backup_result_free(&result->backup);
	buffer_free(&result->original);
	json_decref(result->drill);
	notify_results_free(&result->notifications);
	*result = (struct run_result){0};
}
