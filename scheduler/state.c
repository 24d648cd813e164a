#include "scheduler/state_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"

#define APPLICATION 0x70756c73 /* "puls" */

static const char *const steps[] = {
    "CREATE TABLE job ("
    "  name TEXT PRIMARY KEY,"
    "  schedule TEXT NOT NULL,"
    "  done_up_to INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE run ("
    "  id INTEGER PRIMARY KEY,"
    "  job TEXT NOT NULL,"
    "  planned INTEGER NOT NULL,"
    "  trigger TEXT NOT NULL CHECK (trigger IN ('scheduled', 'catch_up', 'manual', 'retry')),"
    "  missed INTEGER NOT NULL,"
    "  priority INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL CHECK (attempt > 0),"
    "  not_before INTEGER NOT NULL,"
    "  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done')),"
    "  run_id TEXT NOT NULL,"
    "  started INTEGER NOT NULL,"
    "  ended INTEGER NOT NULL,"
    "  result TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX run_of_job ON run (job, planned);"
    "CREATE INDEX run_open ON run (state) WHERE state <> 'done';"
    /* A job runs once at a time, and waits once. */
    "CREATE UNIQUE INDEX run_running ON run (job) WHERE state = 'running';"
    "CREATE UNIQUE INDEX run_queued ON run (job) WHERE state = 'queued';"
    "CREATE UNIQUE INDEX run_started ON run (run_id) WHERE run_id <> '';",
    "CREATE TABLE news ("
    "  id INTEGER PRIMARY KEY,"
    "  kind TEXT NOT NULL CHECK (kind IN ('missed', 'cut_off')),"
    "  job TEXT NOT NULL,"
    "  run_id TEXT NOT NULL,"
    "  planned INTEGER NOT NULL,"
    "  missed INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE reminder ("
    "  run_id TEXT PRIMARY KEY,"
    "  since INTEGER NOT NULL,"
    "  stage INTEGER NOT NULL,"
    "  told INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;",
    NULL};
static const struct database_form form = {"scheduler's state", APPLICATION, steps};

static const char *const phases[] = {[STATE_QUEUED] = "queued", [STATE_RUNNING] = "running", [STATE_DONE] = "done"};

enum err state_open(struct state **out, const char *state_folder, bool create)
{
	struct state *state = mem_calloc(1, sizeof(*state));
	char *path = path_join(state_folder, STATE_FILE);
	enum err err = state && path ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (err == ERR_OK && create)
		err = file_make_folders(state_folder, 0700);
	if (err == ERR_OK)
		err = database_open(&state->database, path, &form, create);
	mem_free(path);
	if (err == ERR_OK)
		*out = state;
	else
		mem_free(state);
	return err;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	database_close(state->database);
	mem_free(state);
}

enum err state_check(struct state *state)
{
	return database_check(state->database);
}

/* Commits what went well, undoes what did not. */
static enum err finish(struct state *state, enum err err)
{
	if (err == ERR_OK)
		return database_commit(state->database);
	database_rollback(state->database);
	return err;
}

/* ---- jobs ---- */

struct job_row {
	bool found, same_schedule;
	int64_t done_up_to, last_planned; /* the latest planned instant ≤ now of which a run is known; 0: none */
};

static enum err read_job(struct state *state, const char *job, const char *schedule, int64_t now, struct job_row *out)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "SELECT done_up_to, schedule = ?2, (SELECT max(planned) FROM run WHERE job = ?1 AND planned <= ?3) "
	    "FROM job WHERE name = ?1");

	*out = (struct job_row){0};
	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, job);
	database_set_text(query, 2, schedule);
	database_set_number(query, 3, now);
	err = database_step(query, &out->found);
	if (out->found) {
		out->done_up_to = database_number(query, 0);
		out->same_schedule = database_number(query, 1) != 0;
		out->last_planned = database_number(query, 2);
	}
	database_query_free(query);
	return err;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static enum err write_job(struct state *state, const char *job, const char *schedule, int64_t done_up_to)
{
	struct database_query *query;
	enum err err = database_prepare(
	    &query, state->database, "INSERT OR REPLACE INTO job (name, schedule, done_up_to) VALUES (?1, ?2, ?3)");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, job);
	database_set_text(query, 2, schedule);
	database_set_number(query, 3, done_up_to);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err state_see_job(struct state *state, const char *job, const char *schedule, int64_t now, int64_t *since)
{
	struct job_row row;
	enum err err = read_job(state, job, schedule, now, &row);

	*since = now;
	if (err != ERR_OK)
		return err;
	if (row.found && row.same_schedule && row.done_up_to <= now) {
		*since = later(row.done_up_to, row.last_planned);
		return ERR_OK;
	}
	if (row.found && row.same_schedule && row.last_planned > 0)
		*since = row.last_planned;
	return write_job(state, job, schedule, *since);
}

