/* Reviews that are overdue, as notifications: into the outbox (notify_put), no network is asked; the state remembers what was told. */
#ifndef PULIH_SCHEDULER_NOTIFY_REVIEW_H
#define PULIH_SCHEDULER_NOTIFY_REVIEW_H

#include "scheduler/notify.h"
#include "scheduler/state.h"

/* Tells of the reports whose review is overdue at `now`, one message for each job with a line for each report that is due to be told: when it
 * becomes overdue, when it is escalated, and again after each `remind_after` of the configuration while it waits. Besides the channels'
 * people it goes to the reviewer, to the person it is escalated to, to the performer of a report that was sent back. Where no channel wants it
 * nothing counts as told. Damaged records are left out in silence. *put: how many
 * messages; results as of notify_put. Errors of notify_put, of database.h, PL_INTERRUPTED. */
enum err notify_review_put(
    const struct notify *notify, struct state *state, int64_t now, struct notify_results *results, size_t *put);

#endif
