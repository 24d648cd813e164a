#include "core/record/record_strangers.h"

#include <inttypes.h>

/* Context of visit(). */
struct looking {
	struct record_ledger *ledger;
	const struct buffer *compared;
	bool all;
	record_on_finding on_finding;
	void *context;
	struct record_strangers_result *result;
};

static bool is_compared(const struct looking *looking, const struct record_heading *heading)
{
	for (size_t at = 0; at < looking->compared->length; at += REPOSITORY_ID_SIZE)
		if (memcmp(looking->compared->data + at, heading->repository, REPOSITORY_ID_SIZE) == 0)
			return true;
	return false;
}

/* Whether the record that it is about is one of a compared repository. One that is damaged or missing is not: the chain tells that. */
static enum err about_compared(const struct looking *looking, const char *id, bool *out)
{
	struct record_original original = {0};
	struct record_heading heading;
	struct buffer bytes = {0};
	enum err err = record_ledger_get(looking->ledger, id, &bytes);

	*out = false;
	if (err == ERR_OK)
		err = record_read(&original, bytes.data, bytes.length);
	if (err == ERR_OK)
		err = record_heading_read(&heading, &original);
	if (err == ERR_OK)
		*out = heading.has_repository && is_compared(looking, &heading);
	record_original_free(&original);
	buffer_free(&bytes);
	if (err != ERR_MISSING && err != ERR_CORRUPT)
		return err;
	failure_clear();
	return ERR_OK;
}

static enum err visit(void *context, const struct record_row *row)
{
	struct looking *looking = context;
	const struct record_heading *heading = row->heading;
	char object[64];
	bool wrong = false;
	enum err err = ERR_OK;

	if (!heading->has_repository || is_compared(looking, heading))
		return ERR_OK;
	looking->result->unchecked++;
	if (looking->all && strcmp(heading->kind, RECORD_REVIEW) == 0)
		err = about_compared(looking, heading->about, &wrong);
	if (err != ERR_OK || !wrong)
		return err;
	snprintf(object, sizeof(object), "record %" PRIu64, heading->number);
	fail(PL_WRITER_UNKNOWN, "%s (%s) reviews the run %s with a key of a repository that no target holds", object,
	    heading->id, heading->about);
	looking->result->findings++;
	looking->on_finding(looking->context,
	    &(struct record_finding){.kind = RECORD_FINDING_LEDGER, .object = object, .id = heading->id});
	return ERR_OK;
}

enum err record_strangers(struct record_ledger *ledger, const struct buffer *compared, bool all,
    record_on_finding on_finding, void *context, struct record_strangers_result *result)
{
	struct looking looking = {ledger, compared, all, on_finding, context, result};
	size_t damaged = 0;

	*result = (struct record_strangers_result){0};
	return record_ledger_each(ledger, &(struct record_filter){.quiet = true, .damaged = &damaged}, visit, &looking);
}
