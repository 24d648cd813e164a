#include "core/source/walk_internal.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum role { ROLE_HIDDEN, ROLE_EXTRA, ROLE_ROOT };

struct point {
	char *stored;
	size_t size, order; /* order: that of the caller, among equal paths */
	enum role role;
	int base;
	int error;   /* why a root cannot be used; 0 otherwise */
	mode_t type; /* S_IFDIR and the like, and below: of a root that can be used */
	struct file_identity self;
	const char *typed;
	size_t above; /* of the points, the number + 1 of the nearest one that holds it; 0: none does */
	const struct walk_extra *extra;
};

/* Cleans a path by its text alone: "//", "." and "name/.." go, leading ".." are counted. NULL after PL_NO_MEMORY. */
static char *clean(const char *path, int *base)
{
	char *stored = mem_alloc(strlen(path) + 1);
	char *out = stored;

	if (!stored)
		return NULL;
	*base = path[0] == '/' ? PLAN_ABSOLUTE : 0;
	while (*path) {
		size_t size = strcspn(path, "/");

		if (size == 2 && path[0] == '.' && path[1] == '.') {
			if (out == stored && *base != PLAN_ABSOLUTE)
				++*base;
			while (out > stored && *--out != '/')
				;
		} else if (size > 0 && !(size == 1 && path[0] == '.')) {
			if (out > stored)
				*out++ = '/';
			memcpy(out, path, size);
			out += size;
		}
		path += size;
		path += *path == '/';
	}
	*out = '\0';
	return stored;
}

char *walk_stored_path(const char *root)
{
	int base;

	return clean(root, &base);
}

/* What is there: 0, or an errno. */
static int probe(int base, const char *stored, size_t size, struct stat *status)
{
	const char *slash = memrchr(stored, '/', size);
	const char *name = slash ? slash + 1 : stored;
	size_t above = slash ? (size_t)(slash - stored) : 0;
	int parent = walk_open_chain(base, (struct entry_bytes){(const uint8_t *)stored, above});
	int error = 0;

	if (parent < 0 || fstatat(parent, *name ? name : ".", status, AT_SYMLINK_NOFOLLOW) != 0)
		error = errno;
	if (parent >= 0)
		close(parent);
	return error;
}

static enum err root_failure(int error, const char *root)
{
	char *printable = output_printable(root, strlen(root));
	enum err err = ERR_NOMEM;

	errno = error;
	if (printable && (error == ENOENT || error == ENOTDIR))
		err = fail(PL_SOURCE_MISSING, "%s does not exist", *printable ? printable : "the empty path");
	else if (printable)
		err = fail_errno(PL_SOURCE_READ, "cannot read %s", printable);
	mem_free(printable);
	return err;
}

static enum err collect_roots(struct point *points, size_t *used, const char *const *roots, size_t count)
{
	struct stat status;

	for (size_t i = 0; i < count; i++) {
		struct point point = {.order = i, .role = ROLE_ROOT, .typed = roots[i]};

		point.stored = clean(roots[i], &point.base);
		if (!point.stored)
			return ERR_NOMEM;
		point.size = strlen(point.stored);
		point.error = *roots[i] ? probe(point.base, point.stored, point.size, &status) : ENOENT;
		if (point.error == 0) {
			point.type = status.st_mode & S_IFMT;
			point.self = (struct file_identity){status.st_dev, status.st_ino};
		}
		points[(*used)++] = point;
	}
	return ERR_OK;
}

/* Drops the roots that cannot be used. They are reported where something else is to be backed up, else the first is
 * the error. */
static enum err drop_unusable(struct point *points, size_t *used, const struct walk_options *options)
{
	size_t usable = 0, kept = 0;
	enum err err = ERR_OK;

	for (size_t i = 0; i < *used; i++)
		usable += points[i].error == 0 && points[i].role != ROLE_HIDDEN;
	for (size_t i = 0; i < *used; i++) {
		struct point *point = &points[i];

		if (point->error == 0) {
			points[kept++] = *point;
			continue;
		}
		if (err == ERR_OK) {
			err = root_failure(point->error, point->typed);
			if (usable > 0)
				err = walk_report(
				    options, (struct entry_bytes){(const uint8_t *)point->stored, point->size}, err);
		}
		mem_free(point->stored);
	}
	*used = kept;
	return err;
}

