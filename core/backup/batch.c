#include "core/backup/backup_internal.h"

#include "core/base/mem.h"

#define PART_RECORDS_FIRST 64u

void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	for (size_t i = 0; i < batch->count; i++)
		walk_folder_drop(batch->items[i].folder);
	while (batch->first) {
		struct part *next = batch->first->next;

		part_free(batch->first);
		batch->first = next;
	}
	arena_free(&batch->arena);
	mem_free(batch);
}

struct batch *batch_take(struct backup *backup)
{
	struct batch *batch;

	pthread_mutex_lock(&backup->lock);
	batch = backup->spare_batches;
	if (batch)
		backup->spare_batches = batch->next;
	pthread_mutex_unlock(&backup->lock);
	if (!batch)
		batch = mem_calloc(1, sizeof(*batch));
	if (!batch)
		return NULL;
	batch->job.run = read_batch;
	batch->job.done = false;
	batch->backup = backup;
	batch->next = NULL;
	batch->finished = false;
	return batch;
}

void batch_recycle(struct backup *backup, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		walk_folder_drop(batch->items[i].folder);
	batch->count = 0;
	batch->arena_bytes = 0;
	arena_reset(&batch->arena);
	pthread_mutex_lock(&backup->lock);
	batch->next = backup->spare_batches;
	backup->spare_batches = batch;
	backup->batches_out--;
	pthread_cond_broadcast(&backup->room);
	pthread_mutex_unlock(&backup->lock);
}

void part_free(struct part *part)
{
	if (!part)
		return;
	arena_free(&part->arena);
	mem_free(part->records);
	mem_free(part->data);
	mem_free(part);
}

struct part *part_take(struct backup *backup)
{
	struct part *part;

	pthread_mutex_lock(&backup->lock);
	part = backup->spare_parts;
	if (part)
		backup->spare_parts = part->next;
	pthread_mutex_unlock(&backup->lock);
	if (!part) {
		part = mem_calloc(1, sizeof(*part));
		/* Touched only as far as it is used. */
		if (part && !(part->data = mem_alloc(PART_BYTES))) {
			mem_free(part);
			part = NULL;
		}
	}
	if (part)
		part->next = NULL;
	return part;
}

void part_recycle(struct backup *backup, struct part *part)
{
	part->used = 0;
	part->count = 0;
	arena_reset(&part->arena);
	pthread_mutex_lock(&backup->lock);
	part->next = backup->spare_parts;
	backup->spare_parts = part;
	pthread_mutex_unlock(&backup->lock);
}

struct record *part_record(struct part *part, enum record_kind kind)
{
	struct record *record;

	if (part->count == part->capacity) {
		size_t capacity = part->capacity ? 2 * part->capacity : PART_RECORDS_FIRST;
		struct record *records = mem_resize(part->records, capacity, sizeof(*records));

		if (!records)
			return NULL;
		part->records = records;
		part->capacity = capacity;
	}
	record = &part->records[part->count++];
	record->kind = kind;
	return record;
}

static bool has_room(const struct batch *batch)
{
	const struct backup *backup = batch->backup;

	if (backup->head == batch)
		return batch->waiting < BACKUP_BUFFERED / 2;
	return backup->buffered < BACKUP_BUFFERED;
}

bool batch_hand_over(struct batch *batch, struct part *part)
{
	struct backup *backup = batch->backup;
	bool stop;

	pthread_mutex_lock(&backup->lock);
	while (part->used > 0 && !has_room(batch) && !atomic_load(&backup->stop))
		pthread_cond_wait(&backup->room, &backup->lock);
	stop = atomic_load(&backup->stop);
	if (!stop) {
		if (batch->last)
			batch->last->next = part;
		else
			batch->first = part;
		batch->last = part;
		batch->waiting += part->used;
		backup->buffered += part->used;
		if (backup->head == batch)
			pthread_cond_signal(&backup->ready);
	}
	pthread_mutex_unlock(&backup->lock);
	if (stop)
		part_recycle(backup, part);
	return !stop;
}

void batch_finish(struct batch *batch)
{
	struct backup *backup = batch->backup;

	pthread_mutex_lock(&backup->lock);
	batch->finished = true;
	if (backup->head == batch)
		pthread_cond_signal(&backup->ready);
	pthread_mutex_unlock(&backup->lock);
}

struct part *batch_next_part(struct batch *batch)
{
	struct backup *backup = batch->backup;
	struct part *part;

	pthread_mutex_lock(&backup->lock);
	if (backup->head != batch) {
		backup->head = batch;
		pthread_cond_broadcast(&backup->room);
	}
	while (!batch->first && !batch->finished)
		pthread_cond_wait(&backup->ready, &backup->lock);
	part = batch->first;
	if (part) {
		batch->first = part->next;
		if (!batch->first)
			batch->last = NULL;
		batch->waiting -= part->used;
		backup->buffered -= part->used;
		if (part->used > 0)
			pthread_cond_broadcast(&backup->room);
	}
	pthread_mutex_unlock(&backup->lock);
	return part;
}
