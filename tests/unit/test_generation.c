#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/generation.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"
#include "index_samples.h"
#include "targets/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADER_SIZE 40

static struct keys *keys;
static struct target *target;

static int up(void **state)
{
	(void)state;
	keys = sample_keys();
	return memory_target_new(&target) == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
	(void)state;
	target_free(target);
	keys_free(keys);
	return 0;
}

static void write_sample(uint64_t generation, bool done, uint64_t first, size_t count)
{
	uint8_t packs[8][OBJECT_ID_SIZE];

	for (size_t i = 0; i < count; i++)
		sample_pack_id(first + i, packs[i]);
	assert_int_equal(
	    generation_write(target, keys, generation, done, (const uint8_t(*)[OBJECT_ID_SIZE])packs, count), ERR_OK);
}

static bool condemned(const struct generations *generations, uint64_t pack)
{
	uint8_t id[OBJECT_ID_SIZE];

	sample_pack_id(pack, id);
	return generations_condemned(generations, id);
}

static enum err read_once(void)
{
	struct generations *generations = NULL;
	enum err err = generations_read(&generations, target, keys);

	if (err != ERR_OK)
		assert_null(generations);
	generations_free(generations);
	return err;
}

static void test_none(void **state)
{
	struct generations *generations = NULL;

	(void)state;
	assert_int_equal(generations_read(&generations, target, keys), ERR_OK);
	assert_int_equal(generations_newest(generations), 0);
	assert_false(condemned(generations, 1));
	generations_free(generations);
	generations_free(NULL);
}

static void test_several(void **state)
{
	struct generations *generations = NULL;

	(void)state;
	write_sample(3, false, 1, 5);
	write_sample(0x1000000002, true, 4, 4);
	write_sample(7, false, 20, 0);
	assert_int_equal(generations_read(&generations, target, keys), ERR_OK);
	assert_true(generations_newest(generations) == 0x1000000002);
	for (uint64_t pack = 0; pack < 30; pack++)
		assert_int_equal(condemned(generations, pack), pack >= 1 && pack <= 7);
	generations_free(generations);
}

