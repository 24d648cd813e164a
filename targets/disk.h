/* A target in a folder of a local or mounted file system. */
#ifndef PULIH_TARGETS_DISK_H
#define PULIH_TARGETS_DISK_H

#include "core/repo/target.h"

/* Opens the folder `path`; with `create` it is made, with its parents, where it is not there, and refused
 * (PL_REPOSITORY_EXISTS) where it holds other things than a repository. `url` is what the person typed.
 * Without `create`, no folder there is PL_NO_REPOSITORY (ERR_NO_REPOSITORY). Else PL_TARGET_READ, PL_TARGET_WRITE, PL_TARGET_DENIED. */
enum err disk_target_new(struct target **out, const char *url, const char *path, bool create);

/* How a finished temporary gets its final name without overwriting one that is there. Found out by trying, best first. */
enum disk_publish {
	DISK_RENAME_NOREPLACE, /* renameat2: most file systems of Linux */
	DISK_LINK,	       /* link + unlink: NFS and others */
	DISK_CHECK_RENAME,     /* look, then rename: no hard links there (exFAT, FAT, many FUSE) */
};
/* For tests: as if the file system could do no better. */
void disk_target_set_publish(struct target *target, enum disk_publish publish);

#endif
