#include "core/record/record_correction.h"

enum err record_correction_json(json_t **out, const struct record_correction *correction)
{
	const struct record_heading heading = {.id = correction->id,
	    .kind = RECORD_CORRECTION,
	    .job = "",
	    .status = "explained",
	    .time = correction->made};
	enum err err = record_heading_json(out, &heading, &correction->office, correction->keys);

	if (err == ERR_OK)
		err = record_heading_add(*out,
		    json_pack("{s:{s:o, s:o, s:o}, s:O, s:O}", "target", "name",
			record_text_json(correction->target_name), "url", record_text_json(correction->target_url),
			"place", record_text_json(correction->place), "snapshots", correction->snapshots, "records",
			correction->records));
	if (err == ERR_OK)
		err = record_heading_add(*out,
		    json_pack("{s:o, s:s, s:o, s:{s:o, s:o}, s:o}", "by", record_person_json(&correction->by), "role",
			correction->role, "note", record_text_json(correction->note), "login", "user",
			record_text_json(correction->user), "through", record_text_json(correction->through), "warning",
			record_text_json(correction->warning)));
	if (err != ERR_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return err;
}
