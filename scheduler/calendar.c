#include "scheduler/calendar_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#define MINUTE 60 /* seconds */

static enum err set_window(struct calendar *calendar, const struct configuration_window *window)
{
	calendar->has_window = window != NULL;
	if (!window)
		return ERR_OK;
	if (recurrence_time(window->from, &calendar->from) && recurrence_time(window->to, &calendar->to) &&
	    calendar->from != calendar->to)
		return ERR_OK;
	return fail(PL_CONFIG_VALUE, "%s to %s is no window", window->from, window->to);
}

enum err calendar_new(struct calendar **out, const struct configuration_schedule *schedule, const char *zone)
{
	struct calendar *calendar = mem_calloc(1, sizeof(*calendar));
	struct buffer text = {0};
	enum err err = calendar ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (err == ERR_OK)
		err = recurrence_of(&calendar->recurrence, schedule);
	if (err == ERR_OK)
		err = set_window(calendar, schedule->window);
	if (err == ERR_OK)
		err = local_time_new(&calendar->local, zone);
	if (err == ERR_OK)
		err = calendar_text_record(schedule, &text);
	if (err == ERR_OK)
		err = buffer_append_u8(&text, 0);
	if (err == ERR_OK && !(calendar->text = mem_string((const char *)text.data)))
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		*out = calendar;
		calendar = NULL;
	}
	calendar_free(calendar);
	buffer_free(&text);
	return err;
}

void calendar_free(struct calendar *calendar)
{
	if (!calendar)
		return;
	local_time_free(calendar->local);
	mem_free(calendar->text);
	mem_free(calendar);
}

/* What is planned is at whole seconds, so nothing of it lies between an instant and the second before. Before 1970 nothing does. */
static int64_t seconds_of(int64_t instant)
{
	return instant > 0 ? instant / CLOCK_SECOND : 0;
}

static int64_t instant_of(int64_t seconds)
{
	return seconds > CALENDAR_NEVER / CLOCK_SECOND ? CALENDAR_NEVER : seconds * CLOCK_SECOND;
}

/* The minute by the clock on the wall that was reached by then. A slot has been planned by an instant if it is not later than this. */
static int64_t slot_reached(const struct calendar *calendar, int64_t seconds)
{
	return calendar_slots_divide(local_time_reached(calendar->local, seconds), MINUTE);
}

static int64_t second_of_slot(const struct calendar *calendar, int64_t slot)
{
	return local_time_first(calendar->local, slot * MINUTE);
}

void calendar_next(const struct calendar *calendar, int64_t after, int64_t *planned)
{
	int64_t reached = slot_reached(calendar, seconds_of(after));

	*planned = instant_of(second_of_slot(calendar, calendar_slots_next(&calendar->recurrence, reached)));
}

void calendar_last(const struct calendar *calendar, int64_t at, int64_t *planned)
{
	int64_t reached = slot_reached(calendar, seconds_of(at));
	int64_t seconds = second_of_slot(calendar, calendar_slots_last(&calendar->recurrence, reached));

	*planned = seconds > 0 ? instant_of(seconds) : 0;
}

void calendar_missed(const struct calendar *calendar, int64_t done_up_to, int64_t now, uint64_t *count, int64_t *latest)
{
	const struct recurrence *recurrence = &calendar->recurrence;
	int64_t at = seconds_of(done_up_to), until = seconds_of(now);

	*count = 0;
	*latest = 0;
	if (until <= at)
		return;
	*count = calendar_slots_count(recurrence, slot_reached(calendar, at), slot_reached(calendar, until));
	/* slots that one gap skipped are one instant */
	while (local_time_change(calendar->local, at, until, &at)) {
		uint64_t skipped =
		    calendar_slots_count(recurrence, slot_reached(calendar, at - 1), slot_reached(calendar, at));

		if (skipped > 1)
			*count -= skipped - 1;
	}
	if (*count > 0)
		calendar_last(calendar, now, latest);
}

/* The slot at which the latest window began that has begun by then. */
static int64_t window_begun(const struct calendar *calendar, int64_t seconds)
{
	int64_t since = slot_reached(calendar, seconds) - calendar->from;

	return calendar_slots_divide(since, RECURRENCE_DAY_MINUTES) * RECURRENCE_DAY_MINUTES + calendar->from;
}

/* The second at which the window that begins at that slot closes. */
static int64_t window_end(const struct calendar *calendar, int64_t begin)
{
	unsigned length = (calendar->to + RECURRENCE_DAY_MINUTES - calendar->from) % RECURRENCE_DAY_MINUTES;
	int64_t end = (begin + length) * MINUTE, seconds = local_time_first(calendar->local, end);
	int64_t shown = local_time_reached(calendar->local, seconds - 1) + 1;

	/* `shown` is `end` unless a gap skipped from there on */
	if (shown < begin * MINUTE)
		shown = begin * MINUTE;
	return seconds + (end - shown);
}

bool calendar_window_open(const struct calendar *calendar, int64_t at)
{
	int64_t seconds = seconds_of(at);

	return !calendar->has_window || seconds < window_end(calendar, window_begun(calendar, seconds));
}

int64_t calendar_window_next(const struct calendar *calendar, int64_t at)
{
	if (calendar_window_open(calendar, at))
		return at;
	return instant_of(second_of_slot(calendar, window_begun(calendar, seconds_of(at)) + RECURRENCE_DAY_MINUTES));
}
