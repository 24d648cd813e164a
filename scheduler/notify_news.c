#include "scheduler/notify_news.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_report.h"
#include "scheduler/history.h"
#include "scheduler/notify_internal.h"

#include <stdlib.h>

/* Unknown where the ledger cannot be read: that is no reason to be silent. */
static int64_t last_good_of(const struct notify *notify, const char *job)
{
	struct record_ledger *ledger;
	struct history history;
	enum err err = record_ledger_open(&ledger, notify->state_folder, false);

	if (err == ERR_OK)
		err = history_of_job(ledger, job, &history);
	record_ledger_close(ledger);
	if (err != ERR_OK) {
		failure_clear();
		return NOTIFY_UNKNOWN;
	}
	return history.good_ended == HISTORY_UNKNOWN ? 0 : history.good_ended;
}

static enum err put_missed(const struct notify *notify, const struct state_news *news, struct notify_event *event,
    struct notify_results *results, size_t *put)
{
	char *line = mem_printf("%s: %llu", notify_text_word(notify->configuration, NOTIFY_WORD_MISSED_TIMES),
	    (unsigned long long)news->missed);
	const char *lines[] = {line};
	enum err err;

	if (!line)
		return ERR_NOMEM;
	/* A drill whose time passed is one that was not carried out. */
	event->kind = drill_key_is(news->job) ? NOTIFY_DRILL_OVERDUE : NOTIFY_MISSED;
	event->due = news->planned;
	event->lines = lines;
	event->lines_count = 1;
	err = notify_put(notify, event, results, put);
	mem_free(line);
	return err;
}

/* Why it failed, as its record says; the report goes along. Where the record cannot be read, that is what people must hear of. */
static void read_record(
    const struct notify *notify, const struct state_news *news, struct notify_event *event, struct buffer *report)
{
	struct record_original original = {0};
	struct buffer bytes = {0};
	json_t *failure;
	const char *code, *text;
	const struct message_info *info;
	enum err err = record_ledger_load(notify->state_folder, news->run_id, &bytes);

	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err == ERR_OK) {
		failure = json_object_get(original.record, "failure");
		code = json_string_value(json_object_get(failure, "code"));
		text = json_string_value(json_object_get(failure, "message"));
		info = code && strlen(code) > 3 ? message_find(atoi(code + 3)) : NULL;
		if (info)
			event->failure = (struct failure){.kind = info->kind, .id = info->id};
		snprintf(event->failure.text, sizeof(event->failure.text), "%s", text ? text : "");
		err = record_report_text(&original, NULL, report);
	}
	if (err != ERR_OK)
		buffer_clear(report);
	if (err != ERR_OK && err != ERR_MISSING)
		event->failure = *failure_last();
	failure_clear();
	record_original_free(&original);
	buffer_free(&bytes);
}

static enum err put_cut_off(const struct notify *notify, const struct state_news *news, struct notify_event *event,
    struct notify_results *results, size_t *put)
{
	struct buffer report = {0};
	char *name = mem_printf("%s.txt", news->run_id);
	enum err err = name ? ERR_OK : ERR_NOMEM;

	event->kind = NOTIFY_FAILURE;
	event->run_id = news->run_id;
	read_record(notify, news, event, &report);
	event->attachment_name = report.length > 0 ? name : NULL;
	event->attachment_type = "text/plain; charset=UTF-8";
	event->attachment = report.data;
	event->attachment_size = report.length;
	if (err == ERR_OK)
		err = notify_put(notify, event, results, put);
	buffer_free(&report);
	mem_free(name);
	return err;
}

enum err notify_news_put(const struct notify *notify, struct state *state, struct notify_results *results, size_t *put)
{
	struct state_news news;
	bool found;
	enum err err = state_news_first(state, &news, &found);

	*put = 0;
	while (err == ERR_OK && found) {
		char job[CONFIGURATION_NAME_MAX + 1];
		struct notify_event event = {.job = drill_key_job(job, news.job), .time = clock_now()};
		size_t count = 0;

		event.last_good = last_good_of(notify, job);

		err = news.kind == STATE_NEWS_MISSED ? put_missed(notify, &news, &event, results, &count)
						     : put_cut_off(notify, &news, &event, results, &count);
		*put += count;
		if (err == ERR_OK)
			err = state_news_done(state, news.id);
		if (err == ERR_OK)
			err = state_news_first(state, &news, &found);
	}
	return err;
}
