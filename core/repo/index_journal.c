/* Crash story. A pack is appended here, and synced, once it is durable in the target and before anybody counts on it. A run that dies
 * leaves its journal unlocked; the next one takes its packs over instead of storing them again, and removes the file only when its own
 * index objects name them. A record that the crash cut off fails its checksum: it and what follows is not used, and those packs are
 * stored again. */
#include "core/base/file.h"
#include "core/repo/index_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "PULIHJRN"
#define VERSION 1
#define HEADER_SIZE 48
#define RECORD_HEADER 12
#define PAYLOAD_MIN (OBJECT_ID_SIZE + 9)
#define PAYLOAD_MAX (DIRECTORY_MAX + PAYLOAD_MIN)
#define TEMPORARY ".tmp-"

static void encode_header(uint8_t header[HEADER_SIZE], const struct index_scope *scope)
{
	memset(header, 0, HEADER_SIZE);
	memcpy(header, MAGIC, 8);
	store_u16(header + 8, VERSION);
	memcpy(header + 16, scope->repository, REPOSITORY_ID_SIZE);
	memcpy(header + 32, scope->domain, DOMAIN_TAG_SIZE);
}

void index_journal_close(struct journal *journal, bool remove)
{
	while (journal) {
		struct journal *next = journal->next;

		/* Removed while it is still locked, so that nobody adopts it in between. */
		if (remove)
			unlink(journal->path);
		if (journal->fd >= 0)
			close(journal->fd);
		mem_free(journal->path);
		mem_free(journal);
		journal = next;
	}
}

/* It gets its name only when it is locked: an unlocked journal is taken for that of a dead session. */
static enum err create(struct journal *journal, const char *temporary, const struct index_scope *scope)
{
	uint8_t header[HEADER_SIZE];

	encode_header(header, scope);
	journal->fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return fail_errno(PL_INDEX_CACHE, "cannot create %s", temporary);
	if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot lock %s", temporary);
	if (file_write_all(journal->fd, header, sizeof(header)) != 0 || fsync(journal->fd) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot write %s", temporary);
	if (rename(temporary, journal->path) != 0)
		return fail_errno(PL_INDEX_CACHE, "cannot rename %s", temporary);
	return file_sync_folder_of(journal->path);
}

enum err index_journal_new(struct journal **out, const char *folder, const struct index_scope *scope)
{
	struct journal *journal = mem_calloc(1, sizeof(*journal));
	char *temporary = NULL, digits[17];
	uint8_t random[8];
	enum err err;

	*out = NULL;
	if (!journal)
		return ERR_NOMEM;
	journal->fd = -1;
	err = crypto_random(random, sizeof(random));
	if (err != ERR_OK)
		goto done;
	hex_encode(digits, random, sizeof(random));
	journal->path = mem_printf("%s/%s" JOURNAL_SUFFIX, folder, digits);
	temporary = mem_printf("%s/" TEMPORARY "%s", folder, digits);
	err = journal->path && temporary ? create(journal, temporary, scope) : ERR_NOMEM;
	if (err != ERR_OK) {
		if (temporary && journal->fd >= 0)
			unlink(temporary);
		goto done;
	}
	*out = journal;
	journal = NULL;
done:
	index_journal_close(journal, journal && journal->path);
	mem_free(temporary);
	return err;
}

enum err index_journal_append(struct journal *journal, const struct index_pack *pack)
{
	struct buffer record = {0};
	enum err err = buffer_append(&record, (const uint8_t[RECORD_HEADER]){0}, RECORD_HEADER);

	/* Behind a record that was half written, nothing would be found. */
	if (err == ERR_OK && journal->failed)
		err = fail(PL_INDEX_CACHE, "%s could not be written before", journal->path);
	if (err == ERR_OK)
		err = buffer_append(&record, pack->id, OBJECT_ID_SIZE);
	if (err == ERR_OK)
		err = buffer_append_u8(&record, pack->directory.type);
	if (err == ERR_OK)
		err = buffer_append_u64(&record, pack->size);
	if (err == ERR_OK)
		err = directory_encode(&pack->directory, &record);
	if (err != ERR_OK)
		goto done;
	store_u32(record.data, (uint32_t)(record.length - RECORD_HEADER));
	store_u64(record.data + 4, XXH3_64bits(record.data + RECORD_HEADER, record.length - RECORD_HEADER));
	if (file_write_all(journal->fd, record.data, record.length) != 0 || fdatasync(journal->fd) != 0) {
		journal->failed = true;
		err = fail_errno(PL_INDEX_CACHE, "cannot write %s", journal->path);
	}
done:
	buffer_free(&record);
	return err;
}

/* ---- adopting ---- */

typedef enum err (*pack_visit)(void *context, struct index_pack *pack);

/* One record's payload. What is not right ends the journal: *end. */
static enum err visit_payload(const struct buffer *payload, pack_visit visit, void *context, bool *end)
{
	struct cursor cursor = cursor_of(payload->data, payload->length);
	struct index_pack pack = {0};
	uint8_t type = 0;
	enum err err;

