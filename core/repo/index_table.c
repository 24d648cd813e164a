#include "core/base/file.h"
#include "core/repo/index_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

const uint32_t index_table_record_size[TABLE_SECTIONS] = {[TABLE_OBJECTS] = TABLE_OBJECT_SIZE,
    [TABLE_PACKS] = TABLE_PACK_SIZE,
    [TABLE_FRAMES] = TABLE_FRAME_SIZE,
    [TABLE_ENTRIES] = TABLE_ENTRY_SIZE,
    [TABLE_FANOUT] = 4};

/* Constants, so that the compiler turns the division into a multiplication. */
static inline uint64_t block_of(enum table_section section, uint64_t number, uint32_t *offset)
{
#define PLACE(size) \
	(*offset = (uint32_t)(number % (TABLE_BLOCK_DATA / (size))) * (size), number / (TABLE_BLOCK_DATA / (size)))
	switch (section) {
	case TABLE_ENTRIES:
		return PLACE(TABLE_ENTRY_SIZE);
	case TABLE_FRAMES:
		return PLACE(TABLE_FRAME_SIZE);
	case TABLE_FANOUT:
		return PLACE(4u);
	case TABLE_PACKS:
		return PLACE(TABLE_PACK_SIZE);
	default:
		return PLACE(TABLE_OBJECT_SIZE);
	}
#undef PLACE
}

/* Read before it is looked at in the map: what a failing disk cannot read, and what was cut off, is an error here and would end the program
 * there (SIGBUS). */
static bool read_block(const struct table *table, uint64_t block, uint8_t out[TABLE_BLOCK])
{
	return file_pread_full(table->fd, out, TABLE_BLOCK, (off_t)(block * TABLE_BLOCK)) == (ssize_t)TABLE_BLOCK;
}

static bool check_block(struct table *table, uint64_t block)
{
	uint8_t bytes[TABLE_BLOCK];

	if (!read_block(table, block, bytes) ||
	    XXH3_64bits_withSeed(bytes, TABLE_BLOCK_DATA, table->seed + block) != load_u64(bytes + TABLE_BLOCK_DATA)) {
		atomic_store(&table->damaged, true);
		return false;
	}
	atomic_fetch_or_explicit(&table->good[block / 64], UINT64_C(1) << (block % 64), memory_order_relaxed);
	return true;
}

static inline bool block_good(struct table *table, uint64_t block)
{
	uint64_t word = atomic_load_explicit(&table->good[block / 64], memory_order_relaxed);

	return (word >> (block % 64) & 1) != 0 || check_block(table, block);
}

const uint8_t *index_table_record(struct table *table, enum table_section section, uint64_t number)
{
	uint32_t offset;
	uint64_t block;

	if (number >= table->count[section]) {
		/* A number that another record gave and that leads nowhere. */
		atomic_store(&table->damaged, true);
		return NULL;
	}
	block = table->first[section] + block_of(section, number, &offset);
	return block_good(table, block) ? table->map + block * TABLE_BLOCK + offset : NULL;
}

bool index_table_get(struct table *table, enum table_section section, uint64_t number, void *out)
{
	const uint8_t *at;
	uint32_t offset;
	uint64_t block;

	if (table->blocks && number < table->count[section]) {
		block = table->first[section] + block_of(section, number, &offset);
		return index_blocks_copy(table->blocks, table, block, offset, out, index_table_record_size[section]);
	}
	at = index_table_record(table, section, number);
	if (at)
		memcpy(out, at, index_table_record_size[section]);
	return at != NULL;
}

bool index_table_frame(struct table *table, uint32_t number, struct table_frame *out)
{
	uint8_t at[TABLE_FRAME_SIZE];

	if (!index_table_get(table, TABLE_FRAMES, number, at))
		return false;
	*out = (struct table_frame){.pack = load_u32(at),
	    .offset = load_u32(at + 4),
	    .stored_size = load_u32(at + 8),
	    .raw_size = load_u32(at + 12),
	    .number = load_u32(at + 16) >> 8,
	    .codec = at[16]};
	if (out->pack < table->count[TABLE_PACKS])
		return true;
	atomic_store(&table->damaged, true);
	return false;
}

/* First record in [low, high) whose key is not below `key`; all of them start with the same `bits` bits. Keys are even by nature, so the first
 * look is where the key should be, the next ones ever further away from there, and once the place is surrounded or the guess was bad, halves
 * are searched. */
static inline bool find_record(struct table *table, enum table_section section, const uint8_t *key, size_t key_size,
    unsigned bits, uint64_t *low, uint64_t high)
{
	uint64_t first = __builtin_bswap64(load_u64(key));
	uint64_t rest = bits ? first << bits : first;
	uint64_t guess = *low + ((rest >> 32) * (high - *low) >> 32), step = 1;
	bool near = true;

	while (*low < high) {
		uint8_t record[TABLE_RECORD_MAX];
		uint64_t at = near ? guess : *low + (high - *low) / 2;

		if (!index_table_get(table, section, at, record))
			return false;
		if (memcmp(record, key, key_size) < 0) {
			*low = at + 1;
			guess = at + step;
		} else {
			high = at;
			guess = at - step; /* below 0 is far above `high` */
		}
		near = near && guess >= *low && guess < high;
		step *= 2;
	}
	return true;
}

bool index_table_search(struct table *table, const uint8_t key[CHUNK_KEY_SIZE], uint64_t *at, uint64_t *end)
{
	uint32_t first = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
	uint64_t prefix = table->bits ? first >> (32 - table->bits) : 0;
	uint8_t low[4], high[4];

	if (!index_table_get(table, TABLE_FANOUT, prefix, low) ||
	    !index_table_get(table, TABLE_FANOUT, prefix + 1, high))
		return false;
	*at = load_u32(low);
	*end = load_u32(high);
	return find_record(table, TABLE_ENTRIES, key, CHUNK_KEY_SIZE, table->bits, at, *end);
}

