/* Wires the command line to the command: parse, run, say how it ended. */
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/settings.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Usage errors too are JSON when JSON is wanted, whether or not the options in front of --json make sense. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

/* A standard stream that the caller closed must not become the number of a file that is opened: what is printed would go
 * into it. What stands in refuses to be written, so that a result that goes nowhere is still an error. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY);
}

/* Walks, packs and a target's connections all hold descriptors: take what the system gives. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Finds the command and moves *argc, *argv behind its words. *command is NULL where only options were given; *group is the
 * first word where a second one is missing. */
static enum err read_command(int *argc, char ***argv, const struct command **command, const char **group)
{
	int next;
	enum err err = options_parse(*argc, *argv, settings_options, NULL, true, &next);
	char name[64];

	if (err != ERR_OK || next >= *argc)
		return err;
	*argc -= next;
	*argv += next;
	if (commands_is_group((*argv)[0])) {
		*group = (*argv)[0];
		err = options_parse(*argc, *argv, settings_options, NULL, true, &next);
		if (err != ERR_OK || next >= *argc)
			return err;
		*argc -= next;
		*argv += next;
		snprintf(name, sizeof(name), "%s %s", *group, (*argv)[0]);
		*group = NULL;
	} else {
		snprintf(name, sizeof(name), "%s", (*argv)[0]);
	}
	*command = commands_find(name);
	return *command ? ERR_OK : commands_fail_unknown(name);
}

static enum err check_arguments(const struct command *command, size_t count)
{
	if (count >= command->least && (command->most == ARGUMENTS_ANY || count <= command->most))
		return ERR_OK;
	return fail(PL_ARGUMENTS, "%s arguments; usage: pulih %s %s", count < command->least ? "too few" : "too many",
	    command->name, command->arguments);
}

static enum output_level level_of(const struct settings *given)
{
	if (given->quiet)
		return OUTPUT_QUIET;
	return given->verbose > 1 ? OUTPUT_DEBUG : given->verbose == 1 ? OUTPUT_VERBOSE : OUTPUT_NORMAL;
}

static enum err run(int argc, char **argv)
{
	const struct command *command = NULL;
	const char *group = NULL;
	struct arguments arguments = {0};
	int next = 0;
	enum err err = read_command(&argc, &argv, &command, &group);

	if (err == ERR_OK && command)
		err = options_parse(argc, argv, settings_options, command->options, false, &next);
	if (err != ERR_OK)
		return err;
	/* As `pulih version`, except that it looks neither at the environment nor for the configuration. */
	if (settings.version && !settings.help) {
		output_setup(settings.json, level_of(&settings));
		return commands_find("version")->run(&arguments);
	}
	if (settings.help || !command)
		return help_print(command, group, settings.help);
	arguments = (struct arguments){(const char *const *)argv + next, (size_t)(argc - next)};
	err = check_arguments(command, arguments.count);
	if (err == ERR_OK)
		err = settings_complete(command->makes_configuration);
	if (err != ERR_OK)
		return err;
	output_setup(settings.json, level_of(&settings));
	return command->run(&arguments);
}

/* A result that did not arrive is no result: `pulih ls > /dev/full` must not end with 0. */
static enum err flush_output(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ERR_OK;
	return fail_errno(PL_STANDARD_OUTPUT, "cannot write standard output");
}

/* A reader that had enough (head) needs no telling. */
static bool reader_is_gone(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

int main(int argc, char **argv)
{
	enum err err, flushed;

	hold_standard_descriptors();
	mem_setup();
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* numbers are read and written the same everywhere */
	output_setup(wants_json(argc, argv), OUTPUT_NORMAL);
	interrupt_install();
	raise_descriptor_limit();
	err = crypto_setup();
	if (err == ERR_OK)
		err = run(argc, argv);
	if (err != ERR_OK && !(failure_last()->id == PL_STANDARD_OUTPUT && reader_is_gone()))
		output_error(failure_last());
	flushed = flush_output();
	if (flushed != ERR_OK && err == ERR_OK) {
		err = flushed;
		if (!reader_is_gone())
			output_error(failure_last());
	}
	return error_exit_code(err);
}
