#include "core/base/file.h"
#include "core/repo/index_internal.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define WRITE_BLOCKS 64	      /* blocks written at a time */
#define ENTRIES_PER_PREFIX 32 /* about as many entries share a prefix of the fan-out: a search then reads one block */

struct table_writer {
	int fd;
	char *temporary, *path;
	struct index_scope scope;
	uint64_t seed;
	unsigned bits;
	uint8_t *blocks;  /* WRITE_BLOCKS of them */
	uint64_t written; /* blocks in the file */
	uint32_t filled;  /* whole blocks in memory */
	uint32_t used;	  /* bytes of the block behind those */
	unsigned section; /* that is being written */
	uint64_t first[TABLE_SECTIONS], count[TABLE_SECTIONS];
	uint32_t *fanout; /* entries per prefix, shifted by one */
};

static unsigned bits_for(uint64_t entries)
{
	unsigned bits = 0;

	while (bits < TABLE_BITS_MAX && entries >> bits > ENTRIES_PER_PREFIX)
		bits++;
	return bits;
}

enum err index_table_writer_new(
    struct table_writer **out, const char *folder, const struct index_scope *scope, uint64_t entries)
{
	struct table_writer *writer = mem_calloc(1, sizeof(*writer));
	uint8_t random[16];
	char digits[17];
	enum err err;

	*out = NULL;
	if (!writer)
		return ERR_NOMEM;
	writer->fd = -1;
	writer->scope = *scope;
	writer->bits = bits_for(entries);
	err = crypto_random(random, sizeof(random));
	if (err != ERR_OK)
		goto done;
	writer->seed = load_u64(random);
	hex_encode(digits, random + 8, 8);
	err = ERR_NOMEM;
	writer->temporary = mem_printf("%s/" TABLE_TEMPORARY "%s", folder, digits);
	writer->path = mem_printf("%s/%s" TABLE_SUFFIX, folder, digits);
	writer->blocks = mem_calloc(WRITE_BLOCKS, TABLE_BLOCK);
	writer->fanout = mem_calloc((UINT64_C(1) << writer->bits) + 1, sizeof(*writer->fanout));
	if (!writer->temporary || !writer->path || !writer->blocks || !writer->fanout)
		goto done;
	writer->fd = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->fd < 0) {
		err = fail_errno(PL_INDEX_CACHE, "cannot create %s", writer->temporary);
		goto done;
	}
	/* Block 0 is the header, written last: what has none is no table. */
	writer->filled = 1;
	writer->first[0] = 1;
	*out = writer;
	writer = NULL;
	err = ERR_OK;
done:
	index_table_writer_free(writer);
	return err;
}

void index_table_writer_free(struct table_writer *writer)
{
	if (!writer)
		return;
	if (writer->fd >= 0) {
		close(writer->fd);
		unlink(writer->temporary);
	}
	mem_free(writer->temporary);
	mem_free(writer->path);
	mem_free(writer->blocks);
	mem_free(writer->fanout);
	mem_free(writer);
}

static enum err flush(struct table_writer *writer)
{
	if (file_write_all(writer->fd, writer->blocks, (size_t)writer->filled * TABLE_BLOCK) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot write %s", writer->temporary);
	writer->written += writer->filled;
	writer->filled = 0;
	return ERR_OK;
}

static enum err end_block(struct table_writer *writer)
{
	uint8_t *at = writer->blocks + (size_t)writer->filled * TABLE_BLOCK;
	uint64_t number = writer->written + writer->filled;

	memset(at + writer->used, 0, TABLE_BLOCK_DATA - writer->used);
	store_u64(at + TABLE_BLOCK_DATA, XXH3_64bits_withSeed(at, TABLE_BLOCK_DATA, writer->seed + number));
	writer->used = 0;
	return ++writer->filled == WRITE_BLOCKS ? flush(writer) : ERR_OK;
}

enum err index_table_writer_record(struct table_writer *writer, const void *record)
{
	uint32_t size = index_table_record_size[writer->section];
	const uint8_t *at = record;

