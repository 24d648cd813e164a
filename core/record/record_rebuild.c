#include "core/record/record_rebuild.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/output.h"
#include "core/record/record_ledger_internal.h"
#include "core/record/record_object.h"
#include "core/repo/config.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define APPLICATION 0x50756c32 /* "Pul2" */
#define STAGE_FILE "rebuild.sqlite"
#define TIPS_TOLD 8 /* machines that a refusal names */

static const char *const steps[] = {"CREATE TABLE received ("
				    " hash BLOB PRIMARY KEY,"
				    " number INTEGER NOT NULL,"
				    " id TEXT NOT NULL,"
				    " previous BLOB NOT NULL,"
				    " host TEXT NOT NULL,"
				    " original BLOB NOT NULL"
				    ") STRICT;"
				    "CREATE INDEX received_previous ON received (previous);"
				    "CREATE INDEX received_id ON received (id);"
				    /* The chain that was chosen. */
				    "CREATE TABLE link (number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;",
    NULL};
static const struct database_form form = {
    .what = "list of received records", .application = APPLICATION, .steps = steps};

struct rebuild {
	struct repository *repository;
	struct record_rebuild_result *result;
	struct database *stage;
	struct buffer ids; /* on the target, each RECORD_ID_SIZE bytes */
	uint64_t received;
	uint8_t tip[HASH_SIZE]; /* the last record of the chain */
};

/* ---- reading the target ---- */

static enum err gather(void *context, const struct target_object *object)
{
	char id[RECORD_ID_SIZE] = "";

	snprintf(id, sizeof(id), "%s", object->name + strlen("records/"));
	return buffer_append(context, id, sizeof(id));
}

