#include "core/record/record_ledger.h"

#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/canonical.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define LAST_MAX 4096 /* bytes of `last` */
#define SUFFIX ".json"

struct ledger {
	char *folder;
	int lock;
	/* the last record; number 0: there is none */
	uint64_t number;
	char id[RECORD_ID_SIZE];
	uint8_t hash[HASH_SIZE];
};

static char *record_path(const char *folder, const char *run_id)
{
	return mem_printf("%s/%s" SUFFIX, folder, run_id);
}

static enum err read_record(const char *folder, const char *run_id, struct buffer *out)
{
	char *path = record_path(folder, run_id);
	enum err err = path ? file_read_all(path, RECORD_MAX, out) : ERR_NOMEM;

	if (err == ERR_MISSING)
		err = fail(PL_RECORD_MISSING, "there is no record of a run %s in %s", run_id, folder);
	mem_free(path);
	return err;
}

static enum err write_last(const struct ledger *ledger, const char *announced)
{
	char *path = path_join(ledger->folder, "last");
	char hash[2 * HASH_SIZE + 1];
	struct buffer bytes = {0};
	json_t *object = NULL;
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK)
		err = canonical_pack(&object, "{s:i, s:I, s:s, s:s, s:s}", "format", 1, "number",
		    (json_int_t)ledger->number, "id", ledger->id, "hash", hex_encode(hash, ledger->hash, HASH_SIZE),
		    "announced", announced);
	if (err == ERR_OK)
		err = canonical_write(object, &bytes);
	if (err == ERR_OK)
		err = file_replace(path, bytes.data, bytes.length, 0600);
	json_decref(object);
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

/* Damage of the ledger itself must not keep runs from leaving records: the chain goes on behind the last one that is sound. */
static enum err pass_over(enum err err, const char *instead)
{
	if (err != ERR_CORRUPT && err != ERR_LIMIT && err != ERR_UNSUPPORTED)
		return err;
	output_warning(failure_last()->id, "%s: %s", failure_last()->text, instead);
	failure_clear();
	return ERR_OK;
}

/* The announced record, where it was written and continues the chain. */
static enum err adopt(struct ledger *ledger, const char *announced)
{
	struct record_original original = {0};
	struct buffer bytes = {0};
	const char *previous;
	char hash[2 * HASH_SIZE + 1];
	enum err err = read_record(ledger->folder, announced, &bytes);

	if (err == ERR_MISSING) { /* it was never written */
		failure_clear();
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err != ERR_OK) {
		fail_context(err, "the record of run %s", announced);
		err = pass_over(err, "the next one goes behind the one before it");
		goto done;
	}
	if (err == ERR_OK) {
		previous = json_string_value(json_object_get(original.record, "previous"));
		hex_encode(hash, ledger->hash, HASH_SIZE);
		if (strcmp(previous, ledger->number ? hash : "") != 0)
			err = fail(PL_RECORD_BROKEN, "%s/%s" SUFFIX " does not continue the chain of records",
			    ledger->folder, announced);
	}
	if (err == ERR_OK) {
		ledger->number++;
		snprintf(ledger->id, sizeof(ledger->id), "%s", announced);
		memcpy(ledger->hash, original.hash, HASH_SIZE);
	}
done:
	record_original_free(&original);
	buffer_free(&bytes);
	return err;
}

/* What `last` would say, from the records themselves. */
static enum err find_last(struct ledger *ledger, const char *state_folder)
{
	struct record_list list = {0};
	enum err err = record_ledger_list(&list, state_folder);

	if (err == ERR_OK && list.count > 0) {
		const struct record_original *last = &list.items[list.count - 1];

		ledger->number = (uint64_t)json_integer_value(json_object_get(last->record, "number"));
		snprintf(ledger->id, sizeof(ledger->id), "%s", json_string_value(json_object_get(last->record, "id")));
		memcpy(ledger->hash, last->hash, HASH_SIZE);
		output_warning(PL_RECORD_BROKEN, "%s/last did not say so: the last record is that of run %s",
		    ledger->folder, ledger->id);
	}
	record_ledger_list_free(&list);
	return err;
}

