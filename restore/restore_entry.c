#include "restore/restore_internal.h"

/* Copies `bytes` and a NUL behind them to *at, and moves it. */
static struct entry_bytes put(uint8_t **at, struct entry_bytes bytes)
{
	struct entry_bytes copy = {.data = *at, .size = bytes.size};

	if (bytes.size)
		memcpy(*at, bytes.data, bytes.size);
	(*at)[bytes.size] = 0;
	*at += bytes.size + 1;
	return copy;
}

struct restore_entry *restore_entry_copy(const struct entry *entry, struct entry_bytes relative)
{
	size_t size =
	    relative.size + entry->target.size + entry->xattrs.size + entry->segments.size + entry->content.size + 5;
	struct restore_entry *copy = mem_alloc(sizeof(*copy) + size);
	const uint8_t *slash;
	uint8_t *at;

	if (!copy)
		return NULL;
	at = copy->bytes;
	copy->entry = *entry;
	copy->entry.user = copy->entry.group = (struct entry_bytes){0};
	copy->entry.path = put(&at, relative);
	copy->entry.target = put(&at, entry->target);
	copy->entry.xattrs = put(&at, entry->xattrs);
	copy->entry.segments = put(&at, entry->segments);
	copy->entry.content = put(&at, entry->content);
	slash = relative.size ? memrchr(copy->bytes, '/', relative.size) : NULL;
	copy->name = (const char *)(slash ? slash + 1 : copy->bytes);
	copy->target = (const char *)copy->entry.target.data;
	return copy;
}
