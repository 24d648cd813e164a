/* Restoring into a folder. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "restore/restore.h"
#include "targets/memory.h"
#include "tests/unit/entries.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/repo_fixture.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

struct told {
	size_t problems, metadata;
	enum message last;
	char path[256];
};

static void on_problem(void *context, const struct restore_problem *problem)
{
	struct told *told = context;

	if (problem->metadata_only)
		told->metadata++;
	else
		told->problems++;
	told->last = problem->failure->id;
	snprintf(told->path, sizeof(told->path), "%.*s", (int)problem->path.size, (const char *)problem->path.data);
}

/* A destination that does not exist yet, below the fixture's folder. */
static const char *destination(const struct fixture *fixture)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/out", fixture->folder);
	return path;
}

static const char *inside(const struct fixture *fixture, const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/out/%s", fixture->folder, name);
	return path[next];
}

static enum err restore(
    struct fixture *fixture, struct restore_options *options, struct restore_result *result, struct told *told)
{
	*told = (struct told){0};
	options->destination = destination(fixture);
	options->on_problem = on_problem;
	options->context = told;
	return restore_run(&fixture->repository, &fixture->snapshot, options, result);
}

static void assert_text(const char *path, const char *text)
{
	struct buffer bytes = {0};

	if (file_read_all(path, 1 << 20, &bytes) != ERR_OK)
		fail_msg("cannot read %s", path);
	assert_int_equal(bytes.length, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.length);
	buffer_free(&bytes);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600), ERR_OK);
}

static bool exists(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0;
}

/* ---- everything at random ---- */

static struct entry_bytes attributes(struct buffer *out, uint64_t *seed)
{
	uint64_t count = random_below(seed, 3);

	buffer_clear(out);
	for (uint64_t i = 0; i < count; i++) {
		uint8_t value[40];
		size_t size = random_below(seed, sizeof(value)) + 1;

		random_bytes(random_next(seed), value, size);
		buffer_append_varint(out, 6);
		buffer_append_text(out, "user.%c", (char)('a' + (int)i));
		buffer_append_varint(out, size);
		buffer_append(out, value, size);
	}
	return (struct entry_bytes){out->data, out->length};
}

static void random_metadata(struct entry *entry, uint64_t *seed)
{
	static const uint16_t modes[] = {0644, 0600, 0755, 0444, 04755, 02711, 01777, 0000, 06711};

	entry->mode = modes[random_below(seed, sizeof(modes) / sizeof(modes[0]))];
	entry->mtime = (int64_t)random_below(seed, UINT64_C(4000000000) * 1000000000);
	if (random_below(seed, 8) == 0)
		entry->mtime = -entry->mtime / 2;
	if (geteuid() == 0 && random_below(seed, 2)) {
		entry->uid = (uint32_t)random_below(seed, 70000);
		entry->gid = (uint32_t)random_below(seed, 70000);
	}
}

static void add_random_file(struct fixture *fixture, struct entry *entry, uint64_t *seed)
{
	size_t size = random_below(seed, 5) == 0 ? 0 : random_below(seed, random_below(seed, 10) == 0 ? 3000000 : 5000);
	size_t chunk = random_below(seed, 3) == 0 ? 997 : 65536;
	uint8_t *bytes;

	if (size > 100000)
		chunk = 65536;
	bytes = mem_alloc(size);
	random_bytes(random_next(seed), bytes, size);
	if (random_below(seed, 6) == 0 && size > 10) {
		struct buffer segments = {0};

		buffer_append_varint(&segments, 2);
		buffer_append_varint(&segments, random_below(seed, 2) * 8192);
		buffer_append_varint(&segments, size / 2);
		buffer_append_varint(&segments, 1 << 20);
		buffer_append_varint(&segments, size - size / 2);
		entry->sparse = true;
		entry->size = 8192 + (2 << 20) + size + random_below(seed, 100000);
		entry->segments = (struct entry_bytes){segments.data, segments.length};
		fixture_add(fixture, entry, bytes, size, chunk);
		buffer_free(&segments);
	} else {
		fixture_add(fixture, entry, bytes, size, chunk);
	}
	mem_free(bytes);
}

