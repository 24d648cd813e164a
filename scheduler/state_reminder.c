/* What was told of reports that wait for their review. */
#include "scheduler/state_internal.h"

#include "core/base/mem.h"

enum err state_reminder_find(struct state *state, struct state_reminder *reminder)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(
	    &query, state->database, "SELECT stage, told FROM reminder WHERE run_id = ?1 AND since = ?2");

	reminder->stage = 0;
	reminder->told = 0;
	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, reminder->run_id);
	database_set_number(query, 2, reminder->since);
	err = database_step(query, &row);
	if (row) {
		reminder->stage = (unsigned)database_number(query, 0);
		reminder->told = database_number(query, 1);
	}
	database_query_free(query);
	return err;
}

static enum err set_all(struct state *state, const struct state_reminder *reminders, size_t count)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "INSERT OR REPLACE INTO reminder (run_id, since, stage, told) VALUES (?1, ?2, ?3, ?4)");

	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		database_set_text(query, 1, reminders[i].run_id);
		database_set_number(query, 2, reminders[i].since);
		database_set_number(query, 3, reminders[i].stage);
		database_set_number(query, 4, reminders[i].told);
		err = database_execute(query);
	}
	database_query_free(query);
	return err;
}

enum err state_reminder_set(struct state *state, const struct state_reminder *reminders, size_t count)
{
	enum err err = database_begin(state->database);

	if (err != ERR_OK)
		return err;
	err = set_all(state, reminders, count);
	if (err == ERR_OK)
		return database_commit(state->database);
	database_rollback(state->database);
	return err;
}

/* Sorted by run_id, for a search. */
static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads names in the order of the table, and removes those that are not among the sorted ones. */
static enum err remove_others(struct state *state, const char *const *kept, size_t count)
{
	struct database_query *all = NULL, *one = NULL;
	bool row = false;
	enum err err =
	    database_prepare(&all, state->database, "SELECT run_id FROM reminder WHERE run_id > ?1 ORDER BY run_id");
	char last[RECORD_ID_SIZE] = "";

	if (err == ERR_OK)
		err = database_prepare(&one, state->database, "DELETE FROM reminder WHERE run_id = ?1");
	while (err == ERR_OK) {
		const char *name = last;

		/* From where it was: a row is not taken away under the statement that reads it. */
		database_set_text(all, 1, last);
		err = database_step(all, &row);
		if (err != ERR_OK || !row)
			break;
		snprintf(last, sizeof(last), "%s", database_text(all, 0));
		database_reset(all);
		if (count > 0 && bsearch(&name, kept, count, sizeof(*kept), compare))
			continue;
		database_set_text(one, 1, last);
		err = database_execute(one);
	}
	database_query_free(all);
	database_query_free(one);
	return err;
}

enum err state_reminder_keep(struct state *state, const struct state_reminder *reminders, size_t count)
{
	const char **kept = mem_calloc(count + 1, sizeof(*kept));
	enum err err = kept ? database_begin(state->database) : ERR_NOMEM;

	if (err != ERR_OK) {
		mem_free(kept);
		return err;
	}
	for (size_t i = 0; i < count; i++)
		kept[i] = reminders[i].run_id;
	qsort(kept, count, sizeof(*kept), compare);
	err = remove_others(state, kept, count);
	mem_free(kept);
	if (err == ERR_OK)
		return database_commit(state->database);
	database_rollback(state->database);
	return err;
}
