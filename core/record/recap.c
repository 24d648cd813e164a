#include "core/record/recap.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_member.h"

bool recap_is_drill(const struct record_original *original)
{
	return strcmp(record_member_text(original->record, "kind"), RECORD_DRILL) == 0;
}

static bool is_run(const struct record_original *original)
{
	const char *kind = record_member_text(original->record, "kind");

	return !*kind || strcmp(kind, RECORD_RUN) == 0 || recap_is_drill(original);
}

/* 0 where it is null or no time. */
static int64_t time_of(const struct record_original *original, const char *name)
{
	int64_t time;

	return clock_parse(record_member_text(record_member(original->record, name), "utc"), &time) ? time : 0;
}

static bool is_of_month(const void *context, const struct record_original *original)
{
	const struct report_month *month = context;

	int64_t time = time_of(original, "planned");

	if (!is_run(original))
		return false;
	if (time == 0)
		time = time_of(original, "started");
	return time >= month->from && time < month->until;
}

/* What was planned for the month may have been made up for long after it. */
enum err recap_load(struct record_list *out, struct record_ledger *ledger, const struct report_month *month)
{
	return record_list_load(out, ledger, &(struct record_filter){.from = month->from}, is_of_month, month);
}

static struct recap_row *row_of(struct recap *recap, const char *job)
{
	struct recap_row *rows;

	for (size_t i = 0; i < recap->rows_count; i++)
		if (strcmp(recap->rows[i].job, job) == 0)
			return &recap->rows[i];
	rows = mem_resize(recap->rows, recap->rows_count + 1, sizeof(*rows));
	if (!rows)
		return NULL;
	recap->rows = rows;
	rows[recap->rows_count] = (struct recap_row){.job = job};
	return &rows[recap->rows_count++];
}

static bool is_late(const struct record_original *original)
{
	int64_t planned = time_of(original, "planned");

	return strcmp(record_member_text(original->record, "trigger"), "catch_up") == 0 ||
	    (planned > 0 && time_of(original, "started") - planned > RECAP_LATE_MINUTES * 60 * CLOCK_SECOND);
}

static void count_run(struct recap_row *row, const struct record_original *original, enum record_decision review)
{
	json_t *record = original->record, *totals = record_member(record, "totals");
	const char *status = record_member_text(record, "status");
	bool notes = strcmp(status, "success_with_notes") == 0, done = notes || strcmp(status, "success") == 0;

	row->reviewed += review != RECORD_PENDING;
	if (recap_is_drill(original)) {
		row->drills++;
		row->drills_failed += !done;
		return;
	}
	row->runs++;
	row->done += done;
	row->notes += notes;
	row->failed += !done;
	row->late += done && is_late(original);
	row->stored += record_member_number(totals, "bytes_stored");
	if (done)
		row->source = record_member_number(totals, "bytes");
}

/* ---- what was planned ---- */

/* Whether any record of that job and kind was for that time. */
static bool was_run(const struct recap *recap, const char *job, bool drill, int64_t planned)
{
	for (size_t i = 0; i < recap->records_count; i++) {
		const struct record_original *original = recap->records[i];

		if (recap->planned[i] == planned && recap_is_drill(original) == drill &&
		    strcmp(record_member_text(original->record, "job"), job) == 0)
			return true;
	}
	return false;
}

/* Since when the job has the schedule that it has now: it is not known to be older than its first record, and is younger than any record of
 * the month that names another one. */
static int64_t planned_since(const struct recap *recap, const struct report_plan *plan)
{
	int64_t since = plan->first;

	for (size_t i = 0; plan->backups.text && i < recap->records_count; i++) {
		json_t *record = recap->records[i]->record;
		const char *schedule = json_string_value(record_member(record, "schedule"));
		int64_t at = recap->planned[i] > 0 ? recap->planned[i] : time_of(recap->records[i], "started");

		if (schedule && strcmp(schedule, plan->backups.text) != 0 && at >= since &&
		    strcmp(record_member_text(record, "job"), plan->job) == 0)
			since = at + 1;
	}
	return since > recap->month.from ? since : 0;
}

static bool is_open(const struct report_plan *plan, int64_t planned)
{
	for (size_t i = 0; i < REPORT_PLAN_OPEN; i++)
		if (plan->open[i] == planned)
			return true;
	return false;
}

static void count_planned(const struct recap *recap, struct recap_row *row, const struct report_plan *plan)
{
	row->is_planned = plan->backups.known;
	row->since = plan->backups.known ? planned_since(recap, plan) : 0;
	for (size_t i = 0; i < plan->backups.count; i++) {
		int64_t planned = plan->backups.items[i];

		if (planned < recap->month.from || planned >= recap->month.until || planned > recap->as_of ||
		    planned < row->since)
			continue;
		row->planned++;
		if (is_open(plan, planned) || was_run(recap, plan->job, false, planned))
			continue;
		if (row->missed < RECAP_MISSED_NAMED)
			row->missed_at[row->missed] = planned;
		row->missed++;
	}
	for (size_t i = 0; i < plan->drills.count; i++)
		row->drills_planned += plan->drills.items[i] >= recap->month.from &&
		    plan->drills.items[i] >= plan->first && plan->drills.items[i] < recap->month.until &&
		    plan->drills.items[i] <= recap->as_of;
}

