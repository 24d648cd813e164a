#include "core/repo/index_internal.h"

#include <sys/mman.h>

#define DROP_EVERY (1u << 18) /* records written between giving pages back: 7 MiB of entries */

/* One input of a merge: where it stands in the section that is being merged. */
struct input {
	struct table *table;
	const uint8_t *head; /* the record at `at` */
	uint64_t at, end;
	uint32_t *place;      /* new places of its packs */
	uint32_t first_frame; /* new place of its frame 0 */
};

struct merge {
	struct input *inputs;
	size_t count;
	struct input **heap; /* by head, then by input: the result does not depend on luck */
	size_t heap_count;
	size_t key_size;
	enum table_section section;
	struct table_writer *writer;
};

static enum err damaged(const struct table *table)
{
	return fail(PL_INDEX_BROKEN, "the cached table %s is damaged", table->path);
}

static bool before(const struct merge *merge, const struct input *a, const struct input *b)
{
	int order = memcmp(a->head, b->head, merge->key_size);

	return order < 0 || (order == 0 && a < b);
}

static void sift_down(struct merge *merge, size_t at)
{
	struct input *moved = merge->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= merge->heap_count)
			break;
		if (child + 1 < merge->heap_count && before(merge, merge->heap[child + 1], merge->heap[child]))
			child++;
		if (!before(merge, merge->heap[child], moved))
			break;
		merge->heap[at] = merge->heap[child];
		at = child;
	}
	merge->heap[at] = moved;
}

static enum err start_section(struct merge *merge, enum table_section section, size_t key_size)
{
	merge->section = section;
	merge->key_size = key_size;
	merge->heap_count = 0;
	for (size_t i = 0; i < merge->count; i++) {
		struct input *input = &merge->inputs[i];

		input->at = 0;
		input->end = input->table->count[section];
		if (input->end == 0)
			continue;
		input->head = index_table_record(input->table, section, 0);
		if (!input->head)
			return damaged(input->table);
		merge->heap[merge->heap_count++] = input;
	}
	for (size_t i = merge->heap_count / 2; i-- > 0;)
		sift_down(merge, i);
	return ERR_OK;
}

/* Moves the smallest input on. */
static enum err next(struct merge *merge)
{
	struct input *input = merge->heap[0];

	if (++input->at == input->end) {
		merge->heap[0] = merge->heap[--merge->heap_count];
	} else {
		input->head = index_table_record(input->table, merge->section, input->at);
		if (!input->head)
			return damaged(input->table);
	}
	if (merge->heap_count > 0)
		sift_down(merge, 0);
	return ERR_OK;
}

static void drop_pages(struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		index_table_drop_pages(merge->inputs[i].table);
}

static enum err merge_objects(struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++) {
		struct table *table = merge->inputs[i].table;

		for (uint64_t at = 0; at < table->count[TABLE_OBJECTS]; at++) {
			const uint8_t *record = index_table_record(table, TABLE_OBJECTS, at);
			enum err err = record ? index_table_writer_record(merge->writer, record) : damaged(table);

			if (err != ERR_OK)
				return err;
		}
	}
	return index_table_writer_end_section(merge->writer);
}

static enum err merge_packs(struct merge *merge)
{
	uint8_t last[TABLE_PACK_SIZE];
	uint32_t count = 0;
	enum err err = start_section(merge, TABLE_PACKS, OBJECT_ID_SIZE);

	while (err == ERR_OK && merge->heap_count > 0) {
		struct input *input = merge->heap[0];

		/* A pack may stand in several index objects. */
		if (count == 0 || memcmp(last, input->head, OBJECT_ID_SIZE) != 0) {
			memcpy(last, input->head, sizeof(last));
			err = index_table_writer_record(merge->writer, last);
			count++;
		}
		input->place[input->at] = count - 1;
		if (err == ERR_OK)
			err = next(merge);
	}
	return err == ERR_OK ? index_table_writer_end_section(merge->writer) : err;
}

static enum err merge_frames(struct merge *merge)
{
	uint64_t count = 0;

	for (size_t i = 0; i < merge->count; i++) {
		struct input *input = &merge->inputs[i];

		input->first_frame = (uint32_t)count;
		for (uint64_t at = 0; at < input->table->count[TABLE_FRAMES]; at++) {
			const uint8_t *record = index_table_record(input->table, TABLE_FRAMES, at);
			uint8_t moved[TABLE_FRAME_SIZE];
			enum err err;

			if (!record || load_u32(record) >= input->table->count[TABLE_PACKS])
				return damaged(input->table);
			memcpy(moved, record, sizeof(moved));
			store_u32(moved, input->place[load_u32(record)]);
			err = index_table_writer_record(merge->writer, moved);
			if (err != ERR_OK)
				return err;
			if (++count % DROP_EVERY == 0)
				drop_pages(merge);
		}
	}
	return index_table_writer_end_section(merge->writer);
}

