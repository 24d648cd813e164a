#include "core/backup/backup_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/chunk/frame.h"
#include "core/repo/dry_target.h"
#include "core/repo/generation.h"
#include "core/repo/session.h"
#include "core/repo/stream.h"
#include "core/repo/tree.h"
#include "core/source/sqlite.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define BACKUP_PASSES 5u /* over the source, when a collector condemns what was relied on; then somebody collects against us */

/* ---- failures and problems, from any thread ---- */

enum err backup_stop(struct backup *backup)
{
	enum err err;

	pthread_mutex_lock(&backup->lock);
	if (backup->failure.kind == ERR_OK)
		backup->failure = *failure_last();
	err = backup->failure.kind;
	atomic_store(&backup->stop, true);
	pthread_cond_broadcast(&backup->room);
	pthread_cond_broadcast(&backup->ready);
	pthread_mutex_unlock(&backup->lock);
	return err;
}

bool backup_stopped(struct backup *backup)
{
	if (interrupt_requested() && !atomic_load(&backup->stop)) {
		fail(PL_INTERRUPTED, "interrupted");
		backup_stop(backup);
	}
	return atomic_load(&backup->stop);
}

void backup_problem(struct backup *backup, enum backup_problem_kind kind, struct entry_bytes path, enum message message,
    const char *reason)
{
	struct backup_problem problem = {.kind = kind, .path = path, .message = message, .reason = reason};
	struct snapshot *snapshot = &backup->result->snapshot;

	pthread_mutex_lock(&backup->lock);
	snapshot->partial = true;
	if (kind == BACKUP_UNREADABLE)
		snapshot->totals.unreadable++;
	else if (kind == BACKUP_CHANGED_WHILE_READ)
		snapshot->totals.changed_while_read++;
	else
		snapshot->totals.vanished++;
	if (backup->options->on_problem)
		backup->options->on_problem(backup->options->context, &problem);
	pthread_mutex_unlock(&backup->lock);
}

enum err backup_database_add(struct backup *backup, const char *path, const struct sqlite_copy *copy)
{
	struct backup_result *result = backup->result;
	struct backup_database *databases;
	char *name = mem_string(path);

	if (!name)
		return ERR_NOMEM;
	pthread_mutex_lock(&backup->lock);
	databases = mem_resize(result->databases, result->databases_count + 1, sizeof(*databases));
	if (databases) {
		struct backup_database *added = &databases[result->databases_count++];

		*added = (struct backup_database){.path = name, .size = copy->size, .tables = copy->tables, .rows = copy->rows};
		memcpy(added->version, copy->version, sizeof(added->version));
		memcpy(added->consistency, copy->consistency, sizeof(added->consistency));
		result->databases = databases;
	}
	pthread_mutex_unlock(&backup->lock);
	if (!databases)
		mem_free(name);
	return databases ? ERR_OK : ERR_NOMEM;
}

void backup_result_free(struct backup_result *result)
{
	snapshot_free(&result->snapshot);
	for (size_t i = 0; i < result->databases_count; i++)
		mem_free(result->databases[i].path);
	mem_free(result->databases);
	*result = (struct backup_result){0};
}

/* ---- what is to be backed up ---- */

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

static enum err prepare_extras(struct backup *backup)
{
	const struct backup_options *options = backup->options;
	size_t count = options->sqlite_count + (options->command ? 1 : 0);
	enum err err = ERR_OK;

	backup->extras = mem_calloc(count, sizeof(*backup->extras));
	backup->walk_extras = mem_calloc(count, sizeof(*backup->walk_extras));
	backup->hidden = mem_calloc(3 * options->sqlite_count + 1, sizeof(*backup->hidden));
	if (!backup->extras || !backup->walk_extras || !backup->hidden)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		struct extra *extra = &backup->extras[i];
		bool sqlite = i < options->sqlite_count;
		char *stored = walk_stored_path(sqlite ? options->sqlite[i].path
						: options->command_name ? options->command_name
									: "stdin");

		if (!stored)
			return ERR_NOMEM;
		backup->walk_extras[i] = (struct walk_extra){.path = stored, .context = extra};
		backup->extras_count++;
		extra->kind = sqlite ? EXTRA_SQLITE : EXTRA_COMMAND;
		extra->fine = sqlite || options->command_fine;
		if (sqlite) {
			extra->database = options->sqlite[i].path;
			err = hide_journals(backup, 3 * i, stored);
		} else {
			extra->command = options->command;
		}
	}
	return err;
}

static enum err describe(struct backup *backup)
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
	if (err == ERR_OK && options->command)
		err = snapshot_add_path(snapshot, options->command_name ? options->command_name : "stdin");
	for (size_t i = 0; err == ERR_OK && options->tags && options->tags[i]; i++)
		err = snapshot_add_tag(snapshot, options->tags[i]);
	return err;
}

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

