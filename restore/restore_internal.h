/* What the files of restore share. One run of restore_run():
 *
 *   the caller's thread reads the entry stream in order (restore_plan.c), makes folders, and hands batches of files to a pool;
 *   workers write files (restore_file.c), links and devices (restore_other.c), and set metadata (restore_metadata.c);
 *   a folder's own metadata is set when the last thing in it is done (restore_folder.c): writing into it would move its times.
 *
 * Every step in the destination is one component below the descriptor of a folder that this run made, or opened without following
 * a link: whatever a snapshot holds, and whatever stands in the destination, nothing outside is touched. */
#ifndef PULIH_RESTORE_INTERNAL_H
#define PULIH_RESTORE_INTERNAL_H

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/repo/chunk_reader.h"
#include "restore/restore.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* Deeper folders are refused: every level costs a descriptor or memory, and no real tree comes near. */
#define RESTORE_DEPTH_MAX 4096
/* Open folders of a run: below the usual limit of 1024 descriptors. */
#define RESTORE_FOLDERS_OPEN 400
/* Files from here on are written by several workers, in parts of about this size. */
#define RESTORE_PART (8u << 20)
#define RESTORE_NAME_SIZE 32 /* bytes of a temporary name with its NUL */

/* ---- entries that outlive the stream ---- */

struct restore_entry {
	struct entry entry; /* its pointers go into `bytes` */
	const char *name;   /* last component, NUL-terminated */
	const char *target; /* of a symlink, NUL-terminated */
	uint8_t bytes[];
};
/* Copies what a restore needs (not the names of the owner) under the path `relative` to the destination. NULL: PL_NO_MEMORY. */
struct restore_entry *restore_entry_copy(const struct entry *entry, struct entry_bytes relative);

/* ---- what is wanted ---- */

enum restore_wanted {
	RESTORE_WANTED,
	RESTORE_ABOVE,	  /* a folder that may hold something wanted */
	RESTORE_UNWANTED, /* in the snapshot, but not selected: so that --delete leaves it alone */
};
struct restore_select;
struct restore;
/* Damage in the list of files is passed over, and told as a problem of `run` where it is not NULL. */
enum err restore_select_new(struct restore_select **out, struct chunk_reader *reader, const struct snapshot *snapshot,
    const struct restore_options *options, struct restore *run);
void restore_select_free(struct restore_select *select);
/* *entry is NULL at the end. `relative` is the path in the destination; both are valid until the next call. A subpath that the snapshot
 * does not have is PL_RESTORE_PATH. */
enum err restore_select_next(struct restore_select *select, const struct entry **entry, struct entry_bytes *relative,
    enum restore_wanted *wanted);
/* Whether the selection would take a file or folder of this path in the destination: what --delete may remove. What lies in no source of
 * the snapshot is never taken: of the folders above a source nothing but the way down was saved. */
bool restore_select_covers(
    const struct restore_options *options, const struct snapshot *snapshot, struct entry_bytes relative, bool folder);

/* ---- features ---- */

enum restore_feature {
	FEATURE_OWNER,
	FEATURE_ACL,
	FEATURE_XATTR,
	FEATURE_FLAGS,
	FEATURE_TIME,
	FEATURE_SPARSE,
	FEATURE_HARDLINK,
	FEATURE_SYMLINK,
	FEATURE_DEVICE,
	FEATURE_NAME,
	FEATURE_COUNT,
};
extern const char *const restore_feature_names[FEATURE_COUNT];

/* What the selected entries need, and how much they are. */
struct restore_needs {
	uid_t uid; /* of this process: what files get by themselves */
	gid_t gid;
	uint64_t files, folders, others, bytes, entries;
	bool feature[FEATURE_COUNT];
	bool nodes, fifos;	  /* which kinds of FEATURE_DEVICE */
	uint32_t flags;		  /* all file flags together */
	int64_t earliest, latest; /* modification times */
};
void restore_needs_add(struct restore_needs *needs, const struct entry *entry, struct entry_bytes relative);
/* Tries what is needed in a temporary folder of the destination; fills run->missing and run->ignores_case. */
enum err restore_features_probe(struct restore *run, int destination_fd);

/* ---- folders ---- */

