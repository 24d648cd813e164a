/* The config object: JSON, public, signed by the owner, in its one canonical spelling (canonical.h).
 * {"format":1, "id":hex, "created":time, "suite":n, "serial":n, "read_key":hex, "owner_key":hex,
 *  "writers":[{"id":hex,"key":hex,"domain":hex,"append_only":bool,"revoked":bool,"label":hex box}], "signature":hex}
 * Times are RFC 3339 in UTC, whole seconds. The signature covers everything else (canonical.h, purpose "config"). Unknown members
 * are refused. A writer's label is a box (seal.h, purpose "label", secret = keys_label_secret, associated = the writer's id) of
 * the label and the name of its domain, each filled up with zeros to 128 bytes: the place learns neither, nor their length. */
#ifndef PULIH_REPO_CONFIG_H
#define PULIH_REPO_CONFIG_H

#include "core/base/buffer.h"
#include "core/repo/keys.h"
#include "core/repo/target.h"

struct config {
	uint8_t id[REPOSITORY_ID_SIZE];
	int64_t created;
	int suite;
	uint64_t serial;	 /* grows with every change */
	uint8_t hash[HASH_SIZE]; /* SHA-256 of the object, where it came from a target */
	uint8_t read_public[KEY_SIZE], owner_public[KEY_SIZE];
	struct writer *writers; /* owned */
	size_t writers_count;
};

/* A copy of the writers, to be released with mem_free or handed to keys_set_writers(). NULL after PL_NO_MEMORY. */
struct writer *config_copy_writers(const struct config *config);
void config_free(struct config *config); /* frees members and itself */
enum err config_encode(const struct config *config, const struct keys *owner, struct buffer *out);
/* Checks form and signature, the latter with the owner key that the config itself names: config_check_keys() tells whether that
 * is *our* owner. PL_CONFIG_BROKEN, PL_SIGNATURE (ERR_CORRUPT), PL_FORMAT_VERSION, PL_SUITE (ERR_UNSUPPORTED). */
enum err config_decode(struct config **out, const void *bytes, size_t size);
/* Reads and decodes it. PL_NO_REPOSITORY (ERR_NO_REPOSITORY) where the target has none. */
enum err config_load(struct config **out, struct target *target);
/* PL_KEY_WRONG (ERR_KEY) where the keys are those of another repository; PL_CONFIG_BROKEN (ERR_CORRUPT) where suite or public keys
 * are not those of the open keys: a forged config. */
enum err config_check_keys(const struct config *config, const struct keys *keys);
/* Adds 1 to the serial, signs, replaces the target's config and reads it back. PL_CONFIG_CHANGED (ERR_BUSY): somebody else
 * replaced it since config_load(). */
enum err config_replace(struct config *config, const struct keys *owner, struct target *target);

#endif
