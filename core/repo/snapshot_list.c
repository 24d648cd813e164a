#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/crypto/crypto.h"
#include "core/repo/object.h"
#include "core/repo/snapshot_internal.h"

#define PREFIX_MIN 4			   /* digits of an id that a person must give */
#define CLOCKS_APART (3600 * CLOCK_SECOND) /* how far the clocks of two machines may be apart without a word */

/* What a listing says of a snapshot. */
struct listed {
	uint8_t id[OBJECT_ID_SIZE];
	int64_t changed;
};

static bool has_its_name(const struct buffer *bytes, const uint8_t id[OBJECT_ID_SIZE])
{
	uint8_t hash[HASH_SIZE];

	return sha256(bytes->data, bytes->length, hash) == ERR_OK && memcmp(hash, id, OBJECT_ID_SIZE) == 0;
}

/* *foreign (may be NULL): it is whole and no snapshot of this repository, so never one that was damaged. */
static enum err load(struct snapshot *out, struct target *target, const struct keys *keys,
    const uint8_t id[OBJECT_ID_SIZE], bool *foreign)
{
	struct object_name name = object_snapshot(id);
	struct buffer bytes = {0};
	enum err err = target_get(target, name.text, SNAPSHOT_MAX, &bytes);

	if (err == ERR_OK)
		err = snapshot_decode(out, keys, id, bytes.data, bytes.length);
	if (err == ERR_CORRUPT && foreign)
		*foreign = has_its_name(&bytes, id);
	buffer_free(&bytes);
	return err;
}

enum err snapshot_load(
    struct snapshot *out, struct target *target, const struct keys *keys, const uint8_t id[OBJECT_ID_SIZE])
{
	struct object_name name = object_snapshot(id);
	uint64_t size;
	int64_t arrived;
	enum err err;

	*out = (struct snapshot){0};
	err = target_stat(target, name.text, &size, &arrived);
	if (err == ERR_OK)
		err = load(out, target, keys, id, NULL);
	if (err == ERR_OK)
		out->arrived = arrived;
	return err;
}

/* Appends a struct listed to the buffer. */
static enum err gather(void *context, const struct target_object *object)
{
	struct listed listed = {.changed = object->changed};

	return object_id_of(object->name, listed.id) ? buffer_append(context, &listed, sizeof(listed)) : ERR_OK;
}

static int by_time(const void *a, const void *b)
{
	const struct snapshot *left = a, *right = b;

	if (left->started != right->started)
		return left->started < right->started ? -1 : 1;
	return memcmp(left->id, right->id, OBJECT_ID_SIZE);
}

/* Whether the listing goes on without this snapshot; keeps and names it where it is damaged. */
static bool passes_over(struct snapshot_list *out, const struct listed *listed, enum err err, bool foreign)
{
	struct snapshot_damaged *damaged = &out->damaged_items[out->damaged];
	struct failure failure;

	/* Gone since it was listed, or nothing that this key is meant to read. */
	if (err == ERR_MISSING || (err == ERR_KEY && failure_last()->id == PL_KEY_DOMAIN)) {
		failure_clear();
		return true;
	}
	if (err != ERR_CORRUPT && err != ERR_UNSUPPORTED)
		return false;
	failure_take(&failure);
	output_failure_warning(&failure);
	memcpy(damaged->id, listed->id, OBJECT_ID_SIZE);
	damaged->arrived = listed->changed;
	damaged->foreign = foreign;
	out->damaged++;
	return true;
}

static enum err load_listed(
    struct snapshot_list *out, struct target *target, const struct keys *keys, const struct buffer *listed)
{
	size_t count = listed->length / sizeof(struct listed);
	enum err err;

	out->items = mem_calloc(count, sizeof(*out->items));
	out->damaged_items = mem_calloc(count, sizeof(*out->damaged_items));
	if (!out->items || !out->damaged_items)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct listed one;
		bool foreign = false;

		if (interrupt_requested())
			return fail(PL_INTERRUPTED, "interrupted while the snapshots were read");
		memcpy(&one, listed->data + i * sizeof(one), sizeof(one));
		err = load(&out->items[out->count], target, keys, one.id, &foreign);
		if (err == ERR_OK)
			out->items[out->count++].arrived = one.changed;
		else if (!passes_over(out, &one, err, foreign))
			return err;
	}
	qsort(out->items, out->count, sizeof(*out->items), by_time);
	return ERR_OK;
}

enum err snapshot_list_load(struct snapshot_list *out, struct target *target, const struct keys *keys)
{
	struct buffer listed = {0};
	enum err err;

	*out = (struct snapshot_list){0};
	err = target_list(target, "snapshots", gather, &listed);
	if (err == ERR_OK)
		err = load_listed(out, target, keys, &listed);
	if (err != ERR_OK)
		snapshot_list_free(out);
	buffer_free(&listed);
	return err;
}

void snapshot_list_free(struct snapshot_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		snapshot_free(&list->items[i]);
	mem_free(list->items);
	mem_free(list->damaged_items);
	*list = (struct snapshot_list){0};
}

static bool starts_with(const uint8_t id[OBJECT_ID_SIZE], const char *prefix)
{
	char hex[2 * OBJECT_ID_SIZE + 1];

	return strncmp(hex_encode(hex, id, OBJECT_ID_SIZE), prefix, strlen(prefix)) == 0;
}

/* Damage must not quietly make an older snapshot the latest. When an object came is all that is known of a damaged one. */
static enum err check_damaged(const struct snapshot_list *list, const char *spec, const struct snapshot *found)
{
	bool latest = strcmp(spec, SNAPSHOT_LATEST) == 0;

