/* What may come next on a command line that is being typed: read by the completion of shells (conf/completion). Made from
 * the same tables as the parser and the help, so that it knows every command and option that they know. */
#ifndef PULIH_CLI_COMPLETE_H
#define PULIH_CLI_COMPLETE_H

#include <stddef.h>

/* Prints what may stand in place of the last of `words` (what follows "pulih"; none: the first word), one candidate a line:
 * the whole word, a tab, what it means. Nothing is left out for what was typed of the word already. Where the shell knows
 * better there is a line "@files", "@folders" or "@commands" (programs) instead; behind "--option=" these stand for the value alone.
 * Names of jobs and targets are those of the configuration, which -c among the words names; of one that cannot be read there are
 * none, silently. With --json one object each: "word" and "description", or "shell". */
void complete_print(const char *const *words, size_t count);

#endif