/* Whether a folder is a root, or lies in one. Takes the descriptor over. */
static bool is_taken(const struct point *points, size_t used, int fd)
{
	struct stat self, below = {0};
	bool taken = false;

	while (!taken && fd >= 0 && fstat(fd, &self) == 0 &&
	    (self.st_dev != below.st_dev || self.st_ino != below.st_ino)) {
		int above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		for (size_t i = 0; !taken && i < used; i++)
			taken = points[i].type == S_IFDIR && file_is_among(&self, &points[i].self, 1);
		below = self;
		close(fd);
		fd = above;
	}
	if (fd >= 0)
		close(fd);
	return taken;
}

/* A link is stored as a link. Where one is named as a root and leads to a folder, somebody may think that the folder is backed up. */
static enum err report_links(const struct point *points, size_t used, const struct walk_options *options)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < used; i++) {
		const struct entry_bytes path = {(const uint8_t *)points[i].stored, points[i].size};
		char *printable;
		int fd = points[i].type == S_IFLNK ? walk_open_chain(points[i].base, path) : -1;

		if (fd < 0 || is_taken(points, used, fd))
			continue;
		printable = output_printable(points[i].typed, strlen(points[i].typed));
		err = printable
		    ? walk_report(options, path,
			  fail(PL_SOURCE_LINK, "%s is a link to a folder, and what is in that folder is left out",
			      printable))
		    : ERR_NOMEM;
		mem_free(printable);
	}
	return err;
}

static enum err collect_others(struct point *points, size_t *used, const struct walk_options *options)
{
	int base;

	for (size_t i = 0; i < options->extras_count; i++) {
		const struct walk_extra *extra = &options->extras[i];
		struct point point = {
		    .order = i, .role = ROLE_EXTRA, .base = PLAN_NOWHERE, .typed = extra->typed, .extra = extra};
		char *typed = extra->typed ? clean(extra->typed, &base) : NULL;

		point.stored = clean(extra->path, &(int){0});
		if (!point.stored || (extra->typed && !typed)) {
			mem_free(typed);
			mem_free(point.stored);
			return ERR_NOMEM;
		}
		point.size = strlen(point.stored);
		if (typed && strcmp(typed, point.stored) == 0)
			point.base = base;
		mem_free(typed);
		points[(*used)++] = point;
		if (point.size == 0)
			return fail(PL_SOURCE_READ, "a source cannot be stored under the path \"%s\"", extra->path);
	}
	for (size_t i = 0; options->hidden && options->hidden[i]; i++) {
		struct point point = {.order = i, .role = ROLE_HIDDEN, .base = PLAN_NOWHERE};

		point.stored = clean(options->hidden[i], &base);
		if (!point.stored)
			return ERR_NOMEM;
		point.size = strlen(point.stored);
		points[(*used)++] = point;
	}
	return ERR_OK;
}

static int compare_points(const void *a, const void *b)
{
	const struct point *left = a, *right = b;
	int order = entry_compare((struct entry_bytes){(const uint8_t *)left->stored, left->size},
	    (struct entry_bytes){(const uint8_t *)right->stored, right->size});

	if (order == 0)
		order = (left->role > right->role) - (left->role < right->role);
	return order ? order : (left->order > right->order) - (left->order < right->order);
}

static bool is_within(const struct point *inner, const struct point *outer)
{
	return entry_within((struct entry_bytes){(const uint8_t *)inner->stored, inner->size},
	    (struct entry_bytes){(const uint8_t *)outer->stored, outer->size});
}

/* Whether `outer` has something of its own under the stored path of `inner`. */
static bool takes_the_place(const struct point *inner, const struct point *outer)
{
	struct stat one, other;

	return inner->base != outer->base && inner->base != PLAN_NOWHERE && outer->base != PLAN_NOWHERE &&
	    probe(outer->base, inner->stored, inner->size, &other) == 0 &&
	    (probe(inner->base, inner->stored, inner->size, &one) != 0 || one.st_dev != other.st_dev ||
		one.st_ino != other.st_ino);
}

static enum err report_collision(
    const struct point *inner, const struct point *outer, const struct walk_options *options)
{
	char *left_out = output_printable(inner->typed, strlen(inner->typed));
	char *kept = output_printable(outer->typed, strlen(outer->typed));
	enum err err = ERR_NOMEM;

	if (left_out && kept)
		err = walk_report(options, (struct entry_bytes){(const uint8_t *)inner->stored, inner->size},
		    fail(PL_SOURCE_COLLIDES, "%s is left out: %s has something else under the path of both", left_out,
			kept));
	mem_free(left_out);
	mem_free(kept);
	return err;
}

