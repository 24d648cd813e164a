#include "tests/unit/entries.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

uint64_t random_next(uint64_t *seed)
{
	uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *seed, uint64_t bound)
{
	return random_next(seed) % bound;
}

struct entry_bytes bytes_of(const char *text)
{
	return (struct entry_bytes){(const uint8_t *)text, strlen(text)};
}

struct entry_bytes random_path(uint64_t *seed, uint8_t out[300])
{
	static const uint8_t letters[] = {'a', 'b', '.', ' ', '0', 0x01, 0xFF, 'A'};
	uint64_t components = 1 + random_below(seed, 5);
	size_t size = 0;

	for (uint64_t i = 0; i < components; i++) {
		uint64_t length = 1 + random_below(seed, 6);

		if (i > 0)
			out[size++] = '/';
		for (uint64_t k = 0; k < length; k++)
			out[size++] = letters[random_below(seed, sizeof(letters))];
		out[size++] = 'x'; /* never "." or ".." */
	}
	return (struct entry_bytes){out, size};
}

static struct entry_bytes random_name(uint64_t *seed, uint8_t *out)
{
	size_t size = random_below(seed, 3) * 5;

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)('a' + random_below(seed, 3));
	return (struct entry_bytes){out, size};
}

static uint8_t *put_random(uint8_t *at, uint64_t *seed, size_t size)
{
	for (size_t i = 0; i < size; i++)
		*at++ = (uint8_t)random_next(seed);
	return at;
}

static void fill_xattrs(struct sample *sample, uint64_t *seed)
{
	uint8_t *at = sample->xattrs;
	uint64_t count = random_below(seed, 4);

	if (random_below(seed, 8) == 0) {
		put_random(sample->entry.xattrs_chunk, seed, CHUNK_ID_SIZE);
		sample->entry.xattrs_chunk_size = 1 + (uint32_t)random_below(seed, CHUNK_MAX);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t value = random_below(seed, 80);

		at = varint_put(at, 6);
		memcpy(at, "user.", 5);
		at[5] = (uint8_t)('a' + i);
		at = put_random(varint_put(at + 6, value), seed, value);
	}
	sample->entry.xattrs = (struct entry_bytes){sample->xattrs, (size_t)(at - sample->xattrs)};
}

static void fill_segments(struct sample *sample, uint64_t *seed, uint64_t *data)
{
	uint64_t count = random_below(seed, 4), end = 0;
	uint8_t *at = varint_put(sample->segments, count);

	*data = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t gap = random_below(seed, 1u << 30), size = 1 + random_below(seed, 1u << 20);

		at = varint_put(varint_put(at, gap), size);
		end += gap + size;
		*data += size;
	}
	sample->entry.size = end + random_below(seed, 100000);
	sample->entry.segments = (struct entry_bytes){sample->segments, (size_t)(at - sample->segments)};
}

/* Content that adds up to `data` bytes. */
static void fill_content(struct sample *sample, uint64_t *seed, uint64_t data)
{
	uint8_t *at = sample->content;
	uint64_t chunks = (data + CHUNK_MAX / 2 - 1) / (CHUNK_MAX / 2);

	if (chunks > ENTRY_INLINE_CHUNKS || (chunks > 0 && random_below(seed, 6) == 0)) {
		sample->entry.content_outside = true;
		at = varint_put(varint_put(varint_put(at, 0), chunks), 1);
		at = varint_put(put_random(at, seed, CHUNK_ID_SIZE), chunks * 36);
	} else {
		at = varint_put(at, chunks);
		for (; chunks > 0; chunks--) {
			uint64_t length = chunks == 1 ? data : CHUNK_MAX / 2;

			at = varint_put(put_random(at, seed, CHUNK_ID_SIZE), length);
			data -= length;
		}
	}
	sample->entry.content = (struct entry_bytes){sample->content, (size_t)(at - sample->content)};
}

