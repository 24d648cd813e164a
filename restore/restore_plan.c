/* The planner: follows the entry stream, keeps the folders on the way down, and cuts the work into jobs for the pool.
 *
 * Jobs are batches of neighbouring files, which share frames of a pack, or parts of one large file. They start in the order of the stream. At
 * most JOBS_WAITING of them are in memory; that bounds what a run needs, whatever the snapshot holds. */
#include "restore/restore_internal.h"

#define BATCH_ITEMS_MIN 64  /* a batch ends where a folder does, from here on: two workers then seldom wait for one folder */
#define BATCH_ITEMS_MAX 512
#define BATCH_BYTES (4u << 20)
#define BATCH_MEMORY (1u << 20) /* bytes of the entries themselves */
#define PART_CHUNKS 1024
#define JOBS_PER_WORKER 4

struct large_file {
	struct restore_file file;
	struct failure failure; /* of the part that failed first */
};

struct part_chunk {
	uint8_t id[CHUNK_ID_SIZE];
	uint32_t length;
};

struct job {
	struct pool_job job; /* first */
	struct restore *run;
	struct job *next;
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

struct level {
	size_t path_size; /* of its path in plan->path */
	struct restore_entry *entry;   /* until the folder is made */
	struct restore_folder *folder; /* NULL: not yet, or not to be */
	struct buffer names;	       /* --delete */
	uint64_t number;
	bool wanted, failed, absent; /* absent: dry run, nothing there */
};

struct plan {
	struct restore *run;
	struct level *levels;
	size_t depth, capacity;
	struct buffer path;    /* of the last folder */
	struct buffer blocked; /* the last entry that is no folder: nothing can be below it */
	struct job *batch;     /* being filled */
	struct job *first, *last;
	size_t jobs, jobs_max;
	uint64_t number;
};

/* ---- workers ---- */

static void run_batch(struct job *batch)
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

static enum err write_part(struct job *part)
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
	struct job *job = (struct job *)pool_job;

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

static struct job *job_new(struct plan *plan)
{
	struct job *job = mem_calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->job.run = run_job;
	job->run = plan->run;
	return job;
}

static void job_free(struct job *job)
{
	if (!job)
		return;
	for (size_t i = 0; i < job->items_count; i++)
		restore_item_release(job->run, &job->items[i]);
	mem_free(job->chunks);
	mem_free(job);
}

static void wait_for_oldest(struct plan *plan)
{
	struct job *job = plan->first;

	pool_wait(plan->run->pool, &job->job);
	plan->first = job->next;
	plan->jobs--;
	job_free(job);
	restore_show_progress(plan->run);
}

static void submit(struct plan *plan, struct job *job)
{
	while (plan->jobs >= plan->jobs_max)
		wait_for_oldest(plan);
	if (plan->first)
		plan->last->next = job;
	else
		plan->first = job;
	plan->last = job;
	plan->jobs++;
	pool_submit(plan->run->pool, &job->job);
}

static void submit_batch(struct plan *plan)
{
	struct job *batch = plan->batch;

	plan->batch = NULL;
	if (batch)
		submit(plan, batch);
}

static enum err add_to_batch(struct plan *plan, struct restore_item *item)
{
	const struct entry *entry = &item->entry->entry;
	struct job *batch = plan->batch;

	if (batch && batch->items_count >= BATCH_ITEMS_MIN &&
	    batch->items[batch->items_count - 1].folder != item->folder)
		submit_batch(plan);
	if (!plan->batch)
		plan->batch = job_new(plan);
	batch = plan->batch;
	if (!batch)
		return ERR_NOMEM;
	batch->items[batch->items_count++] = *item;
	batch->bytes += entry->type == ENTRY_FILE ? restore_content_size(entry) : 0;
	batch->memory += sizeof(*item->entry) + entry->path.size + entry->content.size + entry->xattrs.size +
	    entry->segments.size + entry->target.size;
	*item = (struct restore_item){0};
	if (batch->items_count == BATCH_ITEMS_MAX || batch->bytes >= BATCH_BYTES || batch->memory >= BATCH_MEMORY)
		submit_batch(plan);
	return ERR_OK;
}

/* ---- large files ---- */

struct cutting {
	struct plan *plan;
	struct large_file *large;
	struct job *part;
	uint64_t position, bytes;
};

static void submit_part(struct cutting *cutting)
{
	if (!cutting->part)
		return;
	atomic_fetch_add(&cutting->large->file.parts, 1);
	submit(cutting->plan, cutting->part);
	cutting->part = NULL;
}

static enum err cut_chunk(void *context, const struct entry_chunk *chunk)
{
	struct cutting *cutting = context;
	struct job *part = cutting->part;

