/* Known answers of the standards, and that what is wrong is refused. */
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/crypto/crypto.h"
#include "tests/unit/hex.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

static void setup_protects_the_process(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(crypto_setup(), ERR_OK);
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
}

static void secrets_start_as_zeros(void **state)
{
	static const uint8_t zeros[100];
	uint8_t *secret = secret_new(sizeof(zeros));

	(void)state;
	assert_non_null(secret);
	assert_memory_equal(secret, zeros, sizeof(zeros));
	memset(secret, 0xAA, sizeof(zeros));
	secret_free(secret, sizeof(zeros));
	secret = secret_new(sizeof(zeros));
	assert_memory_equal(secret, zeros, sizeof(zeros));
	secret_free(secret, sizeof(zeros));
	secret_free(NULL, 10);
	mem_fail_at(1);
	assert_null(secret_new(32));
	mem_fail_at(0);
	assert_int_equal(failure_last()->id, PL_NO_MEMORY);
}

static void comparing_and_wiping(void **state)
{
	uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};

	(void)state;
	assert_false(crypto_equal(a, b, 4));
	assert_true(crypto_equal(a, b, 3));
	crypto_wipe(a, sizeof(a));
	assert_hex(a, "00000000");
	crypto_wipe(NULL, 0);
}

static void random_bytes_differ(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_int_equal(crypto_random(a, sizeof(a)), ERR_OK);
	assert_int_equal(crypto_random(b, sizeof(b)), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* FIPS 180-4's examples */
static void sha256_known_answers(void **state)
{
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	uint8_t out[HASH_SIZE];
	struct sha256 *hash = NULL;

	(void)state;
	assert_int_equal(sha256("abc", 3, out), ERR_OK);
	assert_hex(out, abc);
	assert_int_equal(sha256(NULL, 0, out), ERR_OK);
	assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(sha256_new(&hash), ERR_OK);
	for (int i = 0; i < 2; i++) { /* final starts anew */
		assert_int_equal(sha256_update(hash, "a", 1), ERR_OK);
		assert_int_equal(sha256_update(hash, NULL, 0), ERR_OK);
		assert_int_equal(sha256_update(hash, "bc", 2), ERR_OK);
		assert_int_equal(sha256_final(hash, out), ERR_OK);
		assert_hex(out, abc);
	}
	sha256_free(hash);
	sha256_free(NULL);
}

/* RFC 4231: a key that is padded with zeros is the same key. The prefix is the first byte of the standard's message. */
/* RFC 4231, cases 1, 2 and 6: a key below, and one beyond a block. */
static void hmac_once_known_answers(void **state)
{
	uint8_t key[131], out[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];

	(void)state;
	memset(key, 0x0b, 20);
	assert_int_equal(hmac_once(key, 20, "Hi There", 8, out), ERR_OK);
	assert_string_equal(
	    hex_encode(hex, out, sizeof(out)), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(hmac_once("Jefe", 4, "what do ya want for nothing?", 28, out), ERR_OK);
	assert_string_equal(
	    hex_encode(hex, out, sizeof(out)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_int_equal(
	    hmac_once(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, out), ERR_OK);
	assert_string_equal(
	    hex_encode(hex, out, sizeof(out)), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_known_answers(void **state)
{
	uint8_t key[KEY_SIZE] = {0}, out[HASH_SIZE];
	struct hmac *hmac = NULL;

	(void)state;
	memset(key, 0x0B, 20);
	assert_int_equal(hmac_new(&hmac, key), ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hmac_prefixed(hmac, 'H', "i There", 7, out), ERR_OK);
		assert_hex(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	}
	hmac_free(hmac);
	memset(key, 0, sizeof(key));
	memcpy(key, "Jefe", 4);
	assert_int_equal(hmac_new(&hmac, key), ERR_OK);
	assert_int_equal(hmac_prefixed(hmac, 'w', "hat do ya want for nothing?", 27, out), ERR_OK);
	assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(hmac_prefixed(hmac, 0, NULL, 0, out), ERR_OK);
	hmac_free(hmac);
	hmac_free(NULL);
}

/* RFC 5869, A.1 to A.3 */
static void hkdf_known_answers(void **state)
{
	uint8_t secret[80], salt[80], info[80], out[255 * 32 + 1];

	(void)state;
	memset(secret, 0x0B, 22);
	for (int i = 0; i < 80; i++) {
		salt[i] = (uint8_t)i;
		info[i] = (uint8_t)(0xF0 + i);
	}
	assert_int_equal(hkdf(secret, 22, salt, 13, info, 10, out, 42), ERR_OK);
	assert_hex(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	assert_int_equal(hkdf(secret, 22, NULL, 0, NULL, 0, out, 42), ERR_OK);
	assert_hex(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	for (int i = 0; i < 80; i++) {
		secret[i] = (uint8_t)i;
		salt[i] = (uint8_t)(0x60 + i);
		info[i] = (uint8_t)(0xB0 + i);
	}
	assert_int_equal(hkdf(secret, 80, salt, 80, info, 80, out, 82), ERR_OK);
	assert_hex(out,
	    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c"
	    "2f"
	    "09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
	assert_int_equal(hkdf(secret, 80, NULL, 0, NULL, 0, out, 255 * 32), ERR_OK);
	assert_int_equal(hkdf(secret, 80, NULL, 0, NULL, 0, out, 255 * 32 + 1), ERR_FAILED);
	assert_int_equal(failure_last()->id, PL_CRYPTO);
}

static const char draft[] =
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted "
    "by "
    "other documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them "
    "other than as /\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
#define DRAFT_SIZE (sizeof(draft) - 1)
#define DRAFT_NONCE UINT64_C(0x0102030405060708)

/* RFC 8439 A.5, whose nonce has our layout: 4 zero bytes, then 01 02 … 08. */
static void chacha20_poly1305_known_answer(void **state)
{
	uint8_t key[KEY_SIZE], associated[12], sealed[DRAFT_SIZE + TAG_SIZE];
	struct aead *aead = NULL;

	(void)state;
	unhex(key, "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
	unhex(associated, "f33388860000000000004e91");
	assert_int_equal(aead_new(&aead, SUITE_CHACHA20_POLY1305, key), ERR_OK);
	assert_int_equal(aead_seal(aead, DRAFT_NONCE, associated, 12, draft, DRAFT_SIZE, sealed), ERR_OK);
	assert_hex(sealed, "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2");
	assert_hex(sealed + DRAFT_SIZE, "eead9d67890cbb22392336fea1851f38");
	aead_free(aead);
}

/* Test cases 13 and 14 of the GCM specification, and the draft once more, computed with another implementation. */
static void aes_256_gcm_known_answers(void **state)
{
	uint8_t key[KEY_SIZE] = {0}, associated[12], plain[16] = {0}, sealed[DRAFT_SIZE + TAG_SIZE];
	struct aead *aead = NULL;

	(void)state;
	assert_int_equal(aead_new(&aead, SUITE_AES_256_GCM, key), ERR_OK);
	assert_int_equal(aead_seal(aead, 0, NULL, 0, NULL, 0, sealed), ERR_OK);
	assert_hex(sealed, "530f8afbc74536b9a963b4f1c4cb738b");
	assert_int_equal(aead_seal(aead, 0, NULL, 0, plain, sizeof(plain), sealed), ERR_OK);
	assert_hex(sealed, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
	aead_free(aead);
	unhex(key, "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
	unhex(associated, "f33388860000000000004e91");
	assert_int_equal(aead_new(&aead, SUITE_AES_256_GCM, key), ERR_OK);
	assert_int_equal(aead_seal(aead, DRAFT_NONCE, associated, 12, draft, DRAFT_SIZE, sealed), ERR_OK);
	assert_hex(sealed + DRAFT_SIZE, "8a6574b647b0be9ea1fa826d133195a5");
	aead_free(aead);
}

static void aead_refuses(struct aead *aead, uint64_t nonce, const char *associated, const uint8_t *sealed, size_t size)
{
	uint8_t out[64];

	memset(out, 0xEE, sizeof(out));
	assert_int_equal(aead_open(aead, nonce, associated, strlen(associated), sealed, size, out), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	for (size_t i = 0; size >= TAG_SIZE && i < size - TAG_SIZE; i++)
		assert_int_equal(out[i], 0); /* nothing that did not authenticate stays */
}

/* Every byte, the nonce, the associated data and the length count; sealing and opening take turns on one key, also in place. */
static void aead_opens_only_what_was_sealed(void **state)
{
	uint8_t key[KEY_SIZE] = {7}, bytes[20 + TAG_SIZE];

	(void)state;
	for (int suite = SUITE_AES_256_GCM; suite <= SUITE_CHACHA20_POLY1305; suite++) {
		struct aead *aead = NULL;

		assert_int_equal(aead_new(&aead, suite, key), ERR_OK);
		memcpy(bytes, "twenty bytes of text", 20);
		assert_int_equal(aead_seal(aead, 5, "head", 4, bytes, 20, bytes), ERR_OK);
		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] ^= 0x10;
			aead_refuses(aead, 5, "head", bytes, sizeof(bytes));
			bytes[i] ^= 0x10;
		}
		aead_refuses(aead, 6, "head", bytes, sizeof(bytes));
		aead_refuses(aead, 5, "heat", bytes, sizeof(bytes));
		aead_refuses(aead, 5, "hea", bytes, sizeof(bytes));
		aead_refuses(aead, 5, "head", bytes, sizeof(bytes) - 1);
		aead_refuses(aead, 5, "head", bytes, TAG_SIZE - 1);
		assert_int_equal(aead_open(aead, 5, "head", 4, bytes, sizeof(bytes), bytes), ERR_OK);
		assert_memory_equal(bytes, "twenty bytes of text", 20);
		aead_free(aead);
	}
}

static void suites(void **state)
{
	uint8_t key[KEY_SIZE] = {0};
	struct aead *aead = NULL;

	(void)state;
	assert_string_equal(suite_name(1), "AES-256-GCM");
	assert_string_equal(suite_name(2), "ChaCha20-Poly1305");
	assert_null(suite_name(0));
	assert_null(suite_name(3));
	assert_non_null(suite_name((int)suite_for_this_machine()));
	assert_int_equal(aead_new(&aead, 3, key), ERR_UNSUPPORTED);
	assert_int_equal(failure_last()->id, PL_SUITE);
	assert_null(aead);
	aead_free(NULL);
}

/* RFC 7748, sections 5.2 and 6.1 */
static void x25519_known_answers(void **state)
{
	uint8_t private_key[KEY_SIZE], peer[KEY_SIZE], out[KEY_SIZE];

	(void)state;
	unhex(private_key, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
	unhex(peer, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	assert_int_equal(x25519_shared(private_key, peer, out), ERR_OK);
	assert_hex(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	unhex(private_key, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	assert_int_equal(x25519_public(private_key, out), ERR_OK);
	assert_hex(out, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	unhex(peer, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(x25519_shared(private_key, peer, out), ERR_OK);
	assert_hex(out, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

static void x25519_pairs_agree_and_hostile_keys_do_not(void **state)
{
	uint8_t a[KEY_SIZE], b[KEY_SIZE], a_public[KEY_SIZE], b_public[KEY_SIZE], one[KEY_SIZE], other[KEY_SIZE];
	uint8_t small_order[KEY_SIZE] = {0};

	(void)state;
	assert_int_equal(x25519_generate(a, a_public), ERR_OK);
	assert_int_equal(x25519_generate(b, b_public), ERR_OK);
	assert_memory_not_equal(a, b, KEY_SIZE);
	assert_int_equal(x25519_shared(a, b_public, one), ERR_OK);
	assert_int_equal(x25519_shared(b, a_public, other), ERR_OK);
	assert_memory_equal(one, other, KEY_SIZE);
	for (uint8_t i = 0; i < 2; i++) { /* the points 0 and 1 */
		small_order[0] = i;
		assert_int_equal(x25519_shared(a, small_order, one), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_SEAL_BROKEN);
	}
}

/* RFC 8032, section 7.1, tests 1 and 2 */
static void ed25519_known_answers(void **state)
{
	static const struct {
		const char *seed, *message, *public_key, *signature;
	} known[] = {
	    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5"
		"f0595bbe24655141438e7a"
		"100b"},
	    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2e"
		"aeb4302aeeb00d291612bb"
		"0c00"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t seed[KEY_SIZE], public_key[KEY_SIZE], signature[SIGNATURE_SIZE], message[4];
		size_t size = unhex(message, known[i].message);

		unhex(seed, known[i].seed);
		assert_int_equal(ed25519_public(seed, public_key), ERR_OK);
		assert_hex(public_key, known[i].public_key);
		assert_int_equal(ed25519_sign(seed, message, size, signature), ERR_OK);
		assert_hex(signature, known[i].signature);
		assert_int_equal(ed25519_verify(public_key, message, size, signature), ERR_OK);
		for (size_t at = 0; at < SIGNATURE_SIZE; at++) {
			signature[at] ^= 1;
			assert_int_equal(ed25519_verify(public_key, message, size, signature), ERR_CORRUPT);
			assert_int_equal(failure_last()->id, PL_SIGNATURE);
			signature[at] ^= 1;
		}
		assert_int_equal(ed25519_verify(public_key, "other", 5, signature), ERR_CORRUPT);
		assert_int_equal(ed25519_verify(seed, message, size, signature), ERR_CORRUPT);
	}
}

static void *hash_often(void *context)
{
	uint8_t out[HASH_SIZE];

	for (int i = 0; i < 200; i++)
		if (sha256("abc", 3, out) != ERR_OK || crypto_setup() != ERR_OK)
			*(int *)context = 1;
	return NULL;
}

static void threads_share_the_algorithms(void **state)
{
	pthread_t threads[4];
	int failed[4] = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_often, &failed[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failed[i], 0);
	}
}

static void lack_of_memory_is_told(void **state)
{
	uint8_t key[KEY_SIZE] = {0};
	struct sha256 *hash = NULL;
	struct hmac *hmac = NULL;
	struct aead *aead = NULL;

	(void)state;
	mem_fail_at(1);
	assert_int_equal(sha256_new(&hash), ERR_NOMEM);
	assert_int_equal(hmac_new(&hmac, key), ERR_NOMEM);
	assert_int_equal(aead_new(&aead, SUITE_AES_256_GCM, key), ERR_NOMEM);
	mem_fail_at(0);
	assert_null(hash);
	assert_null(hmac);
	assert_null(aead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_share_the_algorithms),
	    cmocka_unit_test(setup_protects_the_process),
	    cmocka_unit_test(secrets_start_as_zeros),
	    cmocka_unit_test(comparing_and_wiping),
	    cmocka_unit_test(random_bytes_differ),
	    cmocka_unit_test(sha256_known_answers),
	    cmocka_unit_test(hmac_once_known_answers),
	    cmocka_unit_test(hmac_known_answers),
	    cmocka_unit_test(hkdf_known_answers),
	    cmocka_unit_test(chacha20_poly1305_known_answer),
	    cmocka_unit_test(aes_256_gcm_known_answers),
	    cmocka_unit_test(aead_opens_only_what_was_sealed),
	    cmocka_unit_test(suites),
	    cmocka_unit_test(x25519_known_answers),
	    cmocka_unit_test(x25519_pairs_agree_and_hostile_keys_do_not),
	    cmocka_unit_test(ed25519_known_answers),
	    cmocka_unit_test(lack_of_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
