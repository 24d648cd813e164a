/* Crypto primitives: thin, checked calls into OpenSSL 3 and libargon2. No format knowledge here.
 * Every function that can fail returns PL_CRYPTO (ERR_FAILED) unless said otherwise. */
#ifndef PULIH_CRYPTO_CRYPTO_H
#define PULIH_CRYPTO_CRYPTO_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32	  /* SHA-256, HMAC-SHA256 */
#define KEY_SIZE 32	  /* every symmetric key, X25519 and Ed25519 key, seed */
#define SIGNATURE_SIZE 64 /* Ed25519 */
#define TAG_SIZE 16	  /* AEAD tag of both suites */
#define SALT_SIZE 32

/* Prepares the secure heap, keeps core dumps and ptrace off this process, has the JSON library allocate through mem.h and zero what it
 * frees. Called once by main and by tests, before other threads; idempotent. */
enum err crypto_setup(void);

void crypto_wipe(void *memory, size_t size);
/* Constant-time. */
bool crypto_equal(const void *a, const void *b, size_t size);
enum err crypto_random(void *out, size_t size);

/* Locked memory that is zeroed when freed. PL_NO_MEMORY. secret_free(NULL, n) does nothing. */
void *secret_new(size_t size);
void secret_free(void *secret, size_t size);

/* ---- hashes ---- */

enum err sha256(const void *bytes, size_t size, uint8_t out[HASH_SIZE]);

struct sha256; /* streaming */
enum err sha256_new(struct sha256 **out);
void sha256_free(struct sha256 *hash);
enum err sha256_update(struct sha256 *hash, const void *bytes, size_t size);
/* Writes the hash of everything since the last final, and starts anew. */
enum err sha256_final(struct sha256 *hash, uint8_t out[HASH_SIZE]);

/* HMAC-SHA256 under one key, prepared once, used for many messages. Not to be shared between threads. */
struct hmac;
enum err hmac_new(struct hmac **out, const uint8_t key[KEY_SIZE]);
void hmac_free(struct hmac *hmac);
/* HMAC(key, prefix ‖ bytes) where prefix is one byte. */
enum err hmac_prefixed(struct hmac *hmac, uint8_t prefix, const void *bytes, size_t size, uint8_t out[HASH_SIZE]);

/* HMAC-SHA256 of one message under a key of any size up to 2^31 - 1 bytes. */
enum err hmac_once(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t out[HASH_SIZE]);

/* HKDF-SHA256(secret, salt, info) of KEY_SIZE bytes or another size up to 255 × 32. salt may be NULL with size 0. */
enum err hkdf(const void *secret, size_t secret_size, const void *salt, size_t salt_size, const void *info,
    size_t info_size, void *out, size_t out_size);

/* ---- AEAD ---- */

/* Numbers are in files: never change them. */
enum suite { SUITE_AES_256_GCM = 1, SUITE_CHACHA20_POLY1305 = 2 };

/* AES-256-GCM where this CPU has AES instructions, else ChaCha20-Poly1305. */
enum suite suite_for_this_machine(void);
/* "AES-256-GCM"; NULL for a number that this program does not know. */
const char *suite_name(int suite);

/* One key, prepared once. The nonce is a 64-bit number (12 bytes on the wire: 4 zero bytes, then the number big-endian).
 * Using a number twice under one key destroys both messages' secrecy: callers number by position. Not to be shared
 * between threads. */
struct aead;
/* PL_SUITE (ERR_UNSUPPORTED) for an unknown suite. */
enum err aead_new(struct aead **out, int suite, const uint8_t key[KEY_SIZE]);
void aead_free(struct aead *aead);
/* Writes size + TAG_SIZE bytes at `out`; out may be equal to `plain`. */
enum err aead_seal(struct aead *aead, uint64_t nonce, const void *associated, size_t associated_size, const void *plain,
    size_t size, void *out);
/* `sealed_size` counts the tag; writes sealed_size - TAG_SIZE bytes; out may be equal to `sealed`. What does not
 * authenticate is PL_SEAL_BROKEN (ERR_CORRUPT), and `out` is wiped. */
enum err aead_open(struct aead *aead, uint64_t nonce, const void *associated, size_t associated_size,
    const void *sealed, size_t sealed_size, void *out);

/* ---- public keys ---- */

/* A fresh X25519 pair. `private_key` should be secret memory. */
enum err x25519_generate(uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE]);
enum err x25519_public(const uint8_t private_key[KEY_SIZE], uint8_t public_key[KEY_SIZE]);
/* An all-zero result (a hostile public key) is PL_SEAL_BROKEN. */
enum err x25519_shared(const uint8_t private_key[KEY_SIZE], const uint8_t peer[KEY_SIZE], uint8_t out[KEY_SIZE]);

enum err ed25519_public(const uint8_t seed[KEY_SIZE], uint8_t public_key[KEY_SIZE]);
enum err ed25519_sign(const uint8_t seed[KEY_SIZE], const void *bytes, size_t size, uint8_t signature[SIGNATURE_SIZE]);
/* PL_SIGNATURE (ERR_CORRUPT) where it does not match. */
enum err ed25519_verify(
    const uint8_t public_key[KEY_SIZE], const void *bytes, size_t size, const uint8_t signature[SIGNATURE_SIZE]);

/* ---- passphrases ---- */

struct kdf_cost {
	uint32_t memory_kib; /* Argon2id m */
	uint32_t passes;     /* t */
	uint32_t lanes;	     /* p */
};

/* RFC 9106 section 4, second recommended option: it keeps the memory promise on small machines. */
#define KDF_DEFAULT ((struct kdf_cost){.memory_kib = 64 * 1024, .passes = 3, .lanes = 4})
#define KDF_SALT_SIZE 16

/* Bounds that are checked before any memory is asked for, so that a hostile slot cannot demand a terabyte or a year:
 * 8 MiB … 1 GiB, 1 … 16 passes, 1 … 16 lanes, and memory × passes at most 4 GiB. PL_KDF_BOUNDS (ERR_LIMIT). */
enum err kdf_check(const struct kdf_cost *cost);
/* Argon2id (version 0x13) of a passphrase, on the calling thread alone. Checks the bounds itself. */
enum err kdf_derive(const struct kdf_cost *cost, const uint8_t salt[KDF_SALT_SIZE], const void *passphrase, size_t size,
    uint8_t out[KEY_SIZE]);

/* ---- recovery code ---- */

/* 20 random bytes (160 bits: beyond any search) and a 2-byte check, as 36 Crockford base-32 characters (no I, L, O, U) in
 * 6 groups of 6: "4F7K2M-…". recovery_format returns out, or NULL after PL_CRYPTO. */
#define RECOVERY_BYTES 20
#define RECOVERY_TEXT 42 /* characters with the dashes and the NUL */
char *recovery_format(const uint8_t code[RECOVERY_BYTES], char out[RECOVERY_TEXT]);
/* Forgives lower case, spaces, missing dashes, and O/0, I/L/1. False where the check does not match: a typing error. */
bool recovery_parse(const char *text, uint8_t code[RECOVERY_BYTES]);

#endif
