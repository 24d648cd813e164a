/* The end of a run whose process is gone. */
#include "scheduler/run_internal.h"

#include "core/base/mem.h"
#include "scheduler/office.h"

/* A marker of this run is done with; one of another run is left to the next run of the job. */
static enum err remove_marker(const struct run *run)
{
	struct run_begun begun;
	enum err err = run_marker_read(run, &begun);

	if (err != ERR_OK || strcmp(begun.id, run->options->run_id) != 0)
		return err;
	return run_marker_remove(run);
}

enum err run_close_cut_off(const struct run_options *options, int64_t started, const char *how)
{
	struct run_result result = {0};
	struct run run = {
	    .options = options, .result = &result, .state_folder = options->access->state_folder, .lock = -1};
	struct run_begun begun = {.started = started, .planned = options->planned};
	enum err err = office_enter_zone(options->configuration);

	snprintf(begun.id, sizeof(begun.id), "%s", options->run_id);
	snprintf(begun.trigger, sizeof(begun.trigger), "%s", options->trigger);
	if (err == ERR_OK)
		err = run_lock(&run);
	/* An exclude file that is gone keeps no record from being written: what was to be backed up is named as far as it was read. */
	if (err == ERR_OK && run_sources(&run) == ERR_NOMEM)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = run_record_cut_off(&run, &begun, how);
	if (err == ERR_OK)
		err = remove_marker(&run);
	run_sources_free(&run);
	run_unlock(&run);
	run_result_free(&result);
	return err;
}
