#include "index_samples.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"
#include "core/repo/seal.h"
#include "core/repo/signed_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zstd.h>

#include <cmocka.h>

#define HEADER_SIZE 64

static struct keys *keys;

static int up(void **state)
{
	(void)state;
	keys = sample_keys();
	return 0;
}

static int down(void **state)
{
	(void)state;
	keys_free(keys);
	return 0;
}

struct seen {
	size_t packs, chunks;
	uint8_t first[OBJECT_ID_SIZE];
	uint64_t size;
	struct directory_chunk chunk;
	struct directory_frame frame;
};

static enum err see(void *context, const struct index_pack *pack)
{
	struct seen *seen = context;

	if (seen->packs++ == 0) {
		memcpy(seen->first, pack->id, OBJECT_ID_SIZE);
		seen->size = pack->size;
		seen->chunk = pack->directory.chunks[pack->directory.chunks_count - 1];
		seen->frame = pack->directory.frames[pack->directory.frames_count - 1];
	}
	seen->chunks += pack->directory.chunks_count;
	return ERR_OK;
}

static enum err decode(const struct buffer *bytes, struct seen *seen)
{
	uint8_t id[OBJECT_ID_SIZE];

	*seen = (struct seen){0};
	assert_int_equal(sha256(bytes->data, bytes->length, id), ERR_OK);
	return index_object_decode(keys, &keys->domain, id, bytes->data, bytes->length, see, seen);
}

static void encode_sample(struct buffer *bytes, uint8_t id[OBJECT_ID_SIZE])
{
	struct index_pack packs[2] = {sample_pack(1, 10), sample_pack(2, 3)};

	assert_int_equal(index_object_encode(keys, packs, 2, bytes, id), ERR_OK);
	directory_free(&packs[0].directory);
	directory_free(&packs[1].directory);
}

static void sign_again(struct buffer *bytes)
{
	bytes->length -= SIGNATURE_SIZE;
	assert_int_equal(signed_object_sign(keys, 0, bytes), ERR_OK);
}

static void test_round_trip(void **state)
{
	struct index_pack expected = sample_pack(1, 10);
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen = {0};

	(void)state;
	encode_sample(&bytes, id);
	assert_int_equal(index_object_decode(keys, &keys->domain, id, bytes.data, bytes.length, see, &seen), ERR_OK);
	assert_int_equal(seen.packs, 2);
	assert_int_equal(seen.chunks, 13);
	assert_memory_equal(seen.first, expected.id, OBJECT_ID_SIZE);
	assert_int_equal(seen.size, expected.size);
	assert_memory_equal(&seen.chunk, &expected.directory.chunks[9], sizeof(seen.chunk.key));
	assert_int_equal(seen.chunk.offset, expected.directory.chunks[9].offset);
	assert_int_equal(seen.frame.offset, expected.directory.frames[2].offset);
	directory_free(&expected.directory);
	buffer_free(&bytes);
}

/* Made once by this program; what was written must be read for ever. */
static const char frozen[] =
    "50554c4948494458010002000000000022222222222222222222222222222222af61d53290fd5a35c2ab09035223d2ad000000000000000000"
    "0000"
    "0000000000aacaa6eb2242a6033b6d0aa3fa812794231815ac2969013601cfb2cb53ff9cc0d1d437332beeddfdfd9e03538eef871abb09e84b"
    "c41b"
    "52dd2d2c78998f6f24638e55e995e90337abaa6ae0bd485761bf8e7995ab183ccd302868887d4db8ca3dcc979d19d312c0f1580634322dc0ad"
    "1512"
    "b001d44012b3c751b18f5035e40e9f036b749a96c8d48f05c86f0d5eb5716754cd21b26ef847b90dac58fb20f88550373089c102766ece459d"
    "fa54"
    "5b28d3daff4a30f5958728a4e005bc8394d0b7781d470f03b6fe37af0ab7d7d14921f26223c39b51e558e6881a1c37a717fa0f12abdabadbdf"
    "c9e6"
    "1174c760b991eb69c3172cb64b55a030a2d38cfe356bad0e7a59b52b30c86504d45c08233dfe7b2220dabe1c0b3fd7e58cbfe377e10b";