	cursor_copy(&cursor, pack.id, OBJECT_ID_SIZE);
	cursor_u8(&cursor, &type);
	cursor_u64(&cursor, &pack.size);
	*end = cursor.bad || (type != PACK_DATA && type != PACK_METADATA);
	if (*end)
		return ERR_OK;
	err = directory_decode(&cursor, type, &pack.directory);
	if (err == ERR_OK && cursor_left(&cursor) == 0)
		err = visit(context, &pack);
	else if (err != ERR_NOMEM)
		*end = true;
	directory_free(&pack.directory);
	return *end ? ERR_OK : err;
}

static enum err read_records(const struct journal *journal, pack_visit visit, void *context)
{
	struct buffer payload = {0};
	off_t at = HEADER_SIZE;
	bool end = false;
	enum err err = ERR_OK;

	while (err == ERR_OK && !end) {
		uint8_t header[RECORD_HEADER];
		uint32_t length;

		if (file_pread_full(journal->fd, header, sizeof(header), at) != RECORD_HEADER)
			break;
		length = load_u32(header);
		if (length < PAYLOAD_MIN || length > PAYLOAD_MAX)
			break;
		buffer_clear(&payload);
		err = buffer_reserve(&payload, length);
		if (err != ERR_OK ||
		    file_pread_full(journal->fd, payload.data, length, at + RECORD_HEADER) != (ssize_t)length)
			break;
		payload.length = length;
		if (XXH3_64bits(payload.data, length) != load_u64(header + 4))
			break;
		err = visit_payload(&payload, visit, context, &end);
		at += RECORD_HEADER + (off_t)length;
	}
	buffer_free(&payload);
	return err;
}

/* *out is NULL where the journal is not there, is that of a living session, or is not ours. */
static enum err open_dead(struct journal **out, const char *folder, const char *name, const struct index_scope *scope)
{
	uint8_t header[HEADER_SIZE], expected[HEADER_SIZE];
	struct journal *journal = mem_calloc(1, sizeof(*journal));
	struct stat status;
	enum err err = ERR_OK;

	*out = NULL;
	if (!journal)
		return ERR_NOMEM;
	journal->fd = -1;
	journal->path = path_join(folder, name);
	if (!journal->path) {
		err = ERR_NOMEM;
		goto done;
	}
	journal->fd = open(journal->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (journal->fd < 0 || flock(journal->fd, LOCK_EX | LOCK_NB) != 0)
		goto done;
	/* Its session may have ended, and removed it, between the opening and the locking. */
	if (fstat(journal->fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink == 0)
		goto done;
	encode_header(expected, scope);
	if (file_pread_full(journal->fd, header, sizeof(header), 0) != HEADER_SIZE ||
	    memcmp(header, expected, sizeof(header)) != 0)
		goto done;
	*out = journal;
	journal = NULL;
done:
	index_journal_close(journal, false);
	return err;
}

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return name[0] != '.' && length > end_length && strcmp(name + length - end_length, end) == 0;
}

enum err index_journal_adopt(
    struct journal **out, const char *folder, const struct index_scope *scope, pack_visit visit, void *context)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	enum err err = ERR_OK;

	*out = NULL;
	if (!entries)
		return fail_errno(PL_INDEX_CACHE, "cannot list %s", folder);
	while (err == ERR_OK && (errno = 0, entry = readdir(entries)) != NULL) {
		struct journal *journal;

		if (!ends_in(entry->d_name, JOURNAL_SUFFIX))
			continue;
		err = open_dead(&journal, folder, entry->d_name, scope);
		if (!journal)
			continue;
		journal->next = *out;
		*out = journal;
		err = read_records(journal, visit, context);
	}
	if (err == ERR_OK && errno != 0)
		err = fail_errno(PL_INDEX_CACHE, "cannot list %s", folder);
	closedir(entries);
	return err;
}