/* Folders of up to three levels, in them everything there is. */
static void fill(struct fixture *fixture, uint64_t seed, size_t count)
{
	struct buffer list = {0};
	char folders[12][64] = {""};
	size_t folders_count = 1;

	for (size_t i = 0; i < count; i++) {
		const char *parent = folders[random_below(&seed, folders_count)];
		char path[128];
		uint64_t kind = random_below(&seed, 20);
		struct entry entry;

		snprintf(path, sizeof(path), "%s%s%c\xC3\xA9 %zu.", parent, *parent ? "/" : "",
		    (char)('a' + (int)random_below(&seed, 26)), i);
		if (kind < 3 && folders_count < 12 && strlen(path) < 60) {
			snprintf(folders[folders_count++], 64, "%.60s", path);
			entry = fixture_entry_of(path, ENTRY_FOLDER);
		} else {
			entry = fixture_entry_of(path,
			    kind == 4			      ? ENTRY_SYMLINK
				: kind == 5		      ? ENTRY_FIFO
				: kind == 6 && geteuid() == 0 ? ENTRY_CHARACTER
				: kind == 7		      ? ENTRY_SOCKET
							      : ENTRY_FILE);
		}
		random_metadata(&entry, &seed);
		if (entry.type == ENTRY_FOLDER)
			entry.mode |= 0700;
		if (entry.type == ENTRY_SYMLINK)
			entry.target = bytes_of("../nowhere \x01\xFF");
		if (entry.type == ENTRY_CHARACTER)
			entry.rdev = (uint64_t)5 << 32 | 300;
		if (entry.type == ENTRY_FILE || entry.type == ENTRY_FOLDER)
			entry.xattrs = attributes(&list, &seed);
		if (entry.type == ENTRY_FILE && random_below(&seed, 10) == 0)
			entry.flags = FS_NODUMP_FL;
		if (entry.type == ENTRY_FILE)
			add_random_file(fixture, &entry, &seed);
		else
			fixture_add(fixture, &entry, NULL, 0, 0);
	}
	buffer_free(&list);
}

static void restores_whatever_there_is(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct fixture fixture;
		struct restore_options options = {.verify = seed % 2 == 0, .threads = (unsigned)(seed % 3) + 1};
		struct restore_result result;
		struct told told;

		fixture_open(&fixture);
		fill(&fixture, seed, 300);
		fixture_store(&fixture);
		if (restore(&fixture, &options, &result, &told) != ERR_OK)
			fail_msg("seed %llu: %s", (unsigned long long)seed, failure_last()->text);
		assert_int_equal(told.problems + told.metadata, 0);
		assert_int_equal(result.files + result.folders + result.others, 300);
		if (options.verify)
			assert_int_equal(result.verified_files, result.files);
		fixture_assert_restored(&fixture, destination(&fixture));
		fixture_close(&fixture);
	}
}

static void restores_large_files_in_parts(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 3, .verify = true};
	struct restore_result result;
	struct told told;
	struct entry entry = fixture_entry_of("large", ENTRY_FILE);
	size_t size = (20u << 20) + 12345;
	uint8_t *bytes = mem_alloc(size);
	struct buffer segments = {0};

	(void)state;
	fixture_open(&fixture);
	random_bytes(7, bytes, size);
	entry.mode = 04711;
	fixture_add(&fixture, &entry, bytes, size, 300000);
	entry = fixture_entry_of("sparse", ENTRY_FILE);
	buffer_append_varint(&segments, 3);
	for (int i = 0; i < 3; i++) {
		buffer_append_varint(&segments, 1 << 20);
		buffer_append_varint(&segments, size / 3);
	}
	entry.sparse = true;
	entry.segments = (struct entry_bytes){segments.data, segments.length};
	entry.size = (4 << 20) + size / 3 * 3;
	fixture_add(&fixture, &entry, bytes, size / 3 * 3, 300000);
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.bytes, size + size / 3 * 3);
	fixture_assert_restored(&fixture, destination(&fixture));
	buffer_free(&segments);
	mem_free(bytes);
	fixture_close(&fixture);
}

/* ---- links ---- */

