/* What a backup takes, and how its snapshot describes itself. */
#include "core/backup/backup_internal.h"

#include "core/base/mem.h"

#include <unistd.h>

static enum err hide_journals(struct backup *backup, size_t at, const char *stored)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < 3; i++) {
		backup->hidden[at + i] = mem_printf("%s%s", stored, suffixes[i]);
		if (!backup->hidden[at + i])
			return ERR_NOMEM;
	}
	return ERR_OK;
}

enum err plan_extras(struct backup *backup)
{
	const struct backup_options *options = backup->options;
	size_t count = options->sqlite_count + options->streams_count;
	enum err err = ERR_OK;

	backup->extras = mem_calloc(count, sizeof(*backup->extras));
	backup->walk_extras = mem_calloc(count, sizeof(*backup->walk_extras));
	backup->hidden = mem_calloc(3 * options->sqlite_count + 1, sizeof(*backup->hidden));
	if (!backup->extras || !backup->walk_extras || !backup->hidden)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		struct extra *extra = &backup->extras[i];
		bool sqlite = i < options->sqlite_count;
		const struct stream_source *stream = sqlite ? NULL : &options->streams[i - options->sqlite_count];
		char *stored = walk_stored_path(sqlite ? options->sqlite[i].path : stream->path);

		if (!stored)
			return ERR_NOMEM;
		backup->walk_extras[i] = (struct walk_extra){
		    .path = stored, .typed = sqlite ? options->sqlite[i].path : NULL, .context = extra};
		backup->extras_count++;
		extra->stream = stream;
		if (sqlite) {
			extra->sqlite = options->sqlite[i].path;
			err = hide_journals(backup, 3 * i, stored);
		}
	}
	return err;
}

void plan_extras_unread(struct backup *backup)
{
	arena_reset(&backup->extra_entries);
	for (size_t i = 0; i < backup->extras_count; i++)
		backup->extras[i].entry = NULL;
}

enum err plan_snapshot(struct backup *backup)
{
	const struct backup_options *options = backup->options;
	struct snapshot *snapshot = &backup->result->snapshot;
	char host[256] = "localhost";
	enum err err = ERR_OK;

	gethostname(host, sizeof(host) - 1);
	snapshot->host = mem_string(options->host ? options->host : host);
	snapshot->job = mem_string(options->job ? options->job : "");
	snapshot->tool = mem_string("pulih " PULIH_VERSION);
	snapshot->started = backup->result->started;
	if (!snapshot->host || !snapshot->job || !snapshot->tool)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < options->paths_count; i++)
		err = snapshot_add_path(snapshot, options->paths[i]);
	for (size_t i = 0; err == ERR_OK && i < options->sqlite_count; i++)
		err = snapshot_add_path(snapshot, options->sqlite[i].path);
	for (size_t i = 0; err == ERR_OK && i < options->streams_count; i++)
		err = snapshot_add_path(snapshot, options->streams[i].path);
	for (size_t i = 0; err == ERR_OK && options->tags && options->tags[i]; i++)
		err = snapshot_add_tag(snapshot, options->tags[i]);
	return err;
}

void plan_free(struct backup *backup)
{
	for (size_t i = 0; i < backup->extras_count; i++)
		mem_free((char *)backup->walk_extras[i].path);
	for (size_t i = 0; backup->hidden && i < 3 * backup->options->sqlite_count; i++)
		mem_free(backup->hidden[i]);
	arena_free(&backup->extra_entries);
	mem_free(backup->hidden);
	mem_free(backup->extras);
	mem_free(backup->walk_extras);
}
