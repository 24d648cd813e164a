/* Verification finds exactly the damage that was done, and says what it touches. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "restore/verify.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"
#include "tests/unit/repo_fixture.h"

#include <glob.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct told {
	size_t count;
	char object[8][OBJECT_NAME_MAX];
	enum message id[8];
	char touches[8][512];
};

static void on_finding(void *context, const struct verify_finding *finding)
{
	struct told *told = context;

	if (told->count < 8) {
		snprintf(told->object[told->count], OBJECT_NAME_MAX, "%s", finding->object);
		told->id[told->count] = finding->failure->id;
		snprintf(told->touches[told->count], 512, "%s", finding->touches);
	}
	told->count++;
}

static enum err verify(
    struct fixture *fixture, enum verify_tier tier, uint64_t budget, struct verify_result *result, struct told *told)
{
	struct verify_options options = {
	    .tier = tier, .budget = budget, .threads = 2, .on_finding = on_finding, .context = told};

	*told = (struct told){0};
	return verify_run(&fixture->repository, &options, result);
}

/* Three data packs, each with its metadata pack and snapshot; the later snapshots have all files of the earlier ones. */
static void three_snapshots(struct fixture *fixture)
{
	uint8_t bytes[5000];

	fixture_open(fixture);
	for (unsigned i = 0; i < 3; i++) {
		char path[32];
		struct entry entry;

		snprintf(path, sizeof(path), "file %u", i);
		entry = fixture_entry_of(path, ENTRY_FILE);
		random_bytes(i, bytes, sizeof(bytes));
		fixture_add(fixture, &entry, bytes, sizeof(bytes), 5000);
		fixture_store(fixture);
	}
}

static void add_index(struct fixture *fixture, const struct index_pack *pack)
{
	const struct keys *keys = fixture->repository.keys;
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(index_object_encode(keys, pack, 1, &bytes, id), ERR_OK);
	assert_int_equal(
	    target_put(fixture->repository.target, object_index(keys->domain.tag, id).text, bytes.data, bytes.length),
	    ERR_OK);
	buffer_free(&bytes);
}

/* A backup key can publish an index object that places a pack's chunks elsewhere: every tier names it, whichever of the two is read first.
 * Another one that says the same is no finding. */
static void index_objects_must_agree(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct object_name name;
	struct index_pack pack = {0};
	struct pack_key key;
	int64_t changed;

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_DATA, &name, 1), 1);
	assert_true(object_id_of(name.text, pack.id));
	assert_int_equal(target_stat(fixture.repository.target, name.text, &pack.size, &changed), ERR_OK);
	assert_int_equal(
	    pack_read_directory(fixture.repository.target, fixture.repository.keys, pack.id, &key, &pack.directory),
	    ERR_OK);
	add_index(&fixture, &pack);
	assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
	pack.directory.chunks[0].key[3] ^= 1;
	add_index(&fixture, &pack);
	pack.directory.chunks[0].key[3] ^= 1;
	add_index(&fixture, &pack);
	for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(&fixture, (enum verify_tier)tier, 0, &result, &told), ERR_CORRUPT);
		assert_true(told.count >= 1);
		assert_int_equal(told.id[0], PL_VERIFY_PACK_INDEX);
		assert_memory_equal(told.object[0], "index/", 6);
	}
	directory_free(&pack.directory);
	fixture_close(&fixture);
}

static void a_sound_repository_is_clean(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;

	(void)state;
	three_snapshots(&fixture);
	for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(&fixture, (enum verify_tier)tier, 0, &result, &told), ERR_OK);
		assert_int_equal(told.count, 0);
		assert_int_equal(result.snapshots, 3);
		assert_int_equal(result.packs, 6);
		assert_int_equal(result.packs_read, tier == VERIFY_STRUCTURE ? 0 : 6);
		assert_int_equal(result.chunks, 6);
		assert_int_equal(result.entries, 6);
		assert_int_equal(result.oldest_unread != 0, tier != VERIFY_STRUCTURE);
	}
	fixture_close(&fixture);
}

