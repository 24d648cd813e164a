#include "scheduler/events.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "scheduler/service.h"

#include <stdio.h>

static const char *const names[] = {[EVENT_STARTED] = "started",
    [EVENT_SUCCESS] = "success",
    [EVENT_NOTES] = "success_with_notes",
    [EVENT_FAILURE] = "failed",
    [EVENT_INTERRUPTED] = "interrupted",
    [EVENT_MISSED] = "missed",
    [EVENT_RELOADED] = "reloaded",
    [EVENT_REFUSED] = "refused"};

const char *events_name(enum event_kind kind)
{
	return names[kind];
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* "website: started, run …, planned 2026-11-22T01:00:00+09:00 (scheduled)" */
static void write_line(const struct event *event, char *line, size_t size)
{
	char time[CLOCK_TEXT];
	size_t length = (size_t)snprintf(
	    line, size, "%s%s%s", or_empty(event->job), event->job ? ": " : "configuration ", events_name(event->kind));

	if (event->missed && length < size)
		length += (size_t)snprintf(line + length, size - length, " %llu planned time%s",
		    (unsigned long long)event->missed, event->missed == 1 ? "" : "s");
	if (event->run_id && length < size)
		length += (size_t)snprintf(line + length, size - length, ", run %s", event->run_id);
	if (event->planned && length < size)
		length +=
		    (size_t)snprintf(line + length, size - length, ", planned %s", clock_format(time, event->planned));
	if (event->trigger && length < size)
		length += (size_t)snprintf(line + length, size - length, " (%s)", event->trigger);
	if (event->text && length < size)
		length += (size_t)snprintf(line + length, size - length, ": %s", event->text);
	if (event->again && length < size)
		snprintf(line + length, size - length, "; again from %s", clock_format(time, event->again));
}

static json_t *time_or_null(int64_t time)
{
	char text[CLOCK_TEXT];

	return time ? json_string(clock_format(text, time)) : json_null();
}

void events_announce(const struct event *event)
{
	char line[FAILURE_TEXT + 400];

	write_line(event, line, sizeof(line));
	if (output_level() >= OUTPUT_NORMAL) {
		output_print("%s\n", line);
		fflush(stdout);
	}
	output_object("event",
	    json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o}", "event", events_name(event->kind), "job",
		or_empty(event->job), "run_id", or_empty(event->run_id), "trigger", or_empty(event->trigger), "planned",
		time_or_null(event->planned), "missed", (json_int_t)event->missed, "again", time_or_null(event->again),
		"text", output_text(or_empty(event->text))));
	fflush(stdout);
	service_status(line);
}