	if (restore_stopped(cutting->plan->run) || cutting->large->file.failed)
		return fail(PL_INTERRUPTED, "stopped");
	if (!part) {
		part = cutting->part = job_new(cutting->plan);
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

static enum err plan_large(struct plan *plan, struct restore_item *item)
{
	struct restore *run = plan->run;
	struct cutting cutting = {.plan = plan, .large = mem_calloc(1, sizeof(*cutting.large))};
	enum err err;
	int fd;

	if (!cutting.large)
		return ERR_NOMEM;
	cutting.large->file.item = *item;
	cutting.large->file.fd = -1;
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

/* ---- folders on the way down ---- */

static struct entry_bytes level_path(const struct plan *plan, const struct level *level)
{
	return (struct entry_bytes){.data = plan->path.data, .size = level->path_size};
}

static void pop(struct plan *plan)
{
	struct level *level = &plan->levels[--plan->depth];

	if (level->folder) {
		buffer_swap(&level->folder->names, &level->names);
		restore_folder_drop(plan->run, level->folder);
	}
	mem_free(level->entry);
	buffer_free(&level->names);
	*level = (struct level){0};
}

static enum err push(struct plan *plan, struct entry_bytes path, struct restore_entry *entry, bool wanted)
{
	struct level *level;

	if (plan->depth == plan->capacity) {
		size_t capacity = plan->capacity ? plan->capacity * 2 : 64;
		struct level *levels = mem_resize(plan->levels, capacity, sizeof(*levels));

		if (!levels)
			return ERR_NOMEM;
		plan->levels = levels;
		plan->capacity = capacity;
	}
	if (plan->depth >= RESTORE_DEPTH_MAX)
		return fail(PL_RESTORE_DEPTH, "%s lies more than %d folders deep", restore_printable(path),
		    RESTORE_DEPTH_MAX);
	buffer_clear(&plan->path);
	if (buffer_append(&plan->path, path.data, path.size) != ERR_OK)
		return ERR_NOMEM;
	level = &plan->levels[plan->depth++];
	*level = (struct level){.path_size = path.size, .entry = entry, .wanted = wanted, .number = plan->number};
	return ERR_OK;
}

/* Leaves the folders that do not hold `path`. */
static void leave_folders(struct plan *plan, struct entry_bytes path)
{
	while (plan->depth > 1) {
		struct entry_bytes top = level_path(plan, &plan->levels[plan->depth - 1]);

		if (path.size > top.size && entry_within(path, top))
			return;
		pop(plan);
	}
}

/* Folders that the stream does not have between the last one and `path`: a selection that begins below them. */
static enum err push_implied(struct plan *plan, struct entry_bytes path)
{
	const uint8_t *slash;
	enum err err = ERR_OK;
	size_t size = plan->levels[plan->depth - 1].path_size;

	while (err == ERR_OK) {
		size_t from = size ? size + 1 : 0;

		slash = from < path.size ? memchr(path.data + from, '/', path.size - from) : NULL;
		if (!slash)
			break;
		size = (size_t)(slash - path.data);
		err = push(plan, (struct entry_bytes){.data = path.data, .size = size}, NULL, false);
	}
	return err;
}

static enum err name_of_level(const struct plan *plan, const struct level *level, char name[256])
{
	const uint8_t *slash = memrchr(plan->path.data, '/', level->path_size);
	size_t from = slash ? (size_t)(slash - plan->path.data) + 1 : 0, size = level->path_size - from;

	if (size > 255)
		return fail(PL_RESTORE_WRITE, "a name of %zu bytes is longer than the system allows", size);
	memcpy(name, plan->path.data + from, size);
	name[size] = 0;
	return ERR_OK;
}

static void make_level(struct plan *plan, struct level *parent, struct level *level)
{
	struct restore *run = plan->run;
	char name[256];
	enum err err = ERR_OK;

	if (parent->failed || parent->absent) {
		level->failed = parent->failed;
		level->absent = parent->absent;
	} else {
		err = name_of_level(plan, level, name);
		if (err == ERR_OK)
			err = restore_folder_make(run, parent->folder, name, level->entry, &level->folder);
		level->failed = err != ERR_OK;
		level->absent = err == ERR_OK && !level->folder;
	}
	if (level->folder)
		level->entry = NULL; /* taken over */
	if (err != ERR_OK)
		restore_problem(run, level_path(plan, level), err);
	if (level->wanted && !level->failed) {
		run->folders++;
		restore_mark(run, level->number);
	}
}

/* Makes the folders on the way to what comes next; NULL where that failed, which was told. */
static struct level *reach(struct plan *plan)
{
	for (size_t i = 1; i < plan->depth; i++) {
		struct level *level = &plan->levels[i];

		if (!level->folder && !level->failed && !level->absent)
			make_level(plan, level - 1, level);
	}
	return &plan->levels[plan->depth - 1];
}

/* ---- entries ---- */

static enum err plan_folder(struct plan *plan, const struct entry *entry, struct entry_bytes path, bool wanted)
{
	struct restore_entry *copy = restore_entry_copy(entry, path);
	struct level *root = plan->levels;
	enum err err;

	if (!copy)
		return ERR_NOMEM;
	if (path.size == 0) {
		/* The destination itself: it takes on what the snapshot says if it is new or empty, else it stays the user's. */
		if (wanted && root->folder && root->folder->fresh && !plan->run->options->dry_run) {
			root->folder->entry = copy;
			restore_mark(plan->run, plan->number);
			copy = NULL;
		}
		plan->run->folders += wanted;
		mem_free(copy);
		return ERR_OK;
	}
	err = push(plan, path, copy, wanted);
	if (err != ERR_OK)
		mem_free(copy);
	else if (wanted)
		(void)reach(plan);
	return err;
}

static enum err dry_item(struct plan *plan, const struct restore_item *item, bool absent)
{
	struct restore *run = plan->run;
	enum restore_place place = PLACE_FREE;
	enum err err = ERR_OK;
	int fd = absent ? -1 : restore_folder_enter(run, item->folder);

	if (!absent) {
		err = fd < 0 ? failure_last()->kind : restore_place_look(run, item, fd, &place);
		if (fd >= 0)
			restore_folder_leave(run, item->folder);
	}
	if (err != ERR_OK)
		return err;
	if (place == PLACE_KEEP) {
		run->skipped++;
	} else if (item->entry->entry.type == ENTRY_FILE) {
		run->files++;
		run->bytes += restore_content_size(&item->entry->entry);
	} else {
		run->others++;
	}
	return ERR_OK;
}

static enum err plan_item(struct plan *plan, const struct entry *entry, struct entry_bytes path)
{
	struct restore *run = plan->run;
	struct level *level = reach(plan);
	struct restore_item item = {.number = plan->number};
	enum err err;

	if (level->failed) {
		run->problems++; /* the folder that is not there was named */
		return ERR_OK;
	}
	item.entry = restore_entry_copy(entry, path);
	if (!item.entry)
		return ERR_NOMEM;
	item.folder = level->folder;
	if (item.folder)
		restore_folder_keep(run, item.folder);
	if (run->options->dry_run)
		err = dry_item(plan, &item, level->absent);
	else
		err = restore_link_find(run, item.entry, item.folder, &item.link, &item.first);
	if (err == ERR_OK && !run->options->dry_run) {
		bool large = entry->type == ENTRY_FILE && restore_content_size(entry) > RESTORE_PART;

		err = large && (!item.link || item.first) ? plan_large(plan, &item) : add_to_batch(plan, &item);
	}
	if (err != ERR_OK && item.link && item.first)
		restore_link_done(run, item.link, LINK_FAILED);
	restore_item_release(run, &item);
	return err;
}

static enum err note_name(struct plan *plan, struct entry_bytes path)
{
	struct level *level = &plan->levels[plan->depth - 1];
	size_t from = level->path_size ? level->path_size + 1 : 0;
	enum err err;

	if (!plan->run->options->delete_others || path.size <= from ||
	    memchr(path.data + from, '/', path.size - from))
		return ERR_OK;
	err = buffer_append(&level->names, path.data + from, path.size - from);
	return err == ERR_OK ? buffer_append_u8(&level->names, 0) : err;
}

static enum err plan_entry(struct plan *plan, const struct entry *entry, struct entry_bytes path,
    enum restore_wanted wanted)
{
	struct entry_bytes blocked = {.data = plan->blocked.data, .size = plan->blocked.length};
	enum err err;

	leave_folders(plan, path);
	err = note_name(plan, path);
	if (err != ERR_OK || wanted == RESTORE_UNWANTED)
		return err;
	if (blocked.size && entry_within(path, blocked))
		return fail(PL_RESTORE_STREAM, "%s lies below something that is no folder", restore_printable(path));
	err = push_implied(plan, path);
	if (err != ERR_OK)
		return err;
	if (entry->type == ENTRY_FOLDER)
		return plan_folder(plan, entry, path, wanted == RESTORE_WANTED);
	buffer_clear(&plan->blocked);
	err = buffer_append(&plan->blocked, path.data, path.size);
	return err == ERR_OK ? plan_item(plan, entry, path) : err;
}

enum err restore_plan(struct restore *run, struct restore_select *select)
{
	struct plan plan = {.run = run, .jobs_max = (size_t)pool_workers(run->pool) * JOBS_PER_WORKER};
	const struct entry *entry = NULL;
	struct entry_bytes path = {0};
	enum restore_wanted wanted = RESTORE_UNWANTED;
	enum err err = push(&plan, path, NULL, false);

	if (err == ERR_OK) {
		plan.levels[0].folder = run->root;
		plan.levels[0].absent = !run->root;
		run->root = NULL;
	}
	while (err == ERR_OK && !restore_stopped(run)) {
		err = restore_select_next(select, &entry, &path, &wanted);
		if (err != ERR_OK || !entry)
			break;
		err = plan_entry(&plan, entry, path, wanted);
		if (err != ERR_OK) {
			restore_problem(run, path, err);
			err = ERR_OK; /* what nobody can go on after has stopped the run */
		}
		plan.number += wanted == RESTORE_WANTED;
	}
	submit_batch(&plan);
	while (plan.first)
		wait_for_oldest(&plan);
	restore_links_free(run);
	while (plan.depth)
		pop(&plan);
	mem_free(plan.levels);
	buffer_free(&plan.path);
	buffer_free(&plan.blocked);
	return err;
}
