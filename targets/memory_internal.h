/* Shared by memory.c (the operations) and memory_hooks.c (what tests do to it). */
#ifndef PULIH_TARGETS_MEMORY_INTERNAL_H
#define PULIH_TARGETS_MEMORY_INTERNAL_H

#include "core/repo/object.h"
#include "targets/memory.h"

#include <pthread.h>

struct object {
	char *name;
	uint8_t *bytes;
	size_t size;
	int64_t changed;
	bool hidden;
};

struct fault {
	unsigned long at; /* the call that fails, counted like `calls`; 0: none */
	enum message id;
	bool lasting, late;
};

struct memory_target {
	struct target base;
	pthread_mutex_t lock;
	struct object *objects; /* ascending by name */
	size_t count, capacity;
	unsigned long calls[MEMORY_OPERATIONS];
	struct fault faults[MEMORY_OPERATIONS];
	uint64_t used, total;
	int64_t now;
	bool read_only;
};

struct memory_target *memory_of(struct target *target);
/* NULL where it is not there; valid until an object comes or goes. The lock is held, or no other thread is there: so for all three. */
struct object *memory_find(struct memory_target *memory, const char *name);
enum err memory_put_over(struct memory_target *memory, const char *name, const void *bytes, size_t size);
void memory_drop(struct memory_target *memory, struct object *object);

#endif