void sample_fill(struct sample *sample, uint64_t *seed, struct entry_bytes path)
{
	static const uint32_t flags[] = {0, 0, 0, 0x10, 0x800080, ENTRY_FLAGS_KEPT};
	struct entry *entry = &sample->entry;
	uint64_t data;

	*entry = (struct entry){.type = (uint8_t)(1 + random_below(seed, 7))};
	if (random_below(seed, 2))
		entry->type = ENTRY_FILE;
	memmove(sample->path, path.data, path.size);
	entry->path = (struct entry_bytes){sample->path, path.size};
	entry->mode = (uint16_t)(random_below(seed, 4) ? 0644 : random_below(seed, 010000));
	entry->uid = (uint32_t)(random_below(seed, 3) ? 1000 : random_next(seed));
	entry->gid = (uint32_t)(random_below(seed, 3) ? 1000 : random_next(seed));
	entry->user = random_name(seed, sample->names[0]);
	entry->group = random_name(seed, sample->names[1]);
	entry->mtime = (int64_t)random_next(seed);
	entry->ctime = random_below(seed, 4) ? entry->mtime : (int64_t)random_next(seed);
	entry->device = random_below(seed, 3);
	entry->inode = random_below(seed, 4) ? random_below(seed, 100000) : random_next(seed);
	entry->links =
	    random_below(seed, 3) || entry->type == ENTRY_FOLDER ? 1 : 2 + (uint32_t)random_below(seed, 1000);
	entry->flags = flags[random_below(seed, 6)];
	if (entry->type == ENTRY_CHARACTER || entry->type == ENTRY_BLOCK)
		entry->rdev = random_next(seed);
	if (entry->type == ENTRY_SYMLINK) {
		entry->target = (struct entry_bytes){sample->target, 1 + random_below(seed, sizeof(sample->target))};
		memset(sample->target, 't', sizeof(sample->target));
	}
	fill_xattrs(sample, seed);
	if (entry->type != ENTRY_FILE)
		return;
	entry->sparse = random_below(seed, 4) == 0;
	if (entry->sparse)
		fill_segments(sample, seed, &data);
	else
		data = entry->size = random_below(seed, 3)
		    ? random_below(seed, 100000)
		    : random_below(seed, UINT64_C(2) * ENTRY_INLINE_CHUNKS * CHUNK_MAX / 2);
	fill_content(sample, seed, data);
}

void sample_plain(struct sample *sample, uint64_t n)
{
	struct entry *entry = &sample->entry;
	uint64_t seed = n;
	int size = snprintf((char *)sample->path, sizeof(sample->path), "home/user/folder%07u/file%09u.text",
	    (unsigned)(n / 100), (unsigned)n);
	uint8_t *at;

	*entry = (struct entry){.type = ENTRY_FILE, .mode = 0644, .uid = 1000, .gid = 1000, .links = 1, .device = 2049};
	entry->path = (struct entry_bytes){sample->path, (size_t)size};
	entry->user = entry->group = bytes_of("user");
	entry->mtime = INT64_C(1700000000123456789) + (int64_t)random_below(&seed, UINT64_C(1) << 50);
	entry->ctime = entry->mtime + 1000;
	entry->inode = 1000000 + n;
	entry->size = 1 + random_below(&seed, 20000);
	at = varint_put(sample->content, 1);
	at = varint_put(put_random(at, &seed, CHUNK_ID_SIZE), entry->size);
	entry->content = (struct entry_bytes){sample->content, (size_t)(at - sample->content)};
}

static int by_path(const void *a, const void *b)
{
	const struct sample *left = a, *right = b;

	return entry_compare((struct entry_bytes){left->path, left->entry.path.size},
	    (struct entry_bytes){right->path, right->entry.path.size});
}

struct sample *samples_sorted(uint64_t seed, size_t count, size_t *made)
{
	struct sample *samples = mem_calloc(count, sizeof(*samples));

