/* The object around a record: what its bytes are, and what each field of its header is refused with. */
#include "core/record/record_object.h"
#include "core/repo/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEADER_SIZE 68

static const char id[] = "20261122t010000-website-3f2a";
static struct keys *keys;

static int up(void **state)
{
	static const uint8_t repository[REPOSITORY_ID_SIZE] = {7}, root[KEY_SIZE] = {9};

	(void)state;
	keys = crypto_setup() == ERR_OK ? keys_new() : NULL;
	return keys && keys_from_root(keys, repository, SUITE_AES_256_GCM, root, "srv") == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
	(void)state;
	keys_free(keys);
	return 0;
}

static void encode(const char *text, struct buffer *out)
{
	struct buffer original = {0};

	assert_int_equal(buffer_append(&original, text, strlen(text)), ERR_OK);
	assert_int_equal(record_object_encode(&original, keys, out), ERR_OK);
	buffer_free(&original);
}

/* As docs/format.md has it, without a word from the code that made it. */
static void object_has_its_form(void **state)
{
	struct buffer bytes = {0}, opened = {0};
	const uint8_t *object;
	uint8_t hash[HASH_SIZE];
	size_t signed_size;

	(void)state;
	assert_int_equal(buffer_append(&bytes, "before", 6), ERR_OK);
	encode("the original", &bytes);
	object = bytes.data + 6;
	signed_size = bytes.length - 6 - 64;
	assert_int_equal(signed_size, HEADER_SIZE + 32 + 32 + 12 + 16);
	assert_memory_equal(object, "PULIHREC\1\0\1\0\0\0\0\0", 16);
	assert_memory_equal(object + 16, keys->repository, 16);
	assert_memory_equal(object + 32, keys->domain.tag, 16);
	assert_memory_equal(object + 48, keys->signer.writer, 16);
	assert_memory_equal(object + 64, "\x5C\0\0\0", 4); /* 92 bytes of box */
	assert_int_equal(sha256(object, signed_size, hash), ERR_OK);
	assert_int_equal(ed25519_verify(keys->owner_public, hash, sizeof(hash), object + signed_size), ERR_OK);
	assert_int_equal(box_open(&opened, SUITE_AES_256_GCM, keys->domain.summary_key, "record", object, HEADER_SIZE,
			     object + HEADER_SIZE, 92),
	    ERR_OK);
	assert_int_equal(opened.length, 12);
	assert_memory_equal(opened.data, "the original", 12);
	buffer_free(&bytes);
	buffer_free(&opened);
}

/* The owner himself has signed the changed header. */
static void header_field(size_t at, const void *value, size_t size, enum message expected)
{
	struct buffer bytes = {0}, opened = {0};
	uint8_t hash[HASH_SIZE];

	encode("{}", &bytes);
	memcpy(bytes.data + at, value, size);
	assert_int_equal(sha256(bytes.data, bytes.length - 64, hash), ERR_OK);
	assert_int_equal(ed25519_sign(keys->signer.seed, hash, sizeof(hash), bytes.data + bytes.length - 64), ERR_OK);
	assert_int_not_equal(record_object_decode(id, bytes.data, bytes.length, keys, &opened), ERR_OK);
	if (failure_last()->id != expected)
		fail_msg("offset %zu: %d %s", at, failure_last()->id, failure_last()->text);
	assert_non_null(strstr(failure_last()->text, "records/20261122t010000-website-3f2a"));
	assert_int_equal(opened.length, 0);
	buffer_free(&bytes);
	buffer_free(&opened);
}

static void headers(void **state)
{
	(void)state;
	header_field(0, "PULIHRED", 8, PL_RECORD_BROKEN);
	header_field(8, "\x02", 1, PL_FORMAT_VERSION);
	header_field(10, "\x09", 1, PL_SUITE);
	header_field(10, "\x02", 1, PL_SEAL_BROKEN); /* the other suite: opens nothing */
	header_field(11, "\x01", 1, PL_FORMAT_VERSION);
	header_field(12, "\0\0\0\x80", 4, PL_FORMAT_VERSION);
	header_field(16, "x", 1, PL_RECORD_BROKEN);	   /* repository */
	header_field(32, "\0\0\0\0", 4, PL_RECORD_BROKEN); /* another domain's summary key does not fit */
	header_field(48, "\x01", 1, PL_WRITER_UNKNOWN);
	header_field(64, "\x5D", 1, PL_RECORD_BROKEN);
	header_field(64, "\xff\xff\xff\xff", 4, PL_RECORD_BROKEN);
}

static void sizes(void **state)
{
	struct buffer bytes = {0}, opened = {0};

	(void)state;
	encode("", &bytes);
	for (size_t size = 0; size < bytes.length; size++)
		assert_int_equal(record_object_decode(id, bytes.data, size, keys, &opened), ERR_CORRUPT);
	assert_int_equal(buffer_reserve(&bytes, RECORD_MAX), ERR_OK);
	assert_int_equal(record_object_decode(id, bytes.data, RECORD_MAX + 1, keys, &opened), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_RECORD_BROKEN);
	bytes.length = RECORD_MAX;
	buffer_clear(&opened);
	assert_int_equal(record_object_encode(&bytes, keys, &opened), ERR_LIMIT);
	assert_int_equal(failure_last()->id, PL_RECORD_LIMIT);
	buffer_free(&bytes);
	buffer_free(&opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(object_has_its_form),
	    cmocka_unit_test(headers),
	    cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, up, down);
}
