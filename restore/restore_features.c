/* What a snapshot needs and a destination lacks, found out by trying, before anything is written. */
#include "core/crypto/crypto.h"
#include "restore/restore_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *const restore_feature_names[FEATURE_COUNT] = {
    [FEATURE_OWNER] = "owner",
    [FEATURE_ACL] = "acl",
    [FEATURE_XATTR] = "xattr",
    [FEATURE_FLAGS] = "flags",
    [FEATURE_TIME] = "time",
    [FEATURE_SPARSE] = "sparse",
    [FEATURE_HARDLINK] = "hardlink",
    [FEATURE_SYMLINK] = "symlink",
    [FEATURE_DEVICE] = "device",
    [FEATURE_NAME] = "name",
};

/* Names that file systems of other worlds refuse or change: reserved characters, a dot or a blank at the end. */
static bool odd_name(struct entry_bytes path)
{
	const uint8_t *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	size_t start = slash ? (size_t)(slash - path.data) + 1 : 0;

	for (size_t i = start; i < path.size; i++)
		if (path.data[i] < 0x20 || path.data[i] >= 0x80 || strchr("\\:*?\"<>|", path.data[i]))
			return true;
	return path.size > start && (path.data[path.size - 1] == '.' || path.data[path.size - 1] == ' ');
}

static void needs_attributes(struct restore_needs *needs, const struct entry *entry)
{
	struct cursor cursor = cursor_of(entry->xattrs.data, entry->xattrs.size);
	struct entry_bytes name, value;

	if (entry->xattrs_chunk_size)
		needs->feature[FEATURE_XATTR] = true;
	while (entry_xattr_next(&cursor, &name, &value)) {
		bool acl = name.size > 17 && memcmp(name.data, "system.posix_acl_", 17) == 0;

		needs->feature[acl ? FEATURE_ACL : FEATURE_XATTR] = true;
	}
}

void restore_needs_add(struct restore_needs *needs, const struct entry *entry, struct entry_bytes relative)
{
	if (needs->entries++ == 0 || entry->mtime < needs->earliest)
		needs->earliest = entry->mtime;
	if (needs->entries == 1 || entry->mtime > needs->latest)
		needs->latest = entry->mtime;
	needs->feature[FEATURE_TIME] = true;
	needs->flags |= entry->flags;
	if (entry->flags)
		needs->feature[FEATURE_FLAGS] = true;
	if (entry->links > 1 && entry->type != ENTRY_FOLDER)
		needs->feature[FEATURE_HARDLINK] = true;
	/* Anybody may give a file of his own to a group of his. */
	if (entry->uid != needs->uid || (entry->gid != needs->gid && (needs->uid == 0 || !group_member(entry->gid))))
		needs->feature[FEATURE_OWNER] = true;
	if (!needs->feature[FEATURE_NAME] && odd_name(relative))
		needs->feature[FEATURE_NAME] = true;
	if (entry->xattrs.size || entry->xattrs_chunk_size)
		needs_attributes(needs, entry);
	if (entry->type == ENTRY_FILE) {
		needs->files++;
		needs->bytes += restore_content_size(entry);
		if (entry->sparse)
			needs->feature[FEATURE_SPARSE] = true;
	} else if (entry->type == ENTRY_FOLDER) {
		needs->folders++;
	} else {
		needs->others++;
		needs->feature[entry->type == ENTRY_SYMLINK ? FEATURE_SYMLINK : FEATURE_DEVICE] = true;
		needs->nodes |= entry->type == ENTRY_CHARACTER || entry->type == ENTRY_BLOCK;
		needs->fifos |= entry->type == ENTRY_FIFO || entry->type == ENTRY_SOCKET;
	}
}

/* Each returns true where the destination can do it. `folder` is the temporary one, `fd` an open file "file" in it. */

static bool has_owner(int fd)
{
	struct stat stat;

	if (geteuid() != 0)
		return false; /* something belongs to another: only root can give it to him */
	return fchown(fd, 1, 1) == 0 && fstat(fd, &stat) == 0 && stat.st_uid == 1 && stat.st_gid == 1 &&
	    fchown(fd, 0, 0) == 0;
}

static bool has_acl(int fd)
{
	/* Version 2; owner rw-, user 1 r--, group r--, mask r--, others ---: an ACL that permissions cannot say. */
	static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4,
	    0, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 4, 0, 0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF};

	return fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0) == 0;
}

