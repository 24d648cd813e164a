#include "core/record/record_send.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_object.h"
#include "core/repo/config.h"

/* One that was there already: somebody else's record under the name of ours stays a finding. */
static enum err compare_stored(struct repository *repository, const char *id, const struct buffer *original)
{
	struct buffer stored = {0};
	enum err err = record_object_get(repository->target, id, repository->keys, &stored);

	if (err == ERR_OK &&
	    (stored.length != original->length || memcmp(stored.data, original->data, stored.length) != 0))
		err = fail(PL_LEDGER_DIFFERS, "records/%s on %s is another record than the one here", id,
		    repository->target->url);
	buffer_free(&stored);
	return err;
}

static enum err send_one(struct record_ledger *ledger, struct repository *repository, int64_t place, uint64_t number,
    const char *id, const struct buffer *original)
{
	enum err err = record_object_put(repository->target, id, original, repository->keys);

	if (err == ERR_EXISTS)
		err = compare_stored(repository, id, original);
	return err == ERR_OK ? record_ledger_hold(ledger, place, number, RECORD_HELD_OBJECT) : err;
}

enum err record_send(struct record_ledger *ledger, struct repository *repository, uint64_t *sent)
{
	struct buffer original = {0};
	char id[RECORD_ID_SIZE] = "";
	uint64_t number = 0, count = 0;
	int64_t place;
	enum err err =
	    record_ledger_place(ledger, repository->config->id, target_place(repository->target), true, &place);

	while (err == ERR_OK) {
		err = record_ledger_next_unsent(ledger, place, number, &number, id, &original);
		if (number == 0)
			break;
		/* One that is damaged here is not sent, and keeps none of those behind it from being sent. */
		if (err == ERR_OK)
			err = send_one(ledger, repository, place, number, id, &original);
		if (err == ERR_CORRUPT) {
			output_failure_warning(failure_last());
			err = ERR_OK;
		} else if (err == ERR_OK) {
			count++;
		}
		if (err == ERR_OK && interrupt_requested())
			err =
			    fail(PL_INTERRUPTED, "interrupted while records were sent to %s", repository->target->url);
	}
	if (sent)
		*sent = count;
	buffer_free(&original);
	return err;
}
