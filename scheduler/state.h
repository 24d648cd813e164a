/* What the scheduler remembers: <state>/scheduler.sqlite. No other file knows its tables.
 *
 * Crash story: what moves together is moved in one transaction that is on the disk before anything follows from it. A planned time counts as
 * done up to it in the same transaction that queues its run; a run is known as running, under its id, before its process starts; and its end
 * comes with what follows it (another attempt). So a power cut at any moment loses no planned run and starts none twice: what was queued is
 * still queued, and what was running is found to be running no more and is closed by the next scheduler. What people must be told is news
 * from the transaction that made it so until it is in the outbox: a crash between the two tells it twice, never not at all.
 *
 * Errors are those of database.h. */
#ifndef PULIH_SCHEDULER_STATE_H
#define PULIH_SCHEDULER_STATE_H

#include "conf/configuration.h"
#include "core/record/record.h"
#include "scheduler/drill_key.h"

#define STATE_FILE "scheduler.sqlite"
#define STATE_FILE_DAMAGED "scheduler.sqlite.damaged" /* where the scheduler sets one aside */

struct state;
/* `create` false: PL_FILE_MISSING (ERR_MISSING) where no scheduler ever ran. */
enum err state_open(struct state **out, const char *state_folder, bool create);
/* state_close(NULL) does nothing. */
void state_close(struct state *state);
/* Reads all of it. */
enum err state_check(struct state *state);

/* The instant since which the job's planned times are neither queued nor done nor given up. A job that is new, or whose schedule has other
 * words than before, counts from `now`. A clock that was set back counts on from the last time that was planned by what it says now: what
 * was planned in between comes again, but for what state_queue knows. */
enum err state_see_job(struct state *state, const char *job, const char *schedule, int64_t now, int64_t *since);
/* The same without a change; 0 where the job is new. */
enum err state_since(struct state *state, const char *job, int64_t now, int64_t *since);
/* Forgets jobs that are not among these: one of the same name would be a new one. Runs of theirs that are queued are given up. */
enum err state_keep_jobs(struct state *state, const char *const *names, size_t count);

enum state_phase { STATE_QUEUED, STATE_RUNNING, STATE_DONE };
struct state_run {
	int64_t id;
	char job[DRILL_KEY_SIZE]; /* of a drill: scheduler/drill_key.h */
	char trigger[16];
	int64_t planned; /* 0: nothing was */
	uint64_t missed; /* planned instants that have no run of their own because of this one */
	int priority;
	unsigned attempt; /* from 1 */
	int64_t not_before;
	enum state_phase phase;
	char run_id[RECORD_ID_SIZE]; /* "" before it is started */
	int64_t started, ended;	     /* 0: not yet */
	char result
	    [24]; /* "success", "success_with_notes", "failed", "cut_off", "interrupted", "superseded", "busy", "not_started", "removed" */
};

/* Counts the job as done up to run->planned and queues the run, unless one of that planned time is known already: *queued tells. Runs of
 * the job that are queued are superseded: one run makes up for them too, and *run tells how many times were missed in all. */
enum err state_queue(struct state *state, struct state_run *run, bool *queued);
/* A scheduled run that waited while no scheduler was there makes up for its time now (catch_up); the time counts as missed, which becomes news,
 * unless a run of it began before and was stopped. *missed tells. Nothing changes where the run is no scheduled one. */
enum err state_make_up(struct state *state, struct state_run *run, bool *missed);
/* Queued → running, under its id. */
enum err state_start(struct state *state, int64_t id, const char *run_id, int64_t started);
/* Running → done. `again`, where it is not NULL, is queued in the same transaction. `cut_off`: the run could not tell of its end itself; that
 * becomes news. */
enum err state_end(
    struct state *state, int64_t id, int64_t ended, const char *result, bool cut_off, const struct state_run *again);

/* Runs of one job, or all (NULL): those that are not done, by id; or the last `limit`, newest first. Appended to list->items. */
struct state_list { /* starts as {0}; released with state_list_free */
	struct state_run *items;
	size_t count, capacity;
};
enum err state_open_runs(struct state *state, struct state_list *list);
enum err state_last_runs(struct state *state, const char *job, unsigned limit, struct state_list *list);
/* The last `limit` runs that made up for missed times, newest first. */
enum err state_missed(struct state *state, unsigned limit, struct state_list *list);
void state_list_free(struct state_list *list);

/* ---- what people must be told ---- */

enum state_news_kind { STATE_NEWS_MISSED, STATE_NEWS_CUT_OFF };
struct state_news {
	int64_t id;
	enum state_news_kind kind;
	char job[DRILL_KEY_SIZE]; /* of a drill: scheduler/drill_key.h */
	char run_id
	    [RECORD_ID_SIZE]; /* of the run that was cut off; "" of missed times: the run that makes up for them has none yet */
	int64_t planned;
	uint64_t missed; /* planned instants without a run of their own: as state_run */
};
/* The oldest; *found false: there is none. state_queue, state_make_up (missed times) and state_end (cut off) make them. */
enum err state_news_first(struct state *state, struct state_news *news, bool *found);
/* It was told. */
enum err state_news_done(struct state *state, int64_t id);

/* What was told of a report that waits for its review. */
struct state_reminder {
	char run_id[RECORD_ID_SIZE];
	int64_t since;	/* since when it waits; another instant: it was sent back meanwhile, and all begins anew */
	unsigned stage; /* the highest one that was told; 0: nothing was */
	int64_t told;	/* when, at last */
};
/* Fills the rest by run_id and since; stage 0 where nothing was told of that. */
enum err state_reminder_find(struct state *state, struct state_reminder *reminder);
/* Remembers all of them, in one transaction. */
enum err state_reminder_set(struct state *state, const struct state_reminder *reminders, size_t count);
/* Forgets reports that are not among these: they do not wait any more. */
enum err state_reminder_keep(struct state *state, const struct state_reminder *reminders, size_t count);

#endif
