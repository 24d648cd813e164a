/* Telling people: what happened to a job, over the channels of the configuration.
 *
 * A message that a channel does not take is kept and sent again, see notify_outbox.h. Nothing here ever changes how a backup ended: the
 * caller gets one result for each message and channel, to store and to show. */
#ifndef PULIH_SCHEDULER_NOTIFY_H
#define PULIH_SCHEDULER_NOTIFY_H

#include "conf/configuration.h"
#include "core/base/error.h"

#include <stddef.h>

enum notify_kind {
	NOTIFY_START, /* of a run: only pings tell it */
	NOTIFY_SUCCESS,
	NOTIFY_NOTES, /* done, with notes */
	NOTIFY_FAILURE,
	NOTIFY_MISSED, /* a planned run did not take place */
	NOTIFY_REVIEW_OVERDUE,
	NOTIFY_DRILL_OVERDUE,
	NOTIFY_TEST,
	NOTIFY_METRICS /* of results only: the file of a metrics channel was written */
};
/* "start", "success", "notes", …: static. */
const char *notify_kind_name(enum notify_kind kind);

#define NOTIFY_ATTACHMENT_MAX (2u << 20) /* bytes; a larger one is left out, and the message says so */
#define NOTIFY_UNKNOWN INT64_C(-1)
#define NOTIFY_LINES_MAX 100u /* further lines are counted */

/* Texts are borrowed, NULL or "" where they are not known. They may be any bytes. */
struct notify_event {
	enum notify_kind kind;
	const char *job;	  /* NULL: of no job */
	const char *run_id;	  /* of the run that it is about */
	int64_t time;		  /* when it happened, ns since 1970; never 0 */
	int64_t due;		  /* missed: when it was planned; overdue: since when; else 0 */
	int64_t last_good;	  /* end of the job's last backup that is good; 0: there is none; NOTIFY_UNKNOWN */
	struct failure failure;	  /* kind ERR_OK: none */
	const char *const *lines; /* further lines of text: the files that could not be read */
	size_t lines_count;
	uint64_t lines_omitted; /* further ones that are not given */
	/* A file to go along, as the report: name in ASCII, media type, bytes. Name NULL: none. */
	const char *attachment_name, *attachment_type;
	const void *attachment;
	size_t attachment_size;
	/* Ids of people whom it concerns besides those of the channels: the first mail channel that is told takes it to their address, too, where
	 * no other one does so already. */
	const char *const *people;
	size_t people_count;
};

struct notify {
	const struct configuration *configuration;
	const char *state_folder;
};

struct notify_result {
	char channel[CONFIGURATION_NAME_MAX + 1];
	char job[CONFIGURATION_NAME_MAX + 1]; /* "" for none */
	enum notify_kind kind;
	bool ok;		/* the channel took it */
	bool kept;		/* not ok: it waits in the outbox */
	int64_t since;		/* kept: when it was put there */
	int64_t next;		/* kept: when it is tried again */
	struct failure failure; /* not ok: why; kind ERR_OK of one that waits for its first attempt */
};
/* Starts as {0}; released with notify_results_free. */
struct notify_results {
	struct notify_result *items;
	size_t count;
};
void notify_results_free(struct notify_results *results);

/* Tells the event over every channel that is to be told of it, one after the other; results are appended. What a channel does not take is
 * put into the outbox, but for starts and tests. Dates are in the process's time zone, texts in the language of the office. Returns ERR_OK
 * whatever the channels said, ERR_NOMEM where not even results could be made. */
enum err notify_send(const struct notify *notify, const struct notify_event *event, struct notify_results *results);

/* Puts the event into the outbox, durable and due at once, for every channel that is to be told of it; nothing is sent, no network is asked, so
 * that it never takes long. *put counts them; what must go from the outbox for them is added to results. Where none could be put, though
 * there is one to be told: PL_FILE_READ, PL_FILE_WRITE, PL_NO_SPACE, ERR_NOMEM. */
enum err notify_put(
    const struct notify *notify, const struct notify_event *event, struct notify_results *results, size_t *put);

/* A test message over one channel (NULL: each); a metrics channel writes its file. PL_NOTIFY_CHANNEL (ERR_USAGE). */
enum err notify_test(const struct notify *notify, const char *channel, struct notify_results *results);

#endif
