#include "core/record/record_ledger_internal.h"

#include "core/base/file.h"
#include "core/base/output.h"

#include <inttypes.h>
#include <unistd.h>

#define APPLICATION 0x50756c31 /* "Pul1" */

static const char first_step[] =
    "CREATE TABLE record ("
    " number INTEGER PRIMARY KEY CHECK (number > 0),"
    " id TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL,"
    " job TEXT NOT NULL,"
    " about TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " time INTEGER NOT NULL,"
    " repository BLOB,"
    " snapshot BLOB,"
    " previous BLOB NOT NULL CHECK (length(previous) = 32),"
    " hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
    " original BLOB NOT NULL"
    ") STRICT;"
    /* Each holds all that its lists need: the rows, which are long, are read only for what is shown. */
    "CREATE INDEX record_number ON record (number, id);"
    "CREATE INDEX record_job ON record (job, kind, time);"
    "CREATE INDEX record_time ON record (kind, time, id);"
    "CREATE INDEX record_about ON record (about, kind, number, status);"
    "CREATE INDEX record_snapshot ON record (repository, number, snapshot, id) WHERE snapshot IS NOT NULL;"
    /* REPLACE would remove a row before any other trigger sees it. */
    "CREATE TRIGGER record_insert BEFORE INSERT ON record"
    " WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM record)"
    " OR NEW.previous IS NOT coalesce((SELECT hash FROM record ORDER BY number DESC LIMIT 1), zeroblob(32))"
    " OR EXISTS (SELECT 1 FROM record WHERE id = NEW.id OR hash = NEW.hash)"
    " BEGIN SELECT RAISE(ABORT, 'a record continues the chain behind the last one'); END;"
    "CREATE TRIGGER record_update BEFORE UPDATE ON record"
    " BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END;"
    "CREATE TRIGGER record_delete BEFORE DELETE ON record"
    " BEGIN SELECT RAISE(ABORT, 'a record is never removed'); END;"
    "CREATE TABLE place ("
    " number INTEGER PRIMARY KEY,"
    " repository BLOB NOT NULL,"
    " place TEXT NOT NULL,"
    " UNIQUE (repository, place)"
    ") STRICT;"
    "CREATE TABLE held ("
    " place INTEGER NOT NULL REFERENCES place (number),"
    " what INTEGER NOT NULL,"
    " record INTEGER NOT NULL REFERENCES record (number),"
    " PRIMARY KEY (place, what, record)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER place_update BEFORE UPDATE ON place"
    " BEGIN SELECT RAISE(ABORT, 'what was known is never changed'); END;"
    "CREATE TRIGGER place_delete BEFORE DELETE ON place"
    " BEGIN SELECT RAISE(ABORT, 'what was known is never removed'); END;"
    "CREATE TRIGGER held_update BEFORE UPDATE ON held"
    " BEGIN SELECT RAISE(ABORT, 'what was known is never changed'); END;"
    "CREATE TRIGGER held_delete BEFORE DELETE ON held"
    " BEGIN SELECT RAISE(ABORT, 'what was known is never removed'); END;";

static const char *const steps[] = {first_step, NULL};

static const struct database_form form = {.what = "ledger", .application = APPLICATION, .steps = steps};

/* ---- opening ---- */

static enum err open_file(struct record_ledger **out, const char *state_folder, const char *path, bool create)
{
	struct record_ledger *ledger = mem_calloc(1, sizeof(*ledger));
	enum err err = ledger ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (err != ERR_OK)
		return err;
	ledger->state_folder = mem_string(state_folder);
	err = ledger->state_folder ? database_open(&ledger->database, path, &form, create) : ERR_NOMEM;
	if (err == ERR_MISSING && !create) {
		failure_clear();
		err = ERR_OK;
	}
	if (err == ERR_OK)
		*out = ledger;
	else
		record_ledger_close(ledger);
	return err;
}

enum err record_ledger_open(struct record_ledger **out, const char *state_folder, bool create)
{
	char *path = path_join(state_folder, RECORD_LEDGER_FILE);
	enum err err = path ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	if (err == ERR_OK && create)
		err = file_make_folders(state_folder, 0700);
	if (err == ERR_OK)
		err = open_file(out, state_folder, path, create);
	mem_free(path);
	return err;
}

void record_ledger_close(struct record_ledger *ledger)
{
	if (!ledger)
		return;
	database_close(ledger->database);
	mem_free(ledger->state_folder);
	mem_free(ledger);
}

