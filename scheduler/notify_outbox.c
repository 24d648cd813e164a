#include "scheduler/notify_internal.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE (60 * CLOCK_SECOND)
#define PAUSE_MAX (6 * 60 * MINUTE)
#define AGE_MAX (7 * 24 * 60 * MINUTE)
#define AGE_MAX_PING (6 * 60 * MINUTE)
/* A clock that was set right after it had been far behind makes a young message look old: it is tried that often all the same. */
#define ATTEMPTS_MIN 5
#define SUFFIX ".json"
#define NAME_PREFIX (16 + 1 + (MESSAGE_ID_SIZE - 1) + 1) /* characters in front of the channel */

struct waiting {
	char *name;
	uint64_t size;
};
struct outbox {
	char *folder;
	struct waiting *items; /* oldest first */
	size_t count;
	uint64_t bytes;
};

static bool is_message_name(const char *name)
{
	size_t length = strlen(name);

	return length > NAME_PREFIX + strlen(SUFFIX) &&
	    length <= NAME_PREFIX + CONFIGURATION_NAME_MAX + strlen(SUFFIX) &&
	    strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0 && strspn(name, "0123456789abcdef") == 16 &&
	    name[16] == '-' && strspn(name + 17, "0123456789abcdef") == MESSAGE_ID_SIZE - 1 &&
	    name[NAME_PREFIX - 1] == '-';
}

static bool is_of_channel(const char *name, const char *channel)
{
	size_t length = strlen(channel);

	return strncmp(name + NAME_PREFIX, channel, length) == 0 && strcmp(name + NAME_PREFIX + length, SUFFIX) == 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct waiting *)a)->name, ((const struct waiting *)b)->name);
}

static enum err take_name(struct outbox *outbox, int folder, const char *name)
{
	struct waiting *items = mem_resize(outbox->items, outbox->count + 1, sizeof(*items));
	struct stat status;

	if (!items)
		return ERR_NOMEM;
	outbox->items = items;
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return ERR_OK; /* sent meanwhile */
	items[outbox->count].name = mem_string(name);
	if (!items[outbox->count].name)
		return ERR_NOMEM;
	items[outbox->count++].size = (uint64_t)status.st_size;
	outbox->bytes += (uint64_t)status.st_size;
	return ERR_OK;
}

static void outbox_close(struct outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		mem_free(outbox->items[i].name);
	mem_free(outbox->items);
	mem_free(outbox->folder);
}

/* What waits. No folder is an empty one. Released with outbox_close in any case. */
static enum err outbox_open(struct outbox *outbox, const char *state_folder)
{
	DIR *directory = NULL;
	const struct dirent *entry;
	enum err err;

	*outbox = (struct outbox){.folder = path_join(state_folder, "notify/outbox")};
	err = outbox->folder ? ERR_OK : ERR_NOMEM;
	if (err == ERR_OK && !(directory = opendir(outbox->folder)) && errno != ENOENT)
		err = fail_errno(PL_FILE_READ, "cannot read the folder %s", outbox->folder);
	while (err == ERR_OK && directory && (entry = readdir(directory)) != NULL)
		if (is_message_name(entry->d_name))
			err = take_name(outbox, dirfd(directory), entry->d_name);
	if (directory)
		closedir(directory);
	if (outbox->count > 0)
		qsort(outbox->items, outbox->count, sizeof(*outbox->items), compare);
	return err;
}

/* PL_NOTIFY_OUTBOX where it is damaged, ERR_MISSING where it is gone. */
static enum err load(const struct outbox *outbox, size_t at, struct notify_message *message)
{
	char *path = path_join(outbox->folder, outbox->items[at].name);
	struct buffer bytes = {0};
	enum err err = path ? file_read_all(path, MESSAGE_MAX, &bytes) : ERR_NOMEM;

