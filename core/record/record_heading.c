#include "core/record/record_heading.h"

#include "core/base/clock.h"
#include "core/repo/canonical.h"

#include <sys/utsname.h>

/* A member of a member; NULL where there is none. */
static const char *text(json_t *record, const char *object, const char *name)
{
	return json_string_value(json_object_get(json_object_get(record, object), name));
}

/* Runs have "started", everything else has "time". */
static bool read_time(json_t *record, int64_t *out)
{
	const char *name = json_object_get(record, "time") ? "time" : "started";
	const char *utc = text(record, name, "utc");

	*out = 0;
	return json_is_null(json_object_get(record, name)) || (utc && clock_parse(utc, out));
}

static bool read_ids(struct record_heading *out, json_t *record)
{
	const char *snapshot = text(record, "snapshot", "id"), *repository = text(record, "repository", "id");

	out->has_repository = repository != NULL;
	out->has_snapshot = snapshot != NULL;
	if (repository && !hex_decode(out->repository, REPOSITORY_ID_SIZE, repository))
		return false;
	return !snapshot || (repository && hex_decode(out->snapshot, OBJECT_ID_SIZE, snapshot));
}

/* What is made without a key could be made by anybody: only of a run that failed before a repository opened it is believed. */
static enum err check_signed(const struct record_heading *heading, bool is_signed)
{
	static const char *const kinds[] = {RECORD_REVIEW, RECORD_CORRECTION, RECORD_FORGET};
	bool refused = strcmp(heading->status, "failed") != 0;

	if (heading->has_repository && !is_signed)
		return fail(PL_RECORD_BROKEN, "the record %s is not signed, though a key was open when it was made",
		    heading->id);
	if (!heading->has_repository && is_signed)
		return fail(PL_RECORD_BROKEN,
		    "the record %s is signed, and names no repository whose key that would be", heading->id);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		refused = refused || strcmp(heading->kind, kinds[i]) == 0;
	if (!is_signed && refused)
		return fail(PL_RECORD_BROKEN,
		    "the record %s (%s, %s) is not signed; only that of a failed run may be so", heading->id,
		    heading->kind, heading->status);
	return ERR_OK;
}

enum err record_heading_read(struct record_heading *out, const struct record_original *original)
{
	json_t *record = original->record, *kind = json_object_get(record, "kind");
	const char *previous = json_string_value(json_object_get(record, "previous"));
	const char *about = text(record, "about", "id");

	*out = (struct record_heading){
	    .number = (uint64_t)json_integer_value(json_object_get(record, "number")),
	    .id = json_string_value(json_object_get(record, "id")),
	    .kind = kind ? json_string_value(kind) : RECORD_RUN,
	    .job = json_string_value(json_object_get(record, "job")),
	    .status = json_string_value(json_object_get(record, "status")),
	    .about = about ? about : "",
	};
	if (!out->kind || !previous || (*previous && !hex_decode(out->previous, HASH_SIZE, previous)) ||
	    !read_time(record, &out->time) || !read_ids(out, record))
		return fail(PL_RECORD_BROKEN, "the record %s has a member that is not what it must be", out->id);
	return check_signed(out, original->is_signed);
}

enum err record_heading_add(json_t *record, json_t *more)
{
	int failed = more ? json_object_update(record, more) : -1;

	json_decref(more);
	return failed ? fail(PL_NO_MEMORY, "no memory for JSON") : ERR_OK;
}

enum err record_heading_json(
    json_t **out, const struct record_heading *heading, const struct record_office *office, const struct keys *keys)
{
	struct utsname system;
	enum err err;

	uname(&system);
	err = canonical_pack(out, "{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s}", "format", 1, "kind", heading->kind,
	    "id", heading->id, "job", heading->job, "status", heading->status, "office", record_office_json(office),
	    "time", record_time_json(heading->time), "host", record_text_json(system.nodename), "tool",
	    "pulih " PULIH_VERSION);
	if (err == ERR_OK)
		err = record_heading_add(*out, json_pack("{s:o}", "repository", record_repository_json(keys)));
	if (err != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}
