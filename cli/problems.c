#include "cli/problems.h"
#include "cli/describe.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <string.h>

#define SHOWN_MAX 20 /* about a screen */

void problems_add(
    struct problems *problems, const char *kind, struct entry_bytes path, enum message id, const char *reason)
{
	char code[16];
	char *text;

	problems->count++;
	if (output_is_json()) {
		json_t *object = json_pack("{s:s}", "kind", kind);

		text = output_printable(reason, strlen(reason));
		if (object && text)
			json_object_set_new(object, "reason", json_string(text));
		mem_free(text);
		if (object && id != PL_NONE)
			json_object_set_new(object, "code", json_string(message_code(id, code)));
		if (object && !describe_set_path(object, path))
			failure_clear(); /* an object without its path still tells of the problem */
		output_object("problem", object);
		return;
	}
	if (problems->count > SHOWN_MAX && output_level() < OUTPUT_VERBOSE)
		return;
	text = describe_path(path);
	/* Most reasons name the object already, some of them without the slash. */
	if (!text || strstr(reason, text))
		output_warning(id, "%s", reason);
	else if (strncmp(reason, text + 1, strlen(text + 1)) == 0 && reason[strlen(text + 1)] == ':')
		output_warning(id, "/%s", reason);
	else
		output_warning(id, "%s: %s", text, reason);
	mem_free(text);
}

void problems_end(const struct problems *problems)
{
	if (problems->count > SHOWN_MAX && output_level() < OUTPUT_VERBOSE && !output_is_json())
		output_warning(
		    PL_NONE, "... and %llu more; -v names them all", (unsigned long long)(problems->count - SHOWN_MAX));
}