static void links_what_was_linked(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 2};
	struct restore_result result;
	struct told told;
	struct entry entry;

	(void)state;
	fixture_open(&fixture);
	fixture_folder(&fixture, "b");
	fixture_folder(&fixture, "d");
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"a", "b/c", "d/e"};

		entry = fixture_entry_of(paths[i], ENTRY_FILE);
		entry.device = 1;
		entry.inode = 77;
		entry.links = 3;
		entry.flags = geteuid() == 0 ? FS_NODUMP_FL : 0;
		fixture_add(&fixture, &entry, "linked", 6, 100);
	}
	/* the same inode with another content is another file */
	entry = fixture_entry_of("f", ENTRY_FILE);
	entry.device = 1;
	entry.inode = 78;
	entry.links = 2;
	fixture_add(&fixture, &entry, "one", 3, 100);
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.files, 4);
	fixture_assert_restored(&fixture, destination(&fixture));
	fixture_close(&fixture);
}

static const char *const names_of_one[] = {"a", "b/c", "d/e", "f", "g/h"};
#define NAMES_OF_ONE (sizeof(names_of_one) / sizeof(names_of_one[0]))

static void one_file_of_five_names(struct fixture *fixture, const void *bytes, size_t size)
{
	fixture_open(fixture);
	fixture_folder(fixture, "b");
	fixture_folder(fixture, "d");
	fixture_folder(fixture, "g");
	for (size_t i = 0; i < NAMES_OF_ONE; i++) {
		struct entry entry = fixture_entry_of(names_of_one[i], ENTRY_FILE);

		entry.device = 1;
		entry.inode = 77;
		entry.links = NAMES_OF_ONE;
		fixture_add(fixture, &entry, bytes, size, 300000);
	}
	fixture_store(fixture);
}

static struct stat stat_inside(const struct fixture *fixture, const char *name)
{
	struct stat stat;

	assert_int_equal(lstat(inside(fixture, name), &stat), 0);
	return stat;
}

/* What is there stays as it is and is linked to nothing; what is missing is one file again. `size`: one that fits a batch, or one that is
 * written in parts. */
static void links_among_what_is_missing(size_t size, unsigned threads)
{
	uint8_t *bytes = mem_alloc(size);

	random_bytes(5, bytes, size);
	for (unsigned there = 0; there<1u << NAMES_OF_ONE; there += size> 1000 ? 7 : 1) {
		struct restore_options options = {.overwrite = RESTORE_NEVER, .threads = threads, .verify = true};
		struct fixture fixture;
		struct restore_result result;
		struct told told;
		ino_t group = 0;

		one_file_of_five_names(&fixture, bytes, size);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(
			    file_make_folders(inside(&fixture, (const char *const[]){"b", "d", "g"}[i]), 0700), ERR_OK);
		for (size_t i = 0; i < NAMES_OF_ONE; i++)
			if (there >> i & 1)
				write_text(inside(&fixture, names_of_one[i]), "mine");
		assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
		assert_int_equal(result.files + result.skipped, NAMES_OF_ONE);
		for (size_t i = 0; i < NAMES_OF_ONE; i++) {
			struct stat now = stat_inside(&fixture, names_of_one[i]);

			if (there >> i & 1) {
				assert_int_equal(now.st_nlink, 1);
				assert_text(inside(&fixture, names_of_one[i]), "mine");
			} else {
				assert_true(!group || group == now.st_ino);
				group = now.st_ino;
				assert_int_equal(now.st_nlink, result.files);
				assert_int_equal(now.st_size, size);
			}
		}
		fixture_close(&fixture);
	}
	mem_free(bytes);
}

static void links_what_is_missing_to_nothing_that_is_there(void **state)
{
	(void)state;
	links_among_what_is_missing(6, 1);
	links_among_what_is_missing(6, 3);
	links_among_what_is_missing((8u << 20) + 1, 3);
}

/* The first name is taken by a folder that must not go. */
static void links_to_the_next_where_the_first_fails(void **state)
{
	struct restore_options options = {.threads = 3};
	struct fixture fixture;
	struct restore_result result;
	struct told told;

	(void)state;
	one_file_of_five_names(&fixture, "linked", 6);
	assert_int_equal(file_make_folders(inside(&fixture, "a/precious"), 0700), ERR_OK);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_FAILED);
	assert_int_equal(told.problems, 1);
	assert_string_equal(told.path, "a");
	for (size_t i = 1; i < NAMES_OF_ONE; i++)
		assert_int_equal(stat_inside(&fixture, names_of_one[i]).st_nlink, NAMES_OF_ONE - 1);
	assert_text(inside(&fixture, "g/h"), "linked");
	fixture_close(&fixture);
}

