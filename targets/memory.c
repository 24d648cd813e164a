#include "core/base/clock.h"
#include "core/base/mem.h"
#include "targets/memory_internal.h"

struct memory_target *memory_of(struct target *target)
{
	return (struct memory_target *)target;
}

/* Position of a name, or where it belongs. The lock is held. */
static size_t position(const struct memory_target *memory, const char *name, bool *found)
{
	size_t low = 0, high = memory->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(memory->objects[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < memory->count && strcmp(memory->objects[low].name, name) == 0;
	return low;
}

struct object *memory_find(struct memory_target *memory, const char *name)
{
	bool found;
	size_t at = position(memory, name, &found);

	return found ? &memory->objects[at] : NULL;
}

static enum err missing(const char *name)
{
	return fail(PL_OBJECT_MISSING, "memory: has no %s", name);
}

/* Counts a call and says whether it fails now. The lock is held. */
static const struct fault *count_call(struct memory_target *memory, enum memory_operation operation)
{
	unsigned long call = ++memory->calls[operation];
	const struct fault *fault = &memory->faults[operation];

	return fault->at != 0 && (call == fault->at || (fault->lasting && call > fault->at)) ? fault : NULL;
}

static enum err injected(const struct fault *fault, const char *name)
{
	return fail(fault->id, "memory: %s: injected fault", name);
}

/* Opens an operation: takes the lock and gives the fault of this call, which may be NULL. */
static const struct fault *enter(struct memory_target *memory, enum memory_operation operation)
{
	pthread_mutex_lock(&memory->lock);
	return count_call(memory, operation);
}

/* Ends it: a late fault replaces success. */
static enum err leave(struct memory_target *memory, const struct fault *fault, const char *name, enum err err)
{
	if (err == ERR_OK && fault)
		err = injected(fault, name);
	pthread_mutex_unlock(&memory->lock);
	return err;
}

static bool early(const struct fault *fault)
{
	return fault && !fault->late;
}

static int64_t now_of(const struct memory_target *memory)
{
	return memory->now ? memory->now : clock_now();
}

static void release(struct object *object)
{
	mem_free(object->name);
	mem_free(object->bytes);
	*object = (struct object){0};
}

static enum err fill(const struct memory_target *memory, struct object *object, const void *bytes, size_t size)
{
	object->size = size;
	object->changed = now_of(memory);
	object->bytes = mem_copy(bytes, size);
	return object->bytes ? ERR_OK : ERR_NOMEM;
}

static enum err insert(struct memory_target *memory, const char *name, const void *bytes, size_t size)
{
	struct object object = {0};
	bool found;
	size_t at = position(memory, name, &found);
	enum err err;

	if (memory->count == memory->capacity) {
		size_t capacity = memory->capacity ? 2 * memory->capacity : 64;
		struct object *objects = mem_resize(memory->objects, capacity, sizeof(*objects));

		if (!objects)
			return ERR_NOMEM;
		memory->objects = objects;
		memory->capacity = capacity;
	}
	object.name = mem_string(name);
	err = object.name ? fill(memory, &object, bytes, size) : ERR_NOMEM;
	if (err != ERR_OK) {
		release(&object);
		return err;
	}
	memmove(memory->objects + at + 1, memory->objects + at, (memory->count - at) * sizeof(object));
	memory->objects[at] = object;
	memory->count++;
	memory->used += size;
	return ERR_OK;
}

void memory_drop(struct memory_target *memory, struct object *object)
{
	size_t at = (size_t)(object - memory->objects);

	memory->used -= object->size;
	release(object);
	memory->count--;
	memmove(object, object + 1, (memory->count - at) * sizeof(*object));
}

static enum err check_writable(const struct memory_target *memory, const char *name, size_t size)
{
	if (memory->read_only)
		return fail(PL_TARGET_DENIED, "memory: is read-only: %s", name);
	if (memory->total != 0 && (size > memory->total || memory->used > memory->total - size))
		return fail(PL_NO_SPACE, "memory: has no room for %s", name);
	return ERR_OK;
}

static enum err memory_put(struct target *target, const char *name, const void *bytes, size_t size)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_PUT);
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	if (memory_find(memory, name))
		err = fail(PL_OBJECT_EXISTS, "memory: has %s already", name);
	else
		err = check_writable(memory, name, size);
	if (err == ERR_OK)
		err = insert(memory, name, bytes, size);
done:
	return leave(memory, fault, name, err);
}

enum err memory_put_over(struct memory_target *memory, const char *name, const void *bytes, size_t size)
{
	struct object fresh = {0};
	struct object *object = memory_find(memory, name);
	enum err err;

	if (!object)
		return insert(memory, name, bytes, size);
	fresh.name = mem_string(name);
	err = fresh.name ? fill(memory, &fresh, bytes, size) : ERR_NOMEM;
	if (err != ERR_OK) {
		release(&fresh);
		return err;
	}
	memory->used += size - object->size;
	release(object);
	*object = fresh;
	return ERR_OK;
}