	for (size_t i = 0; i < list->damaged; i++) {
		const struct snapshot_damaged *damaged = &list->damaged_items[i];

		if (latest && !damaged->foreign && (!found || damaged->arrived >= found->arrived))
			return fail(PL_SNAPSHOT_BROKEN,
			    "%s is damaged, and may be the latest: name another by its id, see pulih snapshots",
			    object_snapshot(damaged->id).text);
		if (!latest && !found && starts_with(damaged->id, spec))
			return fail(PL_SNAPSHOT_BROKEN, "%s is damaged", object_snapshot(damaged->id).text);
	}
	return ERR_OK;
}

/* A machine can give itself any host's name, but not a key of that host's domain. */
static void warn_of_domains(const struct snapshot_list *list, const struct snapshot *latest)
{
	char one[2 * WRITER_ID_SIZE + 1], other[2 * WRITER_ID_SIZE + 1];

	for (size_t i = 0; i < list->count; i++) {
		const struct snapshot *item = &list->items[i];

		if (strcmp(item->host, latest->host) != 0 || memcmp(item->domain, latest->domain, DOMAIN_TAG_SIZE) == 0)
			continue;
		fail(PL_SNAPSHOT_DOMAINS,
		    "the latest snapshot of %s was signed by the writer %.8s, others of that host by %.8s of another "
		    "domain",
		    latest->host, hex_encode(one, latest->writer, WRITER_ID_SIZE),
		    hex_encode(other, item->writer, WRITER_ID_SIZE));
		output_failure_warning(failure_last());
		failure_clear();
		return;
	}
}

static int by_id(const void *a, const void *b)
{
	const struct snapshot *const *left = a, *const *right = b;

	return memcmp((*left)->id, (*right)->id, OBJECT_ID_SIZE);
}

/* Marks all that `item` continues, down to what was marked before. Ids are hashes, so the chain has no circle. */
static void mark_continued(
    const struct snapshot_list *list, const struct snapshot **sorted, const struct snapshot *item, bool *continued)
{
	struct snapshot key;
	const struct snapshot *wanted = &key, **found;

	for (;;) {
		memcpy(key.id, item->previous, OBJECT_ID_SIZE);
		found = bsearch(&wanted, sorted, list->count, sizeof(*sorted), by_id);
		/* What another domain says of this one counts for nothing. */
		if (!found || memcmp((*found)->domain, item->domain, DOMAIN_TAG_SIZE) != 0 ||
		    continued[*found - list->items])
			return;
		item = *found;
		continued[item - list->items] = true;
	}
}

/* The clock of the writer may have been wrong when a snapshot was made, or before: what continues another is later, whatever the times say.
 * Of those that none continues, the time decides. */
static enum err find_latest(
    const struct snapshot_list *list, const struct snapshot_filter *filter, const struct snapshot **out)
{
	const struct snapshot **sorted = mem_calloc(list->count, sizeof(*sorted));
	bool *continued = mem_calloc(list->count, sizeof(*continued));
	enum err err = sorted && continued ? ERR_OK : ERR_NOMEM;

	*out = NULL;
	for (size_t i = 0; err == ERR_OK && i < list->count; i++)
		sorted[i] = &list->items[i];
	if (err == ERR_OK)
		qsort(sorted, list->count, sizeof(*sorted), by_id);
	for (size_t i = 0; err == ERR_OK && i < list->count; i++)
		if (snapshot_matches(&list->items[i], filter))
			mark_continued(list, sorted, &list->items[i], continued);
	for (size_t i = 0; err == ERR_OK && i < list->count; i++)
		if (!continued[i] && snapshot_matches(&list->items[i], filter))
			*out = &list->items[i];
	mem_free(sorted);
	mem_free(continued);
	return err;
}

/* Without a chain to go by, a clock that once ran ahead makes an old snapshot the latest for years. */
static void warn_of_future(const struct snapshot *latest)
{
	char started[CLOCK_TEXT];

	if (latest->started <= clock_now() + CLOCKS_APART)
		return;
	fail(PL_SNAPSHOT_FUTURE, "%s, the latest snapshot, says that it was made on %s, which is still to come",
	    object_snapshot(latest->id).text, clock_format(started, latest->started));
	output_failure_warning(failure_last());
	failure_clear();
}

static enum err find_prefix(const struct snapshot_list *list, const char *spec, const struct snapshot_filter *filter,
    const struct snapshot **out)
{
	*out = NULL;
	if (strlen(spec) < PREFIX_MIN)
		return fail(PL_SNAPSHOT_AMBIGUOUS,
		    "\"%s\" is too short: at least %d digits of the id, or \"" SNAPSHOT_LATEST "\"", spec, PREFIX_MIN);
	for (size_t i = 0; i < list->count; i++) {
		const struct snapshot *item = &list->items[i];

		if (!snapshot_matches(item, filter) || !starts_with(item->id, spec))
			continue;
		if (*out)
			return fail(PL_SNAPSHOT_AMBIGUOUS, "more than one snapshot starts with %s", spec);
		*out = item;
	}
	return ERR_OK;
}

enum err snapshot_resolve(const struct snapshot_list *list, const char *spec, const struct snapshot_filter *filter,
    const struct snapshot **out)
{
	bool latest = strcmp(spec, SNAPSHOT_LATEST) == 0;
	const struct snapshot *found = NULL;
	enum err err;

	*out = NULL;
	err = latest ? find_latest(list, filter, &found) : find_prefix(list, spec, filter, &found);
	if (err == ERR_OK)
		err = check_damaged(list, spec, found);
	if (err != ERR_OK)
		return err;
	if (!found)
		return fail(PL_SNAPSHOT_MISSING,
		    latest ? "there is no snapshot that matches" : "no snapshot that matches starts with %s", spec);
	if (latest) {
		warn_of_domains(list, found);
		warn_of_future(found);
	}
	*out = found;
	return ERR_OK;
}
