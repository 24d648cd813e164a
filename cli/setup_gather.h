/* Gets an answer to every question: from options, from a person, or the default. */
#ifndef PULIH_CLI_SETUP_GATHER_H
#define PULIH_CLI_SETUP_GATHER_H

#include "cli/options.h"
#include "cli/setup_ask.h"

struct setup_given {
	const char *text[ANSWERS]; /* NULL: not given */
	struct option_list address, paths, databases, mariadb, postgresql;
	bool yes; /* what is not given is the default, without asking */
	/* Passwords of databases out of settings, into files: at most one of them; neither: a person is asked, and without one it is yes. */
	bool copy_passwords, keep_passwords;
	const char *folder; /* of the configuration: where the files are */
};

/* Looks at this host and fills *answers, which starts as {0}. `ask->tty` -1: nobody can be asked. PL_SETUP_ANSWER, PL_OPTION_VALUE,
 * PL_OPTION_CONFLICT (ERR_USAGE), PL_INTERRUPTED. */
enum err setup_gather(struct setup_answers *answers, const struct setup_given *given, const struct setup_ask *ask);

/* Says what is not part of the backups: on the terminal where a person is asked, as warnings otherwise. */
void setup_gather_say_uncovered(const struct setup_answers *answers, const struct setup_ask *ask);

#endif
