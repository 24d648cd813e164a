/* The derivations are frozen: expected values were computed with another implementation from the labels in keys.c. */
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/keys.h"
#include "tests/unit/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t repository[REPOSITORY_ID_SIZE] = {0xAA};

static struct keys *fixed_keys(const char *domain)
{
	uint8_t root[KEY_SIZE];
	struct keys *keys = keys_new();

	assert_non_null(keys);
	for (uint8_t i = 0; i < KEY_SIZE; i++)
		root[i] = (uint8_t)(i + 1);
	assert_int_equal(keys_from_root(keys, repository, SUITE_CHACHA20_POLY1305, root, domain), ERR_OK);
	return keys;
}

static void derivations_are_frozen(void **state)
{
	struct keys *keys = fixed_keys("server");
	uint8_t secret[KEY_SIZE];
	char dump[KEYS_DUMP_TEXT];

	(void)state;
	assert_true(keys->full);
	assert_int_equal(keys->suite, SUITE_CHACHA20_POLY1305);
	assert_memory_equal(keys->repository, repository, sizeof(repository));
	assert_hex(keys->read_private, "5ff359dd455537714b159e5540915303bc0a5bc57b6616fa640a1f32a35f0e0b");
	assert_hex(keys->read_public, "553bd72ff69afe2db4fba7092747b723419914af8972c933c685d4cd9ccdb053");
	assert_hex(keys->signer.seed, "5d2e517396c5e8b6cc9ecff048c30f8784cecfa0f39990b72b260c44d66ceada");
	assert_hex(keys->signer.writer, "00000000000000000000000000000000");
	assert_hex(keys->owner_public, "91144bae41b221e057346e314f8fbfe49ae931f2342d59f03acab7aa5ee8b0a9");
	assert_memory_equal(keys->signer.public_key, keys->owner_public, KEY_SIZE);
	assert_hex(keys->shared, "b80a039710fbd5886a45197728398e6ed168da6357c1b94c02bfb6a675937981");
	assert_hex(keys->domain.tag, "6388bba7ecc93a822825b0f6583161cf");
	assert_hex(keys->domain.id_key, "4e8bce26903cce97f8c9bb457354722147430037d9668695f36f4f13c38a034d");
	assert_hex(keys->domain.chunker_key, "9a328e5103ff2c52d4336186039d669d5d1076a48623116b9a9e701d1cf18c4e");
	assert_hex(keys->domain.index_key, "4246cc7062f9e9132250f01c99097ce81ee128c67456ea815f17c0fdd360c054");
	assert_hex(keys->domain.summary_key, "5ce20347584d0cdf2a0f620cdb9f7b6fa283964afa8c2ad7a3aeda8ba8c78157");
	assert_int_equal(keys_label_secret(keys, secret), ERR_OK);
	assert_hex(secret, "7655bbb1dfa3c8c75e8e8bb51e3431d33f609ef2c774e6d8a4f506b276d1539a");
	assert_int_equal(keys_dump_text(keys, dump), ERR_OK);
	assert_string_equal(dump, "8df7a077db0a2ed5b6dfaeea3a2f536f");
	keys_free(keys);
	keys_free(NULL);
}

static void full_key_has_every_domain(void **state)
{
	struct keys *keys = fixed_keys("server"), *other = fixed_keys("mail");
	struct domain_keys domain;

	(void)state;
	assert_memory_not_equal(keys->domain.tag, other->domain.tag, DOMAIN_TAG_SIZE);
	assert_int_equal(keys_domain(keys, other->domain.tag, &domain), ERR_OK);
	assert_memory_equal(&domain, &other->domain, sizeof(domain));
	assert_int_equal(keys_domain(keys, keys->domain.tag, &domain), ERR_OK);
	assert_memory_equal(&domain, &keys->domain, sizeof(domain));
	keys_free(keys);
	keys_free(other);
}