enum index_answer index_table_pack(
    struct table *table, const uint8_t id[OBJECT_ID_SIZE], uint32_t *number, uint64_t *size)
{
	uint64_t low = 0;
	uint8_t record[TABLE_PACK_SIZE];

	if (!find_record(table, TABLE_PACKS, id, OBJECT_ID_SIZE, 0, &low, table->count[TABLE_PACKS]))
		return INDEX_DAMAGED;
	if (low == table->count[TABLE_PACKS])
		return INDEX_ABSENT;
	if (!index_table_get(table, TABLE_PACKS, low, record))
		return INDEX_DAMAGED;
	if (memcmp(record, id, OBJECT_ID_SIZE) != 0)
		return INDEX_ABSENT;
	*number = (uint32_t)low;
	*size = load_u64(record + OBJECT_ID_SIZE);
	return INDEX_FOUND;
}

void index_table_drop_pages(struct table *table)
{
	madvise((void *)(uintptr_t)table->map, table->size, MADV_DONTNEED);
	for (size_t i = 0; i <= table->size / TABLE_BLOCK / 64; i++)
		atomic_store_explicit(&table->good[i], 0, memory_order_relaxed);
}

/* ---- opening ---- */

static bool section_fits(const struct table *table, enum table_section section)
{
	uint64_t per_block = TABLE_BLOCK_DATA / index_table_record_size[section];
	uint64_t blocks = table->size / TABLE_BLOCK;

	return table->count[section] < UINT32_MAX && table->first[section] <= blocks &&
	    (table->count[section] + per_block - 1) / per_block <= blocks - table->first[section];
}

/* False: damaged. *ours: whether it belongs to this repository and domain. */
static bool parse_header(struct table *table, const struct index_scope *scope, bool *ours)
{
	uint8_t at[TABLE_BLOCK];

	*ours = true;
	if (!read_block(table, 0, at) || XXH3_64bits(at, TABLE_BLOCK_DATA) != load_u64(at + TABLE_BLOCK_DATA) ||
	    memcmp(at, TABLE_MAGIC, 8) != 0)
		return false;
	*ours = load_u16(at + 8) == TABLE_VERSION && memcmp(at + 16, scope->repository, REPOSITORY_ID_SIZE) == 0 &&
	    memcmp(at + 32, scope->domain, DOMAIN_TAG_SIZE) == 0 &&
	    memcmp(at + TABLE_WITHOUT_AT, scope->without, sizeof(scope->without)) == 0;
	if (!*ours)
		return true;
	table->bits = load_u16(at + 10);
	table->seed = load_u64(at + 48);
	for (int i = 0; i < TABLE_SECTIONS; i++) {
		table->first[i] = load_u64(at + TABLE_SECTIONS_AT + 16 * i);
		table->count[i] = load_u64(at + TABLE_SECTIONS_AT + 16 * i + 8);
		if (!section_fits(table, (enum table_section)i))
			return false;
	}
	return load_u64(at + TABLE_SECTIONS_AT + 16 * TABLE_SECTIONS) == table->size / TABLE_BLOCK &&
	    table->bits <= TABLE_BITS_MAX && table->count[TABLE_FANOUT] == (UINT64_C(1) << table->bits) + 1;
}

static enum err map_file(struct table *table, bool *usable)
{
	struct stat status;
	void *map;

	*usable = false;
	table->fd = open(table->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (table->fd < 0)
		return errno == ENOENT ? ERR_OK : fail_errno(PL_INDEX_CACHE, "cannot open %s", table->path);
	if (fstat(table->fd, &status) != 0 || status.st_size < (off_t)TABLE_BLOCK ||
	    status.st_size % (off_t)TABLE_BLOCK != 0) {
		unlink(table->path);
		return ERR_OK;
	}
	table->size = (size_t)status.st_size;
	map = mmap(NULL, table->size, PROT_READ, MAP_SHARED, table->fd, 0);
	if (map == MAP_FAILED)
		return fail_errno(PL_INDEX_CACHE, "cannot map %s", table->path);
	table->map = map;
	madvise(map, table->size, MADV_RANDOM);
	*usable = true;
	return ERR_OK;
}

enum err index_table_open(struct table **out, const char *path, const struct index_scope *scope)
{
	struct table *table = mem_calloc(1, sizeof(*table));
	bool usable = false, ours = false, good;
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!table)
		return ERR_NOMEM;
	table->fd = -1;
	table->path = mem_string(path);
	if (table->path)
		err = map_file(table, &usable);
	if (err != ERR_OK || !usable)
		goto done;
	good = parse_header(table, scope, &ours);
	if (!good)
		unlink(path);
	if (!good || !ours)
		goto done;
	table->good = mem_calloc(table->size / TABLE_BLOCK / 64 + 1, sizeof(*table->good));
	table->flags = mem_calloc((size_t)table->count[TABLE_PACKS] + 1, 1);
	if (!table->good || !table->flags) {
		err = ERR_NOMEM;
		goto done;
	}
	*out = table;
	table = NULL;
done:
	index_table_close(table);
	return err;
}

void index_table_close(struct table *table)
{
	if (!table)
		return;
	if (table->map)
		munmap((void *)(uintptr_t)table->map, table->size);
	if (table->fd >= 0)
		close(table->fd);
	mem_free((void *)table->good);
	mem_free(table->flags);
	mem_free(table->path);
	mem_free(table);
}

void index_table_discard(struct table *table)
{
	if (table)
		unlink(table->path);
	index_table_close(table);
}
