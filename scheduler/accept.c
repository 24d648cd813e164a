#include "scheduler/accept.h"

#include "core/base/clock.h"
#include "core/base/output.h"
#include "core/record/record_correction.h"
#include "core/record/record_object.h"
#include "core/record/record_send.h"
#include "core/repo/config.h"
#include "scheduler/office.h"

struct accepting {
	const struct accept_options *options;
	struct accept_result *result;
	struct record_ledger *ledger;
	struct office_caller caller;
	const struct configuration_person *person;
	json_t *snapshots, *records;
	struct buffer missing; /* ids of records, each RECORD_ID_SIZE bytes */
	int64_t now;
	bool out_of_memory;
};

/* ---- what there is to answer for ---- */

static bool append(json_t *list, json_t *item)
{
	return item && json_array_append_new(list, item) == 0;
}

static void on_finding(void *context, const struct record_finding *finding)
{
	struct accepting *accepting = context;
	char hash[2 * HASH_SIZE + 1] = "", id[RECORD_ID_SIZE] = "";
	bool kept = true;

	snprintf(id, sizeof(id), "%s", finding->id);
	if (finding->hash)
		hex_encode(hash, finding->hash, HASH_SIZE);
	switch (finding->kind) {
	case RECORD_FINDING_FORGOTTEN:
		kept = append(accepting->snapshots, json_string(hash));
		accepting->result->snapshots++;
		break;
	case RECORD_FINDING_UNKNOWN:
		kept = append(accepting->records, json_pack("{s:s, s:s}", "id", finding->id, "hash", hash));
		accepting->result->records++;
		break;
	case RECORD_FINDING_MISSING:
		kept = buffer_append(&accepting->missing, id, sizeof(id)) == ERR_OK;
		break;
	default:
		accepting->result->remaining++;
		accepting->options->on_finding(accepting->options->context, finding);
	}
	accepting->out_of_memory = accepting->out_of_memory || !kept;
}

static enum err find(struct accepting *accepting)
{
	const struct accept_options *options = accepting->options;
	struct record_compare_result compared;
	enum err err = record_compare_all(accepting->ledger, options->repository, 0, on_finding, accepting, &compared);

	if (err == ERR_OK && accepting->out_of_memory)
		err = fail(PL_NO_MEMORY, "no memory for the findings");
	if (err == ERR_OK && accepting->result->snapshots + accepting->result->records == 0 &&
	    accepting->missing.length == 0)
		err = fail(PL_LEDGER_NOTHING, "nothing is missing on %s, and nothing there is unknown here",
		    options->repository->target->url);
	return err;
}

/* ---- putting right what can be ---- */

static enum err restore_missing(struct accepting *accepting)
{
	struct repository *repository = accepting->options->repository;
	struct buffer original = {0};
	enum err err = ERR_OK;

	for (size_t at = 0; err == ERR_OK && at < accepting->missing.length; at += RECORD_ID_SIZE) {
		const char *id = (const char *)accepting->missing.data + at;

		buffer_clear(&original);
		err = record_ledger_get(accepting->ledger, id, &original);
		if (err == ERR_OK)
			err = record_object_put(repository->target, id, &original, repository->keys);
		if (err == ERR_OK || err == ERR_EXISTS)
			accepting->result->restored++;
		err = err == ERR_EXISTS ? ERR_OK : err;
	}
	buffer_free(&original);
	return err;
}

/* ---- the record ---- */

/* Without a name it is the person whose Unix user calls. */
static enum err find_person(struct accepting *accepting)
{
	const struct configuration *configuration = accepting->options->configuration;
	const char *own = NULL;

	for (uint32_t i = 0; i < configuration->people_count; i++)
		if (office_is_login(&accepting->caller, &configuration->people[i]))
			own = configuration->people[i].id;
	return office_acting(configuration, accepting->options->by, own, &accepting->caller, &accepting->person,
	    accepting->result->warning);
}

static enum err add(struct accepting *accepting)
{
	const struct accept_options *options = accepting->options;
	const struct target *target = options->repository->target;
	const struct record_correction correction = {.id = accepting->result->id,
	    .made = accepting->now,
	    .office = office_record(options->configuration),
	    .target_name = options->target,
	    .target_url = target->url,
	    .place = target_place(target),
	    .snapshots = accepting->snapshots,
	    .records = accepting->records,
	    .by = office_person(accepting->person),
	    .role = office_role(accepting->person),
	    .note = options->note,
	    .user = accepting->caller.user,
	    .through = accepting->caller.through,
	    .warning = accepting->result->warning,
	    .keys = options->repository->keys};
	struct buffer original = {0};
	json_t *record = NULL;
	enum err err = record_new_id_of(accepting->result->id, RECORD_CORRECTION, "", accepting->now);

	if (err == ERR_OK)
		err = record_correction_json(&record, &correction);
	if (err == ERR_OK)
		err = record_ledger_add(accepting->ledger, record, options->repository->keys, &original);
	json_decref(record);
	buffer_free(&original);
	return err;
}

static void send(struct accepting *accepting)
{
	struct repository *repository = accepting->options->repository;
	int64_t place;
	enum err err = record_send(accepting->ledger, repository, NULL);

	if (err == ERR_OK)
		err = record_ledger_place(
		    accepting->ledger, repository->config->id, target_place(repository->target), true, &place);
	if (err == ERR_OK)
		err = record_ledger_is_held(
		    accepting->ledger, place, accepting->result->id, RECORD_HELD_OBJECT, &accepting->result->stored);
	if (err != ERR_OK)
		output_warning(
		    PL_RECORD_NOT_STORED, "the record is kept on this machine only: %s", failure_last()->text);
}

enum err accept_make(const struct accept_options *options, struct accept_result *result)
{
	struct accepting accepting = {.options = options,
	    .result = result,
	    .now = clock_now(),
	    .caller = office_caller(),
	    .snapshots = json_array(),
	    .records = json_array()};
	enum err err = office_enter_zone(options->configuration);

	*result = (struct accept_result){0};
	if (err == ERR_OK && (!accepting.snapshots || !accepting.records))
		err = fail(PL_NO_MEMORY, "no memory for JSON");
	if (err == ERR_OK && strspn(options->note, " \t\r\n") == strlen(options->note))
		err = fail(PL_OPTION_VALUE, "--note: there is no text");
	if (err == ERR_OK)
		err = find_person(&accepting);
	if (err == ERR_OK)
		err = record_ledger_open(&accepting.ledger, options->state_folder, true);
	if (err == ERR_OK)
		err = find(&accepting);
	if (err == ERR_OK)
		err = restore_missing(&accepting);
	if (err == ERR_OK)
		err = add(&accepting);
	if (err == ERR_OK)
		send(&accepting);
	record_ledger_close(accepting.ledger);
	json_decref(accepting.snapshots);
	json_decref(accepting.records);
	buffer_free(&accepting.missing);
	return err;
}
