/* What the files of the walk share. */
#ifndef PULIH_SOURCE_WALK_INTERNAL_H
#define PULIH_SOURCE_WALK_INTERNAL_H

#include "core/base/buffer.h"
#include "core/source/walk.h"

#include <sys/types.h>

/* The plan: roots, extras and hidden paths as a tree of path components, in path order. What a walk does is the
 * merge of this tree with the folders on disk. */
enum { PLAN_NOWHERE = -2, PLAN_ABSOLUTE = -1 }; /* bases; 0 is the working folder, n > 0 the n-th folder above it */

struct plan_node {
	struct plan_node *child, *last, *next; /* children ascend by name; last: the newest child */
	struct plan_node *all;		       /* the node made before this one */
	const struct walk_extra *extra;
	size_t size;
	int base;	   /* where the path begins on disk */
	bool root, hidden; /* this very path */
	bool leads;	   /* a root or an extra lies below */
	char name[];	   /* NUL-terminated */
};

/* *top is the node of the empty path; released with walk_plan_free(*newest). Roots that cannot be used are reported;
 * PL_SOURCE_MISSING where none can be and there are no extras. */
enum err walk_plan_new(struct plan_node **top, struct plan_node **newest, const char *const *roots, size_t count,
    const struct walk_options *options);
void walk_plan_free(struct plan_node *newest);

/* Hands a failure of kind ERR_SOURCE that was just recorded to the caller's function; what that returns. Other
 * failures are returned as they are. */
enum err walk_report(const struct walk_options *options, struct entry_bytes path, enum err err);

/* A folder for reading, without following a link; -1 with errno. */
int walk_open_folder(int parent, const char *name);
/* A folder as a place only: follows links and needs no permission to read. */
int walk_open_place(int parent, const char *name);
/* The place of `path` below a base, component by component, so that no length is too long. */
int walk_open_chain(int base, struct entry_bytes path);
/* Takes the descriptor over, on failure too. */
enum err walk_folder_new(struct walk_folder **out, int fd);

/* Listing of one folder. */
struct list_key;
struct listing { /* starts as {0}: room that is used again for each folder */
	struct list_key *keys;
	size_t count, capacity;
	uint8_t *names;
	size_t names_size, names_capacity;
	uint8_t *window;
};
/* All names of the folder, ascending, each once, as: d_type byte, name, NUL. *error is the errno that ended the
 * listing early, or 0; the names until then are there. *out is the caller's (mem_free). */
enum err walk_list_folder(struct listing *listing, int fd, uint8_t **out, size_t *size, int *error);
void walk_list_free(struct listing *listing);
/* Drops from a list all but names whose presence excludes the others; true where one of those is there
 * (CACHEDIR.TAG, exclude_if_present). */
bool walk_list_keep_tags(const struct walk_options *options, int fd, uint8_t *names, size_t *size);
/* PL_PATTERN where an exclude_if_present is wrong. */
enum err walk_list_check_tags(const struct walk_options *options);

struct level {
	struct walk_folder *folder;   /* NULL: on no disk, not readable, or closed for now */
	uint8_t *names;		      /* walk_list_folder; NULL for a folder that only leads to roots */
	const uint8_t *at, *end;      /* what is left of names */
	const struct plan_node *plan; /* what is left of the plan in this folder */
	size_t path_size;
	uint64_t root_device;	/* one_file_system */
	uint64_t device, inode; /* closed: which folder it was */
	int base;
	bool closed;   /* for now */
	bool anchored; /* never closed: the levels above do not lead to it by name */
	bool place;    /* an ancestor: opened following links */
};

/* The folder that was emitted last and is entered by the next step. */
struct entrance {
	bool wanted;
	bool ancestor; /* only the plan is followed in it */
	bool anchored, root;
	struct walk_folder
	    *self; /* the folder; NULL where it cannot be opened, or is no place on disk; own reference */
	struct walk_folder
	    *parent; /* what the item that was emitted is described by, where that is not `self`; own reference */
	int error;   /* why it cannot be opened */
	const char *name;
	const struct plan_node *node;
	int base;
};

struct walk {
	struct walk_options options;
	struct plan_node *top, *newest;
	struct level *levels;
	size_t depth, capacity;
	size_t open;	   /* levels that hold a descriptor and may be closed for now */
	size_t first_open; /* no level before this one may be closed */
	struct buffer path;
	struct listing listing;
	struct entrance entrance;
};

struct entry_bytes walk_path(const struct walk *walk);
/* PL_SOURCE_VANISHED or PL_SOURCE_READ by `error` (an errno), or PL_SOURCE_READ with a text behind the path, about
 * the walk's path: handed on as above. */
enum err walk_report_errno(struct walk *walk, int error);
enum err walk_report_text(struct walk *walk, const char *text);

/* Opens a folder (place: as walk_open_place), closing levels for now where descriptors run out. *folder is NULL
 * where it cannot be opened, with the reason in *error. */
enum err walk_level_open(
    struct walk *walk, int parent, const char *name, bool place, struct walk_folder **folder, int *error);
/* Makes the folder of walk->entrance the last level, unless there is nothing to be walked in it. */
enum err walk_level_enter(struct walk *walk);
/* Forgets walk->entrance. */
void walk_level_leave(struct walk *walk);
/* Leaves the last level for the one above. */
enum err walk_level_pop(struct walk *walk);

#endif