struct restore_folder {
	struct restore_folder *parent;	      /* holds a reference to it */
	struct restore_folder *newer, *older; /* among the open ones that nobody uses at the moment */
	struct restore_entry *entry;	      /* its metadata, owned; NULL where the snapshot has none */
	struct buffer names;		      /* --delete: the names that the snapshot has here, NUL-terminated */
	struct buffer journals;		      /* of restore_journal.c; under the folders' lock */
	unsigned references, users;	      /* under the folders' lock */
	int fd;				      /* -1 while closed */
	dev_t device;
	ino_t inode;
	uid_t uid; /* what it has now */
	gid_t gid;
	mode_t mode;
	unsigned taken;	  /* flags that kept anybody from writing into it: they come back in the end */
	bool guarded;	  /* it has such flags, and nothing in it can be replaced */
	bool fresh;	  /* made by this run: nothing else is in it */
	bool default_acl; /* new files in it get an ACL that the snapshot may not want */
	bool root;
	bool own; /* the repository that is read, or what is remembered of it: nothing goes into it */
	char name[];
};
/* The destination itself, opened or made. What lies in the repository that is read is PL_RESTORE_DESTINATION. */
enum err restore_folder_root(struct restore *run, const char *path, struct restore_folder **out);
/* A snapshot may hold a file of the name of an object, or "config": written into the repository that is read, it destroys it. Fails. */
enum err restore_refuse_own(const char *what);
/* Makes `name` in parent, or opens the folder of that name. `entry` (may be NULL) is taken over on success. */
enum err restore_folder_make(struct restore *run, struct restore_folder *parent, const char *name,
    struct restore_entry *entry, struct restore_folder **out);
void restore_folder_keep(struct restore *run, struct restore_folder *folder);
/* With the last reference the folder is finished: strangers deleted, metadata set, closed. NULL does nothing. */
void restore_folder_drop(struct restore *run, struct restore_folder *folder);
/* The descriptor, reopened when need be, valid until restore_folder_leave. Returns -1 after a failure was recorded. */
int restore_folder_enter(struct restore *run, struct restore_folder *folder);
void restore_folder_leave(struct restore *run, struct restore_folder *folder);
/* The group that a file made in it gets. */
gid_t restore_folder_group(const struct restore *run, const struct restore_folder *folder);

/* ---- immutable and append-only (restore_protected.c) ---- */

/* Takes the flags away from an open file or folder, where this process may. Returns those that were there and are gone; *stays (may be
 * NULL) says that there are some that could not be taken away. */
unsigned restore_protected_take(int fd, bool *stays);
/* Gives them back. */
void restore_protected_put_back(int fd, unsigned taken);
/* renameat and unlinkat within a folder; what is to go loses its flags first, where this process may, and has them again after a failure.
 * 0, or -1 with errno. */
int restore_protected_rename(int folder_fd, const char *from, const char *to);
int restore_protected_unlink(int folder_fd, const char *name, int flags);
/* After a failure with errno: PL_RESTORE_PROTECTED, naming the flag, where `name` or its folder has one that forbids it, else as
 * restore_fail_write(). */
enum err restore_protected_fail(const char *what, struct entry_bytes path, int folder_fd, const char *name);

/* Removes what the snapshot does not have from a folder. */
void restore_delete_others(struct restore *run, struct restore_folder *folder, int fd);
/* Removes anything of that name, but for the repository itself, and what leads to it. */
enum err restore_delete_tree(const struct restore *run, int folder_fd, const char *name);

/* ---- hard links ---- */

enum restore_link_state { LINK_PENDING, LINK_DONE, LINK_FAILED };
/* The first member of a group that is restored: the others are linked to it. Where it is not, because a file that is to stay has its
 * name or because it failed, the next one takes its place: nothing is ever linked to a file of which it is not known that it is
 * the group's. */
struct restore_link {
	struct restore_link *next;
	uint64_t device, inode;
	uint64_t digest[2]; /* of what the members must share */
	uint32_t seen, links;
	struct restore_folder
	    *folder; /* referenced; this and the name belong to the first member while the state is pending */
	char *name;
	unsigned references;	       /* under the run's lock */
	enum restore_link_state state; /* under the run's lock */
	uint32_t flags;		       /* set when the last member is there: an immutable file cannot be linked */
};
struct restore_links {
	struct restore_link **buckets;
	size_t size, count;
};
/* Of what all names of one file share. */
void restore_link_digest(const struct entry *entry, uint64_t digest[2]);
/* The group of an entry, with one more reference; *first says that this entry is the one to restore. NULL in *out where the entry stands alone:
 * it has one name, or its content is another than the group's. */
enum err restore_link_find(struct restore *run, const struct restore_entry *entry, struct restore_folder *folder,
    struct restore_link **out, bool *first);
