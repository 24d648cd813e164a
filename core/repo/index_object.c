#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/index_internal.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"
#include "core/repo/seal.h"

#include <zstd.h>

#define MAGIC "PULIHIDX"
#define MAGIC_SIZE 8
#define VERSION 1
#define HEADER_SIZE 64
#define PURPOSE "index"
#define LEVEL 3 /* keys are random and do not shrink; lengths do, at any level */

static enum err append_header(const struct keys *keys, struct buffer *bytes)
{
	enum err err = buffer_reserve(bytes, HEADER_SIZE);
	uint8_t *at = bytes->data + bytes->length;

	if (err != ERR_OK)
		return err;
	memset(at, 0, HEADER_SIZE);
	memcpy(at, MAGIC, MAGIC_SIZE);
	store_u16(at + 8, VERSION);
	at[10] = (uint8_t)keys->suite;
	memcpy(at + 16, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(at + 32, keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(at + 48, keys->signer.writer, WRITER_ID_SIZE);
	bytes->length += HEADER_SIZE;
	return ERR_OK;
}

static enum err encode_packs(const struct index_pack *packs, size_t count, struct buffer *plain)
{
	enum err err = buffer_append_varint(plain, count);

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = buffer_append(plain, packs[i].id, OBJECT_ID_SIZE);
		if (err == ERR_OK)
			err = buffer_append_u8(plain, packs[i].directory.type);
		if (err == ERR_OK)
			err = buffer_append_varint(plain, packs[i].size);
		if (err == ERR_OK)
			err = directory_encode(&packs[i].directory, plain);
	}
	if (err == ERR_OK && plain->length > INDEX_MAX)
		err = fail(PL_INDEX_BROKEN, "an index object of %zu bytes would be larger than any reader accepts",
		    plain->length);
	return err;
}

static enum err compress(const struct buffer *plain, struct buffer *out)
{
	enum err err = buffer_reserve(out, ZSTD_compressBound(plain->length));
	size_t size;

	if (err != ERR_OK)
		return err;
	size = ZSTD_compress(out->data, out->capacity, plain->data, plain->length, LEVEL);
	if (ZSTD_isError(size))
		return fail(PL_NO_MEMORY, "cannot compress an index object: %s", ZSTD_getErrorName(size));
	out->length = size;
	return ERR_OK;
}

static enum err append_signature(const struct keys *keys, struct buffer *bytes)
{
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	enum err err = sha256(bytes->data, bytes->length, hash);

	if (err == ERR_OK)
		err = ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature);
	return err == ERR_OK ? buffer_append(bytes, signature, sizeof(signature)) : err;
}

enum err index_object_encode(const struct keys *keys, const struct index_pack *packs, size_t count,
    struct buffer *bytes, uint8_t id[OBJECT_ID_SIZE])
{
	struct buffer plain = {0}, compressed = {0};
	uint8_t header[HEADER_SIZE];
	enum err err = encode_packs(packs, count, &plain);

	buffer_clear(bytes);
	if (err == ERR_OK)
		err = compress(&plain, &compressed);
	if (err == ERR_OK)
		err = append_header(keys, bytes);
	if (err != ERR_OK)
		goto done;
	memcpy(header, bytes->data, HEADER_SIZE);
	err = box_seal(bytes, keys->suite, keys->domain.index_key, PURPOSE, header, HEADER_SIZE, compressed.data,
	    compressed.length);
	if (err == ERR_OK)
		err = append_signature(keys, bytes);
	if (err == ERR_OK && bytes->length > INDEX_MAX)
		err = fail(PL_INDEX_BROKEN, "an index object of %zu bytes would be larger than any reader accepts",
		    bytes->length);
	if (err == ERR_OK)
		err = sha256(bytes->data, bytes->length, id);
done:
	buffer_free(&plain);
	buffer_free(&compressed);
	return err;
}

/* ---- reading ---- */

static enum err broken(const char *what)
{
	return fail(PL_INDEX_BROKEN, "%s", what);
}

static enum err check_name(const uint8_t id[OBJECT_ID_SIZE], const uint8_t *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE];
	enum err err;

	if (size < HEADER_SIZE + BOX_OVERHEAD + SIGNATURE_SIZE || size > INDEX_MAX)
		return fail(PL_INDEX_BROKEN, "it has %zu bytes, which no index object can have", size);
	err = sha256(bytes, size, hash);
	if (err != ERR_OK)
		return err;
	return memcmp(hash, id, sizeof(hash)) == 0 ? ERR_OK : broken("its bytes do not match its name");
}

