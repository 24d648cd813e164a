/* The work of a restore, cut into jobs for the pool: batches of neighbouring files, which share frames of a pack, or parts of one large file. They
 * start in the order of the stream. A bounded number of them is in memory; that bounds what a run needs, whatever the snapshot holds. */
#include "restore/restore_internal.h"

#define BATCH_ITEMS_MIN \
	64 /* a batch ends where a folder does, from here on: two workers then seldom wait for one folder */
#define BATCH_ITEMS_MAX 512
#define BATCH_BYTES (4u << 20)
#define BATCH_MEMORY (1u << 20) /* bytes of the entries themselves */
#define PART_CHUNKS 1024

struct large_file {
	struct restore_file file;
	struct failure failure; /* of the part that failed first */
};

struct part_chunk {
	uint8_t id[CHUNK_ID_SIZE];
	uint32_t length;
};

struct restore_job {
	struct pool_job job; /* first */
	struct restore *run;
	struct restore_job *next;
	/* a batch */
	struct restore_item items[BATCH_ITEMS_MAX];
	size_t items_count;
	uint64_t bytes, memory;
	/* a part */
	struct large_file *large;
	struct part_chunk *chunks;
	size_t chunks_count;
	uint64_t start; /* content position */
};

/* ---- workers ---- */

static void run_batch(struct restore_job *batch)
{
	struct restore *run = batch->run;
	struct restore_folder *folder = NULL;
	int fd = -1;

	for (size_t i = 0; i < batch->items_count; i++) {
		struct restore_item *item = &batch->items[i];

		if (item->folder != folder) {
			if (fd >= 0)
				restore_folder_leave(run, folder);
			folder = item->folder;
			fd = restore_folder_enter(run, folder);
		}
		if (fd < 0 || restore_stopped(run)) {
			if (fd < 0)
				restore_problem(run, item->entry->entry.path, failure_last()->kind);
			if (item->link && item->first)
				restore_link_done(run, item->link, LINK_FAILED);
		} else if (item->entry->entry.type == ENTRY_FILE && (!item->link || item->first)) {
			restore_file_write(run, item, fd);
		} else {
			restore_other_make(run, item, fd);
		}
	}
	if (fd >= 0)
		restore_folder_leave(run, folder);
	for (size_t i = 0; i < batch->items_count; i++)
		restore_item_release(run, &batch->items[i]);
	batch->items_count = 0;
}

/* With the last part the file gets its metadata and its name. */
static void large_drop(struct restore *run, struct large_file *large)
{
	struct restore_item *item = &large->file.item;
	enum err err = ERR_OK;
	int fd;

	if (atomic_fetch_sub(&large->file.parts, 1) != 1)
		return;
	fd = restore_folder_enter(run, item->folder);
	if (fd < 0)
		err = failure_last()->kind;
	else if (large->file.failed)
		err = failure_put(&large->failure);
	restore_file_end(run, &large->file, fd, err);
	if (fd >= 0)
		restore_folder_leave(run, item->folder);
	restore_item_release(run, item);
	mem_free(large);
}

static void large_failed(struct large_file *large)
{
	if (!atomic_exchange(&large->file.failed, true))
		failure_take(&large->failure);
}

static enum err write_part(struct restore_job *part)
{
	struct restore *run = part->run;
	const struct restore_file *file = &part->large->file;
	struct restore_output output;
	enum err err = ERR_OK;

	restore_output_open(&output, file->fd, &file->item.entry->entry);
	restore_output_skip(&output, part->start);
	for (size_t i = 0; i < part->chunks_count && err == ERR_OK; i++) {
		struct entry_chunk chunk = {.id = part->chunks[i].id, .length = part->chunks[i].length};
		struct chunk_view view;

		if (restore_stopped(run) || file->failed)
			return fail(PL_INTERRUPTED, "stopped");
		err = restore_content_get(run->view->reader, &chunk, &view);
		if (err != ERR_OK)
			break;
		if (restore_output_write(&output, view.bytes, view.length) != 0)
			err = restore_fail_write("cannot write", file->item.entry->entry.path);
		chunk_release(run->view->reader, &view);
		run->bytes += chunk.length;
	}
	return err;
}

static void run_job(struct pool_job *pool_job, unsigned worker)
{
	struct restore_job *job = (struct restore_job *)pool_job;

	(void)worker;
	if (!job->large) {
		run_batch(job);
		return;
	}
	if (write_part(job) != ERR_OK)
		large_failed(job->large);
	large_drop(job->run, job->large);
}

/* ---- jobs ---- */

static struct restore_job *job_new(struct restore_jobs *jobs)
{
	struct restore_job *job = mem_calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->job.run = run_job;
	job->run = jobs->run;
	return job;
}

static void job_free(struct restore_job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->items_count; i++)
		restore_item_release(job->run, &job->items[i]);
	mem_free(job->chunks);
	mem_free(job);
}

