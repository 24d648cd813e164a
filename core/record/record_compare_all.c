/* The thorough part: every record object on the target against the ledger, and every record of the ledger against the repository's writers. */
#include "core/record/record_compare_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/record/record_object.h"
#include "core/repo/config.h"

#include <inttypes.h>
#include <sys/utsname.h>

/* A record on the target that the ledger here lacks. */
struct stranger {
	uint64_t number;
	uint8_t hash[HASH_SIZE], previous[HASH_SIZE];
	bool ours; /* made by this machine: see made_here, or behind a record of ours */
	char id[RECORD_ID_SIZE];
};

struct thorough {
	struct record_compare *compare;
	struct buffer strangers;
	struct utsname system;
	bool
	    lost; /* the ledger here has no record: what this host has made is known by its name alone, whatever its key was then */
};

/* What ends the comparison, and is no finding about one object. */
static bool ends(enum err err)
{
	return err == ERR_NOMEM || err == ERR_INTERRUPTED || err == ERR_IO || err == ERR_DENIED || err == ERR_BUSY;
}

/* ---- the ledger against the repository ---- */

static enum err visit_local(void *context, const struct record_row *row)
{
	struct thorough *thorough = context;
	struct record_compare *compare = thorough->compare;
	const struct record_heading *heading = row->heading;
	const struct target *target = compare->repository->target;
	json_t *named = json_object_get(row->original->record, "target");
	const char *url = json_string_value(json_object_get(named, "url"));
	char object[64];
	bool held, explained = false, here = url && strcmp(url, target->url) == 0;
	enum err err;

	if (!heading->has_repository ||
	    memcmp(heading->repository, compare->repository->config->id, REPOSITORY_ID_SIZE) != 0)
		return ERR_OK;
	err = record_check_signer(row->original, compare->repository->keys);
	if (err == ERR_CORRUPT) {
		snprintf(object, sizeof(object), "record %" PRIu64, heading->number);
		fail_context(err, "%s (%s)", object, heading->id);
		record_compare_found(compare, RECORD_FINDING_LEDGER, object, heading->id, NULL);
		err = ERR_OK;
	}
	/* It says that its snapshot is here, though nobody has seen it since: the machine stopped just then. What is known to be held was looked for already. */
	if (err != ERR_OK || !heading->has_snapshot || record_compare_has_snapshot(compare, heading->snapshot))
		return err;
	err = record_ledger_is_held(compare->ledger, compare->place, heading->id, RECORD_HELD_SNAPSHOT, &held);
	if (err == ERR_OK && !held && here)
		return record_compare_missing_snapshot(compare, heading->id, heading->snapshot);
	/* Made at another place, as before the repository was moved: nobody ever saw it here, and a copy that was cut off lacks it. */
	if (err == ERR_OK && !held)
		err = record_compare_explained_snapshot(compare, heading->snapshot, &explained);
	if (err == ERR_OK && !held)
		compare->result->elsewhere += !explained;
	return err;
}

/* ---- the target against the ledger ---- */

static bool made_here(const struct thorough *thorough, const struct record_original *original)
{
	const char *host = json_string_value(json_object_get(original->record, "host"));
	const struct signer *signer = &thorough->compare->repository->keys->signer;

	if (!host || strcmp(host, thorough->system.nodename) != 0)
		return false;
	return thorough->lost ||
	    (original->is_signed && memcmp(original->writer, signer->writer, WRITER_ID_SIZE) == 0 &&
		memcmp(original->public_key, signer->public_key, KEY_SIZE) == 0);
}

static enum err add_stranger(struct thorough *thorough, const struct buffer *bytes)
{
	struct record_original original;
	struct record_heading heading;
	struct stranger stranger = {0};
	enum err err = record_read(&original, bytes->data, bytes->length);

	if (err == ERR_OK)
		err = record_heading_read(&heading, &original);
	if (err == ERR_OK) {
		stranger.number = heading.number;
		memcpy(stranger.hash, original.hash, HASH_SIZE);
		memcpy(stranger.previous, heading.previous, HASH_SIZE);
		stranger.ours = made_here(thorough, &original);
		snprintf(stranger.id, sizeof(stranger.id), "%s", heading.id);
		err = buffer_append(&thorough->strangers, &stranger, sizeof(stranger));
	}
	record_original_free(&original);
	return err;
}

/* With the one here, or kept for later where there is none. */
static enum err compare_one(struct thorough *thorough, const char *id, const struct buffer *stored)
{
	struct record_compare *compare = thorough->compare;
	struct buffer here = {0};
	enum err err = record_ledger_get(compare->ledger, id, &here);

