/* The chunk reader: every chunk comes back, what is cached is not read again, damage is named, threads share frames. */
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/pool.h"
#include "core/chunk/hasher.h"
#include "core/repo/chunk_reader.h"
#include "core/repo/object.h"
#include "core/repo/pack.h"
#include "targets/memory.h"
#include "tests/unit/random_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKS 3u /* the last one holds metadata */
#define FRAMES 3u
#define CHUNKS 2u /* of a frame */
#define CHUNK_SIZE 1500u
#define ALL (PACKS * FRAMES * CHUNKS)

struct fixture {
	struct keys *keys;
	struct target *target;
	char *folder; /* of the index cache */
	struct index *index;
	struct chunk_reader *reader;
	struct pack_chunk chunks[ALL];
	uint8_t raw[ALL][CHUNK_SIZE];
	uint8_t packs[PACKS][OBJECT_ID_SIZE];
	struct object_name names[PACKS];
	uint64_t offsets[PACKS * FRAMES];
};

static enum chunk_type type_of(size_t chunk)
{
	return chunk < (PACKS - 1) * FRAMES * CHUNKS ? CHUNK_DATA : CHUNK_NODE;
}

static void make_chunks(struct fixture *fixture)
{
	struct hmac *hasher = NULL;

	assert_int_equal(hasher_new(&hasher, fixture->keys->domain.id_key), ERR_OK);
	for (size_t i = 0; i < ALL; i++) {
		random_bytes(i, fixture->raw[i], CHUNK_SIZE);
		memset(fixture->raw[i] + 100, 'x', i % 3 * 400);
		fixture->chunks[i].length = CHUNK_SIZE - (uint32_t)i;
		fixture->chunks[i].type = (uint8_t)type_of(i);
		assert_int_equal(
		    hasher_id(hasher, type_of(i), fixture->raw[i], CHUNK_SIZE - i, fixture->chunks[i].id), ERR_OK);
		fixture->chunks[i].sum =
		    hasher_sum(fixture->chunks[i].type, fixture->chunks[i].id, fixture->raw[i], CHUNK_SIZE - i);
	}
	hasher_free(hasher);
}

static void write_pack(
    struct fixture *fixture, size_t number, struct frame_compressor *compressor, struct index_pack *out)
{
	struct pack_writer *writer = NULL;
	const struct pack *pack = NULL;
	struct buffer raw = {0}, stored = {0};

	assert_int_equal(
	    pack_writer_new(&writer, fixture->keys, number == PACKS - 1 ? PACK_METADATA : PACK_DATA, NULL), ERR_OK);
	for (size_t i = 0; i < FRAMES; i++) {
		size_t first = (number * FRAMES + i) * CHUNKS;
		struct pack_frame frame = {.chunks = &fixture->chunks[first], .chunks_count = CHUNKS};

		buffer_clear(&raw);
		for (size_t j = first; j < first + CHUNKS; j++)
			assert_int_equal(buffer_append(&raw, fixture->raw[j], fixture->chunks[j].length), ERR_OK);
		assert_int_equal(frame_compress(compressor, raw.data, raw.length, &stored, &frame.codec), ERR_OK);
		frame.raw_size = (uint32_t)raw.length;
		frame.stored = frame.codec == CODEC_STORED ? raw.data : stored.data;
		frame.stored_size = (uint32_t)(frame.codec == CODEC_STORED ? raw.length : stored.length);
		assert_int_equal(pack_writer_add(writer, &frame), ERR_OK);
	}
	assert_int_equal(pack_writer_finish(writer, true, &pack), ERR_OK);
	assert_int_equal(pack_writer_check(writer), ERR_OK);
	memcpy(fixture->packs[number], pack->id, OBJECT_ID_SIZE);
	fixture->names[number] = object_pack(pack->id);
	assert_int_equal(target_put(fixture->target, fixture->names[number].text, pack->bytes, pack->size), ERR_OK);
	for (size_t i = 0; i < FRAMES; i++)
		fixture->offsets[number * FRAMES + i] = pack->directory.frames[i].offset;
	memcpy(out->id, pack->id, OBJECT_ID_SIZE);
	out->size = pack->size;
	out->directory = pack->directory;
	((struct pack *)(uintptr_t)pack)->directory = (struct directory){0};
	pack_writer_free(writer, NULL);
	buffer_free(&raw);
	buffer_free(&stored);
}

