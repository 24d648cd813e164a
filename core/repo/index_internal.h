/* The index in use, inside: tables (index_table.c reads, index_blocks.c within bounds, index_table_build.c writes,
 * index_merge.c merges), the journal of a
 * session (index_journal.c), what a session adds (index_session.c, index_set.c), all together (index.c, index_load.c), beside what the
 * target has (index_packs.c, index_lost.c). */
#ifndef PULIH_REPO_INDEX_INTERNAL_H
#define PULIH_REPO_INDEX_INTERNAL_H

#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/repo/generation.h"
#include "core/repo/index.h"
#include "core/repo/object.h"

#include <pthread.h>
#include <stdatomic.h>

/* Whether the header of an index object names a writer that was revoked; false for what is no index object. */
bool index_object_revoked(const struct keys *keys, const void *object, size_t size);

/* ---- tables: files of the cache, never changed once they have their name ----
 *
 * A file of 4 KiB blocks. Every block ends in the XXH3-64 of what precedes, seeded with the table's own seed + the block's number:
 * a block that was damaged, never reached the disk or belongs elsewhere is found out when it is first looked at, and opening a
 * table reads one block only. So nothing here has to be synced, and a wrong answer never passes for a good one.
 *   block 0: "PULIHTBL" (8), u16 version 3, u16 bits of the fan-out, u32 0, repository id (16), domain tag (16), u64 seed (of all other
 *     blocks; this one has 0), hash of the writers left out (16; index_scope), per section u64 first block, u64 records, u64 blocks of the file; zeros
 *   sections, each from a new block, records never cross a block:
 *     objects: the index objects that are in this table: id (32), u64 size
 *     packs, ascending by id: id (32), u64 size
 *     frames: u32 pack (its place in this table), u32 offset, u32 stored size, u32 raw size, u32 number in the pack << 8 | codec
 *     entries, ascending by key: key (16), u32 frame (its place in this table), u32 offset, u32 length
 *     fan-out: u32 number of entries whose first `bits` bits are below i, for i = 0 … 2^bits */
enum table_section { TABLE_OBJECTS, TABLE_PACKS, TABLE_FRAMES, TABLE_ENTRIES, TABLE_FANOUT, TABLE_SECTIONS };

#define TABLE_BLOCK 4096u
#define TABLE_BLOCK_DATA (TABLE_BLOCK - 8u)
#define TABLE_MAGIC "PULIHTBL"
#define TABLE_VERSION 3
#define TABLE_WITHOUT_AT 56
#define TABLE_SECTIONS_AT 72 /* offset of the sections' numbers in block 0 */
#define TABLE_BITS_MAX 22
#define TABLE_SUFFIX ".table"
#define TABLE_TEMPORARY ".tmp-"

#define TABLE_OBJECT_SIZE 40u
#define TABLE_PACK_SIZE 40u
#define TABLE_FRAME_SIZE 20u
#define TABLE_ENTRY_SIZE 28u
#define TABLE_RECORD_MAX TABLE_PACK_SIZE
extern const uint32_t index_table_record_size[TABLE_SECTIONS];

/* What a table belongs to. */
struct index_scope {
	uint8_t repository[REPOSITORY_ID_SIZE];
	uint8_t domain[DOMAIN_TAG_SIZE];
	uint8_t without[16]; /* hash of the writers whose objects are left out; zeros: none is */
};

/* Marks of packs. */
enum {
	PACK_DEAD = 1,	  /* condemned or lost: counts as absent */
	PACK_USED = 2,	  /* the session relies on it */
	PACK_LISTED = 4,  /* the target has it, with its size; while index_each_pack() is at work */
	PACK_RESIZED = 8, /* … with another size; lost packs keep this mark */
	PACK_LOST = 16,	  /* index_drop_pack() */
	PACK_ALONE = 32,  /* lost, with a chunk that no living pack has */
};

struct blocks; /* index_blocks.c */

struct table {
	char *path;
	int fd;
	uint32_t number;       /* different for every table that an index had */
	struct blocks *blocks; /* lookups read through it; NULL: from the map */
	const uint8_t *map;
	size_t size;
	uint64_t seed;
	unsigned bits;
	uint64_t first[TABLE_SECTIONS]; /* block */
	uint64_t count[TABLE_SECTIONS]; /* records */
	_Atomic uint64_t *good;		/* one bit per block that was checked and not dropped since */
	atomic_bool damaged;		/* set by whoever meets a bad block */
	uint8_t *flags;			/* per pack: PACK_DEAD, … */
};

enum index_answer { INDEX_ABSENT, INDEX_FOUND, INDEX_DAMAGED };