static void test_frozen(void **state)
{
	uint8_t bytes[sizeof(frozen) / 2];
	struct index_pack expected = sample_pack(7, 5);
	struct buffer object = {.data = bytes, .length = sizeof(bytes)};
	struct seen seen;

	(void)state;
	assert_true(hex_decode(bytes, sizeof(bytes), frozen));
	assert_int_equal(decode(&object, &seen), ERR_OK);
	assert_int_equal(seen.packs, 1);
	assert_int_equal(seen.chunks, 5);
	assert_memory_equal(seen.first, expected.id, OBJECT_ID_SIZE);
	assert_int_equal(seen.size, expected.size);
	assert_memory_equal(seen.chunk.key, expected.directory.chunks[4].key, CHUNK_KEY_SIZE);
	assert_int_equal(seen.chunk.length, 104);
	directory_free(&expected.directory);
}

static void test_header_layout(void **state)
{
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE], expected[OBJECT_ID_SIZE];
	static const uint8_t zero[WRITER_ID_SIZE];

	(void)state;
	encode_sample(&bytes, id);
	assert_memory_equal(bytes.data, "PULIHIDX\1\0\2\0\0\0\0\0", 16);
	assert_memory_equal(bytes.data + 16, keys->repository, 16);
	assert_memory_equal(bytes.data + 32, keys->domain.tag, 16);
	assert_memory_equal(bytes.data + 48, zero, 16);
	assert_int_equal(sha256(bytes.data, bytes.length, expected), ERR_OK);
	assert_memory_equal(id, expected, sizeof(id));
	buffer_free(&bytes);
}

struct field {
	const char *name;
	size_t offset;
	enum err kind;
	enum message id;
};

/* Every field changed and signed again by a writer who may: the field itself is refused, not only the damage. */
static void test_every_field(void **state)
{
	static const struct field fields[] = {
	    {"magic", 0, ERR_CORRUPT, PL_INDEX_BROKEN},
	    {"version", 8, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"version, high byte", 9, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"suite", 10, ERR_UNSUPPORTED, PL_SUITE},
	    {"zero", 11, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"flags", 12, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"flags, high byte", 15, ERR_UNSUPPORTED, PL_FORMAT_VERSION},
	    {"repository", 16, ERR_CORRUPT, PL_INDEX_BROKEN},
	    {"domain", 32, ERR_CORRUPT, PL_INDEX_BROKEN},
	    {"writer", 48, ERR_CORRUPT, PL_WRITER_UNKNOWN},
	    {"salt", HEADER_SIZE, ERR_KEY, PL_KEY_WRONG},
	    {"commitment", HEADER_SIZE + SALT_SIZE, ERR_KEY, PL_KEY_WRONG},
	    {"sealed bytes", HEADER_SIZE + SALT_SIZE + HASH_SIZE, ERR_CORRUPT, PL_SEAL_BROKEN},
	};
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen;

	(void)state;
	encode_sample(&bytes, id);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bytes.data[fields[i].offset] ^= 0x80;
		sign_again(&bytes);
		if (decode(&bytes, &seen) != fields[i].kind || failure_last()->id != fields[i].id)
			fail_msg("%s: %s", fields[i].name, failure_last()->text);
		assert_non_null(strstr(failure_last()->text, "index/"));
		bytes.data[fields[i].offset] ^= 0x80;
	}
	sign_again(&bytes);
	assert_int_equal(decode(&bytes, &seen), ERR_OK);
	/* A suite that is known, and not the one that it was sealed with. */
	bytes.data[10] = SUITE_AES_256_GCM;
	sign_again(&bytes);
	assert_int_not_equal(decode(&bytes, &seen), ERR_OK);
	assert_int_equal(seen.packs, 0);
	buffer_free(&bytes);
}

