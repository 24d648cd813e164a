#include "core/crypto/crypto_internal.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "core/base/mem.h"

#define BLOCK_SIZE 64 /* SHA-256's block: RFC 2104 pads the key to it */

/* HMAC(key, m) = H(key ^ opad ‖ H(key ^ ipad ‖ m)). Both first blocks are hashed once, when the key is set; a message then
 * costs two copies of a state instead of two blocks and a look-up of the algorithm. Chunk ids are made this way. */
struct hmac {
	EVP_MD_CTX *inner, *outer; /* after the padded key */
	EVP_MD_CTX *work;
};

static bool start(EVP_MD_CTX *context, const EVP_MD *hash, const uint8_t key[KEY_SIZE], uint8_t pad)
{
	uint8_t block[BLOCK_SIZE];
	bool good;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)((i < KEY_SIZE ? key[i] : 0) ^ pad);
	good = EVP_DigestInit_ex2(context, hash, NULL) == 1 && EVP_DigestUpdate(context, block, sizeof(block)) == 1;
	crypto_wipe(block, sizeof(block));
	return good;
}

enum err hmac_new(struct hmac **out, const uint8_t key[KEY_SIZE])
{
	const struct algorithms *known = crypto_algorithms();
	struct hmac *hmac;
	enum err err = ERR_OK;

	if (!known)
		return ERR_FAILED;
	hmac = mem_calloc(1, sizeof(*hmac));
	if (!hmac)
		return ERR_NOMEM;
	hmac->inner = EVP_MD_CTX_new();
	hmac->outer = EVP_MD_CTX_new();
	hmac->work = EVP_MD_CTX_new();
	if (!hmac->inner || !hmac->outer || !hmac->work)
		err = fail(PL_NO_MEMORY, "no memory for an HMAC");
	else if (!start(hmac->inner, known->sha256, key, 0x36) || !start(hmac->outer, known->sha256, key, 0x5C))
		err = crypto_fail("HMAC-SHA256");
	if (err != ERR_OK) {
		hmac_free(hmac);
		return err;
	}
	*out = hmac;
	return ERR_OK;
}

void hmac_free(struct hmac *hmac)
{
	if (!hmac)
		return;
	EVP_MD_CTX_free(hmac->inner);
	EVP_MD_CTX_free(hmac->outer);
	EVP_MD_CTX_free(hmac->work);
	mem_free(hmac);
}

enum err hmac_prefixed(struct hmac *hmac, uint8_t prefix, const void *bytes, size_t size, uint8_t out[HASH_SIZE])
{
	uint8_t inner[HASH_SIZE];

	if (EVP_MD_CTX_copy_ex(hmac->work, hmac->inner) == 1 && EVP_DigestUpdate(hmac->work, &prefix, 1) == 1 &&
	    crypto_digest(hmac->work, bytes, size) && EVP_DigestFinal_ex(hmac->work, inner, NULL) == 1 &&
	    EVP_MD_CTX_copy_ex(hmac->work, hmac->outer) == 1 &&
	    EVP_DigestUpdate(hmac->work, inner, sizeof(inner)) == 1 && EVP_DigestFinal_ex(hmac->work, out, NULL) == 1)
		return ERR_OK;
	return crypto_fail("HMAC-SHA256");
}

/* OSSL_PARAM takes what it only reads as if it were written. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t size)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, size);
}

enum err hkdf(const void *secret, size_t secret_size, const void *salt, size_t salt_size, const void *info,
    size_t info_size, void *out, size_t out_size)
{
	static char hash_name[] = "SHA256";
	const struct algorithms *known = crypto_algorithms();
	OSSL_PARAM parameters[5];
	EVP_KDF_CTX *context;
	size_t n = 0;
	enum err err = ERR_OK;

	if (!known)
		return ERR_FAILED;
	parameters[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash_name, 0);
	parameters[n++] = octets(OSSL_KDF_PARAM_KEY, secret, secret_size);
	if (salt_size)
		parameters[n++] = octets(OSSL_KDF_PARAM_SALT, salt, salt_size);
	if (info_size)
		parameters[n++] = octets(OSSL_KDF_PARAM_INFO, info, info_size);
	parameters[n] = OSSL_PARAM_construct_end();
	context = EVP_KDF_CTX_new(known->hkdf);
	if (!context)
		return fail(PL_NO_MEMORY, "no memory for a derivation");
	if (EVP_KDF_derive(context, out, out_size, parameters) != 1)
		err = crypto_fail("HKDF-SHA256");
	EVP_KDF_CTX_free(context);
	return err;
}

enum err hmac_once(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t out[HASH_SIZE])
{
	size_t length = 0;

	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_size, bytes, size, out, HASH_SIZE, &length) &&
	    length == HASH_SIZE)
		return ERR_OK;
	return crypto_fail("HMAC");
}
