#include "core/repo/stream_internal.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#define WRITE_AT_ONCE (1u << 20) /* bytes gathered before they are written */

struct stream_writer {
	int fd;
	char *path, *new_path;
	uint8_t header[STREAM_HEADER];
	struct buffer pending;
	XXH3_state_t *hashes; /* over the nodes' hashes */
	struct failure failed;
};

static enum err open_new(struct stream_writer *writer, const char *path)
{
	writer->path = mem_string(path);
	writer->new_path = mem_printf("%s.new", path);
	if (!writer->path || !writer->new_path)
		return ERR_NOMEM;
	/* What an interrupted backup left goes first: O_EXCL then makes sure that nobody else's file or link is written to. */
	if (unlink(writer->new_path) != 0 && errno != ENOENT)
		return fail_errno(PL_STREAM, "cannot replace %s", writer->new_path);
	writer->fd = open(writer->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (writer->fd < 0)
		return fail_errno(PL_STREAM, "cannot create %s", writer->new_path);
	return ERR_OK;
}

static enum err append_header(struct stream_writer *writer, const struct keys *keys, int64_t started)
{
	uint8_t *header = writer->header;

	memcpy(header, STREAM_MAGIC, STREAM_VERSION_OFFSET);
	store_u16(header + STREAM_VERSION_OFFSET, STREAM_VERSION);
	memcpy(header + STREAM_REPOSITORY_OFFSET, keys->repository, REPOSITORY_ID_SIZE);
	memcpy(header + STREAM_DOMAIN_OFFSET, keys->domain.tag, DOMAIN_TAG_SIZE);
	store_u64(header + STREAM_STARTED_OFFSET, (uint64_t)started);
	return buffer_append(&writer->pending, header, STREAM_HEADER);
}

enum err stream_writer_new(struct stream_writer **out, const char *path, const struct keys *keys, int64_t started)
{
	struct stream_writer *writer = mem_calloc(1, sizeof(*writer));
	enum err err;

	*out = NULL;
	if (!writer)
		return ERR_NOMEM;
	writer->fd = -1;
	writer->hashes = XXH3_createState();
	err = writer->hashes ? open_new(writer, path) : fail(PL_NO_MEMORY, "no memory for a hash");
	if (err == ERR_OK)
		err = append_header(writer, keys, started);
	if (err != ERR_OK) {
		stream_writer_free(writer);
		return err;
	}
	XXH3_64bits_reset(writer->hashes);
	*out = writer;
	return ERR_OK;
}

void stream_writer_free(struct stream_writer *writer)
{
	if (!writer)
		return;
	if (writer->fd >= 0) {
		close(writer->fd);
		unlink(writer->new_path);
	}
	XXH3_freeState(writer->hashes);
	buffer_free(&writer->pending);
	mem_free(writer->path);
	mem_free(writer->new_path);
	mem_free(writer);
}

static enum err flush(struct stream_writer *writer)
{
	if (file_write_all(writer->fd, writer->pending.data, writer->pending.length) != 0)
		return fail_errno(PL_STREAM, "cannot write %s", writer->new_path);
	buffer_clear(&writer->pending);
	return ERR_OK;
}

/* Remembers the failure for commit. */
static enum err keep(struct stream_writer *writer, enum err err)
{
	if (err != ERR_OK)
		writer->failed = *failure_last();
	return err;
}

static enum err append_node(
    struct stream_writer *writer, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size)
{
	uint8_t header[STREAM_NODE_HEADER], *hash = header + 4;
	enum err err;

	store_u32(header, (uint32_t)size);
	store_u64(hash, XXH3_64bits(bytes, size));
	memcpy(header + 12, id, CHUNK_ID_SIZE);
	XXH3_64bits_update(writer->hashes, hash, 8);
	err = buffer_append(&writer->pending, header, sizeof(header));
	if (err == ERR_OK)
		err = buffer_append(&writer->pending, bytes, size);
	return err == ERR_OK && writer->pending.length >= WRITE_AT_ONCE ? flush(writer) : err;
}

enum err stream_writer_node(
    struct stream_writer *writer, const uint8_t id[CHUNK_ID_SIZE], const void *bytes, size_t size)
{
	if (writer->failed.kind != ERR_OK)
		return failure_put(&writer->failed);
	return keep(writer, append_node(writer, id, bytes, size));
}

static enum err finish(struct stream_writer *writer, const uint8_t snapshot[OBJECT_ID_SIZE])
{
	uint8_t trailer[STREAM_TRAILER] = {0};
	enum err err;

	store_u64(trailer + 4, XXH3_64bits_digest(writer->hashes));
	err = buffer_append(&writer->pending, trailer, sizeof(trailer));
	if (err == ERR_OK)
		err = flush(writer);
	if (err != ERR_OK)
		return err;
	/* Named last, and synced before it takes the old one's place: a power cut leaves the old stream or the whole new one. */
	memcpy(writer->header + STREAM_SNAPSHOT_OFFSET, snapshot, OBJECT_ID_SIZE);
	store_u64(writer->header + STREAM_HASH_OFFSET, XXH3_64bits(writer->header, STREAM_HASH_OFFSET));
	if (file_pwrite_all(writer->fd, writer->header, STREAM_HEADER, 0) != 0)
		return fail_errno(PL_STREAM, "cannot write %s", writer->new_path);
	if (fsync(writer->fd) != 0)
		return fail_errno(PL_STREAM, "cannot sync %s", writer->new_path);
	if (rename(writer->new_path, writer->path) != 0)
		return fail_errno(PL_STREAM, "cannot rename %s to %s", writer->new_path, writer->path);
	close(writer->fd);
	writer->fd = -1;
	return file_sync_folder_of(writer->path);
}

enum err stream_writer_commit(struct stream_writer *writer, const uint8_t snapshot[OBJECT_ID_SIZE])
{
	if (writer->failed.kind != ERR_OK)
		return failure_put(&writer->failed);
	return keep(writer, finish(writer, snapshot));
}
