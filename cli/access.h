/* Opens what -r names, with the passphrase or the key that the user gave. */
#ifndef PULIH_CLI_ACCESS_H
#define PULIH_CLI_ACCESS_H

#include "core/repo/repository.h"

/* The target of -r or PULIH_REPOSITORY. PL_REPOSITORY_UNSET (ERR_USAGE). Freed with target_free. */
enum err access_target(struct target **out);

/* Opens the repository with whatever key there is, asking for a passphrase in a terminal if need be. `out` is released
 * with repository_close on success. */
enum err access_open(struct repository *out);

/* A passphrase, and the key slot that it opens. */
struct access_slot {
	uint8_t id[KEY_SLOT_ID_SIZE];
	char *passphrase; /* released with secret_free(passphrase, size) */
	size_t size;
};
/* As access_open_full, and tells which key slot the passphrase opened. Nothing is to be released where it fails. */
enum err access_open_slot(struct repository *out, const char *what, struct access_slot *slot);

/* As access_open, refusing a backup key: what only a full key can do. `what` completes "… needs the full key". */
enum err access_open_full(struct repository *out, const char *what);

/* As access_open; where there is no passphrase and nobody to ask, opens without keys. */
enum err access_open_or_keyless(struct repository *out);

/* The passphrase or key of the settings, for functions that open a repository themselves. */
struct repository_access access_of(passphrase_ask ask);

/* As access_open, with a passphrase from `ask`. */
enum err access_open_asking(struct repository *out, passphrase_ask ask, void *context);

/* Makes a repository; `ask` gives a new passphrase. */
enum err access_init(struct repository *out, int suite, passphrase_ask ask, void *context);

#endif