/* Damage without a signature: every single byte. */
static void test_every_byte(void **state)
{
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen = {0};

	(void)state;
	encode_sample(&bytes, id);
	for (size_t i = 0; i < bytes.length; i++) {
		bytes.data[i] ^= 1;
		assert_int_equal(
		    index_object_decode(keys, &keys->domain, id, bytes.data, bytes.length, see, &seen), ERR_CORRUPT);
		assert_int_equal(failure_last()->id, PL_INDEX_BROKEN);
		/* … and with the name changed to match. */
		assert_int_not_equal(decode(&bytes, &seen), ERR_OK);
		bytes.data[i] ^= 1;
	}
	for (size_t size = 0; size < bytes.length; size += 7)
		assert_int_equal(
		    index_object_decode(keys, &keys->domain, id, bytes.data, size, see, &seen), ERR_CORRUPT);
	bytes.data[bytes.length - 1] ^= 1;
	assert_int_equal(decode(&bytes, &seen), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_SIGNATURE);
	assert_int_equal(seen.packs, 0);
	buffer_free(&bytes);
}

/* An object with contents of the test's choice, sealed and signed as it should be. */
static enum err decode_contents(const struct buffer *compressed)
{
	struct buffer sample = {0}, bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen;
	enum err err;

	encode_sample(&sample, id);
	assert_int_equal(buffer_append(&bytes, sample.data, HEADER_SIZE), ERR_OK);
	assert_int_equal(box_seal(&bytes, keys->suite, keys->domain.index_key, "index", sample.data, HEADER_SIZE,
			     compressed->data, compressed->length),
	    ERR_OK);
	assert_int_equal(buffer_append(&bytes, sample.data, SIGNATURE_SIZE), ERR_OK);
	sign_again(&bytes);
	err = decode(&bytes, &seen);
	buffer_free(&sample);
	buffer_free(&bytes);
	return err;
}

static enum err decode_plain(const struct buffer *plain)
{
	struct buffer compressed = {0};
	enum err err;

	assert_int_equal(buffer_reserve(&compressed, ZSTD_compressBound(plain->length)), ERR_OK);
	compressed.length = ZSTD_compress(compressed.data, compressed.capacity, plain->data, plain->length, 1);
	assert_false(ZSTD_isError(compressed.length));
	err = decode_contents(&compressed);
	buffer_free(&compressed);
	return err;
}

static void put_plain(struct buffer *plain, uint64_t count, uint8_t type, uint64_t size)
{
	struct index_pack pack = sample_pack(1, 5);

	buffer_clear(plain);
	assert_int_equal(buffer_append_varint(plain, count), ERR_OK);
	assert_int_equal(buffer_append(plain, pack.id, OBJECT_ID_SIZE), ERR_OK);
	assert_int_equal(buffer_append_u8(plain, type), ERR_OK);
	assert_int_equal(buffer_append_varint(plain, size ? size : pack.size), ERR_OK);
	assert_int_equal(directory_encode(&pack.directory, plain), ERR_OK);
	directory_free(&pack.directory);
}

static void test_contents(void **state)
{
	struct buffer plain = {0};

	(void)state;
	put_plain(&plain, 1, PACK_DATA, 0);
	assert_int_equal(decode_plain(&plain), ERR_OK);
	assert_int_equal(buffer_append_u8(&plain, 0), ERR_OK);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "behind its contents"));
	for (size_t cut = 1; cut < plain.length; cut += 3) {
		struct buffer shorter = {.data = plain.data, .length = plain.length - 1 - cut};

		assert_int_equal(decode_plain(&shorter), ERR_CORRUPT);
	}
	put_plain(&plain, 2, PACK_DATA, 0);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	put_plain(&plain, UINT64_MAX, PACK_DATA, 0);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	put_plain(&plain, 1, 3, 0);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "unknown type 3"));
	put_plain(&plain, 1, 0, 0);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	put_plain(&plain, 1, PACK_DATA, PACK_MAX + 1);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	put_plain(&plain, 1, PACK_DATA, 300);
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "shorter than its frames"));
	buffer_free(&plain);
}

