#define PULIH_BASE_INTERNAL
#include "core/base/mem.h"
#include "core/base/error.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

static atomic_ulong calls;
static atomic_ulong fail_from;

#define MEM_MAX \
	((size_t)1 << 38) /* no single allocation of this program is near 256 GiB: a larger one is a wrong length */

#define ITEMS_FIRST 16 /* of an array that grows */

static int must_fail(size_t size)
{
	unsigned long n = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) + 1;
	unsigned long from = atomic_load_explicit(&fail_from, memory_order_relaxed);

	return size > MEM_MAX || (from != 0 && n >= from);
}

#define MEM_ARENAS 2 /* as many as processors of the machines this runs on; more only spread the same memory wider */
#define MEM_MAPPED \
	(256 * 1024) /* bytes from which a block is mapped; setting it keeps the C library from raising it to 32 MiB */

void mem_setup(void)
{
	mallopt(M_ARENA_MAX, MEM_ARENAS);
	mallopt(M_MMAP_THRESHOLD, MEM_MAPPED);
}

static void *checked(void *memory, size_t size)
{
	if (!memory)
		fail(PL_NO_MEMORY, "no memory for %zu bytes", size);
	return memory;
}

void *mem_alloc(size_t size)
{
	return checked(must_fail(size) ? NULL : malloc(size ? size : 1), size);
}

void *mem_calloc(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return checked(NULL, SIZE_MAX);
	return checked(must_fail(total) ? NULL : calloc(1, total ? total : 1), total);
}

void *mem_resize(void *old, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return checked(NULL, SIZE_MAX);
	return checked(must_fail(total) ? NULL : realloc(old, total ? total : 1), total);
}

void *mem_more(void *items, size_t count, size_t *capacity, size_t size)
{
	size_t larger = *capacity ? 2 * *capacity : ITEMS_FIRST;
	void *moved;

	if (count < *capacity)
		return items;
	moved = mem_resize(items, larger, size);
	if (moved)
		*capacity = larger;
	return moved;
}

void *mem_copy(const void *bytes, size_t size)
{
	void *copy = mem_alloc(size);

	if (copy && size)
		memcpy(copy, bytes, size);
	return copy;
}

char *mem_string(const char *text)
{
	return mem_copy(text, strlen(text) + 1);
}

char *mem_printf(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !(text = mem_alloc((size_t)length + 1)))
		return NULL;
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void mem_free(void *memory)
{
	free(memory);
}

void mem_fail_at(unsigned long n)
{
	atomic_store(&calls, 0);
	atomic_store(&fail_from, n);
}

unsigned long mem_count(void)
{
	return atomic_load(&calls);
}

void mem_trim(void)
{
	malloc_trim(0);
}
