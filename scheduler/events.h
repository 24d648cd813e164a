/* What the scheduler announces in its log and to the service manager. What people are told of it: daemon_tell.c. */
#ifndef PULIH_SCHEDULER_EVENTS_H
#define PULIH_SCHEDULER_EVENTS_H

#include "core/base/error.h"

#include <stdint.h>

enum event_kind {
	EVENT_STARTED,	   /* a run */
	EVENT_SUCCESS,	   /* a run ended: whole */
	EVENT_NOTES,	   /* with notes */
	EVENT_FAILURE,	   /* failed, was cut off, took too long */
	EVENT_INTERRUPTED, /* was stopped with the scheduler; it is resumed */
	EVENT_MISSED,	   /* planned times passed without a run of their own */
	EVENT_RELOADED,	   /* the configuration was read again */
	EVENT_REFUSED	   /* it was not taken: it is wrong, and the old one stays */
};

/* Texts are borrowed, NULL where they are not known. */
struct event {
	enum event_kind kind;
	const char *job, *run_id;
	const char *trigger;
	int64_t planned;  /* ns since 1970; 0: nothing was */
	uint64_t missed;  /* EVENT_MISSED: how many times */
	int64_t again;	  /* when another attempt begins; 0: none */
	const char *text; /* of a failure */
};

/* "started", "success", …: static. */
const char *events_name(enum event_kind kind);
void events_announce(const struct event *event);

#endif
