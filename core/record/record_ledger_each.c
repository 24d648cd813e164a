/* Walks over the ledger, and the check of each row. */
#include "core/record/record_ledger_internal.h"

#include "core/base/clock.h"
#include "core/base/output.h"

#include <inttypes.h>

/* Columns as RECORD_LEDGER_COLUMNS has them. */
enum { NUMBER, ID, KIND, JOB, ABOUT, STATUS, TIME, REPOSITORY, SNAPSHOT, PREVIOUS, HASH, ORIGINAL };

static bool same_bytes(struct database_query *query, int column, const void *bytes, size_t size)
{
	size_t found;
	const void *at = database_bytes(query, column, &found);

	return found == size && (size == 0 || memcmp(at, bytes, size) == 0);
}

/* The columns are for looking up; what they say counts only where the signed original says the same. */
static enum err check_columns(struct database_query *query, const struct record_ledger_row *row)
{
	const struct record_heading *heading = &row->heading;
	const char *wrong = NULL;

	if (heading->number != (uint64_t)database_number(query, NUMBER))
		wrong = "its place in the chain";
	else if (strcmp(heading->id, database_text(query, ID)) != 0)
		wrong = "its id";
	else if (strcmp(heading->kind, database_text(query, KIND)) != 0)
		wrong = "its kind";
	else if (strcmp(heading->job, database_text(query, JOB)) != 0)
		wrong = "its job";
	else if (strcmp(heading->about, database_text(query, ABOUT)) != 0)
		wrong = "what it is about";
	else if (strcmp(heading->status, database_text(query, STATUS)) != 0)
		wrong = "its status";
	else if (heading->time != database_number(query, TIME))
		wrong = "its time";
	else if (!same_bytes(query, REPOSITORY, heading->repository, heading->has_repository ? REPOSITORY_ID_SIZE : 0))
		wrong = "its repository";
	else if (!same_bytes(query, SNAPSHOT, heading->snapshot, heading->has_snapshot ? OBJECT_ID_SIZE : 0))
		wrong = "its snapshot";
	else if (!same_bytes(query, PREVIOUS, heading->previous, HASH_SIZE))
		wrong = "the hash of the one before";
	else if (!same_bytes(query, HASH, row->original.hash, HASH_SIZE))
		wrong = "its hash";
	return wrong ? fail(PL_RECORD_BROKEN, "the ledger and the signed original differ in %s", wrong) : ERR_OK;
}

enum err record_ledger_read_row(struct database_query *query, struct record_ledger_row *out)
{
	enum err err;

	*out = (struct record_ledger_row){0};
	out->bytes = database_bytes(query, ORIGINAL, &out->size);
	err = record_read(&out->original, out->bytes, out->size);
	if (err == ERR_OK)
		err = record_heading_read(&out->heading, &out->original);
	if (err == ERR_OK)
		err = check_columns(query, out);
	if (err == ERR_OK || err == ERR_NOMEM)
		return err;
	return fail_context(err, "record %" PRId64 " (%s)", database_number(query, NUMBER), database_text(query, ID));
}

/* ---- the walk ---- */

#define REVIEWS "(SELECT review.status FROM record AS review WHERE review.about = record.id AND review.kind = 'review'"

static enum err write_select(const struct record_filter *filter, struct buffer *sql)
{
	enum err err = buffer_append_text(sql, "%sSELECT number FROM record WHERE 1%s%s%s%s%s%s%s%s%s%s",
	    filter->last ? "SELECT number FROM (" : "", filter->kind ? " AND kind = :kind" : "",
	    filter->job ? " AND job = :job" : "", filter->about ? " AND about = :about" : "",
	    filter->status ? " AND status = :status" : "", filter->above ? " AND number > :above" : "",
	    filter->below ? " AND number < :below" : "", filter->from ? " AND time >= :from" : "",
	    filter->to ? " AND time < :to" : "",
	    filter->reports || filter->waiting ? " AND kind IN ('run', 'drill')" : "",
	    filter->waiting ? " AND coalesce(" REVIEWS " ORDER BY review.number DESC LIMIT 1), 'returned') = 'returned'"
			    : "");