static void keeps_different_contents_of_one_inode_apart(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct entry entry;

	(void)state;
	fixture_open(&fixture);
	for (int i = 0; i < 2; i++) {
		entry = fixture_entry_of(i ? "b" : "a", ENTRY_FILE);
		entry.inode = 5;
		entry.links = 2;
		fixture_add(&fixture, &entry, i ? "two" : "one", 3, 100);
	}
	fixture_store(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_text(inside(&fixture, "a"), "one");
	assert_text(inside(&fixture, "b"), "two");
	fixture_close(&fixture);
}

/* ---- what is there already ---- */

static void small_tree(struct fixture *fixture)
{
	fixture_open(fixture);
	fixture_folder(fixture, "folder");
	fixture_file(fixture, "folder/file", "content");
	fixture_file(fixture, "folder/other", "another");
	fixture_symlink(fixture, "folder/link", "file");
	fixture_store(fixture);
}

static void replaces_what_is_there(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(file_make_folders(inside(&fixture, "folder"), 0700), ERR_OK);
	write_text(inside(&fixture, "folder/file"), "an old one that is longer");
	write_text(inside(&fixture, "folder/link"), "no link");
	assert_int_equal(setxattr(inside(&fixture, "folder"), "user.old", "1", 1, 0), 0);
	write_text(inside(&fixture, "stranger"), "stays");
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_text(inside(&fixture, "stranger"), "stays");
	assert_int_equal(unlink(inside(&fixture, "stranger")), 0);
	fixture_assert_restored(&fixture, destination(&fixture));
	/* once more, over itself */
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.skipped, 0);
	fixture_assert_restored(&fixture, destination(&fixture));
	fixture_close(&fixture);
}

static void leaves_unchanged_files_alone(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.overwrite = RESTORE_CHANGED};
	struct restore_result result;
	struct told told;
	struct stat before, after;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(stat(inside(&fixture, "folder/file"), &before), 0);
	write_text(inside(&fixture, "folder/other"), "changed");
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.skipped, 1);
	assert_int_equal(stat(inside(&fixture, "folder/file"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	fixture_assert_restored(&fixture, destination(&fixture));
	fixture_close(&fixture);
}

static void never_overwrites_when_told_so(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.overwrite = RESTORE_NEVER, .verify = true};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(file_make_folders(inside(&fixture, "folder"), 0700), ERR_OK);
	write_text(inside(&fixture, "folder/file"), "mine");
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.skipped, 1);
	assert_text(inside(&fixture, "folder/file"), "mine");
	assert_text(inside(&fixture, "folder/other"), "another");
	fixture_close(&fixture);
}

static void deletes_only_what_the_snapshot_lacks(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.delete_others = true};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(file_make_folders(inside(&fixture, "folder/strange/deep"), 0700), ERR_OK);
	write_text(inside(&fixture, "folder/strange/deep/file"), "x");
	write_text(inside(&fixture, "at the top"), "x");
	assert_int_equal(symlink("/etc", inside(&fixture, "folder/away")), 0);
	options.dry_run = true;
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.deleted, 3);
	assert_true(exists(inside(&fixture, "folder/strange/deep/file")));
	assert_false(exists(inside(&fixture, "folder/file")));
	options.dry_run = false;
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.deleted, 3);
	fixture_assert_restored(&fixture, destination(&fixture));
	assert_true(exists("/etc/passwd"));
	fixture_close(&fixture);
}

static void refuses_to_empty_a_folder_for_a_file(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(file_make_folders(inside(&fixture, "folder/file"), 0700), ERR_OK);
	write_text(inside(&fixture, "folder/file/precious"), "x");
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_FAILED);
	assert_int_equal(told.problems, 1);
	assert_int_equal(told.last, PL_RESTORE_IN_THE_WAY);
	assert_string_equal(told.path, "folder/file");
	assert_text(inside(&fixture, "folder/file/precious"), "x");
	assert_text(inside(&fixture, "folder/other"), "another");
	fixture_close(&fixture);
}