static void write_repository(struct fixture *fixture)
{
	struct frame_compressor *compressor = NULL;
	struct index_pack packs[PACKS];
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	for (size_t i = 0; i < PACKS; i++)
		write_pack(fixture, i, compressor, &packs[i]);
	assert_int_equal(index_object_encode(fixture->keys, packs, PACKS, &bytes, id), ERR_OK);
	assert_int_equal(
	    target_put(fixture->target, object_index(fixture->keys->domain.tag, id).text, bytes.data, bytes.length),
	    ERR_OK);
	for (size_t i = 0; i < PACKS; i++)
		directory_free(&packs[i].directory);
	buffer_free(&bytes);
	frame_compressor_free(compressor);
}

static void open_reader(struct fixture *fixture, size_t frames)
{
	chunk_reader_free(fixture->reader);
	assert_int_equal(chunk_reader_new(&fixture->reader, fixture->target, fixture->keys, &fixture->keys->domain,
			     fixture->index, frames),
	    ERR_OK);
}

static int setup(void **state)
{
	struct fixture *fixture = mem_calloc(1, sizeof(*fixture));
	const uint8_t repository[REPOSITORY_ID_SIZE] = {1}, root[KEY_SIZE] = {2};
	const char *base = getenv("TMPDIR");

	*state = fixture;
	fixture->keys = keys_new();
	assert_int_equal(keys_from_root(fixture->keys, repository, SUITE_AES_256_GCM, root, "host"), ERR_OK);
	assert_int_equal(memory_target_new(&fixture->target), ERR_OK);
	make_chunks(fixture);
	write_repository(fixture);
	fixture->folder = mem_printf("%s/pulih-reader-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(fixture->folder));
	assert_int_equal(index_open(&fixture->index, fixture->target, fixture->keys, &fixture->keys->domain,
			     fixture->folder, NULL, 0, NULL),
	    ERR_OK);
	open_reader(fixture, 64);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	chunk_reader_free(fixture->reader);
	index_free(fixture->index);
	target_free(fixture->target);
	keys_free(fixture->keys);
	assert_int_equal(file_remove_tree(fixture->folder), ERR_OK);
	mem_free(fixture->folder);
	mem_free(fixture);
	return 0;
}

static struct chunk_view get(struct fixture *fixture, size_t chunk)
{
	struct chunk_view view;

	assert_int_equal(chunk_reader_get(fixture->reader, type_of(chunk), fixture->chunks[chunk].id, &view), ERR_OK);
	assert_int_equal(view.length, fixture->chunks[chunk].length);
	assert_memory_equal(view.bytes, fixture->raw[chunk], view.length);
	return view;
}

static void get_and_release(struct fixture *fixture, size_t chunk)
{
	struct chunk_view view = get(fixture, chunk);

	chunk_release(fixture->reader, &view);
	assert_null(view.bytes);
	chunk_release(fixture->reader, &view);
}

static unsigned long reads(struct fixture *fixture)
{
	return memory_target_calls(fixture->target, MEMORY_READ);
}

static void test_all(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = ALL; i-- > 0;)
		get_and_release(fixture, i);
}

static void test_reads_once(void **state)
{
	struct fixture *fixture = *state;
	unsigned long before = reads(fixture);

	get_and_release(fixture, 0); /* header and frame */
	assert_int_equal(reads(fixture) - before, 2);
	get_and_release(fixture, 1); /* the same frame */
	assert_int_equal(reads(fixture) - before, 2);
	get_and_release(fixture, 2); /* another frame of the pack */
	assert_int_equal(reads(fixture) - before, 3);
	for (size_t i = 0; i < ALL; i++)
		get_and_release(fixture, i);
	assert_int_equal(reads(fixture) - before, PACKS + PACKS * FRAMES);
	for (size_t i = 0; i < ALL; i++)
		get_and_release(fixture, i);
	assert_int_equal(reads(fixture) - before, PACKS + PACKS * FRAMES);
}

