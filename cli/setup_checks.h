/* What is an answer to a question of setup, and what speaks against one. */
#ifndef PULIH_CLI_SETUP_CHECKS_H
#define PULIH_CLI_SETUP_CHECKS_H

#include "cli/setup_list.h"

/* One line of UTF-8 that shows nothing else than it is: no control characters. */
bool setup_checks_text(const char *text);
bool setup_checks_zone(const char *text);
bool setup_checks_nip(const char *text);
bool setup_checks_email(const char *text);
bool setup_checks_name(const char *text);
bool setup_checks_time(const char *text);
bool setup_checks_host(const char *text);
/* A file that can be read, by nobody else. */
bool setup_checks_secret(const char *text);

/* Whether two names or numbers are of the same person: case, spaces and points do not count. */
bool setup_checks_same(const char *a, const char *b);

/* The time zone of this host: of TZ, /etc/timezone or /etc/localtime, or NULL. */
const char *setup_checks_host_zone(char *out, size_t size);

/* PL_OPTION_VALUE (ERR_USAGE) naming the option: what is to be backed up is there, absolute, and can be named in a configuration. `real` (PATH_MAX
 * bytes) receives what it is behind links. */
enum err setup_checks_path(const char *option, const char *text, char *real);

enum setup_place {
	PLACE_NEW,	  /* nothing is there, or an empty folder */
	PLACE_REPOSITORY, /* a repository is there */
};
/* Likewise: a folder that can hold a repository, or holds one; it is none of `paths`. */
enum err setup_checks_target(const struct setup_list *paths, const char *text);
/* Which; for one that passed. */
enum setup_place setup_checks_place(const char *target);

/* Adds what speaks against a place for backups of `paths`, a sentence each: the same disk, a file system that forgets. ERR_NOMEM. */
enum err setup_checks_concerns(struct setup_list *out, const char *target, const struct setup_list *paths);

/* What makes a passphrase easy to guess, as a sentence; NULL where nothing does. */
const char *setup_checks_passphrase(const char *text, size_t size);

#endif