	if (err == ERR_MISSING) {
		failure_clear();
		err = add_stranger(thorough, stored);
	} else if (err == ERR_CORRUPT) { /* the walk over the ledger tells that */
		failure_clear();
		err = ERR_OK;
	} else if (err == ERR_OK &&
	    (here.length != stored->length || memcmp(here.data, stored->data, here.length) != 0)) {
		fail(PL_LEDGER_DIFFERS, "%s on %s is another record than the one here", object_record(id).text,
		    compare->repository->target->url);
		record_compare_found(compare, RECORD_FINDING_DIFFERENT, object_record(id).text, id, NULL);
	}
	buffer_free(&here);
	return err;
}

static enum err read_one(struct thorough *thorough, const char *id)
{
	struct record_compare *compare = thorough->compare;
	struct buffer stored = {0};
	enum err err = record_object_get(compare->repository->target, id, compare->repository->keys, &stored);

	if (err == ERR_OK) {
		err = compare_one(thorough, id, &stored);
	} else if (err == ERR_KEY && failure_last()->id == PL_KEY_DOMAIN) {
		compare->result->others++; /* another domain's: not for this key to read */
		failure_clear();
		err = ERR_OK;
	} else if (err == ERR_MISSING) { /* gone since it was listed: the next comparison tells */
		failure_clear();
		err = ERR_OK;
	} else if (!ends(err)) {
		record_compare_found(compare, RECORD_FINDING_UNREADABLE, object_record(id).text, id, NULL);
		err = ERR_OK;
	}
	buffer_free(&stored);
	return err;
}

/* ---- records that the ledger here lacks ---- */

static int by_number(const void *a, const void *b)
{
	const struct stranger *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

/* Whether it stands behind a record of ours: in the ledger, or one of the strangers before it. */
static enum err find_origin(struct thorough *thorough, struct stranger *strangers, size_t at)
{
	enum err err = record_ledger_find_hash(thorough->compare->ledger, strangers[at].previous, &strangers[at].ours);

	for (size_t i = at; err == ERR_OK && i > 0 && strangers[i - 1].number + 1 >= strangers[at].number; i--)
		if (strangers[i - 1].ours && memcmp(strangers[i - 1].hash, strangers[at].previous, HASH_SIZE) == 0)
			strangers[at].ours = true;
	return err;
}

static enum err tell_strangers(struct thorough *thorough)
{
	struct record_compare *compare = thorough->compare;
	struct stranger *strangers = (struct stranger *)thorough->strangers.data;
	size_t count = thorough->strangers.length / sizeof(*strangers);
	enum err err = ERR_OK;

	if (count > 0)
		qsort(strangers, count, sizeof(*strangers), by_number);
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		bool explained = false;

		if (!strangers[i].ours)
			err = find_origin(thorough, strangers, i);
		if (err == ERR_OK && strangers[i].ours)
			err = record_compare_explained_record(compare, strangers[i].hash, &explained);
		if (err != ERR_OK || !strangers[i].ours || explained) {
			compare->result->others += err == ERR_OK && !strangers[i].ours;
			continue;
		}
		fail(PL_LEDGER_UNKNOWN,
		    "%s on %s was made by this machine as record %" PRIu64 ", and the ledger here lacks it",
		    object_record(strangers[i].id).text, compare->repository->target->url, strangers[i].number);
		record_compare_found(compare, RECORD_FINDING_UNKNOWN, object_record(strangers[i].id).text,
		    strangers[i].id, strangers[i].hash);
	}
	return err;
}

enum err record_compare_all(struct record_ledger *ledger, struct repository *repository, size_t newest,
    record_on_finding on_finding, void *context, struct record_compare_result *result)
{
	struct record_compare compare = {
	    .ledger = ledger, .repository = repository, .on_finding = on_finding, .context = context, .result = result};
	struct thorough thorough = {.compare = &compare};
	uint64_t known = 0;
	size_t count, at;
	enum err err;

	*result = (struct record_compare_result){0};
	uname(&thorough.system);
	err = record_ledger_count(ledger, &known);
	thorough.lost = known == 0;
	if (err == ERR_OK)
		err = record_compare_open(&compare, false);
	if (err == ERR_OK)
		err = record_compare_held(&compare, false);
	if (err == ERR_OK)
		err = record_ledger_each(ledger, &(struct record_filter){.quiet = true}, visit_local, &thorough);
	if (err == ERR_CORRUPT && failure_last()->id == PL_RECORD_BROKEN)
		err = ERR_OK; /* damaged records of the ledger are the chain's findings */
	/* Names begin with the time, and are sorted. */
	count = compare.records.length / RECORD_ID_SIZE;
	for (at = newest && newest < count ? count - newest : 0; err == ERR_OK && at < count; at++) {
		err = read_one(&thorough, (const char *)compare.records.data + at * RECORD_ID_SIZE);
		if (err == ERR_OK && interrupt_requested())
			err = fail(
			    PL_INTERRUPTED, "interrupted while the records of %s were read", repository->target->url);
	}
	if (err == ERR_OK)
		err = tell_strangers(&thorough);
	record_compare_close(&compare);
	buffer_free(&thorough.strangers);
	return err;
}
