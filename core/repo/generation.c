#include "core/repo/generation.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/object.h"
#include "core/repo/seal.h"
#include "core/repo/signed_object.h"

#define MAGIC "PULIHGEN"
#define MAGIC_SIZE 8
#define VERSION 1
#define HEADER_SIZE 40
#define PURPOSE "generation"
#define STATE_CONDEMNED 1
#define STATE_DONE 2
#define READ_TRIES 3 /* a collector may remove an old generation between the listing and the reading */

/* What is condemned and what is gone is the same to a writer: it must not rely on it. So one set holds both. */
struct generations {
	uint64_t newest;
	uint8_t (*packs)[OBJECT_ID_SIZE]; /* ascending once all are read */
	size_t count, capacity;
};

void generations_free(struct generations *generations)
{
	if (!generations)
		return;
	mem_free(generations->packs);
	mem_free(generations);
}

uint64_t generations_newest(const struct generations *generations)
{
	return generations->newest;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, OBJECT_ID_SIZE);
}

bool generations_condemned(const struct generations *generations, const uint8_t pack[OBJECT_ID_SIZE])
{
	return generations->count > 0 &&
	    bsearch(pack, generations->packs, generations->count, OBJECT_ID_SIZE, compare_ids) != NULL;
}

/* ---- writing ---- */

static void encode_header(uint8_t header[HEADER_SIZE], const struct keys *keys, uint64_t generation, bool done)
{
	memset(header, 0, HEADER_SIZE);
	memcpy(header, MAGIC, MAGIC_SIZE);
	store_u16(header + 8, VERSION);
	header[10] = (uint8_t)keys->suite;
	header[11] = done ? STATE_DONE : STATE_CONDEMNED;
	memcpy(header + 16, keys->repository, REPOSITORY_ID_SIZE);
	store_u64(header + 32, generation);
}

