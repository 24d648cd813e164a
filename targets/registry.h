/* Opens a target by what a person typed. */
#ifndef PULIH_TARGETS_REGISTRY_H
#define PULIH_TARGETS_REGISTRY_H

#include "core/repo/target.h"

/* A path, or "file:" and an absolute path (taken as it stands, no %-escapes; file:/x, file:///x), is a folder on a disk. Anything else
 * that starts like a scheme is PL_TARGET_URL (ERR_USAGE); a path that does so is written with ./ before it. With `create` the place is
 * made where it is not there; without, no folder there is PL_NO_REPOSITORY (ERR_NO_REPOSITORY). Whether a repository is in it is not
 * looked at. */
enum err target_open(struct target **out, const char *url, bool create);

#endif