static enum err open_last_stream(struct backup *backup)
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

static void close_streams(struct backup *backup)
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

/* ---- the stages ---- */

static unsigned thread_count(const struct backup_options *options)
{
	if (options->threads == BACKUP_SERIAL)
		return 0;
	return options->threads ? options->threads : thread_processors();
}

static enum err open_readers(struct backup *backup, unsigned threads)
{
	unsigned count;
	enum err err = pool_new(&backup->readers, "pulih-read", threads, 2u * threads + 2u);

	if (err != ERR_OK)
		return err;
	count = pool_workers(backup->readers) + 1;
	backup->reader = mem_calloc(count, sizeof(*backup->reader));
	if (!backup->reader)
		return ERR_NOMEM;
	for (unsigned i = 0; err == ERR_OK && i < count; i++)
		err = reader_new(&backup->reader[i], backup);
	return err;
}

static void close_readers(struct backup *backup)
{
	unsigned count = backup->readers ? pool_workers(backup->readers) + 1 : 0;

	pool_free(backup->readers);
	for (unsigned i = 0; backup->reader && i < count; i++)
		reader_free(backup->reader[i]);
	mem_free(backup->reader);
	while (backup->spare_batches) {
		struct batch *next = backup->spare_batches->next;

		batch_free(backup->spare_batches);
		backup->spare_batches = next;
	}
	while (backup->spare_parts) {
		struct part *next = backup->spare_parts->next;

		part_free(backup->spare_parts);
		backup->spare_parts = next;
	}
}

/* One pass over the source: walk, read, collect, until everything is durable and indexed. */
static enum err run_pass(struct backup *backup)
{
	struct snapshot *snapshot = &backup->result->snapshot;
	pthread_t feeder;
	enum err err = open_last_stream(backup);

	memset(&snapshot->totals, 0, sizeof(snapshot->totals));
	snapshot->partial = false;
	if (err == ERR_OK)
		err = tree_writer_new(&backup->tree, backup->repository->keys->domain.chunker_key, store_tree_chunk, backup->store,
		    backup->stream);
	if (err == ERR_OK)
		err = queue_new(&backup->batches, 2 * pool_workers(backup->readers) + 4);
	if (err == ERR_OK)
		err = thread_start(&feeder, "pulih-walk", feed_main, backup);
	if (err == ERR_OK) {
		err = collect_all(backup);
		pthread_join(feeder, NULL);
		if (err == ERR_OK && backup_stopped(backup))
			err = failure_put(&backup->failure);
	}
	if (err == ERR_OK)
		err = tree_writer_finish(backup->tree, &snapshot->root);
	if (err == ERR_OK)
		err = store_flush(backup->store);
	queue_free(backup->batches);
	tree_writer_free(backup->tree);
	backup->batches = NULL;
	backup->tree = NULL;
	return err;
}

/* Passes until nothing that was relied on has been condemned meanwhile: repository.md section 7. What is unchanged costs nothing again; what was
 * condemned is absent from the index and is read again. */
static enum err run_passes(struct backup *backup)
{
	size_t dropped = 1;
	enum err err = ERR_OK;

	for (unsigned pass = 1; err == ERR_OK && dropped > 0; pass++) {
		if (pass > BACKUP_PASSES || (pass > 1 && backup->options->command))
			return fail(PL_COLLECTED, "what this backup relies on was collected meanwhile");
		close_streams(backup);
		err = run_pass(backup);
		if (err == ERR_OK)
			err = publish_fence(backup, &dropped);
		if (err == ERR_OK && dropped == 0)
			err = publish_snapshot(backup, &dropped);
	}
	return err;
}

/* After the snapshot counts: what makes the next run fast. Failing here harms nothing but that. */
static void commit_streams(struct backup *backup)
{
	enum err err = ERR_OK;

	if (backup->stream)
		err = lists_commit(backup->lists);
	if (err == ERR_OK && backup->stream)
		err = stream_writer_commit(backup->stream, backup->result->snapshot.id);
	if (err != ERR_OK)
		output_failure_warning(failure_last());
	if (index_end(backup->index) != ERR_OK)
		output_failure_warning(failure_last());
}

static enum err open_index(struct backup *backup)
{
	struct repository *repository = backup->repository;
	char tag[2 * DOMAIN_TAG_SIZE + 1];
	char *folder;
	size_t adopted = 0;
	enum err err = generations_read(&backup->generations, backup->target, repository->keys);