static enum err memory_replace(struct target *target, const char *name, const void *bytes, size_t size)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_REPLACE);
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	err = check_writable(memory, name, size);
	if (err == ERR_OK)
		err = memory_put_over(memory, name, bytes, size);
done:
	return leave(memory, fault, name, err);
}

static enum err memory_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_READ);
	const struct object *object;
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	object = memory_find(memory, name);
	if (!object)
		err = missing(name);
	else if (offset > object->size || size > object->size - offset)
		err = fail(PL_OBJECT_SHORT, "%s in memory: has %zu bytes, %zu at %llu were wanted", name, object->size,
		    size, (unsigned long long)offset);
	else if (size > 0)
		memcpy(out, object->bytes + offset, size);
done:
	return leave(memory, fault, name, err);
}

static enum err memory_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_STAT);
	const struct object *object;
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	object = memory_find(memory, name);
	if (!object) {
		err = missing(name);
		goto done;
	}
	*size = object->size;
	*changed = object->changed;
done:
	return leave(memory, fault, name, err);
}

struct shown {
	char *name;
	uint64_t size;
	int64_t changed;
};

/* The visitor may call the target, so it is called without the lock, over a copy of the list. */
static enum err collect(struct memory_target *memory, const char *prefix, struct shown **out, size_t *count)
{
	size_t length = strlen(prefix);

	*out = mem_calloc(memory->count + 1, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	for (size_t i = 0; i < memory->count; i++) {
		const struct object *object = &memory->objects[i];

		if (object->hidden || strncmp(object->name, prefix, length) != 0 ||
		    (length > 0 && object->name[length] != '/'))
			continue;
		(*out)[*count] =
		    (struct shown){.name = mem_string(object->name), .size = object->size, .changed = object->changed};
		if (!(*out)[*count].name)
			return ERR_NOMEM;
		(*count)++;
	}
	return ERR_OK;
}

static enum err memory_list(struct target *target, const char *prefix, target_visit visit, void *context)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_LIST);
	struct shown *shown = NULL;
	size_t count = 0;
	enum err err = ERR_OK;

	if (!early(fault))
		err = collect(memory, prefix, &shown, &count);
	err = leave(memory, early(fault) ? fault : NULL, prefix, err);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct target_object object = {
		    .name = shown[i].name, .size = shown[i].size, .changed = shown[i].changed};

		err = visit(context, &object);
	}
	/* A late fault of a listing: it breaks off behind its last object. */
	if (err == ERR_OK && fault && fault->late)
		err = injected(fault, prefix);
	for (size_t i = 0; i < count; i++)
		mem_free(shown[i].name);
	mem_free(shown);
	return err;
}

static enum err memory_remove(struct target *target, const char *name)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_REMOVE);
	struct object *object;
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	object = memory_find(memory, name);
	err = memory->read_only ? check_writable(memory, name, 0) : object ? ERR_OK : missing(name);
	if (err == ERR_OK)
		memory_drop(memory, object);
done:
	return leave(memory, fault, name, err);
}

static enum err memory_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_HASH);
	const struct object *object;
	enum err err = ERR_OK;

	if (early(fault))
		goto done;
	object = memory_find(memory, name);
	if (!object) {
		err = missing(name);
		goto done;
	}
	*size = object->size;
	err = sha256(object->bytes, object->size, out);
done:
	return leave(memory, fault, name, err);
}

static enum err memory_space(struct target *target, struct target_space *out)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_SPACE);

	*out = (struct target_space){.total = memory->total};
	if (memory->total > memory->used)
		out->available = memory->total - memory->used;
	return leave(memory, fault, "space", ERR_OK);
}

static enum err memory_now(struct target *target, int64_t *out)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = enter(memory, MEMORY_NOW);

	*out = now_of(memory);
	return leave(memory, fault, "clock", ERR_OK);
}

static void memory_free(struct target *target)
{
	struct memory_target *memory = memory_of(target);

	for (size_t i = 0; i < memory->count; i++)
		release(&memory->objects[i]);
	mem_free(memory->objects);
	pthread_mutex_destroy(&memory->lock);
	mem_free(memory);
}

enum err memory_target_new(struct target **out)
{
	static const struct target_operations operations = {.put = memory_put,
	    .replace = memory_replace,
	    .read = memory_read,
	    .stat = memory_stat,
	    .list = memory_list,
	    .remove = memory_remove,
	    .hash = memory_hash,
	    .space = memory_space,
	    .now = memory_now,
	    .free = memory_free};
	struct memory_target *memory = mem_calloc(1, sizeof(*memory));

	*out = NULL;
	if (!memory)
		return ERR_NOMEM;
	memory->base.operations = &operations;
	memory->base.url = mem_string("memory:");
	if (!memory->base.url) {
		mem_free(memory);
		return ERR_NOMEM;
	}
	pthread_mutex_init(&memory->lock, NULL);
	*out = &memory->base;
	return ERR_OK;
}
