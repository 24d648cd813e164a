/* What targets are known to hold. Rows are only added: that something was there once stays known. */
#include "core/record/record_ledger_internal.h"

static enum err find_place(
    struct record_ledger *ledger, const uint8_t repository[REPOSITORY_ID_SIZE], const char *place, int64_t *out)
{
	struct database_query *query;
	bool row = false;
	enum err err =
	    database_prepare(&query, ledger->database, "SELECT number FROM place WHERE repository = ? AND place = ?");

	if (err != ERR_OK)
		return err;
	database_set_bytes(query, 1, repository, REPOSITORY_ID_SIZE);
	database_set_text(query, 2, place);
	err = database_step(query, &row);
	*out = err == ERR_OK && row ? database_number(query, 0) : 0;
	database_query_free(query);
	return err;
}

enum err record_ledger_place(struct record_ledger *ledger, const uint8_t repository[REPOSITORY_ID_SIZE],
    const char *place, bool create, int64_t *out)
{
	struct database_query *query = NULL;
	enum err err;

	*out = 0;
	if (!ledger->database)
		return ERR_OK;
	err = find_place(ledger, repository, place, out);
	if (err != ERR_OK || *out != 0 || !create)
		return err;
	err =
	    database_prepare(&query, ledger->database, "INSERT OR IGNORE INTO place (repository, place) VALUES (?, ?)");
	if (err == ERR_OK) {
		database_set_bytes(query, 1, repository, REPOSITORY_ID_SIZE);
		database_set_text(query, 2, place);
		err = database_execute(query);
	}
	database_query_free(query);
	return err == ERR_OK ? find_place(ledger, repository, place, out) : err;
}

enum err record_ledger_hold(struct record_ledger *ledger, int64_t place, uint64_t number, enum record_held what)
{
	struct database_query *query;
	enum err err = database_prepare(
	    &query, ledger->database, "INSERT OR IGNORE INTO held (place, what, record) VALUES (?, ?, ?)");

	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, place);
	database_set_number(query, 2, what);
	database_set_number(query, 3, (int64_t)number);
	err = database_execute(query);
	database_query_free(query);
	return err;
}

enum err record_ledger_is_held(
    struct record_ledger *ledger, int64_t place, const char *id, enum record_held what, bool *held)
{
	struct database_query *query;
	enum err err;

	*held = false;
	if (!ledger->database)
		return ERR_OK;
	err = database_prepare(&query, ledger->database,
	    "SELECT 1 FROM held WHERE place = ? AND what = ? AND record = (SELECT number FROM record WHERE id = ?)");
	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, place);
	database_set_number(query, 2, what);
	database_set_text(query, 3, id);
	err = database_step(query, held);
	database_query_free(query);
	return err;
}

#define IS_HELD "EXISTS (SELECT 1 FROM held WHERE held.place = ?1 AND held.what = ?2 AND held.record = record.number)"

enum err record_ledger_next_unsent(struct record_ledger *ledger, int64_t place, uint64_t after, uint64_t *number,
    char id[RECORD_ID_SIZE], struct buffer *original)
{
	struct record_ledger_row found = {0};
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(&query, ledger->database,
	    "SELECT " RECORD_LEDGER_COLUMNS
	    " FROM record WHERE number = (SELECT number FROM record INDEXED BY record_number "
	    "WHERE number > ?3 AND NOT " IS_HELD " ORDER BY number LIMIT 1)");

	*number = 0;
	buffer_clear(original);
	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, place);
	database_set_number(query, 2, RECORD_HELD_OBJECT);
	database_set_number(query, 3, (int64_t)after);
	err = database_step(query, &row);
	if (err == ERR_OK && row) {
		*number = (uint64_t)database_number(query, 0);
		snprintf(id, RECORD_ID_SIZE, "%s", database_text(query, 1));
		err = record_ledger_read_row(query, &found);
		if (err == ERR_OK)
			err = buffer_append(original, found.bytes, found.size);
		record_original_free(&found.original);
	}
	database_query_free(query);
	return err;
}

enum err record_ledger_each_held(struct record_ledger *ledger, const uint8_t repository[REPOSITORY_ID_SIZE],
    int64_t place, enum record_held what, record_visit_held visit, void *context)
{
	struct database_query *query;
	bool row = false;
	enum err err;

	if (!ledger->database)
		return ERR_OK;
	err = database_prepare(&query, ledger->database,
	    what == RECORD_HELD_OBJECT
		? "SELECT number, id, NULL, " IS_HELD " FROM record INDEXED BY record_number ORDER BY number"
		: "SELECT number, id, snapshot, " IS_HELD " FROM record INDEXED BY record_snapshot "
		  "WHERE repository = ?3 AND snapshot IS NOT NULL ORDER BY number");
	if (err != ERR_OK)
		return err;
	database_set_number(query, 1, place);
	database_set_number(query, 2, what);
	if (what == RECORD_HELD_SNAPSHOT)
		database_set_bytes(query, 3, repository, REPOSITORY_ID_SIZE);
	err = database_step(query, &row);
	while (err == ERR_OK && row) {
		size_t size;
		const uint8_t *snapshot = database_bytes(query, 2, &size);

		if (what == RECORD_HELD_SNAPSHOT && size != OBJECT_ID_SIZE)
			err = fail(PL_RECORD_BROKEN, "the ledger names no snapshot for the record %s",
			    database_text(query, 1));
		if (err == ERR_OK)
			err = visit(context,
			    &(struct record_held_row){.number = (uint64_t)database_number(query, 0),
				.id = database_text(query, 1),
				.snapshot = snapshot,
				.held = database_number(query, 3) != 0});
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	return err;
}
