#include "core/repo/directory.h"

#include "core/base/mem.h"
#include "core/chunk/frame.h"
#include "core/repo/pack.h"

/* The least that one frame takes: three varints and the codec. A chunk: its key and one varint. */
#define FRAME_BYTES_MIN 4u
#define CHUNK_BYTES_MIN (CHUNK_KEY_SIZE + 1u)

void directory_free(struct directory *directory)
{
	mem_free(directory->frames);
	mem_free(directory->chunks);
	*directory = (struct directory){0};
}

static uint8_t *put_length(uint8_t *at, uint8_t pack_type, const struct directory_chunk *chunk)
{
	if (pack_type == PACK_DATA)
		return varint_put(at, chunk->length);
	return varint_put(at, (uint64_t)chunk->length << 2 | (uint64_t)(chunk->type - 1));
}

enum err directory_encode(const struct directory *directory, struct buffer *out)
{
	/* Room for the longest encoding at once: millions of chunks, no check for each. */
	size_t most = VARINT_MAX + directory->frames_count * (3 * VARINT_MAX + 1) +
	    directory->chunks_count * (CHUNK_KEY_SIZE + VARINT_MAX);
	enum err err = buffer_reserve(out, most);
	uint8_t *at;

	if (err != ERR_OK)
		return err;
	at = varint_put(out->data + out->length, directory->frames_count);
	for (size_t i = 0; i < directory->frames_count; i++) {
		const struct directory_frame *frame = &directory->frames[i];

		at = varint_put(at, frame->stored_size);
		at = varint_put(at, frame->raw_size);
		*at++ = frame->codec;
		at = varint_put(at, frame->chunks_count);
	}
	for (size_t i = 0; i < directory->chunks_count; i++, at += CHUNK_KEY_SIZE)
		memcpy(at, directory->chunks[i].key, CHUNK_KEY_SIZE);
	for (size_t i = 0; i < directory->chunks_count; i++)
		at = put_length(at, directory->type, &directory->chunks[i]);
	out->length = (size_t)(at - out->data);
	return ERR_OK;
}

static enum err too_short(void)
{
	return fail(PL_DIRECTORY_BROKEN, "a pack directory ends too early, or has a number that is not canonical");
}

static enum err decode_frame(struct cursor *cursor, size_t number, struct directory_frame *frame)
{
	uint64_t stored, raw, chunks;

	cursor_varint(cursor, &stored);
	cursor_varint(cursor, &raw);
	cursor_u8(cursor, &frame->codec);
	cursor_varint(cursor, &chunks);
	if (cursor->bad)
		return too_short();
	if (frame->codec != CODEC_STORED && frame->codec != CODEC_ZSTD)
		return fail(PL_CODEC, "frame %zu of a pack directory has the codec %u", number, frame->codec);
	if (raw < 1 || raw > FRAME_RAW_MAX)
		return fail(
		    PL_DIRECTORY_BROKEN, "frame %zu of a pack directory has %ju raw bytes", number, (uintmax_t)raw);
	if (stored < 1 || stored > raw || (frame->codec == CODEC_STORED && stored != raw))
		return fail(PL_DIRECTORY_BROKEN, "frame %zu of a pack directory has %ju stored and %ju raw bytes",
		    number, (uintmax_t)stored, (uintmax_t)raw);
	if (chunks < 1 || chunks > raw)
		return fail(PL_DIRECTORY_BROKEN, "frame %zu of a pack directory has %ju chunks in %ju bytes", number,
		    (uintmax_t)chunks, (uintmax_t)raw);
	frame->stored_size = (uint32_t)stored;
	frame->raw_size = (uint32_t)raw;
	frame->chunks_count = (uint32_t)chunks;
	return ERR_OK;
}

static enum err decode_frames(struct cursor *cursor, struct directory *directory)
{
	uint64_t count, chunks = 0, offset = PACK_HEADER_SIZE;
	enum err err = ERR_OK;

