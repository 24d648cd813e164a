/* What the scheduler must tell of its own accord: planned times that passed without a run, runs that were cut off. It goes into the outbox
 * (notify_put); no network is asked. */
#ifndef PULIH_SCHEDULER_NOTIFY_NEWS_H
#define PULIH_SCHEDULER_NOTIFY_NEWS_H

#include "scheduler/notify.h"
#include "scheduler/state.h"

/* Tells the state's news, oldest first. *put: how many messages; what must go from the outbox for them is added to results. What cannot be told
 * now stays news: errors of notify_put and database.h. */
enum err notify_news_put(const struct notify *notify, struct state *state, struct notify_results *results, size_t *put);

#endif