	if (writer->used + size > TABLE_BLOCK_DATA) {
		enum err err = end_block(writer);

		if (err != ERR_OK)
			return err;
	}
	/* A flush empties `blocks` from the start, so there is always room for one more. */
	memcpy(writer->blocks + (size_t)writer->filled * TABLE_BLOCK + writer->used, at, size);
	writer->used += size;
	if (++writer->count[writer->section] >= UINT32_MAX)
		return fail(PL_INDEX_CACHE, "%s would have too many records", writer->temporary);
	if (writer->section == TABLE_ENTRIES) {
		uint32_t first = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

		writer->fanout[(writer->bits ? first >> (32 - writer->bits) : 0) + 1]++;
	}
	return ERR_OK;
}

enum err index_table_writer_end_section(struct table_writer *writer)
{
	enum err err = writer->used ? end_block(writer) : ERR_OK;

	writer->section++;
	if (writer->section < TABLE_SECTIONS)
		writer->first[writer->section] = writer->written + writer->filled;
	return err;
}

static enum err write_fanout(struct table_writer *writer)
{
	uint64_t count = UINT64_C(1) << writer->bits;
	uint32_t sum = 0;
	enum err err = ERR_OK;

	for (uint64_t i = 0; i <= count && err == ERR_OK; i++) {
		uint8_t record[4];

		sum += writer->fanout[i];
		store_u32(record, sum);
		err = index_table_writer_record(writer, record);
	}
	return err == ERR_OK ? index_table_writer_end_section(writer) : err;
}

static void encode_header(const struct table_writer *writer, uint8_t block[TABLE_BLOCK])
{
	memset(block, 0, TABLE_BLOCK);
	memcpy(block, TABLE_MAGIC, 8);
	store_u16(block + 8, TABLE_VERSION);
	store_u16(block + 10, (uint16_t)writer->bits);
	memcpy(block + 16, writer->scope.repository, REPOSITORY_ID_SIZE);
	memcpy(block + 32, writer->scope.domain, DOMAIN_TAG_SIZE);
	memcpy(block + TABLE_WITHOUT_AT, writer->scope.without, sizeof(writer->scope.without));
	store_u64(block + 48, writer->seed);
	for (int i = 0; i < TABLE_SECTIONS; i++) {
		store_u64(block + TABLE_SECTIONS_AT + 16 * i, writer->first[i]);
		store_u64(block + TABLE_SECTIONS_AT + 16 * i + 8, writer->count[i]);
	}
	store_u64(block + TABLE_SECTIONS_AT + 16 * TABLE_SECTIONS, writer->written);
	store_u64(block + TABLE_BLOCK_DATA, XXH3_64bits(block, TABLE_BLOCK_DATA));
}

/* No fsync: a block that a crash kept from the disk has the wrong checksum, and the table is then built anew. */
enum err index_table_writer_finish(struct table_writer *writer, struct table **out)
{
	uint8_t header[TABLE_BLOCK];
	enum err err = write_fanout(writer);

