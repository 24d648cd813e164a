#include "scheduler/forget.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/record/record_forget.h"
#include "core/record/record_send.h"
#include "core/repo/object.h"
#include "scheduler/office.h"

struct forget {
	struct repository *repository;
	const struct forget_options *options;
	struct forget_result *result;
	struct snapshot_list list;
	struct retention_choice *choices;
	size_t count;
	const struct snapshot **going;
	size_t going_count;
};

static enum err choose(struct forget *forget)
{
	const struct forget_options *options = forget->options;
	size_t begin = 0;

	forget->choices = mem_calloc(forget->list.count + 1, sizeof(*forget->choices));
	forget->going = mem_calloc(forget->list.count + 1, sizeof(*forget->going));
	if (!forget->choices || !forget->going)
		return ERR_NOMEM;
	for (size_t i = 0; i < forget->list.count; i++)
		if (snapshot_matches(&forget->list.items[i], &options->filter))
			forget->choices[forget->count++].snapshot = &forget->list.items[i];
	retention_sort(forget->choices, forget->count);
	while (begin < forget->count) {
		size_t end = begin + 1;

		while (end < forget->count &&
		    retention_same_group(forget->choices[begin].snapshot, forget->choices[end].snapshot))
			end++;
		retention_decide(&options->retention, forget->choices + begin, end - begin);
		begin = end;
	}
	for (size_t i = 0; i < forget->count; i++) {
		struct retention_choice *choice = &forget->choices[i];

		/* A clock that is years behind must not make it the oldest of all. */
		if (options->made && !choice->keep &&
		    memcmp(choice->snapshot->id, options->made, OBJECT_ID_SIZE) == 0) {
			choice->keep = true;
			snprintf(choice->reasons, sizeof(choice->reasons), "just made");
		}
		if (options->on_choice)
			options->on_choice(options->context, &forget->choices[i]);
		if (!forget->choices[i].keep)
			forget->going[forget->going_count++] = forget->choices[i].snapshot;
	}
	forget->result->kept = forget->count - forget->going_count;
	return ERR_OK;
}

/* "keep daily 14, weekly 8" */
static enum err describe(const struct retention *retention, struct buffer *out)
{
	const struct {
		const char *name;
		uint64_t count;
	} rules[] = {{"last", retention->last}, {"hourly", retention->hourly}, {"daily", retention->daily},
	    {"weekly", retention->weekly}, {"monthly", retention->monthly}, {"yearly", retention->yearly}};
	const char *separator = "keep ";
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].count == 0)
			continue;
		err =
		    buffer_append_text(out, "%s%s %llu", separator, rules[i].name, (unsigned long long)rules[i].count);
		separator = ", ";
	}
	if (err == ERR_OK && retention->within) {
		err = buffer_append_text(out, "%swithin %s", separator, retention->within);
		separator = ", ";
	}
	for (const char *const *tag = retention->tags; err == ERR_OK && tag && *tag; tag++) {
		err = buffer_append_text(out, "%stag %s", separator, *tag);
		separator = ", ";
	}
	return err == ERR_OK ? buffer_append_u8(out, 0) : err;
}

static enum err make_record(struct forget *forget, const char *reason, json_t **record)
{
	const struct forget_options *options = forget->options;
	const char *job = options->filter.job ? options->filter.job : "";
	struct record_forget what = {.id = forget->result->record,
	    .job = job,
	    .made = clock_now(),
	    .target_name = options->target_name,
	    .target_url = forget->repository->target->url,
	    .reason = reason,
	    .snapshots = forget->going,
	    .count = forget->going_count,
	    .keys = forget->repository->keys};
	enum err err = record_new_id_of(forget->result->record, "forget", job, what.made);

	if (options->configuration)
		what.office = office_record(options->configuration);
	return err == ERR_OK ? record_forget_json(record, &what) : err;
}

static enum err write_record(struct forget *forget)
{
	struct record_ledger *ledger = NULL;
	struct buffer reason = {0}, original = {0};
	json_t *record = NULL;
	enum err err = describe(&forget->options->retention, &reason);

	if (err == ERR_OK)
		err = make_record(forget, (const char *)reason.data, &record);
	if (err == ERR_OK)
		err = record_ledger_open(&ledger, forget->options->state_folder, true);
	if (err == ERR_OK)
		err = record_ledger_add(ledger, record, forget->repository->keys, &original);
	/* It is in the ledger: where the target cannot take it now, it gets it with the next record. */
	if (err == ERR_OK && record_send(ledger, forget->repository, NULL) != ERR_OK)
		output_warning(PL_RECORD_NOT_STORED, "the record %s is kept on this machine only: %s",
		    forget->result->record, failure_last()->text);
	record_ledger_close(ledger);
	json_decref(record);
	buffer_free(&reason);
	buffer_free(&original);
	return err;
}

static enum err remove_snapshots(struct forget *forget)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < forget->going_count; i++) {
		err = target_remove(forget->repository->target, object_snapshot(forget->going[i]->id).text);
		if (err == ERR_MISSING)
			err = ERR_OK; /* somebody else forgot it at the same moment */
		forget->result->forgotten += err == ERR_OK;
	}
	return err;
}

enum err forget_run(struct repository *repository, const struct forget_options *options, struct forget_result *result)
{
	struct forget forget = {.repository = repository, .options = options, .result = result};
	enum err err;

	*result = (struct forget_result){0};
	if (!repository->keys->full)
		return fail(PL_KEY_FULL, "forgetting needs the full key");
	if (!retention_keeps(&options->retention))
		return fail(PL_KEEP_NOTHING, "no rule says what is to be kept");
	err = snapshot_list_load(&forget.list, repository->target, repository->keys);
	if (err == ERR_OK)
		err = choose(&forget);
	if (err == ERR_OK && options->dry_run)
		result->forgotten = forget.going_count;
	else if (err == ERR_OK && forget.going_count > 0) {
		err = write_record(&forget);
		if (err == ERR_OK)
			err = remove_snapshots(&forget);
	}
	mem_free(forget.choices);
	mem_free(forget.going);
	snapshot_list_free(&forget.list);
	return err;
}
