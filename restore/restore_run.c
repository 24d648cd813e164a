#include "restore/restore_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"

#include <errno.h>
#include <unistd.h>

/* ---- what the files of restore share ---- */

const char *restore_printable(struct entry_bytes path)
{
	static _Thread_local char text[512];
	char *printable = output_printable(path.data, path.size);

	snprintf(text, sizeof(text), "%s", !printable ? "?" : path.size ? printable : "the destination");
	mem_free(printable);
	return text;
}

enum err restore_fail_write(const char *what, struct entry_bytes path)
{
	if (errno == EFBIG)
		return fail(PL_RESTORE_WRITE, "%s %s: %s", what, restore_printable(path), strerror(errno));
	return fail_errno(PL_RESTORE_WRITE, "%s %s", what, restore_printable(path));
}

void restore_temporary_name(struct restore *run, char name[RESTORE_NAME_SIZE])
{
	snprintf(name, RESTORE_NAME_SIZE, ".pulih-%016llx", (unsigned long long)(run->salt + run->temporaries++));
}

void restore_mark(struct restore *run, uint64_t number)
{
	if (run->restored && number < run->needs.entries)
		atomic_fetch_or(&run->restored[number / 8], (unsigned char)(1u << (number % 8)));
}

void restore_keep(struct restore *run, const struct restore_item *item)
{
	run->skipped++;
	if (run->options->overwrite == RESTORE_CHANGED) {
		restore_mark(run, item->number);
		restore_journal_kept(run, item);
	}
}

bool restore_marked(const struct restore *run, uint64_t number)
{
	return number < run->needs.entries && ((unsigned)run->restored[number / 8] >> (number % 8) & 1u);
}

void restore_stop(struct restore *run)
{
	pthread_mutex_lock(&run->lock);
	if (run->fatal.kind == ERR_OK)
		failure_take(&run->fatal);
	pthread_mutex_unlock(&run->lock);
	run->stop = true;
}

bool restore_stopped(const struct restore *run)
{
	return run->stop || interrupt_requested();
}

static bool is_fatal(enum err err)
{
	return err == ERR_NOMEM || err == ERR_NOSPACE || err == ERR_INTERRUPTED;
}

static bool is_damage(enum err err)
{
	return err == ERR_CORRUPT || err == ERR_MISSING || err == ERR_UNSUPPORTED;
}

static void tell(struct restore *run, const struct restore_problem *problem)
{
	if (run->options->on_problem)
		run->options->on_problem(run->options->context, problem);
}

void restore_problem(struct restore *run, struct entry_bytes path, enum err err)
{
	struct failure failure;
	struct restore_problem problem = {.path = path, .failure = &failure};

	if (is_fatal(err)) {
		restore_stop(run);
		return;
	}
	failure_take(&failure);
	pthread_mutex_lock(&run->lock);
	run->problems++;
	/* What does not read back is the destination's fault, not the repository's. */
	if (failure.id == PL_RESTORE_DIFFERS) {
		if (run->differences++ == 0)
			run->first_difference = failure;
	} else {
		if (is_damage(err))
			run->damaged = true;
		if (run->first_problem.kind == ERR_OK)
			run->first_problem = failure;
	}
	tell(run, &problem);
	pthread_mutex_unlock(&run->lock);
}

void restore_metadata_problem(
    struct restore *run, enum restore_feature feature, struct entry_bytes path, const char *what)
{
	int saved = errno;
	struct failure failure;
	struct restore_problem problem = {.path = path, .failure = &failure, .metadata_only = true};

	if (run->missing[feature])
		(void)fail(PL_RESTORE_FEATURE, "%s: the destination cannot hold: %s", restore_printable(path), what);
	else
		(void)fail(
		    PL_RESTORE_METADATA, "%s: cannot set %s: %s", restore_printable(path), what, strerror(saved));
	failure_take(&failure);
	run->metadata_problems++;
	pthread_mutex_lock(&run->lock);
	problem.repeated = run->told[feature];
	run->told[feature] = run->missing[feature];
	tell(run, &problem);
	pthread_mutex_unlock(&run->lock);
}