/* A backup key reads them too: that is what it is for. */
static void test_backup_key(void **state)
{
	uint8_t pack[1][OBJECT_ID_SIZE] = {{1}};

	(void)state;
	write_sample(1, false, 1, 1);
	keys->full = false;
	assert_int_equal(read_once(), ERR_OK);
	assert_int_equal(generation_write(target, keys, 2, false, (const uint8_t(*)[OBJECT_ID_SIZE])pack, 1), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	keys->full = true;
	assert_int_equal(
	    generation_write(target, keys, 1, false, (const uint8_t(*)[OBJECT_ID_SIZE])pack, 1), ERR_EXISTS);
}

static void test_layout(void **state)
{
	size_t size;
	const uint8_t *bytes;

	(void)state;
	write_sample(0x0102, true, 1, 2);
	bytes = memory_target_bytes(target, "gc/0000000000000102", &size);
	assert_non_null(bytes);
	assert_int_equal(size, HEADER_SIZE + BOX_OVERHEAD + 1 + 2 * OBJECT_ID_SIZE + SIGNATURE_SIZE);
	assert_memory_equal(bytes, "PULIHGEN\1\0\2\2\0\0\0\0", 16);
	assert_memory_equal(bytes + 16, keys->repository, REPOSITORY_ID_SIZE);
	assert_memory_equal(bytes + 32, "\2\1\0\0\0\0\0\0", 8);
}

/* Made once by this program; what was written must be read for ever. Generation 9, condemned: packs 1 and 2. */
static const char frozen[] = "50554c494847454e0100020100000000222222222222222222222222222222220900000000000000499d997f9"
			     "529bdd86b7ce13068f15388c1b853"
			     "63e3dd6a69f9189fa4a708118812446375948d767094101cff1cac865b43c65a12842d751a44b411755e70fe2"
			     "31ef511b4d60c0ec4fd66ae051396"
			     "e73f38dc1f1888c01f8bd133e008e69fca384852c2107ab74d3699d674fed7df66d62665c6718973df8be719a"
			     "a285d0bb209b93ce0bad9648803ca"
			     "30f08960160637f0bc266014aa994d0d29ee2f960f58bdc01efba70d7ce50e0f9ce9229dc04cb95a2c3f931a6"
			     "bfc9c96fdea5dd529fda7543b46e1"
			     "c4b64ec8fe0c650b655d06fb0b";

static void test_frozen(void **state)
{
	uint8_t bytes[sizeof(frozen) / 2];
	struct generations *generations = NULL;

	(void)state;
	assert_true(hex_decode(bytes, sizeof(bytes), frozen));
	assert_int_equal(target_put(target, "gc/0000000000000009", bytes, sizeof(bytes)), ERR_OK);
	assert_int_equal(generations_read(&generations, target, keys), ERR_OK);
	assert_int_equal(generations_newest(generations), 9);
	assert_true(condemned(generations, 1) && condemned(generations, 2));
	assert_false(condemned(generations, 3));
	generations_free(generations);
}

static void sign_again(const char *name)
{
	uint8_t copy[1024], hash[HASH_SIZE];
	size_t size;
	const uint8_t *bytes = memory_target_bytes(target, name, &size);

	assert_true(size <= sizeof(copy));
	memcpy(copy, bytes, size);
	assert_int_equal(sha256(copy, size - SIGNATURE_SIZE, hash), ERR_OK);
	assert_int_equal(ed25519_sign(keys->signer.seed, hash, sizeof(hash), copy + size - SIGNATURE_SIZE), ERR_OK);
	assert_true(memory_target_plant(target, name, copy, size));
}

static void test_every_field(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		enum err kind;
		enum message id;
	} fields[] = {
	    {"magic", 0, ERR_CORRUPT, PL_GENERATION_BROKEN},
	    {"version", 8, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"suite", 10, ERR_UNSUPPORTED, PL_SUITE},
	    {"state", 11, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"flags", 12, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"repository", 16, ERR_CORRUPT, PL_GENERATION_BROKEN},
	    {"generation", 32, ERR_CORRUPT, PL_GENERATION_BROKEN},
	    {"salt", HEADER_SIZE, ERR_KEY, PL_KEY_WRONG},
	    {"commitment", HEADER_SIZE + SALT_SIZE, ERR_KEY, PL_KEY_WRONG},
	    {"sealed bytes", HEADER_SIZE + SALT_SIZE + HASH_SIZE, ERR_CORRUPT, PL_SEAL_BROKEN},
	};
	const char *name = "gc/0000000000000005";

	(void)state;
	write_sample(5, false, 1, 2);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_true(memory_target_corrupt(target, name, fields[i].offset, 0x80));
		sign_again(name);
		if (read_once() != fields[i].kind || failure_last()->id != fields[i].id)
			fail_msg("%s: %s", fields[i].name, failure_last()->text);
		assert_non_null(strstr(failure_last()->text, name));
		assert_true(memory_target_corrupt(target, name, fields[i].offset, 0x80));
	}
	sign_again(name);
	assert_int_equal(read_once(), ERR_OK);
	/* From condemned to done: a state that is known, and not the one that was sealed. */
	assert_true(memory_target_corrupt(target, name, 11, 3));
	sign_again(name);
	assert_int_not_equal(read_once(), ERR_OK);
}

