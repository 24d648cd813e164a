/* core/source: attributes and flags of files, and where their holes are. */
#include "tests/unit/meta_place.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

static const char *has_xattr(const struct buffer *list, const char *name, size_t *size)
{
	struct cursor cursor = cursor_of(list->data, list->length);
	struct entry_bytes found, value;

	while (entry_xattr_next(&cursor, &found, &value)) {
		if (found.size == strlen(name) && memcmp(found.data, name, found.size) == 0) {
			*size = value.size;
			return (const char *)value.data;
		}
	}
	assert_false(cursor.bad);
	return NULL;
}

static void attributes(void **state)
{
	static char large[3000];
	struct buffer by_fd = {0}, by_name = {0};
	const char *value;
	size_t size = 0;
	int fd;

	(void)state;
	write_text("f", "");
	fd = open("f", O_RDWR | O_CLOEXEC);
	assert_int_equal(meta_xattrs(meta_place_folder, "f", fd, &by_fd), ERR_OK);
	assert_int_equal(by_fd.length, 0);
	assert_int_equal(by_fd.capacity, 0); /* nothing is allocated for nothing */
	memset(large, 'L', sizeof(large));
	if (fsetxattr(fd, "user.z", "zet", 3, 0) != 0)
		skip_with("no user attributes on this file system");
	assert_int_equal(fsetxattr(fd, "user.a", "", 0, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.large", large, sizeof(large), 0), 0);
	assert_int_equal(meta_xattrs(meta_place_folder, "f", fd, &by_fd), ERR_OK);
	assert_int_equal(meta_xattrs(meta_place_folder, "f", -1, &by_name), ERR_OK);
	assert_int_equal(by_fd.length, by_name.length);
	assert_memory_equal(by_fd.data, by_name.data, by_fd.length);
	/* Frozen: names ascend, sizes are varints. */
	assert_memory_equal(by_fd.data, "\x06user.a\x00\x0Auser.large\xB8\x17LLL", 23);
	assert_memory_equal(by_fd.data + by_fd.length - 11, "\x06user.z\x03zet", 11);
	value = has_xattr(&by_fd, "user.large", &size);
	assert_int_equal(size, sizeof(large));
	assert_memory_equal(value, large, sizeof(large));
	close(fd);
	buffer_free(&by_fd);
	buffer_free(&by_name);
}

static void attributes_of_root_and_links(void **state)
{
	struct buffer out = {0};
	size_t size;

	(void)state;
	write_text("f", "");
	assert_int_equal(symlink("f", "link"), 0);
	if (lsetxattr("link", "trusted.x", "link", 4, 0) != 0)
		skip_with("trusted attributes may not be set here");
	assert_int_equal(setxattr("f", "trusted.x", "file", 4, 0), 0);
	assert_int_equal(setxattr("f", "security.pulih", "s", 1, 0), 0);
	/* The link's own, not its target's. */
	assert_int_equal(meta_xattrs(meta_place_folder, "link", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "link", 4);
	buffer_clear(&out);
	assert_int_equal(meta_xattrs(meta_place_folder, "f", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "file", 4);
	assert_non_null(has_xattr(&out, "security.pulih", &size));
	buffer_clear(&out);
	assert_int_equal(setxattr(".", "trusted.x", "here", 4, 0), 0);
	assert_int_equal(meta_xattrs(meta_place_folder, ".", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "here", 4);
	buffer_clear(&out);
	assert_int_equal(meta_xattrs(meta_place_folder, "", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "here", 4);
	buffer_free(&out);
}

/* u::rw- u:7:r-- g::--- m::r-- o::---, as the kernel keeps it. */
static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 4, 0, 7, 0, 0, 0, 4, 0, 0, 0, 0xFF,
    0xFF, 0xFF, 0xFF, 0x10, 0, 4, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF};

static void access_control_lists(void **state)
{
	struct buffer out = {0};
	const char *value;
	size_t size = 0;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	if (setxattr("d", "system.posix_acl_access", acl, sizeof(acl), 0) != 0)
		skip_with("no access control lists on this file system");
	assert_int_equal(setxattr("d", "system.posix_acl_default", acl, sizeof(acl), 0), 0);
	assert_int_equal(meta_xattrs(meta_place_folder, "d", -1, &out), ERR_OK);
	value = has_xattr(&out, "system.posix_acl_access", &size);
	assert_int_equal(size, sizeof(acl));
	assert_memory_equal(value, acl, sizeof(acl));
	value = has_xattr(&out, "system.posix_acl_default", &size);
	assert_int_equal(size, sizeof(acl));
	assert_memory_equal(value, acl, sizeof(acl));
	buffer_free(&out);
}

/* More names than the first room holds. */
static void many_attributes(void **state)
{
	char name[128];
	struct buffer out = {0};
	struct cursor cursor;
	struct entry_bytes found, value;
	int set = 0, got = 0;

	(void)state;
	write_text("f", "");
	for (; set < 24; set++) {
		snprintf(name, sizeof(name), "user.%0100d", 23 - set);
		if (setxattr("f", name, "v", 1, 0) != 0)
			break;
	}
	if (set < 12)
		skip_with("this file system holds few attributes");
	assert_int_equal(meta_xattrs(meta_place_folder, "f", -1, &out), ERR_OK);
	cursor = cursor_of(out.data, out.length);
	while (entry_xattr_next(&cursor, &found, &value))
		got++;
	assert_int_equal(got, set);
	buffer_free(&out);
}

static void file_flags(void **state)
{
	struct entry entry;
	int fd, old = 0, flags;

	(void)state;
	write_text("f", "");
	fd = open("f", O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, FS_IOC_GETFLAGS, &old) != 0)
		skip_with("no flags on this file system");
	flags = old | FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
		skip_with("flags may not be set here");
	/* Not of those that are kept: ext4's own FS_EXTENT_FL. */
	assert_int_equal(meta_flags(fd), FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "f", &entry), ERR_OK);
	assert_int_equal(entry.flags, FS_NODUMP_FL | FS_APPEND_FL);
	flags = (old & ~FS_APPEND_FL) | FS_IMMUTABLE_FL;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	assert_int_equal(meta_flags(fd), FS_IMMUTABLE_FL);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "f", &entry), ERR_OK);
	assert_int_equal(entry.flags, FS_IMMUTABLE_FL);
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &old), 0);
	close(fd);
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_int_equal(meta_flags(fd), 0);
	close(fd);
}

