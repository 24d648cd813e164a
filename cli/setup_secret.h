/* Files with the passwords of databases, which setup copies from the settings of web sites. */
#ifndef PULIH_CLI_SETUP_SECRET_H
#define PULIH_CLI_SETUP_SECRET_H

#include "cli/setup_server.h"

/* What can be known before anything is written. A file that is there stays where it holds that very password; with `force` another one may be
 * replaced. Servers without a password pass. PL_OUTPUT_EXISTS (ERR_EXISTS), PL_DATABASE_SECRET. */
enum err setup_secret_check(const struct setup_server *server, bool force);
/* Writes it, mode 0600, durably, in a folder that is there; *made is whether there was anything to write. Also PL_FILE_WRITE. */
enum err setup_secret_write(const struct setup_server *server, bool force, bool *made);

#endif
