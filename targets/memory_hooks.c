/* What tests do to a target in memory behind everybody's back. */
#include "core/base/mem.h"
#include "targets/memory_internal.h"

static void set_fault(struct target *target, enum memory_operation operation, unsigned long n, struct fault fault)
{
	struct memory_target *memory = memory_of(target);

	pthread_mutex_lock(&memory->lock);
	fault.at = n ? memory->calls[operation] + n : 0;
	memory->faults[operation] = fault;
	pthread_mutex_unlock(&memory->lock);
}

void memory_target_fail(
    struct target *target, enum memory_operation operation, unsigned long n, enum message id, bool lasting)
{
	set_fault(target, operation, n, (struct fault){.id = id, .lasting = lasting});
}

void memory_target_fail_late(struct target *target, enum memory_operation operation, unsigned long n, enum message id)
{
	set_fault(target, operation, n, (struct fault){.id = id, .late = true});
}

unsigned long memory_target_calls(struct target *target, enum memory_operation operation)
{
	return memory_of(target)->calls[operation];
}

bool memory_target_corrupt(struct target *target, const char *name, uint64_t offset, uint8_t mask)
{
	struct object *object = memory_find(memory_of(target), name);

	if (!object || offset >= object->size)
		return false;
	object->bytes[offset] ^= mask;
	return true;
}

bool memory_target_resize(struct target *target, const char *name, size_t size)
{
	struct memory_target *memory = memory_of(target);
	struct object *object = memory_find(memory, name);
	uint8_t *bytes = object ? mem_resize(object->bytes, size, 1) : NULL;

	if (!bytes)
		return false;
	if (size > object->size)
		memset(bytes + object->size, 0, size - object->size);
	memory->used += size - object->size;
	object->bytes = bytes;
	object->size = size;
	return true;
}

bool memory_target_plant(struct target *target, const char *name, const void *bytes, size_t size)
{
	return memory_put_over(memory_of(target), name, bytes, size) == ERR_OK;
}

bool memory_target_delete(struct target *target, const char *name)
{
	struct object *object = memory_find(memory_of(target), name);

	if (object)
		memory_drop(memory_of(target), object);
	return object != NULL;
}

bool memory_target_hide(struct target *target, const char *name, bool hidden)
{
	struct object *object = memory_find(memory_of(target), name);

	if (object)
		object->hidden = hidden;
	return object != NULL;
}

const uint8_t *memory_target_bytes(struct target *target, const char *name, size_t *size)
{
	const struct object *object = memory_find(memory_of(target), name);

	*size = object ? object->size : 0;
	return object ? object->bytes : NULL;
}

size_t memory_target_count(struct target *target, const char *start)
{
	const struct memory_target *memory = memory_of(target);
	size_t count = 0;

	for (size_t i = 0; i < memory->count; i++)
		count += strncmp(memory->objects[i].name, start, strlen(start)) == 0;
	return count;
}

void memory_target_set_now(struct target *target, int64_t now)
{
	memory_of(target)->now = now;
}

void memory_target_set_space(struct target *target, uint64_t total)
{
	memory_of(target)->total = total;
}

void memory_target_set_read_only(struct target *target, bool read_only)
{
	memory_of(target)->read_only = read_only;
}
