/* Why snapshots are no longer in a repository: a record that names them, so that their absence is no damage.
 *
 *   "kind": "forget", "status": "done"
 *   "target": {"name", "url"}; "repository": {"id", …}: the absence is explained in every place of that repository
 *   "reason": text; "snapshots": [{"id": hex, "host", "job", "started": time}] */
#ifndef PULIH_RECORD_RECORD_FORGET_H
#define PULIH_RECORD_RECORD_FORGET_H

#include "core/record/record_heading.h"
#include "core/repo/snapshot.h"

struct record_forget {
	const char *id, *job; /* job "": of several */
	int64_t made;
	struct record_office office;
	const char *target_name, *target_url;
	const char *reason; /* the rules and what they kept, or what a person said */
	const struct snapshot *const *snapshots;
	size_t count;
	const struct keys *keys;
};
/* The inner object for record_ledger_add. *out is a new reference. */
enum err record_forget_json(json_t **out, const struct record_forget *forget);

#endif
