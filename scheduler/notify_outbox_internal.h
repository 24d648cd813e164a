/* What the files of the outbox share: its folder. */
#ifndef PULIH_SCHEDULER_NOTIFY_OUTBOX_INTERNAL_H
#define PULIH_SCHEDULER_NOTIFY_OUTBOX_INTERNAL_H

#include "core/base/clock.h"
#include "scheduler/notify_internal.h"

#define NOTIFY_OUTBOX_PAUSE_MAX (6 * 3600 * CLOCK_SECOND) /* between two attempts */

struct notify_waiting {
	char *name;
	uint64_t size;
};
struct notify_outbox {
	char *folder;
	struct notify_waiting *items; /* oldest first */
	size_t count;
	uint64_t bytes;
};

/* What waits. No folder is an empty one. Released with notify_outbox_close in any case. */
enum err notify_outbox_open(struct notify_outbox *outbox, const char *state_folder);
void notify_outbox_close(struct notify_outbox *outbox);
/* PL_NOTIFY_OUTBOX where it is damaged, ERR_MISSING where it is gone. */
enum err notify_outbox_load(const struct notify_outbox *outbox, size_t at, struct notify_message *message);
enum err notify_outbox_store(
    const struct notify_outbox *outbox, const char *name, const struct notify_message *message);
enum err notify_outbox_discard(const struct notify_outbox *outbox, size_t at);
/* One that is given up: told with failure_last(), remembered (notify_lost.h), and taken away. */
enum err notify_outbox_give_up(const struct notify *notify, const struct notify_outbox *outbox, size_t at,
    const struct notify_message *message, struct notify_results *results);
/* PL_NOTIFY_DROPPED: what the message was about. */
enum err notify_outbox_fail_dropped(const struct notify_message *message, const char *why);
/* Until the next attempt, ns. */
int64_t notify_outbox_pause(int attempts);

#endif
