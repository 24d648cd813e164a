#include "restore/verify_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"

bool verify_is_finding(enum err err)
{
	return err != ERR_NOMEM && err != ERR_INTERRUPTED;
}

enum err verify_found(struct verify *verify, const char *object, struct verify_pack *pack)
{
	struct verify_note note = {0};
	struct verify_note *notes = NULL;
	struct failure failure;
	enum err err = ERR_OK;

	failure_take(&failure);
	note = (struct verify_note){
	    .object = mem_string(object), .kind = failure.kind, .id = failure.id, .text = mem_string(failure.text)};
	pthread_mutex_lock(&verify->lock);
	if (note.object && note.text)
		notes = mem_more(verify->notes, verify->notes_count, &verify->notes_capacity, sizeof(*notes));
	if (notes) {
		verify->notes = notes;
		verify->notes[verify->notes_count++] = note;
		if (pack)
			pack->finding = (uint32_t)verify->notes_count;
	} else {
		mem_free(note.object);
		mem_free(note.text);
		err = ERR_NOMEM;
	}
	pthread_mutex_unlock(&verify->lock);
	return err;
}

/* Tells one finding; what it touches is known by now. */
static void tell(const struct verify *verify, const struct verify_note *note)
{
	struct failure failure = {.kind = note->kind, .id = note->id};
	char touches[512] = "";
	struct verify_finding finding = {.object = note->object, .failure = &failure, .touches = touches};

	if (!verify->options->on_finding)
		return;
	snprintf(failure.text, sizeof(failure.text), "%s", note->text);
	if (!note->snapshots && verify->counted && strncmp(note->object, "packs/", 6) == 0)
		snprintf(touches, sizeof(touches), "no snapshot");
	else if (note->snapshots)
		snprintf(touches, sizeof(touches), "%llu snapshot%s, %llu file%s%s%.*s",
		    (unsigned long long)note->snapshots, note->snapshots == 1 ? "" : "s",
		    (unsigned long long)note->files, note->files == 1 ? "" : "s", note->names.length ? ": " : "",
		    (int)note->names.length, note->names.length ? (const char *)note->names.data : "");
	verify->options->on_finding(verify->options->context, &finding);
}

static void give_result(struct verify *verify)
{
	struct verify_result *result = verify->result;
	bool any = false;

	result->findings = verify->notes_count;
	result->snapshots = verify->snapshots_count;
	result->packs_read = verify->packs_read;
	result->bytes_read = verify->bytes_read;
	result->ended = clock_now();
	result->duration = clock_monotonic() - verify->begun;
	result->oldest_unread = result->ended;
	for (size_t i = 0; i < verify->packs.count; i++) {
		const struct verify_pack *pack = &verify->packs.items[i];
		int64_t read = verify->options->tier == VERIFY_CONTENT || pack->content > pack->stored ? pack->content
												       : pack->stored;

		if (!pack->present)
			continue;
		result->packs++;
		if (!any || read < result->oldest_unread)
			result->oldest_unread = read;
		any = true;
	}
}

static void release(struct verify *verify)
{
	for (size_t i = 0; i < verify->notes_count; i++) {
		mem_free(verify->notes[i].object);
		mem_free(verify->notes[i].text);
		buffer_free(&verify->notes[i].names);
	}
	for (size_t i = 0; i < verify->snapshots_count; i++)
		snapshot_free(&verify->snapshots[i]);
	mem_free(verify->notes);
	mem_free(verify->snapshots);
	verify_packs_free(&verify->packs);
	verify_set_free(&verify->broken);
	pthread_mutex_destroy(&verify->lock);
}

/* Lists of files, and packs. */
static enum err read_all(struct verify *verify)
{
	const struct keys *keys = verify->repository->keys;
	struct target *target = verify->repository->target;
	enum err err = keys && keys->full ? verify_trees(verify) : ERR_OK;

	if (err != ERR_OK || verify->options->tier == VERIFY_STRUCTURE)
		return err;
	target->from_medium = true;
	err = verify_read_packs(verify);
	target->from_medium = false;
	/* Also after an interrupt: what was read was read. */
	if (verify_ledger_save(verify) != ERR_OK)
		output_failure_warning(failure_last());
	return err;
}

/* Also after a failure, which stays the last one. */
static void remember_bad(const struct verify *verify, enum err err)
{
	struct failure failure = {0};

	if (err != ERR_OK)
		failure_take(&failure);
	if (verify_bad_save(verify) != ERR_OK)
		output_failure_warning(failure_last());
	if (err != ERR_OK)
		(void)failure_put(&failure);
}

static enum err run_tiers(struct verify *verify)
{
	const struct keys *keys = verify->repository->keys;
	struct target *target = verify->repository->target;
	enum err err;

	/* A cache that still has what the medium lost would make it look whole. */
	target->from_medium = true;
	err = verify_structure(verify);
	target->from_medium = false;
	if (err == ERR_OK && verify->options->state_folder)
		err = verify_known(verify);
	if (err == ERR_OK)
		err = verify_ledger_load(verify);
	if (err == ERR_OK) {
		verify_bad_load(verify);
		err = read_all(verify);
		remember_bad(verify, err);
	}
	if (err == ERR_OK && keys && keys->full && (verify->notes_count || verify->lost)) {
		err = verify_touches(verify);
		verify->counted = err == ERR_OK;
	}
	return err;
}

enum err verify_run(struct repository *repository, const struct verify_options *options, struct verify_result *result)
{
	struct verify verify = {
	    .repository = repository, .options = options, .result = result, .begun = clock_monotonic()};
	enum err err;

	*result = (struct verify_result){.started = clock_now()};
	if (options->tier == VERIFY_CONTENT && (!repository->keys || !repository->keys->full))
		return fail(PL_KEY_FULL, "the content of packs can be verified with a full key only");
	pthread_mutex_init(&verify.lock, NULL);
	progress_start("verify");
	err = run_tiers(&verify);
	progress_end();
	if (err == ERR_OK && interrupt_requested())
		err = fail(PL_INTERRUPTED, "the verification was interrupted; what was read so far counts");
	for (size_t i = 0; i < verify.notes_count; i++)
		tell(&verify, &verify.notes[i]);
	give_result(&verify);
	if (err == ERR_OK && verify.notes_count)
		err = fail(PL_VERIFY_FOUND, "%zu finding%s in %s", verify.notes_count,
		    verify.notes_count == 1 ? "" : "s", repository->target->url);
	release(&verify);
	return err;
}