	assert_non_null(samples);
	for (size_t i = 0; i < count; i++)
		samples[i].entry.path = random_path(&seed, samples[i].path);
	qsort(samples, count, sizeof(*samples), by_path);
	*made = 0;
	for (size_t i = 0; i < count; i++) {
		if (*made > 0 && by_path(&samples[*made - 1], &samples[i]) == 0)
			continue;
		if (*made != i)
			memcpy(samples[*made].path, samples[i].path, sizeof(samples[i].path));
		sample_fill(&samples[*made], &seed, (struct entry_bytes){samples[i].path, samples[i].entry.path.size});
		(*made)++;
	}
	return samples;
}

static void assert_bytes_equal(struct entry_bytes a, struct entry_bytes b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.data, b.data, a.size);
}

void assert_entries_equal(const struct entry *a, const struct entry *b)
{
	assert_bytes_equal(a->path, b->path);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_bytes_equal(a->user, b->user);
	assert_bytes_equal(a->group, b->group);
	assert_true(a->mtime == b->mtime);
	assert_true(a->ctime == b->ctime);
	assert_true(a->device == b->device);
	assert_true(a->inode == b->inode);
	assert_int_equal(a->links, b->links);
	assert_true(a->rdev == b->rdev);
	assert_int_equal(a->flags, b->flags);
	assert_bytes_equal(a->target, b->target);
	assert_bytes_equal(a->xattrs, b->xattrs);
	assert_memory_equal(a->xattrs_chunk, b->xattrs_chunk, CHUNK_ID_SIZE);
	assert_int_equal(a->xattrs_chunk_size, b->xattrs_chunk_size);
	assert_int_equal(a->sparse, b->sparse);
	assert_true(a->size == b->size);
	assert_bytes_equal(a->segments, b->segments);
	assert_bytes_equal(a->content, b->content);
	assert_int_equal(a->content_outside, b->content_outside);
}

/* ---- chunks in memory ---- */

void chunk_store_free(struct chunk_store *store)
{
	for (size_t i = 0; i < store->count; i++)
		mem_free(store->chunks[i].bytes);
	mem_free(store->chunks);
	*store = (struct chunk_store){0};
}

struct stored *chunk_store_find(struct chunk_store *store, const uint8_t id[CHUNK_ID_SIZE])
{
	for (size_t i = store->count; i-- > 0;)
		if (memcmp(store->chunks[i].id, id, CHUNK_ID_SIZE) == 0)
			return &store->chunks[i];
	return NULL;
}

static enum err add_chunk(struct chunk_store *store, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size)
{
	struct stored stored = {.size = size};

	if (store->count == store->capacity) {
		struct stored *grown = mem_resize(store->chunks, store->capacity * 2 + 16, sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		store->chunks = grown;
		store->capacity = store->capacity * 2 + 16;
	}
	stored.bytes = mem_copy(bytes, size);
	if (!stored.bytes)
		return ERR_NOMEM;
	memcpy(stored.id, id, CHUNK_ID_SIZE);
	store->chunks[store->count++] = stored;
	return ERR_OK;
}

void chunk_store_plant(struct chunk_store *store, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size)
{
	assert_int_equal(add_chunk(store, id, bytes, size), ERR_OK);
}

enum err chunk_store_put(void *context, enum chunk_type type, const void *bytes, size_t size, uint8_t id[CHUNK_ID_SIZE])
{
	static const uint8_t key[KEY_SIZE] = "chunk ids of the tests of trees";
	struct chunk_store *store = context;
	struct hmac *hmac = NULL;
	enum err err = hmac_new(&hmac, key);

	if (err == ERR_OK)
		err = hmac_prefixed(hmac, (uint8_t)type, bytes, size, id);
	hmac_free(hmac);
	store->puts++;
	if (err != ERR_OK || chunk_store_find(store, id))
		return err;
	return add_chunk(store, id, bytes, size);
}

enum err chunk_store_fetch(void *context, enum chunk_type type, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	struct chunk_store *store = context;
	struct stored *stored = chunk_store_find(store, id);

	assert_int_equal(type, CHUNK_NODE);
	store->fetches++;
	if (!stored)
		return (fail)(PL_CHUNK_LOST, "no such chunk");
	buffer_clear(out);
	return buffer_append(out, stored->bytes, stored->size);
}
