/* Messages that wait: for their first attempt, or because a channel did not take them.
 *
 *   <state>/notify/outbox/<time>-<id>-<channel>.json  one message; the time as 16 hex digits of nanoseconds, so that names sort by age
 *   <state>/notify/lock                               flock: one process sends at a time
 *
 * A message is tried again after 1, 2, 4, … minutes, at most 6 hours apart, and given up after 7 days; a ping after 6 hours, and when a newer
 * one of the same job and channel was made (a late ping must not hide a silence; but a start takes no failure away). At most
 * NOTIFY_OUTBOX_ITEMS wait, and NOTIFY_OUTBOX_BYTES: the oldest goes for a new one. Whatever is given up is told as a result that is neither
 * ok nor kept (PL_NOTIFY_DROPPED, PL_NOTIFY_OUTBOX), and remembered as lost (notify_lost.h).
 *
 * Crash story: a file appears whole (file_replace) and goes when its message was taken. A crash between the two sends it once more, with the
 * same Message-ID. */
#ifndef PULIH_SCHEDULER_NOTIFY_OUTBOX_H
#define PULIH_SCHEDULER_NOTIFY_OUTBOX_H

#include "scheduler/notify.h"

#define NOTIFY_OUTBOX_ITEMS 200u
#define NOTIFY_OUTBOX_BYTES (UINT64_C(64) << 20)

/* Sends what is due at `now` (ns since 1970) again. Returns at once where another process is at it. A result is appended for each message that
 * was tried or given up; a channel whose server does not answer is tried once. PL_FILE_READ, PL_FILE_WRITE where the folder cannot be used, ERR_NOMEM. */
enum err notify_outbox_retry(const struct notify *notify, int64_t now, struct notify_results *results);

/* Whether something is due at `now`. Cheap: messages are only read where the folder was changed. The watch starts as {0}. */
#define NOTIFY_OUTBOX_NEVER INT64_MAX
struct notify_outbox_watch {
	int64_t stamp; /* of the folder as it was read */
	int64_t next;  /* when the first is due; NOTIFY_OUTBOX_NEVER: none waits */
	int64_t until; /* by the monotonic clock: how long that is believed */
};
enum err notify_outbox_due(struct notify_outbox_watch *watch, const char *state_folder, int64_t now, bool *due);

/* How many messages wait. */
enum err notify_outbox_count(const char *state_folder, size_t *count);

/* Each waiting message as a result: kept, since, next, failure of the last attempt. */
enum err notify_outbox_list(const char *state_folder, struct notify_results *results);

#endif