/* ---- selections ---- */

static void restores_a_part(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.subpath = "/folder/"};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_text(inside(&fixture, "file"), "content");
	options.subpath = "folder/other";
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_text(inside(&fixture, "other"), "another");
	assert_int_equal(result.files, 1);
	options.subpath = "nothing";
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_MISSING);
	assert_int_equal(failure_last()->id, PL_RESTORE_PATH);
	options.subpath = "folder/../..";
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_MISSING);
	fixture_close(&fixture);
}

static void includes_and_excludes(void **state)
{
	struct fixture fixture;
	struct exclude *patterns = NULL;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(exclude_new(&patterns), ERR_OK);
	assert_int_equal(exclude_add(patterns, "fi*e", "", "--include", false), ERR_OK);
	options.include = patterns;
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.files, 1);
	assert_text(inside(&fixture, "folder/file"), "content");
	assert_false(exists(inside(&fixture, "folder/other")));
	options.include = NULL;
	options.exclude = patterns;
	assert_int_equal(unlink(inside(&fixture, "folder/file")), 0);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_false(exists(inside(&fixture, "folder/file")));
	assert_text(inside(&fixture, "folder/other"), "another");
	exclude_free(patterns);
	fixture_close(&fixture);
}

static void a_dry_run_touches_nothing(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.dry_run = true, .verify = true};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	assert_int_equal(result.files, 2);
	assert_int_equal(result.folders, 1);
	assert_int_equal(result.others, 1);
	assert_int_equal(result.bytes, 14);
	assert_false(exists(destination(&fixture)));
	fixture_close(&fixture);
}

/* ---- damage ---- */

static void damage_names_the_file_and_leaves_no_half(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;
	struct object_name packs[4];
	struct entry entry = fixture_entry_of("broken", ENTRY_FILE);
	uint8_t bytes[4000];
	size_t count;

	(void)state;
	fixture_open(&fixture);
	random_bytes(3, bytes, sizeof(bytes));
	fixture_add(&fixture, &entry, bytes, sizeof(bytes), 4000);
	fixture_store(&fixture);
	count = fixture_packs(&fixture, PACK_DATA, packs, 4);
	assert_int_equal(count, 1);
	fixture_file(&fixture, "whole", "this one is in another pack");
	fixture_store(&fixture);
	assert_true(memory_target_corrupt(fixture.repository.target, packs[0].text, 300, 0x10));
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.problems, 1);
	assert_string_equal(told.path, "broken");
	assert_int_equal(failure_last()->id, PL_RESTORE_DAMAGED);
	assert_false(exists(inside(&fixture, "broken")));
	assert_text(inside(&fixture, "whole"), "this one is in another pack");
	/* what stood there before stays */
	write_text(inside(&fixture, "broken"), "old");
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_CORRUPT);
	assert_text(inside(&fixture, "broken"), "old");
	fixture_close(&fixture);
}

static void a_large_damaged_file_is_removed(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 2};
	struct restore_result result;
	struct told told;
	struct object_name packs[4];
	struct entry entry = fixture_entry_of("large", ENTRY_FILE);
	size_t size = 12u << 20; /* fits one pack, and is written by several threads */
	uint8_t *bytes = mem_alloc(size);

	(void)state;
	fixture_open(&fixture);
	random_bytes(3, bytes, size);
	fixture_add(&fixture, &entry, bytes, size, 1 << 20);
	fixture_store(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_DATA, packs, 4), 1);
	assert_true(memory_target_corrupt(fixture.repository.target, packs[0].text, 9 << 20, 1));
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.problems, 1);
	assert_false(exists(inside(&fixture, "large")));
	mem_free(bytes);
	fixture_close(&fixture);
}

