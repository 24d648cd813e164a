/* Owner, permissions, attributes, times, flags: each in the one order in which the kernel does not undo it again. */
#include "restore/restore_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL_PREFIX "system.posix_acl_"
#define XATTR_NAME_SIZE 256 /* XATTR_NAME_MAX and a NUL */

struct subject {
	struct restore *run;
	const struct entry *entry;
	int fd; /* -1: by name */
	int folder_fd;
	const char *name;
};

static int64_t seconds_of(int64_t time)
{
	int64_t seconds = time / 1000000000;

	return time % 1000000000 < 0 ? seconds - 1 : seconds;
}

/* False where the owner could not be set. Nobody but root may give files away: this comes first, so that no file is ever set-user-ID for the
 * wrong user. */
static bool set_owner(const struct subject *subject, const struct restore_has *has)
{
	const struct entry *entry = subject->entry;
	uid_t uid = entry->uid == has->uid ? (uid_t)-1 : entry->uid;
	gid_t gid = entry->gid == has->gid ? (gid_t)-1 : entry->gid;
	int failed;

	if (uid == (uid_t)-1 && gid == (gid_t)-1)
		return true;
	failed = subject->fd >= 0 ? fchown(subject->fd, uid, gid)
				  : fchownat(subject->folder_fd, subject->name, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (failed && uid != (uid_t)-1 && gid != (gid_t)-1) {
		/* The group at least, if it is one of the user's. */
		int saved = errno;

		if (subject->fd >= 0)
			(void)!fchown(subject->fd, (uid_t)-1, gid);
		else
			(void)!fchownat(subject->folder_fd, subject->name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW);
		errno = saved;
	}
	if (failed)
		restore_metadata_problem(subject->run, FEATURE_OWNER, entry->path, "owner and group");
	return !failed;
}

static void set_mode(const struct subject *subject, const struct restore_has *has, bool owner_right)
{
	mode_t mode = subject->entry->mode;
	int failed;

	if (subject->entry->type == ENTRY_SYMLINK)
		return;
	if (!owner_right && subject->entry->type != ENTRY_FOLDER)
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	/* A change of owner takes the set-ID bits away: what is there is only known where there are none. */
	if (mode == has->mode && !(mode & (S_ISUID | S_ISGID)))
		return;
	failed = subject->fd >= 0 ? fchmod(subject->fd, mode)
				  : fchmodat(subject->folder_fd, subject->name, mode, AT_SYMLINK_NOFOLLOW);
	if (failed)
		restore_metadata_problem(subject->run, FEATURE_OWNER, subject->entry->path, "permissions");
}

/* A path that leads to the very object without following a link at its end. */
static void subject_path(const struct subject *subject, char out[320])
{
	snprintf(out, 320, "/proc/self/fd/%d/%.255s", subject->folder_fd, subject->name);
}

static int set_attribute(const struct subject *subject, const char *name, struct entry_bytes value)
{
	char path[320];

	if (subject->fd >= 0)
		return fsetxattr(subject->fd, name, value.data, value.size, 0);
	subject_path(subject, path);
	return lsetxattr(path, name, value.data, value.size, 0);
}

static void set_attributes(const struct subject *subject, const void *bytes, size_t size)
{
	struct cursor cursor = cursor_of(bytes, size);
	struct entry_bytes name, value;

	while (entry_xattr_next(&cursor, &name, &value)) {
		char text[XATTR_NAME_SIZE];
		bool acl;

		if (name.size >= sizeof(text))
			continue; /* entry_decode refuses it */
		memcpy(text, name.data, name.size);
		text[name.size] = 0;
		acl = strncmp(text, ACL_PREFIX, strlen(ACL_PREFIX)) == 0;
		if (set_attribute(subject, text, value) != 0)
			restore_metadata_problem(subject->run, acl ? FEATURE_ACL : FEATURE_XATTR, subject->entry->path,
			    acl ? "access control list" : text);
	}
}

static bool list_has(const void *bytes, size_t size, const char *wanted)
{
	struct cursor cursor = cursor_of(bytes, size);
	struct entry_bytes name, value;

	while (entry_xattr_next(&cursor, &name, &value))
		if (name.size == strlen(wanted) && memcmp(name.data, wanted, name.size) == 0)
			return true;
	return false;
}

/* A folder that was there before may have attributes that the snapshot has not. What the system does not let go stays. */
static void remove_strange_attributes(const struct subject *subject, const void *bytes, size_t size)
{
	ssize_t length = flistxattr(subject->fd, NULL, 0);
	char *names = length > 0 ? mem_alloc((size_t)length) : NULL;

	if (names && (length = flistxattr(subject->fd, names, (size_t)length)) > 0)
		for (const char *name = names; name < names + length; name += strlen(name) + 1)
			if (!list_has(bytes, size, name) && strncmp(name, "security.", 9) != 0)
				(void)fremovexattr(subject->fd, name);
	mem_free(names);
}

static void set_all_attributes(const struct subject *subject, const struct restore_has *has)
{
	const struct entry *entry = subject->entry;
	struct restore *run = subject->run;
	const void *bytes = entry->xattrs.data;
	size_t size = entry->xattrs.size;
	struct chunk_view view;

	if (entry->xattrs_chunk_size) {
		enum err err = chunk_reader_get(run->view->reader, CHUNK_XATTR, entry->xattrs_chunk, &view);

		if (err != ERR_OK) {
			restore_problem(run, entry->path, err);
			return;
		}
		bytes = view.bytes;
		size = view.length;
	}
	if (!has->fresh && subject->fd >= 0)
		remove_strange_attributes(subject, bytes, size);
	if (size)
		set_attributes(subject, bytes, size);
	if (entry->xattrs_chunk_size)
		chunk_release(run->view->reader, &view);
}

/* Where the destination is known to keep coarse times only, what it made of this one decides. */
static bool time_kept(const struct subject *subject)
{
	struct stat stat;
	int failed = subject->fd >= 0 ? fstat(subject->fd, &stat)
				      : fstatat(subject->folder_fd, subject->name, &stat, AT_SYMLINK_NOFOLLOW);

	return !failed && (int64_t)stat.st_mtim.tv_sec * 1000000000 + stat.st_mtim.tv_nsec == subject->entry->mtime;
}

static void set_times(const struct subject *subject)
{
	const struct entry *entry = subject->entry;
	int64_t seconds = seconds_of(entry->mtime);
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = (long)(entry->mtime - seconds * 1000000000)}};
	int failed = subject->fd >= 0 ? futimens(subject->fd, times)
				      : utimensat(subject->folder_fd, subject->name, times, AT_SYMLINK_NOFOLLOW);

	/* An immutable folder that was restored before refuses, and has its time already. */
	if ((failed || subject->run->missing[FEATURE_TIME]) && !time_kept(subject))
		restore_metadata_problem(subject->run, FEATURE_TIME, entry->path, "modification time");
}