/* ---- adding ---- */

enum err record_ledger_begin(struct record_ledger *ledger)
{
	return database_begin(ledger->database);
}

enum err record_ledger_commit(struct record_ledger *ledger)
{
	return database_commit(ledger->database);
}

void record_ledger_rollback(struct record_ledger *ledger)
{
	database_rollback(ledger->database);
}

/* Number and hash of the last record; 0 and zero where there is none. */
static enum err find_last(struct record_ledger *ledger, uint64_t *number, uint8_t hash[HASH_SIZE])
{
	struct database_query *query;
	const void *bytes;
	size_t size = 0;
	bool row = false;
	enum err err =
	    database_prepare(&query, ledger->database, "SELECT number, hash FROM record ORDER BY number DESC LIMIT 1");

	*number = 0;
	memset(hash, 0, HASH_SIZE);
	if (err == ERR_OK)
		err = database_step(query, &row);
	if (err == ERR_OK && row) {
		bytes = database_bytes(query, 1, &size);
		*number = (uint64_t)database_number(query, 0);
		if (size == HASH_SIZE)
			memcpy(hash, bytes, HASH_SIZE);
		else
			err = fail(PL_RECORD_BROKEN, "record %" PRIu64 " of the ledger has no hash", *number);
	}
	database_query_free(query);
	return err;
}

