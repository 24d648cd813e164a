#include "core/record/record_object.h"

#include "core/record/record.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"

#define MAGIC "PULIHREC"
#define VERSION 1
#define VERSION_OFFSET 8
#define SUITE_OFFSET 10
#define RESERVED_OFFSET 11
#define FLAGS_OFFSET 12
#define REPOSITORY_OFFSET 16
#define DOMAIN_OFFSET (REPOSITORY_OFFSET + REPOSITORY_ID_SIZE)
#define WRITER_OFFSET (DOMAIN_OFFSET + DOMAIN_TAG_SIZE)
#define LENGTH_OFFSET (WRITER_OFFSET + WRITER_ID_SIZE)
#define HEADER_SIZE (LENGTH_OFFSET + 4)
#define OVERHEAD (HEADER_SIZE + BOX_OVERHEAD + SIGNATURE_SIZE)

enum err record_object_encode(const struct buffer *original, const struct keys *keys, struct buffer *out)
{
	uint8_t header[HEADER_SIZE] = MAGIC, hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	size_t start = out->length;
	enum err err;

	if (original->length > RECORD_MAX - OVERHEAD)
		return fail(PL_RECORD_LIMIT, "a record has %zu bytes", original->length);
	store_u16(header + VERSION_OFFSET, VERSION);
	header[SUITE_OFFSET] = (uint8_t)keys->suite;
	memcpy(header + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + DOMAIN_OFFSET, keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(header + WRITER_OFFSET, keys->signer.writer, WRITER_ID_SIZE);
	store_u32(header + LENGTH_OFFSET, (uint32_t)(original->length + BOX_OVERHEAD));
	err = buffer_append(out, header, sizeof(header));
	if (err == ERR_OK)
		err = box_seal(out, keys->suite, keys->domain.summary_key, "record", header, sizeof(header),
		    original->data, original->length);
	if (err == ERR_OK)
		err = sha256(out->data + start, out->length - start, hash);
	if (err == ERR_OK)
		err = ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature);
	if (err == ERR_OK)
		err = buffer_append(out, signature, sizeof(signature));
	if (err != ERR_OK)
		out->length = start;
	return err;
}

static enum err check_header(const struct keys *keys, const uint8_t *header, size_t size)
{
	if (size < OVERHEAD || size > RECORD_MAX)
		return fail(PL_RECORD_BROKEN, "it has a size that no record has");
	if (memcmp(header, MAGIC, VERSION_OFFSET) != 0)
		return fail(PL_RECORD_BROKEN, "it is no record");
	if (load_u16(header + VERSION_OFFSET) != VERSION)
		return fail(PL_FORMAT_VERSION, "it is of version %u", load_u16(header + VERSION_OFFSET));
	if (!suite_name(header[SUITE_OFFSET]))
		return fail(PL_SUITE, "it uses suite %u", header[SUITE_OFFSET]);
	if (header[RESERVED_OFFSET] != 0 || load_u32(header + FLAGS_OFFSET) != 0)
		return fail(PL_FORMAT_VERSION, "it has flags %02x %08x", header[RESERVED_OFFSET],
		    load_u32(header + FLAGS_OFFSET));
	if (memcmp(header + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return fail(PL_RECORD_BROKEN, "it belongs to another repository");
	if (load_u32(header + LENGTH_OFFSET) != size - HEADER_SIZE - SIGNATURE_SIZE)
		return fail(PL_RECORD_BROKEN, "its box is not as long as it is");
	return ERR_OK;
}

static enum err check_signature(const struct keys *keys, const uint8_t *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE], public_key[KEY_SIZE];
	/* A writer that was revoked made good records before: those stay readable. */
	enum err err = keys_writer(keys, bytes + WRITER_OFFSET, bytes + DOMAIN_OFFSET, true, public_key);

	if (err == ERR_OK)
		err = sha256(bytes, size - SIGNATURE_SIZE, hash);
	return err == ERR_OK ? ed25519_verify(public_key, hash, sizeof(hash), bytes + size - SIGNATURE_SIZE) : err;
}

static enum err open_box(const struct keys *keys, const uint8_t *bytes, struct buffer *out)
{
	struct domain_keys domain = {0};
	enum err err = keys_domain(keys, bytes + DOMAIN_OFFSET, &domain);

	if (err == ERR_OK) {
		err = box_open(out, bytes[SUITE_OFFSET], domain.summary_key, "record", bytes, HEADER_SIZE,
		    bytes + HEADER_SIZE, load_u32(bytes + LENGTH_OFFSET));
		/* A box whose key does not fit, under a good signature. */
		if (err == ERR_KEY)
			err = fail(PL_RECORD_BROKEN, "it is not sealed for its domain");
	}
	crypto_wipe(&domain, sizeof(domain));
	return err;
}

/* Nobody may show one run's record under another one's name. */
static enum err check_name(const char *run_id, const struct buffer *out, size_t start)
{
	struct record_original original = {0};
	enum err err = record_read(&original, out->data + start, out->length - start);

	if (err == ERR_OK && strcmp(json_string_value(json_object_get(original.record, "id")), run_id) != 0)
		err = fail(PL_RECORD_BROKEN, "it is the record of another run");
	record_original_free(&original);
	return err;
}

enum err record_object_decode(
    const char *run_id, const void *bytes, size_t size, const struct keys *keys, struct buffer *out)
{
	size_t start = out->length;
	enum err err = check_header(keys, bytes, size);

	if (err == ERR_OK)
		err = check_signature(keys, bytes, size);
	if (err == ERR_OK)
		err = open_box(keys, bytes, out);
	if (err == ERR_OK)
		err = check_name(run_id, out, start);
	if (err == ERR_OK)
		return ERR_OK;
	out->length = start;
	return fail_context(err, "%s", object_record(run_id).text);
}

enum err record_object_put(
    struct target *target, const char *run_id, const struct buffer *original, const struct keys *keys)
{
	struct buffer bytes = {0};
	enum err err = record_object_encode(original, keys, &bytes);

	if (err == ERR_OK)
		err = target_put(target, object_record(run_id).text, bytes.data, bytes.length);
	buffer_free(&bytes);
	return err;
}

enum err record_object_get(struct target *target, const char *run_id, const struct keys *keys, struct buffer *out)
{
	struct buffer bytes = {0};
	enum err err = target_get(target, object_record(run_id).text, RECORD_MAX, &bytes);

	if (err == ERR_OK)
		err = record_object_decode(run_id, bytes.data, bytes.length, keys, out);
	buffer_free(&bytes);
	return err;
}