enum err state_since(struct state *state, const char *job, int64_t now, int64_t *since)
{
	struct job_row row;
	enum err err = read_job(state, job, "", now, &row);

	*since = later(row.done_up_to <= now ? row.done_up_to : 0, row.last_planned);
	return err;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static enum err remove_job(struct state *state, const char *job)
{
	static const char *const statements[] = {
	    "UPDATE run SET state = 'done', result = 'removed' WHERE job = ?1 AND state = 'queued'",
	    "DELETE FROM job WHERE name = ?1"};
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct database_query *query;

		err = database_prepare(&query, state->database, statements[i]);
		if (err != ERR_OK)
			break;
		database_set_text(query, 1, job);
		err = database_execute(query);
		database_query_free(query);
	}
	return err;
}

enum err state_keep_jobs(struct state *state, const char *const *names, size_t count)
{
	struct database_query *query = NULL;
	bool row = false;
	enum err err = database_begin(state->database);

	if (err != ERR_OK)
		return err;
	err = database_prepare(&query, state->database,
	    "SELECT name FROM job UNION SELECT job FROM run WHERE state = 'queued' ORDER BY 1");
	if (err == ERR_OK)
		err = database_step(query, &row);
	while (err == ERR_OK && row) {
		char *name = mem_string(database_text(query, 0));

		err = name ? ERR_OK : ERR_NOMEM;
		if (err == ERR_OK && !is_among(name, names, count))
			err = remove_job(state, name);
		mem_free(name);
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	return finish(state, err);
}

/* ---- runs ---- */

static enum err insert(struct state *state, const struct state_run *run)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "INSERT INTO run (job, planned, trigger, missed, priority, attempt, not_before, state, run_id, started, "
	    "ended, result) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', '', 0, 0, '')");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, run->job);
	database_set_number(query, 2, run->planned);
	database_set_text(query, 3, run->trigger);
	database_set_number(query, 4, (int64_t)run->missed);
	database_set_number(query, 5, run->priority);
	database_set_number(query, 6, run->attempt);
	database_set_number(query, 7, run->not_before);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

/* Whether a run of that planned time is known, and how many times those that wait stand for: each its own, and those it makes up for. */
static enum err look_at_runs(struct state *state, const struct state_run *run, bool *known, uint64_t *waiting)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, state->database,
	    "SELECT EXISTS (SELECT 1 FROM run WHERE job = ?1 AND planned = ?2), (SELECT coalesce(sum(missed + "
	    "(trigger = 'scheduled')), 0) FROM run WHERE job = ?1 AND state = 'queued')");

	*known = false;
	*waiting = 0;
	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, run->job);
	database_set_number(query, 2, run->planned);
	err = database_step(query, &row);
	if (row) {
		*known = database_number(query, 0) != 0;
		*waiting = (uint64_t)database_number(query, 1);
	}
	database_query_free(query);
	return err;
}

/* A statement of the job (?1) and the planned time (?2). */
static enum err execute(struct state *state, const struct state_run *run, const char *sql)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database, sql);

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, run->job);
	database_set_number(query, 2, run->planned);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err state_queue(struct state *state, struct state_run *run, bool *queued)
{
	bool known;
	uint64_t waiting;
	enum err err = database_begin(state->database);

	*queued = false;
	if (err != ERR_OK)
		return err;
	err = look_at_runs(state, run, &known, &waiting);
	if (err == ERR_OK)
		err = execute(state, run, "UPDATE job SET done_up_to = max(done_up_to, ?2) WHERE name = ?1");
	if (err == ERR_OK && !known)
		err = execute(state, run,
		    "UPDATE run SET state = 'done', result = 'superseded' WHERE job = ?1 AND state = 'queued' AND "
		    "planned <> ?2");
	if (err == ERR_OK && !known) {
		run->missed += waiting;
		err = insert(state, run);
	}
	if (err == ERR_OK && !known && run->missed > 0)
		err = state_news_missed(state, run);
	err = finish(state, err);
	*queued = err == ERR_OK && !known;
	return err;
}