void restore_link_done(struct restore *run, struct restore_link *link, enum restore_link_state state);
void restore_link_drop(struct restore *run, struct restore_link *link);
void restore_links_free(struct restore *run);

/* ---- the run ---- */

struct restore_item {
	struct restore_entry *entry;   /* owned */
	struct restore_folder *folder; /* referenced */
	struct restore_link *link;     /* referenced; NULL: none */
	bool first;		       /* of its link group: restore_link_done is due */
	uint64_t number;	       /* of the entry in the selection */
};
void restore_item_release(struct restore *run, struct restore_item *item);
/* Waits until the first member of the item's group is there: *there, to be linked to. Where it is not to be, the item becomes the first,
 * and is to be restored. ERR_NOMEM. */
enum err restore_link_join(struct restore *run, struct restore_item *item, bool *there);

/* ---- logs and journals of databases (restore_journal.c) ---- */

/* A file was restored: is beside it what a database that was replaced has left? */
void restore_journal_restored(struct restore *run, const struct restore_item *item, int folder_fd);
/* A file stays because it is as in the snapshot. */
void restore_journal_kept(struct restore *run, const struct restore_item *item);
/* When nothing more is restored into a folder: names what is there beside a restored database, and not from the snapshot. */
void restore_journal_tell(struct restore *run, const struct restore_folder *folder, int fd);

struct restore {
	const struct restore_options *options;
	const struct snapshot *snapshot;
	bool root_saved;	       /* the destination stands for a folder of the snapshot */
	struct restore_result *result; /* written by the caller's thread only */
	struct restore_view *view;
	struct file_identity own[REPOSITORY_FOLDERS]; /* never deleted */
	size_t own_count;
	struct restore_needs needs;
	bool missing[FEATURE_COUNT];
	bool ignores_case;
	mode_t umask;  /* of the process before this run */
	int64_t began; /* of writing */
	int64_t begun; /* clock_monotonic() */
	uint64_t salt; /* of temporary names */
	struct pool *pool;
	struct restore_links links;
	struct restore_folder *root;
	_Atomic unsigned char *restored; /* a bit per selected entry: to be read back */
	pthread_mutex_t folders_lock;
	struct restore_folder *newest, *oldest;
	unsigned folders_open;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t linked;
	struct failure fatal; /* kind ERR_OK: none */
	struct failure first_problem, first_difference;
	_Atomic bool damaged;
	bool told[FEATURE_COUNT];
	_Atomic bool stop;
	_Atomic uint64_t files, folders, others, bytes, skipped, deleted, problems, metadata_problems, temporaries;
	_Atomic uint64_t verified_files, verified_bytes, differences; /* differences count among the problems too */
};
/* Names a problem of an entry: this thread's last failure. What nobody can go on after (a full disk, no memory, an interrupt) stops the run. */
void restore_problem(struct restore *run, struct entry_bytes path, enum err err);
/* Content is right, something else is not: an exception. */
void restore_metadata_problem(
    struct restore *run, enum restore_feature feature, struct entry_bytes path, const char *what);
/* An exception too: this thread's last failure. */
void restore_exception(struct restore *run, struct entry_bytes path);
/* An exception too: the entry, which has no content, is not there, because `why`. */
void restore_absent(struct restore *run, struct entry_bytes path, const char *why);
void restore_stop(struct restore *run);
bool restore_stopped(const struct restore *run);
void restore_mark(struct restore *run, uint64_t number);
/* Counts what stays as it is. What stays because it looks as in the snapshot is to be read back too: size and time are no proof. */
void restore_keep(struct restore *run, const struct restore_item *item);
bool restore_marked(const struct restore *run, uint64_t number);
/* The path for a message. Thread-local storage, valid until the next call of this thread. */
const char *restore_printable(struct entry_bytes path);
void restore_temporary_name(struct restore *run, char name[RESTORE_NAME_SIZE]);
/* fail_errno(PL_RESTORE_WRITE), except that a file too large for the file system is a matter of this file only. */
enum err restore_fail_write(const char *what, struct entry_bytes path);
void restore_show_progress(struct restore *run);

void restore_setup_locks(struct restore *run);
void restore_release_locks(struct restore *run);
/* What the whole run comes to, after `err`: a stop before damage, damage before the rest. */
enum err restore_verdict(struct restore *run, enum err err);
void restore_give_result(const struct restore *run);

/* ---- jobs (restore_jobs.c), of the planner's thread ---- */

