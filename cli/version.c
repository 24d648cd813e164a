/* pulih version */
#include "cli/commands.h"
#include "cli/libraries.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"

static enum err version_run(const struct arguments *arguments)
{
	json_t *libraries = json_object();

	(void)arguments;
	output_print("pulih %s\n", PULIH_VERSION);
	for (const struct library *library = libraries_list(); library->name; library++) {
		if (output_level() >= OUTPUT_VERBOSE)
			output_print("  %-12s %s\n", library->name, library->version);
		json_object_set_new(libraries, library->name, json_string(library->version));
	}
	if (output_level() >= OUTPUT_VERBOSE)
		output_print("  new repositories here use %s\n", suite_name((int)suite_for_this_machine()));
	output_object("version", json_pack("{s:s, s:o}", "version", PULIH_VERSION, "libraries", libraries));
	return ERR_OK;
}

const struct command version_command = {
    .name = "version",
    .purpose = "show the version",
    .arguments = "",
    .details = "-v shows the versions of the libraries too.",
    .run = version_run,
};
