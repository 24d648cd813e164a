/* What the files behind key_slot.h share. */
#ifndef PULIH_REPO_KEY_SLOT_INTERNAL_H
#define PULIH_REPO_KEY_SLOT_INTERNAL_H

#include "core/repo/canonical.h"
#include "core/repo/key_slot.h"
#include "core/repo/seal.h"

#define KEY_SLOT_PASSPHRASE "passphrase"
#define KEY_SLOT_RECOVERY "recovery"

/* A slot as it is stored. */
struct key_slot_sealed {
	struct key_slot slot;
	int suite;
	uint8_t salt[KDF_SALT_SIZE];
	uint8_t box[BOX_OVERHEAD + KEY_SIZE]; /* of the root */
};

/* True for 0 to LABEL_SIZE - 1 bytes without control characters. */
bool key_slot_label_valid(const char *label);

/* True where the hexadecimal digits of `id` start with the prefix: at least 4, lower case. */
bool key_slot_matches(const uint8_t id[16], const char *id_prefix);

/* The JSON without box and check: what the box is bound to. */
enum err key_slot_head(const struct key_slot_sealed *sealed, json_t **out);
/* Reads one slot; PL_SLOT_BROKEN. */
enum err key_slot_load(struct target *target, const char *name, struct key_slot_sealed *out);
/* The slots of a target, newest first, as key_slot_list(); *out is released with mem_free. `damaged` may be NULL; slots of a later
 * version do not count. Where there are slots and none can be read, the last one's failure is returned. */
enum err key_slot_load_all(struct target *target, struct key_slot_sealed **out, size_t *count, size_t *damaged);
#endif
