#include "core/record/record_explained.h"

#include <stdlib.h>

/* Context of take(). */
struct taking {
	struct record_explained *explained;
	const struct keys *keys;
	const char *place;
};

static enum err take_hex(struct buffer *out, const char *hex)
{
	uint8_t id[OBJECT_ID_SIZE];

	if (!hex || !hex_decode(id, sizeof(id), hex))
		return fail(PL_RECORD_BROKEN, "it names a snapshot or a record by what is no hash");
	return buffer_append(out, id, sizeof(id));
}

/* Of a forget record the snapshots are objects with "id", of a correction they are ids. */
static enum err take_lists(struct taking *taking, json_t *record)
{
	json_t *item;
	size_t at;
	enum err err = ERR_OK;

	json_array_foreach(json_object_get(record, "snapshots"), at, item)
	{
		if (err == ERR_OK)
			err = take_hex(&taking->explained->snapshots,
			    json_string_value(json_is_object(item) ? json_object_get(item, "id") : item));
	}
	json_array_foreach(json_object_get(record, "records"), at, item)
	{
		if (err == ERR_OK)
			err = take_hex(&taking->explained->records, json_string_value(json_object_get(item, "hash")));
	}
	return err;
}

static enum err take(void *context, const struct record_row *row)
{
	struct taking *taking = context;
	json_t *record = row->original->record;
	const char *place = json_string_value(json_object_get(json_object_get(record, "target"), "place"));
	enum err err;

	if (!row->heading->has_repository ||
	    memcmp(row->heading->repository, taking->keys->repository, REPOSITORY_ID_SIZE) != 0)
		return ERR_OK;
	if (record_check_signer(row->original, taking->keys) != ERR_OK) {
		failure_clear(); /* a finding of the thorough comparison */
		return ERR_OK;
	}
	if (strcmp(row->heading->kind, RECORD_CORRECTION) == 0 && (!place || strcmp(place, taking->place) != 0))
		return ERR_OK;
	err = take_lists(taking, record);
	return err == ERR_CORRUPT ? fail_context(err, "the record %s", row->heading->id) : err;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, OBJECT_ID_SIZE);
}

static void sort(struct buffer *ids)
{
	if (ids->length > 0)
		qsort(ids->data, ids->length / OBJECT_ID_SIZE, OBJECT_ID_SIZE, compare);
}

enum err record_explained_load(
    struct record_explained *out, struct record_ledger *ledger, const struct keys *keys, const char *place)
{
	static const char *const kinds[] = {RECORD_FORGET, RECORD_CORRECTION};
	struct taking taking = {.explained = out, .keys = keys, .place = place};
	enum err err = ERR_OK;

	*out = (struct record_explained){0};
	for (size_t i = 0; err == ERR_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		err = record_ledger_each(ledger, &(struct record_filter){.kind = kinds[i]}, take, &taking);
	sort(&out->snapshots);
	sort(&out->records);
	if (err != ERR_OK)
		record_explained_free(out);
	return err;
}

void record_explained_free(struct record_explained *explained)
{
	buffer_free(&explained->snapshots);
	buffer_free(&explained->records);
}

static bool holds(const struct buffer *ids, const uint8_t *id)
{
	return ids->length > 0 && bsearch(id, ids->data, ids->length / OBJECT_ID_SIZE, OBJECT_ID_SIZE, compare) != NULL;
}

bool record_explained_snapshot(const struct record_explained *explained, const uint8_t id[OBJECT_ID_SIZE])
{
	return holds(&explained->snapshots, id);
}

bool record_explained_record(const struct record_explained *explained, const uint8_t hash[HASH_SIZE])
{
	return holds(&explained->records, hash);
}
