#include "core/repo/pack_internal.h"

#include "core/base/mem.h"
#include "core/chunk/hasher.h"
#include "core/repo/object.h"

/* What checking one pack needs: made once for all its frames. */
struct checker {
	const struct pack_key *key;
	const uint8_t *bytes;
	const struct pack_proof *proof;
	struct aead *aead;
	struct frame_decompressor *decompressor;
	struct hmac *hasher; /* NULL where sums are the proof */
	uint8_t *scratch, *raw;
	struct directory directory;
};

static enum err check_chunk(struct checker *checker, size_t number, const uint8_t *bytes)
{
	const struct directory_chunk *chunk = &checker->directory.chunks[number];
	uint8_t id[CHUNK_ID_SIZE];
	char text[2 * CHUNK_KEY_SIZE + 1];
	bool good;

	if (checker->hasher) {
		enum err err = hasher_id(checker->hasher, chunk->type, bytes, chunk->length, id);

		if (err != ERR_OK)
			return err;
		good = crypto_equal(id, chunk->key, CHUNK_KEY_SIZE);
	} else {
		good = hasher_sum(chunk->type, chunk->key, bytes, chunk->length) == checker->proof->sums[number];
	}
	if (good)
		return ERR_OK;
	return fail(PL_CHUNK_BROKEN, "the %u bytes of chunk %s have another id", chunk->length,
	    hex_encode(text, chunk->key, CHUNK_KEY_SIZE));
}

static enum err check_frame(struct checker *checker, uint32_t number)
{
	const struct directory_frame *frame = &checker->directory.frames[number];
	enum err err = pack_frame_open(checker->aead, checker->key, checker->decompressor, number, frame,
	    checker->bytes + frame->offset, checker->scratch, checker->raw);

	for (uint32_t i = 0; err == ERR_OK && i < frame->chunks_count; i++) {
		size_t chunk = frame->first_chunk + (size_t)i;

		err = check_chunk(checker, chunk, checker->raw + checker->directory.chunks[chunk].offset);
		if (err != ERR_OK)
			err = fail_context(err, "frame %u", number);
	}
	return err;
}

static enum err open_directory(struct checker *checker, size_t size)
{
	struct pack_trailer trailer;
	uint8_t *plain;
	enum err err =
	    pack_trailer_open(checker->aead, checker->key, checker->bytes + size - PACK_TRAILER_SIZE, size, &trailer);

	if (err != ERR_OK)
		return err;
	plain = mem_alloc(trailer.directory_size);
	if (!plain)
		return ERR_NOMEM;
	err = pack_directory_open(checker->aead, checker->key, &trailer, checker->bytes + trailer.directory_offset,
	    plain, &checker->directory);
	mem_free(plain);
	return err;
}

static enum err prepare(struct checker *checker)
{
	enum err err = aead_new(&checker->aead, checker->key->suite, checker->key->key);

	if (err == ERR_OK)
		err = frame_decompressor_new(&checker->decompressor);
	if (err == ERR_OK && checker->proof->id_key)
		err = hasher_new(&checker->hasher, checker->proof->id_key);
	if (err != ERR_OK)
		return err;
	checker->scratch = mem_alloc(FRAME_SEALED_MAX);
	checker->raw = mem_alloc(FRAME_RAW_MAX);
	return checker->scratch && checker->raw ? ERR_OK : ERR_NOMEM;
}

enum err pack_check_contents(const struct pack_key *key, const uint8_t *bytes, size_t size,
    const struct pack_proof *proof, struct directory *out)
{
	struct checker checker = {.key = key, .bytes = bytes, .proof = proof};
	enum err err = prepare(&checker);

	if (err == ERR_OK)
		err = open_directory(&checker, size);
	if (err == ERR_OK && !proof->id_key && checker.directory.chunks_count != proof->sums_count)
		err = fail(PL_DIRECTORY_BROKEN, "a pack directory has %zu chunks instead of %zu",
		    checker.directory.chunks_count, proof->sums_count);
	for (uint32_t i = 0; err == ERR_OK && i < checker.directory.frames_count; i++)
		err = check_frame(&checker, i);
	if (err == ERR_OK) {
		*out = checker.directory;
		checker.directory = (struct directory){0};
	}
	directory_free(&checker.directory);
	mem_free(checker.raw);
	mem_free(checker.scratch);
	hasher_free(checker.hasher);
	frame_decompressor_free(checker.decompressor);
	aead_free(checker.aead);
	return err;
}

/* The secrets that reading one pack needs. */
struct pack_secrets {
	struct pack_key key;
	struct domain_keys domain;
};

static enum err check_pack(const uint8_t *bytes, size_t size, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    struct pack_secrets *secrets, struct directory *directory)
{
	struct pack_proof proof = {.id_key = secrets->domain.id_key};
	uint8_t hash[HASH_SIZE];
	enum err err;

	if (size < PACK_HEADER_SIZE + PACK_TRAILER_SIZE || size > PACK_MAX)
		return fail(PL_PACK_BROKEN, "%zu bytes are no pack", size);
	err = sha256(bytes, size, hash);
	if (err == ERR_OK && !crypto_equal(hash, id, sizeof(hash)))
		err = fail(PL_PACK_BROKEN, "its %zu bytes have another SHA-256", size);
	if (err == ERR_OK)
		err = pack_key_from_header(&secrets->key, keys, bytes);
	if (err == ERR_OK)
		err = keys_domain(keys, secrets->key.domain, &secrets->domain);
	if (err == ERR_OK)
		err = pack_check_contents(&secrets->key, bytes, size, &proof, directory);
	return err;
}

enum err pack_check(const uint8_t *bytes, size_t size, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    struct directory *directory)
{
	struct pack_secrets *secrets = secret_new(sizeof(*secrets));
	struct directory checked = {0};
	enum err err = secrets ? check_pack(bytes, size, keys, id, secrets, &checked) : ERR_NOMEM;

	secret_free(secrets, sizeof(*secrets));
	if (err != ERR_OK)
		return fail_context(err, "%s", object_pack(id).text);
	if (directory)
		*directory = checked;
	else
		directory_free(&checked);
	return ERR_OK;
}