/* Four frames are kept: a fifth drives out the one that was not used for longest. */
static void test_eviction(void **state)
{
	struct fixture *fixture = *state;
	unsigned long before;

	open_reader(fixture, 0); /* at least 4 */
	for (size_t i = 0; i < 4; i++)
		get_and_release(fixture, i * CHUNKS);
	get_and_release(fixture, 0);
	before = reads(fixture);
	get_and_release(fixture, 4 * CHUNKS); /* instead of frame 1 */
	assert_int_equal(reads(fixture) - before, 1);
	get_and_release(fixture, 0);
	get_and_release(fixture, 2 * CHUNKS);
	get_and_release(fixture, 3 * CHUNKS);
	assert_int_equal(reads(fixture) - before, 1);
	get_and_release(fixture, 1 * CHUNKS); /* the key of its pack is still known */
	assert_int_equal(reads(fixture) - before, 2);
}

/* Views stay valid, however many there are. */
static void test_pins(void **state)
{
	struct fixture *fixture = *state;
	struct chunk_view views[ALL], again;
	unsigned long before;

	open_reader(fixture, 4);
	for (size_t i = 0; i < ALL; i++)
		views[i] = get(fixture, i);
	again = get(fixture, 0);
	for (size_t i = 0; i < ALL; i++) {
		assert_memory_equal(views[i].bytes, fixture->raw[i], views[i].length);
		chunk_release(fixture->reader, &views[i]);
	}
	assert_memory_equal(again.bytes, fixture->raw[0], again.length);
	chunk_release(fixture->reader, &again);
	/* Once released, no more than four frames are kept. */
	before = reads(fixture);
	for (size_t i = 0; i < ALL; i++)
		get_and_release(fixture, i);
	assert_true(reads(fixture) - before >= PACKS * FRAMES - 4);
}

static void test_fetch(void **state)
{
	struct fixture *fixture = *state;
	struct buffer out = {0};
	size_t chunk = ALL - 1;

	assert_int_equal(buffer_append(&out, "before", 6), ERR_OK);
	assert_int_equal(chunk_reader_fetch(fixture->reader, type_of(chunk), fixture->chunks[chunk].id, &out), ERR_OK);
	assert_int_equal(out.length, fixture->chunks[chunk].length);
	assert_memory_equal(out.data, fixture->raw[chunk], out.length);
	buffer_free(&out);
}

/* ---- damage ---- */

static void refuse_type(
    struct fixture *fixture, size_t chunk, enum chunk_type type, enum message id, enum err kind, const char *named)
{
	struct chunk_view view;
	char text[17];

	failure_clear();
	assert_int_equal(chunk_reader_get(fixture->reader, type, fixture->chunks[chunk].id, &view), kind);
	assert_int_equal(failure_last()->id, id);
	assert_non_null(strstr(failure_last()->text, hex_encode(text, fixture->chunks[chunk].id, 8)));
	assert_non_null(strstr(failure_last()->text, named));
	assert_null(view.bytes);
	chunk_release(fixture->reader, &view);
}

static void refuse(struct fixture *fixture, size_t chunk, enum message id, enum err kind, const char *named)
{
	refuse_type(fixture, chunk, type_of(chunk), id, kind, named);
}

static void test_no_index_knows_it(void **state)
{
	struct fixture *fixture = *state;

	fixture->chunks[0].id[0] ^= 1;
	refuse(fixture, 0, PL_CHUNK_LOST, ERR_CORRUPT, "chunk");
}

/* The index knows the first 16 bytes; all 32 are checked. */
static void test_whole_id(void **state)
{
	struct fixture *fixture = *state;

	get_and_release(fixture, 0);
	fixture->chunks[0].id[CHUNK_ID_SIZE - 1] ^= 1;
	refuse(fixture, 0, PL_CHUNK_BROKEN, ERR_CORRUPT, fixture->names[0].text);
	fixture->chunks[0].id[CHUNK_ID_SIZE - 1] ^= 1;
	get_and_release(fixture, 0);
}