/* *found is false where there is no such file, or it is damaged. */
static enum err read_last(struct ledger *ledger, bool *found)
{
	char *path = path_join(ledger->folder, "last");
	const char *id, *hash, *announced;
	struct buffer bytes = {0};
	json_t *object = NULL;
	json_int_t number, format;
	enum err err = path ? file_read_all(path, LAST_MAX, &bytes) : ERR_NOMEM;

	*found = false;
	if (err == ERR_OK)
		err = canonical_parse(&object, bytes.data, bytes.length, PL_RECORD_BROKEN, path);
	if (err == ERR_OK)
		err = canonical_unpack(object, PL_RECORD_BROKEN, path, "{s:I, s:I, s:s, s:s, s:s}", "format", &format,
		    "number", &number, "id", &id, "hash", &hash, "announced", &announced);
	if (err == ERR_OK &&
	    (number < 0 || strlen(id) >= RECORD_ID_SIZE || !hex_decode(ledger->hash, HASH_SIZE, hash) ||
		(announced[0] && !record_id_valid(announced))))
		err = fail(PL_RECORD_BROKEN, "%s does not name a record", path);
	if (err == ERR_MISSING || err == ERR_CORRUPT || err == ERR_LIMIT) {
		failure_clear();
		err = ERR_OK;
		goto done;
	}
	if (err != ERR_OK)
		goto done;
	*found = true;
	ledger->number = (uint64_t)number;
	snprintf(ledger->id, sizeof(ledger->id), "%s", id);
	if (announced[0])
		err = adopt(ledger, announced);
done:
	json_decref(object);
	buffer_free(&bytes);
	mem_free(path);
	return err;
}

static enum err ledger_open(struct ledger *ledger, const char *state_folder)
{
	char *path = NULL;
	bool found = true;
	enum err err;

	*ledger = (struct ledger){.lock = -1};
	ledger->folder = path_join(state_folder, "records");
	err = ledger->folder ? file_make_folders(ledger->folder, 0700) : ERR_NOMEM;
	if (err != ERR_OK)
		return err;
	path = path_join(ledger->folder, "lock");
	if (!path)
		return ERR_NOMEM;
	ledger->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ledger->lock < 0)
		err = fail_errno(PL_FILE_WRITE, "cannot open %s", path);
	while (err == ERR_OK && flock(ledger->lock, LOCK_EX) != 0)
		if (errno != EINTR)
			err = fail_errno(PL_FILE_WRITE, "cannot lock %s", path);
	mem_free(path);
	if (err == ERR_OK)
		err = read_last(ledger, &found);
	return err == ERR_OK && !found ? find_last(ledger, state_folder) : err;
}

static void ledger_close(struct ledger *ledger)
{
	if (ledger->lock >= 0)
		close(ledger->lock);
	mem_free(ledger->folder);
}

static enum err write_record(struct ledger *ledger, const char *run_id, const struct buffer *original, size_t start)
{
	char *path = record_path(ledger->folder, run_id);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && access(path, F_OK) == 0)
		err = fail(PL_RECORD_EXISTS, "there is a record of the run %s already", run_id);
	if (err == ERR_OK)
		err = write_last(ledger, run_id);
	if (err == ERR_OK)
		err = file_replace(path, original->data + start, original->length - start, 0400);
	mem_free(path);
	return err;
}

