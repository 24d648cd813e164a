/* Key slots (keys/<32 hex>): the root secret under a passphrase or a recovery code; and backup key files. Both JSON, slots in their
 * one canonical spelling (canonical.h). Changing a passphrase is: add a slot with the new one, then remove the old slot.
 * slot: {"format":1, "type":"passphrase"|"recovery", "id":hex, "label":text, "created":time, "kdf":{"name":"argon2id","memory_kib":n,"passes":n,
 *  "lanes":n,"salt":hex}, "suite":n, "box":hex, "check":hex}; box purpose "slot", secret = Argon2id(passphrase), associated = the JSON
 *  without "box" and "check", compact and key-sorted: type, cost, label and id cannot be exchanged. check = SHA-256 of the compact,
 *  key-sorted JSON of everything else: a damaged slot shall not be taken for a wrong passphrase. The first slots that were made have none.
 * backup key file: {"format":1,"type":"backup","repository":hex,"suite":n,"read_key":hex,"owner_key":hex,"shared":hex,"domain":
 *  {"tag":hex,"id":hex,"chunker":hex,"index":hex,"summary":hex},"writer":{"id":hex,"seed":hex},"label":text,"append_only":bool,"check":hex}: secret, mode
 *  0600, refused where others can read it. check = SHA-256 of the compact, key-sorted JSON of everything else: a key with a flipped bit would
 *  store chunks under ids that nobody finds again. */
#ifndef PULIH_REPO_KEY_SLOT_H
#define PULIH_REPO_KEY_SLOT_H

#include "core/repo/config.h"
#include "core/repo/repository.h"

struct key_slot {
	uint8_t id[KEY_SLOT_ID_SIZE];
	char type[16]; /* "passphrase" or "recovery" */
	char label[LABEL_SIZE];
	int64_t created;
	struct kdf_cost cost;
};

/* The slots of a target, newest first, without opening them. *out is released with mem_free. A slot that is damaged is warned of by name
 * and left out. PL_SLOTS (ERR_LIMIT): more than KEY_SLOTS_READ. */
enum err key_slot_list(struct target *target, struct key_slot **out, size_t *count);
/* Whether the object `name` is a slot as it must be, as far as can be told without its passphrase. PL_SLOT_BROKEN (ERR_CORRUPT) and others. */
enum err key_slot_check(struct target *target, const char *name);
/* Seals root into a new slot and stores it. `type` as above; a recovery code is passed as its 20 bytes. PL_LABEL (ERR_USAGE),
 * PL_PASSPHRASE_EMPTY, PL_KEY_FULL (ERR_KEY), PL_SLOTS (ERR_LIMIT). */
enum err key_slot_add(struct target *target, const struct keys *keys, const char *type, const char *label,
    const struct kdf_cost *cost, const void *passphrase, size_t size, uint8_t id[16]);
/* PL_SLOT_LAST (ERR_DENIED) when no undamaged slot would remain. `id_prefix`: hex, at least 4 digits, unambiguous: PL_SLOT_UNKNOWN
 * (ERR_USAGE). A damaged slot can be removed too. Where others removed theirs meanwhile and none is left, it is put back. */
enum err key_slot_remove(struct target *target, const char *id_prefix);
/* Tries the passphrase slots, newest first; before them, where it parses as a recovery code, the recovery slots with its 20 bytes.
 * PL_PASSPHRASE_WRONG (ERR_KEY): no slot opens. PL_SLOT_BROKEN (ERR_CORRUPT): none opens, and some are damaged; or there is no slot at all.
 * PL_CONFIG_BROKEN (ERR_CORRUPT): one opens, and its root is that of another repository than the config's. A slot that is damaged, or asks for
 * too much, is passed over; PL_NO_MEMORY where none opens and one asks for more than this machine has. */
enum err key_slot_open(struct target *target, const struct config *config, const void *passphrase, size_t size,
    uint8_t root[KEY_SIZE], uint8_t slot[16]);

/* Issues a backup key: a new writer in the config (stored), and the file's JSON in `out` (secret: wipe it). Needs a full key. PL_LABEL,
 * PL_DOMAIN_NAME (ERR_USAGE), PL_WRITERS (ERR_LIMIT), PL_CONFIG_CHANGED (ERR_BUSY). */
enum err key_issue_writer(
    struct repository *repository, const char *domain, const char *label, bool append_only, struct buffer *out);
/* Marks a writer as revoked in the config. `id_prefix` as above: PL_WRITER_NONE (ERR_USAGE). */
enum err key_revoke_writer(struct repository *repository, const char *id_prefix);
struct key_writer {
	uint8_t id[WRITER_ID_SIZE];
	uint8_t domain[DOMAIN_TAG_SIZE];
	bool append_only, revoked;
	char label[LABEL_SIZE];		    /* "" without a full key */
	char domain_name[DOMAIN_NAME_SIZE]; /* "" without a full key */
};
/* The writers of the config, in the order of their issue. *out is released with mem_free. */
enum err key_writers_list(const struct repository *repository, struct key_writer **out, size_t *count);

/* Reads a backup key file into keys. PL_KEY_FILE (ERR_KEY). */
enum err key_file_load(struct keys *keys, const char *path);

#endif
