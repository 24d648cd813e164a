/* The object around the JSON: header, boxes, signature. */
#include "core/repo/seal.h"
#include "core/repo/snapshot_internal.h"

#define MAGIC "PULIHSNP"
#define VERSION 1
#define VERSION_OFFSET 8
#define SUITE_OFFSET 10
#define RESERVED_OFFSET 11
#define FLAGS_OFFSET 12
#define REPOSITORY_OFFSET 16
#define DOMAIN_OFFSET (REPOSITORY_OFFSET + REPOSITORY_ID_SIZE)
#define WRITER_OFFSET (DOMAIN_OFFSET + DOMAIN_TAG_SIZE)
#define SUMMARY_OFFSET (WRITER_OFFSET + WRITER_ID_SIZE)
#define CONTENT_OFFSET (SUMMARY_OFFSET + 4)
#define HEADER_SIZE (CONTENT_OFFSET + 4)

static enum err sign(const struct keys *keys, struct buffer *bytes)
{
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	enum err err = sha256(bytes->data, bytes->length, hash);

	if (err == ERR_OK)
		err = ed25519_sign(keys->signer.seed, hash, sizeof(hash), signature);
	return err == ERR_OK ? buffer_append(bytes, signature, sizeof(signature)) : err;
}

static enum err seal(
    const struct keys *keys, const struct buffer *summary, const struct buffer *content, struct buffer *bytes)
{
	uint8_t header[HEADER_SIZE] = MAGIC;
	enum err err;

	if (summary->length + content->length >
	    SNAPSHOT_MAX - HEADER_SIZE - BOX_OVERHEAD - PUBLIC_BOX_OVERHEAD - SIGNATURE_SIZE)
		return fail(PL_SNAPSHOT_LIMIT, "the snapshot's paths and tags are too long together");
	store_u16(header + VERSION_OFFSET, VERSION);
	header[SUITE_OFFSET] = (uint8_t)keys->suite;
	memcpy(header + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + DOMAIN_OFFSET, keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(header + WRITER_OFFSET, keys->signer.writer, WRITER_ID_SIZE);
	store_u32(header + SUMMARY_OFFSET, (uint32_t)(summary->length + BOX_OVERHEAD));
	store_u32(header + CONTENT_OFFSET, (uint32_t)(content->length + PUBLIC_BOX_OVERHEAD));

	err = buffer_append(bytes, header, sizeof(header));
	if (err == ERR_OK)
		err = box_seal(bytes, keys->suite, keys->domain.summary_key, "summary", header, sizeof(header),
		    summary->data, summary->length);
	if (err == ERR_OK)
		err = public_box_seal(bytes, keys, "content", header, sizeof(header), content->data, content->length);
	return err == ERR_OK ? sign(keys, bytes) : err;
}

enum err snapshot_encode(struct snapshot *snapshot, const struct keys *keys, struct buffer *bytes)
{
	struct buffer summary = {0}, content = {0};
	enum err err = snapshot_write_summary(snapshot, &summary);

	buffer_clear(bytes);
	if (err == ERR_OK)
		err = snapshot_write_content(snapshot, &content);
	if (err == ERR_OK)
		err = seal(keys, &summary, &content, bytes);
	if (err == ERR_OK)
		err = sha256(bytes->data, bytes->length, snapshot->id);
	if (err == ERR_OK) {
		memcpy(snapshot->domain, keys->domain.tag, DOMAIN_TAG_SIZE);
		memcpy(snapshot->writer, keys->signer.writer, WRITER_ID_SIZE);
	}
	buffer_free(&summary);
	buffer_free(&content);
	return err;
}

static enum err check_name(const struct snapshot *snapshot, const uint8_t *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE];
	enum err err = sha256(bytes, size, hash);

	if (err != ERR_OK)
		return err;
	return memcmp(hash, snapshot->id, OBJECT_ID_SIZE) == 0 ? ERR_OK
							       : snapshot_broken("its bytes are not those of its name");
}

static enum err check_header(struct snapshot *out, const struct keys *keys, const uint8_t *header, size_t size)
{
	uint64_t boxes;

