/* Makes what setup promises: the repository, the backup key, the recovery sheet, the passwords of databases, the configuration. The configuration comes last and in one
 * piece: while it is not there, running setup again goes on from what is. */
#ifndef PULIH_CLI_SETUP_MAKE_H
#define PULIH_CLI_SETUP_MAKE_H

#include "cli/setup_answers.h"
#include "core/repo/repository.h"

struct setup_request {
	const struct setup_answers *answers;
	const char *configuration, *key; /* absolute */
	bool force;			 /* a configuration that is there is kept beside, and replaced */
};

/* What there is now, whoever made it. */
struct setup_made {
	char repository[2 * REPOSITORY_ID_SIZE + 1]; /* its id; "": none */
	bool key, sheet, configuration;
	bool repository_was_there, key_was_there, sheet_was_there;
	size_t passwords; /* files with passwords of databases that were written */
	char *kept;	  /* the old configuration, NULL where there was none; released with mem_free */
};

/* What can be known before the first question: whether the configuration and the key can be written where they shall. As below. */
enum err setup_make_check_files(const struct setup_request *request);
/* All that can be known to fail, before anything is written: places, rights, and whether the configuration will be accepted.
 * PL_OUTPUT_EXISTS (ERR_EXISTS), PL_SETUP_PRIVILEGE (ERR_DENIED), PL_CONFIG_* (ERR_CONFIG). */
enum err setup_make_check(const struct setup_request *request);

/* Makes it, saying each step. After an error *made tells what is there. A repository that is there is opened and used, as are a key and a
 * sheet of it. PL_INTERRUPTED between the steps. */
enum err setup_make_all(
    const struct setup_request *request, passphrase_ask ask, void *context, struct setup_made *made);

#endif
