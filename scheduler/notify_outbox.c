#include "scheduler/notify_outbox_internal.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "scheduler/notify_lost.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE (60 * CLOCK_SECOND)
#define SUFFIX ".json"
#define NAME_PREFIX (16 + 1 + (MESSAGE_ID_SIZE - 1) + 1) /* characters in front of the channel */

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
	return strcmp(((const struct notify_waiting *)a)->name, ((const struct notify_waiting *)b)->name);
}

static enum err take_name(struct notify_outbox *outbox, int folder, const char *name)
{
	struct notify_waiting *items = mem_resize(outbox->items, outbox->count + 1, sizeof(*items));
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

void notify_outbox_close(struct notify_outbox *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		mem_free(outbox->items[i].name);
	mem_free(outbox->items);
	mem_free(outbox->folder);
}

enum err notify_outbox_open(struct notify_outbox *outbox, const char *state_folder)
{
	DIR *directory = NULL;
	const struct dirent *entry;
	enum err err;

	*outbox = (struct notify_outbox){.folder = path_join(state_folder, "notify/outbox")};
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

enum err notify_outbox_load(const struct notify_outbox *outbox, size_t at, struct notify_message *message)
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

enum err notify_outbox_discard(const struct notify_outbox *outbox, size_t at)
{
	char *path = path_join(outbox->folder, outbox->items[at].name);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && unlink(path) != 0 && errno != ENOENT)
		err = fail_errno(PL_FILE_WRITE, "cannot remove %s", path);
	mem_free(path);
	return err;
}

enum err notify_outbox_store(const struct notify_outbox *outbox, const char *name, const struct notify_message *message)
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

enum err notify_outbox_give_up(const struct notify *notify, const struct notify_outbox *outbox, size_t at,
    const struct notify_message *message, struct notify_results *results)
{
	struct notify_result result = notify_result_of(message);
	const char *name = outbox->items[at].name;
	enum err err;

	/* The name still tells the channel of one that is damaged. */
	if (!result.channel[0])
		snprintf(result.channel, sizeof(result.channel), "%.*s",
		    (int)(strlen(name) - NAME_PREFIX - strlen(SUFFIX)), name + NAME_PREFIX);
	err = notify_lost_add(notify->state_folder, &result);
	if (err == ERR_OK)
		err = notify_outbox_discard(outbox, at);
	return err == ERR_OK ? notify_results_add(results, &result) : err;
}

/* ---- what waits too long, or in the way ---- */

int64_t notify_outbox_pause(int attempts)
{
	int64_t pause = MINUTE;

	for (int i = 1; i < attempts && pause < NOTIFY_OUTBOX_PAUSE_MAX; i++)
		pause *= 2;
	return pause < NOTIFY_OUTBOX_PAUSE_MAX ? pause : NOTIFY_OUTBOX_PAUSE_MAX;
}

enum err notify_outbox_fail_dropped(const struct notify_message *message, const char *why)
{
	return fail(PL_NOTIFY_DROPPED, "%s of %s for channel %s is given up: %s; tried %d time%s%s%s",
	    notify_kind_name(message->kind), message->job[0] ? message->job : "pulih", message->channel, why,
	    message->attempts, message->attempts == 1 ? "" : "s", message->attempts > 0 ? ", at last: " : "",
	    message->attempts > 0 ? message->last_failure.text : "");
}

static enum err make_room(
    const struct notify *notify, struct notify_outbox *outbox, uint64_t size, struct notify_results *results)
{
	size_t left = outbox->count;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < outbox->count; i++, left--) {
		struct notify_message message = {.job = "", .channel = ""};

		if (left < NOTIFY_OUTBOX_ITEMS && outbox->bytes + size <= NOTIFY_OUTBOX_BYTES)
			break;
		outbox->bytes -= outbox->items[i].size;
		err = notify_outbox_load(outbox, i, &message);
		if (err == ERR_MISSING) { /* sent meanwhile */
			err = ERR_OK;
			continue;
		}
		if (err == ERR_OK)
			notify_outbox_fail_dropped(&message, "too many wait");
		else
			message = (struct notify_message){.job = "", .channel = ""};
		if (err != ERR_NOMEM)
			err = notify_outbox_give_up(notify, outbox, i, &message, results);
		notify_message_free(&message);
	}
	return err;
}

