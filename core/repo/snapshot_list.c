#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/object.h"
#include "core/repo/snapshot_internal.h"

#define PREFIX_MIN 4 /* digits of an id that a person must give */
#define LATEST "latest"

/* What a listing says of a snapshot. */
struct listed {
	uint8_t id[OBJECT_ID_SIZE];
	int64_t changed;
};

static enum err load(
    struct snapshot *out, struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE])
{
	struct object_name name = object_snapshot(id);
	struct buffer bytes = {0};
	enum err err = target_get(target, name.text, SNAPSHOT_MAX, &bytes);

	if (err == ERR_OK)
		err = snapshot_decode(out, keys, id, bytes.data, bytes.length);
	buffer_free(&bytes);
	return err;
}

enum err snapshot_load(
    struct snapshot *out, struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE])
{
	struct object_name name = object_snapshot(id);
	uint64_t size;
	int64_t arrived;
	enum err err;

	*out = (struct snapshot){0};
	err = target_stat(target, name.text, &size, &arrived);
	if (err == ERR_OK)
		err = load(out, target, keys, id);
	if (err == ERR_OK)
		out->arrived = arrived;
	return err;
}

/* Appends a struct listed to the buffer. */
static enum err gather(void *context, const struct target_object *object)
{
	struct listed listed = {.changed = object->changed};

	return object_id_of(object->name, listed.id) ? buffer_append(context, &listed, sizeof(listed)) : ERR_OK;
}

static int by_time(const void *a, const void *b)
{
	const struct snapshot *left = a, *right = b;

	if (left->started != right->started)
		return left->started < right->started ? -1 : 1;
	return memcmp(left->id, right->id, OBJECT_ID_SIZE);
}

/* Whether the listing goes on without this snapshot; counts and names it where it is damaged. */
static bool passes_over(enum err err, size_t *damaged)
{
	struct failure failure;

	/* Gone since it was listed, or nothing that this key is meant to read. */
	if (err == ERR_MISSING || (err == ERR_KEY && failure_last()->id == PL_KEY_DOMAIN)) {
		failure_clear();
		return true;
	}
	if (err != ERR_CORRUPT && err != ERR_UNSUPPORTED)
		return false;
	failure_take(&failure);
	output_failure_warning(&failure);
	(*damaged)++;
	return true;
}

static enum err load_listed(
    struct snapshot_list *out, struct target *target, const struct keys *keys, const struct buffer *listed)
{
	size_t count = listed->length / sizeof(struct listed);
	enum err err;

	out->items = mem_calloc(count, sizeof(*out->items));
	if (!out->items)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct listed one;

		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while the snapshots were read");
		memcpy(&one, listed->data + i * sizeof(one), sizeof(one));
		err = load(&out->items[out->count], target, keys, one.id);
		if (err == ERR_OK)
			out->items[out->count++].arrived = one.changed;
		else if (!passes_over(err, &out->damaged))
			return err;
	}
	qsort(out->items, out->count, sizeof(*out->items), by_time);
	return ERR_OK;
}

enum err snapshot_list_load(struct snapshot_list *out, struct target *target, const struct keys *keys)
{
	struct buffer listed = {0};
	enum err err;

	*out = (struct snapshot_list){0};
	err = target_list(target, "snapshots", gather, &listed);
	if (err == ERR_OK)
		err = load_listed(out, target, keys, &listed);
	if (err != ERR_OK)
		snapshot_list_free(out);
	buffer_free(&listed);
	return err;
}

void snapshot_list_free(struct snapshot_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		snapshot_free(&list->items[i]);
	mem_free(list->items);
	*list = (struct snapshot_list){0};
}

static bool starts_with(const struct snapshot *snapshot, const char *prefix)
{
	char hex[2 * OBJECT_ID_SIZE + 1];

	return strncmp(hex_encode(hex, snapshot->id, OBJECT_ID_SIZE), prefix, strlen(prefix)) == 0;
}

enum err snapshot_resolve(const struct snapshot_list *list, const char *spec, const struct snapshot_filter *filter,
    const struct snapshot **out)
{
	bool latest = strcmp(spec, LATEST) == 0;
	const struct snapshot *found = NULL;

	*out = NULL;
	if (!latest && strlen(spec) < PREFIX_MIN)
		return fail(PL_SNAPSHOT_AMBIGUOUS,
		    "\"%s\" is too short: at least %d digits of the id, or \"" LATEST "\"", spec, PREFIX_MIN);
	for (size_t i = 0; i < list->count; i++) {
		const struct snapshot *item = &list->items[i];

		if (!snapshot_matches(item, filter) || (!latest && !starts_with(item, spec)))
			continue;
		if (found && !latest)
			return fail(PL_SNAPSHOT_AMBIGUOUS, "more than one snapshot starts with %s", spec);
		found = item;
	}
	if (!found)
		return fail(PL_SNAPSHOT_MISSING,
		    latest ? "there is no snapshot that matches" : "no snapshot that matches starts with %s", spec);
	*out = found;
	return ERR_OK;
}
