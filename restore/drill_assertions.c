/* What a person knows of the data, asked of what was restored. */
#include "restore/drill_internal.h"

#include "core/base/mem.h"
#include "core/base/output.h"

#define ANSWER_SHOWN 1000u /* bytes of an answer that a record keeps */

static enum err keep(struct drill *drill, const struct drill_assertion *assertion, const char *found, bool good)
{
	size_t length = strlen(found);
	char *printable = output_printable(found, length > ANSWER_SHOWN ? ANSWER_SHOWN : length);
	json_t *kept = printable ? json_pack("{s:s, s:s, s:s, s:s, s:b}", "source", assertion->source, "sql",
				       assertion->sql, "expected", assertion->expect, "found", printable, "good", good)
				 : NULL;
	enum err err = kept && json_array_append_new(drill->result->assertions, kept) == 0
	    ? ERR_OK
	    : fail(PL_NO_MEMORY, "no memory for JSON");

	if (err == ERR_OK && !good)
		err = drill_find(
		    drill->result, false, "assertion", assertion->source, assertion->sql, assertion->expect, printable);
	mem_free(printable);
	return err;
}

/* As a configuration can say it: values between '|', lines between ';'. */
static void on_one_line(char *answer)
{
	for (; *answer; answer++)
		*answer = *answer == '\t' ? '|' : *answer == '\n' ? ';' : *answer;
}

static enum err ask_one(struct drill *drill, const struct drill_assertion *assertion, drill_ask ask, void *context)
{
	struct buffer answer = {0};
	enum err err = drill_step_begin(drill, "assertion", assertion->source);
	bool good = false;

	if (err == ERR_OK) {
		err = ask(context, assertion->sql, &answer);
		if (err == ERR_OK) {
			on_one_line((char *)answer.data);
			good = strcmp((const char *)answer.data, assertion->expect) == 0;
			err = keep(drill, assertion, (const char *)answer.data, good);
		} else if (drill_is_finding(err)) {
			struct failure failure = *failure_last();

			err = keep(drill, assertion, failure.text, false);
		}
	}
	drill_step_end(drill, good, false);
	buffer_free(&answer);
	return err;
}

enum err drill_assertions_of(struct drill *drill, const char *source, drill_ask ask, void *context)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < drill->options->assertions_count; i++)
		if (strcmp(drill->options->assertions[i].source, source) == 0)
			err = ask_one(drill, &drill->options->assertions[i], ask, context);
	return err;
}

static bool was_asked(const struct drill *drill, const struct drill_assertion *assertion)
{
	json_t *kept;
	size_t at;

	json_array_foreach(drill->result->assertions, at, kept)
	{
		if (strcmp(json_string_value(json_object_get(kept, "source")), assertion->source) == 0 &&
		    strcmp(json_string_value(json_object_get(kept, "sql")), assertion->sql) == 0)
			return true;
	}
	return false;
}

/* One that nobody could be asked is none that holds. */
enum err drill_assertions_rest(struct drill *drill)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < drill->options->assertions_count; i++)
		if (!was_asked(drill, &drill->options->assertions[i]))
			err = keep(drill, &drill->options->assertions[i], "the backup holds no such database", false);
	return err;
}