static enum err insert(struct rebuild *rebuild, const struct record_original *original,
    const struct record_heading *heading, const struct buffer *bytes)
{
	const char *host = json_string_value(json_object_get(original->record, "host"));
	struct database_query *query;
	enum err err = database_prepare(&query, rebuild->stage,
	    "INSERT OR IGNORE INTO received (hash, number, id, previous, host, original) VALUES (?, ?, ?, ?, ?, ?)");

	if (err != ERR_OK)
		return err;
	database_set_bytes(query, 1, original->hash, HASH_SIZE);
	database_set_number(query, 2, (int64_t)heading->number);
	database_set_text(query, 3, heading->id);
	database_set_bytes(query, 4, heading->previous, HASH_SIZE);
	database_set_text(query, 5, host ? host : "");
	database_set_bytes(query, 6, bytes->data, bytes->length);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

/* The object was signed by one of the repository's writers; so must be a record that says it is about this repository. */
static enum err take(struct rebuild *rebuild, const struct buffer *bytes)
{
	const struct repository *repository = rebuild->repository;
	struct record_original original;
	struct record_heading heading;
	enum err err = record_read(&original, bytes->data, bytes->length);

	if (err == ERR_OK)
		err = record_heading_read(&heading, &original);
	if (err == ERR_OK && heading.has_repository &&
	    memcmp(heading.repository, repository->config->id, REPOSITORY_ID_SIZE) == 0)
		err = record_check_signer(&original, repository->keys);
	if (err == ERR_OK)
		err = insert(rebuild, &original, &heading, bytes);
	record_original_free(&original);
	return err;
}

static enum err receive(struct rebuild *rebuild, const char *id)
{
	struct repository *repository = rebuild->repository;
	struct buffer bytes = {0};
	enum err err = record_object_get(repository->target, id, repository->keys, &bytes);

	if (err == ERR_OK)
		err = take(rebuild, &bytes);
	if (err == ERR_OK) {
		rebuild->received++;
	} else if (err == ERR_KEY && failure_last()->id == PL_KEY_DOMAIN) {
		rebuild->result->foreign++;
		err = ERR_OK;
	} else if (err == ERR_CORRUPT || err == ERR_UNSUPPORTED || err == ERR_MISSING) {
		rebuild->result->damaged++;
		output_failure_warning(failure_last());
		err = ERR_OK;
	}
	buffer_free(&bytes);
	return err;
}

static enum err receive_all(struct rebuild *rebuild)
{
	enum err err = target_list(rebuild->repository->target, "records", gather, &rebuild->ids);

	if (err == ERR_OK)
		err = database_begin(rebuild->stage);
	for (size_t at = 0; err == ERR_OK && at < rebuild->ids.length; at += RECORD_ID_SIZE) {
		err = receive(rebuild, (const char *)rebuild->ids.data + at);
		if (err == ERR_OK && interrupt_requested())
			err = fail(PL_INTERRUPTED, "interrupted while the records were read; nothing was made");
	}
	return err == ERR_OK ? database_commit(rebuild->stage) : err;
}

/* ---- choosing the chain ---- */

/* Walks back from the tip, and keeps the chain in the table link. *meant: it holds the record `chain`. */
static enum err walk_back(
    struct rebuild *rebuild, const uint8_t tip[HASH_SIZE], const char *chain, bool *meant, int64_t *first)
{
	struct database_query *find = NULL, *keep = NULL;
	uint8_t hash[HASH_SIZE];
	bool row = true;
	enum err err = database_run(rebuild->stage, "DELETE FROM link");

	*meant = false;
	*first = 0;
	memcpy(hash, tip, HASH_SIZE);
	if (err == ERR_OK)
		err =
		    database_prepare(&find, rebuild->stage, "SELECT number, id, previous FROM received WHERE hash = ?");
	if (err == ERR_OK)
		err =
		    database_prepare(&keep, rebuild->stage, "INSERT OR IGNORE INTO link (number, hash) VALUES (?, ?)");
	while (err == ERR_OK && row) {
		const void *previous;
		size_t size;

		database_set_bytes(find, 1, hash, HASH_SIZE);
		err = database_step(find, &row);
		if (err != ERR_OK || !row)
			break;
		/* Numbers count down by one: a chain that does not would never end, or would skip. */
		if (*first != 0 && database_number(find, 0) != *first - 1)
			break;
		*first = database_number(find, 0);
		*meant = *meant || (chain && strcmp(database_text(find, 1), chain) == 0);
		database_set_number(keep, 1, *first);
		database_set_bytes(keep, 2, hash, HASH_SIZE);
		err = database_execute(keep);
		previous = database_bytes(find, 2, &size);
		if (size == HASH_SIZE)
			memcpy(hash, previous, HASH_SIZE);
		database_reset(find);
	}
	database_query_free(find);
	database_query_free(keep);
	return err;
}

/* Last records: nothing follows them. */
#define TIPS                                                  \
	"SELECT hash, number, id, host FROM received AS tip " \
	"WHERE NOT EXISTS (SELECT 1 FROM received AS next WHERE next.previous = tip.hash) ORDER BY number DESC, id"

static enum err fail_several(const char *tips)
{
	return fail(PL_LEDGER_NONE,
	    "the target holds chains of records that do not belong together; name a run of the one that is meant "
	    "(--chain RUN). They end in %s",
	    tips);
}

static enum err choose(struct rebuild *rebuild, const char *chain)
{
	struct database_query *query;
	char tips[FAILURE_TEXT / 2] = "";
	bool row = false, meant;
	size_t found = 0, size;
	int64_t first;
	enum err err = database_prepare(&query, rebuild->stage, TIPS);

	if (err == ERR_OK)
		err = database_step(query, &row);
	while (err == ERR_OK && row) {
		const void *hash = database_bytes(query, 0, &size);
		size_t length = strlen(tips);

		meant = !chain;
		if (chain)
			err = walk_back(rebuild, hash, chain, &meant, &first);
		if (meant && size == HASH_SIZE) {
			memcpy(rebuild->tip, hash, HASH_SIZE);
			snprintf(rebuild->result->last, RECORD_ID_SIZE, "%s", database_text(query, 2));
			if (found++ < TIPS_TOLD)
				snprintf(tips + length, sizeof(tips) - length, "%s%s (record %" PRId64 " of %s)",
				    length ? ", " : "", database_text(query, 2), database_number(query, 1),
				    database_text(query, 3));
		}
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	if (err != ERR_OK || found == 1)
		return err;
	if (found > 1)
		return fail_several(tips);
	return chain
	    ? fail(PL_LEDGER_NONE, "%s holds no record %s that this key can read", rebuild->repository->target->url,
		  chain)
	    : fail(PL_LEDGER_NONE, "%s holds no records that this key can read", rebuild->repository->target->url);
}

/* ---- making the ledger ---- */

static enum err add_chain(struct rebuild *rebuild, struct record_ledger *ledger)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, rebuild->stage,
	    "SELECT received.original FROM link JOIN received ON received.hash = link.hash ORDER BY link.number");

	if (err == ERR_OK)
		err = database_step(query, &row);
	while (err == ERR_OK && row) {
		size_t size;
		const void *bytes = database_bytes(query, 0, &size);

		err = record_ledger_add_original(ledger, bytes, size);
		rebuild->result->records++;
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	return err;
}

/* The target gave them: it holds them. */
static enum err hold_all(struct rebuild *rebuild, struct record_ledger *ledger)
{
	const struct repository *repository = rebuild->repository;
	int64_t place;
	enum err err =
	    record_ledger_place(ledger, repository->config->id, target_place(repository->target), true, &place);

	for (uint64_t number = 1; err == ERR_OK && number <= rebuild->result->records; number++)
		err = record_ledger_hold(ledger, place, number, RECORD_HELD_OBJECT);
	return err;
}

static enum err make_ledger(struct rebuild *rebuild, struct record_ledger *ledger)
{
	uint64_t count = 0;
	enum err err = record_ledger_begin(ledger);

	if (err == ERR_OK)
		err = record_ledger_count(ledger, &count);
	if (err == ERR_OK && count > 0)
		err = fail(PL_LEDGER_EXISTS, "there is a ledger with %" PRIu64 " records already", count);
	if (err == ERR_OK)
		err = add_chain(rebuild, ledger);
	if (err == ERR_OK)
		err = hold_all(rebuild, ledger);
	if (err == ERR_OK)
		return record_ledger_commit(ledger);
	record_ledger_rollback(ledger);
	return err;
}

static enum err rebuild_into(struct rebuild *rebuild, struct record_ledger *ledger, const char *chain)
{
	bool meant;
	int64_t first = 0;
	enum err err = receive_all(rebuild);

	if (err == ERR_OK)
		err = choose(rebuild, chain);
	if (err == ERR_OK)
		err = walk_back(rebuild, rebuild->tip, NULL, &meant, &first);
	if (err == ERR_OK && first != 1)
		err = fail(PL_LEDGER_CHAIN,
		    "the chain that ends in %s is not whole on %s: record %" PRId64
		    " and those before it do not lead on to it",
		    rebuild->result->last, rebuild->repository->target->url, first - 1);
	if (err == ERR_OK)
		err = make_ledger(rebuild, ledger);
	if (err == ERR_OK)
		rebuild->result->others = rebuild->received - rebuild->result->records;
	return err;
}

/* ---- the stage ---- */

static void remove_stage(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name = mem_printf("%s%s", path, suffixes[i]);

		if (name)
			unlink(name);
		mem_free(name);
	}
}

