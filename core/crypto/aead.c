#include "core/crypto/crypto_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "core/base/mem.h"

#define NONCE_SIZE 12 /* both suites: RFC 5116, RFC 8439 */

struct aead {
	EVP_CIPHER_CTX *context; /* knows the cipher and the key; each message sets the nonce and the direction */
};

enum suite suite_for_this_machine(void)
{
	bool aes = false;

#if defined(__x86_64__) || defined(__i386__)
	aes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	aes = (getauxval(AT_HWCAP) & HWCAP_AES) && (getauxval(AT_HWCAP) & HWCAP_PMULL);
#endif
	return aes ? SUITE_AES_256_GCM : SUITE_CHACHA20_POLY1305;
}

const char *suite_name(int suite)
{
	switch (suite) {
	case SUITE_AES_256_GCM:
		return "AES-256-GCM";
	case SUITE_CHACHA20_POLY1305:
		return "ChaCha20-Poly1305";
	default:
		return NULL;
	}
}

enum err aead_new(struct aead **out, int suite, const uint8_t key[KEY_SIZE])
{
	const struct algorithms *known = crypto_algorithms();
	struct aead *aead;
	enum err err = ERR_OK;

	if (!known)
		return ERR_FAILED;
	if (!suite_name(suite))
		return fail(PL_SUITE, "cipher suite %d", suite);
	aead = mem_calloc(1, sizeof(*aead));
	if (!aead)
		return ERR_NOMEM;
	aead->context = EVP_CIPHER_CTX_new();
	if (!aead->context)
		err = fail(PL_NO_MEMORY, "no memory for a cipher");
	else if (EVP_EncryptInit_ex2(aead->context,
		     suite == SUITE_AES_256_GCM ? known->aes_256_gcm : known->chacha20_poly1305, key, NULL, NULL) != 1)
		err = crypto_fail(suite_name(suite));
	if (err != ERR_OK) {
		aead_free(aead);
		return err;
	}
	*out = aead;
	return ERR_OK;
}

void aead_free(struct aead *aead)
{
	if (!aead)
		return;
	EVP_CIPHER_CTX_free(aead->context);
	mem_free(aead);
}

/* 4 zero bytes, then the number big-endian. */
static void nonce_bytes(uint8_t out[NONCE_SIZE], uint64_t nonce)
{
	memset(out, 0, 4);
	for (int i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(nonce >> (56 - 8 * i));
}

/* Sets nonce, direction and associated data. EVP counts in int. */
static bool start(
    struct aead *aead, bool seal, uint64_t nonce, const void *associated, size_t associated_size, size_t size)
{
	uint8_t bytes[NONCE_SIZE];
	int done;

	if (size > INT_MAX || associated_size > INT_MAX)
		return false;
	nonce_bytes(bytes, nonce);
	return EVP_CipherInit_ex2(aead->context, NULL, NULL, bytes, seal ? 1 : 0, NULL) == 1 &&
	    (associated_size == 0 ||
		EVP_CipherUpdate(aead->context, NULL, &done, associated, (int)associated_size) == 1);
}

static bool transform(struct aead *aead, const void *in, size_t size, uint8_t *out)
{
	int done = 0;

	return size == 0 || (EVP_CipherUpdate(aead->context, out, &done, in, (int)size) == 1 && (size_t)done == size);
}

enum err aead_seal(struct aead *aead, uint64_t nonce, const void *associated, size_t associated_size, const void *plain,
    size_t size, void *out)
{
	uint8_t *sealed = out;
	uint8_t rest[EVP_MAX_BLOCK_LENGTH]; /* both suites are stream ciphers: nothing ever comes */
	int done;

	if (start(aead, true, nonce, associated, associated_size, size) && transform(aead, plain, size, sealed) &&
	    EVP_CipherFinal_ex(aead->context, rest, &done) == 1 &&
	    EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, sealed + size) == 1)
		return ERR_OK;
	return crypto_fail("sealing");
}

enum err aead_open(struct aead *aead, uint64_t nonce, const void *associated, size_t associated_size,
    const void *sealed, size_t sealed_size, void *out)
{
	uint8_t tag[TAG_SIZE];
	uint8_t rest[EVP_MAX_BLOCK_LENGTH];
	size_t size;
	int done;

	if (sealed_size < TAG_SIZE)
		return fail(PL_SEAL_BROKEN, "%zu sealed bytes are less than a tag", sealed_size);
	size = sealed_size - TAG_SIZE;
	memcpy(tag, (const uint8_t *)sealed + size, TAG_SIZE);
	if (!start(aead, false, nonce, associated, associated_size, size) ||
	    EVP_CIPHER_CTX_ctrl(aead->context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) != 1 ||
	    !transform(aead, sealed, size, out)) {
		crypto_wipe(out, size);
		return crypto_fail("opening sealed bytes");
	}
	if (EVP_CipherFinal_ex(aead->context, rest, &done) != 1) {
		crypto_wipe(out, size);
		ERR_clear_error();
		return fail(PL_SEAL_BROKEN, "%zu sealed bytes do not authenticate", sealed_size);
	}
	return ERR_OK;
}
