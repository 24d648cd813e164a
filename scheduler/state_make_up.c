/* A run that waited too long for its time. */
#include "scheduler/state_internal.h"

/* Whether a run of that planned time began before: what found the job at work, or no process, did not. */
static enum err look_for_begun(struct state *state, const struct state_run *run, bool *begun)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "SELECT 1 FROM run WHERE job = ?1 AND planned = ?2 AND run_id <> '' AND result NOT IN ('busy', "
	    "'not_started')");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, run->job);
	database_set_number(query, 2, run->planned);
	err = database_step(query, begun);
	database_query_free(query);
	return err;
}

static enum err update(struct state *state, const struct state_run *run, bool missed)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "UPDATE run SET trigger = 'catch_up', missed = missed + ?2 WHERE id = ?1 AND trigger = 'scheduled'");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, run->id);
	database_set_number(query, 2, missed);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err state_make_up(struct state *state, struct state_run *run, bool *missed)
{
	struct state_run news = *run;
	bool begun = false;
	enum err err;

	*missed = false;
	if (strcmp(run->trigger, "scheduled") != 0)
		return ERR_OK;
	err = database_begin(state->database);
	if (err != ERR_OK)
		return err;
	err = look_for_begun(state, run, &begun);
	if (err == ERR_OK)
		err = update(state, run, !begun);
	news.missed = 1;
	if (err == ERR_OK && !begun)
		err = state_news_missed(state, &news);
	if (err == ERR_OK)
		err = database_commit(state->database);
	else
		database_rollback(state->database);
	if (err != ERR_OK)
		return err;
	*missed = !begun;
	run->missed += !begun;
	snprintf(run->trigger, sizeof(run->trigger), "catch_up");
	return ERR_OK;
}