struct table_frame {
	uint32_t pack, offset, stored_size, raw_size, number;
	uint8_t codec;
};

/* *out is NULL, with ERR_OK, where there is no usable table: gone, of another repository or domain, or damaged (then it is removed). */
enum err index_table_open(struct table **out, const char *path, const struct index_scope *scope);
void index_table_close(struct table *table);
/* Closes and removes the file; index_table_discard(NULL) does nothing. */
void index_table_discard(struct table *table);
/* A record, valid while the table is open; NULL where its block is damaged (table->damaged is set) or there is no such record. */
const uint8_t *index_table_record(struct table *table, enum table_section section, uint64_t number);
/* The same for lookups: copies the record, within the budget. False where the other gives NULL. */
bool index_table_get(struct table *table, enum table_section section, uint64_t number, void *out);
bool index_table_frame(struct table *table, uint32_t number, struct table_frame *out);
/* First entry whose key is not below `key`, and the end of the entries that can have it. False where a block is damaged. */
bool index_table_search(struct table *table, const uint8_t key[CHUNK_KEY_SIZE], uint64_t *at, uint64_t *end);
/* The place of a pack, and its size. Where a block is damaged table->damaged is set as well. */
enum index_answer index_table_pack(
    struct table *table, const uint8_t id[OBJECT_ID_SIZE], uint32_t *number, uint64_t *size);
/* Gives the pages back. What is read again is checked again. */
void index_table_drop_pages(struct table *table);

/* A fixed amount of memory for blocks of tables; safe from several threads. At least 256 KiB. */
enum err index_blocks_new(struct blocks **out, size_t budget);
void index_blocks_free(struct blocks *blocks);
/* Copies a part of a block. False where it is damaged or cannot be read (table->damaged is set). */
bool index_blocks_copy(
    struct blocks *blocks, struct table *table, uint64_t block, uint32_t offset, void *out, uint32_t size);

/* Writes a table: begin, per section in the order of the enum records and an end, finish. PL_INDEX_CACHE, PL_NO_SPACE. */
struct table_writer;
enum err index_table_writer_new(
    struct table_writer **out, const char *folder, const struct index_scope *scope, uint64_t entries);
enum err index_table_writer_record(struct table_writer *writer, const void *record);
enum err index_table_writer_end_section(struct table_writer *writer);
/* Writes the fan-out, gives the file its name, opens it. */
enum err index_table_writer_finish(struct table_writer *writer, struct table **out);
/* Removes what was not finished. */
void index_table_writer_free(struct table_writer *writer);

/* Collects packs in memory, and makes a table of them. Starts as {0}. */
struct table_builder {
	struct buffer objects, packs, frames, entries; /* records; packs in order of arrival */
};
struct table_builder_mark {
	size_t objects, packs, frames, entries;
};
enum err index_builder_object(struct table_builder *builder, const uint8_t id[OBJECT_ID_SIZE], uint64_t size);
enum err index_builder_pack(struct table_builder *builder, const struct index_pack *pack);
size_t index_builder_chunks(const struct table_builder *builder);
struct table_builder_mark index_builder_mark(const struct table_builder *builder);
void index_builder_back(struct table_builder *builder, struct table_builder_mark mark);
/* Empties the builder. */
enum err index_builder_write(
    struct table_builder *builder, const char *folder, const struct index_scope *scope, struct table **out);
void index_builder_free(struct table_builder *builder);

/* One table of several; the inputs stay. ERR_CORRUPT where an input is damaged. Streams: needs 4 bytes per pack. */
enum err index_merge(
    struct table **out, struct table *const *inputs, size_t count, const char *folder, const struct index_scope *scope);

/* ---- ids: an ascending set ---- */

struct id_list {
	uint8_t (*ids)[OBJECT_ID_SIZE];
	size_t count, capacity;
};
enum err index_ids_append(struct id_list *list, const uint8_t id[OBJECT_ID_SIZE]);
void index_ids_sort(struct id_list *list);
/* Position in a sorted list, or -1. */
ptrdiff_t index_ids_find(const struct id_list *list, const uint8_t id[OBJECT_ID_SIZE]);
void index_ids_free(struct id_list *list);

/* ---- keys of this session's chunks: open addressing, 24 bytes a place ---- */

#define SET_EXPECTED UINT32_MAX /* `pack` of a chunk that is on its way */