static bool has_flags(int fd, uint32_t flags)
{
	unsigned before = 0, with;
	bool good;

	if (ioctl(fd, FS_IOC_GETFLAGS, &before) != 0)
		return false;
	with = before | flags;
	good = ioctl(fd, FS_IOC_SETFLAGS, &with) == 0;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &before);
	return good;
}

static bool holds_time(int fd, int64_t time)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
	struct stat stat;
	int64_t seconds = time / 1000000000 - (time % 1000000000 < 0);

	times[1].tv_sec = seconds;
	times[1].tv_nsec = (long)(time - seconds * 1000000000);
	return futimens(fd, times) == 0 && fstat(fd, &stat) == 0 &&
	    (int64_t)stat.st_mtim.tv_sec * 1000000000 + stat.st_mtim.tv_nsec == time;
}

static bool has_time(const struct restore_needs *needs, int fd)
{
	const int64_t odd = INT64_C(1000000001000000001); /* a nanosecond past an odd second of 2001 */

	return holds_time(fd, odd) && holds_time(fd, needs->earliest) && holds_time(fd, needs->latest);
}

static bool has_sparse(int fd)
{
	struct stat stat;

	return ftruncate(fd, 1 << 20) == 0 && file_pwrite_all(fd, "x", 1, (1 << 20) - 1) == 0 &&
	    fstat(fd, &stat) == 0 && stat.st_blocks * 512 < 1 << 20;
}

static bool made(int folder, int failed)
{
	return !failed && unlinkat(folder, "made", 0) == 0;
}

static bool has_device(const struct restore_needs *needs, int folder)
{
	if (needs->nodes && !made(folder, mknodat(folder, "made", S_IFCHR | 0600, makedev(1, 3))))
		return false;
	return !needs->fifos || made(folder, mknodat(folder, "made", S_IFIFO | 0600, 0));
}

static bool has_name(int folder)
{
	static const char *const names[] = {"a:b", "a\\b", "dot.", "blank ", "\xFF\xFE"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = openat(folder, names[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

		if (fd < 0)
			return false;
		close(fd);
		if (unlinkat(folder, names[i], 0) != 0)
			return false;
	}
	return faccessat(folder, "FILE", F_OK, 0) != 0; /* "file" is there */
}

static void try_all(struct restore *run, int folder, int fd)
{
	const bool *needed = run->needs.feature;
	bool *missing = run->missing;

	run->ignores_case = faccessat(folder, "FILE", F_OK, 0) == 0;
	missing[FEATURE_SPARSE] = needed[FEATURE_SPARSE] && !has_sparse(fd);
	missing[FEATURE_XATTR] = needed[FEATURE_XATTR] && fsetxattr(fd, "user.pulih", "1", 1, 0) != 0;
	missing[FEATURE_ACL] = needed[FEATURE_ACL] && !has_acl(fd);
	missing[FEATURE_TIME] = needed[FEATURE_TIME] && !has_time(&run->needs, fd);
	missing[FEATURE_OWNER] = needed[FEATURE_OWNER] && !has_owner(fd);
	missing[FEATURE_SYMLINK] = needed[FEATURE_SYMLINK] && !made(folder, symlinkat("file", folder, "made"));
	missing[FEATURE_HARDLINK] =
	    needed[FEATURE_HARDLINK] && !made(folder, linkat(folder, "file", folder, "made", 0));
	missing[FEATURE_DEVICE] = needed[FEATURE_DEVICE] && !has_device(&run->needs, folder);
	missing[FEATURE_NAME] = needed[FEATURE_NAME] && !has_name(folder);
	missing[FEATURE_FLAGS] = needed[FEATURE_FLAGS] && !has_flags(fd, run->needs.flags);
}

enum err restore_features_probe(struct restore *run, int destination_fd)
{
	char name[RESTORE_NAME_SIZE];
	int folder = -1, fd = -1;
	enum err err = ERR_OK;

	restore_temporary_name(run, name);
	if (mkdirat(destination_fd, name, 0700) != 0)
		return errno == EPERM
		    ? restore_protected_fail("cannot write to", (struct entry_bytes){0}, destination_fd, ".")
		    : fail_errno(PL_RESTORE_DESTINATION, "cannot write to %s", run->options->destination);
	folder = openat(destination_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder >= 0)
		fd = openat(folder, "file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		try_all(run, folder, fd);
	else
		err = fail_errno(PL_RESTORE_DESTINATION, "cannot write to %s", run->options->destination);
	if (fd >= 0)
		close(fd);
	if (folder >= 0) {
		(void)unlinkat(folder, "file", 0);
		close(folder);
	}
	(void)unlinkat(destination_fd, name, AT_REMOVEDIR);
	return err;
}
