#include "core/record/record_chain.h"

#include "core/base/clock.h"
#include "core/record/record_ledger_internal.h"

#include <inttypes.h>

#define OBJECT_TEXT 64 /* bytes of "record 18446744073709551615" and the like */

struct chain {
	record_on_finding on_finding;
	void *context;
	struct record_chain_result *result;
	uint64_t expected;	 /* the number that comes next */
	uint8_t hash[HASH_SIZE]; /* of the record before */
	bool broken;		 /* the record before is a finding already: what follows it need not fit */
};

/* Keeps what ends the walk apart from what is found. */
static bool is_finding(enum err err)
{
	return err != ERR_NOMEM && err != ERR_INTERRUPTED && err != ERR_IO && err != ERR_BUSY;
}

static void found(struct chain *chain, uint64_t number, const char *id)
{
	char object[OBJECT_TEXT] = "ledger";

	if (number > 0)
		snprintf(object, sizeof(object), "record %" PRIu64, number);
	chain->result->findings++;
	chain->on_finding(
	    chain->context, &(struct record_finding){.kind = RECORD_FINDING_LEDGER, .object = object, .id = id});
}

static void check_place(struct chain *chain, uint64_t number, const char *id)
{
	char range[2 * OBJECT_TEXT];

	if (number == chain->expected)
		return;
	if (number == chain->expected + 1)
		snprintf(range, sizeof(range), "record %" PRIu64 " is", chain->expected);
	else
		snprintf(range, sizeof(range), "records %" PRIu64 " to %" PRIu64 " are", chain->expected, number - 1);
	fail(PL_LEDGER_CHAIN, "%s missing in front of record %" PRIu64 " (%s)", range, number, id);
	found(chain, chain->expected, "");
	chain->broken = true;
}

static void check_link(struct chain *chain, const struct record_heading *heading)
{
	bool fits = memcmp(heading->previous, chain->hash, HASH_SIZE) == 0;

	if (!fits && !chain->broken) {
		fail(PL_LEDGER_CHAIN,
		    "record %" PRIu64
		    " (%s) does not follow the record before it: one of the two was changed, added, or put "
		    "in the place of another",
		    heading->number, heading->id);
		found(chain, heading->number, heading->id);
	}
	chain->broken = false;
}

static enum err check_row(struct chain *chain, struct database_query *query)
{
	struct record_ledger_row row;
	struct record_chain_result *result = chain->result;
	uint64_t number = (uint64_t)database_number(query, 0);
	size_t size;
	const void *hash = database_bytes(query, 10, &size);
	enum err err;

	check_place(chain, number, database_text(query, 1));
	err = record_ledger_read_row(query, &row);
	if (err == ERR_OK) {
		check_link(chain, &row.heading);
		memcpy(chain->hash, row.original.hash, HASH_SIZE);
		result->signed_records += row.original.is_signed;
		if (result->first == 0 || row.heading.time < result->first)
			result->first = row.heading.time;
		if (row.heading.time > result->last)
			result->last = row.heading.time;
	} else if (is_finding(err)) {
		found(chain, number, database_text(query, 1));
		chain->broken = true;
		if (size == HASH_SIZE)
			memcpy(chain->hash, hash, HASH_SIZE);
		err = ERR_OK;
	}
	record_original_free(&row.original);
	chain->expected = number + 1;
	result->records++;
	return err;
}

static enum err check_rows(struct chain *chain, struct record_ledger *ledger)
{
	struct database_query *query;
	bool row = false;
	enum err err = database_prepare(
	    &query, ledger->database, "SELECT " RECORD_LEDGER_COLUMNS " FROM record NOT INDEXED ORDER BY number");

	if (err == ERR_OK)
		err = database_step(query, &row);
	while (err == ERR_OK && row) {
		err = check_row(chain, query);
		if (err == ERR_OK && interrupt_requested())
			err = fail(PL_INTERRUPTED, "interrupted while the ledger was checked");
		if (err == ERR_OK)
			err = database_step(query, &row);
	}
	database_query_free(query);
	return err;
}

enum err record_chain_check(
    struct record_ledger *ledger, record_on_finding on_finding, void *context, struct record_chain_result *result)
{
	struct chain chain = {.on_finding = on_finding, .context = context, .result = result, .expected = 1};
	enum err err;

	*result = (struct record_chain_result){0};
	if (!ledger->database)
		return ERR_OK;
	err = database_check(ledger->database);
	if (err == ERR_CORRUPT) {
		found(&chain, 0, "");
		err = ERR_OK;
	}
	if (err == ERR_OK)
		err = check_rows(&chain, ledger);
	/* Pages that cannot be read end the walk, and are the finding. */
	if (err == ERR_CORRUPT) {
		found(&chain, 0, "");
		err = ERR_OK;
	}
	return err;
}
