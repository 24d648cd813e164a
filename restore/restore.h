/* Restore: a snapshot, or part of one, back into a folder.
 *
 * Nothing in a snapshot can make it write outside the destination: every step is relative to a descriptor of a folder that was opened without
 * following links. It goes on after an error, names what is missing, and then does not return ERR_OK. */
#ifndef PULIH_RESTORE_RESTORE_H
#define PULIH_RESTORE_RESTORE_H

#include "core/repo/repository.h"
#include "core/repo/snapshot.h"
#include "core/source/exclude.h"

enum restore_overwrite {
	RESTORE_ALWAYS,	 /* the default: files that are there are replaced */
	RESTORE_CHANGED, /* unless size and mtime are the same */
	RESTORE_NEVER,	 /* what is there stays */
};

/* Why something is not as it was. */
struct restore_problem {
	struct entry_bytes path;
	const struct failure *failure;
	bool
	    metadata_only; /* an exception: the content is right; owner, ACL, flag, … could not be set, or a device or link not be made */
	bool repeated; /* the same as before, of another file: the destination cannot hold it */
};
typedef void (*restore_on_problem)(void *context, const struct restore_problem *problem);

struct restore_options {
	const char *destination;
	const char *
	    subpath; /* only this and what is below it, put directly into the destination; NULL: everything under its whole path */
	const struct exclude *include; /* only what matches (and the folders above); NULL: all */
	const struct exclude *exclude;
	enum restore_overwrite overwrite;
	bool delete_others; /* remove what the snapshot does not have, in folders that it has */
	bool verify;	    /* read everything back, what RESTORE_CHANGED left too, and compare */
	bool dry_run;
	bool sparse_as_is; /* reserved: true */
	unsigned threads;  /* 0: as many as processors */
	restore_on_problem on_problem;
	void *context;
};

struct restore_result {
	uint64_t files, folders, others, bytes;
	uint64_t skipped, deleted, verified_files, verified_bytes;
	uint64_t problems, metadata_problems;
	bool stream_ended; /* of restore_tar: the stream is written to its end; what it lacks was named */
	/* Features that the snapshot uses and the destination cannot hold ("acl", "xattr", "owner", "hardlink", "symlink", "sparse", "flags",
	 * "device", "time", "name"), found before anything is written; NULL-terminated list of static strings. */
	const char *missing_features[16];
	int64_t started, ended; /* by the clock on the wall, which may jump */
	int64_t duration;	/* ns, whatever that clock did */
};

/* ERR_OK: everything as it was. ERR_PARTIAL: all files with their contents are there; what the destination, or this user, cannot have was
 * named: owners and other metadata, and devices, fifos, sockets and symbolic links. ERR_CORRUPT: damage. Others as they come. */
enum err restore_run(struct repository *repository, const struct snapshot *snapshot,
    const struct restore_options *options, struct restore_result *result);

/* The same selection as a pax tar stream to `fd`, through libarchive: ACLs, xattrs, sparse maps, hard links, ns times. A stream that
 * cannot be written to its end gets no end marker: nobody shall take it for a whole one. */
enum err restore_tar(struct repository *repository, const struct snapshot *snapshot,
    const struct restore_options *options, int fd, struct restore_result *result);

/* Opens index and chunk reader for a snapshot: for ls, find, diff, cat. Released with restore_view_close. */
struct restore_view {
	struct domain_keys *domain; /* secret memory */
	struct index *index;
	struct chunk_reader *reader;
	char *temporary; /* a folder in place of a state folder that cannot be used; NULL: none */
};
/* Where the state folder cannot be written (full, read-only, another user's), it warns and works in a temporary one. */
enum err restore_view_open(
    struct restore_view *view, struct repository *repository, const uint8_t domain[DOMAIN_TAG_SIZE]);
/* Whether the last failure is one of this machine's files, and says nothing about the repository. */
bool restore_view_failed_locally(void);
void restore_view_close(struct restore_view *view);

/* Calls `use` with the content of a file, piece by piece: data bytes, and holes as zeros, entry->size bytes in all. PL_RESTORE_CONTENT
 * (ERR_CORRUPT) where the chunks do not add up to that; by then, pieces may have been given. PL_INTERRUPTED. */
typedef enum err (*restore_content_use)(void *context, const void *bytes, size_t size);
enum err restore_content_read(
    struct chunk_reader *reader, const struct entry *entry, restore_content_use use, void *context);

#endif
