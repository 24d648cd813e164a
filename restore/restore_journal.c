/* Databases of SQLite that are restored over others. SQLite takes in the log or the journal that it finds beside a database when it next opens
 * that: left by the one that was replaced, it is none of the restored one's, and leaves it a mixture of both. Nothing is removed that the user
 * did not name, so it is told of. */
#include "restore/restore_internal.h"

#include "core/base/output.h"

#include <fcntl.h>

#define PAGE_MIN 512 /* bytes: databases are a multiple of it long */

static const char *const suffixes[] = {"-wal", "-journal"};

enum note { NOTE_THERE = '?', NOTE_RESTORED = '=' };

/* The buffer of a folder: a note, a name, NUL. */
static void take_note(struct restore *run, struct restore_folder *folder, enum note note, const char *name)
{
	enum err err;

	pthread_mutex_lock(&run->folders_lock);
	err = buffer_append_u8(&folder->journals, (uint8_t)note);
	if (err == ERR_OK)
		err = buffer_append(&folder->journals, name, strlen(name) + 1);
	pthread_mutex_unlock(&run->folders_lock);
	if (err != ERR_OK)
		restore_stop(run);
}

static bool is_journal(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < 2; i++)
		if (size > strlen(suffixes[i]) && strcmp(name + size - strlen(suffixes[i]), suffixes[i]) == 0)
			return true;
	return false;
}

static bool has_content(int folder_fd, const char *name)
{
	struct stat status;

	return fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size > 0;
}

void restore_journal_kept(struct restore *run, const struct restore_item *item)
{
	if (!item->folder->fresh && is_journal(item->entry->name))
		take_note(run, item->folder, NOTE_RESTORED, item->entry->name);
}

void restore_journal_restored(struct restore *run, const struct restore_item *item, int folder_fd)
{
	const struct entry *entry = &item->entry->entry;
	char name[256];

	restore_journal_kept(run, item);
	if (item->folder->fresh || entry->size == 0 || entry->size % PAGE_MIN != 0)
		return;
	for (size_t i = 0; i < 2; i++) {
		int length = snprintf(name, sizeof(name), "%s%s", item->entry->name, suffixes[i]);

		if (length < (int)sizeof(name) && has_content(folder_fd, name))
			take_note(run, item->folder, NOTE_THERE, name);
	}
}

static bool is_restored(const struct buffer *notes, const char *name)
{
	const char *at = (const char *)notes->data, *end = at + notes->length;

	for (; at < end; at += strlen(at) + 1)
		if (*at == NOTE_RESTORED && strcmp(at + 1, name) == 0)
			return true;
	return false;
}

void restore_journal_tell(struct restore *run, const struct restore_folder *folder, int fd)
{
	const char *at = (const char *)folder->journals.data, *end = at ? at + folder->journals.length : NULL;
	struct entry_bytes path = folder->entry ? folder->entry->entry.path : (struct entry_bytes){0};

	for (; at < end; at += strlen(at) + 1) {
		char *name;

		if (*at != NOTE_THERE || is_restored(&folder->journals, at + 1) || !has_content(fd, at + 1))
			continue;
		name = output_printable(at + 1, strlen(at + 1));
		(void)fail(PL_RESTORE_JOURNAL,
		    "%s in %s is of the database that was there before: SQLite would take it into the restored one",
		    name ? name : "?", restore_printable(path));
		restore_exception(run, path);
		mem_free(name);
	}
}
