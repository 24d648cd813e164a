/* <path>: repeated chunk id (32), u32 size, u64 XXH3-64 of the bytes, bytes. Disposable: what cannot be found or is damaged makes its file be
 * read again, nothing worse. Written as <path>.new, renamed by lists_commit. Files of over 128 MiB have list chunks, so this is short. */
#include "core/backup/backup_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define LIST_HEAD (CHUNK_ID_SIZE + 4 + 8)

struct kept_list {
	uint8_t id[CHUNK_ID_SIZE];
	off_t offset; /* of the bytes */
	uint32_t size;
	uint64_t hash;
};

struct lists {
	char *path, *new_path;
	int old_fd, new_fd;
	struct kept_list *known;
	size_t count, capacity;
	size_t next; /* lists are asked for in the order in which they were kept */
	bool failed; /* the new file could not be written: lists_commit says so */
	struct failure failure;
};

static enum err remember(struct lists *lists, const struct kept_list *list)
{
	if (lists->count == lists->capacity) {
		size_t capacity = lists->capacity ? 2 * lists->capacity : 64;
		struct kept_list *known = mem_resize(lists->known, capacity, sizeof(*known));

		if (!known)
			return ERR_NOMEM;
		lists->known = known;
		lists->capacity = capacity;
	}
	lists->known[lists->count++] = *list;
	return ERR_OK;
}

static enum err read_heads(struct lists *lists)
{
	uint8_t head[LIST_HEAD];
	off_t at = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && file_pread_full(lists->old_fd, head, sizeof(head), at) == LIST_HEAD) {
		struct kept_list list = {
		    .offset = at + LIST_HEAD, .size = load_u32(head + 32), .hash = load_u64(head + 36)};

		if (list.size > CHUNK_MAX)
			break;
		memcpy(list.id, head, sizeof(list.id));
		err = remember(lists, &list);
		at = list.offset + (off_t)list.size;
	}
	return err;
}

enum err lists_new(struct lists **out, const char *path)
{
	struct lists *lists = mem_calloc(1, sizeof(*lists));
	enum err err = ERR_OK;

	*out = lists;
	if (!lists)
		return ERR_NOMEM;
	lists->new_fd = -1;
	lists->path = mem_string(path);
	lists->new_path = mem_printf("%s.new", path);
	lists->old_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!lists->path || !lists->new_path)
		err = ERR_NOMEM;
	if (err == ERR_OK && lists->old_fd >= 0)
		err = read_heads(lists);
	return err;
}

void lists_free(struct lists *lists)
{
	if (!lists)
		return;
	if (lists->old_fd >= 0)
		close(lists->old_fd);
	if (lists->new_fd >= 0) {
		close(lists->new_fd);
		unlink(lists->new_path);
	}
	mem_free(lists->known);
	mem_free(lists->path);
	mem_free(lists->new_path);
	mem_free(lists);
}

bool lists_find(struct lists *lists, const uint8_t id[CHUNK_ID_SIZE], struct buffer *out)
{
	for (size_t i = 0; i < lists->count; i++) {
		struct kept_list *list = &lists->known[(lists->next + i) % lists->count];

		if (memcmp(list->id, id, sizeof(list->id)) != 0)
			continue;
		lists->next = (lists->next + i + 1) % lists->count;
		buffer_clear(out);
		if (buffer_reserve(out, list->size) != ERR_OK ||
		    file_pread_full(lists->old_fd, out->data, list->size, list->offset) != (ssize_t)list->size ||
		    XXH3_64bits(out->data, list->size) != list->hash)
			return false;
		out->length = list->size;
		return true;
	}
	return false;
}

void lists_keep(struct lists *lists, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size)
{
	uint8_t head[LIST_HEAD];

	if (lists->failed)
		return;
	if (lists->new_fd < 0)
		lists->new_fd = open(lists->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	memcpy(head, id, CHUNK_ID_SIZE);
	store_u32(head + 32, (uint32_t)size);
	store_u64(head + 36, XXH3_64bits(bytes, size));
	if (lists->new_fd < 0 || file_write_all(lists->new_fd, head, sizeof(head)) != 0 ||
	    file_write_all(lists->new_fd, bytes, size) != 0) {
		fail_errno(PL_STREAM, "cannot write %s", lists->new_path);
		failure_take(&lists->failure);
		lists->failed = true;
	}
}

enum err lists_commit(struct lists *lists)
{
	if (lists->failed)
		return failure_put(&lists->failure);
	if (lists->new_fd < 0) {
		if (unlink(lists->path) != 0 && errno != ENOENT)
			return fail_errno(PL_STREAM, "cannot remove %s", lists->path);
		return ERR_OK;
	}
	if (rename(lists->new_path, lists->path) != 0)
		return fail_errno(PL_STREAM, "cannot rename to %s", lists->path);
	close(lists->new_fd);
	lists->new_fd = -1;
	return ERR_OK;
}
