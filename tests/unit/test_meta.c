/* core/source: what the file system says about a file. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/unit/meta_place.h"
#include "tests/unit/scratch.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

static void a_file(void **state)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = -86400, .tv_nsec = 123456789}};
	struct entry entry, again;
	struct stat status;
	struct passwd *user = getpwuid(getuid());
	struct group *group = getgrgid(getgid());
	int fd;

	(void)state;
	write_text("f", "12345");
	assert_int_equal(link("f", "g"), 0);
	assert_int_equal(chmod("f", 04751), 0);
	assert_int_equal(utimensat(AT_FDCWD, "f", times, 0), 0);
	assert_int_equal(stat("f", &status), 0);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "f", &entry), ERR_OK);
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
	assert_int_equal(meta_fstat(meta_place_names, fd, &again), ERR_OK);
	assert_true(meta_same_content(&entry, &again) && meta_same_attributes(&entry, &again));
	assert_int_equal(again.links, 2);
	unlink("f");
	unlink("g");
	assert_int_equal(meta_fstat(meta_place_names, fd, &again), ERR_OK);
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
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "folder", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(entry.links, 1);
	assert_int_equal(entry.size, 0);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, ".", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FOLDER);
	assert_int_equal(mkfifo("fifo", 0640), 0);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "fifo", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_FIFO);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "socket", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_SOCKET);
	assert_int_equal(symlink("no/where", "link"), 0);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "link", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_SYMLINK);
	assert_int_equal(entry.size, 0);
	assert_int_equal(buffer_append(&target, "x", 1), ERR_OK);
	assert_int_equal(meta_target(meta_place_folder, "link", &target), ERR_OK);
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
		assert_int_equal(meta_target(meta_place_folder, "link", &target), ERR_OK);
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
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "null", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_CHARACTER);
	assert_int_equal(entry.rdev, UINT64_C(1) << 32 | 3);
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "block", &entry), ERR_OK);
	assert_int_equal(entry.type, ENTRY_BLOCK);
	assert_int_equal(entry.rdev, UINT64_C(300) << 32 | 70000);
}

static void what_is_gone_or_refused(void **state)
{
	struct buffer out = {0};
	struct entry entry;

	(void)state;
	write_text("f", "");
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "no\nthing", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_VANISHED);
	assert_non_null(strstr(failure_last()->text, "no\\x0athing"));
	assert_int_equal(meta_stat(meta_place_names, meta_place_folder, "f/g", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_VANISHED);
	assert_int_equal(meta_stat(meta_place_names, -1, "f", &entry), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_READ);
	assert_int_equal(meta_target(meta_place_folder, "f", &out), ERR_SOURCE);
	assert_int_equal(failure_last()->id, PL_SOURCE_READ);
	assert_int_equal(meta_xattrs(meta_place_folder, "nothing", -1, &out), ERR_SOURCE);
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

static void memory_may_run_out(void **state)
{
	struct buffer out = {0};
	enum err err = ERR_NOMEM;
	uint64_t bytes;
	int fd;

	(void)state;
	write_text("f", "content");
	setxattr("f", "user.a", "v", 1, 0);
	assert_int_equal(symlink("f", "link"), 0);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		struct names *own = NULL;
		struct entry entry;

		mem_fail_at(n);
		err = names_new(&own);
		if (err == ERR_OK)
			err = meta_stat(own, meta_place_folder, "f", &entry);
		if (err == ERR_OK)
			err = meta_xattrs(meta_place_folder, "f", -1, &out);
		if (err == ERR_OK)
			err = meta_target(meta_place_folder, "link", &out);
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

#define test(name) cmocka_unit_test_setup_teardown(name, meta_place_up, meta_place_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_file),
	    test(each_type),
	    test(long_targets),
	    test(devices),
	    test(what_is_gone_or_refused),
	    test(what_counts_as_unchanged),
	    test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
