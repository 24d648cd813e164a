#include <glib.h>

#include "scheduler/local_time.h"

#include "conf/zone.h"
#include "core/base/mem.h"

/* No zone is further than 26 hours from UTC: the format of zone files (RFC 9636) ends there. */
#define OFFSET_MAX (INT64_C(26) * 3600)
#define DAY_1970 719163 /* 1970-01-01, where glib's 1 is 1 January 1 */

struct local_time {
	GTimeZone *zone;
};

enum err local_time_new(struct local_time **out, const char *zone)
{
	struct local_time *local = mem_calloc(1, sizeof(*local));

	*out = NULL;
	if (!local)
		return ERR_NOMEM;
	local->zone = zone_known(zone) ? g_time_zone_new_identifier(zone) : NULL;
	if (!local->zone) {
		mem_free(local);
		return fail(PL_CONFIG_VALUE, "\"%s\" is no time zone of this machine", zone);
	}
	*out = local;
	return ERR_OK;
}

void local_time_free(struct local_time *local)
{
	if (!local)
		return;
	g_time_zone_unref(local->zone);
	mem_free(local);
}

/* Intervals of one offset are numbered in the order of time. */
static int interval_at(const struct local_time *local, int64_t instant)
{
	return g_time_zone_find_interval(local->zone, G_TIME_TYPE_UNIVERSAL, instant);
}

static int64_t offset_of(const struct local_time *local, int interval)
{
	return g_time_zone_get_offset(local->zone, interval);
}

bool local_time_change(const struct local_time *local, int64_t after, int64_t until, int64_t *change)
{
	const int interval = interval_at(local, after);

	if (until <= after || interval_at(local, until) == interval)
		return false;
	/* glib does not tell where an interval ends: halve until it is found */
	while (until - after > 1) {
		int64_t middle = after + (until - after) / 2;

		if (interval_at(local, middle) == interval)
			after = middle;
		else
			until = middle;
	}
	*change = until;
	return true;
}

int64_t local_time_reached(const struct local_time *local, int64_t instant)
{
	int64_t reached = instant + offset_of(local, interval_at(local, instant));
	/* What was shown before this cannot have been later. */
	int64_t at = instant - 2 * OFFSET_MAX, change;

	while (local_time_change(local, at, instant, &change)) {
		int64_t shown = change - 1 + offset_of(local, interval_at(local, at));

		if (shown > reached)
			reached = shown;
		at = change;
	}
	return reached;
}

int64_t local_time_first(const struct local_time *local, int64_t time)
{
	int64_t at = time - OFFSET_MAX, change;

	for (;;) {
		int64_t found = time - offset_of(local, interval_at(local, at));

		if (found < at)
			found = at; /* the gap before `at` skipped it */
		if (!local_time_change(local, at, found, &change))
			return found;
		at = change;
	}
}

struct recurrence_date local_time_date(int64_t day)
{
	GDate date;

	g_date_clear(&date, 1);
	g_date_set_julian(&date, (guint32)(day + DAY_1970));
	return (struct recurrence_date){.day = g_date_get_day(&date),
	    .month = (unsigned)g_date_get_month(&date),
	    .month_days = g_date_get_days_in_month(g_date_get_month(&date), g_date_get_year(&date)),
	    .weekday = (unsigned)g_date_get_weekday(&date)};
}
