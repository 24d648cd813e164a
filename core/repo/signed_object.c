#include "core/repo/signed_object.h"

#include "core/repo/seal.h"

#define VERSION 1
#define MAGIC_SIZE 8
#define VERSION_OFFSET 8
#define RESERVED_OFFSET 11
#define FLAGS_OFFSET 12
#define REPOSITORY_OFFSET 16

void signed_object_start(const struct signed_object *kind, const struct keys *keys, uint8_t *header)
{
	memset(header, 0, SIGNED_OBJECT_OWN);
	memcpy(header, kind->magic, MAGIC_SIZE);
	store_u16(header + VERSION_OFFSET, VERSION);
	header[SIGNED_OBJECT_SUITE] = (uint8_t)keys->suite;
	memcpy(header + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + SIGNED_OBJECT_DOMAIN, keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(header + SIGNED_OBJECT_WRITER, keys->signer.writer, WRITER_ID_SIZE);
}

enum err signed_object_sign(const struct keys *keys, size_t start, struct buffer *bytes)
{
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	enum err err = sha256(bytes->data + start, bytes->length - start, hash);

	if (err == ERR_OK)
		err = ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature);
	return err == ERR_OK ? buffer_append(bytes, signature, sizeof(signature)) : err;
}

enum err signed_object_check(
    const struct signed_object *kind, const struct keys *keys, const uint8_t *bytes, size_t size)
{
	if (size < kind->least || size > kind->most)
		return fail(kind->broken, "it has a size that no %s has", kind->name);
	if (memcmp(bytes, kind->magic, MAGIC_SIZE) != 0)
		return fail(kind->broken, "it is no %s", kind->name);
	if (load_u16(bytes + VERSION_OFFSET) != VERSION)
		return fail(PL_FORMAT_VERSION, "it is of version %u", load_u16(bytes + VERSION_OFFSET));
	if (!suite_name(bytes[SIGNED_OBJECT_SUITE]))
		return fail(PL_SUITE, "it uses suite %u", bytes[SIGNED_OBJECT_SUITE]);
	if (bytes[RESERVED_OFFSET] != 0 || load_u32(bytes + FLAGS_OFFSET) != 0)
		return fail(PL_FORMAT_VERSION, "it has flags %02x %08x", bytes[RESERVED_OFFSET],
		    load_u32(bytes + FLAGS_OFFSET));
	if (memcmp(bytes + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return fail(kind->broken, "it belongs to another repository");
	return ERR_OK;
}

enum err signed_object_verify(const uint8_t public_key[KEY_SIZE], const uint8_t *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE];
	size_t signed_size = size - SIGNATURE_SIZE;
	enum err err = sha256(bytes, signed_size, hash);

	return err == ERR_OK ? ed25519_verify(public_key, hash, sizeof(hash), bytes + signed_size) : err;
}

enum err signed_object_verify_writer(const struct keys *keys, const uint8_t *bytes, size_t size)
{
	uint8_t public_key[KEY_SIZE];
	enum err err = keys_writer(keys, bytes + SIGNED_OBJECT_WRITER, bytes + SIGNED_OBJECT_DOMAIN, true, public_key);

	return err == ERR_OK ? signed_object_verify(public_key, bytes, size) : err;
}

enum err signed_object_misfit(const struct signed_object *kind, enum err err)
{
	return err == ERR_KEY ? fail(kind->broken, "%s", kind->misfit) : err;
}

enum err signed_object_open(const struct signed_object *kind, const struct keys *keys, const uint8_t *bytes,
    const char *purpose, const uint8_t *box, size_t size, struct buffer *out)
{
	struct domain_keys domain = {0};
	enum err err = keys_domain(keys, bytes + SIGNED_OBJECT_DOMAIN, &domain);

	if (err == ERR_OK) {
		err = box_open(
		    out, bytes[SIGNED_OBJECT_SUITE], domain.summary_key, purpose, bytes, kind->header_size, box, size);
		err = signed_object_misfit(kind, err);
	}
	crypto_wipe(&domain, sizeof(domain));
	return err;
}
