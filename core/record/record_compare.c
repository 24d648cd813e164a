#include "core/record/record_compare_internal.h"

#include "core/base/mem.h"
#include "core/repo/config.h"

/* ---- the listings ---- */

static enum err gather_record(void *context, const struct target_object *object)
{
	char id[RECORD_ID_SIZE] = "";

	snprintf(id, sizeof(id), "%s", object->name + strlen("records/"));
	return buffer_append(context, id, sizeof(id));
}

static enum err gather_snapshot(void *context, const struct target_object *object)
{
	uint8_t id[OBJECT_ID_SIZE];

	return object_id_of(object->name, id) ? buffer_append(context, id, sizeof(id)) : ERR_OK;
}

static int compare_names(const void *a, const void *b)
{
	return strncmp(a, b, RECORD_ID_SIZE);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, OBJECT_ID_SIZE);
}

enum err record_compare_open(struct record_compare *compare, bool create)
{
	struct target *target = compare->repository->target;
	enum err err = record_ledger_place(
	    compare->ledger, compare->repository->config->id, target_place(target), create, &compare->place);

	/* What is published last is listed first: a run at work has its snapshot before its record. */
	if (err == ERR_OK)
		err = target_list(target, "records", gather_record, &compare->records);
	if (err == ERR_OK)
		err = target_list(target, "snapshots", gather_snapshot, &compare->snapshots);
	if (compare->records.length > 0)
		qsort(compare->records.data, compare->records.length / RECORD_ID_SIZE, RECORD_ID_SIZE, compare_names);
	if (compare->snapshots.length > 0)
		qsort(compare->snapshots.data, compare->snapshots.length / OBJECT_ID_SIZE, OBJECT_ID_SIZE, compare_ids);
	return err;
}

void record_compare_close(struct record_compare *compare)
{
	buffer_free(&compare->records);
	buffer_free(&compare->snapshots);
	record_explained_free(&compare->explained);
}

bool record_compare_has_record(const struct record_compare *compare, const char *id)
{
	char key[RECORD_ID_SIZE] = "";

	snprintf(key, sizeof(key), "%s", id);
	return compare->records.length > 0 &&
	    bsearch(key, compare->records.data, compare->records.length / RECORD_ID_SIZE, RECORD_ID_SIZE,
		compare_names) != NULL;
}

bool record_compare_has_snapshot(const struct record_compare *compare, const uint8_t id[OBJECT_ID_SIZE])
{
	return compare->snapshots.length > 0 &&
	    bsearch(id, compare->snapshots.data, compare->snapshots.length / OBJECT_ID_SIZE, OBJECT_ID_SIZE,
		compare_ids) != NULL;
}

/* ---- explanations: read only where something is missing ---- */

static enum err load_explained(struct record_compare *compare)
{
	enum err err = ERR_OK;

	if (!compare->explained_loaded)
		err = record_explained_load(&compare->explained, compare->ledger, compare->repository->keys,
		    target_place(compare->repository->target));
	compare->explained_loaded = err == ERR_OK;
	return err;
}

enum err record_compare_explained_snapshot(
    struct record_compare *compare, const uint8_t id[OBJECT_ID_SIZE], bool *explained)
{
	enum err err = load_explained(compare);

	*explained = err == ERR_OK && record_explained_snapshot(&compare->explained, id);
	return err;
}

enum err record_compare_explained_record(struct record_compare *compare, const uint8_t hash[HASH_SIZE], bool *explained)
{
	enum err err = load_explained(compare);

	*explained = err == ERR_OK && record_explained_record(&compare->explained, hash);
	return err;
}

/* ---- what is missing ---- */

void record_compare_found(struct record_compare *compare, enum record_finding_kind kind, const char *object,
    const char *id, const uint8_t *hash)
{
	compare->result->findings++;
	compare->on_finding(
	    compare->context, &(struct record_finding){.kind = kind, .object = object, .id = id, .hash = hash});
}

/* A listing that was made while things changed, or that leaves things out, is not enough to accuse a target. */
static enum err look_again(struct record_compare *compare, const char *name, bool *missing)
{
	uint64_t size;
	int64_t changed;
	enum err err = target_stat(compare->repository->target, name, &size, &changed);