enum err state_start(struct state *state, int64_t id, const char *run_id, int64_t started)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "UPDATE run SET state = 'running', run_id = ?2, started = ?3 WHERE id = ?1 AND state = 'queued'");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, id);
	database_set_text(query, 2, run_id);
	database_set_number(query, 3, started);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

static enum err set_done(struct state *state, int64_t id, int64_t ended, const char *result)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "UPDATE run SET state = 'done', ended = ?2, result = ?3 WHERE id = ?1 AND state = 'running'");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, id);
	database_set_number(query, 2, ended);
	database_set_text(query, 3, result);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

/* Where a later planned time of the job is waiting already, that one makes up for this one too. */
static enum err insert_again(struct state *state, const struct state_run *again)
{
	struct database_query *query;
	bool waiting = false;
	enum err err =
	    database_prepare(&query, state->database, "SELECT 1 FROM run WHERE job = ?1 AND state = 'queued'");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, again->job);
	err = database_step(query, &waiting);
	database_query_free(query);
	return err == ERR_OK && !waiting ? insert(state, again) : err;
}

enum err state_end(
    struct state *state, int64_t id, int64_t ended, const char *result, bool cut_off, const struct state_run *again)
{
	enum err err = database_begin(state->database);

	if (err != ERR_OK)
		return err;
	err = set_done(state, id, ended, result);
	if (err == ERR_OK && cut_off)
		err = state_news_cut_off(state, id);
	if (err == ERR_OK && again)
		err = insert_again(state, again);
	return finish(state, err);
}

/* ---- lists ---- */

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static enum err append_row(struct state_list *list, struct database_query *query)
{
	struct state_run *run;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct state_run *items = mem_resize(list->items, capacity, sizeof(*items));

		if (!items)
			return ERR_NOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	run = &list->items[list->count++];
	*run = (struct state_run){.id = database_number(query, 0),
	    .planned = database_number(query, 2),
	    .missed = (uint64_t)database_number(query, 4),
	    .priority = (int)database_number(query, 5),
	    .attempt = (unsigned)database_number(query, 6),
	    .not_before = database_number(query, 7),
	    .started = database_number(query, 10),
	    .ended = database_number(query, 11)};
	copy_text(run->job, sizeof(run->job), database_text(query, 1));
	copy_text(run->trigger, sizeof(run->trigger), database_text(query, 3));
	copy_text(run->run_id, sizeof(run->run_id), database_text(query, 9));
	copy_text(run->result, sizeof(run->result), database_text(query, 12));
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(phases[i], database_text(query, 8)) == 0)
			run->phase = (enum state_phase)i;
	return ERR_OK;
}

static enum err append_rows(struct state_list *list, struct database_query *query)
{
	bool row = false;
	enum err err = database_step(query, &row);

	while (err == ERR_OK && row) {
		err = append_row(list, query);
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	return err;
}

#define COLUMNS \
	"id, job, planned, trigger, missed, priority, attempt, not_before, state, run_id, started, ended, result"

enum err state_open_runs(struct state *state, struct state_list *list)
{
	struct database_query *query;
	enum err err =
	    database_prepare(&query, state->database, "SELECT " COLUMNS " FROM run WHERE state <> 'done' ORDER BY id");

	if (err == ERR_OK)
		err = append_rows(list, query);
	database_query_free(query);
	return err;
}

enum err state_last_runs(struct state *state, const char *job, unsigned limit, struct state_list *list)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "SELECT " COLUMNS " FROM run WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2");

	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, job);
	database_set_number(query, 2, limit);
	err = append_rows(list, query);
	database_query_free(query);
	return err;
}

enum err state_missed(struct state *state, unsigned limit, struct state_list *list)
{
	struct database_query *query;
	enum err err = database_prepare(&query, state->database,
	    "SELECT " COLUMNS " FROM run WHERE missed > 0 AND result <> 'superseded' ORDER BY id DESC LIMIT ?1");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, limit);
	err = append_rows(list, query);
	database_query_free(query);
	return err;
}

void state_list_free(struct state_list *list)
{
	mem_free(list->items);
	*list = (struct state_list){0};
}