	if (err != ERR_OK)
		return err;
	hex_encode(tag, repository->keys->domain.tag, DOMAIN_TAG_SIZE);
	folder = mem_printf("%s/index/%s", repository->state_folder, tag);
	err = folder ? index_open(&backup->index, backup->target, repository->keys, &repository->keys->domain, folder,
			   backup->generations, 0, NULL)
		     : ERR_NOMEM;
	if (err == ERR_OK)
		err = index_begin(backup->index, &adopted);
	backup->result->packs_resumed = adopted;
	mem_free(folder);
	return err;
}

static enum err open_store(struct backup *backup, unsigned threads)
{
	const struct store_options options = {.target = backup->target,
	    .keys = backup->repository->keys,
	    .index = backup->index,
	    .threads = threads,
	    .level = backup->options->level ? backup->options->level : FRAME_LEVEL_DEFAULT,
	    .rate = backup->options->rate};

	return store_new(&backup->store, &options);
}

static enum err run_session(struct backup *backup)
{
	struct session session;
	unsigned threads = thread_count(backup->options);
	enum err err = open_index(backup);

	if (err == ERR_OK)
		err = session_begin(&session, backup->target, backup->repository->keys, generations_newest(backup->generations));
	if (err != ERR_OK)
		return err;
	err = open_store(backup, threads);
	if (err == ERR_OK)
		err = open_readers(backup, threads);
	if (err == ERR_OK)
		err = run_passes(backup);
	if (err == ERR_OK)
		commit_streams(backup);
	/* The marker goes last, also after a failure: nobody is at work any more. */
	if (err == ERR_OK) {
		err = session_end(&session, backup->target);
	} else {
		struct failure kept = *failure_last();

		session_end(&session, backup->target);
		failure_put(&kept);
	}
	return err;
}

static void backup_close(struct backup *backup)
{
	close_streams(backup);
	if (backup->stream_lock >= 0)
		close(backup->stream_lock);
	close_readers(backup);
	store_free(backup->store);
	index_free(backup->index);
	generations_free(backup->generations);
	names_free(backup->names);
	for (size_t i = 0; i < backup->extras_count; i++)
		mem_free((char *)backup->walk_extras[i].path);
	for (size_t i = 0; backup->hidden && i < 3 * backup->options->sqlite_count; i++)
		mem_free(backup->hidden[i]);
	mem_free(backup->hidden);
	mem_free(backup->extras);
	mem_free(backup->walk_extras);
	mem_free(backup->temporary_folder);
	if (backup->options->dry_run)
		target_free(backup->target);
	pthread_cond_destroy(&backup->ready);
	pthread_cond_destroy(&backup->room);
	pthread_mutex_destroy(&backup->lock);
}

static enum err prepare(struct backup *backup)
{
	const struct backup_options *options = backup->options;
	enum err err = ERR_OK;

	if (options->paths_count == 0 && options->sqlite_count == 0 && !options->command)
		return fail(PL_BACKUP_EMPTY, "nothing to back up");
	if (options->dry_run)
		err = dry_target_new(&backup->target, backup->repository->target);
	if (err == ERR_OK)
		err = describe(backup);
	if (err == ERR_OK)
		err = prepare_extras(backup);
	if (err == ERR_OK)
		err = names_new(&backup->names);
	if (err == ERR_OK)
		err = chunker_setup(&backup->chunker, backup->repository->keys->domain.chunker_key);
	if (err == ERR_OK) {
		backup->temporary_folder = path_join(backup->repository->state_folder, "tmp");
		err = backup->temporary_folder ? file_make_folders(backup->temporary_folder, 0700) : ERR_NOMEM;
	}
	return err;
}

enum err backup_run(struct repository *repository, const struct backup_options *options, struct backup_result *result)
{
	struct backup backup = {.repository = repository,
	    .options = options,
	    .result = result,
	    .target = options->dry_run ? NULL : repository->target,
	    .stream_lock = -1,
	    .progress = {.action = "backup"}};
	enum err err;

	*result = (struct backup_result){.started = clock_now()};
	pthread_mutex_init(&backup.lock, NULL);
	pthread_cond_init(&backup.room, NULL);
	pthread_cond_init(&backup.ready, NULL);
	progress_start("backup");
	err = prepare(&backup);
	if (err == ERR_OK)
		err = run_session(&backup);
	progress_end();
	backup_close(&backup);
	result->ended = clock_now();
	if (err == ERR_OK && result->snapshot.partial)
		err = fail(PL_BACKUP_PARTIAL, "%llu unreadable, %llu changed while read, %llu vanished",
		    (unsigned long long)result->snapshot.totals.unreadable,
		    (unsigned long long)result->snapshot.totals.changed_while_read,
		    (unsigned long long)result->snapshot.totals.vanished);
	return err;
}