void restore_exception(struct restore *run, struct entry_bytes path)
{
	struct failure failure;
	struct restore_problem problem = {.path = path, .failure = &failure, .metadata_only = true};

	failure_take(&failure);
	run->metadata_problems++;
	pthread_mutex_lock(&run->lock);
	tell(run, &problem);
	pthread_mutex_unlock(&run->lock);
}

void restore_absent(struct restore *run, struct entry_bytes path, const char *why)
{
	(void)fail(PL_RESTORE_FEATURE, "%s is not there: %s", restore_printable(path), why);
	restore_exception(run, path);
}

void restore_item_release(struct restore *run, struct restore_item *item)
{
	restore_link_drop(run, item->link);
	restore_folder_drop(run, item->folder);
	mem_free(item->entry);
	*item = (struct restore_item){0};
}

void restore_show_progress(struct restore *run)
{
	struct progress progress = {.action = "restore",
	    .files = run->files + run->others + run->skipped,
	    .files_total = run->needs.files + run->needs.others,
	    .bytes = run->bytes,
	    .bytes_total = run->needs.bytes};

	progress_update(&progress);
}

/* ---- the run ---- */

/* One pass over the metadata: what there is to do, and what the destination must be able to hold. */
static enum err survey(struct restore *run, const struct snapshot *snapshot)
{
	struct restore_select *select = NULL;
	const struct entry *entry = NULL;
	struct entry_bytes path = {0};
	enum restore_wanted wanted = RESTORE_UNWANTED;
	enum err err = restore_select_new(&select, run->view->reader, snapshot, run->options, NULL);

	while (err == ERR_OK && !interrupt_requested()) {
		err = restore_select_next(select, &entry, &path, &wanted);
		if (err != ERR_OK || !entry)
			break;
		if (wanted == RESTORE_WANTED)
			restore_needs_add(&run->needs, entry, path);
	}
	restore_select_free(select);
	return err;
}

static enum err setup(struct restore *run)
{
	unsigned threads = run->options->threads ? run->options->threads : thread_processors();
	enum err err = crypto_random(&run->salt, sizeof(run->salt));

	run->began = clock_now();
	if (err == ERR_OK && run->options->verify && !run->options->dry_run) {
		run->restored = mem_calloc(run->needs.entries / 8 + 1, 1);
		if (!run->restored)
			err = ERR_NOMEM;
	}
	if (err == ERR_OK)
		err = pool_new(&run->pool, "restore", run->options->dry_run ? 0 : threads, (size_t)threads * 4);
	if (err == ERR_OK)
		err = restore_folder_root(run, run->options->destination, &run->root);
	if (err == ERR_OK && !run->options->dry_run) {
		int fd = restore_folder_enter(run, run->root);

		err = restore_features_probe(run, fd);
		restore_folder_leave(run, run->root);
	}
	return err;
}

static void list_missing(const struct restore *run)
{
	size_t count = 0;

	for (int i = 0; i < FEATURE_COUNT; i++)
		if (run->missing[i])
			run->result->missing_features[count++] = restore_feature_names[i];
}

/* What could not be read then is missing in the snapshot, and may be all the more precious. */
static void refuse_to_delete(struct restore *run)
{
	uint64_t unreadable = run->snapshot->totals.unreadable;

	if (!run->options->delete_others || !unreadable)
		return;
	restore_problem(run, (struct entry_bytes){0},
	    fail(PL_RESTORE_NO_DELETE, "nothing is deleted: %llu files or folders could not be read for this snapshot",
		(unsigned long long)unreadable));
}

static enum err write_all(struct restore *run, const struct snapshot *snapshot)
{
	struct restore_select *select = NULL;
	enum err err = restore_select_new(&select, run->view->reader, snapshot, run->options, run);