static void test_type(void **state)
{
	struct fixture *fixture = *state;

	refuse_type(fixture, 0, CHUNK_NODE, PL_CHUNK_BROKEN, ERR_CORRUPT, "frame 0");
	refuse_type(fixture, ALL - 1, CHUNK_LIST, PL_CHUNK_BROKEN, ERR_CORRUPT, fixture->names[PACKS - 1].text);
}

static void test_pack_missing(void **state)
{
	struct fixture *fixture = *state;

	get_and_release(fixture, 0);
	assert_true(memory_target_delete(fixture->target, fixture->names[0].text));
	assert_true(memory_target_delete(fixture->target, fixture->names[1].text));
	get_and_release(fixture, 0); /* cached */
	refuse(fixture, CHUNKS, PL_PACK_MISSING, ERR_CORRUPT, fixture->names[0].text);
	refuse(fixture, FRAMES * CHUNKS, PL_PACK_MISSING, ERR_CORRUPT, fixture->names[1].text);
	get_and_release(fixture, ALL - 1);
}

static void test_frame_damaged(void **state)
{
	struct fixture *fixture = *state;
	size_t frame = 4, chunk = frame * CHUNKS + 1, pack = frame / FRAMES;

	assert_true(memory_target_corrupt(fixture->target, fixture->names[pack].text, fixture->offsets[frame] + 20, 1));
	refuse(fixture, chunk, PL_SEAL_BROKEN, ERR_CORRUPT, fixture->names[pack].text);
	refuse(fixture, chunk, PL_SEAL_BROKEN, ERR_CORRUPT, "frame 1");
	get_and_release(fixture, (frame + 1) * CHUNKS);
	/* What failed is not remembered: once healed, it reads. */
	assert_true(memory_target_corrupt(fixture->target, fixture->names[pack].text, fixture->offsets[frame] + 20, 1));
	get_and_release(fixture, chunk);
}

static void test_header_damaged(void **state)
{
	struct fixture *fixture = *state;

	assert_true(memory_target_corrupt(fixture->target, fixture->names[0].text, 85, 1));
	refuse(fixture, 0, PL_SEAL_BROKEN, ERR_CORRUPT, fixture->names[0].text);
	assert_true(memory_target_corrupt(fixture->target, fixture->names[0].text, 85, 1));
	get_and_release(fixture, 0);
}

static void test_pack_short(void **state)
{
	struct fixture *fixture = *state;

	assert_true(memory_target_resize(fixture->target, fixture->names[0].text, (size_t)fixture->offsets[1] + 10));
	get_and_release(fixture, 0);
	refuse(fixture, CHUNKS, PL_OBJECT_SHORT, ERR_CORRUPT, fixture->names[0].text);
}

static void test_target_fails(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned long n = 1; n <= 2; n++) {
		open_reader(fixture, 4);
		memory_target_fail(fixture->target, MEMORY_READ, n, PL_TARGET_READ, false);
		refuse(fixture, 0, PL_TARGET_READ, ERR_IO, "packs/");
		get_and_release(fixture, 0);
	}
}

static void test_backup_key(void **state)
{
	struct fixture *fixture = *state;
	struct chunk_reader *reader = NULL;

	fixture->keys->full = false;
	assert_int_equal(
	    chunk_reader_new(&reader, fixture->target, fixture->keys, &fixture->keys->domain, fixture->index, 4),
	    ERR_KEY);
	assert_int_equal(failure_last()->id, PL_KEY_FULL);
	assert_null(reader);
	fixture->keys->full = true;
}

/* ---- an index that lies: whoever has a backup key of the domain can write index objects, and must not take older backups away ---- */

static void write_index(struct fixture *fixture, const struct index_pack *packs, size_t count)
{
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	assert_int_equal(index_object_encode(fixture->keys, packs, count, &bytes, id), ERR_OK);
	assert_int_equal(
	    target_put(fixture->target, object_index(fixture->keys->domain.tag, id).text, bytes.data, bytes.length),
	    ERR_OK);
	buffer_free(&bytes);
}

