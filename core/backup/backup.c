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

#include <sys/resource.h>

#define BACKUP_PASSES \
	5u /* over the source, when a collector condemns what was relied on; then somebody collects against us */

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

enum err backup_database_add(struct backup *backup, const char *kind, const struct stream_database *database)
{
	struct backup_result *result = backup->result;
	struct backup_database *databases;
	char *name = mem_string(database->name);

	if (!name)
		return ERR_NOMEM;
	pthread_mutex_lock(&backup->lock);
	databases = mem_resize(result->databases, result->databases_count + 1, sizeof(*databases));
	if (databases) {
		struct backup_database *added = &databases[result->databases_count++];

		*added = (struct backup_database){.kind = kind,
		    .path = name,
		    .size = database->size,
		    .tables = database->tables,
		    .rows = database->rows};
		memcpy(added->version, database->version, sizeof(added->version));
		memcpy(added->client, database->client, sizeof(added->client));
		memcpy(added->consistency, database->consistency, sizeof(added->consistency));
		memcpy(added->position, database->position, sizeof(added->position));
		result->databases = databases;
	}
	pthread_mutex_unlock(&backup->lock);
	if (!databases)
		mem_free(name);
	return databases ? ERR_OK : ERR_NOMEM;
}

void backup_database_missing(struct backup *backup)
{
	pthread_mutex_lock(&backup->lock);
	if (backup->result->databases_missing++ == 0)
		backup->result->database_failure = *failure_last();
	pthread_mutex_unlock(&backup->lock);
}

static void forget_databases(struct backup_result *result)
{
	for (size_t i = 0; i < result->databases_count; i++)
		mem_free(result->databases[i].path);
	mem_free(result->databases);
	result->databases = NULL;
	result->databases_count = 0;
	result->databases_missing = 0;
}

void backup_result_free(struct backup_result *result)
{
	snapshot_free(&result->snapshot);
	forget_databases(result);
	*result = (struct backup_result){0};
}

/* ---- the stages ---- */

static unsigned thread_count(const struct backup_options *options)
{
	if (options->threads == BACKUP_SERIAL)
		return 0;
	return options->threads ? options->threads : thread_processors();
}

/* Readers beside those that have a processor: what is not in memory is waited for, and the more small files are asked for at once, the sooner they
 * come. A million of them that are not cached take half the time of a first backup with two readers; what is cached takes as long as before. */
#define READERS_WAITING 4u

static enum err open_readers(struct backup *backup, unsigned threads)
{
	unsigned count;
	unsigned readers = threads ? threads + READERS_WAITING : 0;
	enum err err = pool_new(&backup->readers, "pulih-read", readers, readers + 4u);

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

/* Where nothing at all could be read, an empty snapshot would only look like a backup. */
static enum err refuse_empty(const struct snapshot *snapshot)
{
	const struct snapshot_totals *totals = &snapshot->totals;

	if (totals->files + totals->others > 0 || totals->unreadable + totals->vanished == 0)
		return ERR_OK;
	return fail(PL_NOTHING_READ, "nothing could be read: %llu unreadable, %llu vanished",
	    (unsigned long long)totals->unreadable, (unsigned long long)totals->vanished);
}

/* One pass over the source: walk, read, collect, until everything is durable and indexed. */
static enum err run_pass(struct backup *backup)
{
	struct snapshot *snapshot = &backup->result->snapshot;
	pthread_t feeder;
	enum err err = last_run_open(backup);

	memset(&snapshot->totals, 0, sizeof(snapshot->totals));
	snapshot->partial = false;
	forget_databases(backup->result);
	plan_extras_unread(backup);
	if (err == ERR_OK)
		err = tree_writer_new(&backup->tree, backup->repository->keys->domain.chunker_key, store_tree_chunk,
		    backup->store, backup->stream);
	if (err == ERR_OK)
		err = queue_new(&backup->batches, pool_workers(backup->readers) + 6);
	if (err == ERR_OK)
		err = thread_start(&feeder, "pulih-walk", feed_main, backup);
	if (err == ERR_OK) {
		err = collect_all(backup);
		pthread_join(feeder, NULL);
		if (err == ERR_OK && backup_stopped(backup))
			err = failure_put(&backup->failure);
	}
	if (err == ERR_OK)
		err = refuse_empty(snapshot);
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

static bool any_stream_is_gone(const struct backup_options *options)
{
	bool gone = false;

	for (size_t i = 0; i < options->streams_count; i++)
		gone = gone || options->streams[i].kind->once;
	return gone;
}

/* Passes until nothing that was relied on has been condemned meanwhile: repository.md section 7. What is unchanged costs nothing again; what was
 * condemned is absent from the index and is read again. */
static enum err run_passes(struct backup *backup)
{
	size_t dropped = 1;
	enum err err = ERR_OK;