	if (!cursor_varint(cursor, &count))
		return too_short();
	if (count > PACK_FRAMES_MAX || count > cursor_left(cursor) / FRAME_BYTES_MIN)
		return fail(PL_DIRECTORY_BROKEN, "a pack directory of %zu bytes claims %ju frames", cursor_left(cursor),
		    (uintmax_t)count);
	directory->frames = mem_calloc((size_t)count, sizeof(*directory->frames));
	if (!directory->frames)
		return ERR_NOMEM;
	directory->frames_count = (size_t)count;
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		struct directory_frame *frame = &directory->frames[i];

		err = decode_frame(cursor, i, frame);
		frame->offset = offset;
		frame->first_chunk = (uint32_t)chunks;
		offset += frame->stored_size + TAG_SIZE;
		chunks += frame->chunks_count;
		if (err == ERR_OK && (offset > PACK_MAX || chunks > PACK_CHUNKS_MAX))
			err = fail(PL_DIRECTORY_BROKEN,
			    "a pack directory claims %ju bytes and %ju chunks in its first %zu frames",
			    (uintmax_t)offset, (uintmax_t)chunks, i + 1);
	}
	directory->chunks_count = (size_t)chunks;
	return err;
}

static enum err decode_length(struct cursor *cursor, uint8_t pack_type, struct directory_chunk *chunk)
{
	uint64_t value;

	if (!cursor_varint(cursor, &value))
		return too_short();
	chunk->type = CHUNK_DATA;
	if (pack_type == PACK_METADATA) {
		chunk->type = (uint8_t)(1 + (value & 3));
		value >>= 2;
	}
	if (value < 1 || value > CHUNK_MAX)
		return fail(PL_DIRECTORY_BROKEN, "a pack directory has a chunk of %ju bytes", (uintmax_t)value);
	chunk->length = (uint32_t)value;
	return ERR_OK;
}

static enum err decode_lengths(struct cursor *cursor, struct directory *directory)
{
	for (size_t i = 0; i < directory->frames_count; i++) {
		const struct directory_frame *frame = &directory->frames[i];
		uint64_t offset = 0;

		for (size_t j = 0; j < frame->chunks_count; j++) {
			struct directory_chunk *chunk = &directory->chunks[frame->first_chunk + j];
			enum err err = decode_length(cursor, directory->type, chunk);

			if (err != ERR_OK)
				return err;
			chunk->offset = (uint32_t)offset;
			offset += chunk->length;
			if (offset > frame->raw_size)
				break;
		}
		if (offset != frame->raw_size)
			return fail(PL_DIRECTORY_BROKEN,
			    "the chunks of frame %zu of a pack directory do not add up to its %u bytes", i,
			    frame->raw_size);
	}
	return ERR_OK;
}

enum err directory_decode(struct cursor *cursor, uint8_t type, struct directory *out)
{
	struct directory directory = {.type = type};
	enum err err;

	if (type != PACK_DATA && type != PACK_METADATA)
		return fail(PL_DIRECTORY_BROKEN, "a pack directory of type %u", type);
	err = decode_frames(cursor, &directory);
	if (err != ERR_OK)
		goto done;
	if (directory.chunks_count > cursor_left(cursor) / CHUNK_BYTES_MIN) {
		err = fail(PL_DIRECTORY_BROKEN, "a pack directory claims %zu chunks in its last %zu bytes",
		    directory.chunks_count, cursor_left(cursor));
		goto done;
	}
	directory.chunks = mem_alloc(directory.chunks_count * sizeof(*directory.chunks));
	if (!directory.chunks) {
		err = ERR_NOMEM;
		goto done;
	}
	for (size_t i = 0; i < directory.chunks_count; i++)
		cursor_copy(cursor, directory.chunks[i].key, CHUNK_KEY_SIZE);
	err = decode_lengths(cursor, &directory);
	if (err == ERR_OK) {
		*out = directory;
		directory = (struct directory){0};
	}
done:
	directory_free(&directory);
	return err;
}
