#include "core/repo/pack_internal.h"

uint64_t pack_padded_size(uint64_t length)
{
	unsigned exponent, kept;
	uint64_t mask;

	if (length < 2)
		return length;
	/* As many significant bits as the exponent itself has: Nikitin et al., "Reducing Metadata Leakage from Encrypted
	 * Files and Communication with PURBs", PETS 2019, algorithm 1. */
	exponent = 63u - (unsigned)__builtin_clzll(length);
	kept = 32u - (unsigned)__builtin_clz(exponent);
	mask = (UINT64_C(1) << (exponent - kept)) - 1;
	return (length + mask) & ~mask;
}

struct pack_associated pack_associated(const uint8_t header[PACK_HEADER_SIZE], enum pack_part part, uint64_t number)
{
	struct pack_associated associated;

	memcpy(associated.bytes, header, PACK_HEADER_SIZE);
	associated.bytes[PACK_HEADER_SIZE] = (uint8_t)part;
	store_u64(associated.bytes + PACK_HEADER_SIZE + 1, number);
	return associated;
}

struct derivation {
	uint8_t secrets[2 * KEY_SIZE]; /* X25519 ‖ pre-shared secret */
	uint8_t keys[2 * KEY_SIZE];    /* pack key ‖ commit key */
};

enum err pack_derive(const uint8_t header[PACK_HEADER_SIZE], const uint8_t own[KEY_SIZE], const uint8_t peer[KEY_SIZE],
    const uint8_t shared[KEY_SIZE], uint8_t key[KEY_SIZE], uint8_t commitment[HASH_SIZE])
{
	static const char label[] = "pulih pack", text[] = "pulih commit";
	struct derivation *derivation = secret_new(sizeof(*derivation));
	struct hmac *hmac = NULL;
	enum err err;

	if (!derivation)
		return ERR_NOMEM;
	err = x25519_shared(own, peer, derivation->secrets);
	if (err != ERR_OK)
		goto done;
	memcpy(derivation->secrets + KEY_SIZE, shared, KEY_SIZE);
	err = hkdf(derivation->secrets, sizeof(derivation->secrets), header, PACK_AT_COMMITMENT, label, strlen(label),
	    derivation->keys, sizeof(derivation->keys));
	if (err != ERR_OK)
		goto done;
	err = hmac_new(&hmac, derivation->keys + KEY_SIZE);
	if (err != ERR_OK)
		goto done;
	err = hmac_prefixed(hmac, 1, text, strlen(text), commitment);
	memcpy(key, derivation->keys, KEY_SIZE);
done:
	hmac_free(hmac);
	secret_free(derivation, sizeof(*derivation));
	return err;
}