enum err record_ledger_append(
    const char *state_folder, const struct record *record, const struct keys *keys, struct buffer *original)
{
	struct ledger ledger;
	size_t start = original->length;
	json_t *object = NULL;
	enum err err = ledger_open(&ledger, state_folder);

	if (err == ERR_OK)
		err = record_json(&object, record, ledger.number + 1, ledger.hash);
	if (err == ERR_OK)
		err = record_sign(object, keys, original);
	if (err == ERR_OK)
		err = write_record(&ledger, record->id, original, start);
	if (err == ERR_OK)
		err = record_hash(object, ledger.hash);
	if (err == ERR_OK) {
		ledger.number++;
		snprintf(ledger.id, sizeof(ledger.id), "%s", record->id);
		err = write_last(&ledger, "");
	}
	if (err != ERR_OK)
		original->length = start;
	json_decref(object);
	ledger_close(&ledger);
	return err;
}

bool record_ledger_has(const char *state_folder, const char *run_id)
{
	char *path = mem_printf("%s/records/%s" SUFFIX, state_folder, run_id);
	bool there = path && access(path, F_OK) == 0;

	mem_free(path);
	return there;
}

enum err record_ledger_load(const char *state_folder, const char *run_id, struct buffer *original)
{
	char *folder = path_join(state_folder, "records");
	struct record_list list = {0};
	const char *id = run_id;
	enum err err = folder ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && strcmp(run_id, "latest") == 0) {
		err = record_ledger_list(&list, state_folder);
		if (err == ERR_OK && list.count == 0)
			err = fail(PL_RECORD_MISSING, "there is no record of any run in %s", folder);
		if (err == ERR_OK)
			id = json_string_value(json_object_get(list.items[list.count - 1].record, "id"));
	}
	if (err == ERR_OK && !record_id_valid(id))
		err = fail(PL_RECORD_MISSING, "\"%s\" is no id of a run", id);
	if (err == ERR_OK)
		err = read_record(folder, id, original);
	record_ledger_list_free(&list);
	mem_free(folder);
	return err;
}

static int compare_numbers(const void *a, const void *b)
{
	json_int_t one = json_integer_value(json_object_get(((const struct record_original *)a)->record, "number"));
	json_int_t other = json_integer_value(json_object_get(((const struct record_original *)b)->record, "number"));

	return (one > other) - (one < other);
}

static enum err list_add(struct record_list *list, const char *folder, const char *id)
{
	struct record_original original = {0};
	struct record_original *items;
	struct buffer bytes = {0};
	enum err err = read_record(folder, id, &bytes);

	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	buffer_free(&bytes);
	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK) {
		list->damaged++;
		fail_context(err, "the record of run %s", id);
		output_failure_warning(failure_last());
		return ERR_OK;
	}
	items = mem_resize(list->items, list->count + 1, sizeof(*items));
	if (!items) {
		record_original_free(&original);
		return ERR_NOMEM;
	}
	list->items = items;
	items[list->count++] = original;
	return ERR_OK;
}

enum err record_ledger_list(struct record_list *out, const char *state_folder)
{
	char *folder = path_join(state_folder, "records");
	DIR *directory = folder ? opendir(folder) : NULL;
	enum err err = folder ? ERR_OK : ERR_NOMEM;
	struct dirent *entry;

	*out = (struct record_list){0};
	if (err == ERR_OK && !directory && errno != ENOENT)
		err = fail_errno(PL_FILE_READ, "cannot read the folder %s", folder);
	while (err == ERR_OK && directory && (entry = readdir(directory)) != NULL) {
		size_t length = strlen(entry->d_name);
		char id[RECORD_ID_SIZE];

		if (length <= strlen(SUFFIX) || length - strlen(SUFFIX) >= sizeof(id) ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		snprintf(id, sizeof(id), "%.*s", (int)(length - strlen(SUFFIX)), entry->d_name);
		if (record_id_valid(id))
			err = list_add(out, folder, id);
	}
	if (err == ERR_OK && out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), compare_numbers);
	if (err != ERR_OK)
		record_ledger_list_free(out);
	if (directory)
		closedir(directory);
	mem_free(folder);
	return err;
}

void record_ledger_list_free(struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_original_free(&list->items[i]);
	mem_free(list->items);
	*list = (struct record_list){0};
}
