/* A target that was rolled back is whole in itself: only who remembers more than it shows can tell. */
#include "core/record/record_compare.h"
#include "restore/verify_internal.h"

/* Context of on_finding(). */
struct telling {
	struct verify *verify;
	enum err err;
};

static void on_finding(void *context, const struct record_finding *finding)
{
	struct telling *telling = context;
	enum err err = verify_found(telling->verify, finding->object, NULL);

	if (telling->err == ERR_OK)
		telling->err = err;
}

enum err verify_known(struct verify *verify)
{
	struct record_compare_result result;
	struct telling telling = {.verify = verify};
	struct record_ledger *ledger;
	enum err err = record_ledger_open(&ledger, verify->options->state_folder, false);

	if (err == ERR_OK)
		err = record_compare_known(ledger, verify->repository, false, on_finding, &telling, &result);
	record_ledger_close(ledger);
	if (err == ERR_OK)
		return telling.err;
	/* The ledger is damaged, or this user may not read it. */
	return verify_is_finding(err) ? verify_found(verify, "ledger", NULL) : err;
}
