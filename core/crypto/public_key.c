#include "core/crypto/crypto_internal.h"

#include <openssl/err.h>

/* The library keeps its copy of a private key in its secure heap and zeroes it when the key is freed. */

static enum err private_of(EVP_PKEY **out, const char *type, const uint8_t bytes[KEY_SIZE])
{
	*out = EVP_PKEY_new_raw_private_key_ex(NULL, type, NULL, bytes, KEY_SIZE);
	return *out ? ERR_OK : crypto_fail(type);
}

static enum err public_of(EVP_PKEY **out, const char *type, const uint8_t bytes[KEY_SIZE])
{
	*out = EVP_PKEY_new_raw_public_key_ex(NULL, type, NULL, bytes, KEY_SIZE);
	return *out ? ERR_OK : crypto_fail(type);
}

static enum err derive_public(const char *type, const uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	EVP_PKEY *key = NULL;
	size_t size = KEY_SIZE;
	enum err err = private_of(&key, type, private_key);

	if (err == ERR_OK && (EVP_PKEY_get_raw_public_key(key, public_key, &size) != 1 || size != KEY_SIZE))
		err = crypto_fail(type);
	EVP_PKEY_free(key);
	return err;
}

enum err x25519_generate(uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	enum err err = crypto_random(private_key, KEY_SIZE);

	return err == ERR_OK ? x25519_public(private_key, public_key) : err;
}

enum err x25519_public(const uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	return derive_public("X25519", private_key, public_key);
}

/* RFC 7748, section 6.1: a peer of small order yields zero whatever our key is; the library then refuses to derive. */
enum err x25519_shared(const uint8_t private_key[KEY_SIZE], const uint8_t peer[KEY_SIZE], uint8_t out[KEY_SIZE])
{
	EVP_PKEY *own = NULL, *other = NULL;
	EVP_PKEY_CTX *context = NULL;
	size_t size = KEY_SIZE;
	enum err err = private_of(&own, "X25519", private_key);

	if (err == ERR_OK)
		err = public_of(&other, "X25519", peer);
	if (err != ERR_OK)
		goto done;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	if (!context) {
		err = fail(PL_NO_MEMORY, "no memory for a key exchange");
	} else if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, other) != 1) {
		err = crypto_fail("X25519");
	} else if (EVP_PKEY_derive(context, out, &size) != 1 || size != KEY_SIZE) {
		ERR_clear_error();
		err = fail(PL_SEAL_BROKEN, "the X25519 public key is none that a generator makes");
	}
done:
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(other);
	EVP_PKEY_free(own);
	return err;
}

enum err ed25519_public(const uint8_t seed[KEY_SIZE], uint8_t public_key[KEY_SIZE])
{
	return derive_public("ED25519", seed, public_key);
}

enum err ed25519_sign(const uint8_t seed[KEY_SIZE], const void *bytes, size_t size, uint8_t signature[SIGNATURE_SIZE])
{
	EVP_PKEY *key = NULL;
	EVP_MD_CTX *context = NULL;
	size_t length = SIGNATURE_SIZE;
	enum err err = private_of(&key, "ED25519", seed);

	if (err != ERR_OK)
		return err;
	context = EVP_MD_CTX_new();
	if (!context)
		err = fail(PL_NO_MEMORY, "no memory for a signature");
	else if (EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(context, signature, &length, size ? bytes : "", size) != 1 || length != SIGNATURE_SIZE)
		err = crypto_fail("Ed25519");
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return err;
}

enum err ed25519_verify(
    const uint8_t public_key[KEY_SIZE], const void *bytes, size_t size, const uint8_t signature[SIGNATURE_SIZE])
{
	EVP_PKEY *key = NULL;
	EVP_MD_CTX *context = NULL;
	enum err err = public_of(&key, "ED25519", public_key);

	if (err != ERR_OK)
		return err;
	context = EVP_MD_CTX_new();
	if (!context) {
		err = fail(PL_NO_MEMORY, "no memory for a signature");
	} else if (EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) != 1) {
		err = crypto_fail("Ed25519");
	} else if (EVP_DigestVerify(context, signature, SIGNATURE_SIZE, size ? bytes : "", size) != 1) {
		/* No distinction between "wrong" and "malformed": both are a signature that nobody made with this key. */
		ERR_clear_error();
		err = fail(PL_SIGNATURE, "the signature does not match");
	}
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return err;
}
