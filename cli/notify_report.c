#include "cli/notify_report.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

static void show_object(const struct notify_result *result)
{
	bool failed = !result->ok && result->failure.kind != ERR_OK;
	char code[16], since[CLOCK_TEXT], next[CLOCK_TEXT];
	char *text = output_printable(result->failure.text, strlen(result->failure.text));

	output_object("notification",
	    json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:s, s:s}", "channel", result->channel, "kind",
		notify_kind_name(result->kind), "job", result->job, "ok", result->ok, "kept", result->kept, "since",
		result->kept ? json_string(clock_format(since, result->since)) : json_null(), "next",
		result->kept ? json_string(clock_format(next, result->next)) : json_null(), "code",
		failed ? message_code(result->failure.id, code) : "", "message", text ? text : ""));
	mem_free(text);
}

static void show_line(const struct notify_result *result, bool all)
{
	char next[CLOCK_TEXT];
	const char *about = result->job[0] ? result->job : "pulih";

	if (result->ok && (all || output_level() >= OUTPUT_VERBOSE))
		output_print("  %s: %s of %s was taken\n", result->channel, notify_kind_name(result->kind), about);
	else if (!result->ok && result->kept)
		output_warning(result->failure.id, "channel %s: %s; it waits and is sent again after %s",
		    result->channel, result->failure.text, clock_format(next, result->next));
	else if (!result->ok)
		output_warning(result->failure.id, "channel %s: %s", result->channel, result->failure.text);
}

void notify_report_show(const struct notify_results *results, bool all)
{
	for (size_t i = 0; i < results->count; i++)
		if (output_is_json())
			show_object(&results->items[i]);
		else
			show_line(&results->items[i], all);
}
