/* The lock and the marker of a run. */
#include "scheduler/run_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define MARKER_MAX 4096 /* bytes */

static enum err fail_busy(const struct run *run)
{
	char pid[24] = "";
	ssize_t size = file_pread_full(run->lock, pid, sizeof(pid) - 1, 0);

	pid[size > 0 ? size : 0] = '\0';
	return fail(PL_JOB_BUSY, "%s %s is running already (process %s)",
	    run->options->drill ? "the drill of job" : "job", run->options->job->name, pid[0] ? pid : "unknown");
}

static enum err take_lock(struct run *run, const char *path)
{
	char pid[24];
	int length;

	run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (run->lock < 0)
		return fail_errno(PL_FILE_WRITE, "cannot open %s", path);
	if (flock(run->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? fail_busy(run) : fail_errno(PL_FILE_WRITE, "cannot lock %s", path);
	length = snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (ftruncate(run->lock, 0) != 0 || file_pwrite_all(run->lock, pid, (size_t)length, 0) != 0)
		return fail_errno(PL_FILE_WRITE, "cannot write %s", path);
	return ERR_OK;
}

enum err run_lock(struct run *run)
{
	const char *kind = run->options->drill ? ".drill" : ""; /* no job's name has a dot */
	char *path = NULL;
	enum err err;

	run->folder = path_join(run->state_folder, "runs");
	path = run->folder ? mem_printf("%s/%s%s.lock", run->folder, run->options->job->name, kind) : NULL;
	run->marker = run->folder ? mem_printf("%s/%s%s.started", run->folder, run->options->job->name, kind) : NULL;
	err = path && run->marker ? file_make_folders(run->folder, 0700) : ERR_NOMEM;
	if (err == ERR_OK)
		err = take_lock(run, path);
	mem_free(path);
	return err;
}

/* The file stays: removing it would let two processes lock two files of one name. */
void run_unlock(struct run *run)
{
	if (run->lock >= 0)
		close(run->lock);
	mem_free(run->folder);
	mem_free(run->marker);
}

static enum err read_marker(const struct run *run, struct run_begun *begun)
{
	struct buffer bytes = {0};
	json_t *object = NULL;
	json_int_t started = 0, planned = 0, format;
	const char *id = "", *trigger = "manual";
	enum err err = file_read_all(run->marker, MARKER_MAX, &bytes);

	if (err == ERR_MISSING) {
		failure_clear();
		err = ERR_OK;
		goto done;
	}
	if (err == ERR_OK)
		err = canonical_parse(&object, bytes.data, bytes.length, PL_RECORD_BROKEN, run->marker);
	if (err == ERR_OK)
		err = canonical_unpack(object, PL_RECORD_BROKEN, run->marker, "{s:I, s:s, s:I, s?s, s?I}", "format",
		    &format, "id", &id, "started", &started, "trigger", &trigger, "planned", &planned);
	if (err == ERR_OK && (!record_id_valid(id) || strlen(trigger) >= sizeof(begun->trigger)))
		err = fail(PL_RECORD_BROKEN, "%s does not name a run", run->marker);
	if (err == ERR_OK) {
		snprintf(begun->id, sizeof(begun->id), "%s", id);
		snprintf(begun->trigger, sizeof(begun->trigger), "%s", trigger);
		begun->started = started;
		begun->planned = planned;
	}
done:
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

/* A disk that loses power can leave anything: the next run must not wait until somebody takes it away. */
enum err run_marker_read(const struct run *run, struct run_begun *begun)
{
	enum err err;

	*begun = (struct run_begun){0};
	err = read_marker(run, begun);
	if (err != ERR_CORRUPT && err != ERR_LIMIT)
		return err;
	output_warning(PL_RECORD_BROKEN, "%s: if the last run was cut off, it gets no record", failure_last()->text);
	failure_clear();
	return ERR_OK;
}

enum err run_marker_write(const struct run *run)
{
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = canonical_pack(&object, "{s:i, s:s, s:I, s:s, s:I}", "format", 1, "id", run->result->id,
	    "started", (json_int_t)run->started, "trigger", run->options->trigger, "planned",
	    (json_int_t)run->options->planned);

	if (err == ERR_OK)
		err = canonical_write(object, &bytes);
	if (err == ERR_OK)
		err = file_replace(run->marker, bytes.data, bytes.length, 0600);
	json_decref(object);
	buffer_free(&bytes);
	return err;
}

enum err run_marker_remove(const struct run *run)
{
	if (unlink(run->marker) != 0 && errno != ENOENT)
		return fail_errno(PL_FILE_WRITE, "cannot remove %s", run->marker);
	return file_sync_folder_of(run->marker);
}