/* One chunk of each key, all in one frame of a pack that says to be `size` bytes long. */
static void write_lie(struct fixture *fixture, const uint8_t pack[OBJECT_ID_SIZE], uint32_t length)
{
	struct directory_frame frame = {.offset = PACK_HEADER_SIZE,
	    .stored_size = ALL * length,
	    .raw_size = ALL * length,
	    .chunks_count = ALL,
	    .codec = CODEC_STORED};
	struct directory_chunk chunks[ALL];
	struct index_pack lie = {.size = PACK_HEADER_SIZE + ALL * length + 200,
	    .directory = {
		.type = PACK_METADATA, .frames = &frame, .frames_count = 1, .chunks = chunks, .chunks_count = ALL}};

	for (size_t i = 0; i < ALL; i++) {
		chunks[i] =
		    (struct directory_chunk){.length = length, .offset = (uint32_t)i * length, .type = CHUNK_NODE};
		memcpy(chunks[i].key, fixture->chunks[i].id, CHUNK_KEY_SIZE);
	}
	memcpy(lie.id, pack, OBJECT_ID_SIZE);
	write_index(fixture, &lie, 1);
}

static void open_index(struct fixture *fixture)
{
	chunk_reader_free(fixture->reader);
	fixture->reader = NULL;
	index_free(fixture->index);
	assert_int_equal(index_open(&fixture->index, fixture->target, fixture->keys, &fixture->keys->domain,
			     fixture->folder, NULL, 0, NULL),
	    ERR_OK);
	open_reader(fixture, 64);
}

static void check_all(struct fixture *fixture)
{
	for (size_t i = 0; i < ALL; i++)
		get_and_release(fixture, i);
}

/* Some lies are found before the truth and some behind it, whatever the order: a chunk is read where it really is. */
static void test_other_places(void **state)
{
	struct fixture *fixture = *state;
	uint8_t nowhere[OBJECT_ID_SIZE];

	for (uint32_t i = 0; i < 12; i++) {
		random_bytes(1000 + i, nowhere, sizeof(nowhere));
		write_lie(fixture, nowhere, 100 + i);
		write_lie(fixture, fixture->packs[i % PACKS], 50 + i);
		if (i % 3 == 0)
			open_index(fixture); /* tables are merged on the way */
	}
	open_index(fixture);
	check_all(fixture);
	/* The same from one table that is made at once. */
	assert_int_equal(file_remove_tree(fixture->folder), ERR_OK);
	open_index(fixture);
	check_all(fixture);
	/* Where no place is good, the failure names one of them, and others are not touched. */
	assert_true(memory_target_delete(fixture->target, fixture->names[0].text));
	open_index(fixture);
	for (size_t i = 0; i < ALL; i++) {
		struct chunk_view view = {0};

		assert_int_equal(
		    chunk_reader_get(fixture->reader, type_of(i), fixture->chunks[i].id, &view) == ERR_CORRUPT,
		    i < FRAMES * CHUNKS);
		chunk_release(fixture->reader, &view);
	}
}

/* ---- chunks that stand in two packs ---- */

/* Stores pack 0 once more, under another id, with an index object of its own, and opens the index again. */
static struct object_name write_twin(struct fixture *fixture)
{
	struct frame_compressor *compressor = NULL;
	struct object_name first = fixture->names[0], twin;
	uint8_t first_id[OBJECT_ID_SIZE];
	struct index_pack pack;
	struct buffer bytes = {0};
	uint8_t id[OBJECT_ID_SIZE];

