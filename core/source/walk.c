#include "core/source/walk_internal.h"
#include "core/base/buffer.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* One name in a folder, from its listing, the plan or both. */
struct candidate {
	const char *name;
	size_t size;
	const struct plan_node *node;
	bool listed;
	uint8_t type;		    /* DT_* */
	struct walk_folder *parent; /* borrowed from the level, or own where `fetched` */
	bool fetched;
};

static enum err set_name(struct walk *walk, size_t above, const char *name, size_t size)
{
	enum err err;

	walk->path.length = above;
	err = buffer_reserve(&walk->path, size + 1);
	if (err != ERR_OK)
		return err;
	if (above > 0)
		walk->path.data[walk->path.length++] = '/';
	memcpy(walk->path.data + walk->path.length, name, size);
	walk->path.length += size;
	return ERR_OK;
}

/* Takes the next name of the last level, which has one. */
static struct candidate take(struct level *level)
{
	const struct plan_node *node = level->plan;
	struct candidate next = {.parent = level->folder};
	int order = level->at == level->end ? 1 : -1;

	if (level->at != level->end) {
		next.name = (const char *)level->at + 1;
		next.size = strlen(next.name);
		if (node)
			order = strcmp(next.name, node->name);
	}
	if (order <= 0) {
		next.listed = true;
		next.type = *level->at;
		level->at += next.size + 2;
	}
	if (order >= 0) {
		next.node = node;
		next.name = node->name;
		next.size = node->size;
		next.type = next.listed ? next.type : DT_UNKNOWN;
		level->plan = node->next;
	}
	return next;
}

/* A root may begin elsewhere on disk than the folder that is stored above it ("/a" and, in another folder, "a/b"). */
static enum err find_parent(struct walk *walk, const struct level *level, struct candidate *candidate)
{
	int fd;

	if (candidate->listed || (level->folder && candidate->node->base == level->base) ||
	    candidate->node->base == PLAN_NOWHERE)
		return ERR_OK;
	candidate->parent = NULL;
	fd = walk_open_chain(candidate->node->base, (struct entry_bytes){walk->path.data, level->path_size});
	if (fd < 0)
		return ERR_OK;
	candidate->fetched = true;
	return walk_folder_new(&candidate->parent, fd);
}

