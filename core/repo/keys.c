/* What derives from what. `‖` joins bytes; every HKDF is HKDF-SHA256 without salt, and gives 32 bytes unless said otherwise.
 *
 *   root                 32 random bytes, drawn when the repository is made
 *   read key             X25519; private half = HKDF(root, "pulih read key")
 *   owner key            Ed25519; seed = HKDF(root, "pulih owner key"); the writer whose id is all zero
 *   pre-shared secret    HKDF(root, "pulih shared")
 *   label secret         HKDF(root, "pulih label")
 *   tag of a domain      HKDF(root, "pulih domain tag" ‖ name), 16 bytes
 *   its id key           HKDF(root, "pulih domain id" ‖ tag)
 *   its chunker key      HKDF(root, "pulih domain chunker" ‖ tag)
 *   its index key        HKDF(root, "pulih domain index" ‖ tag)
 *   its summary key      HKDF(root, "pulih domain summary" ‖ tag)
 *
 * No label is the beginning of another one, hence what follows it cannot turn one into another. A domain's secrets come from its
 * tag, not its name: whoever holds the root reads every domain that a place shows without knowing what the hosts were called. */
#include "core/repo/keys.h"

#include "core/base/buffer.h"
#include "core/base/mem.h"

struct keys *keys_new(void)
{
	return secret_new(sizeof(struct keys));
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	mem_free((void *)(uintptr_t)keys->writers);
	secret_free(keys, sizeof(*keys));
}

#define LABEL_MAX 32 /* bytes of the longest label */

/* HKDF(root, label ‖ tail) */
static enum err derive(
    const uint8_t root[KEY_SIZE], const char *label, const void *tail, size_t tail_size, uint8_t *out, size_t out_size)
{
	uint8_t info[LABEL_MAX + DOMAIN_NAME_SIZE];
	size_t length = strlen(label);

	memcpy(info, label, length);
	if (tail_size)
		memcpy(info + length, tail, tail_size);
	return hkdf(root, KEY_SIZE, NULL, 0, info, length + tail_size, out, out_size);
}

bool keys_domain_name_valid(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
			return false;
	return length > 0 && length < DOMAIN_NAME_SIZE;
}

enum err keys_dump_text(const struct keys *keys, char out[KEYS_DUMP_TEXT])
{
	uint8_t secret[(KEYS_DUMP_TEXT - 1) / 2];
	enum err err = derive(keys->domain.id_key, "pulih dump", NULL, 0, secret, sizeof(secret));

	if (err == ERR_OK)
		hex_encode(out, secret, sizeof(secret));
	return err;
}

enum err keys_domain_tag(const uint8_t root[KEY_SIZE], const char *name, uint8_t tag[DOMAIN_TAG_SIZE])
{
	if (!keys_domain_name_valid(name))
		return fail(PL_DOMAIN_NAME, "a domain's name has 1 to %d bytes and no control characters",
		    DOMAIN_NAME_SIZE - 1);
	return derive(root, "pulih domain tag", name, strlen(name), tag, DOMAIN_TAG_SIZE);
}

static enum err derive_domain(const uint8_t root[KEY_SIZE], const uint8_t tag[DOMAIN_TAG_SIZE], struct domain_keys *out)
{
	enum err err;

	memcpy(out->tag, tag, DOMAIN_TAG_SIZE);
	err = derive(root, "pulih domain id", tag, DOMAIN_TAG_SIZE, out->id_key, KEY_SIZE);
	if (err == ERR_OK)
		err = derive(root, "pulih domain chunker", tag, DOMAIN_TAG_SIZE, out->chunker_key, KEY_SIZE);
	if (err == ERR_OK)
		err = derive(root, "pulih domain index", tag, DOMAIN_TAG_SIZE, out->index_key, KEY_SIZE);
	if (err == ERR_OK)
		err = derive(root, "pulih domain summary", tag, DOMAIN_TAG_SIZE, out->summary_key, KEY_SIZE);
	return err;
}