	*out = NULL;
	if (err == ERR_OK)
		err = flush(writer);
	if (err != ERR_OK)
		return err;
	encode_header(writer, header);
	if (file_pwrite_all(writer->fd, header, sizeof(header), 0) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot write %s", writer->temporary);
	if (rename(writer->temporary, writer->path) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot rename %s", writer->temporary);
	err = index_table_open(out, writer->path, &writer->scope);
	if (err == ERR_OK && !*out)
		err = fail(PL_INDEX_CACHE, "%s is gone or damaged just after it was written", writer->path);
	return err;
}

/* ---- the builder ---- */

enum err index_builder_object(struct table_builder *builder, const uint8_t id[OBJECT_ID_SIZE], uint64_t size)
{
	enum err err = buffer_append(&builder->objects, id, OBJECT_ID_SIZE);

	return err == ERR_OK ? buffer_append_u64(&builder->objects, size) : err;
}

static void put_chunk(uint8_t *at, const struct directory_chunk *chunk, uint32_t frame)
{
	memcpy(at, chunk->key, CHUNK_KEY_SIZE);
	store_u32(at + 16, frame);
	store_u32(at + 20, chunk->offset);
	store_u32(at + 24, chunk->length);
}

enum err index_builder_pack(struct table_builder *builder, const struct index_pack *pack)
{
	const struct directory *directory = &pack->directory;
	uint32_t number = (uint32_t)(builder->packs.length / TABLE_PACK_SIZE);
	uint32_t frame = (uint32_t)(builder->frames.length / TABLE_FRAME_SIZE);
	enum err err = buffer_reserve(&builder->frames, directory->frames_count * TABLE_FRAME_SIZE);

	if (err == ERR_OK)
		err = buffer_reserve(&builder->entries, directory->chunks_count * TABLE_ENTRY_SIZE);
	if (err == ERR_OK)
		err = buffer_append(&builder->packs, pack->id, OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_u64(&builder->packs, pack->size);
	for (size_t i = 0; i < directory->frames_count && err == ERR_OK; i++, frame++) {
		const struct directory_frame *from = &directory->frames[i];
		uint8_t *at = builder->frames.data + builder->frames.length;

		store_u32(at, number);
		store_u32(at + 4, (uint32_t)from->offset);
		store_u32(at + 8, from->stored_size);
		store_u32(at + 12, from->raw_size);
		store_u32(at + 16, (uint32_t)i << 8 | from->codec);
		builder->frames.length += TABLE_FRAME_SIZE;
		for (uint32_t j = 0; j < from->chunks_count; j++) {
			put_chunk(builder->entries.data + builder->entries.length,
			    &directory->chunks[from->first_chunk + j], frame);
			builder->entries.length += TABLE_ENTRY_SIZE;
		}
	}
	return err;
}

size_t index_builder_chunks(const struct table_builder *builder)
{
	return builder->entries.length / TABLE_ENTRY_SIZE;
}

struct table_builder_mark index_builder_mark(const struct table_builder *builder)
{
	return (struct table_builder_mark){
	    builder->objects.length, builder->packs.length, builder->frames.length, builder->entries.length};
}

void index_builder_back(struct table_builder *builder, struct table_builder_mark mark)
{
	builder->objects.length = mark.objects;
	builder->packs.length = mark.packs;
	builder->frames.length = mark.frames;
	builder->entries.length = mark.entries;
}

void index_builder_free(struct table_builder *builder)
{
	buffer_free(&builder->objects);
	buffer_free(&builder->packs);
	buffer_free(&builder->frames);
	buffer_free(&builder->entries);
}

/* By id, then by the number that stands behind it. */
static int compare_packs(const void *a, const void *b)
{
	const uint8_t *x = a, *y = b;
	int order = memcmp(x, y, OBJECT_ID_SIZE);
	uint64_t first = load_u64(x + OBJECT_ID_SIZE), second = load_u64(y + OBJECT_ID_SIZE);

	return order ? order : (first > second) - (first < second);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, CHUNK_KEY_SIZE);
}

/* Sorts the packs and gives the frames their new places. A pack may stand in several index objects: it gets one place. */
static enum err sort_packs(struct table_builder *builder)
{
	size_t unique = 0, count = builder->packs.length / TABLE_PACK_SIZE;
	uint8_t *packs = builder->packs.data;
	uint32_t *place = mem_alloc((count + 1) * sizeof(*place));
	uint8_t(*order)[OBJECT_ID_SIZE + 8] = mem_alloc((count + 1) * sizeof(*order));
	enum err err = place && order ? ERR_OK : ERR_NOMEM;

	_Static_assert(sizeof(*order) == TABLE_PACK_SIZE, "the size's place holds the old number while sorting");
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		memcpy(order[i], packs + i * TABLE_PACK_SIZE, OBJECT_ID_SIZE);
		store_u64(order[i] + OBJECT_ID_SIZE, i);
	}
	if (err != ERR_OK)
		goto done;
	if (count > 1)
		qsort(order, count, sizeof(*order), compare_packs);
	for (size_t i = 0; i < count; i++) {
		size_t old = (size_t)load_u64(order[i] + OBJECT_ID_SIZE);

		if (unique == 0 || memcmp(order[unique - 1], order[i], OBJECT_ID_SIZE) != 0) {
			memmove(order[unique], order[i], OBJECT_ID_SIZE);
			memcpy(order[unique++] + OBJECT_ID_SIZE, packs + old * TABLE_PACK_SIZE + OBJECT_ID_SIZE, 8);
		}
		place[old] = (uint32_t)(unique - 1);
	}
	if (count > 0)
		memcpy(packs, order, unique * TABLE_PACK_SIZE);
	builder->packs.length = unique * TABLE_PACK_SIZE;
	for (size_t at = 0; at < builder->frames.length; at += TABLE_FRAME_SIZE)
		store_u32(builder->frames.data + at, place[load_u32(builder->frames.data + at)]);
done:
	mem_free(place);
	mem_free(order);
	return err;
}

/* Keys are even by nature: one pass by their first 16 bits leaves runs of a few. Where somebody made them uneven, qsort. */
static enum err sort_entries(struct table_builder *builder)
{
	size_t count = index_builder_chunks(builder);
	uint8_t *from = builder->entries.data;
	uint8_t *to = mem_alloc(builder->entries.length);
	uint32_t *ends = mem_calloc((1u << 16) + 1, sizeof(*ends));
	struct buffer sorted = {.data = to, .length = builder->entries.length, .capacity = builder->entries.length};
	enum err err = to && ends ? ERR_OK : ERR_NOMEM;

