#include "core/repo/seal.h"

#include "core/base/mem.h"
#include "core/repo/keys.h"

#define INFO_MAX 64 /* bytes of "pulih box " and the longest purpose */

struct box_key {
	uint8_t key[KEY_SIZE];
	uint8_t commitment_key[KEY_SIZE];
	uint8_t commitment[HASH_SIZE];
};

static enum err derive(
    struct box_key *out, const uint8_t secret[KEY_SIZE], const uint8_t salt[SALT_SIZE], const char *purpose)
{
	static const char message[] = "pulih commit";
	uint8_t keys[2 * KEY_SIZE];
	char info[INFO_MAX];
	struct hmac *hmac = NULL;
	int length = snprintf(info, sizeof(info), "pulih box %s", purpose);
	enum err err = hkdf(secret, KEY_SIZE, salt, SALT_SIZE, info, (size_t)length, keys, sizeof(keys));

	if (err == ERR_OK) {
		memcpy(out->key, keys, KEY_SIZE);
		memcpy(out->commitment_key, keys + KEY_SIZE, KEY_SIZE);
		err = hmac_new(&hmac, out->commitment_key);
	}
	if (err == ERR_OK)
		err = hmac_prefixed(hmac, 0x01, message, sizeof(message) - 1, out->commitment);
	hmac_free(hmac);
	crypto_wipe(keys, sizeof(keys));
	return err;
}

enum err box_seal(struct buffer *out, int suite, const uint8_t secret[KEY_SIZE], const char *purpose,
    const void *associated, size_t associated_size, const void *plain, size_t size)
{
	uint8_t salt[SALT_SIZE];
	struct box_key key = {0};
	struct aead *aead = NULL;
	uint8_t *at;
	enum err err = crypto_random(salt, sizeof(salt));

	if (err == ERR_OK)
		err = derive(&key, secret, salt, purpose);
	if (err == ERR_OK)
		err = aead_new(&aead, suite, key.key);
	if (err == ERR_OK)
		err = size > SIZE_MAX - BOX_OVERHEAD ? fail(PL_NO_MEMORY, "a box of more than the address space")
						     : buffer_reserve(out, size + BOX_OVERHEAD);
	if (err != ERR_OK)
		goto done;
	at = out->data + out->length;
	memcpy(at, salt, SALT_SIZE);
	memcpy(at + SALT_SIZE, key.commitment, HASH_SIZE);
	err = aead_seal(aead, 0, associated, associated_size, plain, size, at + SALT_SIZE + HASH_SIZE);
	if (err == ERR_OK)
		out->length += size + BOX_OVERHEAD;
done:
	aead_free(aead);
	crypto_wipe(&key, sizeof(key));
	return err;
}

enum err box_open(struct buffer *out, int suite, const uint8_t secret[KEY_SIZE], const char *purpose,
    const void *associated, size_t associated_size, const void *box, size_t size)
{
	const uint8_t *at = box;
	struct box_key key = {0};
	struct aead *aead = NULL;
	enum err err;

	if (size < BOX_OVERHEAD)
		return fail(PL_SEAL_BROKEN, "a box of %zu bytes is too short", size);
	err = derive(&key, secret, at, purpose);
	if (err != ERR_OK)
		goto done;
	if (!crypto_equal(key.commitment, at + SALT_SIZE, HASH_SIZE)) {
		err = fail(PL_KEY_WRONG, "the box (%s) was sealed with another key", purpose);
		goto done;
	}
	err = aead_new(&aead, suite, key.key);
	if (err == ERR_OK)
		err = buffer_reserve(
		    out, size - BOX_OVERHEAD + 1); /* never nothing: an empty box needs a place to point to, too */
	if (err == ERR_OK)
		err = aead_open(aead, 0, associated, associated_size, at + SALT_SIZE + HASH_SIZE,
		    size - SALT_SIZE - HASH_SIZE, out->data + out->length);
	if (err == ERR_OK)
		out->length += size - BOX_OVERHEAD;
done:
	aead_free(aead);
	crypto_wipe(&key, sizeof(key));
	return err;
}

/* HKDF(X25519(private, peer) ‖ pre-shared secret, "pulih public box" ‖ public half ‖ read key). Both public keys are bound into
 * the secret, so that a box cannot be given another sender's half. */
static enum err public_secret(const struct keys *keys, const uint8_t private_key[KEY_SIZE],
    const uint8_t peer[KEY_SIZE], const uint8_t public_half[KEY_SIZE], uint8_t out[KEY_SIZE])
{
	static const char label[] = "pulih public box";
	uint8_t secret[2 * KEY_SIZE];
	uint8_t info[sizeof(label) - 1 + 2 * KEY_SIZE];
	enum err err = x25519_shared(private_key, peer, secret);

	memcpy(secret + KEY_SIZE, keys->shared, KEY_SIZE);
	memcpy(info, label, sizeof(label) - 1);
	memcpy(info + sizeof(label) - 1, public_half, KEY_SIZE);
	memcpy(info + sizeof(label) - 1 + KEY_SIZE, keys->read_public, KEY_SIZE);
	if (err == ERR_OK)
		err = hkdf(secret, sizeof(secret), NULL, 0, info, sizeof(info), out, KEY_SIZE);
	crypto_wipe(secret, sizeof(secret));
	return err;
}

enum err public_box_seal(struct buffer *out, const struct keys *keys, const char *purpose, const void *associated,
    size_t associated_size, const void *plain, size_t size)
{
	uint8_t private_key[KEY_SIZE] = {0}, public_half[KEY_SIZE], secret[KEY_SIZE] = {0};
	size_t start = out->length;
	enum err err = x25519_generate(private_key, public_half);

	if (err == ERR_OK)
		err = public_secret(keys, private_key, keys->read_public, public_half, secret);
	if (err == ERR_OK)
		err = buffer_append(out, public_half, KEY_SIZE);
	if (err == ERR_OK)
		err = box_seal(out, keys->suite, secret, purpose, associated, associated_size, plain, size);
	if (err != ERR_OK)
		out->length = start;
	crypto_wipe(private_key, sizeof(private_key));
	crypto_wipe(secret, sizeof(secret));
	return err;
}

enum err public_box_open(struct buffer *out, const struct keys *keys, int suite, const char *purpose,
    const void *associated, size_t associated_size, const void *box, size_t size)
{
	const uint8_t *at = box;
	uint8_t secret[KEY_SIZE] = {0};
	enum err err;

	if (!keys->full)
		return fail(PL_KEY_FULL, "only the full key opens what is sealed to it (%s)", purpose);
	if (size < PUBLIC_BOX_OVERHEAD)
		return fail(PL_SEAL_BROKEN, "a box of %zu bytes is too short", size);
	err = public_secret(keys, keys->read_private, at, at, secret);
	if (err == ERR_OK)
		err =
		    box_open(out, suite, secret, purpose, associated, associated_size, at + KEY_SIZE, size - KEY_SIZE);
	crypto_wipe(secret, sizeof(secret));
	return err;
}
