#include "scheduler/history.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

static int64_t time_member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(object, name), "utc"));
	int64_t time;

	return text && clock_parse(text, &time) ? time : HISTORY_UNKNOWN;
}

static int64_t number_member(json_t *object, const char *name)
{
	json_t *number = json_object_get(object, name);

	return json_is_integer(number) ? json_integer_value(number) : HISTORY_UNKNOWN;
}

static void copy_member(char *out, size_t size, json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(out, size, "%s", text ? text : "");
}

static int64_t unread_since(json_t *record)
{
	json_t *unread = json_object_get(record, "unread");

	return json_is_object(unread) ? time_member(unread, "since") : HISTORY_UNKNOWN;
}

static void copy_bad_check(struct history *history, json_t *checks)
{
	json_t *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		const char *name = json_string_value(json_object_get(check, "name"));
		const char *detail = json_string_value(json_object_get(check, "detail"));

		if (!json_is_false(json_object_get(check, "good")))
			continue;
		snprintf(
		    history->bad_check, sizeof(history->bad_check), "%s: %s", name ? name : "", detail ? detail : "");
		return;
	}
}

static enum err take_last(void *context, const struct record_row *row)
{
	struct history *history = context;
	json_t *record = row->original->record;
	json_t *totals = json_object_get(record, "totals");
	int64_t milliseconds = number_member(record, "duration_ms");

	snprintf(history->id, sizeof(history->id), "%s", row->heading->id);
	copy_member(history->result, sizeof(history->result), record, "status");
	copy_member(history->trigger, sizeof(history->trigger), record, "trigger");
	copy_member(history->failure, sizeof(history->failure), json_object_get(record, "failure"), "message");
	copy_bad_check(history, json_object_get(record, "checks"));
	history->started = time_member(record, "started");
	history->ended = time_member(record, "ended");
	history->duration = milliseconds == HISTORY_UNKNOWN ? HISTORY_UNKNOWN : milliseconds * (CLOCK_SECOND / 1000);
	history->source_bytes = number_member(totals, "bytes");
	history->stored_bytes = number_member(totals, "bytes_stored");
	history->unread_since = unread_since(record);
	return ERR_OK;
}

/* Context of take_good(). */
struct taking {
	struct history *history;
	uint64_t number; /* of the last record that is good */
	int64_t unread_since;
};

static enum err take_good(void *context, const struct record_row *row)
{
	struct taking *taking = context;
	json_t *record = row->original->record;

	if (row->heading->number < taking->number)
		return ERR_OK;
	taking->number = row->heading->number;
	taking->history->good_started = time_member(record, "started");
	taking->history->good_ended = time_member(record, "ended");
	taking->unread_since = unread_since(record);
	return ERR_OK;
}

enum err history_of_job(struct record_ledger *ledger, const char *job, struct history *out)
{
	static const char *const good[] = {"success", "success_with_notes"};
	struct taking taking = {.history = out, .unread_since = HISTORY_UNKNOWN};
	struct record_filter filter = {.kind = RECORD_RUN, .job = job, .last = 1, .damaged = &out->damaged};
	enum err err;

	*out = (struct history){.started = HISTORY_UNKNOWN,
	    .ended = HISTORY_UNKNOWN,
	    .duration = HISTORY_UNKNOWN,
	    .source_bytes = HISTORY_UNKNOWN,
	    .stored_bytes = HISTORY_UNKNOWN,
	    .good_started = HISTORY_UNKNOWN,
	    .good_ended = HISTORY_UNKNOWN,
	    .unread_since = HISTORY_UNKNOWN};
	err = record_ledger_each(ledger, &filter, take_last, out);
	for (size_t i = 0; err == ERR_OK && i < sizeof(good) / sizeof(good[0]); i++) {
		filter.status = good[i];
		err = record_ledger_each(ledger, &filter, take_good, &taking);
	}
	/* A run that failed early did not get to see the packs: what the last good one saw still holds. */
	if (out->unread_since == HISTORY_UNKNOWN)
		out->unread_since = taking.unread_since;
	return err;
}