	if (err == ERR_LIMIT)
		err = fail(PL_NOTIFY_OUTBOX, "%s is larger than a message", path);
	if (err == ERR_OK)
		err = notify_message_read(message, bytes.data, bytes.length, path);
	/* A version that this program does not know is no message of its own either. */
	if (err == ERR_UNSUPPORTED)
		err = fail(PL_NOTIFY_OUTBOX, "%s was written by another version", path);
	if (err == ERR_OK && !is_of_channel(outbox->items[at].name, message->channel)) {
		err = fail(PL_NOTIFY_OUTBOX, "%s is a message for channel %s", path, message->channel);
		notify_message_free(message);
	}
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

static enum err discard(const struct outbox *outbox, size_t at)
{
	char *path = path_join(outbox->folder, outbox->items[at].name);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && unlink(path) != 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", path);
	mem_free(path);
	return err;
}

static enum err store(const struct outbox *outbox, const char *name, const struct notify_message *message)
{
	char *path = path_join(outbox->folder, name);
	struct buffer bytes = {0};
	enum err err = path ? notify_message_write(message, &bytes) : ERR_NOMEM;

	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0600);
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

/* One that is given up: told with failure_last(), and taken away. */
static enum err give_up(
    const struct outbox *outbox, size_t at, const struct notify_message *message, struct notify_results *results)
{
	struct notify_result result = notify_result_of(message);
	const char *name = outbox->items[at].name;
	enum err err;

	/* The name still tells the channel of one that is damaged. */
	if (!result.channel[0])
		snprintf(result.channel, sizeof(result.channel), "%.*s",
		    (int)(strlen(name) - NAME_PREFIX - strlen(SUFFIX)), name + NAME_PREFIX);
	err = discard(outbox, at);
	return err == ERR_OK ? notify_results_add(results, &result) : err;
}

/* ---- what waits too long, or in the way ---- */

static int64_t pause_after(int attempts)
{
	int64_t pause = MINUTE;

	for (int i = 1; i < attempts && pause < PAUSE_MAX; i++)
		pause *= 2;
	return pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

static bool is_too_old(const struct notify *notify, const struct notify_message *message, int64_t now)
{
	const struct configuration_channel *channel = configuration_channel(notify->configuration, message->channel);
	int64_t age = now - message->created;

	if (channel && channel->ping)
		return age > AGE_MAX_PING;
	return age > AGE_MAX && message->attempts >= ATTEMPTS_MIN;
}

/* What the message was about, for one that is given up. */
static enum err fail_dropped(const struct notify_message *message, const char *why)
{
	return fail(PL_NOTIFY_DROPPED, "%s of %s for channel %s is given up: %s; tried %d times, at last: %s",
	    notify_kind_name(message->kind), message->job[0] ? message->job : "pulih", message->channel, why,
	    message->attempts, message->last_failure.text);
}

static enum err make_room(struct outbox *outbox, uint64_t size, struct notify_results *results)
{
	size_t left = outbox->count;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < outbox->count; i++, left--) {
		struct notify_message message = {.job = "", .channel = ""};

		if (left < NOTIFY_OUTBOX_ITEMS && outbox->bytes + size <= NOTIFY_OUTBOX_BYTES)
			break;
		outbox->bytes -= outbox->items[i].size;
		err = load(outbox, i, &message);
		if (err == ERR_MISSING) { /* sent meanwhile */
			err = ERR_OK;
			continue;
		}
		if (err == ERR_OK)
			fail_dropped(&message, "too many wait");
		else
			message = (struct notify_message){.job = "", .channel = ""};
		if (err != ERR_NOMEM)
			err = give_up(outbox, i, &message, results);
		notify_message_free(&message);
	}
	return err;
}

enum err notify_outbox_supersede(const struct notify *notify, const struct notify_message *message)
{
	struct outbox outbox;
	enum err err = outbox_open(&outbox, notify->state_folder);