static void wait_for_oldest(struct restore_jobs *jobs)
{
	struct restore_job *job = jobs->first;

	pool_wait(jobs->run->pool, &job->job);
	jobs->first = job->next;
	jobs->count--;
	job_free(job);
	restore_show_progress(jobs->run);
}

static void submit(struct restore_jobs *jobs, struct restore_job *job)
{
	while (jobs->count >= jobs->max)
		wait_for_oldest(jobs);
	if (jobs->first)
		jobs->last->next = job;
	else
		jobs->first = job;
	jobs->last = job;
	jobs->count++;
	pool_submit(jobs->run->pool, &job->job);
}

static void submit_batch(struct restore_jobs *jobs)
{
	struct restore_job *batch = jobs->batch;

	jobs->batch = NULL;
	if (batch)
		submit(jobs, batch);
}

enum err restore_jobs_add(struct restore_jobs *jobs, struct restore_item *item)
{
	const struct entry *entry = &item->entry->entry;
	struct restore_job *batch = jobs->batch;

	if (batch && batch->items_count >= BATCH_ITEMS_MIN &&
	    batch->items[batch->items_count - 1].folder != item->folder)
		submit_batch(jobs);
	if (!jobs->batch)
		jobs->batch = job_new(jobs);
	batch = jobs->batch;
	if (!batch)
		return ERR_NOMEM;
	batch->items[batch->items_count++] = *item;
	batch->bytes += entry->type == ENTRY_FILE ? restore_content_size(entry) : 0;
	batch->memory += sizeof(*item->entry) + entry->path.size + entry->content.size + entry->xattrs.size +
	    entry->segments.size + entry->target.size;
	*item = (struct restore_item){0};
	if (batch->items_count == BATCH_ITEMS_MAX || batch->bytes >= BATCH_BYTES || batch->memory >= BATCH_MEMORY)
		submit_batch(jobs);
	return ERR_OK;
}

/* ---- large files ---- */

struct cutting {
	struct restore_jobs *jobs;
	struct large_file *large;
	struct restore_job *part;
	uint64_t position, bytes;
};

static void submit_part(struct cutting *cutting)
{
	if (!cutting->part)
		return;
	atomic_fetch_add(&cutting->large->file.parts, 1);
	submit(cutting->jobs, cutting->part);
	cutting->part = NULL;
}

static enum err cut_chunk(void *context, const struct entry_chunk *chunk)
{
	struct cutting *cutting = context;
	struct restore_job *part = cutting->part;

	if (restore_stopped(cutting->jobs->run) || cutting->large->file.failed)
		return fail(PL_INTERRUPTED, "stopped");
	if (!part) {
		part = cutting->part = job_new(cutting->jobs);
		if (!part)
			return ERR_NOMEM;
		part->large = cutting->large;
		part->start = cutting->position;
		cutting->bytes = 0;
		part->chunks = mem_calloc(PART_CHUNKS, sizeof(*part->chunks));
		if (!part->chunks)
			return ERR_NOMEM;
	}
	memcpy(part->chunks[part->chunks_count].id, chunk->id, CHUNK_ID_SIZE);
	part->chunks[part->chunks_count++].length = chunk->length;
	cutting->position += chunk->length;
	cutting->bytes += chunk->length;
	if (cutting->bytes >= RESTORE_PART || part->chunks_count == PART_CHUNKS)
		submit_part(cutting);
	return ERR_OK;
}

enum err restore_jobs_add_large(struct restore_jobs *jobs, struct restore_item *item)
{
	struct restore *run = jobs->run;
	struct cutting cutting = {.jobs = jobs, .large = mem_calloc(1, sizeof(*cutting.large))};
	enum err err;
	int fd;

	if (!cutting.large)
		return ERR_NOMEM;
	cutting.large->file.item = *item;
	cutting.large->file.fd = -1;
	cutting.large->file.in_parts = true;
	*item = (struct restore_item){0};
	fd = restore_folder_enter(run, cutting.large->file.item.folder);
	err = fd < 0 ? failure_last()->kind : restore_file_begin(run, &cutting.large->file, fd);
	if (fd >= 0)
		restore_folder_leave(run, cutting.large->file.item.folder);
	if (cutting.large->file.fd < 0) {
		struct restore_item *left = &cutting.large->file.item;

		if (fd < 0 && left->link && left->first)
			restore_link_done(run, left->link, LINK_FAILED);
		restore_item_release(run, &cutting.large->file.item);
		mem_free(cutting.large);
		return fd < 0 ? err : ERR_OK;
	}
	cutting.large->file.parts = 1; /* this function's */
	err = restore_content_each(run->view->reader, &cutting.large->file.item.entry->entry, cut_chunk, &cutting);
	if (err == ERR_OK)
		submit_part(&cutting);
	else
		large_failed(cutting.large);
	job_free(cutting.part);
	large_drop(run, cutting.large);
	return ERR_OK;
}

void restore_jobs_finish(struct restore_jobs *jobs)
{
	submit_batch(jobs);
	while (jobs->first)
		wait_for_oldest(jobs);
}
