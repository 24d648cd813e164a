#include "core/record/record_forget.h"

static json_t *snapshots(const struct record_forget *forget)
{
	json_t *list = json_array();
	char id[2 * OBJECT_ID_SIZE + 1];

	for (size_t i = 0; list && i < forget->count; i++) {
		const struct snapshot *snapshot = forget->snapshots[i];
		json_t *item = json_pack("{s:s, s:o, s:o, s:o}", "id", hex_encode(id, snapshot->id, OBJECT_ID_SIZE),
		    "host", record_text_json(snapshot->host), "job", record_text_json(snapshot->job), "started",
		    record_time_json(snapshot->started));

		if (!item || json_array_append_new(list, item) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

enum err record_forget_json(json_t **out, const struct record_forget *forget)
{
	const struct record_heading heading = {
	    .id = forget->id, .kind = RECORD_FORGET, .job = forget->job, .status = "done", .time = forget->made};
	enum err err = record_heading_json(out, &heading, &forget->office, forget->keys);

	if (err == ERR_OK)
		err = record_heading_add(*out,
		    json_pack("{s:{s:o, s:o}, s:o, s:o}", "target", "name", record_text_json(forget->target_name),
			"url", record_text_json(forget->target_url), "reason", record_text_json(forget->reason),
			"snapshots", snapshots(forget)));
	if (err != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}