	for (unsigned pass = 1; err == ERR_OK && dropped > 0; pass++) {
		if (pass > BACKUP_PASSES || (pass > 1 && any_stream_is_gone(backup->options)))
			return fail(PL_COLLECTED, "what this backup relies on was collected meanwhile");
		last_run_close(backup);
		err = run_pass(backup);
		if (err == ERR_OK)
			err = publish_fence(backup, &dropped);
		if (err == ERR_OK && dropped == 0)
			err = publish_snapshot(backup, &dropped);
	}
	return err;
}

static enum err open_index(struct backup *backup)
{
	struct repository *repository = backup->repository;
	char tag[2 * DOMAIN_TAG_SIZE + 1];
	char *folder;
	size_t adopted = 0, damaged = 0;
	enum err err;

	hex_encode(tag, repository->keys->domain.tag, DOMAIN_TAG_SIZE);
	folder = mem_printf("%s/index/%s", repository->state_folder, tag);
	/* An index object that is damaged was warned of by name; what only it knows is absent, and is stored again. */
	err = folder ? index_open(&backup->index, backup->target, repository->keys, &repository->keys->domain,
			   &(struct index_options){.cache_folder = folder,
			       .generations = backup->generations,
			       .damaged = &damaged,
			       .to_store = true})
		     : ERR_NOMEM;
	if (err == ERR_OK)
		err = lost_packs_drop(backup);
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
	enum err err = generations_read(&backup->generations, backup->target, backup->repository->keys);

	/* The marker goes first: what a collector condemns while the index is read, it does not delete before this session ends. */
	if (err == ERR_OK)
		err = session_begin(
		    &session, backup->target, backup->repository->keys, generations_newest(backup->generations));
	if (err != ERR_OK)
		return err;
	err = open_index(backup);
	if (err == ERR_OK)
		err = open_store(backup, threads);
	if (err == ERR_OK)
		err = open_readers(backup, threads);
	if (err == ERR_OK)
		err = run_passes(backup);
	if (err == ERR_OK)
		last_run_commit(backup);
	/* The marker goes last, also after a failure: nobody is at work any more. */
	if (err == ERR_OK) {
		/* The snapshot counts. A marker that stays holds up the collector for the grace time, and nothing else. */
		if (session_end(&session, backup->target) != ERR_OK)
			output_failure_warning(failure_last());
	} else {
		struct failure kept = *failure_last();

		session_end(&session, backup->target);
		failure_put(&kept);
	}
	return err;
}

static void backup_close(struct backup *backup)
{
	last_run_close(backup);
	last_run_unlock(backup);
	close_readers(backup);
	store_free(backup->store);
	index_free(backup->index);
	generations_free(backup->generations);
	names_free(backup->names);
	plan_free(backup);
	mem_free(backup->temporary_folder);
	if (backup->options->dry_run)
		target_free(backup->target);
	pthread_cond_destroy(&backup->ready);
	pthread_cond_destroy(&backup->room);
	pthread_mutex_destroy(&backup->lock);
}

static unsigned most_folders(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > BACKUP_FOLDERS)
		return BACKUP_FOLDERS;
	return (unsigned)limit.rlim_cur / 2;
}

static enum err prepare(struct backup *backup)
{
	const struct backup_options *options = backup->options;
	enum err err = ERR_OK;

	if (options->paths_count == 0 && options->sqlite_count == 0 && options->streams_count == 0)
		return fail(PL_BACKUP_EMPTY, "nothing to back up");
	backup->folders_max = most_folders();
	if (options->dry_run)
		err = dry_target_new(&backup->target, backup->repository->target);
	if (err == ERR_OK)
		err = plan_snapshot(backup);
	if (err == ERR_OK)
		err = plan_extras(backup);
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
	const int64_t begun = clock_monotonic();
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
	result->duration = clock_monotonic() - begun;
	if (err == ERR_OK && result->snapshot.partial)
		err = fail(PL_BACKUP_PARTIAL, "%llu unreadable, %llu changed while read, %llu vanished",
		    (unsigned long long)result->snapshot.totals.unreadable,
		    (unsigned long long)result->snapshot.totals.changed_while_read,
		    (unsigned long long)result->snapshot.totals.vanished);
	return err;
}
