/* A snapshot as a tar stream, read back with libarchive. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "restore/restore.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/repo_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

struct told {
	size_t problems, metadata;
};

static void on_problem(void *context, const struct restore_problem *problem)
{
	struct told *told = context;

	if (problem->metadata_only)
		told->metadata++;
	else
		told->problems++;
}

static enum err to_tar(struct fixture *fixture, const char *path, struct restore_options *options,
    struct restore_result *result, struct told *told)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	enum err err;

	*told = (struct told){0};
	options->on_problem = on_problem;
	options->context = told;
	assert_true(fd >= 0);
	err = restore_tar(&fixture->repository, &fixture->snapshot, options, fd, result);
	close(fd);
	return err;
}

static struct archive *read_tar(const char *path)
{
	struct archive *archive = archive_read_new();

	assert_int_equal(archive_read_support_format_tar(archive), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(archive, path, 65536), ARCHIVE_OK);
	return archive;
}

/* Stops at the entry of that name. */
static struct archive_entry *find(struct archive *archive, const char *name)
{
	struct archive_entry *entry;

	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		if (strcmp(archive_entry_pathname(entry), name) == 0)
			return entry;
	fail_msg("no %s in the tar", name);
	return NULL;
}

static void assert_data(struct archive *archive, const uint8_t *bytes, size_t size)
{
	uint8_t *got = mem_alloc(size + 1);
	size_t all = 0;
	la_ssize_t part;

	while (all <= size && (part = archive_read_data(archive, got + all, size + 1 - all)) > 0)
		all += (size_t)part;
	assert_int_equal(all, size);
	assert_memory_equal(got, bytes, size);
	mem_free(got);
}

static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 5, 0, 77, 0, 0, 0, 4, 0, 4, 0, 0xFF,
    0xFF, 0xFF, 0xFF, 16, 0, 4, 0, 0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF};

