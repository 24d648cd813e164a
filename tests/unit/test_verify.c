/* Verification finds exactly the damage that was done, and says what it touches. */
#include "core/base/clock.h"
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
#include <xxhash.h>

struct verifying {
	struct fixture fixture;
	struct verify_result result; /* of the last run; what it told: */
	size_t count;
	struct {
		char object[OBJECT_NAME_MAX], touches[512];
		enum message id;
	} told[8];
};

static void on_finding(void *context, const struct verify_finding *finding)
{
	struct verifying *at = context;

	if (at->count < 8) {
		snprintf(at->told[at->count].object, OBJECT_NAME_MAX, "%s", finding->object);
		snprintf(at->told[at->count].touches, sizeof(at->told[0].touches), "%s", finding->touches);
		at->told[at->count].id = finding->failure->id;
	}
	at->count++;
}

static enum err verify(struct verifying *at, enum verify_tier tier, uint64_t budget)
{
	struct verify_options options = {
	    .tier = tier, .budget = budget, .threads = 2, .on_finding = on_finding, .context = at};

	at->count = 0;
	return verify_run(&at->fixture.repository, &options, &at->result);
}

/* Three data packs, each with its metadata pack and snapshot; the later snapshots have all files of the earlier ones. */
static int three_snapshots_up(void **state)
{
	struct verifying *at = mem_calloc(1, sizeof(*at));
	uint8_t bytes[5000];

	fixture_open(&at->fixture);
	for (unsigned i = 0; i < 3; i++) {
		char path[32];
		struct entry entry;

		snprintf(path, sizeof(path), "file %u", i);
		entry = fixture_entry_of(path, ENTRY_FILE);
		random_bytes(i, bytes, sizeof(bytes));
		fixture_add(&at->fixture, &entry, bytes, sizeof(bytes), 5000);
		fixture_store(&at->fixture);
	}
	*state = at;
	return 0;
}

static int down(void **state)
{
	struct verifying *at = *state;

	fixture_close(&at->fixture);
	mem_free(at);
	return 0;
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
	struct verifying *at = *state;
	struct object_name name;
	struct index_pack pack = {0};
	struct pack_key key;
	int64_t changed;

	assert_int_equal(fixture_packs(&at->fixture, PACK_DATA, &name, 1), 1);
	assert_true(object_id_of(name.text, pack.id));
	assert_int_equal(target_stat(at->fixture.repository.target, name.text, &pack.size, &changed), ERR_OK);
	assert_int_equal(pack_read_directory(at->fixture.repository.target, at->fixture.repository.keys, pack.id, &key,
			     &pack.directory),
	    ERR_OK);
	add_index(&at->fixture, &pack);
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
	pack.directory.chunks[0].key[3] ^= 1;
	add_index(&at->fixture, &pack);
	pack.directory.chunks[0].key[3] ^= 1;
	add_index(&at->fixture, &pack);
	for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(at, (enum verify_tier)tier, 0), ERR_CORRUPT);
		assert_true(at->count >= 1);
		assert_int_equal(at->told[0].id, PL_VERIFY_PACK_INDEX);
		assert_memory_equal(at->told[0].object, "index/", 6);
	}
	directory_free(&pack.directory);
}

static void a_sound_repository_is_clean(void **state)
{
	struct verifying *at = *state;

	for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(at, (enum verify_tier)tier, 0), ERR_OK);
		assert_int_equal(at->count, 0);
		assert_int_equal(at->result.snapshots, 3);
		assert_int_equal(at->result.packs, 6);
		assert_int_equal(at->result.packs_read, tier == VERIFY_STRUCTURE ? 0 : 6);
		assert_int_equal(at->result.chunks, 6);
		assert_int_equal(at->result.entries, 6);
		assert_int_equal(at->result.oldest_unread != 0, tier != VERIFY_STRUCTURE);
	}
}

static void a_flipped_bit_is_found(void **state)
{
	struct verifying *at = *state;
	struct object_name packs[4];

	assert_int_equal(fixture_packs(&at->fixture, PACK_DATA, packs, 4), 3);
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[1].text, 1000, 4));
	/* sizes and signatures are right: the structure is not damaged */
	assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_OK);
	for (int tier = VERIFY_STORED; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(at, (enum verify_tier)tier, 0), ERR_CORRUPT);
		assert_int_equal(at->count, 1);
		assert_int_equal(at->result.findings, 1);
		assert_string_equal(at->told[0].object, packs[1].text);
		assert_string_equal(at->told[0].touches, "2 snapshots, 1 file: file 1");
		assert_int_equal(at->result.packs_read, 6);
	}
}

