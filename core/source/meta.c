#include "core/source/meta.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TARGET_FIRST 256    /* bytes tried for a symlink's target; Linux allows 4,095 */
#define SEGMENTS_KEPT 16384 /* segments of one file: at most 320 KiB encoded, so that the entry stays below ENTRY_MAX */
#define GAP_FIRST (64u << 10) /* bytes: where there are too many segments, smaller holes are stored as data first */

static enum err cannot(const char *what, const char *name)
{
	char *printable = output_printable(name, strlen(name));
	bool gone = errno == ENOENT || errno == ENOTDIR;
	enum err err = ERR_NOMEM;

	if (printable && gone)
		err = fail(PL_SOURCE_VANISHED, "%s was gone when it was to be read", printable);
	else if (printable)
		err = fail_errno(PL_SOURCE_READ, "cannot read %s of %s", what, printable);
	mem_free(printable);
	return err;
}

static uint8_t type_of(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return ENTRY_FOLDER;
	case S_IFLNK:
		return ENTRY_SYMLINK;
	case S_IFCHR:
		return ENTRY_CHARACTER;
	case S_IFBLK:
		return ENTRY_BLOCK;
	case S_IFIFO:
		return ENTRY_FIFO;
	case S_IFSOCK:
		return ENTRY_SOCKET;
	default:
		return ENTRY_FILE;
	}
}

/* Times that nanoseconds cannot hold (before 1677, after 2262) become the nearest that they can. */
static int64_t time_of(const struct statx_timestamp *time)
{
	int64_t nanoseconds;

	if (__builtin_mul_overflow((int64_t)time->tv_sec, CLOCK_SECOND, &nanoseconds) ||
	    __builtin_add_overflow(nanoseconds, (int64_t)time->tv_nsec, &nanoseconds))
		return time->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return nanoseconds;
}

static void fill(struct names *names, const struct statx *status, struct entry *out)
{
	*out = (struct entry){
	    .type = type_of(status->stx_mode),
	    .mode = status->stx_mode & 07777,
	    .uid = status->stx_uid,
	    .gid = status->stx_gid,
	    .user = names_user(names, status->stx_uid),
	    .group = names_group(names, status->stx_gid),
	    .mtime = time_of(&status->stx_mtime),
	    .ctime = time_of(&status->stx_ctime),
	    .device = makedev(status->stx_dev_major, status->stx_dev_minor),
	    .inode = status->stx_ino,
	    .links = 1,
	    /* The kernel gives these the numbers of FS_IMMUTABLE_FL, FS_APPEND_FL and FS_NODUMP_FL. */
	    .flags = (uint32_t)status->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP),
	};
	/* A folder's links count its subfolders. An open file that was removed has none. */
	if (out->type != ENTRY_FOLDER && status->stx_nlink > 1)
		out->links = status->stx_nlink;
	if (out->type == ENTRY_CHARACTER || out->type == ENTRY_BLOCK)
		out->rdev = (uint64_t)status->stx_rdev_major << 32 | status->stx_rdev_minor;
	if (out->type == ENTRY_FILE) {
		out->size = status->stx_size;
		out->sparse = status->stx_blocks < status->stx_size / 512 + (status->stx_size % 512 != 0);
	}
}

enum err meta_stat(struct names *names, int folder_fd, const char *name, struct entry *out)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_AS_STAT | (*name ? 0 : AT_EMPTY_PATH);
	struct statx status;

	if (statx(folder_fd, name, flags, STATX_BASIC_STATS, &status) != 0)
		return cannot("the metadata", name);
	fill(names, &status, out);
	return ERR_OK;
}

enum err meta_fstat(struct names *names, int fd, struct entry *out)
{
	return meta_stat(names, fd, "", out);
}

bool meta_same_content(const struct entry *now, const struct entry *before)
{
	return now->type == before->type && now->size == before->size && now->mtime == before->mtime &&
	    now->ctime == before->ctime && now->inode == before->inode;
}

bool meta_same_attributes(const struct entry *now, const struct entry *before)
{
	return now->type == before->type && now->ctime == before->ctime && now->inode == before->inode;
}

uint32_t meta_flags(int fd)
{
	/* The request is declared with a long; the kernel fills an int, in the first bytes. */
	union {
		int value;
		long room;
	} flags = {.room = 0};

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 ? (uint32_t)flags.value & ENTRY_FLAGS_KEPT : 0;
}

enum err meta_target(int folder_fd, const char *name, struct buffer *out)
{
	for (size_t room = TARGET_FIRST;; room *= 4) {
		enum err err = buffer_reserve(out, room);
		ssize_t size;

		if (err != ERR_OK)
			return err;
		size = readlinkat(folder_fd, name, (char *)out->data + out->length, room);
		if (size < 0)
			return cannot("the link", name);
		if ((size_t)size < room) {
			out->length += (size_t)size;
			return ERR_OK;
		}
	}
}

struct segment {
	uint64_t start, end;
};

struct segments {
	struct segment *list;
	size_t count, capacity;
	uint64_t gap; /* smaller holes are no holes */
};

/* Stores holes that are smaller than twice the gap as data, until half of the segments are left. */
static void merge(struct segments *segments)
{
	while (segments->count > SEGMENTS_KEPT / 2) {
		size_t kept = 0;

		segments->gap = segments->gap ? segments->gap * 2 : GAP_FIRST;
		for (size_t i = 1; i < segments->count; i++) {
			if (segments->list[i].start - segments->list[kept].end < segments->gap)
				segments->list[kept].end = segments->list[i].end;
			else
				segments->list[++kept] = segments->list[i];
		}
		segments->count = kept + 1;
	}
}

static enum err add_segment(struct segments *segments, uint64_t start, uint64_t end)
{
	struct segment *list, *before = segments->count ? &segments->list[segments->count - 1] : NULL;

	if (before && (start == before->end || start - before->end < segments->gap)) {
		before->end = end;
		return ERR_OK;
	}
	if (segments->count == SEGMENTS_KEPT)
		merge(segments);
	list = mem_more(segments->list, segments->count, &segments->capacity, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	segments->list = list;
	segments->list[segments->count++] = (struct segment){start, end};
	return ERR_OK;
}

static enum err find_segments(int fd, uint64_t size, struct segments *segments)
{
	enum err err = ERR_OK;
	uint64_t at = 0;

	while (err == ERR_OK && at < size) {
		off_t start = lseek(fd, (off_t)at, SEEK_DATA);
		off_t end;

		if (start < 0 && errno == ENXIO)
			break;
		end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end <= start) {
			/* The file system cannot tell, or the file changes: what is left is taken for data. */
			start = (off_t)at;
			end = (off_t)size;
		}
		if ((uint64_t)start >= size)
			break;
		at = (uint64_t)end < size ? (uint64_t)end : size;
		err = add_segment(segments, (uint64_t)start, at);
	}
	return err;
}

enum err meta_segments(int fd, uint64_t size, struct buffer *out, uint64_t *bytes)
{
	struct segments segments = {0};
	uint64_t position = 0;
	enum err err = find_segments(fd, size, &segments);

	*bytes = 0;
	if (err == ERR_OK)
		err = buffer_append_varint(out, segments.count);
	for (size_t i = 0; err == ERR_OK && i < segments.count; i++) {
		const struct segment *segment = &segments.list[i];

		err = buffer_append_varint(out, segment->start - position);
		if (err == ERR_OK)
			err = buffer_append_varint(out, segment->end - segment->start);
		*bytes += segment->end - segment->start;
		position = segment->end;
	}
	mem_free(segments.list);
	lseek(fd, 0, SEEK_SET);
	return err;
}
