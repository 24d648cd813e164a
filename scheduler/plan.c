#include "scheduler/plan.h"

#include "core/base/clock.h"

#include <string.h>

struct plan_due plan_due(const struct calendar *calendar, int64_t done_up_to, int64_t now)
{
	struct plan_due due = {0};
	uint64_t count;

	calendar_missed(calendar, done_up_to, now, &count, &due.planned);
	due.due = count > 0;
	due.late = due.due && now - due.planned > PLAN_LATE;
	due.missed = due.due ? count - !due.late : 0;
	return due;
}

static bool job_is_running(const struct plan_entry *entries, size_t count, const char *job)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].running && strcmp(entries[i].job, job) == 0)
			return true;
	return false;
}

static bool may_start(const struct plan_entry *entries, size_t count, const struct plan_entry *entry, int64_t now)
{
	return !entry->running && entry->not_before <= now &&
	    (!entry->calendar || calendar_window_open(entry->calendar, now)) &&
	    !job_is_running(entries, count, entry->job);
}

static bool goes_first(const struct plan_entry *entry, const struct plan_entry *other)
{
	if (entry->priority != other->priority)
		return entry->priority > other->priority;
	return entry->planned < other->planned;
}

size_t plan_pick(const struct plan_entry *entries, size_t count, unsigned parallel, int64_t now)
{
	size_t picked = PLAN_NONE;
	unsigned running = 0;

	for (size_t i = 0; i < count; i++) {
		running += entries[i].running;
		if (may_start(entries, count, &entries[i], now) &&
		    (picked == PLAN_NONE || goes_first(&entries[i], &entries[picked])))
			picked = i;
	}
	return running < parallel ? picked : PLAN_NONE;
}

int64_t plan_wake(const struct plan_entry *entries, size_t count, int64_t now)
{
	int64_t wake = CALENDAR_NEVER;

	for (size_t i = 0; i < count; i++) {
		const struct plan_entry *entry = &entries[i];
		int64_t at = entry->not_before > now ? entry->not_before : now;

		if (entry->running)
			continue;
		if (entry->calendar)
			at = calendar_window_next(entry->calendar, at);
		if (at > now && at < wake)
			wake = at;
	}
	return wake;
}

int64_t plan_again(int64_t now, unsigned attempt, int64_t pause)
{
	while (attempt-- > 1 && pause < PLAN_PAUSE_MAX)
		pause *= 2;
	return now + (pause < PLAN_PAUSE_MAX ? pause : PLAN_PAUSE_MAX);
}

bool plan_may_pass(const char *kind)
{
	static const enum err passing[] = {
	    ERR_IO, ERR_NOSPACE, ERR_NO_REPOSITORY, ERR_BUSY, ERR_NOMEM, ERR_SOURCE, ERR_INTERRUPTED};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strcmp(kind, error_name(passing[i])) == 0)
			return true;
	return false;
}
