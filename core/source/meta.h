/* What the file system says about a file, as an entry. Thread-safe. */
#ifndef PULIH_SOURCE_META_H
#define PULIH_SOURCE_META_H

#include "core/base/buffer.h"
#include "core/repo/entry.h"

/* Names of users and groups, remembered (a machine has few); safe from several threads. */
struct names;
enum err names_new(struct names **out);
void names_free(struct names *names);
/* Empty where the number has no name. Valid until names_free. */
struct entry_bytes names_user(struct names *names, uint32_t uid);
struct entry_bytes names_group(struct names *names, uint32_t gid);

/* statx of `name` in folder `folder_fd` (AT_SYMLINK_NOFOLLOW; name "" or "." = the folder itself): type, mode,
 * owner, names, times, device, inode, links, rdev, size, sparse (blocks × 512 < size), and of `flags` those bits
 * that statx knows. Path, target, xattrs and content are left alone. PL_SOURCE_VANISHED (ERR_SOURCE) for
 * ENOENT/ENOTDIR, else PL_SOURCE_READ. One system call. */
enum err meta_stat(struct names *names, int folder_fd, const char *name, struct entry *out);
/* The same for an open file: to see whether it changed while it was read. */
enum err meta_fstat(struct names *names, int fd, struct entry *out);

/* Same type, size, mtime, ctime, inode: the content need not be read. */
bool meta_same_content(const struct entry *now, const struct entry *before);
/* ctime too is the same (it moves with every change of metadata): xattrs and flags need not be read. */
bool meta_same_attributes(const struct entry *now, const struct entry *before);

/* Extended attributes (ACLs among them) as an attribute list (entry.h), appended to `out`. `fd` < 0: by name,
 * without following a link (through /proc/self/fd for names below folder_fd). A file system without attributes gives
 * an empty list. PL_SOURCE_READ where they cannot be read. */
enum err meta_xattrs(int folder_fd, const char *name, int fd, struct buffer *out);
/* FS_IOC_GETFLAGS of an open file or folder, reduced to ENTRY_FLAGS_KEPT; 0 where the file system has none. */
uint32_t meta_flags(int fd);
/* Symlink target, appended. */
enum err meta_target(int folder_fd, const char *name, struct buffer *out);

/* Data segments of a sparse file by SEEK_DATA/SEEK_HOLE in the form of entry.h ("varint segments, …"), appended;
 * *bytes = data bytes. A file system that cannot tell gives one segment; of very many holes (over 16,384) the smallest
 * are given as data. The file's position is 0 afterwards. */
enum err meta_segments(int fd, uint64_t size, struct buffer *out, uint64_t *bytes);

#endif