struct restore_job;
/* Starts as {0} but for run and max. */
struct restore_jobs {
	struct restore *run;
	size_t max; /* jobs in memory */
	size_t count;
	struct restore_job *batch; /* being filled */
	struct restore_job *first, *last;
};
/* Both take the item over (it is left {0}), unless they return an error. */
enum err restore_jobs_add(struct restore_jobs *jobs, struct restore_item *item);
/* A file to be written in parts. */
enum err restore_jobs_add_large(struct restore_jobs *jobs, struct restore_item *item);
/* Returns when everything is done. */
void restore_jobs_finish(struct restore_jobs *jobs);

/* Reads the stream and hands out the work; returns when all of it is done. */
enum err restore_plan(struct restore *run, struct restore_select *select);
/* Reads everything back and compares. */
enum err restore_check(struct restore *run, struct restore_select *select);

/* ---- contents ---- */

typedef enum err (*restore_chunk_visit)(void *context, const struct entry_chunk *chunk);
/* Every chunk of a file in order, list chunks opened. Lengths that do not add up are PL_RESTORE_CONTENT. */
enum err restore_content_each(
    struct chunk_reader *reader, const struct entry *entry, restore_chunk_visit visit, void *context);
/* Bytes of content: the size without holes. */
uint64_t restore_content_size(const struct entry *entry);
/* A chunk's bytes, of exactly the length that the entry says. */
enum err restore_content_get(struct chunk_reader *reader, const struct entry_chunk *chunk, struct chunk_view *out);

/* Where content goes in a file: maps content positions to offsets through the sparse map. */
struct restore_output {
	int fd;
	bool sparse;
	struct entry_segments segments;
	uint64_t offset, left; /* of the present segment; not sparse: left is endless */
};
void restore_output_open(struct restore_output *output, int fd, const struct entry *entry);
/* Passes over `size` bytes of content. */
void restore_output_skip(struct restore_output *output, uint64_t size);
/* 0, or -1 with errno. */
int restore_output_write(struct restore_output *output, const uint8_t *bytes, size_t size);

/* ---- tar ---- */

struct archive_entry;
/* Fills the header with all that a tar can say of the entry; what it cannot is told as a problem of `run`. `name` is its working memory. */
enum err restore_tar_header(struct restore *run, struct archive_entry *header, const struct entry *entry,
    struct entry_bytes path, struct buffer *name);

/* ---- files and the rest ---- */

enum restore_place {
	PLACE_FREE,  /* nothing of that name */
	PLACE_TAKEN, /* a file or link that is to be replaced */
	PLACE_KEEP,  /* stays as it is */
};
/* For destinations that ignore case: a look-up there may find a file of another name, and its times cannot tell, such file systems keep whole
 * seconds. PL_RESTORE_CLASH where the folder has nothing of exactly this name, PL_RESTORE_WRITE where it cannot be listed. */
enum err restore_look_spelling(int folder_fd, const char *name, struct entry_bytes path);
/* Looks at what stands where an item must go. */
enum err restore_place_look(
    struct restore *run, const struct restore_item *item, int folder_fd, enum restore_place *out);

/* A file that is being written. */
struct restore_file {
	struct restore_item item;
	int fd;
	char temporary[RESTORE_NAME_SIZE]; /* "": written under its own name */
	bool in_parts;			   /* by several workers */
	_Atomic unsigned parts;
	_Atomic bool failed;
};
enum err restore_file_begin(struct restore *run, struct restore_file *file, int folder_fd);
/* Metadata, final name; after a failure, the file is removed: nothing half stays under the name. Closes. */
void restore_file_end(struct restore *run, struct restore_file *file, int folder_fd, enum err err);
/* A whole file, from begin to end. */
void restore_file_write(struct restore *run, struct restore_item *item, int folder_fd);
/* Symlinks, devices, fifos, sockets, further names of a link group. */
void restore_other_make(struct restore *run, struct restore_item *item, int folder_fd);

/* What the new object has already, so that nothing is set twice. */
struct restore_has {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	bool fresh; /* it has no attributes of its own */
};
/* fd ≥ 0: an open file or folder; else `name` in folder_fd, not followed. Problems are told, never returned. `late_flags` are left out. */
void restore_metadata_set(struct restore *run, const struct entry *entry, int fd, int folder_fd, const char *name,
    const struct restore_has *has, uint32_t late_flags);
/* Sets file flags on top of those that are there. */
void restore_flags_set(struct restore *run, struct entry_bytes path, int fd, uint32_t flags);

#endif
