/* Which snapshots a policy keeps, in the way of restic: no clock, no I/O. */
#ifndef PULIH_SCHEDULER_RETENTION_H
#define PULIH_SCHEDULER_RETENTION_H

#include "conf/configuration.h"
#include "core/repo/snapshot.h"

struct retention {
	uint64_t last, hourly, daily, weekly, monthly, yearly; /* 0: no such rule */
	const char *within;	 /* "90d": a number and one of h d w m y; NULL: no such rule */
	const char *const *tags; /* NULL-terminated; NULL: none */
};
struct retention retention_of(const struct configuration_keep *keep);
/* Whether there is any rule. */
bool retention_keeps(const struct retention *retention);
bool retention_within_valid(const char *within);

#define RETENTION_REASONS 128
struct retention_choice {
	const struct snapshot *snapshot;
	bool keep;
	char reasons[RETENTION_REASONS]; /* "last, daily, monthly"; "" of one that no rule keeps */
	int64_t time;			 /* that counts at the moment: retention.c */
	bool decided;
};

/* Decides over the snapshots of one group; afterwards they are sorted, newest first. Time is when the target received a snapshot, which no
 * writer can set; what that does not keep is kept where the writer's own time does: a repository that was copied to another disk received all of
 * them on one day. So nobody who may only write makes anything go. Of each hour,
 * day, week (from Monday), month and year, by the clock of the process's time zone, the last one counts, for as many of them as the rule says;
 * where there are not so many, the oldest is kept too. `within` counts back from the newest; behind a gap of more than a year once more from
 * what is there, for the clock was wrong then. Whatever the rules: the last snapshot that is
 * whole is kept, and where none is, the last. */
void retention_decide(const struct retention *retention, struct retention_choice *choices, size_t count);

/* Sorts by group: host and job, and of ad-hoc backups the paths. True where two are of the same. */
void retention_sort(struct retention_choice *choices, size_t count);
bool retention_same_group(const struct snapshot *a, const struct snapshot *b);

#endif