static void missing_and_cut_packs_are_found(void **state)
{
	struct verifying *at = *state;
	struct object_name packs[4];

	assert_int_equal(fixture_packs(&at->fixture, PACK_DATA, packs, 4), 3);
	assert_true(memory_target_delete(at->fixture.repository.target, packs[0].text));
	assert_true(memory_target_resize(at->fixture.repository.target, packs[2].text, 100));
	assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_CORRUPT);
	assert_int_equal(at->count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool first = strcmp(at->told[i].object, packs[0].text) == 0;

		assert_string_equal(at->told[i].object, packs[first ? 0 : 2].text);
		assert_int_equal(at->told[i].id, first ? PL_PACK_MISSING : PL_VERIFY_PACK_SIZE);
		assert_string_equal(
		    at->told[i].touches, first ? "3 snapshots, 1 file: file 0" : "1 snapshot, 1 file: file 2");
	}
	assert_string_not_equal(at->told[0].object, at->told[1].object);
}

/* A server may claim a terabyte, which costs it nothing: what can be no pack is named, and not read. */
static void a_pack_of_any_length_is_not_read(void **state)
{
	struct verifying *at = *state;
	uint8_t id[OBJECT_ID_SIZE] = {7};
	struct object_name huge = object_pack(id);

	assert_int_equal(target_put(at->fixture.repository.target, huge.text, "x", 1), ERR_OK);
	assert_true(memory_target_resize(at->fixture.repository.target, huge.text, PACK_MAX + 1));
	for (int tier = VERIFY_STORED; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(at, (enum verify_tier)tier, 0), ERR_CORRUPT);
		assert_int_equal(at->count, 1);
		assert_string_equal(at->told[0].object, huge.text);
		assert_int_equal(at->told[0].id, PL_OBJECT_SIZE);
		assert_true(at->result.bytes_read < PACK_MAX);
	}
}

/* A backup stops at a generation that it cannot read, so verify must name it; and records are what an office is judged by. */
static void generations_and_records_are_checked(void **state)
{
	const char *const names[] = {"gc/00000000000000ff", "records/20261122t010000-web-00ff"};
	struct verifying *at = *state;
	uint8_t bytes[300];

	random_bytes(5, bytes, sizeof(bytes));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(target_put(at->fixture.repository.target, names[i], bytes, sizeof(bytes)), ERR_OK);
		assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_CORRUPT);
		assert_int_equal(at->count, 1);
		assert_string_equal(at->told[0].object, names[i]);
		assert_int_equal(target_remove(at->fixture.repository.target, names[i]), ERR_OK);
	}
}

/* What a lost pack held was stored again in another: it is found, and touches nothing. */
static void lose_a_copy(struct verifying *at, enum pack_type type)
{
	struct object_name packs[4];

	assert_int_equal(fixture_packs(&at->fixture, (uint8_t)type, packs, 4), 3);
	fixture_forget_packs(&at->fixture);
	fixture_store(&at->fixture); /* every chunk once more; its snapshot is the same as the third */
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
	assert_true(memory_target_delete(at->fixture.repository.target, packs[2].text));
	for (int tier = VERIFY_STRUCTURE; tier <= VERIFY_CONTENT; tier++) {
		assert_int_equal(verify(at, (enum verify_tier)tier, 0), ERR_CORRUPT);
		assert_int_equal(at->count, 1);
		assert_string_equal(at->told[0].object, packs[2].text);
		assert_int_equal(at->told[0].id, PL_PACK_MISSING);
		assert_string_equal(at->told[0].touches, "no snapshot");
	}
}

static void a_lost_copy_of_data_touches_nothing(void **state)
{
	lose_a_copy(*state, PACK_DATA);
}

static void a_lost_copy_of_metadata_touches_nothing(void **state)
{
	lose_a_copy(*state, PACK_METADATA);
}