static void a_flipped_bit_is_found(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct object_name packs[4];

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_DATA, packs, 4), 3);
	assert_true(memory_target_corrupt(fixture.repository.target, packs[1].text, 1000, 4));
	/* sizes and signatures are right: the structure is not damaged */
	assert_int_equal(verify(&fixture, VERIFY_STRUCTURE, 0, &result, &told), ERR_OK);
	for (int tier = VERIFY_STORED; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(&fixture, (enum verify_tier)tier, 0, &result, &told), ERR_CORRUPT);
		assert_int_equal(told.count, 1);
		assert_int_equal(result.findings, 1);
		assert_string_equal(told.object[0], packs[1].text);
		assert_string_equal(told.touches[0], "2 snapshots, 1 file: file 1");
		assert_int_equal(result.packs_read, 6);
	}
	fixture_close(&fixture);
}

static void missing_and_cut_packs_are_found(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct object_name packs[4];

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_DATA, packs, 4), 3);
	assert_true(memory_target_delete(fixture.repository.target, packs[0].text));
	assert_true(memory_target_resize(fixture.repository.target, packs[2].text, 100));
	assert_int_equal(verify(&fixture, VERIFY_STRUCTURE, 0, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first = strcmp(told.object[i], packs[0].text) == 0;

		assert_string_equal(told.object[i], packs[first ? 0 : 2].text);
		assert_int_equal(told.id[i], first ? PL_PACK_MISSING : PL_VERIFY_PACK_SIZE);
		assert_string_equal(
		    told.touches[i], first ? "3 snapshots, 1 file: file 0" : "1 snapshot, 1 file: file 2");
	}
	assert_string_not_equal(told.object[0], told.object[1]);
	fixture_close(&fixture);
}

/* A server may claim a terabyte, which costs it nothing: what can be no pack is named, and not read. */
static void a_pack_of_any_length_is_not_read(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	uint8_t id[OBJECT_ID_SIZE] = {7};
	struct object_name huge = object_pack(id);

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(target_put(fixture.repository.target, huge.text, "x", 1), ERR_OK);
	assert_true(memory_target_resize(fixture.repository.target, huge.text, PACK_MAX + 1));
	for (int tier = VERIFY_STORED; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(&fixture, (enum verify_tier)tier, 0, &result, &told), ERR_CORRUPT);
		assert_int_equal(told.count, 1);
		assert_string_equal(told.object[0], huge.text);
		assert_int_equal(told.id[0], PL_OBJECT_SIZE);
		assert_true(result.bytes_read < PACK_MAX);
	}
	fixture_close(&fixture);
}

/* A backup stops at a generation that it cannot read, so verify must name it; and records are what an office is judged by. */
static void generations_and_records_are_checked(void **state)
{
	const char *const names[] = {"gc/00000000000000ff", "records/20261122t010000-web-00ff"};
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	uint8_t bytes[300];

	(void)state;
	three_snapshots(&fixture);
	random_bytes(5, bytes, sizeof(bytes));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(target_put(fixture.repository.target, names[i], bytes, sizeof(bytes)), ERR_OK);
		assert_int_equal(verify(&fixture, VERIFY_STRUCTURE, 0, &result, &told), ERR_CORRUPT);
		assert_int_equal(told.count, 1);
		assert_string_equal(told.object[0], names[i]);
		assert_int_equal(target_remove(fixture.repository.target, names[i]), ERR_OK);
	}
	fixture_close(&fixture);
}

/* What a lost pack held was stored again in another: it is found, and touches nothing. */
static void a_lost_copy_touches_nothing(void **state)
{
	(void)state;
	for (int type = PACK_DATA; type <= PACK_METADATA; type++) {
		struct fixture fixture;
		struct verify_result result;
		struct told told;
		struct object_name packs[4];

		three_snapshots(&fixture);
		assert_int_equal(fixture_packs(&fixture, (uint8_t)type, packs, 4), 3);
		fixture_forget_packs(&fixture);
		fixture_store(&fixture); /* every chunk once more; its snapshot is the same as the third */
		assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
		assert_true(memory_target_delete(fixture.repository.target, packs[2].text));
		for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
			assert_int_equal(verify(&fixture, (enum verify_tier)tier, 0, &result, &told), ERR_CORRUPT);
			assert_int_equal(told.count, 1);
			assert_string_equal(told.object[0], packs[2].text);
			assert_int_equal(told.id[0], PL_PACK_MISSING);
			assert_string_equal(told.touches[0], "no snapshot");
		}
		fixture_close(&fixture);
	}
}

