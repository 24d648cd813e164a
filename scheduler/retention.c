#include "scheduler/retention.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <time.h>

#define RULES 6
#define GAP_MAX (366 * 24 * 3600 * CLOCK_SECOND)

struct retention retention_of(const struct configuration_keep *keep)
{
	return (struct retention){.last = (uint64_t)keep->last,
	    .hourly = (uint64_t)keep->hourly,
	    .daily = (uint64_t)keep->daily,
	    .weekly = (uint64_t)keep->weekly,
	    .monthly = (uint64_t)keep->monthly,
	    .yearly = (uint64_t)keep->yearly,
	    .within = keep->within};
}

bool retention_keeps(const struct retention *retention)
{
	return retention->last || retention->hourly || retention->daily || retention->weekly || retention->monthly ||
	    retention->yearly || retention->within || (retention->tags && retention->tags[0]);
}

bool retention_within_valid(const char *within)
{
	size_t digits = strspn(within, "0123456789");

	return digits >= 1 && digits <= 6 && strlen(within) == digits + 1 && strchr("hdwmy", within[digits]) &&
	    atoi(within) > 0;
}

/* ---- groups ---- */

static int compare_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	for (size_t i = 0; i < a_count && i < b_count; i++) {
		int order = strcmp(a[i], b[i]);

		if (order != 0)
			return order;
	}
	return (a_count > b_count) - (a_count < b_count);
}

static int compare_groups(const struct snapshot *a, const struct snapshot *b)
{
	int order = strcmp(a->host, b->host);

	if (order == 0)
		order = strcmp(a->job, b->job);
	if (order == 0 && a->job[0] == '\0')
		order = compare_texts(a->paths, a->paths_count, b->paths, b->paths_count);
	return order;
}

/* Within a group, newest first. */
static int compare_choices(const void *a, const void *b)
{
	const struct retention_choice *one = a, *other = b;
	int order = compare_groups(one->snapshot, other->snapshot);

	if (order == 0)
		order = (one->time < other->time) - (one->time > other->time);
	return order ? order : memcmp(one->snapshot->id, other->snapshot->id, OBJECT_ID_SIZE);
}

/* By when the target received them, or by the writer's own time, where either is known. */
static void sort_by(struct retention_choice *choices, size_t count, bool own)
{
	for (size_t i = 0; i < count; i++) {
		const struct snapshot *snapshot = choices[i].snapshot;
		int64_t first = own ? snapshot->ended : snapshot->arrived;

		choices[i].time = first ? first : own ? snapshot->arrived : snapshot->ended;
	}
	if (count > 1)
		qsort(choices, count, sizeof(*choices), compare_choices);
}

void retention_sort(struct retention_choice *choices, size_t count)
{
	sort_by(choices, count, false);
}

bool retention_same_group(const struct snapshot *a, const struct snapshot *b)
{
	return compare_groups(a, b) == 0;
}

/* ---- rules ---- */

static void keep(struct retention_choice *choice, const char *reason)
{
	size_t length = strlen(choice->reasons);

	if (choice->decided)
		return;
	choice->keep = true;
	snprintf(choice->reasons + length, sizeof(choice->reasons) - length, "%s%s", length ? ", " : "", reason);
}

static struct tm local_of(int64_t instant)
{
	time_t seconds = (time_t)(instant / CLOCK_SECOND);
	struct tm local = {0};

	localtime_r(&seconds, &local);
	return local;
}

/* The last of each hour, day, …; `format` names it, NULL: each one. */
static void keep_each(
    struct retention_choice *choices, size_t count, uint64_t left, const char *format, const char *reason)
{
	char before[24] = "", now[24];
	char oldest[32];

	snprintf(oldest, sizeof(oldest), "oldest %s", reason);
	for (size_t i = 0; i < count && left > 0; i++) {
		struct tm local = local_of(choices[i].time);

		if (!format || strftime(now, sizeof(now), format, &local) == 0)
			snprintf(now, sizeof(now), "%zu", i);
		if (strcmp(now, before) != 0) {
			keep(&choices[i], reason);
			left--;
		} else if (i + 1 == count) {
			keep(&choices[i], oldest);
		}
		memcpy(before, now, sizeof(before));
	}
}

static int64_t back_from(int64_t newest, const char *within)
{
	struct tm local = local_of(newest);
	int number = atoi(within);

	switch (within[strlen(within) - 1]) {
	case 'h':
		return newest - number * 3600 * CLOCK_SECOND;
	case 'd':
		local.tm_mday -= number;
		break;
	case 'w':
		local.tm_mday -= 7 * number;
		break;
	case 'm':
		local.tm_mon -= number;
		break;
	default:
		local.tm_year -= number;
		break;
	}
	local.tm_isdst = -1;
	return (int64_t)mktime(&local) * CLOCK_SECOND;
}

static bool has_tag(const struct snapshot *snapshot, const char *const *tags)
{
	for (; tags && *tags; tags++)
		for (size_t i = 0; i < snapshot->tags_count; i++)
			if (strcmp(snapshot->tags[i], *tags) == 0)
				return true;
	return false;
}

/* A policy that is wrong, and a run of backups that were all cut short, must not take the last good one away. */
static void keep_last_good(struct retention_choice *choices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!choices[i].snapshot->partial) {
			if (!choices[i].keep)
				keep(&choices[i], "last good one");
			return;
		}
	if (!choices[0].keep)
		keep(&choices[0], "last one");
}

/* Counts back from the newest, and behind a year without any backup once more from what is there: nobody waits that long, the clock was wrong
 * when those before the gap were made. */
static void keep_within(struct retention_choice *choices, size_t count, const char *within)
{
	int64_t since = back_from(choices[0].time, within), before = choices[0].time;
	bool gap = false;

	for (size_t i = 0; i < count; i++) {
		int64_t time = choices[i].time;

		if (!gap && before - time > GAP_MAX) {
			since = back_from(time, within);
			gap = true;
		}
		if (time >= since)
			keep(&choices[i], "within");
		before = time;
	}
}

static void apply(const struct retention *retention, struct retention_choice *choices, size_t count)
{
	const struct {
		uint64_t count;
		const char *format, *reason;
	} rules[RULES] = {{retention->last, NULL, "last"}, {retention->hourly, "%Y%m%d%H", "hourly"},
	    {retention->daily, "%Y%m%d", "daily"}, {retention->weekly, "%G%V", "weekly"},
	    {retention->monthly, "%Y%m", "monthly"}, {retention->yearly, "%Y", "yearly"}};

	for (size_t i = 0; i < RULES; i++)
		keep_each(choices, count, rules[i].count, rules[i].format, rules[i].reason);
	if (retention->within)
		keep_within(choices, count, retention->within);
	for (size_t i = 0; i < count; i++)
		if (has_tag(choices[i].snapshot, retention->tags))
			keep(&choices[i], "tag");
}

void retention_decide(const struct retention *retention, struct retention_choice *choices, size_t count)
{
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		choices[i].keep = choices[i].decided = false;
		choices[i].reasons[0] = '\0';
	}
	sort_by(choices, count, false);
	apply(retention, choices, count);
	for (size_t i = 0; i < count; i++)
		choices[i].decided = choices[i].keep;
	sort_by(choices, count, true);
	apply(retention, choices, count);
	keep_last_good(choices, count);
	sort_by(choices, count, false);
	keep_last_good(choices, count);
}
