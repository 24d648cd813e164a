/* What the machine remembers of the last run: the entry stream and the lists beside it. Without them, everything is read again. */
#include "core/backup/backup_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/repo/stream.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* A job is told by its name, an ad-hoc backup by what it backs up: the same words find the same last stream. */
static enum err stream_name(struct backup *backup, char hex[2 * HASH_SIZE + 1])
{
	const struct snapshot *snapshot = &backup->result->snapshot;
	struct buffer text = {0};
	uint8_t hash[HASH_SIZE];
	enum err err = buffer_append_text(&text, "%s%c%s", snapshot->host, 0, snapshot->job);

	for (size_t i = 0; err == ERR_OK && snapshot->job[0] == '\0' && i < snapshot->paths_count; i++)
		err = buffer_append(&text, snapshot->paths[i], strlen(snapshot->paths[i]) + 1);
	if (err == ERR_OK)
		err = sha256(text.data, text.length, hash);
	if (err == ERR_OK)
		hex_encode(hex, hash, sizeof(hash));
	buffer_free(&text);
	return err;
}

/* The last stream belongs to one backup at a time; a second one of the same job at the same time reads it, and leaves it as it is. */
static enum err lock_stream(struct backup *backup)
{
	char *path = mem_printf("%s.lock", backup->stream_path);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (path && backup->stream_lock < 0)
		backup->stream_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (path && backup->stream_lock < 0)
		err = fail_errno(PL_STREAM, "cannot open %s", path);
	if (err == ERR_OK && flock(backup->stream_lock, LOCK_EX | LOCK_NB) != 0) {
		close(backup->stream_lock);
		backup->stream_lock = -1;
	}
	mem_free(path);
	return err;
}

enum err last_run_open(struct backup *backup)
{
	char name[2 * HASH_SIZE + 1];
	char *folder = path_join(backup->repository->state_folder, "streams");
	char *lists = NULL;
	enum err err = folder ? file_make_folders(folder, 0700) : ERR_NOMEM;

	if (err == ERR_OK)
		err = stream_name(backup, name);
	if (err == ERR_OK) {
		backup->stream_path = path_join(folder, name);
		lists = mem_printf("%s/%s.lists", folder, name);
		if (!backup->stream_path || !lists)
			err = ERR_NOMEM;
	}
	if (err == ERR_OK)
		err = stream_reader_new(&backup->last_stream, backup->stream_path, backup->repository->keys);
	if (err == ERR_OK && backup->last_stream)
		memcpy(backup->result->snapshot.previous, stream_reader_snapshot(backup->last_stream), OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = lock_stream(backup);
	if (err == ERR_OK && backup->stream_lock >= 0)
		err = lists_new(&backup->lists, lists);
	if (err == ERR_OK && backup->stream_lock >= 0 && !backup->options->dry_run)
		err = stream_writer_new(&backup->stream, backup->stream_path, backup->repository->keys, clock_now());
	mem_free(lists);
	mem_free(folder);
	return err;
}

void last_run_close(struct backup *backup)
{
	stream_writer_free(backup->stream);
	stream_reader_free(backup->last_stream);
	lists_free(backup->lists);
	mem_free(backup->stream_path);
	backup->stream = NULL;
	backup->last_stream = NULL;
	backup->lists = NULL;
	backup->stream_path = NULL;
}

void last_run_commit(struct backup *backup)
{
	enum err err = ERR_OK;

	if (backup->stream)
		err = lists_commit(backup->lists);
	if (err == ERR_OK && backup->stream)
		err = stream_writer_commit(backup->stream, backup->result->snapshot.id);
	if (err != ERR_OK)
		output_failure_warning(failure_last());
	/* A dry run leaves the journals of interrupted runs to the run that needs them. */
	if (!backup->options->dry_run && index_end(backup->index) != ERR_OK)
		output_failure_warning(failure_last());
}

void last_run_unlock(struct backup *backup)
{
	if (backup->stream_lock >= 0)
		close(backup->stream_lock);
	backup->stream_lock = -1;
}