static void a_damaged_list_of_files_is_found(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct object_name packs[4];

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(fixture_packs(&fixture, PACK_METADATA, packs, 4), 3);
	assert_true(memory_target_corrupt(fixture.repository.target, packs[1].text, 200, 1));
	assert_int_equal(verify(&fixture, VERIFY_STRUCTURE, 0, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.object[0], packs[1].text);
	assert_int_equal(told.id[0], PL_VERIFY_SNAPSHOT_TREE);
	assert_string_equal(told.touches[0], "1 snapshot, 0 files");
	assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_CORRUPT);
	assert_int_equal(told.count, 1);
	fixture_close(&fixture);
}

struct names {
	struct object_name items[16];
	size_t count;
};

static enum err gather(void *context, const struct target_object *object)
{
	struct names *names = context;

	snprintf(names->items[names->count++].text, OBJECT_NAME_MAX, "%s", object->name);
	return ERR_OK;
}

static void damage_to_small_objects_is_found(void **state)
{
	static const char *const folders[] = {"index", "snapshots"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture;
		struct verify_result result;
		struct told told;
		struct names names = {0};

		three_snapshots(&fixture);
		assert_int_equal(target_list(fixture.repository.target, folders[i], gather, &names), ERR_OK);
		assert_int_equal(names.count, 3);
		assert_true(memory_target_corrupt(fixture.repository.target, names.items[1].text, 150, 1));
		assert_int_equal(verify(&fixture, VERIFY_STRUCTURE, 0, &result, &told), ERR_CORRUPT);
		assert_true(told.count >= 1);
		assert_string_equal(told.object[0], names.items[1].text);
		fixture_close(&fixture);
	}
}

static void chunks_that_no_index_knows_are_found(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct names names = {0};
	struct object_name snapshot;

	(void)state;
	three_snapshots(&fixture);
	/* Every index object of the fixture has all packs so far: the newest goes, and with it what only it has. */
	snapshot = object_snapshot(fixture.snapshot.id);
	assert_int_equal(target_list(fixture.repository.target, "index", gather, &names), ERR_OK);
	for (size_t i = 0; i < names.count; i++) {
		struct verify_result without;
		size_t size;
		const uint8_t *bytes = memory_target_bytes(fixture.repository.target, names.items[i].text, &size);
		uint8_t *copy = mem_copy(bytes, size);

		assert_true(memory_target_delete(fixture.repository.target, names.items[i].text));
		if (verify(&fixture, VERIFY_STRUCTURE, 0, &without, &told) != ERR_OK) {
			assert_int_equal(told.count, 1);
			assert_string_equal(told.object[0], snapshot.text);
			mem_free(copy);
			fixture_close(&fixture);
			return;
		}
		assert_true(memory_target_plant(fixture.repository.target, names.items[i].text, copy, size));
		mem_free(copy);
	}
	(void)result;
	fail_msg("no index object was needed");
}

static void a_pack_of_an_interrupted_run_is_no_damage(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	struct pack_writer *writer = NULL;
	const struct pack *pack = NULL;
	struct pack_chunk chunk = {.length = 5, .type = CHUNK_DATA};
	struct pack_frame frame = {.stored = "hello",
	    .stored_size = 5,
	    .raw_size = 5,
	    .codec = CODEC_STORED,
	    .chunks = &chunk,
	    .chunks_count = 1};
	struct hmac *hasher = NULL;
	struct object_name name;

	(void)state;
	three_snapshots(&fixture);
	assert_int_equal(hmac_new(&hasher, fixture.repository.keys->domain.id_key), ERR_OK);
	assert_int_equal(hmac_prefixed(hasher, CHUNK_DATA, "hello", 5, chunk.id), ERR_OK);
	hmac_free(hasher);
	chunk.sum = hasher_sum(CHUNK_DATA, chunk.id, "hello", 5);
	assert_int_equal(pack_writer_new(&writer, fixture.repository.keys, PACK_DATA, NULL), ERR_OK);
	assert_int_equal(pack_writer_add(writer, &frame), ERR_OK);
	assert_int_equal(pack_writer_finish(writer, true, &pack), ERR_OK);
	assert_int_equal(pack_writer_check(writer), ERR_OK);
	name = object_pack(pack->id);
	assert_int_equal(target_put(fixture.repository.target, name.text, pack->bytes, pack->size), ERR_OK);
	pack_writer_free(writer, NULL);
	assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
	assert_int_equal(result.packs, 7);
	fixture_close(&fixture);
}

