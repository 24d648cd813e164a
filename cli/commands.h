/* Commands: what each is called, takes and does. The table in commands.c is the one place where they are listed. */
#ifndef PULIH_CLI_COMMANDS_H
#define PULIH_CLI_COMMANDS_H

#include "cli/options.h"
#include "core/base/error.h"

#include <stddef.h>

/* The words behind the command, options taken out. */
struct arguments {
	const char *const *items; /* NULL-terminated */
	size_t count;
};

#define ARGUMENTS_ANY ((size_t)-1)

struct command {
	const char *name;		   /* "backup"; a subcommand has two words: "key add" */
	const char *purpose;		   /* one line, no full stop */
	const char *arguments;		   /* as the usage line shows them: "PATH..." */
	size_t least, most;		   /* arguments */
	const struct option_spec *options; /* NULL: only the global ones */
	const char *details;		   /* lines of text for the help, NULL for none */
	const char *examples;		   /* lines, each "pulih …" */
	bool makes_configuration;	   /* that of -c need not be there */
	enum err (*run)(const struct arguments *arguments);
};

/* In the order of the overview; commands of one group stand together. Ends with command NULL. */
struct command_entry {
	const char *group;
	const struct command *command;
};
extern const struct command_entry commands[];

/* The command of that exact name ("backup", "key add"); NULL where there is none. */
const struct command *commands_find(const char *name);
/* True when subcommands of that first word exist: "key". */
bool commands_is_group(const char *word);
/* PL_COMMAND_UNKNOWN, with the nearest name. */
enum err commands_fail_unknown(const char *name);

#endif