static void a_damaged_list_of_files_is_found(void **state)
{
	struct verifying *at = *state;
	struct object_name packs[4];

	assert_int_equal(fixture_packs(&at->fixture, PACK_METADATA, packs, 4), 3);
	assert_true(memory_target_corrupt(at->fixture.repository.target, packs[1].text, 200, 1));
	assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_CORRUPT);
	assert_int_equal(at->count, 1);
	assert_string_equal(at->told[0].object, packs[1].text);
	assert_int_equal(at->told[0].id, PL_VERIFY_SNAPSHOT_TREE);
	assert_string_equal(at->told[0].touches, "1 snapshot, 0 files");
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_CORRUPT);
	assert_int_equal(at->count, 1);
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

static void find_damage_in(struct verifying *at, const char *folder)
{
	struct names names = {0};

	assert_int_equal(target_list(at->fixture.repository.target, folder, gather, &names), ERR_OK);
	assert_int_equal(names.count, 3);
	assert_true(memory_target_corrupt(at->fixture.repository.target, names.items[1].text, 150, 1));
	assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_CORRUPT);
	assert_true(at->count >= 1);
	assert_string_equal(at->told[0].object, names.items[1].text);
}

static void a_damaged_index_is_found(void **state)
{
	find_damage_in(*state, "index");
}

static void a_damaged_snapshot_is_found(void **state)
{
	find_damage_in(*state, "snapshots");
}

static void chunks_that_no_index_knows_are_found(void **state)
{
	struct verifying *at = *state;
	struct target *target = at->fixture.repository.target;
	struct names names = {0};
	bool needed = false;

	/* Every index object of the fixture has all packs so far: the newest goes, and with it what only it has. */
	assert_int_equal(target_list(target, "index", gather, &names), ERR_OK);
	for (size_t i = 0; i < names.count && !needed; i++) {
		const char *name = names.items[i].text;
		size_t size;
		const uint8_t *bytes = memory_target_bytes(target, name, &size);
		uint8_t *copy = mem_copy(bytes, size);

		assert_true(memory_target_delete(target, name));
		needed = verify(at, VERIFY_STRUCTURE, 0) != ERR_OK;
		assert_true(memory_target_plant(target, name, copy, size));
		mem_free(copy);
	}
	assert_true(needed);
	assert_int_equal(at->count, 1);
	assert_string_equal(at->told[0].object, object_snapshot(at->fixture.snapshot.id).text);
}

static void a_pack_of_an_interrupted_run_is_no_damage(void **state)
{
	struct verifying *at = *state;
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

	assert_int_equal(hmac_new(&hasher, at->fixture.repository.keys->domain.id_key), ERR_OK);
	assert_int_equal(hmac_prefixed(hasher, CHUNK_DATA, "hello", 5, chunk.id), ERR_OK);
	hmac_free(hasher);
	chunk.sum = hasher_sum(CHUNK_DATA, chunk.id, "hello", 5);
	assert_int_equal(pack_writer_new(&writer, at->fixture.repository.keys, PACK_DATA, NULL), ERR_OK);
	assert_int_equal(pack_writer_add(writer, &frame), ERR_OK);
	assert_int_equal(pack_writer_finish(writer, true, &pack), ERR_OK);
	assert_int_equal(pack_writer_check(writer), ERR_OK);
	name = object_pack(pack->id);
	assert_int_equal(target_put(at->fixture.repository.target, name.text, pack->bytes, pack->size), ERR_OK);
	pack_writer_free(writer, NULL);
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
	assert_int_equal(at->result.packs, 7);
}

static void a_budget_reads_the_oldest_first(void **state)
{
	struct verifying *at = *state;

	for (int run = 1; run <= 6; run++) {
		assert_int_equal(verify(at, VERIFY_CONTENT, 1), ERR_OK);
		assert_int_equal(at->result.packs_read, 1);
		assert_int_equal(at->result.oldest_unread != 0, run == 6);
	}
	/* all were read: the time of the oldest moves with every further run */
	for (int run = 0; run < 2; run++) {
		int64_t before = at->result.oldest_unread;

		assert_int_equal(verify(at, VERIFY_CONTENT, 1), ERR_OK);
		assert_true(at->result.oldest_unread > before);
	}
}

