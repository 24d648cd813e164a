#include "core/repo/canonical.h"

#include "core/base/clock.h"

#include <stdarg.h>

/* The library's own words are not repeated: they quote the text, which is secret or a stranger's.
 * The library does not tell a lack of memory from a wrong text in all cases. crypto_setup() has it allocate through mem.h,
 * which records what it refused: so the record is emptied before a call and looked at behind it. */
static enum err refused(const struct failure *before, enum message broken, const char *name, const char *why)
{
	if (failure_last()->id == PL_NO_MEMORY)
		return ERR_NOMEM;
	failure_put(before);
	return fail(broken, "%s: %s", name, why);
}

enum err canonical_write(json_t *object, struct buffer *out)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	size_t size = json_dumpb(object, NULL, 0, flags);
	enum err err = size ? buffer_reserve(out, size) : fail(PL_NO_MEMORY, "no memory to write JSON");

	if (err != ERR_OK)
		return err;
	if (json_dumpb(object, (char *)out->data + out->length, size, flags) != size)
		return fail(PL_NO_MEMORY, "no memory to write JSON");
	out->length += size;
	return ERR_OK;
}

static enum err check_format(json_t *object, enum message broken, const char *name)
{
	json_t *version = json_object_get(object, "format");

	if (!json_is_integer(version))
		return fail(broken, "%s: it is no JSON object with a format number", name);
	if (json_integer_value(version) != 1)
		return fail(PL_FORMAT_VERSION, "%s has format %" JSON_INTEGER_FORMAT ", this program knows 1", name,
		    json_integer_value(version));
	return ERR_OK;
}

enum err canonical_read(json_t **out, const void *bytes, size_t size, enum message broken, const char *name)
{
	struct failure before;
	json_t *object;
	enum err err;

	failure_take(&before);
	object = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	if (!object)
		return refused(&before, broken, name, "it is no JSON");
	failure_put(&before);
	err = check_format(object, broken, name);
	if (err != ERR_OK) {
		json_decref(object);
		return err;
	}
	*out = object;
	return ERR_OK;
}

enum err canonical_parse(json_t **out, const void *bytes, size_t size, enum message broken, const char *name)
{
	struct buffer again = {0};
	json_t *object = NULL;
	enum err err = canonical_read(&object, bytes, size, broken, name);

	if (err == ERR_OK)
		err = canonical_write(object, &again);
	if (err == ERR_OK && (again.length != size || memcmp(again.data, bytes, size) != 0))
		err = fail(broken, "%s: its JSON is not spelled canonically", name);
	if (err == ERR_OK) {
		*out = object;
		object = NULL;
	}
	json_decref(object);
	buffer_free(&again);
	return err;
}

enum err canonical_unpack(json_t *object, enum message broken, const char *name, const char *format, ...)
{
	struct failure before;
	va_list arguments;
	int result;

	failure_take(&before);
	va_start(arguments, format);
	result = json_vunpack_ex(object, NULL, JSON_STRICT, format, arguments);
	va_end(arguments);
	if (result != 0)
		return refused(&before, broken, name, "a member is missing, unknown, or of another type");
	failure_put(&before);
	return ERR_OK;
}

enum err canonical_pack(json_t **out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	*out = json_vpack_ex(NULL, 0, format, arguments);
	va_end(arguments);
	return *out ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");
}

/* The years that nanoseconds in 63 bits can hold. */
bool canonical_time(const char *text, int64_t *out)
{
	char again[CLOCK_TEXT];

	if (strlen(text) != strlen("1970-01-01T00:00:00Z") || strcmp(text, "1970") < 0 || strcmp(text, "2262") > 0)
		return false;
	return clock_parse(text, out) && strcmp(clock_format_utc(again, *out), text) == 0;
}

static enum err signed_hash(json_t *object, const char *purpose, uint8_t hash[HASH_SIZE])
{
	struct buffer text = {0};
	json_t *rest = json_copy(object);
	enum err err = rest ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");

	if (err == ERR_OK) {
		json_object_del(rest, "signature"); /* fails where there is none yet: fine */
		err = buffer_append_text(&text, "pulih %s", purpose);
	}
	if (err == ERR_OK)
		err = buffer_append_u8(&text, 0);
	if (err == ERR_OK)
		err = canonical_write(rest, &text);
	if (err == ERR_OK)
		err = sha256(text.data, text.length, hash);
	json_decref(rest);
	buffer_free(&text);
	return err;
}

enum err canonical_sign(json_t *object, const char *purpose, const uint8_t seed[KEY_SIZE])
{
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	char text[2 * SIGNATURE_SIZE + 1];
	enum err err = signed_hash(object, purpose, hash);

	if (err == ERR_OK)
		err = ed25519_sign(seed, hash, sizeof(hash), signature);
	if (err == ERR_OK &&
	    json_object_set_new(object, "signature", json_string(hex_encode(text, signature, sizeof(signature)))) != 0)
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	return err;
}

enum err canonical_verify(json_t *object, const char *purpose, const uint8_t public_key[KEY_SIZE])
{
	const char *text = json_string_value(json_object_get(object, "signature"));
	uint8_t hash[HASH_SIZE], signature[SIGNATURE_SIZE];
	enum err err;

	if (!text || strlen(text) != 2 * SIGNATURE_SIZE || !hex_decode(signature, sizeof(signature), text))
		return fail(PL_SIGNATURE, "a signature is no hexadecimal number of %d bytes", SIGNATURE_SIZE);
	err = signed_hash(object, purpose, hash);
	return err == ERR_OK ? ed25519_verify(public_key, hash, sizeof(hash), signature) : err;
}

/* ---- check ---- */

#define CHECK_TEXT (2 * HASH_SIZE + 1)

/* What is checked may be secret: no copy of it stays behind. */
static enum err check_of(json_t *object, char out[CHECK_TEXT])
{
	struct buffer text = {0};
	json_t *rest = json_copy(object);
	uint8_t hash[HASH_SIZE];
	enum err err = rest ? ERR_OK : fail(PL_NO_MEMORY, "no memory for JSON");

	if (err == ERR_OK) {
		json_object_del(rest, "check"); /* fails where there is none yet: fine */
		err = canonical_write(rest, &text);
	}
	if (err == ERR_OK)
		err = sha256(text.data, text.length, hash);
	if (err == ERR_OK)
		hex_encode(out, hash, sizeof(hash));
	json_decref(rest);
	crypto_wipe(text.data, text.capacity);
	buffer_free(&text);
	return err;
}

enum err canonical_add_check(json_t *object)
{
	char check[CHECK_TEXT];
	enum err err = check_of(object, check);

	if (err == ERR_OK && json_object_set_new(object, "check", json_string(check)) != 0)
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	return err;
}

enum err canonical_check(json_t *object, enum message broken, const char *name)
{
	const char *check = json_string_value(json_object_get(object, "check"));
	char expected[CHECK_TEXT];
	enum err err = check_of(object, expected);

	if (err == ERR_OK && (!check || strcmp(check, expected) != 0))
		err = fail(broken, "%s: its check does not match: it was changed or damaged", name);
	return err;
}
