/* The configuration that answers come to. */
#ifndef PULIH_CLI_SETUP_PLAN_H
#define PULIH_CLI_SETUP_PLAN_H

#include "cli/setup_answers.h"
#include "conf/configuration.h"
#include "core/base/buffer.h"

#define SETUP_PLAN_TARGET "hdd" /* the name of the target, as the manual calls it */

/* Appends the configuration as YAML with comments in the office's language; `key`: the backup key of the target; NULL: it is not there yet, and
 * files of passwords are not either. All answers
 * that are wanted are there. As write_configuration. */
enum err setup_plan_text(struct buffer *out, const struct setup_answers *answers, const char *key);

/* A word as a shell takes it: quoted where need be. To be released with mem_free; NULL after PL_NO_MEMORY. */
char *setup_plan_quoted(const char *word);

#endif
