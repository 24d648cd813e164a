#include "scheduler/notify_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "scheduler/notify_lost.h"
#include "scheduler/notify_metrics.h"

void notify_results_free(struct notify_results *results)
{
	mem_free(results->items);
	*results = (struct notify_results){0};
}

enum err notify_results_add(struct notify_results *results, const struct notify_result *item)
{
	struct notify_result *items = mem_resize(results->items, results->count + 1, sizeof(*items));

	if (!items)
		return ERR_NOMEM;
	results->items = items;
	items[results->count++] = *item;
	return ERR_OK;
}

struct notify_result notify_result_of(const struct notify_message *message)
{
	struct notify_result result = {.kind = message->kind, .failure = *failure_last()};

	snprintf(result.channel, sizeof(result.channel), "%s", message->channel);
	snprintf(result.job, sizeof(result.job), "%s", message->job);
	return result;
}

/* Which event of the configuration a kind is; 0: none that a channel can ask for. */
static uint32_t event_of(enum notify_kind kind)
{
	static const uint32_t events[] = {
	    [NOTIFY_SUCCESS] = ON_SUCCESS,
	    [NOTIFY_NOTES] = ON_NOTES,
	    [NOTIFY_FAILURE] = ON_FAILURE,
	    [NOTIFY_MISSED] = ON_MISSED,
	    [NOTIFY_REVIEW_OVERDUE] = ON_REVIEW_OVERDUE,
	    [NOTIFY_DRILL_OVERDUE] = ON_DRILL_OVERDUE,
	    [NOTIFY_TEST] = 0,
	};

	return events[kind];
}

bool notify_is_alarm(enum notify_kind kind, enum err failure)
{
	return kind == NOTIFY_FAILURE || (kind == NOTIFY_NOTES && failure == ERR_CORRUPT);
}

static bool is_of_job(const struct configuration_channel *channel, const char *job)
{
	for (uint32_t i = 0; job && i < channel->jobs_count; i++)
		if (strcmp(channel->jobs[i], job) == 0)
			return true;
	return channel->jobs_count == 0;
}

static bool wants(const struct configuration_channel *channel, const struct notify_event *event)
{
	if (channel->metrics || !is_of_job(channel, event->job))
		return false;
	/* Silence is what a watchman alarms at: it must hear of every end, whatever it was. */
	if (channel->ping)
		return event->kind <= NOTIFY_FAILURE;
	if (notify_is_alarm(event->kind, event->failure.kind) && channel->on & ON_FAILURE)
		return true;
	return (channel->on & event_of(event->kind)) != 0;
}

enum err notify_hand_over(const struct notify *notify, struct notify_message *message)
{
	const struct configuration_channel *channel = configuration_channel(notify->configuration, message->channel);

	if (!channel)
		return fail(PL_NOTIFY_CHANNEL, "the configuration has no channel %s any more", message->channel);
	if (channel->mail)
		return notify_mail_send(notify->configuration, channel->mail, message);
	if (channel->webhook)
		return notify_web_hook(notify->configuration, channel->webhook, message);
	if (channel->ping)
		return notify_web_ping(channel->ping, channel->on, message);
	if (channel->log)
		return notify_log_send(notify->configuration, channel->log, message);
	return fail(PL_NOTIFY_CHANNEL, "channel %s takes no messages", message->channel);
}

/* Sends, keeps what was not taken, and gives the result. */
static enum err send_one(const struct notify *notify, const struct notify_event *event,
    const struct configuration_channel *channel, bool keep, struct notify_results *results)
{
	struct notify_event own = *event;
	struct notify_message message = {0};
	struct notify_result result;
	enum err sent, err;

	if (!channel->mail || !channel->mail->attach_report)
		own.attachment_name = NULL;
	sent = notify_message_new(&message, &own, channel->name);
	if (sent == ERR_OK)
		sent = notify_hand_over(notify, &message);
	result = (struct notify_result){.kind = event->kind, .ok = sent == ERR_OK};
	snprintf(result.channel, sizeof(result.channel), "%s", channel->name);
	snprintf(result.job, sizeof(result.job), "%s", event->job ? event->job : "");
	if (sent != ERR_OK)
		result.failure = *failure_last();
	/* Where that fails, the worst is a late sign of life of a job that is alive. */
	if (sent == ERR_OK && channel->ping)
		notify_outbox_supersede(notify, &message);
	if (sent == ERR_OK)
		notify_lost_forget(notify->state_folder, channel->name);
	if (sent != ERR_OK && keep && message.object) {
		err = notify_outbox_add(notify, &message, clock_now(), results);
		result.kept = err == ERR_OK;
		result.since = message.created;
		result.next = message.next;
		/* Both stand in the result: why it was not taken, and that it is lost. */
		if (err != ERR_OK) {
			struct failure kept = *failure_last();

			failure_put(&result.failure);
			fail_context(result.failure.kind, "not kept either (%s)", kept.text);
			result.failure = *failure_last();
		}
	}
	notify_message_free(&message);
	err = notify_results_add(results, &result);
	failure_clear();
	return err;
}

