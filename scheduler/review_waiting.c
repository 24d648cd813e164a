/* What waits for a review. */
#include "conf/review_rules.h"
#include "core/base/clock.h"
#include "scheduler/review.h"

#include <time.h>

/* Context of the walk. */
struct walk {
	const struct configuration *configuration;
	struct record_ledger *ledger;
	int64_t now;
	review_visit visit;
	void *context;
};

const char *review_waiting_name(enum review_state state)
{
	static const char *const names[] = {[REVIEW_WAITING] = "waiting",
	    [REVIEW_OVERDUE] = "overdue",
	    [REVIEW_ESCALATED] = "escalated",
	    [REVIEW_RETURNED] = "returned"};

	return names[state];
}

static const char *member(json_t *record, const char *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(record, object), name));

	return text ? text : "";
}

static int64_t time_of(json_t *record, const char *name, int64_t otherwise)
{
	int64_t time;

	return clock_parse(member(record, name, "utc"), &time) ? time : otherwise;
}

/* The day of the follow-up is over, where the office is. */
static bool past_until(json_t *review, int64_t now)
{
	const char *until = member(review, "follow_up", "until");
	time_t seconds = (time_t)(now / CLOCK_SECOND);
	char today[16];
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(today, sizeof(today), "%Y-%m-%d", &parts);
	return *until && strcmp(until, today) < 0;
}

static void judge(struct walk *walk, const struct record_review_list *reviews, struct review_waiting *waiting)
{
	json_t *run = waiting->run->original->record;
	const struct configuration *configuration = walk->configuration;
	const struct configuration_job *job = configuration_job(configuration, waiting->run->heading->job);
	const struct review_rules rules = review_rules_of(configuration, job);
	int64_t age;

	waiting->since = time_of(run, "ended", waiting->run->heading->time);
	waiting->who = member(run, "reviewer", "name");
	waiting->person = configuration_person(configuration, job ? job->reviewer : member(run, "reviewer", "id"));
	if (job && waiting->person)
		waiting->who = waiting->person->name;
	if (record_review_decision(reviews) == RECORD_RETURNED) {
		json_t *last = reviews->items[reviews->count - 1].record;

		waiting->state = REVIEW_RETURNED;
		waiting->since = time_of(last, "time", waiting->since);
		waiting->who = member(run, "performer", "name");
		waiting->person = configuration_person(configuration, member(run, "performer", "id"));
		waiting->overdue = json_is_object(json_object_get(last, "follow_up"))
		    ? past_until(last, walk->now)
		    : walk->now - waiting->since > rules.remind_after;
		return;
	}
	age = walk->now - waiting->since;
	waiting->state = age > rules.escalate_after ? REVIEW_ESCALATED
	    : age > rules.remind_after		    ? REVIEW_OVERDUE
						    : REVIEW_WAITING;
	waiting->overdue = waiting->state != REVIEW_WAITING;
	if (waiting->state == REVIEW_ESCALATED)
		waiting->escalated_to = rules.escalate_to;
}

static enum err visit_run(void *context, const struct record_row *row)
{
	struct walk *walk = context;
	struct record_review_list reviews = {0};
	struct review_waiting waiting = {.run = row};
	enum err err = record_review_list_load(&reviews, walk->ledger, row->original);

	if (err == ERR_OK) {
		judge(walk, &reviews, &waiting);
		err = walk->visit(walk->context, &waiting);
	}
	record_review_list_free(&reviews);
	return err;
}

enum err review_waiting_each(const struct configuration *configuration, struct record_ledger *ledger, int64_t now,
    size_t *damaged, review_visit visit, void *context)
{
	struct walk walk = {configuration, ledger, now, visit, context};

	return record_ledger_each(
	    ledger, &(struct record_filter){.waiting = true, .quiet = damaged, .damaged = damaged}, visit_run, &walk);
}
