/* The planner: follows the entry stream, keeps the folders on the way down, and gives everything else to the jobs. */
#include "restore/restore_internal.h"

#define JOBS_PER_WORKER 4

struct level {
	size_t path_size;	       /* of its path in plan->path */
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
	struct restore_jobs jobs;
	uint64_t number;
};

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
	struct level *level, *levels = mem_more(plan->levels, plan->depth, &plan->capacity, sizeof(*levels));

	if (!levels)
		return ERR_NOMEM;
	plan->levels = levels;
	if (plan->depth >= RESTORE_DEPTH_MAX)
		return fail(
		    PL_RESTORE_DEPTH, "%s lies more than %d folders deep", restore_printable(path), RESTORE_DEPTH_MAX);
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
		plan->run->root_saved = true;
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

		err = large && (!item.link || item.first) ? restore_jobs_add_large(&plan->jobs, &item)
							  : restore_jobs_add(&plan->jobs, &item);
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

	if (!plan->run->options->delete_others || path.size <= from || memchr(path.data + from, '/', path.size - from))
		return ERR_OK;
	err = buffer_append(&level->names, path.data + from, path.size - from);
	return err == ERR_OK ? buffer_append_u8(&level->names, 0) : err;
}

static enum err plan_entry(
    struct plan *plan, const struct entry *entry, struct entry_bytes path, enum restore_wanted wanted)
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
	struct plan plan = {.run = run, .jobs = {.run = run, .max = (size_t)pool_workers(run->pool) * JOBS_PER_WORKER}};
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
	restore_jobs_finish(&plan.jobs);
	restore_links_free(run);
	while (plan.depth)
		pop(&plan);
	mem_free(plan.levels);
	buffer_free(&plan.path);
	buffer_free(&plan.blocked);
	return err;
}
