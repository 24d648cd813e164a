#include "core/source/walk_internal.h"
#include "core/base/mem.h"

#include <errno.h>
#include <sys/stat.h>

/* Descriptors. Every folder on the way down keeps one, so that what is in it is reached without a path. When more
 * than LEVELS_OPEN_MAX are open, the one furthest up is closed, with its device and inode remembered; when the walk
 * comes back up to it, it is opened again as ".." of the folder that was left, and, where that is not the remembered
 * folder (something was moved, or a link above a root was followed), by name from the next folder above that is
 * still open. A folder that cannot be found again is reported, and the rest of it is not walked: names are never
 * taken from another folder than the one that was listed. */
#define LEVELS_OPEN_MAX 256

/* Closes the uppermost folder that may be. False where there is none. The last level is never closed: it is in use. */
static bool close_one(struct walk *walk)
{
	for (; walk->first_open + 1 < walk->depth; walk->first_open++) {
		struct level *level = &walk->levels[walk->first_open];
		struct stat status;

		if (!level->folder || level->anchored || fstat(level->folder->fd, &status) != 0)
			continue;
		level->device = status.st_dev;
		level->inode = status.st_ino;
		level->closed = true;
		walk_folder_drop(level->folder);
		level->folder = NULL;
		walk->open--;
		return true;
	}
	return false;
}

enum err walk_level_open(
    struct walk *walk, int parent, const char *name, bool place, struct walk_folder **folder, int *error)
{
	int fd;

	*folder = NULL;
	*error = 0;
	do
		fd = place ? walk_open_place(parent, name) : walk_open_folder(parent, name);
	while (fd < 0 && errno == EMFILE && close_one(walk));
	if (fd < 0) {
		*error = errno;
		return ERR_OK;
	}
	return walk_folder_new(folder, fd);
}

void walk_level_leave(struct walk *walk)
{
	walk_folder_drop(walk->entrance.parent);
	walk_folder_drop(walk->entrance.self);
	walk->entrance = (struct entrance){0};
}

/* Takes level->folder and level->names over, on failure too. */
static enum err push(struct walk *walk, struct level *level)
{
	struct level *levels = mem_more(walk->levels, walk->depth, &walk->capacity, sizeof(*levels));

	if (!levels) {
		walk_folder_drop(level->folder);
		mem_free(level->names);
		return ERR_NOMEM;
	}
	walk->levels = levels;
	walk->levels[walk->depth++] = *level;
	walk->open += level->folder && !level->anchored;
	if (walk->open > LEVELS_OPEN_MAX)
		close_one(walk);
	return ERR_OK;
}

/* Reads the names of the folder that is entered; on another file system, none. */
static enum err list_level(struct walk *walk, struct level *level, bool root)
{
	struct stat status;
	size_t size = 0;
	int error = 0;
	enum err err;

	if (fstat(level->folder->fd, &status) != 0)
		return walk_report_errno(walk, errno);
	/* Every run would store what the runs before it stored, once more. */
	if (file_is_among(&status, walk->options.own, walk->options.own_count))
		return root ? walk_report_text(walk, "is this repository itself, which is no part of a backup")
			    : ERR_OK;
	if (walk->options.one_file_system) {
		if (root || walk->depth == 0)
			level->root_device = status.st_dev;
		if (status.st_dev != level->root_device)
			return ERR_OK;
	}
	err = walk_list_folder(&walk->listing, level->folder->fd, &level->names, &size, &error);
	if (err == ERR_OK && error != 0)
		err = walk_report_errno(walk, error);
	if (err == ERR_OK && walk_list_keep_tags(&walk->options, level->folder->fd, level->names, &size) && size == 0) {
		mem_free(level->names);
		level->names = NULL;
	}
	level->at = level->names;
	level->end = level->names ? level->names + size : NULL;
	return err;
}

enum err walk_level_enter(struct walk *walk)
{
	struct entrance *entrance = &walk->entrance;
	struct level level = {.base = entrance->base, .anchored = entrance->anchored, .place = entrance->ancestor};
	enum err err = ERR_OK;

	level.path_size = walk->path.length;
	level.plan = entrance->node ? entrance->node->child : NULL;
	if (walk->depth > 0)
		level.root_device = walk->levels[walk->depth - 1].root_device;
	level.folder = entrance->self;
	entrance->self = NULL;
	if (!entrance->ancestor) {
		if (level.folder)
			err = list_level(walk, &level, entrance->root);
		else
			err = walk_report_errno(walk, entrance->error);
	}
	walk_level_leave(walk);
	if (err == ERR_OK && (level.names || level.plan))
		return push(walk, &level);
	walk_folder_drop(level.folder);
	mem_free(level.names);
	return err;
}

/* A level's folder that was closed for now, by name from the next one above that is open. */
static enum err open_by_names(struct walk *walk, size_t index, struct walk_folder **out, int *error)
{
	size_t from = index;
	enum err err = ERR_OK;

	while (from > 0 && !walk->levels[from - 1].folder)
		from--;
	*out = NULL;
	*error = ENOENT;
	if (from == 0)
		return ERR_OK;
	*out = walk->levels[from - 1].folder;
	walk_folder_keep(*out);
	for (; err == ERR_OK && *out && from <= index; from++) {
		size_t above = walk->levels[from - 1].path_size;
		size_t start = above ? above + 1 : 0;
		char *name = mem_printf(
		    "%.*s", (int)(walk->levels[from].path_size - start), (const char *)walk->path.data + start);
		struct walk_folder *parent = *out;

		*out = NULL;
		err = name ? walk_level_open(walk, parent->fd, name, walk->levels[from].place, out, error) : ERR_NOMEM;
		mem_free(name);
		walk_folder_drop(parent);
	}
	return err;
}

static bool is_level(const struct level *level, const struct walk_folder *folder)
{
	struct stat status;

	return folder && fstat(folder->fd, &status) == 0 && status.st_dev == level->device &&
	    status.st_ino == level->inode;
}

/* Opens the last level again, coming up from `below` (may be NULL). */
static enum err reopen(struct walk *walk, const struct walk_folder *below)
{
	size_t index = walk->depth - 1;
	struct level *level = &walk->levels[index];
	struct walk_folder *folder = NULL;
	enum err err = ERR_OK;
	int error = 0;

	if (below)
		err = walk_level_open(walk, below->fd, "..", level->place, &folder, &error);
	if (err == ERR_OK && !is_level(level, folder)) {
		walk_folder_drop(folder);
		folder = NULL;
		err = open_by_names(walk, index, &folder, &error);
	}
	level->closed = false;
	if (err != ERR_OK || is_level(level, folder)) {
		level->folder = folder;
		walk->open += folder != NULL;
		walk->first_open = walk->first_open < index ? walk->first_open : index;
		return err;
	}
	walk_folder_drop(folder);
	level->at = level->end;
	walk->path.length = level->path_size;
	return walk_report_errno(walk, error ? error : ENOENT);
}

enum err walk_level_pop(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];
	enum err err = ERR_OK;

	walk->open -= level->folder && !level->anchored;
	mem_free(level->names);
	if (walk->first_open > walk->depth)
		walk->first_open = walk->depth;
	if (walk->depth > 0 && walk->levels[walk->depth - 1].closed)
		err = reopen(walk, level->folder);
	walk_folder_drop(level->folder);
	return err;
}