static enum err refuse_existing(const char *state_folder)
{
	struct record_ledger *ledger;
	uint64_t count = 0;
	enum err err = record_ledger_open(&ledger, state_folder, false);

	if (err != ERR_OK)
		return err;
	err = record_ledger_count(ledger, &count);
	if (err == ERR_OK && count > 0)
		err = fail(
		    PL_LEDGER_EXISTS, "there is a ledger with %" PRIu64 " records in %s already", count, state_folder);
	record_ledger_close(ledger);
	return err;
}

enum err record_rebuild(
    const char *state_folder, struct repository *repository, const char *chain, struct record_rebuild_result *result)
{
	struct rebuild rebuild = {.repository = repository, .result = result};
	char *path = path_join(state_folder, STAGE_FILE);
	struct record_ledger *ledger = NULL;
	enum err err = path ? refuse_existing(state_folder) : ERR_NOMEM;

	*result = (struct record_rebuild_result){0};
	if (err == ERR_OK)
		err = file_make_folders(state_folder, 0700);
	if (err == ERR_OK) {
		remove_stage(path);
		err = database_open(&rebuild.stage, path, &form, true);
	}
	if (err == ERR_OK)
		err = record_ledger_open(&ledger, state_folder, true);
	if (err == ERR_OK)
		err = rebuild_into(&rebuild, ledger, chain);
	record_ledger_close(ledger);
	database_close(rebuild.stage);
	if (path)
		remove_stage(path);
	buffer_free(&rebuild.ids);
	mem_free(path);
	return err;
}
