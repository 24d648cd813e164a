/* Where passphrases come from. They are in secret memory: released with secret_free(text, size). */
#ifndef PULIH_CLI_PASSPHRASE_H
#define PULIH_CLI_PASSPHRASE_H

#include "core/base/error.h"

#include <stddef.h>

#define PASSPHRASE_MAX 4096 /* bytes; a key slot takes any length, a file this long is the wrong file */

/* From --password-file, --password-command, their variables, or the terminal. As passphrase_ask of repository.h.
 * PL_CONFIG_SECRET where the configuration names a file that is open to others. PL_PASSPHRASE_NONE (ERR_KEY) where there is none and no terminal; PL_PASSPHRASE_EMPTY. */
enum err passphrase_current(void *context, char **out, size_t *size);

/* A new one for a repository that is being made: as above, typed twice in a terminal. */
enum err passphrase_first(void *context, char **out, size_t *size);

/* A new one for a further slot: from `file`, or typed twice. `file` may be NULL. */
enum err passphrase_new(const char *file, char **out, size_t *size);

#endif
