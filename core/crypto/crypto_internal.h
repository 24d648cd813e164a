/* What the files of core/crypto share. */
#ifndef PULIH_CRYPTO_INTERNAL_H
#define PULIH_CRYPTO_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "core/crypto/crypto.h"

/* Fetched once for the whole process and never freed: a fetch takes a lock and a search, a use does not. */
struct algorithms {
	EVP_MD *sha256;
	EVP_CIPHER *aes_256_gcm;
	EVP_CIPHER *chacha20_poly1305;
	EVP_KDF *hkdf;
};

/* NULL after PL_CRYPTO: this OpenSSL lacks one of them. Thread-safe. */
const struct algorithms *crypto_algorithms(void);

/* PL_CRYPTO with the library's own reason behind `what`; empties the library's queue of errors. */
enum err crypto_fail(const char *what);

/* EVP_DigestUpdate() of bytes that may lie in memory far away; false where OpenSSL failed. */
bool crypto_digest(EVP_MD_CTX *context, const void *bytes, size_t size);

#endif