	memcpy(first_id, fixture->packs[0], OBJECT_ID_SIZE);
	assert_int_equal(frame_compressor_new(&compressor, FRAME_LEVEL_DEFAULT), ERR_OK);
	write_pack(fixture, 0, compressor, &pack);
	assert_int_equal(index_object_encode(fixture->keys, &pack, 1, &bytes, id), ERR_OK);
	assert_int_equal(
	    target_put(fixture->target, object_index(fixture->keys->domain.tag, id).text, bytes.data, bytes.length),
	    ERR_OK);
	directory_free(&pack.directory);
	buffer_free(&bytes);
	frame_compressor_free(compressor);
	twin = fixture->names[0];
	fixture->names[0] = first;
	memcpy(fixture->packs[0], first_id, OBJECT_ID_SIZE);
	index_free(fixture->index);
	assert_int_equal(index_open(&fixture->index, fixture->target, fixture->keys, &fixture->keys->domain,
			     fixture->folder, NULL, 0, NULL),
	    ERR_OK);
	open_reader(fixture, 4);
	return twin;
}

/* Whichever of the two is lost, the other is read. */
static void test_lost_copy(void **state)
{
	struct fixture *fixture = *state;
	struct object_name names[2] = {{{0}}, write_twin(fixture)};

	names[0] = fixture->names[0];
	for (size_t lost = 0; lost < 2; lost++) {
		size_t size;
		const uint8_t *bytes = memory_target_bytes(fixture->target, names[lost].text, &size);
		uint8_t *kept = mem_copy(bytes, size);

		assert_true(memory_target_delete(fixture->target, names[lost].text));
		open_reader(fixture, 4);
		for (size_t i = 0; i < ALL; i++)
			get_and_release(fixture, i);
		assert_true(memory_target_plant(fixture->target, names[lost].text, kept, size));
		mem_free(kept);
	}
}

/* Each in turn has a damaged header, a damaged frame, or is cut. */
static void test_damaged_copy(void **state)
{
	struct fixture *fixture = *state;
	struct object_name names[2] = {{{0}}, write_twin(fixture)};

	names[0] = fixture->names[0];
	for (size_t i = 0; i < 2; i++) {
		const uint64_t places[] = {3, 8, 11, 20, 85, fixture->offsets[0] + 9};

		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
			assert_true(memory_target_corrupt(fixture->target, names[i].text, places[j], 4));
			open_reader(fixture, 4);
			get_and_release(fixture, 0);
			get_and_release(fixture, CHUNKS);
			assert_true(memory_target_corrupt(fixture->target, names[i].text, places[j], 4));
		}
	}
	for (size_t i = 0; i < 2; i++)
		assert_true(memory_target_corrupt(fixture->target, names[i].text, fixture->offsets[0] + 9, 4));
	open_reader(fixture, 4);
	refuse(fixture, 0, PL_SEAL_BROKEN, ERR_CORRUPT, "packs/");
	get_and_release(fixture, CHUNKS);
	assert_true(memory_target_resize(fixture->target, names[0].text, 200));
	assert_true(memory_target_resize(fixture->target, names[1].text, 0));
	open_reader(fixture, 4);
	refuse(fixture, CHUNKS, PL_OBJECT_SHORT, ERR_CORRUPT, "packs/");
}

/* A pack that failed once is not asked again for each of its chunks where there is another; where there is none, it is. */
static void test_doubted_copy(void **state)
{
	struct fixture *fixture = *state;
	struct object_name twin = write_twin(fixture);
	struct index_location location;
	unsigned long before;
	bool twin_first;

	assert_int_equal(index_find(fixture->index, fixture->chunks[0].id, &location), ERR_OK);
	twin_first = strcmp(object_pack(location.pack).text, twin.text) == 0;
	assert_true(memory_target_delete(fixture->target, twin_first ? twin.text : fixture->names[0].text));
	before = reads(fixture);
	get_and_release(fixture, 0); /* the lost one, the header and the frame of the other */
	assert_int_equal(reads(fixture) - before, 3);
	for (size_t frame = 1; frame < FRAMES; frame++)
		get_and_release(fixture, frame * CHUNKS);
	assert_int_equal(reads(fixture) - before, 3 + FRAMES - 1);
	/* The other goes as well, and comes back. */
	open_reader(fixture, 4);
	memory_target_fail(fixture->target, MEMORY_READ, 1, PL_TARGET_READ, true);
	refuse(fixture, 0, PL_TARGET_READ, ERR_IO, "packs/");
	memory_target_fail(fixture->target, MEMORY_READ, 0, PL_NONE, false);
	get_and_release(fixture, 0);
}

