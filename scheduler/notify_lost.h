/* Which channels have lost a notification: one was given up, and they have taken no other since.
 *
 *   <state>/notify/lost/<channel>.json  how many, and the last of them; goes when the channel takes a message */
#ifndef PULIH_SCHEDULER_NOTIFY_LOST_H
#define PULIH_SCHEDULER_NOTIFY_LOST_H

#include "scheduler/notify.h"

/* Remembers one that was given up: channel, failure. PL_FILE_WRITE, PL_NO_SPACE, ERR_NOMEM. */
enum err notify_lost_add(const char *state_folder, const struct notify_result *result);
/* The channel works. What fails is left for the next time. */
void notify_lost_forget(const char *state_folder, const char *channel);

struct notify_lost {
	uint64_t count; /* 0: none */
	int64_t last;	/* when the last one was given up */
	char text[FAILURE_TEXT];
};
/* A file that is damaged counts as one. PL_FILE_READ, ERR_NOMEM. */
enum err notify_lost_of(const char *state_folder, const char *channel, struct notify_lost *out);

#endif
