#include "scheduler/notify_review.h"

#include "conf/review_rules.h"
#include "core/base/mem.h"
#include "scheduler/notify_internal.h"
#include "scheduler/review.h"

/* Stages of a report, in the order in which they are told. */
enum { STAGE_OVERDUE = 1, STAGE_ESCALATED = 2 };

/* A report that waits. Texts are its own. */
struct waiting {
	struct state_reminder reminder; /* as it is to be remembered once it was told */
	char job[CONFIGURATION_NAME_MAX + 1];
	bool due; /* to be told now */
	enum review_state state;
	char *who;
	const struct configuration_person *person, *escalated_to;
};
struct list {
	const struct notify *notify;
	struct state *state;
	int64_t now;
	struct waiting *items;
	size_t count, capacity;
};

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->items[i].who);
	mem_free(list->items);
}

/* Whether it is to be told now, and what is to be remembered then. */
static enum err judge(struct list *list, struct waiting *item, bool overdue)
{
	const struct configuration *configuration = list->notify->configuration;
	const struct review_rules rules = review_rules_of(configuration, configuration_job(configuration, item->job));
	struct state_reminder *reminder = &item->reminder;
	unsigned stage = item->state == REVIEW_ESCALATED ? STAGE_ESCALATED : STAGE_OVERDUE;
	enum err err = state_reminder_find(list->state, reminder);

	if (err != ERR_OK || !overdue)
		return err;
	/* Told in the future, by a clock that was ahead: counted from now, else nobody would hear of it until then. */
	if (reminder->told > list->now) {
		reminder->told = list->now;
		err = state_reminder_set(list->state, reminder, 1);
	}
	item->due = stage > reminder->stage || list->now - reminder->told >= rules.remind_after;
	if (stage > reminder->stage)
		reminder->stage = stage;
	reminder->told = list->now;
	return err;
}

static enum err take(void *context, const struct review_waiting *waiting)
{
	struct list *list = context;
	struct waiting *item;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct waiting *items = mem_resize(list->items, capacity, sizeof(*items));

		if (!items)
			return ERR_NOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	item = &list->items[list->count];
	*item = (struct waiting){.reminder = {.since = waiting->since},
	    .state = waiting->state,
	    .who = mem_string(waiting->who),
	    .person = waiting->person,
	    .escalated_to = waiting->escalated_to};
	if (!item->who)
		return ERR_NOMEM;
	list->count++;
	snprintf(item->reminder.run_id, sizeof(item->reminder.run_id), "%s", waiting->run->heading->id);
	snprintf(item->job, sizeof(item->job), "%s", waiting->run->heading->job);
	return judge(list, item, waiting->overdue);
}

/* "20261122t010000-website-3f2a: menunggu pemeriksaan sejak Minggu, …, untuk Ni Putu; diteruskan kepada …" */
static char *line_of(const struct configuration *configuration, const struct waiting *item)
{
	char time[RECORD_PHRASE];
	bool returned = item->state == REVIEW_RETURNED;

	return mem_printf("%s: %s %s, %s %s%s%s%s%s", item->reminder.run_id,
	    notify_text_word(configuration, returned ? NOTIFY_WORD_RETURNED_SINCE : NOTIFY_WORD_WAITS_SINCE),
	    notify_text_time(configuration, item->reminder.since, time),
	    notify_text_word(configuration, NOTIFY_WORD_FOR), item->who, item->escalated_to ? "; " : "",
	    item->escalated_to ? notify_text_word(configuration, NOTIFY_WORD_ESCALATED_TO) : "",
	    item->escalated_to ? " " : "", item->escalated_to ? item->escalated_to->name : "");
}

static size_t add_person(const char **people, size_t count, const struct configuration_person *person)
{
	for (size_t i = 0; i < count; i++)
		if (person && strcmp(people[i], person->id) == 0)
			return count;
	if (person)
		people[count++] = person->id;
	return count;
}

/* What one message is made of; arrays of the size of the list. */
struct draft {
	char **lines;
	const char **people;
	struct state_reminder *reminders;
};

static void draft_free(struct draft *draft, size_t count)
{
	for (size_t i = 0; draft->lines && i < count; i++)
		mem_free(draft->lines[i]);
	mem_free(draft->lines);
	mem_free(draft->people);
	mem_free(draft->reminders);
}

/* All that is due of the job of item `first`, the first of it that is. */
static enum err put_job(struct list *list, size_t first, struct notify_results *results, size_t *put)
{
	const char *job = list->items[first].job;
	struct notify_event event = {.kind = NOTIFY_REVIEW_OVERDUE,
	    .job = job,
	    .time = list->now,
	    .run_id = list->items[first].reminder.run_id,
	    .due = list->items[first].reminder.since,
	    .last_good = NOTIFY_UNKNOWN};
	struct draft draft = {.lines = mem_calloc(list->count, sizeof(*draft.lines)),
	    .people = mem_calloc(2 * list->count, sizeof(*draft.people)),
	    .reminders = mem_calloc(list->count, sizeof(*draft.reminders))};
	enum err err = draft.lines && draft.people && draft.reminders ? ERR_OK : ERR_NOMEM;
	size_t count = 0, people = 0;

	*put = 0;
	for (size_t i = first; err == ERR_OK && i < list->count; i++) {
		struct waiting *item = &list->items[i];

		if (!item->due || strcmp(item->job, job) != 0)
			continue;
		item->due = false;
		draft.reminders[count] = item->reminder;
		draft.lines[count] = line_of(list->notify->configuration, item);
		err = draft.lines[count++] ? ERR_OK : ERR_NOMEM;
		people = add_person(draft.people, people, item->person);
		people = add_person(draft.people, people, item->escalated_to);
	}
	event.lines = (const char *const *)draft.lines;
	event.lines_count = count;
	event.people = draft.people;
	event.people_count = people;
	if (err == ERR_OK)
		err = notify_put(list->notify, &event, results, put);
	if (err == ERR_OK && *put > 0)
		err = state_reminder_set(list->state, draft.reminders, count);
	draft_free(&draft, list->count);
	return err;
}

static enum err forget_others(struct list *list)
{
	struct state_reminder *waiting = mem_calloc(list->count + 1, sizeof(*waiting));
	enum err err = waiting ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < list->count; i++)
		waiting[i] = list->items[i].reminder;
	if (err == ERR_OK)
		err = state_reminder_keep(list->state, waiting, list->count);
	mem_free(waiting);
	return err;
}

enum err notify_review_put(
    const struct notify *notify, struct state *state, int64_t now, struct notify_results *results, size_t *put)
{
	struct list list = {.notify = notify, .state = state, .now = now};
	struct record_ledger *ledger;
	size_t damaged = 0;
	enum err err = record_ledger_open(&ledger, notify->state_folder, false);

	*put = 0;
	if (err == ERR_OK)
		err = review_waiting_each(notify->configuration, ledger, now, &damaged, take, &list);
	record_ledger_close(ledger);
	/* A review that is damaged ends the walk: what was seen is told, and nothing is forgotten. */
	if (err == ERR_CORRUPT) {
		failure_clear();
		damaged++;
		err = ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < list.count; i++) {
		size_t count = 0;

		if (list.items[i].due)
			err = put_job(&list, i, results, &count);
		*put += count;
	}
	if (err == ERR_OK && damaged == 0)
		err = forget_others(&list);
	list_free(&list);
	return err;
}