enum err notify_outbox_supersede(const struct notify *notify, const struct notify_message *message)
{
	struct notify_outbox outbox;
	enum err err = notify_outbox_open(&outbox, notify->state_folder);

	for (size_t i = 0; err == ERR_OK && i < outbox.count; i++) {
		struct notify_message older = {0};

		if (!is_of_channel(outbox.items[i].name, message->channel) ||
		    notify_outbox_load(&outbox, i, &older) != ERR_OK)
			continue;
		/* That a run begins does not make good that another failed. */
		if (strcmp(older.job, message->job) == 0 &&
		    !(message->kind == NOTIFY_START && notify_is_alarm(older.kind, older.failure_kind)))
			err = notify_outbox_discard(&outbox, i);
		notify_message_free(&older);
	}
	notify_outbox_close(&outbox);
	return err;
}

/* A new one, with its attempts and what comes next. */
static enum err keep(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results)
{
	const struct configuration_channel *channel = configuration_channel(notify->configuration, message->channel);
	struct notify_outbox outbox = {0};
	struct buffer bytes = {0};
	char *name = mem_printf("%016llx-%s-%s" SUFFIX, (unsigned long long)now, message->id, message->channel);
	enum err err = name ? ERR_OK : ERR_NOMEM;

	message->created = now;
	if (err == ERR_OK && channel && channel->ping)
		err = notify_outbox_supersede(notify, message);
	if (err == ERR_OK)
		err = notify_outbox_open(&outbox, notify->state_folder);
	if (err == ERR_OK)
		err = file_make_folders(outbox.folder, 0700);
	if (err == ERR_OK)
		err = notify_message_write(message, &bytes);
	if (err == ERR_OK)
		err = make_room(notify, &outbox, bytes.length, results);
	if (err == ERR_OK)
		err = notify_outbox_store(&outbox, name, message);
	notify_outbox_close(&outbox);
	buffer_free(&bytes);
	mem_free(name);
	return err;
}

enum err notify_outbox_add(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results)
{
	message->last_failure = *failure_last();
	message->attempts = 1;
	message->next = now + notify_outbox_pause(1);
	return keep(notify, message, now, results);
}

enum err notify_outbox_put(
    const struct notify *notify, struct notify_message *message, int64_t now, struct notify_results *results)
{
	message->last_failure = (struct failure){0};
	message->attempts = 0;
	message->next = now;
	return keep(notify, message, now, results);
}

enum err notify_outbox_count(const char *state_folder, size_t *count)
{
	struct notify_outbox outbox;
	enum err err = notify_outbox_open(&outbox, state_folder);

	*count = outbox.count;
	notify_outbox_close(&outbox);
	return err;
}

enum err notify_outbox_list(const char *state_folder, struct notify_results *results)
{
	struct notify_outbox outbox;
	enum err err = notify_outbox_open(&outbox, state_folder);

	for (size_t i = 0; err == ERR_OK && i < outbox.count; i++) {
		struct notify_message message = {0};
		struct notify_result result;

		err = notify_outbox_load(&outbox, i, &message);
		if (err == ERR_MISSING || err == ERR_CORRUPT) {
			err = ERR_OK; /* the next round tells it */
			continue;
		}
		if (err != ERR_OK)
			break;
		result = notify_result_of(&message);
		result.kept = true;
		result.since = message.created;
		result.next = message.next;
		result.failure = message.last_failure;
		err = notify_results_add(results, &result);
		notify_message_free(&message);
	}
	notify_outbox_close(&outbox);
	return err;
}