	if (err == ERR_OK && filter->last)
		err = buffer_append_text(sql, " ORDER BY number DESC LIMIT %" PRIu64 ")", filter->last);
	if (err == ERR_OK)
		err = buffer_append_text(sql, " ORDER BY number");
	if (err == ERR_OK && filter->first)
		err = buffer_append_text(sql, " LIMIT %" PRIu64, filter->first);
	return err == ERR_OK ? buffer_append_u8(sql, 0) : err;
}

/* In the order in which they stand in the statement: named parameters are numbered so. */
static void set_parameters(struct database_query *query, const struct record_filter *filter)
{
	int at = 1;

	if (filter->kind)
		database_set_text(query, at++, filter->kind);
	if (filter->job)
		database_set_text(query, at++, filter->job);
	if (filter->about)
		database_set_text(query, at++, filter->about);
	if (filter->status)
		database_set_text(query, at++, filter->status);
	if (filter->above)
		database_set_number(query, at++, (int64_t)filter->above);
	if (filter->below)
		database_set_number(query, at++, (int64_t)filter->below);
	if (filter->from)
		database_set_number(query, at++, filter->from);
	if (filter->to)
		database_set_number(query, at++, filter->to);
}

/* Reads one record and shows it; one that is damaged is counted. */
static enum err visit_one(
    struct database_query *rows, int64_t number, bool quiet, record_visit visit, void *context, size_t *damaged)
{
	struct record_ledger_row row = {0};
	bool there;
	enum err err;

	database_set_number(rows, 1, number);
	err = database_step(rows, &there);
	if (err != ERR_OK || !there)
		return err;
	err = record_ledger_read_row(rows, &row);
	if (err == ERR_OK) {
		err = visit(context,
		    &(struct record_row){
			.heading = &row.heading, .original = &row.original, .bytes = row.bytes, .size = row.size});
	} else if (err != ERR_NOMEM) {
		++*damaged;
		if (!quiet)
			output_failure_warning(failure_last());
		err = ERR_OK;
	}
	record_original_free(&row.original);
	database_reset(rows);
	return err;
}

enum err record_ledger_each(
    struct record_ledger *ledger, const struct record_filter *filter, record_visit visit, void *context)
{
	struct database_query *numbers = NULL, *rows = NULL;
	struct buffer sql = {0};
	size_t damaged = 0;
	bool row = false;
	enum err err;

	if (!ledger->database)
		return ERR_OK;
	err = write_select(filter, &sql);
	if (err == ERR_OK)
		err = database_prepare(&numbers, ledger->database, (const char *)sql.data);
	if (err == ERR_OK)
		err = database_prepare(
		    &rows, ledger->database, "SELECT " RECORD_LEDGER_COLUMNS " FROM record WHERE number = ?");
	if (err == ERR_OK) {
		set_parameters(numbers, filter);
		err = database_step(numbers, &row);
	}
	while (err == ERR_OK && row) {
		err = visit_one(rows, database_number(numbers, 0), filter->quiet, visit, context, &damaged);
		if (err == ERR_OK && interrupt_requested())
			err = fail(PL_INTERRUPTED, "interrupted while the ledger was read");
		if (err == ERR_OK)
			err = database_step(numbers, &row);
	}
	if (filter->damaged)
		*filter->damaged += damaged;
	else if (err == ERR_OK && damaged > 0)
		err = fail(PL_RECORD_BROKEN, "%zu record%s of the ledger in %s %s damaged", damaged,
		    damaged == 1 ? "" : "s", ledger->state_folder, damaged == 1 ? "is" : "are");
	database_query_free(numbers);
	database_query_free(rows);
	buffer_free(&sql);
	return err;
}
