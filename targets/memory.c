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

static enum err find(struct memory_target *memory, const char *name, struct object **out)
{
	*out = memory_find(memory, name);
	return *out ? ERR_OK : fail(PL_OBJECT_MISSING, "memory: has no %s", name);
}

/* ---- calls, and the faults that are asked for ---- */

struct call {
	struct memory_target *memory;
	const char *name;
	const struct fault *late; /* what to say once it is done; NULL: the truth */
};

static enum err injected(const struct fault *fault, const char *name)
{
	return fail(fault->id, "memory: %s: injected fault", name);
}

/* Counts the call and takes the lock, which end() gives back; the fault of a call that must not be done. */
static enum err start(struct call *call, struct target *target, enum memory_operation operation, const char *name)
{
	struct memory_target *memory = memory_of(target);
	const struct fault *fault = &memory->faults[operation];
	unsigned long number;
	bool fails;

	*call = (struct call){.memory = memory, .name = name};
	pthread_mutex_lock(&memory->lock);
	number = ++memory->calls[operation];
	fails = fault->at != 0 && (number == fault->at || (fault->lasting && number > fault->at));
	if (fails && !fault->late)
		return injected(fault, name);
	call->late = fails ? fault : NULL;
	return ERR_OK;
}

static enum err end(const struct call *call, enum err err)
{
	if (err == ERR_OK && call->late)
		err = injected(call->late, call->name);
	pthread_mutex_unlock(&call->memory->lock);
	return err;
}

/* ---- objects ---- */

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

static enum err make(
    const struct memory_target *memory, const char *name, const void *bytes, size_t size, struct object *out)
{
	*out = (struct object){
	    .name = mem_string(name), .bytes = mem_copy(bytes, size), .size = size, .changed = now_of(memory)};
	if (out->name && out->bytes)
		return ERR_OK;
	release(out);
	return ERR_NOMEM;
}

static enum err insert(struct memory_target *memory, const char *name, const void *bytes, size_t size)
{
	struct object *objects = mem_more(memory->objects, memory->count, &memory->capacity, sizeof(*objects));
	struct object object;
	bool found;
	size_t at;
	enum err err;

	if (!objects)
		return ERR_NOMEM;
	memory->objects = objects;
	err = make(memory, name, bytes, size, &object);
	if (err != ERR_OK)
		return err;
	at = position(memory, name, &found);
	memmove(objects + at + 1, objects + at, (memory->count - at) * sizeof(object));
	objects[at] = object;
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

enum err memory_put_over(struct memory_target *memory, const char *name, const void *bytes, size_t size)
{
	struct object fresh, *object = memory_find(memory, name);
	enum err err;

	if (!object)
		return insert(memory, name, bytes, size);
	err = make(memory, name, bytes, size, &fresh);
	if (err != ERR_OK)
		return err;
	memory->used += size - object->size;
	release(object);
	*object = fresh;
	return ERR_OK;
}

/* ---- operations ---- */

static enum err check_allowed(const struct memory_target *memory, const char *name)
{
	return memory->read_only ? fail(PL_TARGET_DENIED, "memory: is read-only: %s", name) : ERR_OK;
}

static enum err check_room(const struct memory_target *memory, const char *name, size_t size)
{
	enum err err = check_allowed(memory, name);

	if (err == ERR_OK && memory->total != 0 && (size > memory->total || memory->used > memory->total - size))
		err = fail(PL_NO_SPACE, "memory: has no room for %s", name);
	return err;
}

static enum err memory_put(struct target *target, const char *name, const void *bytes, size_t size)
{
	struct call call;
	enum err err = start(&call, target, MEMORY_PUT, name);

	if (err == ERR_OK && memory_find(call.memory, name))
		err = fail(PL_OBJECT_EXISTS, "memory: has %s already", name);
	if (err == ERR_OK)
		err = check_room(call.memory, name, size);
	if (err == ERR_OK)
		err = insert(call.memory, name, bytes, size);
	return end(&call, err);
}

static enum err check_before(const struct object *object, const char *name, const uint8_t before[HASH_SIZE])
{
	uint8_t hash[HASH_SIZE] = {0};
	enum err err = object ? sha256(object->bytes, object->size, hash) : ERR_OK;

