/* What commands take from the configuration. It is read when first asked for, and lives as long as the process. */
#ifndef PULIH_CLI_CONFIGURED_H
#define PULIH_CLI_CONFIGURED_H

#include "conf/configuration.h"

/* The file that is read: -c, PULIH_CONFIG, or the default one. */
const char *configured_file(void);
/* As configuration_load_for_work. */
enum err configured_load(const struct configuration **out);
/* As configuration_load, for who asks whether all is well. */
enum err configured_check(const struct configuration **out);
/* The same where the file was named or the default one is there; otherwise *out is NULL. */
enum err configured_if_any(const struct configuration **out);

/* Makes a target of the configuration the repository of this process: settings.repository, and its secret unless an option or the environment
 * gave one. */
void configured_use(const struct configuration_target *target);

/* Looks settings.repository up: a bare word (no '/', no ':') that the configuration names as a target stands for it; where none was given and
 * the configuration has a single target, that one is taken. No configuration file: nothing happens. */
enum err configured_repository(void);

#endif