static void everything_that_a_tar_can_hold(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct buffer attributes = {0}, segments = {0};
	struct archive *archive;
	struct archive_entry *found;
	struct entry entry;
	char path[128];
	uint8_t bytes[6000];
	const char *name;
	const void *value;
	size_t size;
	int type, permset, tag, id;

	(void)state;
	fixture_open(&fixture);
	random_bytes(9, bytes, sizeof(bytes));
	fixture_folder(&fixture, "folder");
	entry = fixture_entry_of("folder/file \xFF\xFE name", ENTRY_FILE);
	entry.mode = 04640;  /* as the ACL says */
	entry.uid = 3000000; /* more than ustar can say */
	entry.user = (struct entry_bytes){(const uint8_t *)"somebody", 8};
	buffer_append_varint(&attributes, 23);
	buffer_append(&attributes, "system.posix_acl_access", 23);
	buffer_append_varint(&attributes, sizeof(acl));
	buffer_append(&attributes, acl, sizeof(acl));
	buffer_append_varint(&attributes, 9);
	buffer_append(&attributes, "user.name", 9);
	buffer_append_varint(&attributes, 4);
	buffer_append(&attributes, "a\0b\n", 4);
	entry.xattrs = (struct entry_bytes){attributes.data, attributes.length};
	fixture_add(&fixture, &entry, bytes, sizeof(bytes), 1000);
	entry = fixture_entry_of("hole", ENTRY_FILE);
	buffer_append_varint(&segments, 2);
	buffer_append_varint(&segments, 4096);
	buffer_append_varint(&segments, 1000);
	buffer_append_varint(&segments, 1 << 20);
	buffer_append_varint(&segments, 500);
	entry.sparse = true;
	entry.segments = (struct entry_bytes){segments.data, segments.length};
	entry.size = 2 << 20;
	fixture_add(&fixture, &entry, bytes, 1500, 700);
	fixture_symlink(&fixture, "link", "folder/\xFF");
	for (int i = 0; i < 2; i++) {
		entry = fixture_entry_of(i ? "two" : "one", ENTRY_FILE);
		entry.inode = 5;
		entry.links = 2;
		fixture_add(&fixture, &entry, "linked", 6, 100);
	}
	entry = fixture_entry_of("device", ENTRY_CHARACTER);
	entry.rdev = (uint64_t)5 << 32 | 300;
	fixture_add(&fixture, &entry, NULL, 0, 0);
	fixture_store(&fixture);

	snprintf(path, sizeof(path), "%s/x.tar", fixture.folder);
	if (to_tar(&fixture, path, &options, &result, &told) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	assert_int_equal(result.files, 4);
	assert_int_equal(result.folders, 1);
	assert_int_equal(result.others, 2);

	archive = read_tar(path);
	found = find(archive, "folder/file \xFF\xFE name");
	assert_int_equal(archive_entry_perm(found), 04640);
	assert_int_equal(archive_entry_uid(found), 3000000);
	assert_string_equal(archive_entry_uname(found), "somebody");
	assert_int_equal(archive_entry_mtime(found), 1700000000);
	assert_int_equal(archive_entry_mtime_nsec(found), 123456789);
	assert_int_equal(archive_entry_xattr_reset(found), 1);
	assert_int_equal(archive_entry_xattr_next(found, &name, &value, &size), ARCHIVE_OK);
	assert_string_equal(name, "user.name");
	assert_int_equal(size, 4);
	assert_memory_equal(value, "a\0b\n", 4);
	assert_true(archive_entry_acl_reset(found, ARCHIVE_ENTRY_ACL_TYPE_ACCESS) > 0);
	for (bool seen = false; !seen;) {
		assert_int_equal(
		    archive_entry_acl_next(found, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &type, &permset, &tag, &id, &name),
		    ARCHIVE_OK);
		seen = tag == ARCHIVE_ENTRY_ACL_USER && id == 77 && permset == 5;
	}
	assert_data(archive, bytes, sizeof(bytes));
	found = find(archive, "hole");
	assert_int_equal(archive_entry_size(found), 2 << 20);
	assert_true(archive_entry_sparse_count(found) >= 2);
	{
		uint8_t *whole = mem_calloc(2 << 20, 1);

		memcpy(whole + 4096, bytes, 1000);
		memcpy(whole + 4096 + 1000 + (1 << 20), bytes + 1000, 500);
		assert_data(archive, whole, 2 << 20);
		mem_free(whole);
	}
	found = find(archive, "link");
	assert_string_equal(archive_entry_symlink(found), "folder/\xFF");
	found = find(archive, "one");
	assert_data(archive, (const uint8_t *)"linked", 6);
	found = find(archive, "two");
	assert_string_equal(archive_entry_hardlink(found), "one");
	archive_read_free(archive);
	archive = read_tar(path);
	found = find(archive, "device");
	assert_int_equal(archive_entry_rdevmajor(found), 5);
	assert_int_equal(archive_entry_rdevminor(found), 300);
	archive_read_free(archive);
	buffer_free(&attributes);
	buffer_free(&segments);
	fixture_close(&fixture);
}

static void a_part_and_damage(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.subpath = "b"};
	struct restore_result result;
	struct told told;
	struct archive *archive;
	struct object_name packs[4];
	char path[128];

	(void)state;
	fixture_open(&fixture);
	fixture_folder(&fixture, "b");
	fixture_file(&fixture, "b/first", "one");
	fixture_store(&fixture);
	fixture_file(&fixture, "b/second", "two");
	fixture_file(&fixture, "c", "three");
	fixture_store(&fixture);
	snprintf(path, sizeof(path), "%s/x.tar", fixture.folder);
	assert_int_equal(to_tar(&fixture, path, &options, &result, &told), ERR_OK);
	assert_true(result.stream_ended);
	assert_int_equal(result.files, 2);
	archive = read_tar(path);
	(void)find(archive, "second");
	assert_data(archive, (const uint8_t *)"two", 3);
	archive_read_free(archive);

	assert_int_equal(fixture_packs(&fixture, PACK_DATA, packs, 4), 2);
	assert_true(memory_target_corrupt(fixture.repository.target, packs[0].text, 130, 1));
	assert_int_equal(to_tar(&fixture, path, &options, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.problems, 1);
	assert_true(result.stream_ended);
	assert_int_equal(result.files, 1);
	archive = read_tar(path);
	(void)find(archive, "second");
	archive_read_free(archive);
	fixture_close(&fixture);
}

static void a_full_disk_is_said(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;

	(void)state;
	fixture_open(&fixture);
	fixture_file(&fixture, "file", "one");
	fixture_store(&fixture);
	assert_int_equal(to_tar(&fixture, "/dev/full", &options, &result, &told), ERR_NOSPACE);
	assert_false(result.stream_ended);
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_that_a_tar_can_hold),
	    cmocka_unit_test(a_part_and_damage),
	    cmocka_unit_test(a_full_disk_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
