#include "core/repo/pack_internal.h"

#include "core/base/mem.h"

/* Address space of a pack: pages that stay untouched cost nothing, and a pack is never copied to grow. */
#define PACK_RESERVED (PACK_TARGET + (2u << 20))
/* The most that a frame and a chunk take in the directory: no length needs more than a varint of four bytes. */
#define DIRECTORY_FRAME_MAX 13u
#define DIRECTORY_CHUNK_MAX (CHUNK_KEY_SIZE + 4u)
#define FRAMES_FIRST 64u
#define CHUNKS_FIRST 1024u

struct pack_writer {
	const struct keys *keys; /* borrowed */
	struct pack_key *key;	 /* secret memory */
	struct buffer bytes;	 /* the pack: header, then frames, each with room for its tag */
	struct directory directory;
	size_t frames_capacity, chunks_capacity;
	uint64_t *sums; /* of each chunk */
	struct pack pack;
};

/* Makes the pack's own key pair, and forgets the private half as soon as the pack key is derived: from then on only the read
 * key opens the pack. */
static enum err make_key(struct pack_writer *writer)
{
	struct pack_key *key = writer->key;
	uint8_t *header = key->header;
	uint8_t *private_key = secret_new(KEY_SIZE);
	enum err err;

	if (!private_key)
		return ERR_NOMEM;
	err = x25519_generate(private_key, header + PACK_AT_PUBLIC_KEY);
	if (err != ERR_OK)
		goto done;
	key->suite = writer->keys->suite;
	key->type = writer->directory.type;
	memcpy(key->domain, writer->keys->domain.tag, DOMAIN_TAG_SIZE);
	memcpy(header + PACK_AT_MAGIC, PACK_MAGIC, PACK_MAGIC_SIZE);
	store_u16(header + PACK_AT_VERSION, PACK_VERSION);
	header[PACK_AT_SUITE] = (uint8_t)key->suite;
	header[PACK_AT_TYPE] = key->type;
	memcpy(header + PACK_AT_REPOSITORY, writer->keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + PACK_AT_DOMAIN, key->domain, DOMAIN_TAG_SIZE);
	err = pack_derive(header, private_key, writer->keys->read_public, writer->keys->shared, key->key,
	    header + PACK_AT_COMMITMENT);
done:
	secret_free(private_key, KEY_SIZE);
	return err;
}

enum err pack_writer_new(struct pack_writer **out, const struct keys *keys, enum pack_type type, struct buffer *spare)
{
	struct pack_writer *writer = mem_calloc(1, sizeof(*writer));
	enum err err;

	*out = NULL;
	if (!writer)
		return ERR_NOMEM;
	writer->keys = keys;
	writer->directory.type = (uint8_t)type;
	if (spare)
		buffer_swap(&writer->bytes, spare);
	buffer_clear(&writer->bytes);
	writer->key = secret_new(sizeof(*writer->key));
	err = writer->key ? make_key(writer) : ERR_NOMEM;
	if (err == ERR_OK)
		err = buffer_reserve(&writer->bytes, PACK_RESERVED);
	if (err == ERR_OK)
		err = buffer_append(&writer->bytes, writer->key->header, PACK_HEADER_SIZE);
	if (err != ERR_OK) {
		pack_writer_free(writer, spare);
		return err;
	}
	*out = writer;
	return ERR_OK;
}

void pack_writer_free(struct pack_writer *writer, struct buffer *spare)
{
	if (!writer)
		return;
	if (spare)
		buffer_swap(&writer->bytes, spare);
	secret_free(writer->key, sizeof(*writer->key));
	buffer_free(&writer->bytes);
	directory_free(&writer->directory);
	directory_free(&writer->pack.directory);
	mem_free(writer->sums);
	mem_free(writer);
}

/* At most this many bytes would the pack have, without padding, with another frame. */
static uint64_t size_with(const struct pack_writer *writer, uint32_t stored_size, uint32_t chunks_count)
{
	uint64_t directory = VARINT_MAX + (writer->directory.frames_count + 1) * (uint64_t)DIRECTORY_FRAME_MAX +
	    (writer->directory.chunks_count + chunks_count) * (uint64_t)DIRECTORY_CHUNK_MAX;

	return writer->bytes.length + stored_size + TAG_SIZE + directory + TAG_SIZE + PACK_TRAILER_SIZE;
}

