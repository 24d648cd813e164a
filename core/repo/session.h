/* Session markers: a writer at work. sessions/<32 hex>: JSON, signed by the writer, with start time and newest generation seen. */
#ifndef PULIH_REPO_SESSION_H
#define PULIH_REPO_SESSION_H

#include "core/repo/keys.h"
#include "core/repo/target.h"

struct session {
	uint8_t id[16];
};

enum err session_begin(struct session *session, struct target *target, const struct keys *keys, uint64_t generation);
/* Removes the marker. A target that does not let this key delete (append-only) is fine: the marker expires. */
enum err session_end(struct session *session, struct target *target);

#endif
