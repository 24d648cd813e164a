/* The config object: JSON, public, signed by the owner.
 * {"format":1, "id":hex, "created":time, "suite":n, "serial":n, "read_key":hex, "owner_key":hex,
 *  "writers":[{"id":hex,"key":hex,"domain":hex,"append_only":bool,"revoked":bool,"label":hex box}], "signature":hex}
 * The signature covers the compact, key-sorted JSON of everything else. Unknown members are refused. */
#ifndef PULIH_REPO_CONFIG_H
#define PULIH_REPO_CONFIG_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

struct config {
	uint8_t id[REPOSITORY_ID_SIZE];
	int64_t created;
	int suite;
	uint64_t serial; /* grows with every change */
	uint8_t read_public[KEY_SIZE], owner_public[KEY_SIZE];
	struct writer *writers; /* owned */
	size_t writers_count;
};

void config_free(struct config *config); /* frees members and itself */
enum err config_encode(const struct config *config, const struct keys *owner, struct buffer *out);
enum err config_decode(struct config **out, const void *bytes, size_t size);
enum err config_load(struct config **out, struct target *target);

#endif