	if (err == ERR_OK && (!object || memcmp(hash, before, sizeof(hash)) != 0))
		err = fail(PL_CONFIG_CHANGED, "%s in memory: changed while it was replaced", name);
	return err;
}

static enum err memory_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size)
{
	struct call call;
	enum err err = start(&call, target, MEMORY_REPLACE, name);

	if (err == ERR_OK)
		err = check_room(call.memory, name, size);
	if (err == ERR_OK && before)
		err = check_before(memory_find(call.memory, name), name, before);
	if (err == ERR_OK)
		err = memory_put_over(call.memory, name, bytes, size);
	return end(&call, err);
}

static enum err memory_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size)
{
	struct object *object = NULL;
	struct call call;
	enum err err = start(&call, target, MEMORY_READ, name);

	if (err == ERR_OK)
		err = find(call.memory, name, &object);
	if (err == ERR_OK && (offset > object->size || size > object->size - offset))
		err = fail(PL_OBJECT_SHORT, "%s in memory: has %zu bytes, %zu at %llu were wanted", name, object->size,
		    size, (unsigned long long)offset);
	else if (err == ERR_OK && size > 0)
		memcpy(out, object->bytes + offset, size);
	return end(&call, err);
}

static enum err memory_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed)
{
	struct object *object = NULL;
	struct call call;
	enum err err = start(&call, target, MEMORY_STAT, name);

	if (err == ERR_OK)
		err = find(call.memory, name, &object);
	if (err == ERR_OK) {
		*size = object->size;
		*changed = object->changed;
	}
	return end(&call, err);
}

struct shown {
	char *name;
	uint64_t size;
	int64_t changed;
};

/* The visitor may call the target, so it is called without the lock, over a copy of the list. */
static enum err collect(struct memory_target *memory, const char *prefix, struct shown **out, size_t *count)
{
	*out = mem_calloc(memory->count + 1, sizeof(**out));
	if (!*out)
		return ERR_NOMEM;
	for (size_t i = 0; i < memory->count; i++) {
		const struct object *object = &memory->objects[i];

		if (object->hidden || !object_in_folder(object->name, prefix))
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
	struct shown *shown = NULL;
	size_t count = 0;
	struct call call;
	enum err err = start(&call, target, MEMORY_LIST, prefix);
	const struct fault *late = call.late;

	if (err == ERR_OK)
		err = collect(call.memory, prefix, &shown, &count);
	call.late = NULL;
	err = end(&call, err);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct target_object object = {
		    .name = shown[i].name, .size = shown[i].size, .changed = shown[i].changed};

		err = visit(context, &object);
	}
	/* A late fault of a listing: it breaks off behind its last object. */
	if (err == ERR_OK && late)
		err = injected(late, prefix);
	for (size_t i = 0; i < count; i++)
		mem_free(shown[i].name);
	mem_free(shown);
	return err;
}

static enum err memory_remove(struct target *target, const char *name)
{
	struct object *object = NULL;
	struct call call;
	enum err err = start(&call, target, MEMORY_REMOVE, name);

	if (err == ERR_OK)
		err = check_allowed(call.memory, name);
	if (err == ERR_OK)
		err = find(call.memory, name, &object);
	if (err == ERR_OK)
		memory_drop(call.memory, object);
	return end(&call, err);
}

static enum err memory_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size)
{
	struct object *object = NULL;
	struct call call;
	enum err err = start(&call, target, MEMORY_HASH, name);

	if (err == ERR_OK)
		err = find(call.memory, name, &object);
	if (err == ERR_OK) {
		*size = object->size;
		err = sha256(object->bytes, object->size, out);
	}
	return end(&call, err);
}

static enum err memory_space(struct target *target, struct target_space *out)
{
	struct call call;
	enum err err = start(&call, target, MEMORY_SPACE, "space");

	*out = (struct target_space){.total = call.memory->total};
	if (call.memory->total > call.memory->used)
		out->available = call.memory->total - call.memory->used;
	return end(&call, err);
}

static enum err memory_now(struct target *target, int64_t *out)
{
	struct call call;
	enum err err = start(&call, target, MEMORY_NOW, "clock");

	*out = now_of(call.memory);
	return end(&call, err);
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
