#include "cli/problems.h"
#include "cli/describe.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

#define SHOWN_MAX 20 /* about a screen */

static void add_json(const struct problem *problem)
{
	char code[16];
	json_t *object = json_pack("{s:s}", "kind", problem->kind);
	char *text = output_printable(problem->reason, strlen(problem->reason));

	if (object && text)
		json_object_set_new(object, "reason", json_string(text));
	mem_free(text);
	if (object && problem->id != PL_NONE)
		json_object_set_new(object, "code", json_string(message_code(problem->id, code)));
	if (object && !describe_set_path(object, problem->path))
		failure_clear(); /* an object without its path still tells of the problem */
	output_object("problem", object);
}

void problems_add(struct problems *problems, const struct problem *problem)
{
	const char *reason = problem->reason;
	uint64_t shown = problems->count++ - problems->hidden;
	char *text;

	if (output_is_json()) {
		add_json(problem);
		return;
	}
	if (output_level() < OUTPUT_VERBOSE && (problem->repeated || shown == SHOWN_MAX)) {
		problems->hidden++;
		return;
	}
	text = describe_path(problem->path);
	/* Most reasons name the object already, some of them without the slash. */
	if (!text || strstr(reason, text))
		output_warning(problem->id, "%s", reason);
	else if (strncmp(reason, text + 1, strlen(text + 1)) == 0 &&
	    (reason[strlen(text + 1)] == ':' || reason[strlen(text + 1)] == ' '))
		output_warning(problem->id, "/%s", reason);
	else
		output_warning(problem->id, "%s: %s", text, reason);
	mem_free(text);
}

void problems_end(const struct problems *problems)
{
	if (problems->hidden)
		output_warning(PL_NONE, "... and %llu more; -v names them all", (unsigned long long)problems->hidden);
}