void restore_flags_set(struct restore *run, struct entry_bytes path, int fd, uint32_t flags)
{
	unsigned now = 0;

	if (!flags)
		return;
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &now) != 0 || (now & flags) == flags)
		goto done;
	now |= flags;
	if (ioctl(fd, FS_IOC_SETFLAGS, &now) == 0)
		return;
	now &= ~flags;
done:
	if ((now & flags) != flags)
		restore_metadata_problem(run, FEATURE_FLAGS, path, "file flags");
}

void restore_metadata_set(struct restore *run, const struct entry *entry, int fd, int folder_fd, const char *name,
    const struct restore_has *has, uint32_t late_flags)
{
	struct subject subject = {.run = run, .entry = entry, .fd = fd, .folder_fd = folder_fd, .name = name};
	bool owner_right = set_owner(&subject, has);

	set_mode(&subject, has, owner_right);
	/* After the owner: changing it drops file capabilities. After the permissions: they would change the ACL's mask. */
	set_all_attributes(&subject, has);
	set_times(&subject);
	/* Last: nothing else can be set on what is immutable. */
	if (fd >= 0)
		restore_flags_set(run, entry->path, fd, entry->flags & ~late_flags);
	if (entry->sparse && run->missing[FEATURE_SPARSE])
		restore_metadata_problem(run, FEATURE_SPARSE, entry->path, "holes");
}