static void a_budget_reads_the_oldest_first(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;

	(void)state;
	three_snapshots(&fixture);
	for (int run = 1; run <= 6; run++) {
		assert_int_equal(verify(&fixture, VERIFY_CONTENT, 1, &result, &told), ERR_OK);
		assert_int_equal(result.packs_read, 1);
		assert_int_equal(result.oldest_unread != 0, run == 6);
	}
	/* all were read: the time of the oldest moves with every further run */
	for (int run = 0; run < 2; run++) {
		int64_t before = result.oldest_unread;

		assert_int_equal(verify(&fixture, VERIFY_CONTENT, 1, &result, &told), ERR_OK);
		assert_true(result.oldest_unread > before);
	}
	fixture_close(&fixture);
}

/* Whatever is wrong with the list of what was read when, everything counts as unread, and is read again. */
static void a_damaged_ledger_is_thrown_away(void **state)
{
	static const size_t offsets[] = {0, 8, 9, 10, 16, 31, 32, 39, 40, 72, 80, SIZE_MAX};
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	char pattern[256];
	glob_t found;

	(void)state;
	three_snapshots(&fixture);
	snprintf(pattern, sizeof(pattern), "%s/verify-*", fixture.repository.state_folder);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct buffer bytes = {0};

		assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
		assert_int_not_equal(result.oldest_unread, 0);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_int_equal(file_read_all(found.gl_pathv[0], 4096, &bytes), ERR_OK);
		bytes.data[offsets[i] < bytes.length ? offsets[i] : bytes.length - 1] ^= 1;
		assert_int_equal(file_replace(found.gl_pathv[0], bytes.data, bytes.length, 0600), ERR_OK);
		assert_int_equal(verify(&fixture, VERIFY_CONTENT, 1, &result, &told), ERR_OK);
		assert_int_equal(result.oldest_unread, 0);
		globfree(&found);
		buffer_free(&bytes);
	}
	fixture_close(&fixture);
}

static void a_failing_target_is_no_crash(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;

	(void)state;
	three_snapshots(&fixture);
	for (unsigned long n = 1; n < 12; n++) {
		memory_target_fail(fixture.repository.target, MEMORY_READ, n, PL_TARGET_READ, true);
		assert_int_not_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
		memory_target_fail(fixture.repository.target, MEMORY_READ, 0, PL_TARGET_READ, false);
	}
	memory_target_fail(fixture.repository.target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_IO);
	assert_int_equal(verify(&fixture, VERIFY_CONTENT, 0, &result, &told), ERR_OK);
	fixture_close(&fixture);
}

static void *json_alloc(size_t size)
{
	return OPENSSL_malloc(size);
}

static void json_free(void *memory)
{
	OPENSSL_free(memory);
}

static void survives_without_memory(void **state)
{
	struct fixture fixture;
	struct verify_result result;
	struct told told;
	enum err err;

	(void)state;
	/* jansson asserts where its own buffers cannot grow: JSON keeps its memory here. */
	assert_int_equal(crypto_setup(), ERR_OK);
	json_set_alloc_funcs(json_alloc, json_free);
	three_snapshots(&fixture);
	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		err = verify(&fixture, VERIFY_CONTENT, 0, &result, &told);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_not_equal(err, ERR_PARTIAL);
	}
	fixture_close(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_repository_is_clean),
	    cmocka_unit_test(index_objects_must_agree),
	    cmocka_unit_test(a_flipped_bit_is_found),
	    cmocka_unit_test(missing_and_cut_packs_are_found),
	    cmocka_unit_test(a_pack_of_any_length_is_not_read),
	    cmocka_unit_test(generations_and_records_are_checked),
	    cmocka_unit_test(a_lost_copy_touches_nothing),
	    cmocka_unit_test(a_damaged_list_of_files_is_found),
	    cmocka_unit_test(damage_to_small_objects_is_found),
	    cmocka_unit_test(chunks_that_no_index_knows_are_found),
	    cmocka_unit_test(a_pack_of_an_interrupted_run_is_no_damage),
	    cmocka_unit_test(a_budget_reads_the_oldest_first),
	    cmocka_unit_test(a_damaged_ledger_is_thrown_away),
	    cmocka_unit_test(a_failing_target_is_no_crash),
	    cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
