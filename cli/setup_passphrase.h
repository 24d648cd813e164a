/* The passphrase that setup works with: got once, before anything is written. */
#ifndef PULIH_CLI_SETUP_PASSPHRASE_H
#define PULIH_CLI_SETUP_PASSPHRASE_H

#include "cli/setup_ask.h"

/* Released with setup_passphrase_free. */
struct setup_passphrase {
	const struct setup_ask *ask;
	const char *file; /* NULL: from the settings, or typed */
	char *text;	  /* secret memory of `size` bytes */
	size_t size;
};

/* For a repository at `target`: the one that opens it (tried, and asked for again where a person mistyped it), or a new one, typed twice.
 * As passphrase_new; ERR_KEY where it opens nothing. */
enum err setup_passphrase_get(struct setup_passphrase *passphrase, const char *target);
/* As passphrase_ask of repository.h: a copy of it. `context` is the struct. */
enum err setup_passphrase_give(void *context, char **out, size_t *size);
void setup_passphrase_free(struct setup_passphrase *passphrase);

#endif