	if (size < HEADER_SIZE + BOX_OVERHEAD + PUBLIC_BOX_OVERHEAD + SIGNATURE_SIZE || size > SNAPSHOT_MAX)
		return snapshot_broken("it has a size that no snapshot has");
	if (memcmp(header, MAGIC, VERSION_OFFSET) != 0)
		return snapshot_broken("it is no snapshot");
	if (load_u16(header + VERSION_OFFSET) != VERSION)
		return fail(PL_FORMAT_VERSION, "it is of version %u", load_u16(header + VERSION_OFFSET));
	if (!suite_name(header[SUITE_OFFSET]))
		return fail(PL_SUITE, "it uses suite %u", header[SUITE_OFFSET]);
	if (header[RESERVED_OFFSET] != 0 || load_u32(header + FLAGS_OFFSET) != 0)
		return fail(PL_FORMAT_VERSION, "it has flags %02x %08x", header[RESERVED_OFFSET],
		    load_u32(header + FLAGS_OFFSET));
	if (memcmp(header + REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return snapshot_broken("it belongs to another repository");
	boxes = (uint64_t)load_u32(header + SUMMARY_OFFSET) + load_u32(header + CONTENT_OFFSET);
	if (boxes != size - HEADER_SIZE - SIGNATURE_SIZE || load_u32(header + SUMMARY_OFFSET) < BOX_OVERHEAD ||
	    load_u32(header + CONTENT_OFFSET) < PUBLIC_BOX_OVERHEAD)
		return snapshot_broken("its parts are not as long as it is");
	memcpy(out->domain, header + DOMAIN_OFFSET, DOMAIN_TAG_SIZE);
	memcpy(out->writer, header + WRITER_OFFSET, WRITER_ID_SIZE);
	return ERR_OK;
}

static enum err check_signature(const struct snapshot *out, const struct keys *keys, const uint8_t *bytes, size_t size)
{
	uint8_t hash[HASH_SIZE], public_key[KEY_SIZE];
	/* A writer that was revoked made good backups before: those must stay readable. */
	enum err err = keys_writer(keys, out->writer, out->domain, true, public_key);

	if (err == ERR_OK)
		err = sha256(bytes, size - SIGNATURE_SIZE, hash);
	return err == ERR_OK ? ed25519_verify(public_key, hash, sizeof(hash), bytes + size - SIGNATURE_SIZE) : err;
}

/* A box whose key does not fit, under a good signature: the writer sealed it wrongly, whoever asks for it. */
static enum err key_to_broken(enum err err)
{
	return err == ERR_KEY ? snapshot_broken("it is not sealed for its domain and repository") : err;
}

static enum err open_summary(struct snapshot *out, const struct keys *keys, const uint8_t *bytes)
{
	struct domain_keys domain = {0};
	struct buffer json = {0};
	enum err err = keys_domain(keys, out->domain, &domain);

	if (err == ERR_OK) {
		err = box_open(&json, bytes[SUITE_OFFSET], domain.summary_key, "summary", bytes, HEADER_SIZE,
		    bytes + HEADER_SIZE, load_u32(bytes + SUMMARY_OFFSET));
		err = key_to_broken(err);
	}
	if (err == ERR_OK)
		err = snapshot_read_summary(out, &json);
	crypto_wipe(&domain, sizeof(domain));
	buffer_free(&json);
	return err;
}

static enum err open_content(struct snapshot *out, const struct keys *keys, const uint8_t *bytes)
{
	const uint8_t *box = bytes + HEADER_SIZE + load_u32(bytes + SUMMARY_OFFSET);
	struct buffer json = {0};
	enum err err = public_box_open(
	    &json, keys, bytes[SUITE_OFFSET], "content", bytes, HEADER_SIZE, box, load_u32(bytes + CONTENT_OFFSET));

	err = key_to_broken(err);
	if (err == ERR_OK)
		err = snapshot_read_content(out, &json);
	buffer_free(&json);
	return err;
}

enum err snapshot_decode(
    struct snapshot *out, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE], const void *bytes, size_t size)
{
	char hex[2 * OBJECT_ID_SIZE + 1];
	enum err err;

	*out = (struct snapshot){0};
	memcpy(out->id, id, OBJECT_ID_SIZE);
	err = check_name(out, bytes, size);
	if (err == ERR_OK)
		err = check_header(out, keys, bytes, size);
	if (err == ERR_OK)
		err = check_signature(out, keys, bytes, size);
	if (err == ERR_OK)
		err = open_summary(out, keys, bytes);
	if (err == ERR_OK && keys->full)
		err = open_content(out, keys, bytes);
	if (err == ERR_OK)
		return ERR_OK;
	snapshot_free(out);
	return fail_context(err, "snapshot %s", hex_encode(hex, id, OBJECT_ID_SIZE));
}