static void test_every_byte(void **state)
{
	const char *name = "gc/0000000000000005";
	size_t size;

	(void)state;
	write_sample(5, false, 1, 2);
	memory_target_bytes(target, name, &size);
	for (size_t i = 0; i < size; i++) {
		assert_true(memory_target_corrupt(target, name, i, 1));
		assert_int_not_equal(read_once(), ERR_OK);
		assert_true(memory_target_corrupt(target, name, i, 1));
	}
	assert_true(memory_target_corrupt(target, name, size - 1, 1));
	assert_int_equal(read_once(), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	while (size-- > 0) {
		assert_true(memory_target_resize(target, name, size));
		assert_int_equal(read_once(), ERR_CORRUPT);
	}
}

/* Signed and sealed by the owner, and still not what it must be. */
static void plant_contents(const void *plain, size_t plain_size)
{
	const char *name = "gc/0000000000000005";
	struct buffer bytes = {0};
	size_t size;

	write_sample(5, false, 1, 1);
	assert_int_equal(buffer_append(&bytes, memory_target_bytes(target, name, &size), HEADER_SIZE), ERR_OK);
	assert_int_equal(box_seal(&bytes, keys->suite, keys->shared, "generation",
			     memory_target_bytes(target, name, &size), HEADER_SIZE, plain, plain_size),
	    ERR_OK);
	assert_int_equal(buffer_append(&bytes, (const uint8_t[SIGNATURE_SIZE]){0}, SIGNATURE_SIZE), ERR_OK);
	assert_true(memory_target_plant(target, name, bytes.data, bytes.length));
	buffer_free(&bytes);
	sign_again(name);
}

static void test_contents(void **state)
{
	uint8_t plain[1 + 2 * OBJECT_ID_SIZE] = {2};
	static const uint8_t huge[] = {0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08};

	(void)state;
	plant_contents(plain, sizeof(plain));
	assert_int_equal(read_once(), ERR_OK);
	assert_true(memory_target_delete(target, "gc/0000000000000005"));
	plant_contents(plain, sizeof(plain) - 1);
	assert_int_equal(read_once(), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_GENERATION_BROKEN);
	assert_true(memory_target_delete(target, "gc/0000000000000005"));
	plain[0] = 1;
	plant_contents(plain, sizeof(plain));
	assert_int_equal(read_once(), ERR_CORRUPT);
	assert_true(memory_target_delete(target, "gc/0000000000000005"));
	plant_contents(huge, sizeof(huge)); /* 2^59 + 1 packs: times 32 is 32 in 64 bits */
	assert_int_equal(read_once(), ERR_CORRUPT);
}

static void test_failing_target(void **state)
{
	(void)state;
	write_sample(1, false, 1, 1);
	write_sample(2, false, 2, 1);
	memory_target_fail(target, MEMORY_LIST, 1, PL_TARGET_LIST, false);
	assert_int_equal(read_once(), ERR_IO);
	memory_target_fail_late(target, MEMORY_LIST, 1, PL_TARGET_LIST);
	assert_int_equal(read_once(), ERR_IO);
	memory_target_fail(target, MEMORY_READ, 2, PL_TARGET_READ, false);
	assert_int_equal(read_once(), ERR_IO);
	/* Gone between listing and reading: listed again. Gone for good, yet listed: an error. */
	memory_target_fail(target, MEMORY_STAT, 2, PL_OBJECT_MISSING, false);
	assert_int_equal(read_once(), ERR_OK);
	memory_target_fail(target, MEMORY_STAT, 1, PL_OBJECT_MISSING, true);
	assert_int_equal(read_once(), ERR_MISSING);
}

static void test_no_memory(void **state)
{
	unsigned failures = 0;

	(void)state;
	write_sample(1, false, 1, 3);
	for (unsigned long n = 1;; n++) {
		enum err err;

		mem_fail_at(n);
		err = read_once();
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		failures++;
	}
	assert_true(failures > 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
	    TEST(test_none),
	    TEST(test_several),
	    TEST(test_backup_key),
	    TEST(test_layout),
	    TEST(test_frozen),
	    TEST(test_every_field),
	    TEST(test_every_byte),
	    TEST(test_contents),
	    TEST(test_failing_target),
	    TEST(test_no_memory),
	};

	return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
