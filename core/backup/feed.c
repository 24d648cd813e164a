/* The walk stage: what is there, beside what was there last time. */
#include "core/backup/backup_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/stream.h"

struct feed {
	struct backup *backup;
	struct walk *walk;
	struct batch *batch;	      /* being filled */
	const struct entry *previous; /* where the last stream stands; NULL: at its end */
};

static enum err on_walk_problem(void *context, struct entry_bytes path, const struct failure *failure)
{
	struct backup *backup = context;
	bool vanished = failure->id == PL_SOURCE_VANISHED;

	backup_problem(backup, vanished ? BACKUP_VANISHED : BACKUP_UNREADABLE, path, failure->id, failure->text);
	return ERR_OK;
}

static bool copy_bytes(struct batch *batch, struct entry_bytes *bytes)
{
	const uint8_t *copy = arena_copy(&batch->arena, bytes->data, bytes->size);

	bytes->data = copy;
	batch->arena_bytes += bytes->size;
	return copy != NULL;
}

/* What the collector and the reader may need of the last run's entry; the stream's own memory does not last. */
static struct entry *keep_previous(struct batch *batch, const struct entry *previous)
{
	struct entry *copy = arena_copy(&batch->arena, previous, sizeof(*previous));

	batch->arena_bytes += sizeof(*previous);
	if (!copy || !copy_bytes(batch, &copy->target) || !copy_bytes(batch, &copy->xattrs) ||
	    !copy_bytes(batch, &copy->segments) || !copy_bytes(batch, &copy->content))
		return NULL;
	copy->path = (struct entry_bytes){0};
	copy->user = copy->group = (struct entry_bytes){0};
	return copy;
}

static enum err next_previous(struct feed *feed)
{
	bool damaged = false;
	enum err err;

	if (!feed->backup->last_stream) {
		feed->previous = NULL;
		return ERR_OK;
	}
	err = stream_reader_next(feed->backup->last_stream, &feed->previous, &damaged);
	if (damaged)
		output_note("the local list of the last backup is damaged; files are read again");
	return err;
}

/* Moves the last stream to `path`; both are in the same order. */
static enum err match_previous(struct feed *feed, struct entry_bytes path, const struct entry **out)
{
	enum err err = ERR_OK;
	int order = 1;

	*out = NULL;
	while (err == ERR_OK && feed->previous && (order = entry_compare(feed->previous->path, path)) < 0)
		err = next_previous(feed);
	if (err == ERR_OK && feed->previous && order == 0)
		*out = feed->previous;
	return err;
}

/* A file system's clock ticks in steps: a file that is changed again within the step in which it was read looks the same afterwards. Kernels tick
 * 100 to 1000 times a second; FAT, exFAT and old file systems keep whole or even seconds, and no fractions. */
#define CLOCK_STEP_FINE (CLOCK_SECOND / 50)
#define CLOCK_STEP_COARSE (2 * CLOCK_SECOND)

static bool is_racy(const struct backup *backup, const struct entry *previous)
{
	int64_t step = previous->ctime % CLOCK_SECOND == 0 ? CLOCK_STEP_COARSE : CLOCK_STEP_FINE;

	return previous->ctime >= stream_reader_started(backup->last_stream) - step;
}

/* A folder descriptor is held by every item until its batch is collected: with too many, wait for the collector. */
static void wait_for_folders(struct backup *backup)
{
	pthread_mutex_lock(&backup->lock);
	while (walk_folders_open() > backup->folders_max && !atomic_load(&backup->stop) && backup->batches_out > 0)
		pthread_cond_wait(&backup->room, &backup->lock);
	pthread_mutex_unlock(&backup->lock);
}

static bool send_batch(struct feed *feed)
{
	struct backup *backup = feed->backup;
	struct batch *batch = feed->batch;

	if (!batch)
		return true;
	feed->batch = NULL;
	pthread_mutex_lock(&backup->lock);
	backup->batches_out++;
	pthread_mutex_unlock(&backup->lock);
	/* First the queue, then the pool: batches start in the order in which they are collected. */
	if (!queue_push(backup->batches, batch)) {
		batch_free(batch);
		return false;
	}
	pool_submit(backup->readers, &batch->job);
	return true;
}