static enum err insert(struct record_ledger *ledger, const struct record_heading *heading,
    const struct record_original *original, const void *bytes, size_t size)
{
	struct database_query *query;
	enum err err = database_prepare(&query, ledger->database,
	    "INSERT INTO record (" RECORD_LEDGER_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, (int64_t)heading->number);
	database_set_text(query, 2, heading->id);
	database_set_text(query, 3, heading->kind);
	database_set_text(query, 4, heading->job);
	database_set_text(query, 5, heading->about);
	database_set_text(query, 6, heading->status);
	database_set_number(query, 7, heading->time);
	database_set_bytes(query, 8, heading->has_repository ? heading->repository : NULL, REPOSITORY_ID_SIZE);
	database_set_bytes(query, 9, heading->has_snapshot ? heading->snapshot : NULL, OBJECT_ID_SIZE);
	database_set_bytes(query, 10, heading->previous, HASH_SIZE);
	database_set_bytes(query, 11, original->hash, HASH_SIZE);
	database_set_bytes(query, 12, bytes, size);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err record_ledger_find(struct record_ledger *ledger, const char *id, uint64_t *number)
{
	struct database_query *query;
	bool row = false;
	enum err err;

	*number = 0;
	if (!ledger->database)
		return ERR_OK;
	err = database_prepare(&query, ledger->database, "SELECT number FROM record WHERE id = ?");
	if (err != ERR_OK)
		return err;
	database_set_text(query, 1, id);
	err = database_step(query, &row);
	if (err == ERR_OK && row)
		*number = (uint64_t)database_number(query, 0);
	database_query_free(query);
	return err;
}

enum err record_ledger_add_original(struct record_ledger *ledger, const void *bytes, size_t size)
{
	struct record_original original;
	struct record_heading heading;
	uint8_t hash[HASH_SIZE];
	uint64_t number = 0, same = 0;
	enum err err = record_read(&original, bytes, size);

	if (err == ERR_OK)
		err = record_heading_read(&heading, &original);
	if (err == ERR_OK)
		err = record_ledger_find(ledger, heading.id, &same);
	if (err == ERR_OK && same > 0)
		err = fail(PL_RECORD_EXISTS, "there is a record of the run %s already", heading.id);
	if (err == ERR_OK)
		err = find_last(ledger, &number, hash);
	if (err == ERR_OK && (heading.number != number + 1 || memcmp(heading.previous, hash, HASH_SIZE) != 0))
		err = fail(PL_RECORD_BROKEN, "the record %s does not continue the chain behind record %" PRIu64,
		    heading.id, number);
	if (err == ERR_OK)
		err = insert(ledger, &heading, &original, bytes, size);
	record_original_free(&original);
	return err;
}

enum err record_ledger_add_within(
    struct record_ledger *ledger, json_t *record, const struct keys *keys, struct buffer *original)
{
	char hex[2 * HASH_SIZE + 1];
	uint8_t hash[HASH_SIZE];
	size_t start = original->length;
	uint64_t number;
	enum err err = find_last(ledger, &number, hash);

	if (err != ERR_OK)
		return err;
	if (json_object_set_new(record, "number", json_integer((json_int_t)number + 1)) != 0 ||
	    json_object_set_new(record, "previous", json_string(number ? hex_encode(hex, hash, sizeof(hash)) : "")) !=
		0)
		return fail(PL_NO_MEMORY, "no memory for JSON");
	err = record_sign(record, keys, original);
	return err == ERR_OK ? record_ledger_add_original(ledger, original->data + start, original->length - start)
			     : err;
}

enum err record_ledger_add(
    struct record_ledger *ledger, json_t *record, const struct keys *keys, struct buffer *original)
{
	size_t start = original->length;
	enum err err = record_ledger_begin(ledger);

	if (err == ERR_OK)
		err = record_ledger_add_within(ledger, record, keys, original);
	if (err == ERR_OK)
		err = record_ledger_commit(ledger);
	else
		record_ledger_rollback(ledger);
	if (err != ERR_OK)
		original->length = start;
	return err;
}

enum err record_ledger_append(
    const char *state_folder, const struct record *record, const struct keys *keys, struct buffer *original)
{
	static const uint8_t unset[HASH_SIZE];
	struct record_ledger *ledger;
	json_t *object = NULL;
	enum err err = record_ledger_open(&ledger, state_folder, true);

	if (err == ERR_OK)
		err = record_json(&object, record, 1, unset);
	if (err == ERR_OK)
		err = record_ledger_add(ledger, object, keys, original);
	json_decref(object);
	record_ledger_close(ledger);
	return err;
}

/* ---- looking up ---- */

enum err record_ledger_count(struct record_ledger *ledger, uint64_t *count)
{
	uint8_t hash[HASH_SIZE];

	*count = 0;
	return ledger->database ? find_last(ledger, count, hash) : ERR_OK;
}

enum err record_ledger_find_hash(struct record_ledger *ledger, const uint8_t hash[HASH_SIZE], bool *found)
{
	struct database_query *query;
	enum err err;

	*found = false;
	if (!ledger->database)
		return ERR_OK;
	err = database_prepare(&query, ledger->database, "SELECT 1 FROM record WHERE hash = ?");
	if (err != ERR_OK)
		return err;
	database_set_bytes(query, 1, hash, HASH_SIZE);
	err = database_step(query, found);
	database_query_free(query);
	return err;
}

static enum err read_found(struct database_query *query, struct buffer *original)
{
	struct record_ledger_row row = {0};
	enum err err = record_ledger_read_row(query, &row);

	if (err == ERR_OK)
		err = buffer_append(original, row.bytes, row.size);
	record_original_free(&row.original);
	return err;
}

enum err record_ledger_get(struct record_ledger *ledger, const char *id, struct buffer *original)
{
	bool latest = strcmp(id, "latest") == 0, row = false;
	struct database_query *query = NULL;
	enum err err = ERR_OK;

	if (ledger->database) {
		err = database_prepare(&query, ledger->database,
		    latest ? "SELECT " RECORD_LEDGER_COLUMNS
			     " FROM record WHERE number = (SELECT max(number) FROM record WHERE kind = 'run')"
			   : "SELECT " RECORD_LEDGER_COLUMNS " FROM record WHERE id = ?");
		if (err == ERR_OK && !latest)
			database_set_text(query, 1, id);
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	if (err == ERR_OK && row)
		err = read_found(query, original);
	else if (err == ERR_OK)
		err = latest
		    ? fail(PL_RECORD_MISSING, "there is no record of any run in %s", ledger->state_folder)
		    : fail(PL_RECORD_MISSING, "there is no record %s in the ledger in %s", id, ledger->state_folder);
	database_query_free(query);
	return err;
}

enum err record_ledger_load(const char *state_folder, const char *id, struct buffer *original)
{
	struct record_ledger *ledger;
	enum err err = record_ledger_open(&ledger, state_folder, false);

	if (err == ERR_OK)
		err = record_ledger_get(ledger, id, original);
	record_ledger_close(ledger);
	return err;
}

bool record_ledger_has(const char *state_folder, const char *id)
{
	struct record_ledger *ledger;
	uint64_t number = 0;

	if (record_ledger_open(&ledger, state_folder, false) == ERR_OK)
		(void)record_ledger_find(ledger, id, &number);
	record_ledger_close(ledger);
	return number > 0;
}