/* What was read while the clock was years ahead is not left unread until then. */
static void a_clock_that_was_ahead(void **state)
{
	struct verifying *at = *state;
	struct buffer bytes = {0};
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/verify-*", at->fixture.repository.state_folder);
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(file_read_all(found.gl_pathv[0], 4096, &bytes), ERR_OK);
	/* header, id; the two times of the first pack */
	store_u64(bytes.data + 72, (uint64_t)(clock_now() + 3600 * CLOCK_SECOND));
	store_u64(bytes.data + 80, (uint64_t)(clock_now() + 3600 * CLOCK_SECOND));
	store_u64(bytes.data + bytes.length - 8, XXH3_64bits(bytes.data, bytes.length - 8));
	assert_int_equal(file_replace(found.gl_pathv[0], bytes.data, bytes.length, 0600), ERR_OK);
	/* It is read first, and then all have been read again. */
	assert_int_equal(verify(at, VERIFY_STRUCTURE, 0), ERR_OK);
	assert_int_equal(at->result.oldest_unread, 0);
	assert_int_equal(verify(at, VERIFY_CONTENT, 1), ERR_OK);
	assert_int_equal(at->result.packs_read, 1);
	assert_int_not_equal(at->result.oldest_unread, 0);
	globfree(&found);
	buffer_free(&bytes);
}

/* Whatever is wrong with the list of what was read when, everything counts as unread, and is read again. */
static void a_damaged_ledger_is_thrown_away(void **state)
{
	static const size_t offsets[] = {0, 8, 9, 10, 16, 31, 32, 39, 40, 72, 80, SIZE_MAX};
	struct verifying *at = *state;
	char pattern[256];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/verify-*", at->fixture.repository.state_folder);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct buffer bytes = {0};

		assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
		assert_int_not_equal(at->result.oldest_unread, 0);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_int_equal(file_read_all(found.gl_pathv[0], 4096, &bytes), ERR_OK);
		bytes.data[offsets[i] < bytes.length ? offsets[i] : bytes.length - 1] ^= 1;
		assert_int_equal(file_replace(found.gl_pathv[0], bytes.data, bytes.length, 0600), ERR_OK);
		assert_int_equal(verify(at, VERIFY_CONTENT, 1), ERR_OK);
		assert_int_equal(at->result.oldest_unread, 0);
		globfree(&found);
		buffer_free(&bytes);
	}
}

static void a_failing_target_is_no_crash(void **state)
{
	struct verifying *at = *state;

	for (unsigned long n = 1; n < 12; n++) {
		memory_target_fail(at->fixture.repository.target, MEMORY_READ, n, PL_TARGET_READ, true);
		assert_int_not_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
		memory_target_fail(at->fixture.repository.target, MEMORY_READ, 0, PL_TARGET_READ, false);
	}
	memory_target_fail(at->fixture.repository.target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_IO);
	assert_int_equal(verify(at, VERIFY_CONTENT, 0), ERR_OK);
}

static void *json_alloc(size_t size)
{
	return OPENSSL_malloc(size);
}

static void json_free(void *memory)
{
	OPENSSL_free(memory);
}

/* jansson asserts where its own buffers cannot grow: JSON keeps its memory here. */
static int json_up(void **state)
{
	(void)state;
	if (crypto_setup() != ERR_OK)
		return -1;
	json_set_alloc_funcs(json_alloc, json_free);
	return 0;
}

static void survives_without_memory(void **state)
{
	struct verifying *at = *state;
	enum err err;

	for (unsigned long n = 1;; n++) {
		mem_fail_at(n);
		err = verify(at, VERIFY_CONTENT, 0);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_not_equal(err, ERR_PARTIAL);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, three_snapshots_up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(a_sound_repository_is_clean),
	    test(index_objects_must_agree),
	    test(a_flipped_bit_is_found),
	    test(missing_and_cut_packs_are_found),
	    test(a_pack_of_any_length_is_not_read),
	    test(generations_and_records_are_checked),
	    test(a_lost_copy_of_data_touches_nothing),
	    test(a_lost_copy_of_metadata_touches_nothing),
	    test(a_damaged_list_of_files_is_found),
	    test(a_damaged_index_is_found),
	    test(a_damaged_snapshot_is_found),
	    test(chunks_that_no_index_knows_are_found),
	    test(a_pack_of_an_interrupted_run_is_no_damage),
	    test(a_budget_reads_the_oldest_first),
	    test(a_clock_that_was_ahead),
	    test(a_damaged_ledger_is_thrown_away),
	    test(a_failing_target_is_no_crash),
	    test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, json_up, NULL);
}
