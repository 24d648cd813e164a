#include "core/crypto/crypto_internal.h"

#include "core/base/mem.h"

struct sha256 {
	EVP_MD_CTX *context;
};

enum err sha256(const void *bytes, size_t size, uint8_t out[HASH_SIZE])
{
	const struct algorithms *known = crypto_algorithms();

	if (!known)
		return ERR_FAILED;
	if (EVP_Digest(size ? bytes : "", size, out, NULL, known->sha256, NULL) != 1)
		return crypto_fail("SHA-256");
	return ERR_OK;
}

static enum err start(struct sha256 *hash)
{
	const struct algorithms *known = crypto_algorithms();

	if (!known)
		return ERR_FAILED;
	return EVP_DigestInit_ex2(hash->context, known->sha256, NULL) == 1 ? ERR_OK : crypto_fail("SHA-256");
}

enum err sha256_new(struct sha256 **out)
{
	struct sha256 *hash = mem_calloc(1, sizeof(*hash));
	enum err err;

	if (!hash)
		return ERR_NOMEM;
	hash->context = EVP_MD_CTX_new();
	err = hash->context ? start(hash) : fail(PL_NO_MEMORY, "no memory for a hash");
	if (err != ERR_OK) {
		sha256_free(hash);
		return err;
	}
	*out = hash;
	return ERR_OK;
}

void sha256_free(struct sha256 *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	mem_free(hash);
}

enum err sha256_update(struct sha256 *hash, const void *bytes, size_t size)
{
	if (size && EVP_DigestUpdate(hash->context, bytes, size) != 1)
		return crypto_fail("SHA-256");
	return ERR_OK;
}

enum err sha256_final(struct sha256 *hash, uint8_t out[HASH_SIZE])
{
	if (EVP_DigestFinal_ex(hash->context, out, NULL) != 1)
		return crypto_fail("SHA-256");
	return start(hash);
}