/* ---- sparse files ---- */

static uint64_t segments_of(int fd, uint64_t size, struct buffer *out, uint64_t *count)
{
	struct entry entry = {.sparse = true, .size = size};
	struct entry_segments segments;
	uint64_t offset, data, bytes = 0, sum = 0, last = 0;

	buffer_clear(out);
	assert_int_equal(meta_segments(fd, size, out, &bytes), ERR_OK);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	entry.segments = (struct entry_bytes){out->data, out->length};
	*count = 0;
	entry_segments_open(&segments, &entry);
	while (entry_segments_next(&segments, &offset, &data)) {
		assert_true(data > 0 && offset + data <= size);
		assert_true(*count == 0 || offset > last);
		last = offset + data;
		sum += data;
		++*count;
	}
	assert_int_equal(sum, bytes);
	return bytes;
}

static void sparse_segments(void **state)
{
	struct buffer out = {0};
	struct entry entry;
	uint64_t count;
	int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(ftruncate(fd, 10 << 20), 0);
	assert_int_equal(pwrite(fd, "x", 1, 4 << 20), 1);
	assert_int_equal(pwrite(fd, "x", 1, (8 << 20) + 5), 1);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "f", &entry), ERR_OK);
	assert_true(entry.sparse);
	if (lseek(fd, 0, SEEK_DATA) == 0)
		skip_with("this file system has no holes");
	assert_int_equal(segments_of(fd, 10 << 20, &out, &count), 8192);
	/* Frozen: 2 segments; gap 4 MiB, 4,096 bytes; gap 4 MiB − 4,096, 4,096 bytes. */
	assert_int_equal(out.length, 13);
	assert_memory_equal(out.data, "\x02\x80\x80\x80\x02\x80\x20\x80\xE0\xFF\x01\x80\x20", 13);
	/* The size that the entry has decides, whatever the file became. */
	assert_int_equal(segments_of(fd, (4 << 20) + 10, &out, &count), 10);
	assert_int_equal(segments_of(fd, 1 << 20, &out, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(segments_of(fd, 0, &out, &count), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
	assert_int_equal(segments_of(fd, UINT64_C(1) << 40, &out, &count), 0);
	assert_int_equal(count, 0);
	close(fd);
	/* Where nobody can tell: one segment. */
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_int_equal(segments_of(fd, 100, &out, &count), 100);
	assert_int_equal(count, 1);
	close(fd);
	buffer_free(&out);
}

/* However many holes a file has, its entry stays within bounds. */
static void very_many_holes(void **state)
{
	struct buffer out = {0};
	uint64_t count, size = 0, bytes;
	int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	for (unsigned i = 0; i < 20000; i++, size += 8192)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)size), 1);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)size + (1 << 30)), 1);
	size += (1 << 30) + 1;
	if (lseek(fd, 0, SEEK_HOLE) != 4096)
		skip_with("this file system has no holes of 4,096 bytes");
	bytes = segments_of(fd, size, &out, &count);
	assert_true(count > 1 && count <= 16384);
	assert_true(bytes >= 20001 * 4096 - 4095 && bytes < size);
	assert_true(out.length < ENTRY_MAX / 2);
	close(fd);
	buffer_free(&out);
}

#define test(name) cmocka_unit_test_setup_teardown(name, meta_place_up, meta_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(attributes),
	    test(attributes_of_root_and_links),
	    test(access_control_lists),
	    test(many_attributes),
	    test(file_flags),
	    test(sparse_segments),
	    test(very_many_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
