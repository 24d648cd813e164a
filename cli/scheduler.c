/* pulih scheduler */
#include "scheduler/daemon.h"
#include "cli/commands.h"
#include "cli/configured.h"
#include "cli/settings.h"

#include <stdio.h>

static struct {
	bool foreground;
} given;

static const struct option_spec options[] = {
    {OPTION("foreground", 0, OPTION_FLAG, NULL, "stay in the foreground, which it always does", &given.foreground)},
    {0},
};

#define WORDS_MAX 24

/* What was given to the scheduler holds for its runs too. What stands in the environment they find there: words of a command can be read by
 * every user of the machine. */
static const char *typed(const char *value, const char *variable)
{
	return value && value != options_environment(variable) ? value : NULL;
}

static void add_words(const char *words[WORDS_MAX], char threads[24])
{
	const struct {
		const char *option, *value;
	} pairs[] = {{"--password-file", typed(settings.password_file, "PULIH_PASSWORD_FILE")},
	    {"--password-command", typed(settings.password_command, "PULIH_PASSWORD_COMMAND")},
	    {"--key-file", typed(settings.key_file, "PULIH_KEY_FILE")}, {"--domain", settings.domain},
	    {"--threads", settings.threads ? threads : NULL}};
	size_t count = 0;

	snprintf(threads, 24, "%llu", (unsigned long long)settings.threads);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].value) {
			words[count++] = pairs[i].option;
			words[count++] = pairs[i].value;
		}
	if (settings.json)
		words[count++] = "--json";
	for (unsigned i = 0; i < settings.verbose && i < 2; i++)
		words[count++] = "--verbose";
	if (settings.verbose == 0)
		words[count++] = "--quiet";
}

static enum err scheduler_run(const struct arguments *arguments)
{
	const char *words[WORDS_MAX] = {0};
	char threads[24];

	(void)arguments;
	if (settings.repository && settings.repository != options_environment("PULIH_REPOSITORY"))
		return fail(PL_OPTION_CONFLICT,
		    "--repo does not go with scheduler: the configuration says where a job's backups go");
	add_words(words, threads);
	return daemon_run(&(struct daemon_options){
	    .configuration_file = configured_file(), .state_folder = settings.state_folder, .run_options = words});
}

const struct command scheduler_command = {
    .name = "scheduler",
    .purpose = "run jobs at their times, until it is stopped",
    .arguments = "",
    .options = options,
    .details = "Starts each job as its schedule says, makes up for times that were missed with one run, and tries\n"
	       "again what failed for a reason that may pass. One scheduler works with a state folder.\n"
	       "SIGHUP: reads the configuration again. SIGTERM: stops; runs are resumed by the next scheduler.",
    .examples = "pulih scheduler\nsystemctl enable --now pulih-scheduler",
    .run = scheduler_run,
};
