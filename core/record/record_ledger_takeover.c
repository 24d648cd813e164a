/* The ledger of earlier versions: <state>/records/ with <run id>.json for each record, `last` (JSON: number, id and hash of the last one, and
 * the id of one that was announced), and `lock` (flock).
 *
 * Crash story: everything is added in one transaction; until its commit the new ledger is empty, and the next who opens it starts over. */
#include "core/record/record_ledger_internal.h"

#include "core/base/buffer.h"
#include "core/base/file.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

#define LAST_MAX 4096 /* bytes of `last` */
#define SUFFIX ".json"

struct found {
	uint64_t number;
	char id[RECORD_ID_SIZE];
};

struct takeover {
	struct record_ledger *ledger;
	char *folder;
	int lock;
	struct buffer found; /* struct found, in no order */
};

/* The id in a file's name; false where it is no record's. */
static bool id_of(const char *name, char id[RECORD_ID_SIZE])
{
	size_t length = strlen(name);

	if (length <= strlen(SUFFIX) || length - strlen(SUFFIX) >= RECORD_ID_SIZE ||
	    strcmp(name + length - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	snprintf(id, RECORD_ID_SIZE, "%.*s", (int)(length - strlen(SUFFIX)), name);
	return record_id_valid(id);
}

enum err record_ledger_takeover_needed(const char *state_folder, bool *needed)
{
	char *folder = path_join(state_folder, "records"), id[RECORD_ID_SIZE];
	DIR *directory = folder ? opendir(folder) : NULL;
	struct dirent *entry;
	enum err err = folder ? ERR_OK : ERR_NOMEM;

	*needed = false;
	/* A ledger that cannot be seen must not be taken for none: a new one would begin beside it. */
	if (err == ERR_OK && !directory && errno != ENOENT)
		err = fail_errno(PL_FILE_READ, "cannot read the folder %s", folder);
	while (directory && !*needed && (entry = readdir(directory)) != NULL)
		*needed = id_of(entry->d_name, id);
	if (directory)
		closedir(directory);
	mem_free(folder);
	return err;
}

static enum err read_file(const struct takeover *takeover, const char *id, struct buffer *out)
{
	char *path = mem_printf("%s/%s" SUFFIX, takeover->folder, id);
	enum err err = path ? file_read_all(path, RECORD_MAX, out) : ERR_NOMEM;

	mem_free(path);
	return err;
}

/* Only the number: the order in which they are checked and added. */
static enum err find_one(struct takeover *takeover, const char *id)
{
	struct record_original original = {0};
	struct buffer bytes = {0};
	struct found found = {0};
	enum err err = read_file(takeover, id, &bytes);

	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err == ERR_OK && strcmp(json_string_value(json_object_get(original.record, "id")), id) != 0)
		err = fail(PL_RECORD_BROKEN, "it is the record of another run");
	if (err == ERR_OK) {
		found.number = (uint64_t)json_integer_value(json_object_get(original.record, "number"));
		snprintf(found.id, sizeof(found.id), "%s", id);
		err = buffer_append(&takeover->found, &found, sizeof(found));
	} else if (err != ERR_NOMEM) {
		fail_context(err, "%s/%s" SUFFIX, takeover->folder, id);
	}
	record_original_free(&original);
	buffer_free(&bytes);
	return err;
}

static enum err find_all(struct takeover *takeover)
{
	DIR *directory = opendir(takeover->folder);
	struct dirent *entry;
	char id[RECORD_ID_SIZE];
	enum err err = ERR_OK;

	if (!directory)
		return fail_errno(PL_FILE_READ, "cannot read the folder %s", takeover->folder);
	while (err == ERR_OK && (entry = readdir(directory)) != NULL)
		if (id_of(entry->d_name, id))
			err = find_one(takeover, id);
	closedir(directory);
	return err;
}

static int by_number(const void *a, const void *b)
{
	const struct found *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

static enum err add_all(struct takeover *takeover)
{
	struct found *found = (struct found *)takeover->found.data;
	size_t count = takeover->found.length / sizeof(*found);
	struct buffer bytes = {0};
	enum err err = ERR_OK;

	if (count > 0)
		qsort(found, count, sizeof(*found), by_number);
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		buffer_clear(&bytes);
		err = read_file(takeover, found[i].id, &bytes);
		if (err == ERR_OK)
			err = record_ledger_add_original(takeover->ledger, bytes.data, bytes.length);
		if (err != ERR_OK && err != ERR_NOMEM)
			fail_context(err, "%s/%s" SUFFIX, takeover->folder, found[i].id);
	}
	buffer_free(&bytes);
	return err;
}

/* Context of check_named. */
struct named {
	const char *id, *hash;
	bool there;
};

static enum err check_named(void *context, const struct record_row *row)
{
	struct named *named = context;
	char hash[2 * HASH_SIZE + 1];

	hex_encode(hash, row->original->hash, HASH_SIZE);
	named->there = strcmp(row->heading->id, named->id) == 0 && strcmp(hash, named->hash) == 0;
	return ERR_OK;
}

/* What `last` names must be the last one, or the last but one where a crash came between an announced record and its naming. */
static enum err check_last(struct takeover *takeover)
{
	size_t count = takeover->found.length / sizeof(struct found);
	char *path = path_join(takeover->folder, "last");
	const struct record_filter filter = {.last = 1};
	struct buffer bytes = {0};
	struct named named = {0};
	const char *announced;
	json_t *object = NULL;
	json_int_t number, format;
	enum err err = path ? file_read_all(path, LAST_MAX, &bytes) : ERR_NOMEM;

	if (err == ERR_OK)
		err = canonical_parse(&object, bytes.data, bytes.length, PL_RECORD_BROKEN, path);
	if (err == ERR_OK)
		err = canonical_unpack(object, PL_RECORD_BROKEN, path, "{s:I, s:I, s:s, s:s, s:s}", "format", &format,
		    "number", &number, "id", &named.id, "hash", &named.hash, "announced", &announced);
	if (err == ERR_OK && number != (json_int_t)count && (number + 1 != (json_int_t)count || !*announced))
		err = fail(PL_RECORD_BROKEN, "%s says that there are %" JSON_INTEGER_FORMAT " records; there are %zu",
		    path, number, count);
	if (err == ERR_OK && number == (json_int_t)count) {
		err = record_ledger_each(takeover->ledger, &filter, check_named, &named);
		if (err == ERR_OK && !named.there)
			err = fail(PL_RECORD_BROKEN, "%s names another last record than there is", path);
	}
	json_decref(object);
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

/* A process of an earlier version may be at work: its lock is taken, too. */
static enum err take_lock(struct takeover *takeover)
{
	char *path = path_join(takeover->folder, "lock");
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK) {
		takeover->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (takeover->lock < 0)
			err = fail_errno(PL_FILE_WRITE, "cannot open %s", path);
	}
	while (err == ERR_OK && flock(takeover->lock, LOCK_EX) != 0)
		if (errno != EINTR)
			err = fail_errno(PL_FILE_WRITE, "cannot lock %s", path);
	mem_free(path);
	return err;
}

enum err record_ledger_takeover(struct record_ledger *ledger)
{
	struct takeover takeover = {.ledger = ledger, .folder = path_join(ledger->state_folder, "records"), .lock = -1};
	uint64_t count = 0;
	enum err err = takeover.folder ? take_lock(&takeover) : ERR_NOMEM;

	if (err == ERR_OK)
		err = record_ledger_begin(ledger);
	if (err == ERR_OK)
		err = record_ledger_count(ledger, &count);
	/* Another process may have been quicker. */
	if (err == ERR_OK && count == 0) {
		err = find_all(&takeover);
		if (err == ERR_OK)
			err = add_all(&takeover);
		if (err == ERR_OK)
			err = check_last(&takeover);
	}
	if (err == ERR_OK)
		err = record_ledger_commit(ledger);
	else
		record_ledger_rollback(ledger);
	if (err == ERR_OK && count == 0)
		output_note("%zu records of %s are in the ledger now; that folder is needed no more",
		    takeover.found.length / sizeof(struct found), takeover.folder);
	if (takeover.lock >= 0)
		close(takeover.lock);
	buffer_free(&takeover.found);
	mem_free(takeover.folder);
	return err;
}
