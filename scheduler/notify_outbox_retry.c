/* Sending again what waits in the outbox, and when. */
#include "scheduler/notify_outbox_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "scheduler/notify_lost.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE (60 * CLOCK_SECOND)
#define AGE_MAX (7 * 24 * 60 * MINUTE)
#define AGE_MAX_PING (6 * 60 * MINUTE)
/* A clock that was set right after it had been far behind makes a young message look old: it is tried that often all the same. */
#define ATTEMPTS_MIN 5
/* Changes within one tick of the kernel's clock leave the same stamp on the folder: so late one of them is seen at worst. */
#define TRUST (15 * MINUTE)

static bool is_too_old(const struct notify *notify, const struct notify_message *message, int64_t now)
{
	const struct configuration_channel *channel = configuration_channel(notify->configuration, message->channel);
	int64_t age = now - message->created;

	if (channel && channel->ping)
		return age > AGE_MAX_PING;
	return age > AGE_MAX && message->attempts >= ATTEMPTS_MIN;
}

/* Further away than any pause: the clock was set back since. */
static bool is_due(int64_t next, int64_t now)
{
	return next <= now || next > now + NOTIFY_OUTBOX_PAUSE_MAX;
}

/* One pass over what waits. */
struct round {
	const struct notify *notify;
	int64_t now;
	struct notify_outbox outbox;
	bool *silent; /* of each channel: its server did not answer in this round */
	struct notify_results *results;
};

static enum err try_again(struct round *round, size_t at, struct notify_message *message)
{
	const struct configuration *configuration = round->notify->configuration;
	const struct configuration_channel *channel = configuration_channel(configuration, message->channel);
	struct notify_result result;
	enum err err = notify_hand_over(round->notify, message);

	result = notify_result_of(message);
	if (err == ERR_OK) {
		result.ok = true;
		result.failure = (struct failure){0};
		notify_lost_forget(round->notify->state_folder, channel->name);
		err = notify_outbox_discard(&round->outbox, at);
		return err == ERR_OK ? notify_results_add(round->results, &result) : err;
	}
	if (err == ERR_NOMEM)
		return err;
	if (failure_last()->id != PL_NOTIFY_REFUSED)
		round->silent[channel - configuration->notifications] = true;
	/* To be asked to stop is nobody's fault: it counts as no attempt. */
	if (err != ERR_INTERRUPTED)
		message->attempts++;
	message->last_failure = *failure_last();
	message->next = round->now + notify_outbox_pause(message->attempts);
	result.kept = true;
	result.since = message->created;
	result.next = message->next;
	err = notify_outbox_store(&round->outbox, round->outbox.items[at].name, message);
	return err == ERR_OK ? notify_results_add(round->results, &result) : err;
}

static enum err visit(struct round *round, size_t at)
{
	const struct configuration *configuration = round->notify->configuration;
	const struct configuration_channel *channel;
	struct notify_message message = {.job = "", .channel = ""};
	enum err err = notify_outbox_load(&round->outbox, at, &message);

	if (err == ERR_MISSING)
		return ERR_OK; /* given up by a process that needed room */
	if (err == ERR_CORRUPT)
		return notify_outbox_give_up(round->notify, &round->outbox, at,
		    &(struct notify_message){.job = "", .channel = ""}, round->results);
	if (err == ERR_IO) {
		/* It stays, and status names it; what is behind it must not wait for a disk. */
		output_failure_warning(failure_last());
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	channel = configuration_channel(configuration, message.channel);
	if (!channel || channel->metrics) {
		notify_outbox_fail_dropped(&message, "the configuration has that channel no more");
		err = notify_outbox_give_up(round->notify, &round->outbox, at, &message, round->results);
	} else if (is_too_old(round->notify, &message, round->now)) {
		notify_outbox_fail_dropped(&message, "it is too old");
		err = notify_outbox_give_up(round->notify, &round->outbox, at, &message, round->results);
	} else if (!round->silent[channel - configuration->notifications] && is_due(message.next, round->now)) {
		err = try_again(round, at, &message);
	}
	notify_message_free(&message);
	return err;
}

/* -1: another process has it, or there is nothing to lock. */
static enum err take_lock(const char *state_folder, int *lock)
{
	char *path = path_join(state_folder, "notify/lock");
	enum err err = path ? ERR_OK : ERR_NOMEM;

	*lock = -1;
	if (err == ERR_OK)
		*lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (err == ERR_OK && *lock < 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot open %s", path);
	if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			err = fail_errno(PL_FILE_WRITE, "cannot lock %s", path);
		close(*lock);
		*lock = -1;
	}
	mem_free(path);
	return err;
}

enum err notify_outbox_retry(const struct notify *notify, int64_t now, struct notify_results *results)
{
	struct round round = {.notify = notify, .now = now, .results = results};
	int lock;
	enum err err = take_lock(notify->state_folder, &lock);

	if (err != ERR_OK || lock < 0)
		return err;
	round.silent = mem_calloc(notify->configuration->notifications_count + 1, sizeof(*round.silent));
	err = round.silent ? notify_outbox_open(&round.outbox, notify->state_folder) : ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < round.outbox.count && !interrupt_requested(); i++)
		err = visit(&round, i);
	close(lock);
	notify_outbox_close(&round.outbox);
	mem_free(round.silent);
	return err;
}

/* ---- when to look ---- */

/* When the folder was changed last; 0: there is none. */
static enum err read_stamp(const char *folder, int64_t *stamp)
{
	struct stat status;

	*stamp = 0;
	if (stat(folder, &status) == 0)
		*stamp = status.st_mtim.tv_sec * CLOCK_SECOND + status.st_mtim.tv_nsec;
	else if (errno != ENOENT)
		return fail_errno(PL_FILE_READ, "cannot read the folder %s", folder);
	return ERR_OK;
}

static enum err find_next(const struct notify_outbox *outbox, int64_t *next)
{
	*next = NOTIFY_OUTBOX_NEVER;
	for (size_t i = 0; i < outbox->count; i++) {
		struct notify_message message = {0};
		enum err err = notify_outbox_load(outbox, i, &message);
		int64_t at = message.next;

		notify_message_free(&message);
		if (err == ERR_MISSING || err == ERR_IO)
			continue;
		if (err == ERR_CORRUPT)
			at = 0; /* it is given up when somebody comes to it */
		else if (err != ERR_OK)
			return err;
		if (at < *next)
			*next = at;
	}
	failure_clear();
	return ERR_OK;
}

enum err notify_outbox_due(struct notify_outbox_watch *watch, const char *state_folder, int64_t now, bool *due)
{
	struct notify_outbox outbox = {.folder = path_join(state_folder, "notify/outbox")};
	int64_t stamp = 0;
	enum err err = outbox.folder ? read_stamp(outbox.folder, &stamp) : ERR_NOMEM;

	*due = false;
	if (err == ERR_OK && stamp != 0 && (stamp != watch->stamp || clock_monotonic() > watch->until)) {
		notify_outbox_close(&outbox);
		err = notify_outbox_open(&outbox, state_folder);
		if (err == ERR_OK)
			err = find_next(&outbox, &watch->next);
		watch->stamp = err == ERR_OK ? stamp : 0;
		watch->until = clock_monotonic() + TRUST;
	}
	if (err == ERR_OK && stamp != 0 && watch->next != NOTIFY_OUTBOX_NEVER)
		*due = is_due(watch->next, now);
	notify_outbox_close(&outbox);
	return err;
}
