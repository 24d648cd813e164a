#include "core/record/record_object.h"

#include "core/record/record.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"
#include "core/repo/signed_object.h"

#define LENGTH_OFFSET SIGNED_OBJECT_OWN
#define HEADER_SIZE (LENGTH_OFFSET + 4)
#define OVERHEAD (HEADER_SIZE + BOX_OVERHEAD + SIGNATURE_SIZE)

static const struct signed_object kind = {.magic = "PULIHREC",
    .name = "record",
    .broken = PL_RECORD_BROKEN,
    .misfit = "it is not sealed for its domain",
    .least = OVERHEAD,
    .most = RECORD_MAX,
    .header_size = HEADER_SIZE};

enum err record_object_encode(const struct buffer *original, const struct keys *keys, struct buffer *out)
{
	uint8_t header[HEADER_SIZE];
	size_t start = out->length;
	enum err err;

	if (original->length > RECORD_MAX - OVERHEAD)
		return fail(PL_RECORD_LIMIT, "a record has %zu bytes", original->length);
	signed_object_start(&kind, keys, header);
	store_u32(header + LENGTH_OFFSET, (uint32_t)(original->length + BOX_OVERHEAD));
	err = buffer_append(out, header, sizeof(header));
	if (err == ERR_OK)
		err = box_seal(out, keys->suite, keys->domain.summary_key, "record", header, sizeof(header),
		    original->data, original->length);
	if (err == ERR_OK)
		err = signed_object_sign(keys, start, out);
	if (err != ERR_OK)
		out->length = start;
	return err;
}

static enum err check_header(const struct keys *keys, const uint8_t *bytes, size_t size)
{
	enum err err = signed_object_check(&kind, keys, bytes, size);

	if (err == ERR_OK && load_u32(bytes + LENGTH_OFFSET) != size - HEADER_SIZE - SIGNATURE_SIZE)
		err = fail(PL_RECORD_BROKEN, "its box is not as long as it is");
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
	const uint8_t *at = bytes;
	size_t start = out->length;
	enum err err = check_header(keys, at, size);

	if (err == ERR_OK)
		err = signed_object_verify_writer(keys, at, size);
	if (err == ERR_OK)
		err =
		    signed_object_open(&kind, keys, at, "record", at + HEADER_SIZE, load_u32(at + LENGTH_OFFSET), out);
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