	for (size_t i = 0; err == ERR_OK && i < outbox.count; i++) {
		struct notify_message older = {0};

		if (!is_of_channel(outbox.items[i].name, message->channel) || load(&outbox, i, &older) != ERR_OK)
			continue;
		if (strcmp(older.job, message->job) == 0)
			err = discard(&outbox, i);
		notify_message_free(&older);
	}
	outbox_close(&outbox);
	return err;
}

enum err notify_outbox_add(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results)
{
	const struct configuration_channel *channel = configuration_channel(notify->configuration, message->channel);
	struct outbox outbox = {0};
	struct buffer bytes = {0};
	char *name = mem_printf("%016llx-%s-%s" SUFFIX, (unsigned long long)now, message->id, message->channel);
	enum err err = name ? ERR_OK : ERR_NOMEM;

	message->last_failure = *failure_last();
	message->attempts = 1;
	message->created = now;
	message->next = now + pause_after(1);
	if (err == ERR_OK && channel && channel->ping)
		err = notify_outbox_supersede(notify, message);
	if (err == ERR_OK)
		err = outbox_open(&outbox, notify->state_folder);
	if (err == ERR_OK)
		err = file_make_folders(outbox.folder, 0700);
	if (err == ERR_OK)
		err = notify_message_write(message, &bytes);
	if (err == ERR_OK)
		err = make_room(&outbox, bytes.length, results);
	if (err == ERR_OK)
		err = store(&outbox, name, message);
	outbox_close(&outbox);
	buffer_free(&bytes);
	mem_free(name);
	return err;
}

/* ---- sending again ---- */

/* One pass over what waits. */
struct round {
	const struct notify *notify;
	int64_t now;
	struct outbox outbox;
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
		err = discard(&round->outbox, at);
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
	message->next = round->now + pause_after(message->attempts);
	result.kept = true;
	result.next = message->next;
	err = store(&round->outbox, round->outbox.items[at].name, message);
	return err == ERR_OK ? notify_results_add(round->results, &result) : err;
}

static enum err visit(struct round *round, size_t at)
{
	const struct configuration *configuration = round->notify->configuration;
	const struct configuration_channel *channel;
	struct notify_message message = {.job = "", .channel = ""};
	enum err err = load(&round->outbox, at, &message);

	if (err == ERR_MISSING)
		return ERR_OK; /* given up by a process that needed room */
	if (err == ERR_CORRUPT)
		return give_up(&round->outbox, at, &(struct notify_message){.job = "", .channel = ""}, round->results);
	if (err != ERR_OK)
		return err;
	channel = configuration_channel(configuration, message.channel);
	if (!channel || channel->metrics) {
		fail_dropped(&message, "the configuration has that channel no more");
		err = give_up(&round->outbox, at, &message, round->results);
	} else if (is_too_old(round->notify, &message, round->now)) {
		fail_dropped(&message, "it is too old");
		err = give_up(&round->outbox, at, &message, round->results);
	} else if (!round->silent[channel - configuration->notifications] &&
	    (message.next <= round->now || message.next > round->now + PAUSE_MAX)) {
		/* Further away than any pause: the clock was set back since. */
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
	err = round.silent ? outbox_open(&round.outbox, notify->state_folder) : ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < round.outbox.count && !interrupt_requested(); i++)
		err = visit(&round, i);
	close(lock);
	outbox_close(&round.outbox);
	mem_free(round.silent);
	return err;
}

enum err notify_outbox_count(const char *state_folder, size_t *count)
{
	struct outbox outbox;
	enum err err = outbox_open(&outbox, state_folder);

	*count = outbox.count;
	outbox_close(&outbox);
	return err;
}

enum err notify_outbox_list(const char *state_folder, struct notify_results *results)
{
	struct outbox outbox;
	enum err err = outbox_open(&outbox, state_folder);

	for (size_t i = 0; err == ERR_OK && i < outbox.count; i++) {
		struct notify_message message = {0};
		struct notify_result result;

		err = load(&outbox, i, &message);
		if (err == ERR_MISSING || err == ERR_CORRUPT) {
			err = ERR_OK; /* the next round tells it */
			continue;
		}
		if (err != ERR_OK)
			break;
		result = notify_result_of(&message);
		result.kept = true;
		result.next = message.next;
		result.failure = message.last_failure;
		err = notify_results_add(results, &result);
		notify_message_free(&message);
	}
	outbox_close(&outbox);
	return err;
}