static void a_damaged_list_of_files_costs_only_its_part(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.delete_others = true};
	struct restore_result result;
	struct told told;
	struct object_name packs[4];

	(void)state;
	fixture_open(&fixture);
	for (int i = 0; i < 3000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "file%05d", i);
		fixture_file(&fixture, path, path);
	}
	fixture_store(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_METADATA, packs, 4), 1);
	/* Later changes put the nodes of the end and the root into a second pack; the damage is in the first. */
	fixture_file(&fixture, "zzz", "new");
	fixture_store(&fixture);
	assert_int_equal(file_make_folders(destination(&fixture), 0700), ERR_OK);
	write_text(inside(&fixture, "stranger"), "x");
	assert_true(memory_target_corrupt(fixture.repository.target, packs[0].text, 200, 1));
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_CORRUPT);
	assert_text(inside(&fixture, "zzz"), "new");
	/* nobody knows what the lost part had */
	assert_text(inside(&fixture, "stranger"), "x");
	assert_int_equal(result.deleted, 0);
	fixture_close(&fixture);
}

static void an_interrupt_stops_it(void **state)
{
	struct fixture fixture;
	struct restore_options options = {0};
	struct restore_result result;
	struct told told;

	(void)state;
	small_tree(&fixture);
	interrupt_set(true);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_INTERRUPTED);
	interrupt_set(false);
	assert_int_equal(restore(&fixture, &options, &result, &told), ERR_OK);
	fixture_assert_restored(&fixture, destination(&fixture));
	fixture_close(&fixture);
}

/* Every allocation fails once: an error, no crash, and nothing under its final name that is not whole. */
static void survives_without_memory(void **state)
{
	struct fixture fixture;
	struct restore_options options = {.threads = 1};
	struct restore_result result;
	struct told told;
	enum err err;

	(void)state;
	small_tree(&fixture);
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		err = restore(&fixture, &options, &result, &told);
		mem_fail_at(0);
		file_remove_tree(destination(&fixture));
		if (err == ERR_OK)
			break;
		if (err != ERR_NOMEM && err != ERR_CORRUPT && err != ERR_FAILED && err != ERR_PARTIAL && err != ERR_IO)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
	fixture_close(&fixture);
}

/* The same where the first name of a file is taken, and the next becomes the first. */
static void links_survive_without_memory(void **state)
{
	struct restore_options options = {.overwrite = RESTORE_NEVER, .threads = 1};
	struct fixture fixture;
	struct restore_result result;
	struct told told;
	enum err err = ERR_NOMEM;

	(void)state;
	one_file_of_five_names(&fixture, "linked", 6);
	for (unsigned long n = 1; err != ERR_OK; n++) {
		assert_int_equal(file_make_folders(destination(&fixture), 0700), ERR_OK);
		write_text(inside(&fixture, "a"), "mine");
		mem_fail_at(n);
		err = restore(&fixture, &options, &result, &told);
		mem_fail_at(0);
		assert_text(inside(&fixture, "a"), "mine");
		if (err == ERR_OK)
			assert_int_equal(stat_inside(&fixture, "g/h").st_nlink, NAMES_OF_ONE - 1);
		file_remove_tree(destination(&fixture));
		if (err != ERR_OK && err != ERR_NOMEM && err != ERR_CORRUPT && err != ERR_FAILED && err != ERR_IO)
			fail_msg("allocation %lu: %s", n, failure_last()->text);
	}
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(restores_whatever_there_is),
	    cmocka_unit_test(restores_large_files_in_parts),
	    cmocka_unit_test(links_what_was_linked),
	    cmocka_unit_test(links_what_is_missing_to_nothing_that_is_there),
	    cmocka_unit_test(links_to_the_next_where_the_first_fails),
	    cmocka_unit_test(keeps_different_contents_of_one_inode_apart),
	    cmocka_unit_test(replaces_what_is_there),
	    cmocka_unit_test(leaves_unchanged_files_alone),
	    cmocka_unit_test(never_overwrites_when_told_so),
	    cmocka_unit_test(deletes_only_what_the_snapshot_lacks),
	    cmocka_unit_test(refuses_to_empty_a_folder_for_a_file),
	    cmocka_unit_test(restores_a_part),
	    cmocka_unit_test(includes_and_excludes),
	    cmocka_unit_test(a_dry_run_touches_nothing),
	    cmocka_unit_test(damage_names_the_file_and_leaves_no_half),
	    cmocka_unit_test(a_large_damaged_file_is_removed),
	    cmocka_unit_test(a_damaged_list_of_files_costs_only_its_part),
	    cmocka_unit_test(an_interrupt_stops_it),
	    cmocka_unit_test(survives_without_memory),
	    cmocka_unit_test(links_survive_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
