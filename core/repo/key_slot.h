/* Key slots (keys/<32 hex>): the root secret under a passphrase or a recovery code; and backup key files. Both JSON.
 * slot: {"format":1, "type":"passphrase"|"recovery", "id":hex, "label":text, "created":time, "kdf":{"name":"argon2id","memory_kib":n,"passes":n,
 *  "lanes":n,"salt":hex}, "suite":n, "box":hex}; box purpose "slot", secret = Argon2id(passphrase), associated = the JSON without "box",
 *  compact and key-sorted: type, cost, label and id cannot be exchanged.
 * backup key file: {"format":1,"type":"backup","repository":hex,"suite":n,"read_key":hex,"owner_key":hex,"shared":hex,"domain":{…hex…},"writer":{"id":hex,
 *  "seed":hex},"label":text,"append_only":bool}: secret, mode 0600, refused where others can read it. */
#ifndef PULIH_REPO_KEY_SLOT_H
#define PULIH_REPO_KEY_SLOT_H

#include "core/repo/repository.h"

struct key_slot {
	uint8_t id[16];
	char type[16]; /* "passphrase" or "recovery" */
	char label[128];
	int64_t created;
	struct kdf_cost cost;
};

/* The slots of a target, without opening them. *out is released with mem_free. */
enum err key_slot_list(struct target *target, struct key_slot **out, size_t *count);
/* Seals root into a new slot and stores it. `type` as above; a recovery code is passed as its 20 bytes. */
enum err key_slot_add(struct target *target, const struct keys *keys, const char *type, const char *label, const struct kdf_cost *cost,
    const void *passphrase, size_t size, uint8_t id[16]);
/* PL_SLOT_LAST (ERR_DENIED) when it is the last one. `id_prefix`: hex, at least 4 digits, unambiguous. */
enum err key_slot_remove(struct target *target, const char *id_prefix);
/* Tries every slot with the passphrase, and as a recovery code where it parses as one. PL_PASSPHRASE_WRONG (ERR_KEY): no slot opens. */
enum err key_slot_open(struct target *target, const struct config *config, const void *passphrase, size_t size, uint8_t root[KEY_SIZE],
    uint8_t slot[16]);

/* Issues a backup key: a new writer in the config (stored), and the file's JSON in `out` (secret: wipe it). Needs a full key. */
enum err key_issue_writer(struct repository *repository, const char *domain, const char *label, bool append_only, struct buffer *out);
/* Marks a writer as revoked in the config. */
enum err key_revoke_writer(struct repository *repository, const char *id_prefix);
/* Reads a backup key file into keys. PL_KEY_FILE (ERR_KEY / ERR_CONFIG). */
enum err key_file_load(struct keys *keys, const char *path);

#endif
