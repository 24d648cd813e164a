/* Walks sources in path order (entry_compare), one item at a time, from one thread. Folders are read through
 * descriptors, never through whole paths: names of any length work, and a folder that is exchanged for a link
 * meanwhile is not followed.
 *
 * Memory: the names of the folders on the way down, nothing else. Items are not stat'ed here: that is for the
 * pipeline's threads. */
#ifndef PULIH_SOURCE_WALK_H
#define PULIH_SOURCE_WALK_H

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/repo/entry.h"
#include "core/source/exclude.h"

/* A folder that is being read, shared by the items in it. Reference-counted (atomic). */
struct walk_folder {
	int fd;
	unsigned references; /* atomic */
};
void walk_folder_keep(struct walk_folder *folder);
/* Closes the descriptor with the last reference. NULL does nothing. */
void walk_folder_drop(struct walk_folder *folder);
/* How many are open at this moment, over all walks: the pipeline bounds it. */
unsigned walk_folders_open(void);

/* Something that is not a file on disk but is stored as one at that path: a database, a command's output. */
struct walk_extra {
	const char *path; /* stored path; cleaned as roots are */
	/* The path on disk as a person typed it: the folders above it give those above `path` their metadata. NULL:
	 * there are none on disk. */
	const char *typed;
	void *context; /* handed through */
};

struct walk_item {
	struct entry_bytes path; /* stored path; valid until the next walk_next */
	/* The folder it is in; walk_folder_keep to hold on to it. NULL for extras, and for an ancestor that is on no
	 * disk: its metadata is to be made up. */
	struct walk_folder *folder;
	/* In that folder, NUL-terminated; valid until the next walk_next. "." where `folder` is the item itself: every
	 * folder that can be opened, so that it is described as the one whose contents follow, and every ancestor
	 * (links above a root are followed; its descriptor is O_PATH). */
	const char *name;
	bool is_folder;	  /* by d_type or fstat */
	bool is_ancestor; /* a folder above a root or an extra: its metadata is wanted, its contents are not */
	const struct walk_extra *extra;
};

/* Called for what cannot be read; the walk goes on. `failure` is ERR_SOURCE: PL_SOURCE_READ, PL_SOURCE_VANISHED
 * or one of a root. */
typedef enum err (*walk_problem)(void *context, struct entry_bytes path, const struct failure *failure);

struct walk_options {
	const struct exclude *exclude; /* may be NULL; arguments themselves are never excluded */
	bool one_file_system;	       /* mount points are stored as empty folders */
	bool exclude_caches;	       /* folders with a CACHEDIR.TAG keep only the tag */
	/* NULL-terminated; "NAME" or "NAME:header"; such folders keep only that file */
	const char *const *exclude_if_present;
	uint64_t exclude_larger;	 /* bytes, 0 = no bound; files only */
	const struct walk_extra *extras; /* any order; an extra hides a file of the same path */
	size_t extras_count;
	/* Stored paths that are skipped (journals of databases that are extras); NULL-terminated; may be NULL. */
	const char *const *hidden;
	/* Folders that are stored empty, wherever they are met: the repository's own. As a root, such a folder is a problem. */
	const struct file_identity *own;
	size_t own_count;
	walk_problem problem; /* NULL: the first problem ends the walk */
	void *context;
};

struct walk;
/* What `options` and its members point to stays the caller's, and alive until walk_free. `roots`: as a person typed
 * them. An absolute path is stored as it is (without the leading '/'), a relative one as given, cleaned, leading
 * ".." dropped, "." puts the contents at the snapshot's root: as restic does. Folders above a root are stored with
 * their metadata. A root that does not exist is a problem (PL_SOURCE_MISSING) while others do, and returned where
 * none does and there are no extras; two roots with the same stored path, or one inside another, are walked once.
 * Where those are different things on disk ("data" and "../data"), the later or inner one is left out, and a problem
 * (PL_SOURCE_COLLIDES); so is a database in place of which a root has something else.
 * Symbolic links as roots are stored as links. A path that is hidden and a root is hidden. A folder that is
 * excluded, or a link, and has a root or an extra below is walked as an ancestor. */
enum err walk_new(struct walk **out, const char *const *roots, size_t count, const struct walk_options *options);
/* False in *more at the end. */
enum err walk_next(struct walk *walk, struct walk_item *item, bool *more);
void walk_free(struct walk *walk);

/* The stored path of a root as above, to be released with mem_free. */
char *walk_stored_path(const char *root);

#endif