	if (err == ERR_OK)
		err = restore_plan(run, select);
	restore_select_free(select);
	return err;
}

static enum err read_back(struct restore *run, const struct snapshot *snapshot)
{
	struct restore_select *select = NULL;
	enum err err = restore_select_new(&select, run->view->reader, snapshot, run->options, NULL);

	if (err == ERR_OK)
		err = restore_check(run, select);
	restore_select_free(select);
	return err;
}

void restore_give_result(const struct restore *run)
{
	struct restore_result *result = run->result;

	result->files = run->files;
	result->folders = run->folders;
	result->others = run->others;
	result->bytes = run->bytes;
	result->skipped = run->skipped;
	result->deleted = run->deleted;
	result->verified_files = run->verified_files;
	result->verified_bytes = run->verified_bytes;
	result->problems = run->problems;
	result->metadata_problems = run->metadata_problems;
	result->ended = clock_now();
	result->duration = clock_monotonic() - run->begun;
}

enum err restore_verdict(struct restore *run, enum err err)
{
	unsigned long long differences = run->differences, problems = run->problems - differences;

	if (run->fatal.kind != ERR_OK && run->fatal.kind != ERR_INTERRUPTED)
		return failure_put(&run->fatal);
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "the restore was interrupted");
	if (err != ERR_OK)
		return err;
	if (run->damaged)
		return fail(PL_RESTORE_DAMAGED, "%llu entries are not restored; the first: %s", problems,
		    run->first_problem.text);
	if (differences)
		return fail(PL_RESTORE_DIFFERS, "%llu entries do not read back as they must be; the first: %s",
		    differences, run->first_difference.text);
	if (problems)
		return fail(PL_RESTORE_INCOMPLETE, "%llu entries are not restored; the first: %s", problems,
		    run->first_problem.text);
	if (run->metadata_problems)
		return fail(PL_RESTORE_PARTIAL, "all files are restored with their contents; exceptions: %llu",
		    (unsigned long long)run->metadata_problems);
	return ERR_OK;
}

void restore_setup_locks(struct restore *run)
{
	pthread_mutex_init(&run->lock, NULL);
	pthread_mutex_init(&run->folders_lock, NULL);
	pthread_cond_init(&run->linked, NULL);
}

void restore_release_locks(struct restore *run)
{
	pthread_cond_destroy(&run->linked);
	pthread_mutex_destroy(&run->folders_lock);
	pthread_mutex_destroy(&run->lock);
}

static void release(struct restore *run)
{
	if (run->root)
		restore_folder_drop(run, run->root);
	pool_free(run->pool);
	mem_free((void *)run->restored);
	restore_release_locks(run);
}

enum err restore_run(struct repository *repository, const struct snapshot *snapshot,
    const struct restore_options *options, struct restore_result *result)
{
	struct restore_view view = {0};
	struct restore run = {.options = options,
	    .snapshot = snapshot,
	    .result = result,
	    .view = &view,
	    .needs = {.uid = geteuid(), .gid = getegid()},
	    .begun = clock_monotonic()};
	enum err err;

	*result = (struct restore_result){.started = clock_now()};
	run.own_count = repository_folders(repository, run.own);
	restore_setup_locks(&run);
	/* Files get their permissions as they are made, which saves a call for each. */
	run.umask = umask(0);
	progress_start("restore");
	err = restore_view_open(&view, repository, snapshot->domain);
	if (err == ERR_OK)
		err = survey(&run, snapshot);
	if (err == ERR_OK)
		err = setup(&run);
	if (err == ERR_OK) {
		list_missing(&run);
		refuse_to_delete(&run);
		err = write_all(&run, snapshot);
	}
	if (err == ERR_OK && run.restored && !restore_stopped(&run))
		err = read_back(&run, snapshot);
	err = restore_verdict(&run, err);
	restore_give_result(&run);
	progress_end();
	release(&run);
	restore_view_close(&view);
	(void)umask(run.umask);
	return err;
}