/* Type of a name, from the disk where the listing does not say. DT_UNKNOWN and *error where it cannot be told. */
static void find_type(struct candidate *candidate, int *error)
{
	struct stat status;

	*error = 0;
	if (candidate->type != DT_UNKNOWN)
		return;
	if (!candidate->parent)
		*error = ENOENT;
	else if (fstatat(candidate->parent->fd, candidate->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		*error = errno;
	else
		candidate->type = (uint8_t)IFTODT(status.st_mode);
}

static bool too_large(const struct walk *walk, const struct candidate *candidate)
{
	struct stat status;

	return walk->options.exclude_larger > 0 && candidate->type == DT_REG &&
	    fstatat(candidate->parent->fd, candidate->name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)status.st_size > walk->options.exclude_larger;
}

static bool excluded(const struct walk *walk, const struct candidate *candidate)
{
	if (candidate->node && candidate->node->hidden)
		return true;
	if (candidate->node && candidate->node->root)
		return false;
	if (walk->options.exclude &&
	    exclude_match(walk->options.exclude, walk_path(walk), candidate->type == DT_DIR).excluded)
		return true;
	return too_large(walk, candidate);
}

static void expect(struct walk *walk, const struct candidate *candidate, int base)
{
	walk->entrance = (struct entrance){
	    .wanted = true,
	    .name = candidate->name,
	    .node = candidate->node,
	    .root = candidate->node && candidate->node->root,
	    .anchored = candidate->fetched,
	    .base = base,
	};
}

/* A folder above a root or an extra: found on disk following links, or made up where there is none. */
static enum err emit_ancestor(struct walk *walk, struct candidate *candidate, int base, struct walk_item *item)
{
	struct walk_folder *folder = NULL;
	enum err err = ERR_OK;
	int error = ENOENT;

	if (candidate->parent)
		err = walk_level_open(walk, candidate->parent->fd, candidate->name, true, &folder, &error);
	if (err == ERR_OK && !folder && error != ENOENT)
		err = walk_report_text(walk, "cannot be entered as a folder, but something is to be stored below it");
	if (err != ERR_OK) {
		walk_folder_drop(folder);
		return err;
	}
	expect(walk, candidate, base);
	walk->entrance.ancestor = true;
	walk->entrance.self = folder;
	*item = (struct walk_item){
	    .path = walk_path(walk), .folder = folder, .name = ".", .is_folder = true, .is_ancestor = true};
	return ERR_OK;
}

static enum err emit_extra(struct walk *walk, const struct candidate *candidate, struct walk_item *item)
{
	*item = (struct walk_item){.path = walk_path(walk), .name = candidate->name, .extra = candidate->node->extra};
	if (!candidate->node->leads)
		return ERR_OK;
	return walk_report_text(walk, "is stored as a file, so that what was to be stored below it is left out");
}

/* A folder is opened before it is emitted, and described through its own descriptor: so what is said of it and what is found in it are
 * those of one folder, even where it is exchanged for something else meanwhile. */
static enum err emit_file(struct walk *walk, const struct candidate *candidate, int base, struct walk_item *item)
{
	struct walk_folder *folder = NULL;
	enum err err = ERR_OK;

	*item = (struct walk_item){.path = walk_path(walk),
	    .folder = candidate->parent,
	    .name = candidate->name,
	    .is_folder = candidate->type == DT_DIR};
	if (item->is_folder) {
		expect(walk, candidate, base);
		err = walk_level_open(
		    walk, candidate->parent->fd, candidate->name, false, &folder, &walk->entrance.error);
	}
	if (folder) {
		walk->entrance.self = folder;
		item->folder = folder;
		item->name = ".";
	} else if (item->is_folder || candidate->fetched) {
		walk->entrance.parent = candidate->parent;
		walk_folder_keep(candidate->parent);
	}
	return err;
}

/* Emits a candidate whose parent is known, or drops it. */
static enum err decide(struct walk *walk, struct candidate *candidate, int base, struct walk_item *item, bool *emitted)
{
	const struct plan_node *node = candidate->node;
	bool leads = node && node->leads;
	enum err err = ERR_OK;
	bool skip;
	int error;

	find_type(candidate, &error);
	/* Listed is what is in a walked folder; what only the plan knows is a root, leads to one, or is nothing. */
	skip = !candidate->listed && !node->root;
	if (error == 0)
		skip = skip || excluded(walk, candidate);
	else if (!skip)
		err = walk_report_errno(walk, error);
	if (err != ERR_OK || (error != 0 && !leads))
		return err;
	if (leads && (skip || candidate->type != DT_DIR)) {
		*emitted = true;
		return emit_ancestor(walk, candidate, base, item);
	}
	if (!skip) {
		*emitted = true;
		return emit_file(walk, candidate, base, item);
	}
	return ERR_OK;
}

/* One name further in the last level, or up from it. */
static enum err step(struct walk *walk, struct walk_item *item, bool *emitted)
{
	struct level *level = &walk->levels[walk->depth - 1];
	struct candidate candidate;
	int base = level->base;
	enum err err;

	if (level->at == level->end && !level->plan)
		return walk_level_pop(walk);
	candidate = take(level);
	err = set_name(walk, level->path_size, candidate.name, candidate.size);
	if (err != ERR_OK)
		return err;
	if (candidate.node && candidate.node->extra) {
		*emitted = true;
		return emit_extra(walk, &candidate, item);
	}
	err = find_parent(walk, level, &candidate);
	if (err == ERR_OK) {
		if (candidate.fetched)
			base = candidate.node->base;
		err = decide(walk, &candidate, base, item, emitted);
	}
	if (candidate.fetched)
		walk_folder_drop(candidate.parent);
	return err;
}

/* The folder of the empty path: a root of its own ("/", "."), or the place where the other roots begin. */
static enum err begin(struct walk *walk, struct walk_item *item, bool *emitted)
{
	const struct plan_node *top = walk->top;
	struct walk_folder *folder = NULL;
	enum err err = ERR_OK;
	int fd = -1, error = 0;

	if (top->base != PLAN_NOWHERE) {
		fd = walk_open_chain(top->base, (struct entry_bytes){0});
		if (fd < 0)
			err = walk_report_errno(walk, errno);
		else
			err = walk_folder_new(&folder, fd);
	}
	if (err == ERR_OK && top->root && folder) {
		struct walk_folder *place = folder;

		err = walk_level_open(walk, place->fd, ".", false, &folder, &error);
		*emitted = err == ERR_OK;
		/* Not readable: it is emitted for its metadata, and reported when it is entered. */
		if (err == ERR_OK && !folder) {
			folder = place;
			walk_folder_keep(place);
			err = walk_report_errno(walk, error);
		}
		walk_folder_drop(place);
		*item = (struct walk_item){.path = walk_path(walk), .folder = folder, .name = ".", .is_folder = true};
	}
	if (err != ERR_OK) {
		walk_folder_drop(folder);
		return err;
	}
	walk->entrance = (struct entrance){.wanted = true,
	    .ancestor = !*emitted || error,
	    .anchored = true,
	    .root = true,
	    .self = folder,
	    .node = top,
	    .base = top->base};
	return ERR_OK;
}

enum err walk_new(struct walk **out, const char *const *roots, size_t count, const struct walk_options *options)
{
	struct walk *walk = mem_calloc(1, sizeof(*walk));
	enum err err = ERR_NOMEM;

	if (!walk)
		goto done;
	walk->options = *options;
	err = buffer_reserve(&walk->path, 1);
	if (err == ERR_OK)
		err = walk_list_check_tags(options);
	if (err == ERR_OK)
		err = walk_plan_new(&walk->top, &walk->newest, roots, count, options);
	if (err != ERR_OK)
		goto done;
	*out = walk;
	walk = NULL;
done:
	walk_free(walk);
	return err;
}

enum err walk_next(struct walk *walk, struct walk_item *item, bool *more)
{
	enum err err = ERR_OK;

	*more = false;
	if (walk->top) {
		err = begin(walk, item, more);
		walk->top = NULL;
	}
	if (!*more && err == ERR_OK && walk->entrance.wanted)
		err = walk_level_enter(walk);
	else if (!*more)
		walk_level_leave(walk);
	while (err == ERR_OK && !*more && walk->depth > 0)
		err = step(walk, item, more);
	return err;
}

void walk_free(struct walk *walk)
{
	if (!walk)
		return;
	walk_level_leave(walk);
	for (size_t i = 0; i < walk->depth; i++) {
		walk_folder_drop(walk->levels[i].folder);
		mem_free(walk->levels[i].names);
	}
	mem_free(walk->levels);
	buffer_free(&walk->path);
	walk_list_free(&walk->listing);
	walk_plan_free(walk->newest);
	mem_free(walk);
}
