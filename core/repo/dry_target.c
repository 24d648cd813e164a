#include "core/repo/dry_target.h"

#include "core/base/buffer.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/repo/object.h"

#include <pthread.h>

struct dry_object {
	struct dry_object *next;
	struct object_name name;
	uint64_t size;
	uint8_t hash[HASH_SIZE];
	uint8_t *bytes; /* of small objects, which are read back whole; NULL for packs */
};

struct dry_target {
	struct target base;
	struct target *real;
	pthread_mutex_t lock;
	struct dry_object *objects;
};

#define DRY_KEPT (16u << 20) /* bytes of an object that is kept to be read back: snapshots and markers, not packs */

static struct dry_object *find(struct dry_target *dry, const char *name)
{
	struct dry_object *object;

	pthread_mutex_lock(&dry->lock);
	for (object = dry->objects; object && strcmp(object->name.text, name) != 0; object = object->next)
		;
	pthread_mutex_unlock(&dry->lock);
	return object;
}

static enum err dry_put(struct target *target, const char *name, const void *bytes, size_t size)
{
	struct dry_target *dry = (struct dry_target *)target;
	struct dry_object *object = mem_calloc(1, sizeof(*object));
	enum err err;

	if (!object)
		return ERR_NOMEM;
	snprintf(object->name.text, sizeof(object->name.text), "%s", name);
	object->size = size;
	err = sha256(bytes, size, object->hash);
	if (err == ERR_OK && size <= DRY_KEPT && strncmp(name, "packs/", 6) != 0 &&
	    !(object->bytes = mem_copy(bytes, size)))
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		mem_free(object);
		return err;
	}
	pthread_mutex_lock(&dry->lock);
	object->next = dry->objects;
	dry->objects = object;
	pthread_mutex_unlock(&dry->lock);
	return ERR_OK;
}

static enum err dry_read(struct target *target, const char *name, uint64_t offset, void *out, size_t size)
{
	struct dry_target *dry = (struct dry_target *)target;
	struct dry_object *object = find(dry, name);

	if (!object || !object->bytes)
		return target_read(dry->real, name, offset, out, size);
	if (offset > object->size || size > object->size - offset)
		return fail(
		    PL_OBJECT_SHORT, "%s is shorter than %llu bytes", name, (unsigned long long)(offset + size));
	memcpy(out, object->bytes + offset, size);
	return ERR_OK;
}

static enum err dry_stat(struct target *target, const char *name, uint64_t *size, int64_t *changed)
{
	struct dry_target *dry = (struct dry_target *)target;
	struct dry_object *object = find(dry, name);

	if (!object)
		return target_stat(dry->real, name, size, changed);
	*size = object->size;
	*changed = clock_now();
	return ERR_OK;
}

static enum err dry_list(struct target *target, const char *prefix, target_visit visit, void *context)
{
	struct dry_target *dry = (struct dry_target *)target;
	enum err err = target_list(dry->real, prefix, visit, context);

	for (struct dry_object *object = dry->objects; err == ERR_OK && object; object = object->next) {
		struct target_object shown = {.name = object->name.text, .size = object->size, .changed = clock_now()};

		if (object_in_folder(object->name.text, prefix))
			err = visit(context, &shown);
	}
	return err;
}

static enum err dry_replace(
    struct target *target, const char *name, const uint8_t before[HASH_SIZE], const void *bytes, size_t size)
{
	(void)before;
	return dry_put(target, name, bytes, size);
}

static enum err dry_remove(struct target *target, const char *name)
{
	/* Only markers of this very run are removed while writing. */
	if (!find((struct dry_target *)target, name))
		return fail(PL_TARGET_DENIED, "a dry run does not remove %s", name);
	return ERR_OK;
}

static enum err dry_hash(struct target *target, const char *name, uint8_t out[HASH_SIZE], uint64_t *size)
{
	struct dry_target *dry = (struct dry_target *)target;
	struct dry_object *object = find(dry, name);

	if (!object)
		return target_hash(dry->real, name, out, size);
	memcpy(out, object->hash, HASH_SIZE);
	*size = object->size;
	return ERR_OK;
}

static enum err dry_space(struct target *target, struct target_space *out)
{
	return target_space(((struct dry_target *)target)->real, out);
}

static enum err dry_now(struct target *target, int64_t *out)
{
	return target_now(((struct dry_target *)target)->real, out);
}

static void dry_free(struct target *target)
{
	struct dry_target *dry = (struct dry_target *)target;

	while (dry->objects) {
		struct dry_object *next = dry->objects->next;

		mem_free(dry->objects->bytes);
		mem_free(dry->objects);
		dry->objects = next;
	}
	pthread_mutex_destroy(&dry->lock);
	mem_free(dry);
}

static const struct target_operations operations = {
    .put = dry_put,
    .replace = dry_replace,
    .read = dry_read,
    .stat = dry_stat,
    .list = dry_list,
    .remove = dry_remove,
    .hash = dry_hash,
    .space = dry_space,
    .now = dry_now,
    .free = dry_free,
};

enum err dry_target_new(struct target **out, struct target *real)
{
	struct dry_target *dry = mem_calloc(1, sizeof(*dry));

	*out = NULL;
	if (!dry)
		return ERR_NOMEM;
	dry->base.operations = &operations;
	dry->base.url = mem_string(real->url);
	dry->real = real;
	pthread_mutex_init(&dry->lock, NULL);
	if (!dry->base.url) {
		dry_free(&dry->base);
		return ERR_NOMEM;
	}
	*out = &dry->base;
	return ERR_OK;
}
