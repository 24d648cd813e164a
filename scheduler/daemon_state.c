/* The scheduler's state as it is opened: one that is damaged is set aside and begun anew, because no backup may wait for a person. */
#include "scheduler/daemon_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/history.h"

#include <errno.h>
#include <unistd.h>

/* SQLite's files of one database; the one itself is the first. */
static const char *const parts[] = {"", "-shm", "-wal"};

static enum err move_part(const char *folder, const char *part)
{
	char *from = mem_printf("%s/" STATE_FILE "%s", folder, part);
	char *to = mem_printf("%s/" STATE_FILE_DAMAGED "%s", folder, part);
	enum err err = from && to ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && rename(from, to) != 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot rename %s", from);
	if (err == ERR_OK)
		err = file_sync_folder_of(to);
	mem_free(from);
	mem_free(to);
	return err;
}

/* What a set-aside that was cut off left beside a file that is gone would be taken for the log of the new one. */
static enum err move_leftovers(const char *folder)
{
	char *path = path_join(folder, STATE_FILE);
	bool missing = path && access(path, F_OK) != 0 && errno == ENOENT;
	enum err err = path ? ERR_OK : ERR_NOMEM;

	for (size_t i = 1; err == ERR_OK && missing && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = move_part(folder, parts[i]);
	mem_free(path);
	return err;
}

static enum err set_aside(const char *folder)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = move_part(folder, parts[i]);
	return err;
}

static enum err open_sound(struct state **out, const char *folder)
{
	enum err err = state_open(out, folder, true);

	if (err == ERR_OK)
		err = state_check(*out);
	if (err != ERR_OK) {
		state_close(*out);
		*out = NULL;
	}
	return err;
}

enum err daemon_open_state(struct daemon *daemon)
{
	const char *folder = daemon->options->state_folder;
	enum err err = move_leftovers(folder);

	if (err == ERR_OK)
		err = open_sound(&daemon->state, folder);
	if (err != ERR_CORRUPT)
		return err;
	output_warning(PL_STATE_ANEW,
	    "%s; it is begun anew, and what the ledger tells of the last backups decides what is made up for. The "
	    "damaged one is kept as %s/" STATE_FILE_DAMAGED,
	    failure_last()->text, folder);
	failure_clear();
	err = set_aside(folder);
	daemon->anew = err == ERR_OK;
	return err == ERR_OK ? open_sound(&daemon->state, folder) : err;
}

int64_t daemon_seen_from(const struct daemon *daemon, const char *job, int64_t now)
{
	struct record_ledger *ledger = NULL;
	struct history history = {.started = HISTORY_UNKNOWN, .good_started = HISTORY_UNKNOWN};
	int64_t from;

	if (!daemon->anew)
		return now;
	if (record_ledger_open(&ledger, daemon->options->state_folder, false) != ERR_OK ||
	    history_of_job(ledger, job, &history) != ERR_OK)
		failure_clear();
	record_ledger_close(ledger);
	from = history.good_started != HISTORY_UNKNOWN ? history.good_started : history.started;
	return from != HISTORY_UNKNOWN && from < now ? from : now;
}
