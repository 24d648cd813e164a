/* A snapshot as a tar stream, read back with libarchive. */
#include "core/base/mem.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/restoring.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct archive *read_tar(const char *path)
{
	struct archive *archive = archive_read_new();

	assert_int_equal(archive_read_support_format_tar(archive), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(archive, path, 65536), ARCHIVE_OK);
	return archive;
}

/* Stores what the fixture has, writes it as a tar, and opens that; all of it must go well. */
static struct archive *through_a_tar(struct restoring *at)
{
	const char *path = restoring_path(at, "x.tar");

	fixture_store(&at->fixture);
	if (restoring_tar(at, path) != ERR_OK)
		fail_msg("%s", failure_last()->text);
	return read_tar(path);
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

static void append_attribute(struct buffer *attributes, const char *name, const void *value, size_t size)
{
	buffer_append_varint(attributes, strlen(name));
	buffer_append(attributes, name, strlen(name));
	buffer_append_varint(attributes, size);
	buffer_append(attributes, value, size);
}

/* The ACL lets user 77 read and enter, and there is one other attribute. */
static void assert_attributes(struct archive_entry *found)
{
	const char *name;
	const void *value;
	size_t size;
	int type, permset, tag, id;

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
}

static void names_owners_and_attributes(void **state)
{
	struct restoring *at = *state;
	struct buffer attributes = {0};
	struct archive *archive;
	struct archive_entry *found;
	struct entry entry = fixture_entry_of("folder/file \xFF\xFE name", ENTRY_FILE);
	uint8_t bytes[6000];

	random_bytes(9, bytes, sizeof(bytes));
	entry.mode = 04640;  /* as the ACL says */
	entry.uid = 3000000; /* more than ustar can say */
	entry.user = (struct entry_bytes){(const uint8_t *)"somebody", 8};
	append_attribute(&attributes, "system.posix_acl_access", acl, sizeof(acl));
	append_attribute(&attributes, "user.name", "a\0b\n", 4);
	entry.xattrs = (struct entry_bytes){attributes.data, attributes.length};
	fixture_folder(&at->fixture, "folder");
	fixture_add(&at->fixture, &entry, bytes, sizeof(bytes), 1000);
	archive = through_a_tar(at);
	assert_int_equal(at->result.files, 1);
	assert_int_equal(at->result.folders, 1);
	found = find(archive, "folder/file \xFF\xFE name");
	assert_int_equal(archive_entry_perm(found), 04640);
	assert_int_equal(archive_entry_uid(found), 3000000);
	assert_string_equal(archive_entry_uname(found), "somebody");
	assert_int_equal(archive_entry_mtime(found), 1700000000);
	assert_int_equal(archive_entry_mtime_nsec(found), 123456789);
	assert_attributes(found);
	assert_data(archive, bytes, sizeof(bytes));
	archive_read_free(archive);
	buffer_free(&attributes);
}

static void holes_stay_holes(void **state)
{
	static const uint64_t segments[] = {4096, 1000, 1 << 20, 500}; /* hole, data, hole, data; then a hole */
	struct restoring *at = *state;
	struct buffer list = {0};
	struct archive *archive;
	struct archive_entry *found;
	struct entry entry = fixture_entry_of("hole", ENTRY_FILE);
	uint8_t bytes[1500], *whole = mem_calloc(2 << 20, 1);

	random_bytes(9, bytes, sizeof(bytes));
	buffer_append_varint(&list, 2);
	for (size_t i = 0; i < 4; i++)
		buffer_append_varint(&list, segments[i]);
	entry.sparse = true;
	entry.segments = (struct entry_bytes){list.data, list.length};
	entry.size = 2 << 20;
	fixture_add(&at->fixture, &entry, bytes, sizeof(bytes), 700);
	fixture_file(&at->fixture, "the next", "in its place");
	archive = through_a_tar(at);
	found = find(archive, "hole");
	assert_int_equal(archive_entry_size(found), 2 << 20);
	assert_true(archive_entry_sparse_count(found) >= 2);
	memcpy(whole + 4096, bytes, 1000);
	memcpy(whole + 4096 + 1000 + (1 << 20), bytes + 1000, 500);
	assert_data(archive, whole, 2 << 20);
	mem_free(whole);
	(void)find(archive, "the next");
	assert_data(archive, (const uint8_t *)"in its place", 12);
	archive_read_free(archive);
	buffer_free(&list);
}

static void links_and_devices(void **state)
{
	struct restoring *at = *state;
	struct archive *archive;
	struct archive_entry *found;
	struct entry entry;

	fixture_symlink(&at->fixture, "link", "folder/\xFF");
	for (int i = 0; i < 2; i++) {
		entry = fixture_entry_of(i ? "two" : "one", ENTRY_FILE);
		entry.inode = 5;
		entry.links = 2;
		fixture_add(&at->fixture, &entry, "linked", 6, 100);
	}
	entry = fixture_entry_of("device", ENTRY_CHARACTER);
	entry.rdev = (uint64_t)5 << 32 | 300;
	fixture_add(&at->fixture, &entry, NULL, 0, 0);
	archive = through_a_tar(at);
	assert_int_equal(at->result.files, 2);
	assert_int_equal(at->result.others, 2);
	found = find(archive, "device");
	assert_int_equal(archive_entry_rdevmajor(found), 5);
	assert_int_equal(archive_entry_rdevminor(found), 300);
	assert_string_equal(archive_entry_symlink(find(archive, "link")), "folder/\xFF");
	(void)find(archive, "one");
	assert_data(archive, (const uint8_t *)"linked", 6);
	assert_string_equal(archive_entry_hardlink(find(archive, "two")), "one");
	archive_read_free(archive);
}

static void a_part_and_damage(void **state)
{
	struct restoring *at = *state;
	struct archive *archive;
	struct object_name packs[4];
	const char *path = restoring_path(at, "x.tar");

	at->options.subpath = "b";
	fixture_folder(&at->fixture, "b");
	fixture_file(&at->fixture, "b/first", "one");
	fixture_store(&at->fixture);
	fixture_file(&at->fixture, "b/second", "two");
	fixture_file(&at->fixture, "c", "three");
	fixture_store(&at->fixture);
	assert_int_equal(restoring_tar(at, path), ERR_OK);
	assert_true(at->result.stream_ended);
	assert_int_equal(at->result.files, 2);
	archive = read_tar(path);
	(void)find(archive, "second");
	assert_data(archive, (const uint8_t *)"two", 3);
	archive_read_free(archive);

	assert_int_equal(fixture_packs(&at->fixture, PACK_DATA, packs, 4), 2);
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[0].text, 130, 1));
	assert_int_equal(restoring_tar(at, path), ERR_CORRUPT);
	assert_int_equal(at->problems, 1);
	assert_true(at->result.stream_ended);
	assert_int_equal(at->result.files, 1);
	archive = read_tar(path);
	(void)find(archive, "second");
	archive_read_free(archive);
}

static void a_full_disk_is_said(void **state)
{
	struct restoring *at = *state;

	fixture_file(&at->fixture, "file", "one");
	fixture_store(&at->fixture);
	assert_int_equal(restoring_tar(at, "/dev/full"), ERR_NOSPACE);
	assert_false(at->result.stream_ended);
}

#define test(name) cmocka_unit_test_setup_teardown(name, restoring_up, restoring_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(names_owners_and_attributes),
	    test(holes_stay_holes),
	    test(links_and_devices),
	    test(a_part_and_damage),
	    test(a_full_disk_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