static void add_up(struct recap *recap)
{
	struct recap_row *total = &recap->total;

	*total = (struct recap_row){0};
	for (size_t i = 0; i < recap->rows_count; i++) {
		const struct recap_row *row = &recap->rows[i];

		total->is_planned = total->is_planned || row->is_planned;
		total->planned += row->planned;
		total->runs += row->runs;
		total->done += row->done;
		total->notes += row->notes;
		total->late += row->late;
		total->missed += row->missed;
		total->failed += row->failed;
		total->source += row->source;
		total->stored += row->stored;
		total->drills_planned += row->drills_planned;
		total->drills += row->drills;
		total->drills_failed += row->drills_failed;
		total->reviewed += row->reviewed;
	}
}

enum err recap_make(struct recap *out, const struct record_list *list, const struct report_month *month,
    const struct report_plan *plans, size_t plans_count, int64_t now)
{
	enum err err = ERR_OK;

	*out =
	    (struct recap){.month = *month, .as_of = now < month->until ? now : month->until, .damaged = list->damaged};
	out->records = mem_calloc(list->count + 1, sizeof(*out->records));
	out->reviews = mem_calloc(list->count + 1, sizeof(*out->reviews));
	out->planned = mem_calloc(list->count + 1, sizeof(*out->planned));
	if (!out->records || !out->reviews || !out->planned)
		err = ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < plans_count; i++)
		if (!row_of(out, plans[i].job))
			err = ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < list->count; i++) {
		const struct record_original *original = &list->items[i];
		struct recap_row *row;

		if (!is_of_month(month, original))
			continue;
		out->reviews[out->records_count] = list->reviews[i];
		out->planned[out->records_count] = time_of(original, "planned");
		out->records[out->records_count++] = original;
		row = row_of(out, record_member_text(original->record, "job"));
		if (row)
			count_run(row, original, list->reviews[i]);
		else
			err = ERR_NOMEM;
	}
	for (size_t i = 0; err == ERR_OK && i < plans_count; i++)
		count_planned(out, row_of(out, plans[i].job), &plans[i]);
	if (err == ERR_OK)
		add_up(out);
	else
		recap_free(out);
	return err;
}

void recap_free(struct recap *recap)
{
	mem_free(recap->rows);
	mem_free(recap->records);
	mem_free(recap->reviews);
	mem_free(recap->planned);
	*recap = (struct recap){0};
}

/* ---- for programs ---- */

static json_t *row_json(const struct recap_row *row)
{
	char since[CLOCK_TEXT];
	json_t *object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "runs",
	    (json_int_t)row->runs, "done", (json_int_t)row->done, "notes", (json_int_t)row->notes, "late",
	    (json_int_t)row->late, "failed", (json_int_t)row->failed, "source_bytes", (json_int_t)row->source,
	    "stored_bytes", (json_int_t)row->stored, "drills_planned", (json_int_t)row->drills_planned, "drills",
	    (json_int_t)row->drills, "drills_failed", (json_int_t)row->drills_failed, "reviewed",
	    (json_int_t)row->reviewed);
	bool good = object != NULL;

	if (good && row->job)
		good = json_object_set_new(object, "job", json_string(row->job)) == 0;
	if (good)
		good = json_object_set_new(object, "planned",
			   row->is_planned ? json_integer((json_int_t)row->planned) : json_null()) == 0 &&
		    json_object_set_new(
			object, "missed", row->is_planned ? json_integer((json_int_t)row->missed) : json_null()) == 0 &&
		    json_object_set_new(object, "planned_since",
			row->since ? json_string(clock_format(since, row->since)) : json_null()) == 0;
	if (!good) {
		json_decref(object);
		return NULL;
	}
	return object;
}

json_t *recap_json(const struct recap *recap)
{
	char as_of[CLOCK_TEXT];
	json_t *jobs = json_array(), *object = NULL;
	bool good = jobs != NULL;

	for (size_t i = 0; good && i < recap->rows_count; i++)
		good = json_array_append_new(jobs, row_json(&recap->rows[i])) == 0;
	if (good)
		object = json_pack("{s:s, s:s, s:O, s:o, s:I}", "month", recap->month.text, "as_of",
		    clock_format(as_of, recap->as_of), "jobs", jobs, "total", row_json(&recap->total), "damaged",
		    (json_int_t)recap->damaged);
	json_decref(jobs);
	if (!object)
		fail(PL_NO_MEMORY, "no memory for JSON");
	return object;
}