bool pack_writer_full(const struct pack_writer *writer, uint32_t stored_size)
{
	/* A frame has at most one chunk a byte. */
	return writer->directory.frames_count > 0 &&
	    (size_with(writer, stored_size, 0) > PACK_TARGET || writer->directory.frames_count >= PACK_FRAMES_MAX ||
		writer->directory.chunks_count > PACK_CHUNKS_MAX - FRAME_RAW_MAX);
}

size_t pack_writer_frames(const struct pack_writer *writer)
{
	return writer->directory.frames_count;
}

static enum err grow(void **array, size_t *capacity, size_t need, size_t first, size_t size)
{
	size_t wanted = *capacity ? *capacity : first;
	void *grown;

	if (need <= *capacity)
		return ERR_OK;
	while (wanted < need)
		wanted *= 2;
	grown = mem_resize(*array, wanted, size);
	if (!grown)
		return ERR_NOMEM;
	*array = grown;
	*capacity = wanted;
	return ERR_OK;
}

static enum err make_room(struct pack_writer *writer, uint32_t chunks_count)
{
	struct directory *directory = &writer->directory;
	size_t sums_capacity = writer->chunks_capacity, need = directory->chunks_count + chunks_count;
	void *frames = directory->frames, *chunks = directory->chunks, *sums = writer->sums;
	enum err err = grow(
	    &frames, &writer->frames_capacity, directory->frames_count + 1, FRAMES_FIRST, sizeof(*directory->frames));

	if (err == ERR_OK)
		err = grow(&sums, &sums_capacity, need, CHUNKS_FIRST, sizeof(*writer->sums));
	if (err == ERR_OK)
		err = grow(&chunks, &writer->chunks_capacity, need, CHUNKS_FIRST, sizeof(*directory->chunks));
	directory->frames = frames;
	directory->chunks = chunks;
	writer->sums = sums;
	return err;
}

enum err pack_writer_add(struct pack_writer *writer, const struct pack_frame *frame)
{
	struct directory *directory = &writer->directory;
	enum err err;

	if (size_with(writer, frame->stored_size, frame->chunks_count) > PACK_MAX)
		return fail(PL_PACK_LIMIT, "a frame of %u bytes and %u chunks makes a pack larger than %u bytes",
		    frame->stored_size, frame->chunks_count, PACK_MAX);
	err = make_room(writer, frame->chunks_count);
	if (err == ERR_OK)
		err = buffer_reserve(&writer->bytes, frame->stored_size + TAG_SIZE);
	if (err != ERR_OK)
		return err;
	directory->frames[directory->frames_count++] = (struct directory_frame){.offset = writer->bytes.length,
	    .stored_size = frame->stored_size,
	    .raw_size = frame->raw_size,
	    .first_chunk = (uint32_t)directory->chunks_count,
	    .chunks_count = frame->chunks_count,
	    .codec = frame->codec};
	for (uint32_t i = 0; i < frame->chunks_count; i++) {
		const struct pack_chunk *chunk = &frame->chunks[i];
		size_t at = directory->chunks_count++;

		directory->chunks[at] = (struct directory_chunk){.length = chunk->length, .type = chunk->type};
		memcpy(directory->chunks[at].key, chunk->id, CHUNK_KEY_SIZE);
		writer->sums[at] = chunk->sum;
	}
	memcpy(writer->bytes.data + writer->bytes.length, frame->stored, frame->stored_size);
	writer->bytes.length += frame->stored_size + TAG_SIZE;
	return ERR_OK;
}

/* ---- finishing ---- */

struct sealer {
	struct aead *aead;
	struct sha256 *hash; /* of the finished bytes so far */
};

/* Seals a part in place and hashes it while it is in the processor's cache. */
static enum err seal_part(
    struct pack_writer *writer, struct sealer *sealer, enum pack_part part, uint64_t number, size_t offset, size_t size)
{
	struct pack_associated associated = pack_associated(writer->key->header, part, number);
	uint8_t *at = writer->bytes.data + offset;
	enum err err = aead_seal(sealer->aead, number, associated.bytes, sizeof(associated.bytes), at, size, at);

	return err == ERR_OK ? sha256_update(sealer->hash, at, size + TAG_SIZE) : err;
}

