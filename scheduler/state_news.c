/* What people must be told, until it is in the outbox. */
#include "scheduler/state_internal.h"

#include "core/base/mem.h"

static const char *const kinds[] = {[STATE_NEWS_MISSED] = "missed", [STATE_NEWS_CUT_OFF] = "cut_off"};

enum err state_news_missed(struct state *state, const struct state_run *run)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "INSERT INTO news (kind, job, run_id, planned, missed) VALUES ('missed', ?1, '', ?2, ?3)");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, run->job);
	database_set_number(query, 2, run->planned);
	database_set_number(query, 3, (int64_t)run->missed);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err state_news_cut_off(struct state *state, int64_t id)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "INSERT INTO news (kind, job, run_id, planned, missed) SELECT 'cut_off', job, run_id, planned, 0 FROM run "
	    "WHERE id = ?1");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, id);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err state_news_first(struct state *state, struct state_news *news, bool *found)
{
	struct database_query *query;
	enum err err = database_prepare(
	    &query, state->database, "SELECT id, kind, job, run_id, planned, missed FROM news ORDER BY id LIMIT 1");

	*news = (struct state_news){0};
	*found = false;
	if (err != ERR_OK)
		return err;
	err = database_step(query, found);
	if (*found) {
		news->id = database_number(query, 0);
		news->kind = strcmp(database_text(query, 1), kinds[STATE_NEWS_MISSED]) == 0 ? STATE_NEWS_MISSED
											    : STATE_NEWS_CUT_OFF;
		snprintf(news->job, sizeof(news->job), "%s", database_text(query, 2));
		snprintf(news->run_id, sizeof(news->run_id), "%s", database_text(query, 3));
		news->planned = database_number(query, 4);
		news->missed = (uint64_t)database_number(query, 5);
	}
	database_query_free(query);
	return err;
}

enum err state_news_done(struct state *state, int64_t id)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database, "DELETE FROM news WHERE id = ?1");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, id);
	err = database_execute(query);
	database_query_free(query);
	return err;
}