struct set_slot {
	uint8_t key[CHUNK_KEY_SIZE];
	uint32_t pack;	/* position in the session's packs, + 1; 0: the place is free */
	uint32_t chunk; /* position in the pack's directory */
};
struct set {
	struct set_slot *slots;
	size_t count, capacity;
};
/* NULL where it is not there. */
struct set_slot *index_set_find(const struct set *set, const uint8_t key[CHUNK_KEY_SIZE]);
/* Puts it there, or changes it. */
enum err index_set_put(struct set *set, const uint8_t key[CHUNK_KEY_SIZE], uint32_t pack, uint32_t chunk);
/* The first `packs` packs left: forgets their chunks and renumbers the others. */
enum err index_set_forget(struct set *set, uint32_t packs);
void index_set_free(struct set *set);

/* ---- the journal of a session ----
 *
 *   "PULIHJRN" (8), u16 version 1, 6 zero bytes, repository id (16), domain tag (16)
 *   per finished pack: u32 length, u64 XXH3-64 of the payload, payload = id (32), u8 type, u64 size, directory.h's bytes
 * Every record is synced before its pack counts. A lock (flock) on the file tells living sessions from dead ones: the kernel drops it
 * with the process. */
struct journal {
	struct journal *next;
	char *path;
	int fd;
	bool failed;
};
#define JOURNAL_SUFFIX ".journal"

enum err index_journal_new(struct journal **out, const char *folder, const struct index_scope *scope);
enum err index_journal_append(struct journal *journal, const struct index_pack *pack);
/* Finds the journals of dead sessions, locks them and visits their packs; the visitor may take the directory over. *out is the list of
 * them, locked until they are closed. */
enum err index_journal_adopt(struct journal **out, const char *folder, const struct index_scope *scope,
    enum err (*visit)(void *context, struct index_pack *pack), void *context);
/* Closes a list of journals, and removes their files where the work is done. */
void index_journal_close(struct journal *journal, bool remove);

/* ---- all together ---- */

struct session_pack {
	struct index_pack pack;
	bool dropped;
};

struct index_session {
	bool open;
	struct journal *journal, *adopted;
	struct session_pack *packs; /* not yet in an index object */
	size_t count, capacity;
	uint64_t chunks; /* of those */
	struct set set;
};

#define INDEX_TABLES_MAX 8 /* more than that are merged: each one costs every lookup a search */

struct index {
	struct target *target;
	const struct keys *keys;
	const struct domain_keys *domain;
	const struct generations *generations;
	char *folder;
	struct index_scope scope;
	struct table **tables;
	size_t tables_count, tables_capacity;
	struct id_list dead; /* condemned packs that were met, whatever generations say later, and refused ones */
	size_t budget;
	struct blocks *blocks; /* NULL while all tables fit in the budget */
	uint32_t numbers;      /* given to tables so far */
	bool skip_damaged, to_store;
	size_t damaged;
	pthread_rwlock_t lock; /* tables: held for reading by lookups, for writing when they are built anew */
	struct index_session session;
};

struct index_hit {
	struct table *table;
	struct table_frame frame;
	uint32_t offset, length;
};
/* Looks for a chunk in a living pack of the tables. Passes over the first *skip places, and leaves in *skip how many it found too few. */
enum index_answer index_lookup(
    struct index *index, const uint8_t key[CHUNK_KEY_SIZE], size_t *skip, struct index_hit *out);
/* Builds damaged tables anew, unless another thread has done so. A session has marks in its tables and must not lose them: then, or where
 * they cannot be built, PL_INDEX_CACHE. */
enum err index_heal(struct index *index);
/* Brings the tables up to date with the target: see index_open(). */
enum err index_load(struct index *index);
/* Takes a table over, also on failure. */
enum err index_attach(struct index *index, struct table *table);
/* Merges small tables when there are too many. A damaged one is left for index_load(). */
enum err index_merge_small(struct index *index);
void index_close_tables(struct index *index);
/* Gives the mapped pages of the tables back where they do not fit in the budget. */
void index_drop_pages(struct index *index);
bool index_pack_is_dead(const struct index *index, const uint8_t id[OBJECT_ID_SIZE]);
/* Frees what a session holds; the journal stays for the next one unless it was ended. */
void index_session_close(struct index *index, bool ended);
/* A chunk of a pack that this session added and no index object holds yet. */
bool index_session_find(const struct index *index, const uint8_t key[CHUNK_KEY_SIZE], struct index_location *out);
/* Visits, ascending and each once, the packs of the tables whose marks under `mask`, those of all tables together, are `marks`. */
enum err index_visit_packs(
    struct index *index, uint8_t mask, uint8_t marks, index_pack_state_visit visit, void *context);
/* PL_INDEX_CACHE, naming the table. */
enum err index_cache_failed(const struct table *table);

#endif
