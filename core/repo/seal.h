/* Sealed boxes: small objects and parts of objects (index, snapshot, record, key slot) share one shape.
 *
 *   box = salt (32) ‖ commitment (32) ‖ AEAD(key, nonce 0, associated, plain) ‖ tag (16)
 *   key ‖ commitment key = HKDF-SHA256(secret, salt, "pulih box " ‖ purpose), 64 bytes
 *   commitment = HMAC(commitment key, 0x01 ‖ "pulih commit")
 * The random salt makes the key fresh for every box, hence nonce 0. The commitment is checked before anything is opened. */
#ifndef PULIH_REPO_SEAL_H
#define PULIH_REPO_SEAL_H

#include "core/base/buffer.h"
#include "core/crypto/crypto.h"

#define BOX_OVERHEAD (SALT_SIZE + HASH_SIZE + TAG_SIZE)

/* Appends a box to `out`. */
enum err box_seal(struct buffer *out, int suite, const uint8_t secret[KEY_SIZE], const char *purpose,
    const void *associated, size_t associated_size, const void *plain, size_t size);
/* Appends the plain bytes to `out`. PL_SEAL_BROKEN (ERR_CORRUPT); a commitment that does not match means another key:
 * PL_KEY_WRONG (ERR_KEY). */
enum err box_open(struct buffer *out, int suite, const uint8_t secret[KEY_SIZE], const char *purpose,
    const void *associated, size_t associated_size, const void *box, size_t size);

/* A box to the read key: X25519 public key made for this box (32) ‖ box whose secret is HKDF-SHA256(X25519(private half, read
 * key) ‖ pre-shared secret, no salt, "pulih public box" ‖ public half ‖ read key). Whoever seals cannot open. */
#define PUBLIC_BOX_OVERHEAD (KEY_SIZE + BOX_OVERHEAD)
struct keys;
enum err public_box_seal(struct buffer *out, const struct keys *keys, const char *purpose, const void *associated,
    size_t associated_size, const void *plain, size_t size);
/* Needs a full key: PL_KEY_FULL (ERR_KEY) without. */
enum err public_box_open(struct buffer *out, const struct keys *keys, int suite, const char *purpose,
    const void *associated, size_t associated_size, const void *box, size_t size);

#endif
