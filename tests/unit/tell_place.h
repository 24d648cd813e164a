/* A ledger, people, jobs and channels for what the scheduler tells of its own accord. */
#ifndef PULIH_TESTS_TELL_PLACE_H
#define PULIH_TESTS_TELL_PLACE_H

#include "core/base/clock.h"
#include "scheduler/notify_internal.h"
#include "scheduler/state.h"
#include "tests/unit/ledger_samples.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* One mail channel to the admin; a second mail to a man with the reviewer's address, and a ping, where a test counts them too. */
extern struct configuration_channel tell_place_channels[3];
extern struct configuration tell_place_configuration;
extern const struct notify tell_place;
/* Set-up of cmocka; the teardown is ledger_leave(). */
int tell_place_enter(void **state);

struct state *tell_place_state(void);
/* Messages in the outbox. */
size_t tell_place_waiting(void);
void tell_place_empty(void);
/* "mail review_overdue website [kasubbag sekretaris] r-1 r-2\n", one line for each message, the oldest first; the outbox is empty then. */
const char *tell_place_take(void);

#endif
