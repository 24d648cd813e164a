/* pulih notify test, list, retry */
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/describe.h"
#include "cli/notify_report.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/output.h"
#include "scheduler/notify_metrics.h"
#include "scheduler/notify_outbox.h"

#include <stdlib.h>
#include <time.h>

static struct {
	const char *channel;
} given;

/* The configuration, and with it the office's time zone: messages have times in them. */
static enum err open_notify(struct notify *notify)
{
	const struct configuration *configuration;
	enum err err = configured_load(&configuration);

	if (err != ERR_OK)
		return err;
	if (setenv("TZ", configuration->office.timezone, 1) != 0)
		return fail_errno(PL_NO_MEMORY, "cannot set the time zone");
	tzset();
	*notify = (struct notify){.configuration = configuration, .state_folder = settings.state_folder};
	return ERR_OK;
}

static size_t failed_of(const struct notify_results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < results->count; i++)
		count += !results->items[i].ok;
	return count;
}

/* Shows the results, and what they come to. */
static enum err conclude(const struct notify_results *results)
{
	size_t failed = failed_of(results);

	notify_report_show(results, output_level() >= OUTPUT_NORMAL);
	output_object(
	    "summary", json_pack("{s:i, s:i}", "taken", (int)(results->count - failed), "failed", (int)failed));
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted");
	if (failed > 0)
		return fail(PL_NOTIFY_UNDELIVERED, "%zu of %s failed", failed,
		    describe_count(results->count, "notification").text);
	return ERR_OK;
}

/* ---- test ---- */

static const struct option_spec test_options[] = {
    {OPTION("channel", 0, OPTION_TEXT, "NAME", "only this channel", &given.channel)},
    {0},
};

static enum err notify_test_run(const struct arguments *arguments)
{
	struct notify notify;
	struct notify_results results = {0};
	enum err err = open_notify(&notify);

	(void)arguments;
	if (err == ERR_OK && notify.configuration->notifications_count == 0)
		err = fail(PL_NOTIFY_CHANNEL, "%s describes no channels: add notifications to it", configured_file());
	if (err == ERR_OK)
		err = notify_test(&notify, given.channel, &results);
	if (err == ERR_OK)
		err = conclude(&results);
	notify_results_free(&results);
	return err;
}

const struct command notify_test_command = {
    .name = "notify test",
    .purpose = "send a test message over the channels of the configuration",
    .arguments = "",
    .options = test_options,
    .details = "Says of each channel whether its server took the message; exit code 1 where one did not. Whether the\n"
	       "message arrives is for its reader to see. A ping counts as a sign of life.",
    .examples = "pulih notify test\npulih notify test --channel mail",
    .run = notify_test_run,
};

/* ---- list ---- */

static void show_waiting(const struct notify_result *result)
{
	char next[CLOCK_TEXT];

	output_print("%s  %s of %s, next %s%s%s\n", result->channel, notify_kind_name(result->kind),
	    result->job[0] ? result->job : "pulih", clock_format(next, result->next),
	    result->failure.text[0] ? ": " : "", result->failure.text);
}

static enum err notify_list_run(const struct arguments *arguments)
{
	struct notify notify;
	struct notify_results results = {0};
	enum err err = open_notify(&notify);

	(void)arguments;
	if (err == ERR_OK)
		err = notify_outbox_list(notify.state_folder, &results);
	for (size_t i = 0; err == ERR_OK && !output_is_json() && i < results.count; i++)
		show_waiting(&results.items[i]);
	if (err == ERR_OK && output_is_json())
		notify_report_show(&results, true);
	if (err == ERR_OK && results.count == 0 && output_level() >= OUTPUT_NORMAL)
		output_print("no notification waits\n");
	notify_results_free(&results);
	return err;
}

const struct command notify_list_command = {
    .name = "notify list",
    .purpose = "list the notifications that wait to be sent",
    .arguments = "",
    .details =
	"A message that a channel does not take is sent again by the scheduler and by runs, after growing pauses,\n"
	"for 7 days.",
    .examples = "pulih notify list",
    .run = notify_list_run,
};

/* ---- retry ---- */

static enum err write_metrics(const struct notify *notify, struct notify_results *results)
{
	struct notify_metrics metrics = {0};
	enum err err;

	if (!notify_metrics_wanted(notify->configuration))
		return ERR_OK;
	err = notify_metrics_collect(notify, clock_now(), &metrics);
	if (err == ERR_OK)
		err = notify_metrics_write(notify, NULL, &metrics, results);
	notify_metrics_free(&metrics);
	return err;
}

/* Metrics first, because a server may keep all the rest waiting; and once more where that changed how many wait. What is wrong with them, as
 * with the ledger they are made of, keeps no message from being sent. */
static enum err send_due(const struct notify *notify, struct notify_results *results)
{
	struct notify_results first = {0};
	enum err measured = write_metrics(notify, &first), err;
	struct failure failure = *failure_last();

	err = notify_outbox_retry(notify, clock_now(), results);
	if (err == ERR_OK && measured == ERR_OK && results->count > 0) {
		err = write_metrics(notify, results);
	} else if (err == ERR_OK && results->count == 0) {
		*results = first;
		first = (struct notify_results){0};
	}
	notify_results_free(&first);
	return err == ERR_OK && measured != ERR_OK ? failure_put(&failure) : err;
}

static enum err notify_retry_run(const struct arguments *arguments)
{
	struct notify notify;
	struct notify_results results = {0};
	enum err err = open_notify(&notify);

	(void)arguments;
	if (err == ERR_OK)
		err = send_due(&notify, &results);
	if (err == ERR_OK && results.count == 0 && output_level() >= OUTPUT_NORMAL)
		output_print("no notification is due\n");
	if (err == ERR_OK)
		err = conclude(&results);
	else
		notify_report_show(&results, output_level() >= OUTPUT_NORMAL);
	notify_results_free(&results);
	return err;
}

const struct command notify_retry_command = {
    .name = "notify retry",
    .purpose = "send the notifications that are due, and write the metrics",
    .arguments = "",
    .details = "The scheduler starts it when a notification is due, and at least every 15 minutes where there is a\n"
	       "metrics channel; runs do the same when they end. Exit code 1 where one was not taken again, or was\n"
	       "given up.",
    .examples = "pulih notify retry",
    .run = notify_retry_run,
};
