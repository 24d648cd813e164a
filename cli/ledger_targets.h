/* The targets that a command about the ledger is given, or all of the configuration. */
#ifndef PULIH_CLI_LEDGER_TARGETS_H
#define PULIH_CLI_LEDGER_TARGETS_H

#include "cli/options.h"
#include "core/repo/repository.h"

/* Names (of the configuration) or URLs: those of the list; without any, PULIH_REPOSITORY or the one in front of the command; without that,
 * every target of the configuration, if there is one. *out ends with NULL; released with mem_free, the texts are borrowed. */
enum err ledger_targets_choose(const struct option_list *list, const char ***out);

/* Opens one with its own secret, unless the command line or the environment gave one for all. `out` is released with repository_close. */
enum err ledger_targets_open(const char *name, struct repository *out);

#endif