/* ---- threads ---- */

#define THREADS 4u

struct visitor {
	struct fixture *fixture;
	pthread_barrier_t *start;
	size_t number, first, count; /* chunks first … first + count - 1, in another order for each */
	bool good;
};

static void *visit(void *argument)
{
	struct visitor *visitor = argument;
	struct fixture *fixture = visitor->fixture;
	bool good = true;

	pthread_barrier_wait(visitor->start);
	for (size_t round = 0; round < 20; round++)
		for (size_t i = 0; i < visitor->count; i++) {
			size_t chunk = visitor->first + (i * (visitor->number * 2 + 1) + round) % visitor->count;
			struct chunk_view view;

			if (chunk_reader_get(fixture->reader, type_of(chunk), fixture->chunks[chunk].id, &view) !=
			    ERR_OK) {
				good = false;
				continue;
			}
			good = good && view.length == fixture->chunks[chunk].length &&
			    memcmp(view.bytes, fixture->raw[chunk], view.length) == 0;
			chunk_release(fixture->reader, &view);
		}
	visitor->good = good;
	return NULL;
}

/* True when every thread got what it wanted every time. */
static bool visit_together(struct fixture *fixture, size_t first, size_t count)
{
	struct visitor visitors[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	bool good = true;

	pthread_barrier_init(&start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		visitors[i] =
		    (struct visitor){.fixture = fixture, .start = &start, .number = i, .first = first, .count = count};
		assert_int_equal(thread_start(&threads[i], "visitor", visit, &visitors[i]), ERR_OK);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		good = good && visitors[i].good;
	}
	pthread_barrier_destroy(&start);
	return good;
}

static void test_threads_share_a_frame(void **state)
{
	struct fixture *fixture = *state;
	unsigned long before = reads(fixture);

	assert_true(visit_together(fixture, 0, CHUNKS));
	assert_int_equal(reads(fixture) - before, 2);
}

static void test_threads_evict(void **state)
{
	struct fixture *fixture = *state;

	open_reader(fixture, 4);
	assert_true(visit_together(fixture, 0, ALL));
}

static void test_threads_fail_together(void **state)
{
	struct fixture *fixture = *state;

	assert_true(memory_target_corrupt(fixture->target, fixture->names[0].text, fixture->offsets[0] + 20, 1));
	assert_false(visit_together(fixture, 0, CHUNKS));
	assert_true(memory_target_corrupt(fixture->target, fixture->names[0].text, fixture->offsets[0] + 20, 1));
	assert_true(visit_together(fixture, 0, CHUNKS));
}

static void test_no_memory(void **state)
{
	struct fixture *fixture = *state;
	struct buffer out = {0};
	enum err err = ERR_NOMEM;
	unsigned long n;

	chunk_reader_free(fixture->reader);
	fixture->reader = NULL;
	for (n = 1; err != ERR_OK; n++) {
		mem_fail_at(n);
		err = chunk_reader_new(
		    &fixture->reader, fixture->target, fixture->keys, &fixture->keys->domain, fixture->index, 4);
		for (size_t i = 0; err == ERR_OK && i < ALL; i++)
			err = chunk_reader_fetch(fixture->reader, type_of(i), fixture->chunks[i].id, &out);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_NOMEM);
		/* The reader that ran out of memory still works. */
		for (size_t i = 0; fixture->reader && i < ALL; i += 5)
			get_and_release(fixture, i);
		buffer_free(&out);
		chunk_reader_free(fixture->reader);
		fixture->reader = NULL;
	}
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_reads_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_eviction, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pins, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fetch, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_index_knows_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_whole_id, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_type, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pack_missing, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_frame_damaged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_header_damaged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_pack_short, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_target_fails, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_backup_key, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_other_places, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lost_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_doubted_copy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads_share_a_frame, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads_evict, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_threads_fail_together, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	assert_int_equal(crypto_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