enum err keys_from_root(struct keys *keys, const uint8_t repository[REPOSITORY_ID_SIZE], int suite,
    const uint8_t root[KEY_SIZE], const char *domain)
{
	uint8_t tag[DOMAIN_TAG_SIZE];
	enum err err;

	if (!suite_name(suite))
		return fail(PL_SUITE, "cipher suite %d", suite);
	err = keys_domain_tag(root, domain, tag);
	if (err == ERR_OK)
		err = derive_domain(root, tag, &keys->domain);
	if (err == ERR_OK)
		err = derive(root, "pulih read key", NULL, 0, keys->read_private, KEY_SIZE);
	if (err == ERR_OK)
		err = x25519_public(keys->read_private, keys->read_public);
	if (err == ERR_OK)
		err = derive(root, "pulih shared", NULL, 0, keys->shared, KEY_SIZE);
	if (err == ERR_OK)
		err = derive(root, "pulih owner key", NULL, 0, keys->signer.seed, KEY_SIZE);
	if (err == ERR_OK)
		err = ed25519_public(keys->signer.seed, keys->signer.public_key);
	if (err != ERR_OK)
		return err;
	memset(keys->signer.writer, 0, WRITER_ID_SIZE);
	memcpy(keys->owner_public, keys->signer.public_key, KEY_SIZE);
	memcpy(keys->repository, repository, REPOSITORY_ID_SIZE);
	memcpy(keys->root, root, KEY_SIZE);
	keys->suite = suite;
	keys->full = true;
	return ERR_OK;
}

void keys_set_writers(struct keys *keys, struct writer *writers, size_t count)
{
	mem_free((void *)(uintptr_t)keys->writers);
	keys->writers = writers;
	keys->writers_count = count;
}

enum err keys_label_secret(const struct keys *keys, uint8_t secret[KEY_SIZE])
{
	if (!keys->full)
		return fail(PL_KEY_FULL, "only the full key reads and writes the labels of writers");
	return derive(keys->root, "pulih label", NULL, 0, secret, KEY_SIZE);
}

enum err keys_domain(const struct keys *keys, const uint8_t tag[DOMAIN_TAG_SIZE], struct domain_keys *out)
{
	if (memcmp(tag, keys->domain.tag, DOMAIN_TAG_SIZE) == 0) {
		*out = keys->domain;
		return ERR_OK;
	}
	if (!keys->full)
		return fail(PL_KEY_DOMAIN, "this backup key is for one domain, and not for this one");
	return derive_domain(keys->root, tag, out);
}

static bool is_owner(const uint8_t writer[WRITER_ID_SIZE])
{
	static const uint8_t owner[WRITER_ID_SIZE];

	return memcmp(writer, owner, WRITER_ID_SIZE) == 0;
}

enum err keys_writer(const struct keys *keys, const uint8_t writer[WRITER_ID_SIZE],
    const uint8_t domain[DOMAIN_TAG_SIZE], bool allow_revoked, uint8_t public_key[KEY_SIZE])
{
	char id[2 * WRITER_ID_SIZE + 1];
	const struct writer *listed = NULL;

	if (is_owner(writer)) {
		memcpy(public_key, keys->owner_public, KEY_SIZE);
		return ERR_OK;
	}
	hex_encode(id, writer, WRITER_ID_SIZE);
	for (size_t i = 0; i < keys->writers_count && !listed; i++)
		if (memcmp(keys->writers[i].id, writer, WRITER_ID_SIZE) == 0)
			listed = &keys->writers[i];
	if (!listed)
		return fail(PL_WRITER_UNKNOWN, "the writer %s is not listed", id);
	if (memcmp(listed->domain, domain, DOMAIN_TAG_SIZE) != 0)
		return fail(PL_WRITER_UNKNOWN, "the writer %s belongs to another domain", id);
	if (listed->revoked && !allow_revoked)
		return fail(PL_WRITER_UNKNOWN, "the writer %s was revoked", id);
	memcpy(public_key, listed->public_key, KEY_SIZE);
	return ERR_OK;
}
