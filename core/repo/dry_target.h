/* A target for dry runs: reads go to the real one, what is written is only counted and remembered by name, size and hash. */
#ifndef PULIH_REPO_DRY_TARGET_H
#define PULIH_REPO_DRY_TARGET_H

#include "core/repo/target.h"

/* `real` is borrowed. */
enum err dry_target_new(struct target **out, struct target *real);

#endif
