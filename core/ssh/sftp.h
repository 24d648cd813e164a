/* Files of another machine, over SFTP version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions where the server offers them.
 *
 * libssh2 carries the bytes only; the protocol is spoken here, because libssh2 1.10's own SFTP cannot be used for this: it frees memory twice when a
 * server answers an open with "OK" and goes away, takes an empty list of names for the end of a folder, keeps replies that nobody asked
 * for without limit, hangs with several files open, and waits for each name of a folder by itself. Here each reply is held against the
 * request that it answers, and a server that breaks a rule is cut off (PL_SSH_PROTOCOL): a length beyond its packet or beyond the limit, a reply of the
 * wrong kind or to no request, more bytes than were asked for, a count that does not fit, attributes that lack size, type or time, names that are
 * empty, hold '/' or NUL or come twice in one folder. "." and ".." are left out. What a server can still do is lie about contents.
 *
 * Names are bytes without NUL, never taken for UTF-8; in messages what is none is escaped. Relative names begin in the user's home folder.
 *
 * Refusals of the server end nothing: PL_SFTP_MISSING, PL_SFTP_DENIED, PL_SFTP_UNSUPPORTED, PL_SFTP_FAILED (all else; version 3 has no more
 * words: a full disk, a name that exists). Times are whole seconds from 1970 to 2106. */
#ifndef PULIH_SSH_SFTP_H
#define PULIH_SSH_SFTP_H

#include "core/ssh/ssh.h"

#include <sys/types.h>

#define SFTP_FILES_MAX 64u		    /* files that one session has open */
#define SFTP_NAME_MAX 4096u		    /* bytes of a name in a folder, and of a link's target */
#define SFTP_LIST_MAX (UINT64_C(512) << 20) /* bytes of memory of one folder's list; about five million names */

struct sftp;
/* Starts it on a session. PL_SSH_REFUSED where the server offers none; PL_SSH_PROTOCOL also where the account's shell prints text
 * before it, which the message says. */
enum err sftp_open(struct sftp **out, struct ssh *ssh);
/* Of NULL nothing. Files and lists must have been freed. */
void sftp_free(struct sftp *sftp);

struct sftp_attributes {
	uint64_t size;
	uint32_t mode; /* type and permissions, as in stat(2) */
	uint32_t uid, gid;
	int64_t mtime; /* nanoseconds; whole seconds */
	bool has_owner;
};
enum err sftp_stat(struct sftp *sftp, const char *path, struct sftp_attributes *out);  /* follows links */
enum err sftp_lstat(struct sftp *sftp, const char *path, struct sftp_attributes *out); /* does not */
/* The target, to be released with mem_free: not empty, at most SFTP_NAME_MAX bytes. */
enum err sftp_readlink(struct sftp *sftp, const char *path, char **out);

struct sftp_entry {
	const char *name;
	struct sftp_attributes attributes; /* as lstat has them */
};
struct sftp_list;
/* All of a folder, ascending by the bytes of the names. PL_SFTP_LIMIT beyond SFTP_LIST_MAX. Released with sftp_list_free. */
enum err sftp_list(struct sftp *sftp, const char *path, struct sftp_list **out);
size_t sftp_list_count(const struct sftp_list *list);
const struct sftp_entry *sftp_list_entry(const struct sftp_list *list, size_t at);
void sftp_list_free(struct sftp_list *list);

struct sftp_space {
	uint64_t total, available; /* bytes; available: to this user */
};
/* statvfs@openssh.com; PL_SFTP_UNSUPPORTED where it is not offered. */
enum err sftp_space(struct sftp *sftp, const char *path, struct sftp_space *out);

/* ---- reading ---- */

struct sftp_file;
/* Asks for the file and its beginning, and does not wait: a caller that opens the next files before it reads the first does not pay
 * a round trip for each. Whether it could be opened, the first sftp_read or sftp_file_attributes tells. Begins at byte `offset`.
 * PL_SFTP_LIMIT with more than SFTP_FILES_MAX open. */
enum err sftp_read_open(struct sftp_file **out, struct sftp *sftp, const char *path, uint64_t offset);
/* Of the open file, before its contents were read. */
enum err sftp_file_attributes(struct sftp_file *file, struct sftp_attributes *out);
/* The next bytes in order, up to `size`; *got 0 at the end. Up to 4 MiB are on the way ahead of the reader. The end is where the server
 * says so: a file that shrank or grew is for the caller to find by its size. */
enum err sftp_read(struct sftp_file *file, void *out, size_t size, size_t *got);

/* ---- writing ---- */

/* Makes a new file with `mode` (the server's umask applies); PL_SFTP_FAILED or PL_SFTP_EXISTS where one is there. */
enum err sftp_write_open(struct sftp_file **out, struct sftp *sftp, const char *path, mode_t mode);
/* Behind what was written before. Returns when the bytes are on their way, with at most 4 MiB not yet confirmed; a refusal of earlier bytes
 * may be told here. */
enum err sftp_write(struct sftp_file *file, const void *bytes, size_t size);
/* Waits until the server has confirmed all; with fsync@openssh.com until it is on the disk. *durable says whether it is. */
enum err sftp_sync(struct sftp_file *file, bool *durable);

/* Closes it; for one that was written it waits for every confirmation, and only ERR_OK means that the server has all. A file that was read is
 * closed without waiting. Frees it in any case; of NULL nothing. */
enum err sftp_file_close(struct sftp_file *file);

/* ---- names ---- */

/* Gives a file another name; PL_SFTP_EXISTS where that one is taken, which then stays as it was. */
enum err sftp_rename(struct sftp *sftp, const char *from, const char *to);
enum err sftp_unlink(struct sftp *sftp, const char *path);
/* One folder; PL_SFTP_EXISTS where something of that name is there. */
enum err sftp_mkdir(struct sftp *sftp, const char *path, mode_t mode);

#endif
