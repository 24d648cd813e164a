/* Entries: one per file, folder, link, …, and their encoding.
 *
 * Paths are raw bytes relative to the snapshot's root, components joined by '/', no leading or trailing '/'; the root itself is
 * the empty path. No component is empty, ".", "..", or holds '/' or NUL. Order is component-wise: entry_compare().
 *
 * An encoded entry is delta-coded against the one before it in the same metadata chunk; the first of a chunk against nothing
 * (no SAME_ bit, every number before it 0):
 *   varint length of the rest
 *   varint head: type (4 bits), then bits ENTRY_HAS_*
 *   varint bytes of the path shared with the entry before, varint rest, rest
 *   unless SAME_OWNER: varint uid, varint gid, varint+bytes user, varint+bytes group
 *   unless SAME_MODE: varint mode (12 bits)
 *   zigzag mtime seconds − before's, varint ns; zigzag ctime seconds − before's, varint ns (seconds rounded down, ns 0 … 999999999)
 *   unless SAME_DEVICE: varint device
 *   zigzag inode − before's (modulo 2^64)
 *   LINKED: varint links (≥ 2)      DEVICE: varint rdev      FLAGS: varint file flags
 *   TARGET: varint+bytes symlink target
 *   XATTRS: varint+bytes attribute list, or XATTRS_OUTSIDE: chunk id (32), varint length
 *   SPARSE: varint segments, per segment varint gap, varint data bytes (≥ 1)
 *   CONTENT: varint size, then varint n; n > 0: n × (chunk id (32), varint length);
 *     n = 0 and OUTSIDE: varint chunks in all, varint m, m × (id of a list chunk (32), varint length), each holding (id, varint length) pairs
 * Every entry has one spelling, so that unchanged trees give unchanged chunks: as much of the path as possible is shared, SAME_ bits
 * stand wherever they can. LINKED on all types but folders, DEVICE on all devices and nothing else, TARGET likewise on symlinks,
 * CONTENT on files, SPARSE and OUTSIDE on files only.
 * attribute list: repeated varint+bytes name, varint+bytes value, names strictly ascending. ACLs are the attributes system.posix_acl_access
 * and system.posix_acl_default in the kernel's own little-endian form (numeric ids). */
#ifndef PULIH_REPO_ENTRY_H
#define PULIH_REPO_ENTRY_H

#include "core/base/buffer.h"
#include "core/repo/limits.h"

/* Numbers are in files. */
enum entry_type {
	ENTRY_FILE = 1,
	ENTRY_FOLDER = 2,
	ENTRY_SYMLINK = 3,
	ENTRY_CHARACTER = 4,
	ENTRY_BLOCK = 5,
	ENTRY_FIFO = 6,
	ENTRY_SOCKET = 7,
};

/* Bits of the head behind the type. Numbers are in files; a bit that is not here is refused. */
enum entry_has {
	ENTRY_HAS_SAME_OWNER = 1 << 4,
	ENTRY_HAS_SAME_MODE = 1 << 5,
	ENTRY_HAS_SAME_DEVICE = 1 << 6,
	ENTRY_HAS_LINKED = 1 << 7,
	ENTRY_HAS_DEVICE = 1 << 8,
	ENTRY_HAS_FLAGS = 1 << 9,
	ENTRY_HAS_TARGET = 1 << 10,
	ENTRY_HAS_XATTRS = 1 << 11,
	ENTRY_HAS_XATTRS_OUTSIDE = 1 << 12,
	ENTRY_HAS_SPARSE = 1 << 13,
	ENTRY_HAS_CONTENT = 1 << 14,
	ENTRY_HAS_OUTSIDE = 1 << 15,
};

struct entry_bytes {
	const uint8_t *data;
	size_t size;
};