static void test_compression(void **state)
{
	struct buffer plain = {0}, compressed = {0};
	ZSTD_CCtx *context = ZSTD_createCCtx();
	ZSTD_inBuffer in;
	ZSTD_outBuffer out;

	(void)state;
	/* No length in front: the size cannot be checked before it is allocated. */
	put_plain(&plain, 1, PACK_DATA, 0);
	assert_int_equal(buffer_reserve(&compressed, 4096), ERR_OK);
	in = (ZSTD_inBuffer){.src = plain.data, .size = plain.length};
	out = (ZSTD_outBuffer){.dst = compressed.data, .size = compressed.capacity};
	assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush), 0);
	assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
	compressed.length = out.pos;
	assert_int_equal(decode_contents(&compressed), ERR_CORRUPT);
	ZSTD_freeCCtx(context);
	/* A bomb: zeros of more than INDEX_MAX bytes. */
	buffer_clear(&plain);
	assert_int_equal(buffer_reserve(&plain, INDEX_MAX + 1), ERR_OK);
	memset(plain.data, 0, INDEX_MAX + 1);
	plain.length = INDEX_MAX + 1;
	assert_int_equal(decode_plain(&plain), ERR_CORRUPT);
	assert_non_null(strstr(failure_last()->text, "too large"));
	/* No compression at all. */
	plain.length = 100;
	assert_int_equal(decode_contents(&plain), ERR_CORRUPT);
	plain.length = 0;
	assert_int_equal(decode_contents(&plain), ERR_CORRUPT);
	buffer_free(&plain);
	buffer_free(&compressed);
}

static void test_writers(void **state)
{
	struct writer writer = {.id = {1}, .revoked = true};
	struct signer owner = keys->signer;
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen;

	(void)state;
	memset(keys->signer.seed, 0x33, KEY_SIZE);
	memcpy(keys->signer.writer, writer.id, WRITER_ID_SIZE);
	assert_int_equal(ed25519_public(keys->signer.seed, writer.public_key), ERR_OK);
	memcpy(writer.domain, keys->domain.tag, DOMAIN_TAG_SIZE);
	encode_sample(&bytes, id);
	assert_int_equal(decode(&bytes, &seen), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_WRITER_UNKNOWN);
	/* Revoked later: what it wrote before is still needed. */
	keys->writers = &writer;
	keys->writers_count = 1;
	assert_int_equal(decode(&bytes, &seen), ERR_OK);
	writer.domain[0] ^= 1;
	assert_int_equal(decode(&bytes, &seen), ERR_CORRUPT);
	assert_int_equal(failure_last()->id, PL_WRITER_UNKNOWN);
	keys->writers = NULL;
	keys->writers_count = 0;
	keys->signer = owner;
	buffer_free(&bytes);
}

static void test_no_memory(void **state)
{
	struct index_pack pack = sample_pack(1, 10);
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];
	struct seen seen = {0};
	unsigned failures = 0;

	(void)state;
	for (unsigned long n = 1;; n++) {
		enum err err;

		buffer_free(&bytes);
		mem_fail_at(n);
		err = index_object_encode(keys, &pack, 1, &bytes, id);
		if (err == ERR_OK)
			err = index_object_decode(keys, &keys->domain, id, bytes.data, bytes.length, see, &seen);
		mem_fail_at(0);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_NOMEM);
		failures++;
	}
	assert_true(failures > 5);
	directory_free(&pack.directory);
	buffer_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_frozen),
	    cmocka_unit_test(test_header_layout),
	    cmocka_unit_test(test_every_field),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_compression),
	    cmocka_unit_test(test_writers),
	    cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("index_object", tests, up, down);
}
