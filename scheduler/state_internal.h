/* What the files of the state share. */
#ifndef PULIH_SCHEDULER_STATE_INTERNAL_H
#define PULIH_SCHEDULER_STATE_INTERNAL_H

#include "core/base/database.h"
#include "scheduler/state.h"

struct state {
	struct database *database;
};

/* Inside a transaction: planned times that passed; a run (by its number) that was cut off. */
enum err state_news_missed(struct state *state, const struct state_run *run);
enum err state_news_cut_off(struct state *state, int64_t id);

#endif