/* All pointers are borrowed from whoever filled the entry. */
struct entry {
	struct entry_bytes path;
	uint8_t type;
	uint16_t mode; /* permission bits, 07777 */
	uint32_t uid, gid;
	struct entry_bytes user, group; /* empty where the number has no name */
	int64_t mtime, ctime;		/* ns since 1970 */
	uint64_t device, inode;
	uint32_t links;		   /* hard links to it, at least 1; > 1: (device, inode) is its link group */
	uint64_t rdev;		   /* major << 32 | minor of a device */
	uint32_t flags;		   /* FS_*_FL: only the bits of ENTRY_FLAGS_KEPT */
	struct entry_bytes target; /* of a symlink */
	struct entry_bytes xattrs; /* attribute list; empty when xattrs_chunk_size is not 0 */
	uint8_t xattrs_chunk[CHUNK_ID_SIZE];
	uint32_t xattrs_chunk_size;
	bool sparse;
	uint64_t size; /* of a file, holes included */
	struct entry_bytes
	    segments; /* sparse: encoded "varint segments, …" as above; the content is the data bytes only */
	struct entry_bytes content; /* encoded from "varint n" on; entry_content_* reads it */
	bool content_outside;
};

/* Flags that chattr sets and a restore can set again: i a A d S D C (FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NOATIME_FL, FS_NODUMP_FL,
 * FS_SYNC_FL, FS_DIRSYNC_FL, FS_NOCOW_FL). */
#define ENTRY_FLAGS_KEPT (0x10u | 0x20u | 0x80u | 0x40u | 0x08u | 0x10000u | 0x800000u)

/* What the delta coding remembers. Starts as {0}; entry_state_reset at the start of a metadata chunk; released with _free. */
struct entry_state {
	struct buffer path, user, group;
	uint32_t uid, gid;
	uint16_t mode;
	int64_t mtime_seconds, ctime_seconds;
	uint64_t device, inode;
	bool any;
};
void entry_state_reset(struct entry_state *state);
void entry_state_free(struct entry_state *state);

/* Appends the entry; what does not fit its type (size of a folder, rdev of a file, links of a folder) is not written, and content of size
 * 0 is written as no chunks. An entry over ENTRY_MAX, a path that is not valid or not behind the one before it, and whatever
 * entry_decode would refuse is PL_ENTRY (ERR_LIMIT); `out` and `state` are then as before. */
enum err entry_encode(struct entry_state *state, const struct entry *entry, struct buffer *out);
/* Reads one entry; pointers go into the cursor's memory and into the state (path, user, group), valid until the next call. Everything
 * that the format forbids (unknown bits and types, paths not valid or not strictly ascending within the chunk, sums that do not match
 * the size, attribute names out of order, a second spelling) is PL_ENTRY_BROKEN (ERR_CORRUPT); the state is then of no further use
 * until it is reset. */
enum err entry_decode(struct entry_state *state, struct cursor *cursor, struct entry *out);

/* Component-wise order: a folder comes directly before what it holds. <0, 0, >0. */
int entry_compare(struct entry_bytes a, struct entry_bytes b);
/* True where `path` is `folder` or lies below it. The empty folder holds everything. */
bool entry_within(struct entry_bytes path, struct entry_bytes folder);
bool entry_path_valid(struct entry_bytes path);

/* Reading content lists. */
struct entry_chunk {
	const uint8_t *id; /* 32 bytes, borrowed */
	uint32_t length;
};
struct entry_content {
	struct cursor cursor;
	uint64_t left;	 /* pairs not yet read */
	bool outside;	 /* the pairs are list chunks: fetch each, and read its pairs with entry_content_of_list */
	uint64_t chunks; /* content chunks in all */
};
void entry_content_open(struct entry_content *content, const struct entry *entry);
void entry_content_of_list(struct entry_content *content, const void *bytes, size_t size);
/* False at the end; a list chunk that does not parse sets cursor.bad. */
bool entry_content_next(struct entry_content *content, struct entry_chunk *out);

/* Reading a sparse map. */
struct entry_segments {
	struct cursor cursor;
	uint64_t left, position;
};
void entry_segments_open(struct entry_segments *segments, const struct entry *entry);
/* Data at [*offset, *offset + *size). False at the end. */
bool entry_segments_next(struct entry_segments *segments, uint64_t *offset, uint64_t *size);

/* Reading an attribute list. False at the end. */
bool entry_xattr_next(struct cursor *cursor, struct entry_bytes *name, struct entry_bytes *value);

/* "file", "folder", "symlink", … */
const char *entry_type_name(uint8_t type);

#endif