static bool batch_full(const struct batch *batch)
{
	return batch && (batch->count == BATCH_ITEMS || batch->arena_bytes >= BATCH_BYTES);
}

/* Extras first, and nothing else before they are collected. */
static enum err feed_extras(struct feed *feed)
{
	struct backup *backup = feed->backup;

	for (size_t i = 0; i < backup->extras_count; i++) {
		struct batch *batch = feed->batch;
		const char *path = backup->walk_extras[i].path;

		if (!batch && !(batch = feed->batch = batch_take(backup)))
			return ERR_NOMEM;
		batch->items[batch->count++] =
		    (struct item){.path = {.data = (const uint8_t *)path, .size = strlen(path)},
			.extra = &backup->extras[i],
			.first = true};
		if (batch_full(batch) && !send_batch(feed))
			return ERR_OK;
	}
	send_batch(feed);
	pthread_mutex_lock(&backup->lock);
	while (backup->batches_out > 0 && !atomic_load(&backup->stop))
		pthread_cond_wait(&backup->room, &backup->lock);
	pthread_mutex_unlock(&backup->lock);
	return ERR_OK;
}

static enum err add_item(struct feed *feed, const struct walk_item *found)
{
	struct batch *batch = feed->batch;
	const struct entry *previous;
	struct item *item;
	enum err err;

	if (!batch) {
		batch = feed->batch = batch_take(feed->backup);
		if (!batch)
			return ERR_NOMEM;
	}
	item = &batch->items[batch->count];
	*item = (struct item){.path = found->path, .is_folder = found->is_folder};
	if (found->extra)
		item->extra = found->extra->context;
	item->name = found->name ? arena_copy(&batch->arena, found->name, strlen(found->name) + 1) : NULL;
	if (!copy_bytes(batch, &item->path) || (found->name && !item->name))
		return ERR_NOMEM;
	err = match_previous(feed, found->path, &previous);
	if (err != ERR_OK)
		return err;
	if (previous && !(item->previous = keep_previous(batch, previous)))
		return ERR_NOMEM;
	item->racy = previous && is_racy(feed->backup, previous);
	if (found->folder) {
		walk_folder_keep(found->folder);
		item->folder = found->folder;
	}
	batch->count++;
	return ERR_OK;
}

static enum err feed_all(struct feed *feed)
{
	struct backup *backup = feed->backup;
	struct walk_item found;
	bool more = true;
	enum err err = feed_extras(feed);

	if (err == ERR_OK)
		err = next_previous(feed);
	while (err == ERR_OK && !backup_stopped(backup)) {
		err = walk_next(feed->walk, &found, &more);
		if (err != ERR_OK || !more)
			break;
		err = add_item(feed, &found);
		if (err != ERR_OK)
			break;
		if (batch_full(feed->batch) || walk_folders_open() > backup->folders_max) {
			if (!send_batch(feed))
				break;
			wait_for_folders(backup);
		}
	}
	if (err == ERR_OK)
		send_batch(feed);
	batch_free(feed->batch);
	return err;
}

void *feed_main(void *argument)
{
	struct backup *backup = argument;
	const struct backup_options *options = backup->options;
	struct feed feed = {.backup = backup};
	struct walk_options walk = {.exclude = options->exclude,
	    .one_file_system = options->one_file_system,
	    .exclude_caches = options->exclude_caches,
	    .exclude_if_present = options->exclude_if_present,
	    .exclude_larger = options->exclude_larger,
	    .extras = backup->walk_extras,
	    .extras_count = backup->extras_count,
	    .hidden = (const char *const *)backup->hidden,
	    .own = backup->own,
	    .own_count = repository_folders(backup->repository, backup->own),
	    .problem = on_walk_problem,
	    .context = backup};
	enum err err = walk_new(&feed.walk, options->paths, options->paths_count, &walk);

	if (err == ERR_OK)
		err = feed_all(&feed);
	if (err != ERR_OK)
		backup_stop(backup);
	walk_free(feed.walk);
	queue_close(backup->batches);
	return NULL;
}