	if (err != ERR_OK)
		goto done;
	for (size_t i = 0; i < count; i++)
		ends[1 + ((uint32_t)from[i * TABLE_ENTRY_SIZE] << 8 | from[i * TABLE_ENTRY_SIZE + 1])]++;
	for (size_t i = 1; i <= 1u << 16; i++)
		ends[i] += ends[i - 1];
	for (size_t i = 0; i < count; i++) {
		const uint8_t *entry = from + i * TABLE_ENTRY_SIZE;
		uint32_t place = ends[(uint32_t)entry[0] << 8 | entry[1]]++;

		memcpy(to + (size_t)place * TABLE_ENTRY_SIZE, entry, TABLE_ENTRY_SIZE);
	}
	/* ends[p] is now where the run of prefix p ends, and where that of p + 1 starts. */
	for (size_t prefix = 0; prefix < 1u << 16; prefix++) {
		size_t start = prefix ? ends[prefix - 1] : 0, length = ends[prefix] - start;

		if (length > 1)
			qsort(to + start * TABLE_ENTRY_SIZE, length, TABLE_ENTRY_SIZE, compare_keys);
	}
	buffer_swap(&builder->entries, &sorted);
done:
	mem_free(ends);
	buffer_free(&sorted);
	return err;
}

static enum err write_section(struct table_writer *writer, const struct buffer *records, size_t size)
{
	enum err err = ERR_OK;

	for (size_t at = 0; at < records->length && err == ERR_OK; at += size)
		err = index_table_writer_record(writer, records->data + at);
	return err == ERR_OK ? index_table_writer_end_section(writer) : err;
}

enum err index_builder_write(
    struct table_builder *builder, const char *folder, const struct index_scope *scope, struct table **out)
{
	struct table_writer *writer = NULL;
	enum err err = sort_packs(builder);

	*out = NULL;
	if (err == ERR_OK)
		err = sort_entries(builder);
	if (err == ERR_OK)
		err = index_table_writer_new(&writer, folder, scope, index_builder_chunks(builder));
	if (err == ERR_OK)
		err = write_section(writer, &builder->objects, TABLE_OBJECT_SIZE);
	if (err == ERR_OK)
		err = write_section(writer, &builder->packs, TABLE_PACK_SIZE);
	if (err == ERR_OK)
		err = write_section(writer, &builder->frames, TABLE_FRAME_SIZE);
	if (err == ERR_OK)
		err = write_section(writer, &builder->entries, TABLE_ENTRY_SIZE);
	if (err == ERR_OK)
		err = index_table_writer_finish(writer, out);
	index_table_writer_free(writer);
	index_builder_free(builder);
	return err;
}
