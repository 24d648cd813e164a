/* Boxes: frozen bytes that another implementation made, and every byte counts. */
#include "core/base/mem.h"
#include "core/repo/keys.h"
#include "core/repo/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PLAIN "plain text"
#define PLAIN_SIZE (sizeof(PLAIN) - 1)
#define HEAD "head"
#define HEAD_SIZE (sizeof(HEAD) - 1)

static const char *const frozen_box[] = {
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f9e42f2f6b3d834f0cdfa893915ba963fdb351e483bd1a9f810"
    "501759d6d2f7f9d67f"
    "a0d428e788ec86c0b7f21f3fd68a0697cdf26e82cf5b4d60",
    "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f9e42f2f6b3d834f0cdfa893915ba963fdb351e483bd1a9f810"
    "501759d6d2f7f90f9b"
    "d5d8814ae7de330bd88f21823c8ff8645e133a9930df3213",
};
static const char frozen_public_box[] =
    "493e82fc74464a59268817623d2053c5eb8e2cc4a988b4fee179ec6b010d531d404142434445464748494a4b4c4d4e4f505152535455565758"
    "595a5b5c5d5e5fd889"
    "0494de32e91f1b9e0b6053a4aaa9c7b72914332118698d12e84ecf34f671c81e009621e2e6c12175795b7e955ff91034a600e73e4fa38c09";

static uint8_t secret[KEY_SIZE];

static struct keys *fixed_keys(void)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE];
	uint8_t root[KEY_SIZE];
	struct keys *keys = keys_new();

	assert_non_null(keys);
	for (uint8_t i = 0; i < KEY_SIZE; i++)
		root[i] = (uint8_t)(i + 1);
	assert_int_equal(keys_from_root(keys, repository, SUITE_AES_256_GCM, root, "server"), ERR_OK);
	return keys;
}