/* The frame that holds an entry of an input, with the new place of its pack. */
static enum err frame_of(const struct input *input, const uint8_t entry[TABLE_ENTRY_SIZE], struct table_frame *frame)
{
	if (!index_table_frame(input->table, load_u32(entry + 16), frame))
		return damaged(input->table);
	frame->pack = input->place[frame->pack];
	return ERR_OK;
}

static bool same_frame(const struct table_frame *a, const struct table_frame *b)
{
	return a->pack == b->pack && a->number == b->number && a->offset == b->offset &&
	    a->stored_size == b->stored_size && a->raw_size == b->raw_size && a->codec == b->codec;
}

/* Entries of one key that come one after the other and lead to the same place are the same chunk, of a pack that stood in two inputs. One
 * that leads elsewhere stays, also in the same pack: one of the two may be a lie. Their frames are looked up only then: it is a random read,
 * and few keys come twice. */
static enum err is_repeated(
    const struct input *last_input, const uint8_t last[TABLE_ENTRY_SIZE], const struct input *input, bool *repeated)
{
	struct table_frame a = {0}, b = {0};
	enum err err = ERR_OK;

	/* Behind the frame's place in the table: offset and length in the frame. */
	*repeated = last_input && memcmp(last, input->head, CHUNK_KEY_SIZE) == 0 &&
	    memcmp(last + 20, input->head + 20, TABLE_ENTRY_SIZE - 20) == 0;
	if (*repeated)
		err = frame_of(last_input, last, &a);
	if (*repeated && err == ERR_OK)
		err = frame_of(input, input->head, &b);
	*repeated = *repeated && same_frame(&a, &b);
	return err;
}

static enum err merge_entries(struct merge *merge)
{
	uint8_t last[TABLE_ENTRY_SIZE], moved[TABLE_ENTRY_SIZE];
	const struct input *last_input = NULL;
	uint64_t count = 0;
	enum err err = start_section(merge, TABLE_ENTRIES, CHUNK_KEY_SIZE);

	while (err == ERR_OK && merge->heap_count > 0) {
		struct input *input = merge->heap[0];
		bool repeated = false;

		err = is_repeated(last_input, last, input, &repeated);
		if (err == ERR_OK && !repeated) {
			memcpy(last, input->head, sizeof(last));
			last_input = input;
			memcpy(moved, last, sizeof(moved));
			store_u32(moved + 16, load_u32(moved + 16) + input->first_frame);
			err = index_table_writer_record(merge->writer, moved);
			if (++count % DROP_EVERY == 0)
				drop_pages(merge);
		}
		if (err == ERR_OK)
			err = next(merge);
	}
	return err == ERR_OK ? index_table_writer_end_section(merge->writer) : err;
}

static enum err prepare(struct merge *merge, struct table *const *tables, size_t count)
{
	merge->inputs = mem_calloc(count, sizeof(*merge->inputs));
	merge->heap = mem_calloc(count, sizeof(struct input *));
	if (!merge->inputs || !merge->heap)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		merge->inputs[i].table = tables[i];
		merge->inputs[i].place = mem_calloc((size_t)tables[i]->count[TABLE_PACKS] + 1, sizeof(uint32_t));
		merge->count++;
		if (!merge->inputs[i].place)
			return ERR_NOMEM;
		madvise((void *)(uintptr_t)tables[i]->map, tables[i]->size, MADV_SEQUENTIAL);
	}
	return ERR_OK;
}

enum err index_merge(
    struct table **out, struct table *const *inputs, size_t count, const char *folder, const struct index_scope *scope)
{
	struct merge merge = {0};
	uint64_t entries = 0;
	enum err err = prepare(&merge, inputs, count);

	*out = NULL;
	for (size_t i = 0; i < count; i++)
		entries += inputs[i]->count[TABLE_ENTRIES];
	if (err == ERR_OK)
		err = index_table_writer_new(&merge.writer, folder, scope, entries);
	if (err == ERR_OK)
		err = merge_objects(&merge);
	if (err == ERR_OK)
		err = merge_packs(&merge);
	if (err == ERR_OK)
		err = merge_frames(&merge);
	if (err == ERR_OK)
		err = merge_entries(&merge);
	if (err == ERR_OK)
		err = index_table_writer_finish(merge.writer, out);
	index_table_writer_free(merge.writer);
	for (size_t i = 0; i < merge.count; i++) {
		madvise((void *)(uintptr_t)merge.inputs[i].table->map, merge.inputs[i].table->size, MADV_RANDOM);
		mem_free(merge.inputs[i].place);
	}
	mem_free(merge.inputs);
	mem_free(merge.heap);
	return err;
}