/* Appends the directory, padded and sealed. */
static enum err append_directory(struct pack_writer *writer, struct sealer *sealer, bool padded)
{
	struct buffer *bytes = &writer->bytes;
	size_t offset = bytes->length, padding = 0;
	enum err err = directory_encode(&writer->directory, bytes);

	if (err != ERR_OK)
		return err;
	if (padded) {
		uint64_t size = bytes->length + TAG_SIZE + PACK_TRAILER_SIZE;

		padding = (size_t)(pack_padded_size(size) - size);
	}
	err = buffer_reserve(bytes, padding + TAG_SIZE);
	if (err != ERR_OK)
		return err;
	memset(bytes->data + bytes->length, 0, padding);
	bytes->length += padding + TAG_SIZE;
	return seal_part(
	    writer, sealer, PACK_DIRECTORY, PACK_DIRECTORY_NUMBER, offset, bytes->length - offset - TAG_SIZE);
}

static enum err append_trailer(struct pack_writer *writer, struct sealer *sealer, size_t directory_offset)
{
	struct buffer *bytes = &writer->bytes;
	size_t offset = bytes->length;
	uint8_t *at;
	enum err err = buffer_reserve(bytes, PACK_TRAILER_SIZE);

	if (err != ERR_OK)
		return err;
	at = bytes->data + offset;
	store_u64(at, directory_offset);
	store_u32(at + 8, (uint32_t)(offset - directory_offset));
	store_u32(at + 12, (uint32_t)writer->directory.frames_count);
	bytes->length += PACK_TRAILER_SIZE - PACK_MAGIC_SIZE;
	err = seal_part(writer, sealer, PACK_TRAILER, PACK_TRAILER_NUMBER, offset, PACK_TRAILER_PLAIN_SIZE);
	if (err == ERR_OK)
		err = buffer_append(bytes, PACK_END_MAGIC, PACK_MAGIC_SIZE);
	return err == ERR_OK ? sha256_update(sealer->hash, PACK_END_MAGIC, PACK_MAGIC_SIZE) : err;
}

static enum err seal(struct pack_writer *writer, struct sealer *sealer, bool padded)
{
	const struct directory *directory = &writer->directory;
	size_t directory_offset = writer->bytes.length;
	enum err err = aead_new(&sealer->aead, writer->key->suite, writer->key->key);

	if (err == ERR_OK)
		err = sha256_new(&sealer->hash);
	if (err == ERR_OK)
		err = sha256_update(sealer->hash, writer->bytes.data, PACK_HEADER_SIZE);
	for (size_t i = 0; err == ERR_OK && i < directory->frames_count; i++)
		err = seal_part(writer, sealer, PACK_FRAME, i, (size_t)directory->frames[i].offset,
		    directory->frames[i].stored_size);
	if (err == ERR_OK)
		err = append_directory(writer, sealer, padded);
	if (err == ERR_OK)
		err = append_trailer(writer, sealer, directory_offset);
	return err == ERR_OK ? sha256_final(sealer->hash, writer->pack.id) : err;
}

enum err pack_writer_finish(struct pack_writer *writer, bool padded, const struct pack **out)
{
	struct sealer sealer = {0};
	enum err err = seal(writer, &sealer, padded);

	aead_free(sealer.aead);
	sha256_free(sealer.hash);
	if (err != ERR_OK) {
		crypto_wipe(writer->key, sizeof(*writer->key));
		return err;
	}
	writer->pack.bytes = writer->bytes.data;
	writer->pack.size = writer->bytes.length;
	*out = &writer->pack;
	return ERR_OK;
}

/* The directory that is given out is the one that was opened again: every name and length in it is proved by the sums. */
enum err pack_writer_check(struct pack_writer *writer)
{
	struct pack_proof proof = {.sums = writer->sums, .sums_count = writer->directory.chunks_count};
	struct failure inner;
	enum err err =
	    pack_check_contents(writer->key, writer->bytes.data, writer->bytes.length, &proof, &writer->pack.directory);

	crypto_wipe(writer->key, sizeof(*writer->key));
	directory_free(&writer->directory);
	mem_free(writer->sums);
	writer->sums = NULL;
	if (err != ERR_CORRUPT && err != ERR_UNSUPPORTED)
		return err;
	failure_take(&inner);
	return fail(PL_SELF_CHECK, "a pack does not open again: %s", inner.text);
}
