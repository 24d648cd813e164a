/* core/source: what the file system says about a file. */
#include "core/source/meta.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

static char scratch[64];
static int folder = -1;
static struct names *names;

static int enter_scratch(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/pulih-meta-XXXXXX");
	if (!mkdtemp(scratch) || chdir(scratch) != 0 || names_new(&names) != ERR_OK)
		return -1;
	folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder >= 0 ? 0 : -1;
}

static int leave_scratch(void **state)
{
	(void)state;
	close(folder);
	names_free(names);
	return chdir("/") == 0 && file_remove_tree(scratch) == ERR_OK ? 0 : -1;
}

static void make_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void skip_with(const char *why)
{
	print_message("skipped: %s\n", why);
	skip();
}

static void a_file(void **state)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = -86400, .tv_nsec = 123456789}};
	struct entry entry, again;
	struct stat status;
	struct passwd *user = getpwuid(getuid());
	struct group *group = getgrgid(getgid());
	int fd;

	(void)state;
	make_file("f", "12345");
	assert_int_equal(link("f", "g"), 0);
	assert_int_equal(chmod("f", 04751), 0);
	assert_int_equal(utimensat(AT_FDCWD, "f", times, 0), 0);
	assert_int_equal(stat("f", &status), 0);
	assert_int_equal(meta_stat(names, folder, "f", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FILE);
	assert_int_equal(entry.mode, 04751);
	assert_int_equal(entry.uid, getuid());
	assert_int_equal(entry.gid, getgid());
	assert_int_equal(entry.mtime, -86400 * CLOCK_SECOND + 123456789);
	assert_int_equal(entry.ctime, status.st_ctim.tv_sec * CLOCK_SECOND + status.st_ctim.tv_nsec);
	assert_int_equal(entry.device, status.st_dev);
	assert_int_equal(entry.inode, status.st_ino);
	assert_int_equal(entry.links, 2);
	assert_int_equal(entry.size, 5);
	assert_false(entry.sparse);
	assert_int_equal(
	    entry.path.size + entry.target.size + entry.xattrs.size + entry.content.size + entry.rdev + entry.flags, 0);
	if (user) {
		assert_int_equal(entry.user.size, strlen(user->pw_name));
		assert_memory_equal(entry.user.data, user->pw_name, entry.user.size);
	}
	if (group) {
		assert_int_equal(entry.group.size, strlen(group->gr_name));
		assert_memory_equal(entry.group.data, group->gr_name, entry.group.size);
	}
	fd = open("f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(meta_fstat(names, fd, &again), ERR_OK);
	assert_true(meta_same_content(&entry, &again) && meta_same_attributes(&entry, &again));
	assert_int_equal(again.links, 2);
	unlink("f");
	unlink("g");
	assert_int_equal(meta_fstat(names, fd, &again), ERR_OK);
	assert_int_equal(again.links, 1);
	close(fd);
}

static void each_type(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	struct buffer target = {0};
	struct entry entry;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(mkdir("folder/a", 0700), 0);
	assert_int_equal(meta_stat(names, folder, "folder", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(entry.links, 1);
	assert_int_equal(entry.size, 0);
	assert_int_equal(meta_stat(names, folder, ".", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(meta_stat(names, folder, "", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(mkfifo("fifo", 0640), 0);
	assert_int_equal(meta_stat(names, folder, "fifo", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FIFO);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(meta_stat(names, folder, "socket", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_SOCKET);
	assert_int_equal(symlink("no/where", "link"), 0);
	assert_int_equal(meta_stat(names, folder, "link", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_SYMLINK);
	assert_int_equal(entry.size, 0);
	assert_int_equal(buffer_append(&target, "x", 1), ERR_OK);
	assert_int_equal(meta_target(folder, "link", &target), ERR_OK);
	assert_int_equal(target.length, 9);
	assert_memory_equal(target.data, "xno/where", 9);
	buffer_free(&target);
}

static void long_targets(void **state)
{
	char text[4096];
	struct buffer target = {0};

	(void)state;
	for (size_t size = 250; size < sizeof(text); size = size < 260 ? size + 1 : size + 549) {
		memset(text, 't', size);
		text[size] = '\0';
		unlink("link");
		assert_int_equal(symlink(text, "link"), 0);
		buffer_clear(&target);
		assert_int_equal(meta_target(folder, "link", &target), ERR_OK);
		assert_int_equal(target.length, size);
		assert_memory_equal(target.data, text, size);
	}
	buffer_free(&target);
}

static void devices(void **state)
{
	struct entry entry;

	(void)state;
	if (mknod("null", S_IFCHR | 0600, makedev(1, 3)) != 0)
		skip_with("devices may not be made here");
	assert_int_equal(mknod("block", S_IFBLK | 0600, makedev(300, 70000)), 0);
	assert_int_equal(meta_stat(names, folder, "null", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_CHARACTER);
	assert_int_equal(entry.rdev, UINT64_C(1) << 32 | 3);
	assert_int_equal(meta_stat(names, folder, "block", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_BLOCK);
	assert_int_equal(entry.rdev, UINT64_C(300) << 32 | 70000);
}

static void what_is_gone_or_refused(void **state)
{
	struct buffer out = {0};
	struct entry entry;

	(void)state;
	make_file("f", "");
	assert_int_equal(meta_stat(names, folder, "no\nthing", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_VANISHED);
	assert_non_null(strstr(failure_last()->text, "no\\x0athing"));
	assert_int_equal(meta_stat(names, folder, "f/g", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_VANISHED);
	assert_int_equal(meta_stat(names, -1, "f", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_READ);
	assert_int_equal(meta_target(folder, "f", &out), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_READ);
	assert_int_equal(meta_xattrs(folder, "nothing", -1, &out), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_VANISHED);
	buffer_free(&out);
}

static void what_counts_as_unchanged(void **state)
{
	const struct entry base = {.type = ENTRY_FILE, .size = 5, .mtime = 6, .ctime = 7, .inode = 8};
	struct entry other;

	(void)state;
	assert_true(meta_same_content(&base, &base) && meta_same_attributes(&base, &base));
	other = base, other.size = 6;
	assert_false(meta_same_content(&other, &base));
	assert_true(meta_same_attributes(&other, &base));
	other = base, other.mtime = 5;
	assert_false(meta_same_content(&other, &base));
	other = base, other.ctime = 5;
	assert_false(meta_same_content(&other, &base));
	assert_false(meta_same_attributes(&other, &base));
	other = base, other.inode = 5;
	assert_false(meta_same_content(&other, &base));
	assert_false(meta_same_attributes(&other, &base));
	other = base, other.type = ENTRY_SYMLINK;
	assert_false(meta_same_content(&other, &base));
}

/* ---- attributes ---- */

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
	make_file("f", "");
	fd = open("f", O_RDWR | O_CLOEXEC);
	assert_int_equal(meta_xattrs(folder, "f", fd, &by_fd), ERR_OK);
	assert_int_equal(by_fd.length, 0);
	assert_int_equal(by_fd.capacity, 0); /* nothing is allocated for nothing */
	memset(large, 'L', sizeof(large));
	if (fsetxattr(fd, "user.z", "zet", 3, 0) != 0)
		skip_with("no user attributes on this file system");
	assert_int_equal(fsetxattr(fd, "user.a", "", 0, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.large", large, sizeof(large), 0), 0);
	assert_int_equal(meta_xattrs(folder, "f", fd, &by_fd), ERR_OK);
	assert_int_equal(meta_xattrs(folder, "f", -1, &by_name), ERR_OK);
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
	make_file("f", "");
	assert_int_equal(symlink("f", "link"), 0);
	if (lsetxattr("link", "trusted.x", "link", 4, 0) != 0)
		skip_with("trusted attributes may not be set here");
	assert_int_equal(setxattr("f", "trusted.x", "file", 4, 0), 0);
	assert_int_equal(setxattr("f", "security.pulih", "s", 1, 0), 0);
	/* The link's own, not its target's. */
	assert_int_equal(meta_xattrs(folder, "link", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "link", 4);
	buffer_clear(&out);
	assert_int_equal(meta_xattrs(folder, "f", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "file", 4);
	assert_non_null(has_xattr(&out, "security.pulih", &size));
	buffer_clear(&out);
	assert_int_equal(setxattr(".", "trusted.x", "here", 4, 0), 0);
	assert_int_equal(meta_xattrs(folder, ".", -1, &out), ERR_OK);
	assert_memory_equal(has_xattr(&out, "trusted.x", &size), "here", 4);
	buffer_clear(&out);
	assert_int_equal(meta_xattrs(folder, "", -1, &out), ERR_OK);
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
	assert_int_equal(meta_xattrs(folder, "d", -1, &out), ERR_OK);
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
	make_file("f", "");
	for (; set < 24; set++) {
		snprintf(name, sizeof(name), "user.%0100d", 23 - set);
		if (setxattr("f", name, "v", 1, 0) != 0)
			break;
	}
	if (set < 12)
		skip_with("this file system holds few attributes");
	assert_int_equal(meta_xattrs(folder, "f", -1, &out), ERR_OK);
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
	make_file("f", "");
	fd = open("f", O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, FS_IOC_GETFLAGS, &old) != 0)
		skip_with("no flags on this file system");
	flags = old | FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
		skip_with("flags may not be set here");
	/* Not of those that are kept: ext4's own FS_EXTENT_FL. */
	assert_int_equal(meta_flags(fd), FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL);
	assert_int_equal(meta_stat(names, folder, "f", &entry), ERR_OK);
	assert_int_equal(entry.flags, FS_NODUMP_FL | FS_APPEND_FL);
	flags = (old & ~FS_APPEND_FL) | FS_IMMUTABLE_FL;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	assert_int_equal(meta_flags(fd), FS_IMMUTABLE_FL);
	assert_int_equal(meta_stat(names, folder, "f", &entry), ERR_OK);
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
	assert_int_equal(meta_stat(names, folder, "f", &entry), ERR_OK);
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

/* ---- names ---- */

static void names_are_remembered(void **state)
{
	struct entry_bytes root = names_user(names, 0), nobody = names_user(names, 3999999999u),
			   group = names_group(names, 0);

	(void)state;
	assert_int_equal(root.size, 4);
	assert_memory_equal(root.data, "root", 4);
	assert_int_equal(nobody.size, 0);
	assert_memory_equal(group.data, "root", 4);
	for (uint32_t id = 5000; id > 4000; id--)
		names_user(names, id * 7919u);
	assert_ptr_equal(names_user(names, 0).data, root.data);
	assert_ptr_equal(names_group(names, 0).data, group.data);
	assert_int_equal(names_user(names, 3999999999u).size, 0);
}

/* The last answer of a thread is not that of names that are gone. */
static void names_do_not_outlive_their_set(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct names *other = NULL;

		assert_int_equal(names_new(&other), ERR_OK);
		assert_memory_equal(names_user(other, 0).data, "root", 4);
		names_free(other);
	}
	assert_memory_equal(names_user(names, 0).data, "root", 4);
}

struct asker {
	struct pool_job job;
	bool good;
};

static void ask(struct pool_job *job, unsigned worker)
{
	struct asker *asker = (struct asker *)(void *)job;

	(void)worker;
	asker->good = true;
	for (uint32_t i = 0; i < 2000; i++) {
		names_group(names, i % 97 * 100003u);
		asker->good =
		    asker->good && names_user(names, 0).size == 4 && names_user(names, 4000000000u + i % 50).size == 0;
	}
}

static void names_from_several_threads(void **state)
{
	struct asker askers[8] = {0};
	struct pool *pool = NULL;

	(void)state;
	assert_int_equal(pool_new(&pool, "ask", 4, 8), ERR_OK);
	for (size_t i = 0; i < 8; i++) {
		askers[i].job.run = ask;
		pool_submit(pool, &askers[i].job);
	}
	for (size_t i = 0; i < 8; i++) {
		pool_wait(pool, &askers[i].job);
		assert_true(askers[i].good);
	}
	pool_free(pool);
}

static void memory_may_run_out(void **state)
{
	struct buffer out = {0};
	enum err err = ERR_NOMEM;
	uint64_t bytes;
	int fd;

	(void)state;
	make_file("f", "content");
	setxattr("f", "user.a", "v", 1, 0);
	assert_int_equal(symlink("f", "link"), 0);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct names *own = NULL;
		struct entry entry;

		mem_fail_at(n);
		err = names_new(&own);
		if (err == ERR_OK)
			err = meta_stat(own, folder, "f", &entry);
		if (err == ERR_OK)
			err = meta_xattrs(folder, "f", -1, &out);
		if (err == ERR_OK)
			err = meta_target(folder, "link", &out);
		if (err == ERR_OK)
			err = meta_segments(fd, 7, &out, &bytes);
		names_free(own);
		buffer_free(&out);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		assert_true(n < 50);
	}
	close(fd);
}

#define test(name) cmocka_unit_test_setup_teardown(name, enter_scratch, leave_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_file),
	    test(each_type),
	    test(long_targets),
	    test(devices),
	    test(what_is_gone_or_refused),
	    test(what_counts_as_unchanged),
	    test(attributes),
	    test(attributes_of_root_and_links),
	    test(access_control_lists),
	    test(many_attributes),
	    test(file_flags),
	    test(sparse_segments),
	    test(very_many_holes),
	    test(names_are_remembered),
	    test(names_do_not_outlive_their_set),
	    test(names_from_several_threads),
	    test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