static void frozen_boxes_open(void **state)
{
	(void)state;
	for (int suite = 1; suite <= 2; suite++) {
		uint8_t box[BOX_OVERHEAD + PLAIN_SIZE];
		struct buffer plain = {0};

		assert_true(hex_decode(box, sizeof(box), frozen_box[suite - 1]));
		assert_int_equal(box_open(&plain, suite, secret, "index", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_OK);
		assert_int_equal(plain.length, PLAIN_SIZE);
		assert_memory_equal(plain.data, PLAIN, PLAIN_SIZE);
		buffer_free(&plain);
	}
}

static void frozen_public_box_opens(void **state)
{
	struct keys *keys = fixed_keys();
	uint8_t box[PUBLIC_BOX_OVERHEAD + PLAIN_SIZE];
	struct buffer plain = {0};

	(void)state;
	assert_true(hex_decode(box, sizeof(box), frozen_public_box));
	assert_int_equal(public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_OK);
	assert_int_equal(plain.length, PLAIN_SIZE);
	assert_memory_equal(plain.data, PLAIN, PLAIN_SIZE);
	keys->full = false;
	assert_int_equal(public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	buffer_free(&plain);
	keys_free(keys);
}

/* Sealing appends, opening appends, and no two boxes are alike. */
static void what_is_sealed_opens(void **state)
{
	struct buffer one = {0}, other = {0}, plain = {0};

	(void)state;
	assert_int_equal(buffer_append(&one, "before", 6), ERR_OK);
	assert_int_equal(box_seal(&one, 1, secret, "index", HEAD, HEAD_SIZE, PLAIN, PLAIN_SIZE), ERR_OK);
	assert_int_equal(one.length, 6 + BOX_OVERHEAD + PLAIN_SIZE);
	assert_int_equal(box_seal(&other, 1, secret, "index", HEAD, HEAD_SIZE, PLAIN, PLAIN_SIZE), ERR_OK);
	assert_memory_not_equal(one.data + 6, other.data, SALT_SIZE);
	assert_memory_not_equal(one.data + 6 + SALT_SIZE, other.data + SALT_SIZE, HASH_SIZE);
	assert_int_equal(buffer_append(&plain, "x", 1), ERR_OK);
	assert_int_equal(box_open(&plain, 1, secret, "index", HEAD, HEAD_SIZE, one.data + 6, one.length - 6), ERR_OK);
	assert_int_equal(plain.length, 1 + PLAIN_SIZE);
	assert_memory_equal(plain.data, "x" PLAIN, 1 + PLAIN_SIZE);
	buffer_clear(&other);
	assert_int_equal(box_seal(&other, 2, secret, "empty", NULL, 0, NULL, 0), ERR_OK);
	assert_int_equal(box_open(&plain, 2, secret, "empty", NULL, 0, other.data, other.length), ERR_OK);
	assert_int_equal(plain.length, 1 + PLAIN_SIZE);
	buffer_free(&one);
	buffer_free(&other);
	buffer_free(&plain);
}

static void assert_refused(enum err err, enum err kind, enum message id, const struct buffer *plain)
{
	assert_int_equal(err, kind);
	assert_int_equal(failure_last()->id, id);
	assert_int_equal(plain->length, 0);
}

/* Salt and commitment say which key it is; the rest is authenticated. */
static void every_byte_counts(void **state)
{
	uint8_t box[BOX_OVERHEAD + PLAIN_SIZE];
	struct buffer plain = {0};

	(void)state;
	assert_true(hex_decode(box, sizeof(box), frozen_box[0]));
	for (size_t i = 0; i < sizeof(box); i++) {
		bool key = i < SALT_SIZE + HASH_SIZE;

		box[i] ^= 0x80;
		assert_refused(box_open(&plain, 1, secret, "index", HEAD, HEAD_SIZE, box, sizeof(box)),
		    key ? ERR_KEY : ERR_CORRUPT, key ? PL_KEY_WRONG : PL_SEAL_BROKEN, &plain);
		box[i] ^= 0x80;
	}
	assert_refused(
	    box_open(&plain, 1, secret, "index", "heat", 4, box, sizeof(box)), ERR_CORRUPT, PL_SEAL_BROKEN, &plain);
	assert_refused(
	    box_open(&plain, 1, secret, "summary", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_KEY, PL_KEY_WRONG, &plain);
	assert_refused(box_open(&plain, 2, secret, "index", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_CORRUPT,
	    PL_SEAL_BROKEN, &plain);
	assert_refused(
	    box_open(&plain, 3, secret, "index", HEAD, HEAD_SIZE, box, sizeof(box)), ERR_UNSUPPORTED, PL_SUITE, &plain);
	assert_refused(box_open(&plain, 1, secret, "index", HEAD, HEAD_SIZE, box, sizeof(box) - 1), ERR_CORRUPT,
	    PL_SEAL_BROKEN, &plain);
	assert_refused(box_open(&plain, 1, secret, "index", HEAD, HEAD_SIZE, box, BOX_OVERHEAD - 1), ERR_CORRUPT,
	    PL_SEAL_BROKEN, &plain);
	buffer_free(&plain);
}

static void every_byte_of_a_public_box_counts(void **state)
{
	struct keys *keys = fixed_keys();
	struct buffer box = {0}, plain = {0};

	(void)state;
	assert_int_equal(public_box_seal(&box, keys, "content", HEAD, HEAD_SIZE, PLAIN, PLAIN_SIZE), ERR_OK);
	assert_int_equal(box.length, PUBLIC_BOX_OVERHEAD + PLAIN_SIZE);
	for (size_t i = 0; i < box.length; i++) {
		enum err err;

		box.data[i] ^= 0x01;
		err = public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box.data, box.length);
		assert_true(err == ERR_KEY || err == ERR_CORRUPT);
		assert_int_equal(plain.length, 0);
		box.data[i] ^= 0x01;
	}
	/* A sender's half of small order is refused, not multiplied. */
	memset(box.data, 0, KEY_SIZE);
	assert_refused(public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box.data, box.length), ERR_CORRUPT,
	    PL_SEAL_BROKEN, &plain);
	assert_refused(public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box.data, PUBLIC_BOX_OVERHEAD - 1),
	    ERR_CORRUPT, PL_SEAL_BROKEN, &plain);
	buffer_free(&box);
	buffer_free(&plain);
	keys_free(keys);
}

/* A key of the same read key without the pre-shared secret opens nothing. */
static void shared_secret_is_needed(void **state)
{
	struct keys *keys = fixed_keys();
	struct buffer box = {0}, plain = {0};

	(void)state;
	assert_int_equal(public_box_seal(&box, keys, "content", HEAD, HEAD_SIZE, PLAIN, PLAIN_SIZE), ERR_OK);
	keys->shared[0] ^= 1;
	assert_refused(public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box.data, box.length), ERR_KEY,
	    PL_KEY_WRONG, &plain);
	buffer_free(&box);
	buffer_free(&plain);
	keys_free(keys);
}

static enum err seal_and_open(const struct keys *keys)
{
	struct buffer box = {0}, plain = {0};
	enum err err = public_box_seal(&box, keys, "content", HEAD, HEAD_SIZE, PLAIN, PLAIN_SIZE);

	if (err == ERR_OK)
		err = public_box_open(&plain, keys, 1, "content", HEAD, HEAD_SIZE, box.data, box.length);
	else
		assert_int_equal(box.length, 0);
	buffer_free(&box);
	buffer_free(&plain);
	return err;
}

static void lack_of_memory_is_told(void **state)
{
	struct keys *keys = fixed_keys();
	unsigned long n = 0;
	enum err err;

	(void)state;
	do {
		mem_fail_at(++n);
		err = seal_and_open(keys);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
	} while (err != ERR_OK);
	assert_true(n > 4);
	keys_free(keys);
}

static int setup(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < KEY_SIZE; i++)
		secret[i] = i;
	return crypto_setup() == ERR_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frozen_boxes_open),
	    cmocka_unit_test(frozen_public_box_opens),
	    cmocka_unit_test(what_is_sealed_opens),
	    cmocka_unit_test(every_byte_counts),
	    cmocka_unit_test(every_byte_of_a_public_box_counts),
	    cmocka_unit_test(shared_secret_is_needed),
	    cmocka_unit_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
