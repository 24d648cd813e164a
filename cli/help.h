/* Help texts, made from the tables of commands and options. */
#ifndef PULIH_CLI_HELP_H
#define PULIH_CLI_HELP_H

#include "cli/commands.h"

/* The help of `command`; of the subcommands of `group` where command is NULL; the overview where both are. `asked` says
 * that a person asked for it: then it is a result; else it goes with PL_ARGUMENTS (ERR_USAGE). */
enum err help_print(const struct command *command, const char *group, bool asked);

#endif
