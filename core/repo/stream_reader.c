#include "core/repo/stream_internal.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define WINDOW (2u << 20) /* bytes read at once; holds the largest node with its header */
_Static_assert(WINDOW >= TREE_NODE_LIMIT + STREAM_NODE_HEADER, "a node must fit the window");

struct stream_reader {
	int fd;
	uint8_t snapshot[OBJECT_ID_SIZE];
	int64_t started;
	uint8_t *window;
	size_t at, filled; /* of the window: read so far, there */
	XXH3_state_t *hashes;
	struct cursor node; /* in the window */
	struct entry_state state;
	struct buffer last; /* path of the last entry of the node before */
	bool has_last;
	struct entry entry;
	bool ended, damaged;
};

void stream_reader_free(struct stream_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	XXH3_freeState(reader->hashes);
	mem_free(reader->window);
	entry_state_free(&reader->state);
	buffer_free(&reader->last);
	mem_free(reader);
}

const uint8_t *stream_reader_snapshot(const struct stream_reader *reader)
{
	return reader->snapshot;
}

int64_t stream_reader_started(const struct stream_reader *reader)
{
	return reader->started;
}

/* Makes `size` bytes stand at window + at; false where the file ends before, or cannot be read. */
static bool want(struct stream_reader *reader, size_t size)
{
	ssize_t got;

	if (reader->filled - reader->at >= size)
		return true;
	memmove(reader->window, reader->window + reader->at, reader->filled - reader->at);
	reader->filled -= reader->at;
	reader->at = 0;
	got = file_read_full(reader->fd, reader->window + reader->filled, WINDOW - reader->filled);
	if (got > 0)
		reader->filled += (size_t)got;
	return reader->filled >= size;
}

static bool header_usable(struct stream_reader *reader, const struct keys *keys)
{
	static const uint8_t none[OBJECT_ID_SIZE];
	const uint8_t *header = reader->window;

	if (!want(reader, STREAM_HEADER))
		return false;
	memcpy(reader->snapshot, header + STREAM_SNAPSHOT_OFFSET, OBJECT_ID_SIZE);
	reader->started = (int64_t)load_u64(header + STREAM_STARTED_OFFSET);
	reader->at = STREAM_HEADER;
	for (size_t i = STREAM_VERSION_OFFSET + 2; i < STREAM_REPOSITORY_OFFSET; i++)
		if (header[i] != 0)
			return false;
	return memcmp(header, STREAM_MAGIC, STREAM_VERSION_OFFSET) == 0 &&
	    load_u16(header + STREAM_VERSION_OFFSET) == STREAM_VERSION &&
	    memcmp(header + STREAM_REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE) == 0 &&
	    memcmp(header + STREAM_DOMAIN_OFFSET, keys->domain.tag, DOMAIN_TAG_SIZE) == 0 &&
	    memcmp(reader->snapshot, none, OBJECT_ID_SIZE) != 0 &&
	    load_u64(header + STREAM_HASH_OFFSET) == XXH3_64bits(header, STREAM_HASH_OFFSET);
}

enum err stream_reader_new(struct stream_reader **out, const char *path, const struct keys *keys)
{
	struct stream_reader *reader = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (fd < 0)
		return ERR_OK;
	reader = mem_calloc(1, sizeof(*reader));
	if (!reader) {
		close(fd);
		return ERR_NOMEM;
	}
	reader->fd = fd;
	reader->window = mem_alloc(WINDOW);
	if (!reader->window)
		goto done;
	reader->hashes = XXH3_createState();
	if (!reader->hashes) {
		err = fail(PL_NO_MEMORY, "no memory for a hash");
		goto done;
	}
	XXH3_64bits_reset(reader->hashes);
	err = ERR_OK;
	if (!header_usable(reader, keys))
		goto done;
	*out = reader;
	reader = NULL;
done:
	stream_reader_free(reader);
	return err;
}

/* Places the cursor on the next node; false where it is damaged. *ended where the stream is whole and read. */
static bool next_node(struct stream_reader *reader)
{
	const uint8_t *header;
	size_t size;

	if (!want(reader, STREAM_TRAILER))
		return false;
	header = reader->window + reader->at;
	size = load_u32(header);
	if (size == 0) {
		reader->ended = load_u64(header + 4) == XXH3_64bits_digest(reader->hashes);
		return reader->ended;
	}
	if (size > TREE_NODE_LIMIT || !want(reader, STREAM_NODE_HEADER + size))
		return false;
	header = reader->window + reader->at;
	if (XXH3_64bits(header + STREAM_NODE_HEADER, size) != load_u64(header + 4) ||
	    tree_node_check(header + STREAM_NODE_HEADER, size, 0) != ERR_OK)
		return false;
	XXH3_64bits_update(reader->hashes, header + 4, 8);
	reader->at += STREAM_NODE_HEADER + size;
	reader->node = cursor_of(header + STREAM_NODE_HEADER + TREE_NODE_HEADER, size - TREE_NODE_HEADER);
	if (reader->state.any) {
		buffer_swap(&reader->last, &reader->state.path);
		reader->has_last = true;
	}
	entry_state_reset(&reader->state);
	return true;
}

static enum err damage(struct stream_reader *reader)
{
	reader->damaged = true;
	failure_clear();
	return ERR_OK;
}

enum err stream_reader_next(struct stream_reader *reader, const struct entry **entry, bool *damaged)
{
	bool first = !reader->state.any;
	enum err err;

	*entry = NULL;
	while (!reader->damaged && !reader->ended && cursor_left(&reader->node) == 0) {
		if (!next_node(reader))
			damage(reader);
		first = true;
	}
	*damaged = reader->damaged;
	if (reader->damaged || reader->ended)
		return ERR_OK;
	err = entry_decode(&reader->state, &reader->node, &reader->entry);
	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK ||
	    (first && reader->has_last &&
		entry_compare((struct entry_bytes){reader->last.data, reader->last.length}, reader->entry.path) >= 0)) {
		*damaged = true;
		return damage(reader);
	}
	*entry = &reader->entry;
	return ERR_OK;
}