static enum err encode(const struct keys *keys, uint64_t generation, bool done, const uint8_t (*packs)[OBJECT_ID_SIZE],
    size_t count, struct buffer *bytes)
{
	uint8_t header[HEADER_SIZE];
	struct buffer plain = {0};
	enum err err = buffer_append_varint(&plain, count);

	encode_header(header, keys, generation, done);
	if (err == ERR_OK)
		err = buffer_append(&plain, packs, count * OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append(bytes, header, HEADER_SIZE);
	if (err == ERR_OK)
		err =
		    box_seal(bytes, keys->suite, keys->shared, PURPOSE, header, HEADER_SIZE, plain.data, plain.length);
	if (err == ERR_OK)
		err = signed_object_sign(keys, 0, bytes);
	buffer_free(&plain);
	return err;
}

enum err generation_write(struct target *target, const struct keys *keys, uint64_t generation, bool done,
    const uint8_t (*packs)[OBJECT_ID_SIZE], size_t count)
{
	struct buffer bytes = {0};
	enum err err;

	if (!keys->full)
		return fail(PL_KEY_FULL, "a backup key cannot publish generation %llu", (unsigned long long)generation);
	if (count > (GENERATION_MAX - HEADER_SIZE - BOX_OVERHEAD - SIGNATURE_SIZE - VARINT_MAX) / OBJECT_ID_SIZE)
		return fail(
		    PL_GENERATION_BROKEN, "a generation of %zu packs would be larger than any reader accepts", count);
	err = encode(keys, generation, done, packs, count, &bytes);
	if (err == ERR_OK)
		err = target_put(target, object_generation(generation).text, bytes.data, bytes.length);
	buffer_free(&bytes);
	return err;
}

/* ---- reading ---- */

static enum err broken(const char *what)
{
	return fail(PL_GENERATION_BROKEN, "%s", what);
}

static enum err check_header(const struct keys *keys, uint64_t generation, const struct buffer *bytes)
{
	const uint8_t *header = bytes->data;

	if (bytes->length < HEADER_SIZE + BOX_OVERHEAD + SIGNATURE_SIZE)
		return broken("it is too short");
	if (memcmp(header, MAGIC, MAGIC_SIZE) != 0)
		return broken("it does not start as a generation");
	if (load_u16(header + 8) != VERSION)
		return fail(PL_FORMAT_VERSION, "its version is %u, known is %d", load_u16(header + 8), VERSION);
	if (!suite_name(header[10]))
		return fail(PL_SUITE, "its cipher suite is %u", header[10]);
	if ((header[11] != STATE_CONDEMNED && header[11] != STATE_DONE) || load_u32(header + 12) != 0)
		return fail(PL_FORMAT_VERSION, "its state and flags are %02x %08x, which are not known", header[11],
		    load_u32(header + 12));
	if (memcmp(header + 16, keys->repository, REPOSITORY_ID_SIZE) != 0)
		return broken("it belongs to another repository");
	if (load_u64(header + 32) != generation)
		return broken("it is another generation than its name says");
	return ERR_OK;
}

static enum err add_packs(struct generations *generations, const struct buffer *plain)
{
	struct cursor cursor = cursor_of(plain->data, plain->length);
	uint64_t count;

	if (!cursor_varint(&cursor, &count) || count > GENERATION_MAX / OBJECT_ID_SIZE ||
	    cursor_left(&cursor) != count * OBJECT_ID_SIZE)
		return broken("its contents are not the packs that it counts");
	if (count > generations->capacity - generations->count) {
		size_t capacity = 2 * generations->capacity + (size_t)count;
		void *packs = mem_resize(generations->packs, capacity, OBJECT_ID_SIZE);

		if (!packs)
			return ERR_NOMEM;
		generations->packs = packs;
		generations->capacity = capacity;
	}
	if (count > 0)
		cursor_copy(&cursor, generations->packs + generations->count, (size_t)count * OBJECT_ID_SIZE);
	generations->count += (size_t)count;
	return ERR_OK;
}

static enum err read_one(
    struct generations *generations, struct target *target, const struct keys *keys, uint64_t generation)
{
	struct object_name name = object_generation(generation);
	struct buffer bytes = {0}, plain = {0};
	enum err err = target_get(target, name.text, GENERATION_MAX, &bytes);

	if (err != ERR_OK)
		goto done;
	err = check_header(keys, generation, &bytes);
	if (err == ERR_OK)
		err = signed_object_verify(keys->owner_public, bytes.data, bytes.length);
	if (err == ERR_OK)
		err = box_open(&plain, bytes.data[10], keys->shared, PURPOSE, bytes.data, HEADER_SIZE,
		    bytes.data + HEADER_SIZE, bytes.length - HEADER_SIZE - SIGNATURE_SIZE);
	if (err == ERR_OK)
		err = add_packs(generations, &plain);
	if (err != ERR_OK)
		fail_context(err, "%s", name.text);
done:
	buffer_free(&bytes);
	buffer_free(&plain);
	return err;
}

struct numbers {
	struct buffer all; /* u64 each */
};

static bool number_of(const char *name, uint64_t *number)
{
	uint8_t bytes[8];

	if (!hex_decode(bytes, sizeof(bytes), name + strlen("gc/")))
		return false;
	*number = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*number = *number << 8 | bytes[i];
	return true;
}

static enum err note_number(void *context, const struct target_object *object)
{
	struct numbers *numbers = context;
	uint64_t number;

	return number_of(object->name, &number) ? buffer_append_u64(&numbers->all, number) : ERR_OK;
}

enum err generation_check(struct target *target, const struct keys *keys, const char *name)
{
	struct generations read = {0};
	uint64_t number;
	enum err err = number_of(name, &number) ? read_one(&read, target, keys, number) : ERR_OK;

	mem_free(read.packs);
	return err;
}

static enum err read_all(struct generations *generations, struct target *target, const struct keys *keys)
{
	struct numbers numbers = {0};
	enum err err = target_list(target, "gc", note_number, &numbers);

	generations->newest = 0;
	generations->count = 0;
	for (size_t at = 0; at < numbers.all.length && err == ERR_OK; at += 8) {
		uint64_t generation = load_u64(numbers.all.data + at);

		err = read_one(generations, target, keys, generation);
		if (generation > generations->newest)
			generations->newest = generation;
	}
	if (err == ERR_OK && generations->count > 1)
		qsort(generations->packs, generations->count, OBJECT_ID_SIZE, compare_ids);
	buffer_free(&numbers.all);
	return err;
}

enum err generations_read(struct generations **out, struct target *target, const struct keys *keys)
{
	struct generations *generations = mem_calloc(1, sizeof(*generations));
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!generations)
		return ERR_NOMEM;
	for (int tries = 0; tries < READ_TRIES; tries++) {
		err = read_all(generations, target, keys);
		if (err != ERR_MISSING)
			break;
	}
	if (err != ERR_OK) {
		generations_free(generations);
		return err;
	}
	*out = generations;
	return ERR_OK;
}
