/* What a person answers for: that a place lacks snapshots which were there, or holds records that the ledger here lacks, and why (a disk was
 * replaced by an older copy, a machine was set up anew). It changes nothing; it explains, for that place only, and stays to be read.
 *
 *   "kind": "correction", "status": "explained"
 *   "target": {"name", "url", "place"}; "repository": {"id", …}
 *   "snapshots": [hex, …]; "records": [{"id", "hash"}, …]
 *   "by": person and "role"; "note": text; "login" and "warning" as in a review */
#ifndef PULIH_RECORD_RECORD_CORRECTION_H
#define PULIH_RECORD_RECORD_CORRECTION_H

#include "core/record/record_ledger.h"

struct record_correction {
	const char *id;
	int64_t made;
	struct record_office office;
	const char *target_name, *target_url, *place;
	json_t *snapshots, *records; /* arrays; borrowed */
	struct record_person by;
	const char *role, *note;
	const char *user, *through, *warning; /* as in struct record_review */
	const struct keys *keys;
};
/* The inner object for record_ledger_add. *out is a new reference. */
enum err record_correction_json(json_t **out, const struct record_correction *correction);

#endif
