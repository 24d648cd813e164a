/* Databases of servers: which of them the job backs up, and how it gets at them. */
#ifndef PULIH_CLI_SETUP_DATABASES_H
#define PULIH_CLI_SETUP_DATABASES_H

#include "cli/setup_gather.h"
#include "cli/setup_login.h"

/* What can be known of the options before the first question. PL_OPTION_VALUE (ERR_USAGE). */
enum err setup_databases_check(const struct setup_given *given);

/* Chooses among the databases of the sites that are backed up, and of the servers of this host, and fills answers->servers; what is left out stands
 * in answers->uncovered then, and how to add it in answers->by_hand. Servers are asked whether they let the job in; nothing is written. As
 * setup_gather. */
enum err setup_databases_get(struct setup_answers *answers, const struct setup_given *given,
    const struct setup_ask *ask, const struct setup_site_servers *host);

#endif