	*missing = err == ERR_MISSING;
	return *missing ? ERR_OK : err;
}

enum err record_compare_missing_snapshot(
    struct record_compare *compare, const char *record, const uint8_t id[OBJECT_ID_SIZE])
{
	struct object_name name = object_snapshot(id);
	bool explained, missing;
	enum err err = record_compare_explained_snapshot(compare, id, &explained);

	if (err != ERR_OK || explained)
		return err;
	err = look_again(compare, name.text, &missing);
	if (err == ERR_OK && missing) {
		fail(PL_LEDGER_LACKING, "%s of the run %s is no longer on %s, and no record says why", name.text,
		    record, compare->repository->target->url);
		record_compare_found(compare, RECORD_FINDING_FORGOTTEN, name.text, record, id);
	}
	return err;
}

static enum err missing_record(struct record_compare *compare, const char *id)
{
	struct object_name name = object_record(id);
	bool missing;
	enum err err = look_again(compare, name.text, &missing);

	if (err == ERR_OK && missing) {
		fail(PL_LEDGER_LACKING, "%s is no longer on %s", name.text, compare->repository->target->url);
		record_compare_found(compare, RECORD_FINDING_MISSING, name.text, id, NULL);
	}
	return err;
}

/* ---- the cheap part ---- */

/* Context of the visits: what was not known to be held, and is there. */
struct holding {
	struct record_compare *compare;
	struct buffer seen; /* uint64_t each */
};

static enum err visit_record(void *context, const struct record_held_row *row)
{
	struct holding *holding = context;
	struct record_compare *compare = holding->compare;
	bool there = record_compare_has_record(compare, row->id);

	compare->result->unsent += !row->held && !there;
	compare->result->records += row->held;
	return row->held && !there ? missing_record(compare, row->id) : ERR_OK;
}

static enum err visit_snapshot(void *context, const struct record_held_row *row)
{
	struct holding *holding = context;
	struct record_compare *compare = holding->compare;
	bool there = record_compare_has_snapshot(compare, row->snapshot);

	compare->result->snapshots += row->held;
	if (there && !row->held)
		return buffer_append(&holding->seen, &row->number, sizeof(row->number));
	return row->held && !there ? record_compare_missing_snapshot(compare, row->id, row->snapshot) : ERR_OK;
}

static enum err remember_seen(struct record_compare *compare, const struct buffer *seen)
{
	const uint64_t *numbers = (const uint64_t *)seen->data;
	enum err err;

	if (seen->length == 0)
		return ERR_OK;
	err = record_ledger_begin(compare->ledger);
	for (size_t i = 0; err == ERR_OK && i < seen->length / sizeof(*numbers); i++)
		err = record_ledger_hold(compare->ledger, compare->place, numbers[i], RECORD_HELD_SNAPSHOT);
	if (err == ERR_OK)
		return record_ledger_commit(compare->ledger);
	record_ledger_rollback(compare->ledger);
	return err;
}

enum err record_compare_held(struct record_compare *compare, bool remember)
{
	const uint8_t *repository = compare->repository->config->id;
	struct holding holding = {.compare = compare};
	enum err err = record_ledger_each_held(
	    compare->ledger, repository, compare->place, RECORD_HELD_OBJECT, visit_record, &holding);

	if (err == ERR_OK)
		err = record_ledger_each_held(
		    compare->ledger, repository, compare->place, RECORD_HELD_SNAPSHOT, visit_snapshot, &holding);
	if (err == ERR_OK && remember)
		err = remember_seen(compare, &holding.seen);
	buffer_free(&holding.seen);
	return err;
}

enum err record_compare_known(struct record_ledger *ledger, struct repository *repository, bool remember,
    record_on_finding on_finding, void *context, struct record_compare_result *result)
{
	struct record_compare compare = {
	    .ledger = ledger, .repository = repository, .on_finding = on_finding, .context = context, .result = result};
	enum err err;

	*result = (struct record_compare_result){0};
	err = record_compare_open(&compare, remember);
	if (err == ERR_OK)
		err = record_compare_held(&compare, remember);
	record_compare_close(&compare);
	return err;
}
