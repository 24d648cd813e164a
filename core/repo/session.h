/* Session markers: a writer at work. sessions/<32 hex>: JSON in its one canonical spelling, signed by the writer (canonical.h, purpose
 * "session"): {"format":1, "id":hex, "repository":hex, "domain":hex, "writer":hex, "started":time, "generation":n, "signature":hex} with the
 * start by the writer's clock and the newest generation seen. */
#ifndef PULIH_REPO_SESSION_H
#define PULIH_REPO_SESSION_H

#include "core/repo/keys.h"
#include "core/repo/target.h"

struct session {
	uint8_t id[16];
};

enum err session_begin(struct session *session, struct target *target, const struct keys *keys, uint64_t generation);
/* Removes the marker. A target that does not let this key delete (append-only) is fine: the marker expires. So is a marker
 * that is gone already. */
enum err session_end(struct session *session, struct target *target);

/* What a marker says: for the collector, which waits for writers older than its generation. */
struct session_marker {
	uint8_t id[16];
	uint8_t domain[DOMAIN_TAG_SIZE];
	uint8_t writer[WRITER_ID_SIZE];
	int64_t started;
	uint64_t generation;
};
/* Checks name (`id`), form, repository and signature. PL_SESSION_BROKEN, PL_SIGNATURE, PL_WRITER_UNKNOWN (ERR_CORRUPT), PL_FORMAT_VERSION. */
enum err session_decode(
    struct session_marker *out, const struct keys *keys, const uint8_t id[16], const void *bytes, size_t size);

#endif