static void backup_key_has_only_its_own(void **state)
{
	struct keys *keys = fixed_keys("server"), *other = fixed_keys("mail");
	struct domain_keys domain;
	uint8_t secret[KEY_SIZE];

	(void)state;
	keys->full = false;
	crypto_wipe(keys->root, KEY_SIZE);
	assert_int_equal(keys_domain(keys, keys->domain.tag, &domain), ERR_OK);
	assert_int_equal(keys_domain(keys, other->domain.tag, &domain), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_DOMAIN);
	assert_int_equal(keys_label_secret(keys, secret), ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	keys_free(keys);
	keys_free(other);
}

static void names_of_domains(void **state)
{
	static const uint8_t root[KEY_SIZE] = {1};
	char longest[DOMAIN_NAME_SIZE + 1];
	uint8_t tag[DOMAIN_TAG_SIZE];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[DOMAIN_NAME_SIZE] = '\0';
	assert_int_equal(keys_domain_tag(root, longest, tag), ERR_USAGE);
	assert_int_equal(failure_last()->id, PL_DOMAIN_NAME);
	longest[DOMAIN_NAME_SIZE - 1] = '\0';
	assert_int_equal(keys_domain_tag(root, longest, tag), ERR_OK);
	assert_int_equal(keys_domain_tag(root, "", tag), ERR_USAGE);
	assert_int_equal(keys_domain_tag(root, "a\nb", tag), ERR_USAGE);
	assert_int_equal(keys_domain_tag(root, "a\x7f", tag), ERR_USAGE);
	assert_int_equal(keys_domain_tag(root, "Pengadilan Agama Ternate", tag), ERR_OK);
}

static void unknown_suite_is_refused(void **state)
{
	static const uint8_t root[KEY_SIZE] = {1};
	struct keys *keys = keys_new();

	(void)state;
	assert_int_equal(keys_from_root(keys, repository, 9, root, "server"), ERR_UNSUPPORTED);
	assert_false(keys->full);
	keys_free(keys);
}

static void who_may_sign(void **state)
{
	struct keys *keys = fixed_keys("server");
	struct writer writers[2] = {{.id = {1}, .public_key = {11}}, {.id = {2}, .public_key = {22}, .revoked = true}};
	static const uint8_t owner[WRITER_ID_SIZE], other_domain[DOMAIN_TAG_SIZE] = {9}, stranger[WRITER_ID_SIZE] = {3};
	uint8_t key[KEY_SIZE];

	(void)state;
	memcpy(writers[0].domain, keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(writers[1].domain, keys->domain.tag, DOMAIN_TAG_SIZE);
	keys_set_writers(keys, mem_copy(writers, sizeof(writers)), 2);
	assert_int_equal(keys_writer(keys, owner, other_domain, false, key), ERR_OK);
	assert_memory_equal(key, keys->owner_public, KEY_SIZE);
	assert_int_equal(keys_writer(keys, writers[0].id, keys->domain.tag, false, key), ERR_OK);
	assert_memory_equal(key, writers[0].public_key, KEY_SIZE);
	assert_int_equal(keys_writer(keys, writers[0].id, other_domain, false, key), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_WRITER_UNKNOWN);
	assert_int_equal(keys_writer(keys, stranger, keys->domain.tag, true, key), ERR_CORRUPT);
	assert_int_equal(keys_writer(keys, writers[1].id, keys->domain.tag, false, key), ERR_CORRUPT);
	assert_int_equal(keys_writer(keys, writers[1].id, keys->domain.tag, true, key), ERR_OK);
	assert_memory_equal(key, writers[1].public_key, KEY_SIZE);
	keys_set_writers(keys, NULL, 0);
	assert_int_equal(keys_writer(keys, writers[0].id, keys->domain.tag, false, key), ERR_CORRUPT);
	keys_free(keys);
}

static void lack_of_memory_is_told(void **state)
{
	(void)state;
	mem_fail_at(1);
	assert_null(keys_new());
	mem_fail_at(0);
}

static int setup(void **state)
{
	(void)state;
	return crypto_setup() == ERR_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(derivations_are_frozen),
	    cmocka_unit_test(full_key_has_every_domain),
	    cmocka_unit_test(backup_key_has_only_its_own),
	    cmocka_unit_test(names_of_domains),
	    cmocka_unit_test(unknown_suite_is_refused),
	    cmocka_unit_test(who_may_sign),
	    cmocka_unit_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
