/* The object around the JSON: header, boxes, signature. */
#include "core/repo/seal.h"
#include "core/repo/signed_object.h"
#include "core/repo/snapshot_internal.h"

#define SUMMARY_OFFSET SIGNED_OBJECT_OWN
#define CONTENT_OFFSET (SUMMARY_OFFSET + 4)
#define HEADER_SIZE (CONTENT_OFFSET + 4)
#define OVERHEAD (HEADER_SIZE + BOX_OVERHEAD + PUBLIC_BOX_OVERHEAD + SIGNATURE_SIZE)

static const struct signed_object kind = {.magic = "PULIHSNP",
    .name = "snapshot",
    .broken = PL_SNAPSHOT_BROKEN,
    .misfit = "it is not sealed for its domain and repository",
    .least = OVERHEAD,
    .most = SNAPSHOT_MAX,
    .header_size = HEADER_SIZE};

static enum err seal(
    const struct keys *keys, const struct buffer *summary, const struct buffer *content, struct buffer *bytes)
{
	uint8_t header[HEADER_SIZE];
	enum err err;

	if (summary->length + content->length > SNAPSHOT_MAX - OVERHEAD)
		return fail(PL_SNAPSHOT_LIMIT, "the snapshot's paths and tags are too long together");
	signed_object_start(&kind, keys, header);
	store_u32(header + SUMMARY_OFFSET, (uint32_t)(summary->length + BOX_OVERHEAD));
	store_u32(header + CONTENT_OFFSET, (uint32_t)(content->length + PUBLIC_BOX_OVERHEAD));

	err = buffer_append(bytes, header, sizeof(header));
	if (err == ERR_OK)
		err = box_seal(bytes, keys->suite, keys->domain.summary_key, "summary", header, sizeof(header),
		    summary->data, summary->length);
	if (err == ERR_OK)
		err = public_box_seal(bytes, keys, "content", header, sizeof(header), content->data, content->length);
	return err == ERR_OK ? signed_object_sign(keys, 0, bytes) : err;
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

static enum err check_header(struct snapshot *out, const struct keys *keys, const uint8_t *bytes, size_t size)
{
	uint32_t summary, content;
	enum err err = signed_object_check(&kind, keys, bytes, size);

	if (err != ERR_OK)
		return err;
	summary = load_u32(bytes + SUMMARY_OFFSET);
	content = load_u32(bytes + CONTENT_OFFSET);
	if ((uint64_t)summary + content != size - HEADER_SIZE - SIGNATURE_SIZE || summary < BOX_OVERHEAD ||
	    content < PUBLIC_BOX_OVERHEAD)
		return snapshot_broken("its parts are not as long as it is");
	memcpy(out->domain, bytes + SIGNED_OBJECT_DOMAIN, DOMAIN_TAG_SIZE);
	memcpy(out->writer, bytes + SIGNED_OBJECT_WRITER, WRITER_ID_SIZE);
	return ERR_OK;
}

static enum err open_summary(struct snapshot *out, const struct keys *keys, const uint8_t *bytes)
{
	struct buffer json = {0};
	enum err err = signed_object_open(
	    &kind, keys, bytes, "summary", bytes + HEADER_SIZE, load_u32(bytes + SUMMARY_OFFSET), &json);

	if (err == ERR_OK)
		err = snapshot_read_summary(out, &json);
	buffer_free(&json);
	return err;
}

static enum err open_content(struct snapshot *out, const struct keys *keys, const uint8_t *bytes)
{
	const uint8_t *box = bytes + HEADER_SIZE + load_u32(bytes + SUMMARY_OFFSET);
	struct buffer json = {0};
	enum err err = public_box_open(&json, keys, bytes[SIGNED_OBJECT_SUITE], "content", bytes, HEADER_SIZE, box,
	    load_u32(bytes + CONTENT_OFFSET));

	err = signed_object_misfit(&kind, err);
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
		err = signed_object_verify_writer(keys, bytes, size);
	if (err == ERR_OK)
		err = open_summary(out, keys, bytes);
	if (err == ERR_OK && keys->full)
		err = open_content(out, keys, bytes);
	if (err == ERR_OK)
		return ERR_OK;
	snapshot_free(out);
	return fail_context(err, "snapshot %s", hex_encode(hex, id, OBJECT_ID_SIZE));
}