enum err notify_send(const struct notify *notify, const struct notify_event *event, struct notify_results *results)
{
	const struct configuration *configuration = notify->configuration;
	enum err err = ERR_OK;

	for (uint32_t i = 0; i < configuration->notifications_count; i++)
		if (wants(&configuration->notifications[i], event) &&
		    send_one(notify, event, &configuration->notifications[i], event->kind != NOTIFY_START, results) !=
			ERR_OK)
			err = fail(PL_NO_MEMORY, "no memory to tell what became of a notification");
	return err;
}

/* ---- into the outbox only ---- */

/* Whether somebody's mail channel that is told takes it to that address already. */
static bool is_reached(const struct configuration *configuration, const struct notify_event *event, const char *address)
{
	for (uint32_t i = 0; i < configuration->notifications_count; i++) {
		const struct configuration_channel *channel = &configuration->notifications[i];

		if (channel->mail && wants(channel, event) &&
		    notify_mail_reaches(configuration, channel->mail, address))
			return true;
	}
	return false;
}

/* The people of the event whom no channel reaches, in an array of the size of event->people. */
static size_t further_people(
    const struct configuration *configuration, const struct notify_event *event, const char **people)
{
	size_t count = 0;

	for (size_t i = 0; i < event->people_count; i++) {
		const struct configuration_person *person = configuration_person(configuration, event->people[i]);

		if (person && person->email && !is_reached(configuration, event, person->email))
			people[count++] = person->id;
	}
	return count;
}

static enum err put_one(const struct notify *notify, const struct notify_event *event,
    const struct configuration_channel *channel, struct notify_results *results)
{
	struct notify_event own = *event;
	struct notify_message message = {0};
	enum err err;

	if (!channel->mail || !channel->mail->attach_report)
		own.attachment_name = NULL;
	err = notify_message_new(&message, &own, channel->name);
	if (err == ERR_OK)
		err = notify_outbox_put(notify, &message, clock_now(), results);
	notify_message_free(&message);
	return err;
}

enum err notify_put(
    const struct notify *notify, const struct notify_event *event, struct notify_results *results, size_t *put)
{
	const struct configuration *configuration = notify->configuration;
	struct notify_event own = *event;
	const char **people = mem_calloc(event->people_count + 1, sizeof(*people));
	enum err err = people ? ERR_OK : ERR_NOMEM;

	*put = 0;
	own.people = people;
	own.people_count = people ? further_people(configuration, event, people) : 0;
	for (uint32_t i = 0; people && i < configuration->notifications_count; i++) {
		const struct configuration_channel *channel = &configuration->notifications[i];
		struct notify_event mine = own;
		enum err result;

		if (!wants(channel, event))
			continue;
		if (!channel->mail)
			mine.people_count = 0;
		result = put_one(notify, &mine, channel, results);
		if (result == ERR_OK && channel->mail)
			own.people_count = 0; /* they have it with this one */
		if (result == ERR_OK)
			++*put;
		else
			err = result;
	}
	mem_free(people);
	/* To tell it once more over all of them would be worse than to tell it over some. */
	if (*put > 0 && err != ERR_OK) {
		failure_clear();
		err = ERR_OK;
	}
	return err;
}

/* ---- tests ---- */

static enum err test_metrics(const struct notify *notify, const char *channel, struct notify_results *results)
{
	struct notify_metrics metrics = {0};
	enum err err = notify_metrics_collect(notify, clock_now(), &metrics);

	if (err == ERR_OK)
		err = notify_metrics_write(notify, channel, &metrics, results);
	notify_metrics_free(&metrics);
	return err;
}

enum err notify_test(const struct notify *notify, const char *channel, struct notify_results *results)
{
	const struct configuration *configuration = notify->configuration;
	const struct notify_event event = {.kind = NOTIFY_TEST, .time = clock_now()};
	enum err err = ERR_OK;

	if (channel && !configuration_channel(configuration, channel))
		return fail(PL_NOTIFY_CHANNEL, "%s describes no channel \"%s\"", configuration->file, channel);
	for (uint32_t i = 0; err == ERR_OK && i < configuration->notifications_count; i++) {
		const struct configuration_channel *candidate = &configuration->notifications[i];

		if (channel && strcmp(candidate->name, channel) != 0)
			continue;
		err = candidate->metrics ? test_metrics(notify, candidate->name, results)
					 : send_one(notify, &event, candidate, false, results);
	}
	return err;
}
