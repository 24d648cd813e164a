#include "core/repo/pack_internal.h"

#include "core/base/mem.h"
#include "core/repo/object.h"

static enum err check_header(const struct keys *keys, const uint8_t header[PACK_HEADER_SIZE])
{
	static const uint8_t none[PACK_HEADER_SIZE - PACK_AT_RESERVED];
	unsigned version = load_u16(header + PACK_AT_VERSION);
	uint32_t flags = load_u32(header + PACK_AT_FLAGS);
	uint8_t type = header[PACK_AT_TYPE];

	if (memcmp(header + PACK_AT_MAGIC, PACK_MAGIC, PACK_MAGIC_SIZE) != 0)
		return fail(PL_PACK_BROKEN, "it does not begin as a pack does");
	if (version != PACK_VERSION)
		return fail(PL_FORMAT_VERSION, "pack format version %u", version);
	if (!suite_name(header[PACK_AT_SUITE]))
		return fail(PL_SUITE, "cipher suite %u", header[PACK_AT_SUITE]);
	if (type != PACK_DATA && type != PACK_METADATA)
		return fail(PL_FORMAT_VERSION, "pack type %u", type);
	if (flags != 0)
		return fail(PL_FORMAT_VERSION, "pack flags 0x%08x", flags);
	if (memcmp(header + PACK_AT_RESERVED, none, sizeof(none)) != 0)
		return fail(PL_FORMAT_VERSION, "reserved bytes of the pack header are set");
	if (memcmp(header + PACK_AT_REPOSITORY, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return fail(PL_PACK_BROKEN, "it belongs to another repository");
	return ERR_OK;
}

enum err pack_key_from_header(struct pack_key *out, const struct keys *keys, const uint8_t header[PACK_HEADER_SIZE])
{
	uint8_t commitment[HASH_SIZE];
	enum err err = keys->full ? check_header(keys, header) : fail(PL_KEY_FULL, "packs open with the full key only");

	if (err != ERR_OK)
		return err;
	err = pack_derive(header, keys->read_private, header + PACK_AT_PUBLIC_KEY, keys->shared, out->key, commitment);
	if (err == ERR_OK && !crypto_equal(commitment, header + PACK_AT_COMMITMENT, sizeof(commitment)))
		err = fail(PL_SEAL_BROKEN, "the key commitment of the pack header does not match");
	if (err != ERR_OK) {
		crypto_wipe(out, sizeof(*out));
		return err;
	}
	memcpy(out->header, header, PACK_HEADER_SIZE);
	out->suite = header[PACK_AT_SUITE];
	out->type = header[PACK_AT_TYPE];
	memcpy(out->domain, header + PACK_AT_DOMAIN, DOMAIN_TAG_SIZE);
	return ERR_OK;
}

/* ---- the parts ---- */

static enum err open_part(struct aead *aead, const struct pack_key *key, enum pack_part part, uint64_t number,
    const void *sealed, size_t sealed_size, void *out)
{
	struct pack_associated associated = pack_associated(key->header, part, number);

	return aead_open(aead, number, associated.bytes, sizeof(associated.bytes), sealed, sealed_size, out);
}

enum err pack_frame_open(struct aead *aead, const struct pack_key *key, struct frame_decompressor *decompressor,
    uint32_t number, const struct directory_frame *frame, const void *sealed, void *scratch, void *raw)
{
	bool stored = frame->codec == CODEC_STORED && frame->stored_size == frame->raw_size;
	enum err err;

	if (frame->stored_size > FRAME_RAW_MAX || frame->raw_size > FRAME_RAW_MAX)
		return fail(PL_FRAME_BROKEN, "frame %u has %u stored and %u raw bytes", number, frame->stored_size,
		    frame->raw_size);
	/* What was not compressed is opened where it is wanted. */
	err = open_part(
	    aead, key, PACK_FRAME, number, sealed, (size_t)frame->stored_size + TAG_SIZE, stored ? raw : scratch);
	if (err == ERR_OK && !stored)
		err = frame_decompress(decompressor, frame->codec, scratch, frame->stored_size, raw, frame->raw_size);
	return err == ERR_OK ? ERR_OK : fail_context(err, "frame %u", number);
}

enum err pack_open_frame(const struct pack_key *key, struct frame_decompressor *decompressor, uint32_t number,
    uint8_t codec, void *sealed, uint32_t stored_size, void *raw, uint32_t raw_size)
{
	struct directory_frame frame = {.stored_size = stored_size, .raw_size = raw_size, .codec = codec};
	struct aead *aead = NULL;
	enum err err = aead_new(&aead, key->suite, key->key);

	if (err == ERR_OK)
		err = pack_frame_open(aead, key, decompressor, number, &frame, sealed, sealed, raw);
	aead_free(aead);
	return err;
}

enum err pack_trailer_open(struct aead *aead, const struct pack_key *key, const uint8_t sealed[PACK_TRAILER_SIZE],
    uint64_t size, struct pack_trailer *out)
{
	uint8_t plain[PACK_TRAILER_PLAIN_SIZE];
	enum err err;

	if (memcmp(sealed + PACK_TRAILER_SIZE - PACK_MAGIC_SIZE, PACK_END_MAGIC, PACK_MAGIC_SIZE) != 0)
		return fail(PL_PACK_BROKEN, "it does not end as a pack does");
	err =
	    open_part(aead, key, PACK_TRAILER, PACK_TRAILER_NUMBER, sealed, PACK_TRAILER_SIZE - PACK_MAGIC_SIZE, plain);
	if (err != ERR_OK)
		return fail_context(err, "trailer");
	*out = (struct pack_trailer){
	    .directory_offset = load_u64(plain), .directory_size = load_u32(plain + 8), .frames = load_u32(plain + 12)};
	if (out->directory_offset < PACK_HEADER_SIZE || out->directory_offset > size ||
	    out->directory_size <= TAG_SIZE || out->directory_offset + out->directory_size + PACK_TRAILER_SIZE != size)
		return fail(PL_PACK_BROKEN, "the trailer puts a directory of %u bytes at %ju in %ju bytes",
		    out->directory_size, (uintmax_t)out->directory_offset, (uintmax_t)size);
	return ERR_OK;
}

static bool all_zeros(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

enum err pack_directory_open(struct aead *aead, const struct pack_key *key, const struct pack_trailer *trailer,
    const uint8_t *sealed, uint8_t *scratch, struct directory *out)
{
	struct directory directory = {0};
	struct cursor cursor;
	uint64_t end = PACK_HEADER_SIZE;
	enum err err =
	    open_part(aead, key, PACK_DIRECTORY, PACK_DIRECTORY_NUMBER, sealed, trailer->directory_size, scratch);

	if (err != ERR_OK)
		return fail_context(err, "directory");
	cursor = cursor_of(scratch, trailer->directory_size - TAG_SIZE);
	err = directory_decode(&cursor, key->type, &directory);
	if (err != ERR_OK)
		goto done;
	for (size_t i = 0; i < directory.frames_count; i++)
		end += directory.frames[i].stored_size + (uint64_t)TAG_SIZE;
	if (!all_zeros(cursor.at, cursor_left(&cursor)))
		err = fail(PL_DIRECTORY_BROKEN, "the padding of a pack directory is not zero");
	else if (directory.frames_count != trailer->frames)
		err = fail(PL_DIRECTORY_BROKEN, "the trailer says %u frames, the directory %zu", trailer->frames,
		    directory.frames_count);
	else if (end != trailer->directory_offset)
		err = fail(PL_DIRECTORY_BROKEN, "the frames end at %ju, the directory begins at %ju", (uintmax_t)end,
		    (uintmax_t)trailer->directory_offset);
	if (err == ERR_OK) {
		*out = directory;
		directory = (struct directory){0};
	}
done:
	directory_free(&directory);
	return err;
}

/* ---- a pack in a target ---- */

static enum err read_directory(
    struct target *target, const struct keys *keys, const char *name, struct pack_key *key, struct directory *directory)
{
	uint8_t header[PACK_HEADER_SIZE], sealed_trailer[PACK_TRAILER_SIZE];
	struct pack_trailer trailer;
	struct aead *aead = NULL;
	uint8_t *sealed = NULL;
	uint64_t size;
	int64_t changed;
	enum err err = target_stat(target, name, &size, &changed);

	if (err != ERR_OK)
		return err;
	if (size < PACK_HEADER_SIZE + PACK_TRAILER_SIZE)
		return fail(PL_OBJECT_SHORT, "%ju bytes are no pack", (uintmax_t)size);
	if (size > PACK_MAX)
		return fail(PL_OBJECT_SIZE, "%ju bytes are more than a pack can have", (uintmax_t)size);
	err = target_read(target, name, 0, header, sizeof(header));
	if (err == ERR_OK)
		err = pack_key_from_header(key, keys, header);
	if (err == ERR_OK)
		err = aead_new(&aead, key->suite, key->key);
	if (err == ERR_OK)
		err = target_read(target, name, size - PACK_TRAILER_SIZE, sealed_trailer, sizeof(sealed_trailer));
	if (err == ERR_OK)
		err = pack_trailer_open(aead, key, sealed_trailer, size, &trailer);
	if (err != ERR_OK)
		goto done;
	sealed = mem_alloc(trailer.directory_size);
	if (!sealed) {
		err = ERR_NOMEM;
		goto done;
	}
	err = target_read(target, name, trailer.directory_offset, sealed, trailer.directory_size);
	if (err == ERR_OK)
		err = pack_directory_open(aead, key, &trailer, sealed, sealed, directory);
done:
	mem_free(sealed);
	aead_free(aead);
	return err;
}

enum err pack_read_directory(struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE],
    struct pack_key *key, struct directory *directory)
{
	struct object_name name = object_pack(id);
	enum err err = keys->full ? ERR_OK : fail(PL_KEY_FULL, "packs open with the full key only");

	if (err == ERR_OK)
		err = read_directory(target, keys, name.text, key, directory);
	return err == ERR_OK ? ERR_OK : fail_context(err, "%s", name.text);
}