static enum err check_header(const struct keys *keys, const struct domain_keys *domain, const uint8_t *header)
{
	if (memcmp(header, MAGIC, MAGIC_SIZE) != 0)
		return broken("it does not start as an index object");
	if (load_u16(header + 8) != VERSION)
		return fail(PL_FORMAT_VERSION, "its version is %u, known is %d", load_u16(header + 8), VERSION);
	if (!suite_name(header[10]))
		return fail(PL_SUITE, "its cipher suite is %u", header[10]);
	if (header[11] != 0 || load_u32(header + 12) != 0)
		return fail(
		    PL_FORMAT_VERSION, "its flags are %02x %08x, none is known", header[11], load_u32(header + 12));
	if (memcmp(header + 16, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return broken("it belongs to another repository");
	if (memcmp(header + 32, domain->tag, DOMAIN_TAG_SIZE) != 0)
		return broken("it belongs to another domain");
	return ERR_OK;
}

/* A writer that was revoked later has signed what the backups before that need: its objects stay readable. */
static enum err check_signature(
    const struct keys *keys, const struct domain_keys *domain, const uint8_t *bytes, size_t size)
{
	uint8_t public_key[KEY_SIZE], hash[HASH_SIZE];
	enum err err = keys_writer(keys, bytes + 48, domain->tag, true, public_key);

	if (err == ERR_OK)
		err = sha256(bytes, size - SIGNATURE_SIZE, hash);
	return err == ERR_OK ? ed25519_verify(public_key, hash, sizeof(hash), bytes + size - SIGNATURE_SIZE) : err;
}

bool index_object_revoked(const struct keys *keys, const void *object, size_t size)
{
	for (size_t i = 0; i < keys->writers_count && size >= HEADER_SIZE; i++)
		if (keys->writers[i].revoked &&
		    memcmp((const uint8_t *)object + 48, keys->writers[i].id, WRITER_ID_SIZE) == 0)
			return true;
	return false;
}

static enum err decompress(const struct buffer *compressed, struct buffer *plain)
{
	unsigned long long raw = ZSTD_getFrameContentSize(compressed->data, compressed->length);
	size_t size;
	enum err err;

	/* The error values are the two largest numbers. */
	if (raw > INDEX_MAX)
		return broken("its contents say no length, or one that is too large");
	err = buffer_reserve(plain, (size_t)raw);
	if (err != ERR_OK)
		return err;
	size = ZSTD_decompress(plain->data, (size_t)raw, compressed->data, compressed->length);
	if (ZSTD_isError(size) || size != raw)
		return broken("its contents do not decompress");
	plain->length = size;
	return ERR_OK;
}

static enum err decode_pack(struct cursor *cursor, struct index_pack *pack)
{
	const struct directory_frame *last;
	uint8_t type;
	enum err err;

	cursor_copy(cursor, pack->id, OBJECT_ID_SIZE);
	cursor_u8(cursor, &type);
	cursor_varint(cursor, &pack->size);
	if (cursor->bad)
		return broken("its contents end early");
	if (type != PACK_DATA && type != PACK_METADATA)
		return fail(PL_INDEX_BROKEN, "a pack in it is of the unknown type %u", type);
	if (pack->size > PACK_MAX)
		return fail(PL_INDEX_BROKEN, "a pack in it has %llu bytes", (unsigned long long)pack->size);
	err = directory_decode(cursor, type, &pack->directory);
	if (err != ERR_OK || pack->directory.frames_count == 0)
		return err;
	last = &pack->directory.frames[pack->directory.frames_count - 1];
	if (last->offset + last->stored_size + TAG_SIZE > pack->size)
		return broken("a pack in it is shorter than its frames");
	return ERR_OK;
}

static enum err decode_packs(const struct buffer *plain, index_pack_visit visit, void *context)
{
	struct cursor cursor = cursor_of(plain->data, plain->length);
	uint64_t count;

	cursor_varint(&cursor, &count);
	for (uint64_t i = 0; i < count && !cursor.bad; i++) {
		struct index_pack pack = {0};
		enum err err = decode_pack(&cursor, &pack);

		if (err == ERR_OK)
			err = visit(context, &pack);
		directory_free(&pack.directory);
		if (err != ERR_OK)
			return err;
	}
	if (cursor.bad)
		return broken("its contents end early");
	return cursor_left(&cursor) == 0 ? ERR_OK : broken("there are bytes behind its contents");
}

enum err index_object_decode(const struct keys *keys, const struct domain_keys *domain,
    const uint8_t id[OBJECT_ID_SIZE], const void *bytes, size_t size, index_pack_visit visit, void *context)
{
	struct buffer compressed = {0}, plain = {0};
	const uint8_t *at = bytes;
	enum err err = check_name(id, at, size);

	if (err == ERR_OK)
		err = check_header(keys, domain, at);
	if (err == ERR_OK)
		err = check_signature(keys, domain, at, size);
	if (err == ERR_OK)
		err = box_open(&compressed, at[10], domain->index_key, PURPOSE, at, HEADER_SIZE, at + HEADER_SIZE,
		    size - HEADER_SIZE - SIGNATURE_SIZE);
	if (err == ERR_OK)
		err = decompress(&compressed, &plain);
	buffer_free(&compressed);
	if (err == ERR_OK)
		err = decode_packs(&plain, visit, context);
	buffer_free(&plain);
	if (err != ERR_OK)
		fail_context(err, "%s", object_index(domain->tag, id).text);
	return err;
}