/* The number + 1 of the point that holds this one and has something else in its place; 0: none has. */
static size_t find_collision(const struct point *points, const struct point *point)
{
	size_t at = point->role == ROLE_HIDDEN ? 0 : point->above;

	while (at > 0 && (points[at - 1].role == ROLE_HIDDEN || !takes_the_place(point, &points[at - 1])))
		at = points[at - 1].above;
	return at;
}

/* "/data", "data" and "../data" are stored under one path, and only one of them can be. Points are in path order: those that hold the one at
 * hand stand before it. */
static enum err drop_collisions(struct point *points, size_t *used, const struct walk_options *options)
{
	size_t kept = 0, collision;
	enum err err = ERR_OK;

	for (size_t i = 0; i < *used; i++) {
		struct point point = points[i];

		point.above = kept;
		while (point.above > 0 && !is_within(&point, &points[point.above - 1]))
			point.above = points[point.above - 1].above;
		collision = err == ERR_OK ? find_collision(points, &point) : 0;
		if (collision > 0) {
			err = report_collision(&point, &points[collision - 1], options);
			mem_free(point.stored);
		} else {
			points[kept++] = point;
		}
	}
	*used = kept;
	return err;
}

static struct plan_node *node_new(struct plan_node **newest, const char *name, size_t size)
{
	struct plan_node *node = mem_calloc(1, sizeof(*node) + size + 1);

	if (!node)
		return NULL;
	node->base = PLAN_NOWHERE;
	node->size = size;
	memcpy(node->name, name, size);
	node->all = *newest;
	*newest = node;
	return node;
}

/* The child of that name. Points come in path order, so it is the last one or new. */
static struct plan_node *child_of(struct plan_node *parent, struct plan_node **newest, const char *name, size_t size)
{
	struct plan_node *child = parent->last;

	if (child && child->size == size && memcmp(child->name, name, size) == 0)
		return child;
	child = node_new(newest, name, size);
	if (!child)
		return NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->child = child;
	parent->last = child;
	return child;
}

static enum err add_point(
    struct plan_node *node, struct plan_node **newest, const struct point *point, const struct walk_options *options)
{
	const struct entry_bytes path = {(const uint8_t *)point->stored, point->size};
	size_t at = 0;

	for (;;) {
		size_t size = strcspn(point->stored + at, "/");

		if (node->base == PLAN_NOWHERE)
			node->base = point->base;
		if (at >= point->size)
			break;
		if (point->role != ROLE_HIDDEN)
			node->leads = true;
		node = child_of(node, newest, point->stored + at, size);
		if (!node)
			return ERR_NOMEM;
		at += size;
		at += point->stored[at] == '/';
	}
	if (point->role == ROLE_EXTRA && node->extra)
		return walk_report(
		    options, path, fail(PL_SOURCE_READ, "%s: two sources are stored under this path", point->stored));
	if (point->role == ROLE_EXTRA)
		node->extra = point->extra;
	node->root |= point->role == ROLE_ROOT;
	node->hidden |= point->role == ROLE_HIDDEN;
	return ERR_OK;
}

enum err walk_plan_new(struct plan_node **top, struct plan_node **newest, const char *const *roots, size_t count,
    const struct walk_options *options)
{
	struct point *points;
	size_t hidden = 0, used = 0;
	enum err err = ERR_NOMEM;

	while (options->hidden && options->hidden[hidden])
		hidden++;
	points = mem_calloc(count + options->extras_count + hidden, sizeof(*points));
	*top = node_new(newest, "", 0);
	if (!points || !*top)
		goto done;
	err = collect_roots(points, &used, roots, count);
	if (err == ERR_OK)
		err = collect_others(points, &used, options);
	if (err == ERR_OK)
		err = drop_unusable(points, &used, options);
	if (err == ERR_OK)
		err = report_links(points, used, options);
	if (err == ERR_OK)
		qsort(points, used, sizeof(*points), compare_points);
	if (err == ERR_OK)
		err = drop_collisions(points, &used, options);
	for (size_t i = 0; err == ERR_OK && i < used; i++)
		err = add_point(*top, newest, &points[i], options);
done:
	for (size_t i = 0; points && i < used; i++)
		mem_free(points[i].stored);
	mem_free(points);
	return err;
}

void walk_plan_free(struct plan_node *newest)
{
	while (newest) {
		struct plan_node *older = newest->all;

		mem_free(newest);
		newest = older;
	}
}
